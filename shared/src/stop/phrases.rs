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
pub(super) const NO_END: &[&str] = &[
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
    "time do you",
    "when do you",
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
/// What is not to be written is a thing, and not to anybody.
const NOT_YET: &[&str] = &[
    "the", "that", "it", "yet", "until", "till", "unless", "if", "when", "back",
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
        "stop|quit|cease|discontinue|halt|stopping ~ calling|ringing|phoning|telephoning|contacting|texting|messaging|emailing|mailing|writing|spamming|whatsapping|dialing|dialling|bothering|harassing|pestering|disturbing|calls|robocalls|texts|messages|emails|mails|sms|spam|newsletters|advertising|ads",
        NO_END,
        &[],
    ),
    // "Stop sending my parcels there" is about something else.
    unless(
        "stop|quit|cease|discontinue|halt|stopping sending ~5 texts|messages|emails|mails|sms|spam|newsletters|advertising|ads|message|text|email|reminders|notifications|stuff|anything|things|crap|shit",
        NO_END,
        &[],
    ),
    unless(
        "stop|quit|cease|halt|stopping sending me|us this|these|those|that|all|so",
        NO_END,
        &[],
    ),
    unless(
        "end|cancel ~ calls|calling|texts|texting|messages|emails|sms",
        NO_END,
        &[],
    ),
    unless(
        "calls|calling|texts|texting|messages|emails|spam ~2 to|must|should|please|be stop|stopped|cease|end|ended|cancelled|canceled",
        &["not want the", "not want your", "not want these", "not want my"],
        &[],
    ),
    unless(
        "make|have|get|let ~ calls|calling|texts|texting|messages|emails|spam stop|stopped",
        NO_END,
        &[],
    ),
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
        "do not ~1 write|email|mail|sms|whatsapp|spam ~1 me|us|here|again|anymore|more",
        SOMEBODY_ELSE,
        NOT_YET,
    ),
    unless(
        "never ~1 write|email|mail|sms|whatsapp|spam ~1 me|us|here|again|anymore|more",
        SOMEBODY_ELSE,
        NOT_YET,
    ),
    unless(
        "do not ever|please|even|dare|you|try|be|keep ~1 write|writing|email|emailing|mail|mailing|texting|messaging|spam|spamming ~1 me|us|here|again|anymore",
        SOMEBODY_ELSE,
        NOT_YET,
    ),
    unless(
        "do not ~2 send ~4 texts|messages|emails|mails|sms|spam|newsletters|advertising|ads|message|text|email|anything|stuff",
        SOMEBODY_ELSE,
        &[],
    ),
    unless(
        "never ~2 send ~4 texts|messages|emails|mails|sms|spam|newsletters|advertising|ads|message|text|email|anything|stuff",
        SOMEBODY_ELSE,
        &[],
    ),
    unless(
        "no longer write|text|message|email|mail|send me|us|here|this",
        &[],
        &[],
    ),
    // Who does not like texts may like calls.
    unless(
        "not|longer|never ~1 want|wish|need|consent|agree ~5 texted|messages|messaging|messaged|emails|emailed|emailing|mails|sms|spam|newsletters|advertising",
        &[],
        &["to stop", "to end"],
    ),
    said("never|not|longer ~1 want|wish|need|like|care to hear|read from you"),
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
        "not|longer|never ~1 want|wish|need you|anybody|anyone|somebody|people|them to ~2 call|phone|telephone|contact|ring|text|bother|write|message|email|mail|sms|spam",
    ),
    said("not|longer|never ~1 want|wish|need ~1 call|phone call from you"),
    said(
        "mind|prefer|preferred|rather|asked|told|ask|asking|tell|telling|request|requested|demand|insist|wish|like|better|appreciate ~4 not call|calling|phone|phoning|contact|contacting|ring|ringing|called|contacted|phoned",
    ),
    said(
        "mind|prefer|preferred|rather|asked|told|ask|asking|tell|telling|request|requested|demand|insist|wish|like|better|appreciate ~4 not to|be|being|get ~1 call|called|phone|phoned|contact|contacted|ring|disturbed|bothered",
    ),
    // Who would rather not text may want to be called.
    said(
        "mind|prefer|preferred|rather|asked|told|ask|asking|tell|telling|request|requested|demand|insist|wish|like|better|appreciate ~1 you|them|everybody ~2 not|stop ~1 text|texting|texted|write|writing|wrote|message|messaging|messaged|email|emailing|emailed|mail|spam",
    ),
    said("mind not texting|messaging|writing|emailing|mailing|spamming"),
    said("please not|no call|calls|calling|phone|text|texts|texting|messages|emails|sms|spam"),
    said("not to be called|contacted|phoned|disturbed|bothered|texted|messaged|emailed|written"),
    unless(
        "can|may|should|must|shall|will|would|might not call|phone|telephone|contact|ring|text|write|message|email|mail me|us|here|again|anymore|this|my",
        &["i", "we", "they", "he", "she", "it"],
        &[],
    ),
    said(
        "not allowed|permitted|authorized|authorised|welcome to call|phone|contact|ring|text|write|message|email|mail",
    ),
    said("call|phone|ring|contact|bother|text|write|message|email me|us|here no more|longer"),
    said("write ~1 to me|us no more|longer"),
    unless(
        "no more ~1 calls|calling|texts|texting|messages|messaging|emails|emailing|mails|sms|spam|writing",
        HAD,
        &[],
    ),
    unless("no phone calls|calling", HAD, &[]),
    said("no calls|texts|messages|emails|sms|spam|texting please"),
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
        "arret|arretez|arrete|arreter|cessez|cesse|cesser ~ appel*|telephon*|contact*|derang*|harcel*|ecrire|spammer|messages|sms|textos|texto|mails|emails|courriels|spam|spams|pub|pubs|publicite|publicites",
        NOT_ENDED,
        &[],
    ),
    unless(
        "arret|arretez|arrete|arreter|cessez|cesse|cesser ~ envoyer|envois ~3 messages|sms|textos|texto|mails|emails|courriels|spam|spams|pub|pubs|publicite|publicites|message|rien|ca|cela|tout",
        NOT_ENDED,
        &[],
    ),
    unless(
        "stop|stoppez aux|les|vos|tes|ces|avec|a ~2 appels|messages|sms|textos|texto|mails|emails|courriels|spam|spams|pub|pubs|publicite|publicites",
        &["n", "ne"],
        &[],
    ),
    unless(
        "m|me|nous appel*|telephon*|contact*|derang*|rappel*|harcel*|ecri*|recri*|spam* plus|pas|jamais",
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
            "pourquoi ne",
            "pourquoi vous ne",
            "pourquoi tu ne",
        ],
        &["tard", "souvent", "tot", "vite", "longtemps"],
    ),
    said(
        "m|me|nous envo* plus|pas|jamais ~2 messages|sms|textos|texto|mails|emails|courriels|spam|spams|pub|pubs|publicite|publicites|message|rien|ca|cela",
    ),
    said("ne plus|jamais ~ appel*|rappel*|contact*|derang*|telephon*|ecri*"),
    said(
        "ne plus|pas|jamais ~ envo* ~2 messages|sms|textos|texto|mails|emails|courriels|spam|spams|pub|pubs|publicite|publicites|message|rien",
    ),
    said("ne pas|plus ~1 etre ~1 appel*|contact*|derang*"),
    said("ne pas m|me|nous appeler|telephoner|contacter|rappeler|deranger|ecrire"),
    said(
        "veux|voudrais|souhaite|desire|veut|souhaitons|voulons plus|pas ~5 appel*|contact*|derang*|telephon*|ecriviez|ecrives|ecrivent|messages|sms|textos|texto|mails|emails|courriels|spam|spams|pub|pubs|publicite|publicites",
    ),
    unless(
        "plus d|de|aucun|un appel|appels|message|messages|sms|textos|texto|mails|emails|courriels|spam|spams|pub|pubs|publicite|publicites",
        &[
            "avoir", "voudrais", "veux", "recevoir", "ai", "as", "a", "avons", "avez", "ont",
        ],
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
        "no me|nos llame|llamen|llames|contacte|contacten|contactes|moleste|molesten|molestes|telefonee|telefoneen|marque|marquen|marques|escriba|escriban|escribas|escribais|textee|texteen|textees",
    ),
    said(
        "no ~1 mande|manden|mandes|envie|envien|envies ~3 mensaje|mensajes|sms|textos|correos|emails|publicidad|propaganda|spam|nada",
    ),
    said(
        "no ~1 vuelva|vuelvan|vuelvas ~1 a llamar*|contactar*|molestar*|marcar*|escribir*|textear*|mandarme|mandarnos|enviarme|enviarnos",
    ),
    said("no llame|llamen|llames|escriba|escriban|escribas"),
    said("nunca mas ~1 llame|llamen|llames|llamar*|escriba|escriban|escribas|escribir*"),
    said("nunca mas me|nos mande|manden|mandes|envie|envien|envies"),
    said(
        "no quiero|deseo|queremos|quisiera|necesito ~5 llame|llamen|llames|llamada|llamadas|llamando|contacten|molesten|escriba|escriban|escribas|mensajes|sms|textos|correos|publicidad|propaganda|spam",
    ),
    said("no quiero|deseo|queremos que ~1 me|nos manden|mande|mandes|envien|envie|envies mas|nada"),
    said("no mas llamada|llamadas|mensaje|mensajes|sms|textos|correos|emails|publicidad|propaganda|spam"),
    said("ni una|un llamada|mensaje|sms|texto|correo mas"),
    unless(
        "deje|dejen|deja|dejad|pare|paren|para|parad|basta de ~1 llamar*|llamad*|molestar*|contactar*|marcar*|escribir*|textear*|mensaj*|sms|spam|publicidad|mandarme|mandarnos|enviarme|enviarnos",
        &["no"],
        &[],
    ),
    unless(
        "deje|dejen|deja|dejad|pare|paren|para|parad|basta de mandar|enviar ~3 mensaje|mensajes|sms|textos|correos|emails|publicidad|propaganda|spam",
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
    said(
        "hor|hore|hort|horen ~2 auf ~ anzuruf*|anruf*|telefonier*|kontaktier*|schreiben|anzuschreiben|texten|belastig*|nerven|nachricht|nachrichten|textnachrichten|sms|mails|emails|werbung|newsletter|spam",
    ),
    said(
        "aufhoren ~ anzuruf*|anruf*|schreiben|anzuschreiben|nachricht|nachrichten|textnachrichten|sms|mails|emails|werbung|newsletter|spam",
    ),
    unless(
        "schreib|schreibe|schreiben|schreibt ~4 nicht|nie|niemals mehr|wieder|nochmal",
        &["warum", "wieso", "weshalb", "wenn", "ich", "wir", "sie", "er"],
        &[],
    ),
    unless(
        "schreib|schreibe|schreiben|schreibt|sie mir|uns nicht",
        &[
            "warum",
            "wieso",
            "weshalb",
            "wenn",
            "ich",
            "wir",
            "er",
            "warum schreiben",
            "wieso schreiben",
            "weshalb schreiben",
            "wenn",
        ],
        &["alles", "so", "viel", "genug", "zuruck"],
    ),
    unless(
        "schreib|schreibe|schreiben|schreibt|sie mir|uns bitte nicht",
        &[],
        &[],
    ),
    unless(
        "nicht mehr ~2 schreiben|anschreiben|angeschrieben|texten",
        &["kann", "kannst", "konnen", "konnte", "will", "darf"],
        &[],
    ),
    said("nichts|nix mehr ~1 schick*|send*|zusend*|zuschick*|schreib*"),
    said("nicht anschreiben|angeschrieben"),
    said("kontaktier*|belastig* ~2 mich|uns ~1 nicht"),
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
        "keine|keinen ~2 anruf|anrufe|anrufen|nachricht|nachrichten|textnachrichten|sms|mails|emails|werbung|newsletter|spam",
        &["habe", "hab", "hatte", "haben", "gab", "kamen", "kam"],
        &["bekommen", "erhalten", "gehabt", "verpasst", "gekommen", "von"],
    ),
    unless(
        "streich*|losch*|entfern*|nehmen|nimm|nehmt ~4 nummer|telefonnummer|liste|verteiler|mich",
        &["nicht"],
        &["mit", "ernst"],
    ),
    said("lassen|lass|lasst ~1 mich|uns ~1 in ruhe"),
    unless("abmelden|austragen|abbestell*|abgemeldet", &["nicht"], &[]),
    said("anrufe|nachrichten|sms|mails|werbung|spam ~2 einstellen|stoppen|beenden|unterlassen|aufhoren"),
    said("stellen|stoppen|stopp|stoppt|unterlassen|beenden ~ anrufe|nachrichten|sms|mails|werbung|spam"),
];

/// Letters without their tildes and hooks: `não` is `nao`.
pub(super) const PORTUGUESE: &[Phrase] = &[
    said(
        "nao ~1 me|nos ligue|liguem|ligues|telefone|telefonem|telefones|chame|chamem|contate|contatem|contacte|contactem|escreva|escrevam|escrevas|incomode|incomodem|perturbe|perturbem|aborreca|aborrecam",
    ),
    said("nao ligue|liguem|ligues|escreva|escrevam|escrevas ~2 mais"),
    said(
        "nao ~2 mande|mandem|mandes|envie|enviem|envies ~3 mensagem|mensagens|sms|emails|textos|propaganda|propagandas|publicidade|spam|nada",
    ),
    said(
        "nao ~1 volte|voltem|voltes ~1 a ligar*|telefonar*|escrever*|contatar*|contactar*|incomodar*|mandar*|enviar*",
    ),
    said(
        "nao quero|queremos|quer|desejo|desejamos|preciso|gostaria ~5 ligacoes|ligue|liguem|ligando|chamadas|telefonemas|escreva|escrevam|contatem|contactem|mensagem|mensagens|sms|emails|textos|propaganda|propagandas|publicidade|spam",
    ),
    said("nao quero|queremos|desejo|gostaria ~2 receber ~1 mais|nada"),
    said("nao quero|queremos|desejo|gostaria mais ~1 receber"),
    said("nunca mais ~2 ligue|liguem|ligues|escreva|escrevam|escrevas|contate|contatem"),
    said("nunca mais me|nos mande|mandem|envie|enviem|chame|chamem"),
    unless(
        "pare|parem|para|parar|pares|deixe|deixem|deixa|chega|basta ~1 de|com ~2 ligar*|telefonar*|escrever*|contatar*|contactar*|incomodar*|perturbar*|ligacoes|chamadas|telefonemas|mensagem|mensagens|sms|emails|textos|propaganda|propagandas|publicidade|spam",
        &["nao"],
        &[],
    ),
    unless(
        "pare|parem|para|parar|pares|deixe|deixem|deixa de me|nos mandar|enviar|chamar",
        &["nao"],
        &[],
    ),
    unless(
        "pare|parem|para|parar|pares|deixe|deixem|deixa de mandar|enviar ~3 mensagem|mensagens|sms|emails|textos|propaganda|propagandas|publicidade|spam",
        &["nao"],
        &[],
    ),
    said(
        "sem mais ligacoes|chamadas|telefonemas|mensagem|mensagens|sms|emails|textos|propaganda|propagandas|publicidade|spam",
    ),
    said(
        "chega|basta de ligacoes|chamadas|telefonemas|mensagem|mensagens|sms|emails|textos|propaganda|propagandas|publicidade|spam",
    ),
    unless(
        "tire|tirem|tira|tirar|remova|removam|remover|retire|retirem|retirar|apague|apaguem|apagar|exclua|excluam|excluir ~4 numero|nome|contato|contacto|telefone|lista|cadastro|dados",
        &["nao", "pode nao"],
        &[],
    ),
    said("me|nos deixe|deixem|deixa|deixar em paz"),
    said("deixe|deixem|deixa me|nos em paz"),
    said("cancele|cancelem|cancela|cancelar ~2 ligacoes|chamadas|mensagens|sms"),
    unless("descadastr*|desinscrev*", &["nao", "nao me"], &[]),
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

/// Suspicious where it is written, for a person to look at.
pub(super) const SUSPICIOUS_IN_WRITING: &[Phrase] = &[
    unless(
        "stop|stopping|stopped|remove|removed|removing|unsubscribe|unsubscribed|quit|cease|cancel|opt ~5 text|texts|texting|message|messages|messaging|email|emails|mail|mails|sms|spam|write|writing|send|sending",
        NO_END,
        &[],
    ),
    unless(
        "text|texts|texting|message|messages|messaging|email|emails|mail|mails|sms|spam ~4 stop|stopping|remove|removed|unsubscribe|quit|cease",
        &["not want the", "not want your", "not want these", "not want my"],
        &["by", "in", "over", "at", "off", "sign", "light"],
    ),
    said("do not send me|us"),
    said("nao|no me|nos mande|mandem|manden|envie|enviem|envien mas|mais"),
    said("cancelar|cancele|cancela ~2 assinatura|inscricao|suscripcion|plano|plan|servico|servicio"),
];

/// How somebody wants to be reached, in a sentence that says how they do not.
pub(super) const INSTEAD: &[Phrase] = &[
    said("instead"),
    said("appelez|rappelez|appelle|rappelle moi|nous plutot"),
    unless(
        "call|phone|ring|text|email|message me|us",
        &[
            "not",
            "never",
            "you",
            "to",
            "ever",
            "longer",
            "people",
            "they",
            "dare",
            "who",
            "even",
            "or",
            "and",
            "call text",
            "text call",
            "stop",
            "please not",
            "again",
        ],
        &["no", "not", "again", "anymore", "any", "every", "all"],
    ),
    unless(
        "just|only text|call|email|phone",
        &["not", "stop"],
        &["no", "me", "us"],
    ),
];

/// So many words are few.
pub(super) const FEW_WORDS: usize = 4;
/// The carriers' words that mean something even where another word stands beside them. What is also an everyday word,
/// such as the Spanish and Portuguese "para", is not here.
pub(super) const AMONG_FEW: &[&str] = &[
    "stop",
    "stopall",
    "stopp",
    "stops",
    "unsubscribe",
    "unsub",
    "end",
    "quit",
    "revoke",
    "optout",
    "cancel",
    "remove",
    "cease",
    "arret",
    "arrete",
    "arretez",
    "arreter",
    "desabonner",
    "parar",
    "pare",
    "parem",
    "paren",
    "sair",
    "cancelar",
    "cancela",
    "basta",
    "aufhoren",
    "abmelden",
    "spam",
];
/// What denies a stop in other languages than English, and what tells of one.
pub(super) const NOT_ENDED: &[&str] = &[
    "n", "ne", "j", "ne pas", "pas", "ai", "as", "a", "avez", "avons", "ont", "nao", "nicht", "l", "d", "du",
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
    "baja",
    "salir",
    "parar",
    "para",
    "parem",
    "sair",
    "cancelar",
    "remover",
    "descadastrar",
    "desabonner",
    "unsub",
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
    "immediately",
    "agora",
    "ja",
    "obrigado",
    "obrigada",
    "gracias",
    "merci",
    "danke",
    "sofort",
];
