//! Whether a customer asked not to be called any more.
//!
//! Wanted: whoever asks is heard, however they put it. The doubt goes the other way than for what we owe somebody:
//! a call less harms nobody, and one more to somebody who said no does. So what is merely suspicious, such as "stop"
//! near "call", counts too. Only what plainly means something else ("don't stop", "stop by tomorrow") does not.
//!
//! A sentence is compared with phrases, word by word, in whatever language it is.

/// What somebody's words come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Nothing of the kind.
    No,
    /// Perhaps they asked. Enough for a person's words, too little for a machine's.
    Perhaps,
    /// They asked.
    Yes,
}

/// Words, a blank between them. `a|b` is either, `a*` whatever begins so, `~` up to three words of any kind, and
/// `~1`, `~5` up to so many.
struct Phrase {
    words: &'static str,
    /// Not right after these.
    after: &'static [&'static str],
    /// Not right before these.
    before: &'static [&'static str],
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

const ENGLISH: &[Phrase] = &[
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
const FRENCH: &[Phrase] = &[
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

const SPANISH: &[Phrase] = &[
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
const GERMAN: &[Phrase] = &[
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
const SUSPICIOUS: &[Phrase] = &[
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
const TURNS_ROUND: &[&str] = &[
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
const GOES: &[&str] = &[
    "by", "in", "over", "at", "off", "there", "here", "on", "and", "to",
];

/// The words that carriers know, when they are all that is said.
const ALONE: &[&str] = &[
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
const BESIDE: &[&str] = &[
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

/// Listens to a customer's words, a sentence or a turn a line.
pub fn asks_to_stop(said: &str) -> Stop {
    let folded = fold(said);
    let parsed = |phrases: &'static [Phrase]| phrases.iter().map(|phrase| (parts_of(phrase), phrase));
    let languages = [ENGLISH, FRENCH, SPANISH, GERMAN];
    let clear: Vec<_> = languages.into_iter().flat_map(parsed).collect();
    let suspicious: Vec<_> = parsed(SUSPICIOUS).collect();
    let holds = |words: &[&str], phrases: &[(Vec<Part>, &Phrase)]| {
        let stands = |(parts, phrase): &(Vec<Part>, &Phrase)| {
            (0..words.len()).any(|at| stands_at(words, at, parts, phrase))
        };
        phrases.iter().any(stands)
    };
    let mut heard = Stop::No;
    for sentence in folded.split(['.', '!', '?', ';', '\n', '¿', '¡', '…']) {
        let words: Vec<&str> = sentence
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        if is_alone(&words) || holds(&words, &clear) {
            return Stop::Yes;
        }
        if holds(&words, &suspicious) {
            heard = Stop::Perhaps;
        }
    }
    heard
}

/// Lower case without accents, negations spelled out.
fn fold(said: &str) -> String {
    let mut folded = String::with_capacity(said.len());
    for letter in said.chars().flat_map(char::to_lowercase) {
        match letter {
            'à' | 'á' | 'â' | 'ä' | 'ã' | 'å' => folded.push('a'),
            'è' | 'é' | 'ê' | 'ë' => folded.push('e'),
            'ì' | 'í' | 'î' | 'ï' => folded.push('i'),
            'ò' | 'ó' | 'ô' | 'ö' | 'õ' => folded.push('o'),
            'ù' | 'ú' | 'û' | 'ü' => folded.push('u'),
            'ç' => folded.push('c'),
            'ñ' => folded.push('n'),
            'ß' => folded.push_str("ss"),
            'œ' => folded.push_str("oe"),
            '’' | 'ʼ' | '´' | '`' => folded.push('\''),
            '🛑' => folded.push_str(" stop "),
            // Of another width.
            '！'..='～' => folded.extend(char::from_u32(letter as u32 - 0xFEE0)),
            // An accent that stands by itself.
            '\u{300}'..='\u{36f}' => {}
            other => folded.push(other),
        }
    }
    for (written, spelled) in [
        ("can't", "can not"),
        ("won't", "will not"),
        ("cannot", "can not"),
        ("n't", " not"),
        ("dont ", "do not "),
        ("opt-out", "optout"),
    ] {
        folded = folded.replace(written, spelled);
    }
    folded
}

/// Whether a sentence is one of the carriers' words, said politely or not.
fn is_alone(words: &[&str]) -> bool {
    let is_said = words.iter().any(|word| ALONE.contains(word));
    let may_have = |word: &&str| match *word {
        // "Stop it"; but "cancel that" is about something else.
        "it" | "that" | "this" => words.contains(&"stop") || words.contains(&"quit"),
        word => ALONE.contains(&word) || BESIDE.contains(&word),
    };
    is_said && words.iter().all(may_have)
}

/// A word of a phrase, or a place for others.
enum Part {
    Word(Vec<&'static str>),
    Gap(usize),
}

fn parts_of(phrase: &Phrase) -> Vec<Part> {
    let part = |written: &'static str| match written.strip_prefix('~') {
        Some(most) => Part::Gap(most.parse().unwrap_or(3)),
        None => Part::Word(written.split('|').collect()),
    };
    phrase.words.split(' ').map(part).collect()
}

fn stands_at(words: &[&str], at: usize, parts: &[Part], phrase: &Phrase) -> bool {
    let (before, rest) = words.split_at(at);
    let goes_there = matches!(rest, ["stop" | "stopping", next, ..] if GOES.contains(next));
    let is_turned = |entry: &&str| before.ends_with(&entry.split(' ').collect::<Vec<_>>());
    !goes_there && follows(rest, parts, phrase.before) && !phrase.after.iter().any(is_turned)
}

fn follows(words: &[&str], parts: &[Part], not_before: &[&str]) -> bool {
    match parts.split_first() {
        None => {
            let is_turned = |entry: &&str| words.starts_with(&entry.split(' ').collect::<Vec<_>>());
            !not_before.iter().any(is_turned)
        }
        Some((Part::Gap(most), parts)) => (0..=(*most).min(words.len()))
            .take_while(|skipped| *skipped == 0 || !TURNS_ROUND.contains(&words[skipped - 1]))
            .any(|skipped| follows(&words[skipped..], parts, not_before)),
        Some((Part::Word(choices), parts)) => {
            let is_meant = |word: &str| {
                choices.iter().any(|choice| match choice.strip_suffix('*') {
                    Some(start) => word.starts_with(start),
                    None => word == *choice,
                })
            };
            matches!(words.split_first(), Some((word, rest)) if is_meant(word) && follows(rest, parts, not_before))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKS: &[&str] = &[
        "Stop calling me.",
        "stop calling",
        "Please don't call me any more.",
        "Please do not call me anymore",
        "Don't call me again.",
        "Don’t ever call me again!",
        "Take me off your list.",
        "Take me off the list, please.",
        "Take my name off your list",
        "Take my number off",
        "Get me off this list.",
        "Remove me from your list.",
        "Please remove my number from your system.",
        "Delete my number.",
        "Could you delete this phone number?",
        "Stop.",
        "STOP!",
        "Please stop.",
        "Stop, stop, stop.",
        "I said stop.",
        "Stop it.",
        "ＳＴＯＰ",
        "🛑",
        "Unsubscribe.",
        "Unsubscribe me, please.",
        "I want to unsubscribe",
        "opt out",
        "Opt me out.",
        "I'd like to opt-out of this.",
        "Stopall",
        "Cancel.",
        "Quit.",
        "End.",
        "Revoke.",
        "Remove.",
        "Hello? Yes. Quit calling me, I'm at work.",
        "Can you stop calling here?",
        "Why don't you stop calling me?",
        "You won't stop calling me!",
        "I told you to stop calling.",
        "Would you please stop phoning my mother's house?",
        "Stop ringing me up.",
        "Stop contacting me.",
        "Stop texting me.",
        "Stop bothering us.",
        "Stop harassing me.",
        "You have to stop these calls.",
        "How do I stop the calls?",
        "Can we stop these daily calls?",
        "Stop with all these calls.",
        "I want the calls to stop.",
        "These calls must stop.",
        "This calling has to stop.",
        "Make these calls stop.",
        "Please cancel my calls.",
        "I'd like to end these calls.",
        "Please discontinue the calls.",
        "Cease and desist calling this number.",
        "Never call me again.",
        "Never call this number again.",
        "Never ever call me back.",
        "Don't you dare call me again.",
        "Do not contact me.",
        "Do not phone here again.",
        "Don't text me.",
        "Don't bother me again.",
        "Don't ring me.",
        "Please don't call before ten.",
        "You don't call me again, understood?",
        "I don't want to be called.",
        "I do not want you to call me.",
        "I don't want you calling me every day.",
        "I don't want any more calls.",
        "I don't want these phone calls.",
        "I really don't want calls from you.",
        "I no longer want these calls.",
        "I no longer wish to receive calls.",
        "I don't need your calls.",
        "I don't need you to call me every day.",
        "I never wanted calls, and I never want calls again.",
        "I do not consent to these calls.",
        "I never agree to being contacted like this.",
        "I'd rather you didn't call.",
        "I'd prefer not to be called.",
        "Would you mind not calling me?",
        "I asked you not to call.",
        "I already told you people not to call me.",
        "I'd like you not to contact me.",
        "I asked not to be disturbed.",
        "You can't call me here.",
        "You may not call this number.",
        "You should not call me anymore.",
        "You are not allowed to call me.",
        "Call me no more.",
        "No more calls.",
        "No more calls, please!",
        "No more phone calls.",
        "No phone calls, thank you.",
        "No calls please.",
        "Please no calls.",
        "Put me on your do not call list.",
        "I'm on the do-not-call registry.",
        "Leave me alone.",
        "Just leave us alone!",
        "Lose my number.",
        "Forget this number.",
        "Block my number.",
        "I withdraw my consent.",
        "I revoke my consent to this.",
        "Take me off.",
        "I want to cancel.",
        "No longer call me.",
        "dont call me",
        "Okay, well, um, please just stop now.",
        "Arrêtez de m'appeler.",
        "arrête d'appeler ici",
        "Cessez de me téléphoner.",
        "Ne m'appelez plus.",
        "Ne m’appelez plus jamais !",
        "M'appelez plus.",
        "Ne me contactez plus.",
        "Ne m'appelez pas.",
        "Ne me rappelez plus.",
        "Merci de ne plus m'appeler.",
        "Je vous demande de ne pas m'appeler.",
        "Je ne veux plus que vous m'appeliez.",
        "Je ne souhaite plus recevoir vos appels.",
        "Je ne veux plus être appelé.",
        "Je ne veux pas être dérangée.",
        "Plus d'appels, s'il vous plaît.",
        "Retirez-moi de votre liste.",
        "Enlevez mon numéro.",
        "Supprimez mon numéro de votre liste.",
        "Désabonnez-moi.",
        "Je veux me désinscrire.",
        "Laissez-moi tranquille.",
        "Fichez-moi la paix.",
        "Arrêt.",
        "ARRET",
        "No me llame más.",
        "¡No me llamen!",
        "No me vuelva a llamar.",
        "No vuelvan a llamarme.",
        "Nunca más me llamen.",
        "No quiero que me llamen.",
        "No quiero recibir más llamadas.",
        "No quiero más llamadas.",
        "Deje de llamarme.",
        "Paren de llamar.",
        "Basta de llamadas.",
        "Quíteme de su lista.",
        "Borre mi número.",
        "Elimine mi número de teléfono.",
        "Déjenme en paz.",
        "Quiero darme de baja.",
        "No me molesten.",
        "Basta.",
        "Rufen Sie mich nicht mehr an.",
        "Ruf mich nie wieder an!",
        "Rufen Sie hier bitte nicht mehr an.",
        "Rufen Sie mich nicht an.",
        "Hören Sie auf, mich anzurufen.",
        "Hör auf anzurufen",
        "Bitte nicht mehr anrufen.",
        "Ich möchte nicht mehr angerufen werden.",
        "Ich will nicht angerufen werden.",
        "Keine Anrufe mehr.",
        "Ich will keine weiteren Anrufe.",
        "Streichen Sie mich von der Liste.",
        "Löschen Sie meine Nummer.",
        "Nehmen Sie mich von der Liste.",
        "Lassen Sie mich in Ruhe.",
        "Ich möchte mich abmelden.",
        "Stellen Sie die Anrufe ein.",
        "Stopp.",
        "Aufhören!",
    ];
    const PERHAPS_ASKS: &[&str] = &[
        "I want to cancel my subscription.",
        "Can we stop this call here?",
        "Stop, my phone is dying.",
        "If that number is wrong, remove it.",
        "Cancel today's call.",
        "Was my number removed?",
        "Let's stop, I have another call.",
        "Oh piss off.",
    ];
    const DOES_NOT_ASK: &[&str] = &[
        "",
        "Hello?",
        "Yes, this is Ann. Who is this?",
        "Stop by tomorrow.",
        "I'll stop by and call you then.",
        "We could stop at the phone shop.",
        "I can't stop laughing.",
        "Don't stop.",
        "Please don't stop calling me.",
        "Don't stop calling, I like it.",
        "I don't want you to stop calling.",
        "I don't want the calls to stop.",
        "I can't stop talking, sorry.",
        "I was at the bus stop.",
        "I was waiting at the bus stop when you called.",
        "It's a non-stop flight.",
        "Full stop.",
        "The pain won't stop.",
        "My headaches have stopped, thank you.",
        "It stopped raining.",
        "Why did you stop calling me?",
        "Did you stop the program?",
        "Call me back later.",
        "Call me tomorrow.",
        "Can you call me at ten?",
        "You can call me any time.",
        "Please call me again.",
        "I did not call you.",
        "I didn't call anybody.",
        "I can't call you back right now.",
        "I won't call again today.",
        "I do not call people on Sundays.",
        "You never call me.",
        "Nobody called.",
        "You have not called me yet.",
        "Why haven't you called?",
        "I don't want to miss your call.",
        "I don't mind the calls.",
        "Sorry, I could not take your call.",
        "I'm not calling about that.",
        "It doesn't ring a bell.",
        "Those names do not ring a bell.",
        "Don't call him that.",
        "I have no more calls today.",
        "I got no phone calls.",
        "What is your number?",
        "I changed my number.",
        "Take my number down.",
        "I'll get my phone.",
        "Can you take me off hold?",
        "Take me off speaker.",
        "Put me on the list.",
        "Is my name on the list?",
        "I forget my number.",
        "I don't want to unsubscribe.",
        "Don't remove me.",
        "I'd like to remove the stain.",
        "The doctor will remove my tooth.",
        "Cancel my appointment with the dentist.",
        "In the end it was fine.",
        "The end of the month.",
        "I quit smoking.",
        "She quit her job.",
        "I'm not interested in sports.",
        "Leave it alone.",
        "No, no, everything is all right.",
        "That's a good point.",
        "I want to end on a good note.",
        "Let's go on.",
        "Appelez-moi plus tard.",
        "Rappelez-moi plus souvent.",
        "Je n'arrête pas de rire.",
        "N'arrêtez pas de m'appeler.",
        "Je ne vous ai pas appelé.",
        "Je ne veux pas manquer votre appel.",
        "L'arrêt de bus est loin.",
        "Vous ne m'appelez pas souvent.",
        "Personne ne m'appelle pas.",
        "Llámeme más tarde.",
        "No me llamo Juan.",
        "No me llamaron ayer.",
        "No deje de llamarme.",
        "No quiero perder su llamada.",
        "Para mañana está bien.",
        "Ich habe nicht angerufen.",
        "Rufen Sie mich morgen an.",
        "Warum rufen Sie mich nicht an?",
        "Hören Sie nicht auf, mich anzurufen.",
        "Ich habe keine Anrufe bekommen.",
        "Ich höre Sie nicht.",
        "Meine Nummer ist neu.",
    ];

    #[test]
    fn whoever_asks_is_heard_in_four_languages() {
        let unheard: Vec<_> = ASKS
            .iter()
            .filter(|said| asks_to_stop(said) != Stop::Yes)
            .collect();
        assert_eq!(unheard, [&""; 0]);
    }

    #[test]
    fn a_suspicion_is_known_as_one() {
        let other = PERHAPS_ASKS.iter().map(|said| (said, asks_to_stop(said)));
        let other: Vec<_> = other.filter(|(_, heard)| *heard != Stop::Perhaps).collect();
        assert_eq!(other, []);
    }

    #[test]
    fn whoever_means_something_else_is_called_on() {
        let misheard = DOES_NOT_ASK.iter().map(|said| (said, asks_to_stop(said)));
        let misheard: Vec<_> = misheard.filter(|(_, heard)| *heard != Stop::No).collect();
        assert_eq!(misheard, []);
    }

    #[test]
    fn a_request_is_heard_wherever_in_a_conversation_it_is_made() {
        let talk = DOES_NOT_ASK.join("\n");
        assert_eq!(asks_to_stop(&talk), Stop::No);
        for asked in ASKS {
            assert_eq!(
                asks_to_stop(&format!("{talk}\n{asked}\n{talk}")),
                Stop::Yes,
                "{asked}"
            );
        }
    }

    #[test]
    fn an_hour_of_anything_is_listened_to_in_no_time() {
        let words = ["stop ", "call ", "not ", "a ", "want ", "~ ", "🛑", "\u{301}"];
        for word in words {
            let _ = asks_to_stop(&word.repeat(16 * 1024 / word.len()));
        }
    }
}
