//! What people say who want to be left alone, and what only sounds like it.

/// Words, a blank between them. `a|b` is either, `a*` whatever begins so, `~` up to three words of any kind, and
/// `~1`, `~5` up to so many.
pub(super) struct Phrase {
    pub(super) words: &'static str,
    /// Not right after these.
    pub(super) after: &'static [&'static str],
    /// Not right before these.
    pub(super) before: &'static [&'static str],
}

const fn said(words: &'static str) -> Phrase {
    Phrase {
        words,
        after: &[],
        before: &[],
    }
}

const fn unless(
    words: &'static str,
    after: &'static [&'static str],
    before: &'static [&'static str],
) -> Phrase {
    Phrase { words, after, before }
}

/// What does not stop: a negation, a question about what is over, and a place where buses do.
const NO_END: &[&str] = &[
    "do not",
    "does not",
    "can not",
    "could not",
    "must not",
    "should not",
    "did not",
    "please not",
    "not to",
    "not want you to",
    "did you",
    "did they",
    "did he",
    "did she",
    "have you",
    "a",
    "the",
    "bus",
    "non",
    "full",
    "pit",
    "truck",
    "next",
];
/// Who else may not be calling.
const SOMEBODY_ELSE: &[&str] = &[
    "i", "we", "they", "he", "she", "it", "you", "who", "that", "people", "friends",
];
const NOT_THE_SPEAKER: &[&str] = &["him", "her", "them", "it", "yourself", "911", "a", "any"];
const DENIED: &[&str] = &["not", "not want to", "never", "nicht", "pas", "no"];
const HAD: &[&str] = &[
    "have", "had", "has", "got", "get", "received", "were", "are", "been",
];
const SOMETHING_ELSE: &[&str] = &[
    "hold",
    "speaker",
    "speakerphone",
    "mute",
    "work",
    "here",
    "guard",
    "of here",
];

pub(super) const ENGLISH: &[Phrase] = &[
    unless(
        "stop|quit|cease|discontinue|halt|stopping ~ calling|ringing|phoning|telephoning|contacting|texting|messaging|dialing|dialling|bothering|harassing|pestering|disturbing|calls|robocalls",
        NO_END,
        &[],
    ),
    unless("end|cancel ~ calls|calling", NO_END, &[]),
    unless(
        "calls|calling ~2 to|must|should|please|be stop|stopped|cease|end|ended|cancelled|canceled",
        &["not want the", "not want your", "not want these", "not want my"],
        &[],
    ),
    unless("make|have|get|let ~ calls|calling stop|stopped", NO_END, &[]),
    unless(
        "do not call|phone|telephone|contact|text|message|dial|disturb",
        SOMEBODY_ELSE,
        NOT_THE_SPEAKER,
    ),
    unless(
        "do not ever|please|even|dare|you|try|be|keep ~1 call|phone|telephone|contact|text|message|dial|ring|calling|phoning",
        SOMEBODY_ELSE,
        NOT_THE_SPEAKER,
    ),
    unless(
        "do not ring|bother|harass me|us|here|this|again|my|anymore",
        SOMEBODY_ELSE,
        &[],
    ),
    unless(
        "never ~1 call|phone|telephone|contact|text|message|ring|dial me|us|here|again|this|my|anymore|back",
        SOMEBODY_ELSE,
        &[],
    ),
    said("you do not|never ~ call|phone|contact|ring ~ again|anymore|more"),
    said("no longer call|calling|phone|contact|ring me|us|here|this"),
    unless(
        "not|longer|never ~1 want|wish|need|like|appreciate|consent|agree ~5 calls|calling|called|phoned|phoning|contacted|contacting|bothered|disturbed|ringing|texts|texting",
        &[],
        &["to stop", "to end", "me names", "it", "sick"],
    ),
    said(
        "not|longer|never ~1 want|wish|need you|anybody|anyone|somebody|people|them to ~2 call|phone|telephone|contact|ring|text|bother",
    ),
    said("not|longer|never ~1 want|wish|need ~1 call|phone call from you"),
    said(
        "mind|prefer|preferred|rather|asked|told|ask|asking|tell|telling|request|requested|demand|insist|wish|like|better|appreciate ~4 not call|calling|phone|phoning|contact|contacting|ring|ringing|called|contacted|phoned",
    ),
    said(
        "mind|prefer|preferred|rather|asked|told|ask|asking|tell|telling|request|requested|demand|insist|wish|like|better|appreciate ~4 not to|be|being|get ~1 call|called|phone|phoned|contact|contacted|ring|disturbed|bothered",
    ),
    said("please not|no call|calls|calling|phone"),
    said("not to be called|contacted|phoned|disturbed|bothered"),
    unless(
        "can|may|should|must|shall|will|would|might not call|phone|telephone|contact|ring|text me|us|here|again|anymore|this|my",
        &["i", "we", "they", "he", "she", "it"],
        &[],
    ),
    said("not allowed|permitted|authorized|authorised|welcome to call|phone|contact|ring"),
    said("call|phone|ring|contact|bother me|us|here no more|longer"),
    unless("no more ~1 calls|calling|texts|messages", HAD, &[]),
    unless("no phone calls|calling", HAD, &[]),
    said("no calls please"),
    unless(
        "take|get|keep|strike|scratch|pull|knock|cross ~1 me|us|number|name|phone ~ off|out",
        &["not"],
        SOMETHING_ELSE,
    ),
    unless(
        "remove|delete|erase|removed|deleted|erased me|us|from",
        DENIED,
        &[],
    ),
    unless(
        "remove|delete|erase ~2 number|name|phone|details|information|contact",
        DENIED,
        &[],
    ),
    unless(
        "lose|forget|block ~1 number",
        &["i", "not", "we", "you", "did"],
        &[],
    ),
    unless("unsubscribe|stopall|optout", DENIED, &[]),
    unless("opt|opting ~1 out", DENIED, &[]),
    said("leave me|us alone|be"),
    said("withdraw|revoke ~2 consent|permission|authorization|authorisation"),
];

/// Here the apostrophe parts words: `m'appelez` is two.
pub(super) const FRENCH: &[Phrase] = &[
    unless(
        "arret|arretez|arrete|arreter|cessez|cesse|cesser ~ appel*|telephon*|contact*|derang*|harcel*",
        &["n", "ne", "j", "ne pas", "pas"],
        &[],
    ),
    unless(
        "m|me|nous appel*|telephon*|contact*|derang*|rappel*|harcel* plus|pas|jamais",
        &[
            "il",
            "elle",
            "on",
            "il ne",
            "elle ne",
            "on ne",
            "ils ne",
            "elles ne",
            "personne ne",
            "qui ne",
        ],
        &["tard", "souvent", "tot", "vite", "longtemps"],
    ),
    said("ne plus|jamais ~ appel*|rappel*|contact*|derang*|telephon*"),
    said("ne pas|plus ~1 etre ~1 appel*|contact*|derang*"),
    said("ne pas m|me|nous appeler|telephoner|contacter|rappeler|deranger"),
    said(
        "veux|voudrais|souhaite|desire|veut|souhaitons|voulons plus|pas ~5 appel*|contact*|derang*|telephon*",
    ),
    unless(
        "plus d|de|aucun|un appel|appels",
        &["avoir", "voudrais", "veux", "recevoir"],
        &[],
    ),
    unless(
        "retirez|retire|retirer|enlevez|enleve|enlever|supprimez|supprime|supprimer|effacez|efface|effacer|rayez|raye|rayer|radiez ~ moi|numero|liste|nom|coordonnees",
        &["ne", "ne pas", "pas"],
        &[],
    ),
    unless("desabonn*|desinscri*", &["pas", "ne pas me", "pas me"], &[]),
    said("laissez|laisse moi|nous tranquille|tranquilles|en"),
    said("fichez|foutez|fiche|fous moi|nous la paix"),
];

pub(super) const SPANISH: &[Phrase] = &[
    said(
        "no me|nos llame|llamen|llames|contacte|contacten|contactes|moleste|molesten|molestes|telefonee|telefoneen|marque|marquen|marques",
    ),
    said("no ~1 vuelva|vuelvan|vuelvas ~1 a llamar*|contactar*|molestar*|marcar*"),
    said("no llame|llamen|llames"),
    said("nunca mas ~1 llame|llamen|llames|llamar*"),
    said(
        "no quiero|deseo|queremos|quisiera|necesito ~5 llame|llamen|llames|llamada|llamadas|llamando|contacten|molesten",
    ),
    said("no mas llamada|llamadas"),
    said("ni una llamada mas"),
    unless(
        "deje|dejen|deja|dejad|pare|paren|para|parad|basta de ~1 llamar*|llamad*|molestar*|contactar*|marcar*",
        &["no"],
        &[],
    ),
    unless(
        "quit*|borr*|elimin*|saqu*|sacame ~4 lista|numero|nombre|telefono|datos",
        &["no"],
        &[],
    ),
    said("dejeme|dejenme|dejame|dejennos en paz"),
    unless("deme|dame|denme|darme|dar de baja", &["no"], &[]),
];

/// Vowels without their dots.
pub(super) const GERMAN: &[Phrase] = &[
    said("hor|hore|hort|horen ~2 auf ~ anzuruf*|anruf*|telefonier*|kontaktier*"),
    said("aufhoren ~ anzuruf*|anruf*"),
    said("ruf|rufe|rufen|ruft ~4 nicht|nie|niemals mehr|wieder|nochmal ~1 an"),
    unless(
        "ruf|rufe|rufen|ruft ~1 mich|uns|hier|da ~1 nicht an",
        &["warum", "wieso", "weshalb", "wenn", "ich", "wir"],
        &[],
    ),
    said("nicht mehr ~2 anruf*|angerufen|anzurufen|kontaktier*|belastig*|storen|gestort"),
    said("nie|niemals wieder|mehr ~2 anruf*|angerufen|anzurufen|kontaktier*"),
    said("nicht angerufen|kontaktiert|belastigt|gestort werden"),
    said("nicht anrufen"),
    unless(
        "keine|keinen ~2 anruf|anrufe|anrufen",
        &[],
        &["bekommen", "erhalten", "gehabt", "verpasst"],
    ),
    unless(
        "streich*|losch*|entfern*|nehmen|nimm|nehmt ~4 nummer|telefonnummer|liste|verteiler|mich",
        &["nicht"],
        &["mit", "ernst"],
    ),
    said("lassen|lass|lasst ~1 mich|uns ~1 in ruhe"),
    unless("abmelden|austragen|abbestell*|abgemeldet", &["nicht"], &[]),
    said("anrufe ~2 einstellen|stoppen|beenden|unterlassen"),
    said("stellen|stoppen|unterlassen|beenden ~ anrufe"),
];

/// Suspicious, and no more than that.
pub(super) const SUSPICIOUS: &[Phrase] = &[
    unless(
        "stop|stopping|stopped|remove|removed|removing|unsubscribe|unsubscribed|quit|cease|cancel|opt ~5 call|calls|called|calling|caller|phone|number|numbers|list|ring|ringing|contact",
        NO_END,
        &[],
    ),
    unless(
        "call|calls|called|calling|phone|number|numbers|list ~4 stop|stopping|remove|removed|unsubscribe|quit|cease",
        &["not want the", "not want your", "not want these", "not want my"],
        &["by", "in", "over", "at", "off", "sign", "light"],
    ),
    unless(
        "cancel|end ~2 subscription|membership|service|program|plan",
        NO_END,
        &[],
    ),
    unless("want|like|need|wish to cancel|unsubscribe|quit", &["not"], &[]),
    said("fuck|piss|bugger off"),
];

/// Of what stands between two words of a phrase, this turns its meaning round.
pub(super) const TURNS_ROUND: &[&str] = &[
    "miss",
    "missing",
    "lose",
    "losing",
    "stop",
    "stopping",
    "by",
    "manquer",
    "rater",
    "arreter",
    "arretiez",
    "perder",
    "perderme",
    "dejen",
    "deje",
    "nicht",
    "verpassen",
];
/// Where somebody goes who stops by.
pub(super) const GOES: &[&str] = &[
    "by", "in", "over", "at", "off", "there", "here", "on", "and", "to",
];

/// The words that carriers know, when they are all that is said.
pub(super) const ALONE: &[&str] = &[
    "stop",
    "stopall",
    "unsubscribe",
    "end",
    "quit",
    "revoke",
    "optout",
    "cancel",
    "remove",
    "td",
    "arret",
    "arrete",
    "arretez",
    "alto",
    "pare",
    "paren",
    "basta",
    "stopp",
    "aufhoren",
    "cease",
];
/// What may stand beside them.
pub(super) const BESIDE: &[&str] = &[
    "please",
    "now",
    "just",
    "ok",
    "okay",
    "yes",
    "no",
    "hey",
    "well",
    "um",
    "uh",
    "oh",
    "hello",
    "hi",
    "i",
    "said",
    "want",
    "to",
    "would",
    "d",
    "like",
    "you",
    "must",
    "need",
    "right",
    "thanks",
    "thank",
    "sir",
    "all",
    "me",
    "us",
    "and",
    "por",
    "favor",
    "bitte",
    "s",
    "il",
    "vous",
    "te",
    "plait",
    "ya",
    "jetzt",
    "maintenant",
    "already",
    "enough",
];
