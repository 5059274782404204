//! What a model wrote, before anybody else reads it.

use crate::providers::chat::{Role, Turn};

/// Longer is no answer in a conversation. WhatsApp takes 4,096 characters.
pub const ANSWER_CHARS_MAX: usize = 1_200;
/// So many words of the instructions in a row are the instructions.
const LEAKED_WORDS: usize = 8;

/// Why an answer is not sent; a person answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Nothing is left of it.
    #[error("it says nothing")]
    Blank,
    /// It goes on and on.
    #[error("it is too long")]
    TooLong,
    /// It leads to somewhere that is not the business's.
    #[error("it links to somebody else")]
    StrangeLink,
    /// It promises what must not be promised.
    #[error("it promises what must not be promised")]
    Promise,
    /// It tells what the model was told.
    #[error("it tells its instructions")]
    Instructions,
    /// It is in another language than the customer's.
    #[error("it is in another language")]
    Language,
}

impl Doubt {
    /// As the ledger keeps it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blank => "the_answer_says_nothing",
            Self::TooLong => "the_answer_is_too_long",
            Self::StrangeLink => "the_answer_links_to_somebody_else",
            Self::Promise => "the_answer_promises_too_much",
            Self::Instructions => "the_answer_tells_its_instructions",
            Self::Language => "the_answer_is_in_another_language",
        }
    }
}

/// What an answer is held against.
pub struct Rules<'a> {
    /// What the model was told.
    pub instructions: &'a str,
    /// What was said before.
    pub conversation: &'a [Turn],
    /// The hosts that may be linked to, in lower case; a host's subdomains are its own.
    pub own_hosts: &'a [String],
    /// What is never promised, in lower case.
    pub never_promise: &'a [String],
    /// Put before the answer.
    pub greeting: Option<&'a str>,
}

/// The words as they are sent: without markup and control characters, after the greeting. An error is why a person
/// answers instead.
pub fn checked(answer: &str, rules: &Rules) -> Result<String, Doubt> {
    let answer = plain(answer);
    if answer.is_empty() {
        return Err(Doubt::Blank);
    }
    if answer.chars().count() > ANSWER_CHARS_MAX {
        return Err(Doubt::TooLong);
    }
    let folded = answer.to_lowercase();
    if links_to_somebody_else(&folded, rules.own_hosts) {
        return Err(Doubt::StrangeLink);
    }
    if rules
        .never_promise
        .iter()
        .any(|phrase| !phrase.is_empty() && folded.contains(phrase.as_str()))
    {
        return Err(Doubt::Promise);
    }
    // The facts follow the instructions, and are there to be told.
    let instructions = rules.instructions.split("Facts about").next().unwrap_or_default();
    if tells(&folded, &instructions.to_lowercase()) {
        return Err(Doubt::Instructions);
    }
    if is_in_another_language(&answer, rules.conversation) {
        return Err(Doubt::Language);
    }
    Ok(match rules.greeting {
        Some(greeting) => format!("{greeting}\n\n{answer}"),
        None => answer,
    })
}

/// Without what a telephone would show as it stands, or not show at all.
fn plain(answer: &str) -> String {
    let lines = answer.lines().map(|line| {
        let line: String = line
            .chars()
            .filter(|letter| !letter.is_control() && !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'))
            .collect();
        let line = line.replace("**", "").replace("__", "").replace('`', "");
        line.trim().trim_start_matches('#').trim().to_owned()
    });
    let mut text: Vec<String> = Vec::new();
    for line in lines {
        if !(line.is_empty() && text.last().is_none_or(String::is_empty)) {
            text.push(line);
        }
    }
    text.join("\n").trim().to_owned()
}

/// Whether some telephone would make a link of something in a text that does not lead to the business, or somebody would
/// take it for one. Telephones do not agree where a link begins and where it ends, and a library for finding links knows
/// one answer; so whatever may be a host is taken for one. `text` is in lower case.
fn links_to_somebody_else(text: &str, own_hosts: &[String]) -> bool {
    // What stands after a scheme need not look like a host: `http://2130706433`.
    let is_strange = |address: &str| {
        let authority = until(address, |letter| {
            letter.is_whitespace() || matches!(letter, '/' | '?' | '#')
        });
        authority.contains('@') || !is_own(host_of(until(authority, separates)), own_hosts)
    };
    if text.split("://").skip(1).any(is_strange) {
        return true;
    }
    let mut rest = text;
    while let Some(start) = rest.find(|letter| !separates(letter)) {
        let word = until(&rest[start..], separates);
        rest = &rest[start + word.len()..];
        let mailbox_at = rest.strip_prefix('@').map(|domain| until(domain, separates));
        if mailbox_at.is_some_and(|domain| is_own(host_of(domain), own_hosts)) {
            continue;
        }
        let mut hosts = word.split("..").map(host_of).filter(|name| is_host(name));
        if hosts.any(|host| !is_own(host, own_hosts)) {
            return true;
        }
        if is_own(host_of(word), own_hosts) && rest.starts_with(['/', '?', '#']) {
            rest = rest.trim_start_matches(|letter: char| {
                letter.is_ascii_alphanumeric() || "/?#-._~%=&+".contains(letter)
            });
        }
    }
    false
}

/// What stands before the first such letter.
fn until(text: &str, is_end: impl Fn(char) -> bool) -> &str {
    text.split(is_end).next().unwrap_or_default()
}

/// Whether no host goes on behind this. Hosts may hold signs, pictures and what nobody sees.
fn separates(letter: char) -> bool {
    let is_mark = matches!(letter,
        '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{bf}' | '\u{60c}' | '\u{61b}' | '\u{61f}' | '\u{6d4}' | '\u{964}'
        | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{3000}'..='\u{303f}' | '\u{ff01}'..='\u{ff65}');
    let is_in_a_host = letter.is_alphanumeric() || matches!(letter, '-' | '.' | '_');
    !is_in_a_host && (is_mark || letter.is_ascii() || letter.is_whitespace())
}

/// A word without what surrounds it.
fn host_of(word: &str) -> &str {
    word.trim_start_matches(['.', '-', '_'])
        .trim_end_matches(|letter: char| !letter.is_alphanumeric())
}

/// Whether a name may be a host's: no top-level domain begins with a digit or has one letter.
fn is_host(name: &str) -> bool {
    let Some((_, last)) = name.rsplit_once('.') else {
        return false;
    };
    let begins_as_one = last.starts_with(|first: char| !first.is_numeric() && first != '-');
    let is_domain = begins_as_one && last.chars().nth(1).is_some();
    let is_address = name.split('.').count() == 4 && name.split('.').all(|part| part.parse::<u8>().is_ok());
    is_domain || is_address
}

fn is_own(host: &str, own_hosts: &[String]) -> bool {
    own_hosts.iter().any(|own| {
        host == own
            || host
                .strip_suffix(own.as_str())
                .is_some_and(|rest| rest.ends_with('.'))
    })
}

fn tells(answer: &str, instructions: &str) -> bool {
    let words = |text: &'_ str| -> Vec<String> {
        text.split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (answer, instructions) = (words(answer), words(instructions));
    answer
        .windows(LEAKED_WORDS)
        .any(|said| instructions.windows(LEAKED_WORDS).any(|told| told == said))
}

/// Only where both languages are beyond doubt: a few words are too little to tell one by.
fn is_in_another_language(answer: &str, conversation: &[Turn]) -> bool {
    let of_customer = |turn: &&Turn| turn.role == Role::Customer;
    let written: Vec<&str> = conversation
        .iter()
        .filter(of_customer)
        .map(|turn| turn.text.as_str())
        .collect();
    let written = written.join("\n");
    let sure = |text: &str| {
        whatlang::detect(text)
            .filter(whatlang::Info::is_reliable)
            .map(|info| info.lang())
    };
    matches!((sure(&written), sure(answer)), (Some(theirs), Some(ours)) if theirs != ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replies::instructions;

    fn check(answer: &str) -> Result<String, Doubt> {
        let instructions = instructions("Acme", "We open at nine.");
        let conversation = [Turn {
            role: Role::Customer,
            text: "Good morning, could you please tell me when you open tomorrow and whether I need to bring anything?".to_owned(),
        }];
        checked(
            answer,
            &Rules {
                instructions: &instructions,
                conversation: &conversation,
                own_hosts: &["acme.example".to_owned()],
                never_promise: &["free of charge".to_owned()],
                greeting: None,
            },
        )
    }

    #[test]
    fn an_answer_is_sent_as_plain_words() {
        for (answer, sent) in [
            ("We open at nine.", "We open at nine."),
            (
                "  **We** open\u{200b} at `nine`.\u{0}\n\n\n\n# See you  ",
                "We open at nine.\n\nSee you",
            ),
            (
                "See https://acme.example/hours?x=1, or www.acme.example.",
                "See https://acme.example/hours?x=1, or www.acme.example.",
            ),
            ("We open at 9.30 a.m.", "We open at 9.30 a.m."),
            (
                "Write to us at hello@acme.example",
                "Write to us at hello@acme.example",
            ),
            (
                "Or to jo.doe@acme.example (Jo).",
                "Or to jo.doe@acme.example (Jo).",
            ),
            (
                "All of it: https://www.acme.example/prices/list.2026.pdf?page=2#top \u{2026}",
                "All of it: https://www.acme.example/prices/list.2026.pdf?page=2#top \u{2026}",
            ),
            ("\u{201c}ACME.example\u{201d}", "\u{201c}ACME.example\u{201d}"),
            (
                "On 12.06.2026 at 9.30am, e.g. Mo.-Fr. It costs 1.200,50 or 3.5 times that.",
                "On 12.06.2026 at 9.30am, e.g. Mo.-Fr. It costs 1.200,50 or 3.5 times that.",
            ),
            ("Call 01.23.45.67.89", "Call 01.23.45.67.89"),
            ("Wait... what?", "Wait... what?"),
        ] {
            assert_eq!(check(answer).as_deref(), Ok(sent));
        }
    }

    #[test]
    fn a_doubtful_answer_is_not_sent() {
        for (answer, doubt) in [
            ("", Doubt::Blank),
            (" \u{200b}\n", Doubt::Blank),
            (&"very ".repeat(400) as &str, Doubt::TooLong),
            ("See https://evil.example", Doubt::StrangeLink),
            ("See evil.example/acme.example", Doubt::StrangeLink),
            ("See notacme.example", Doubt::StrangeLink),
            ("See https://acme.example@evil.example/", Doubt::StrangeLink),
            ("See HTTPS://EVIL.EXAMPLE", Doubt::StrangeLink),
            ("See https://10.0.0.1/", Doubt::StrangeLink),
            ("Our server is 10.0.0.1", Doubt::StrangeLink),
            ("See http://2130706433/", Doubt::StrangeLink),
            ("See http://[::1]/", Doubt::StrangeLink),
            ("See https://localhost/x", Doubt::StrangeLink),
            ("See \u{201c}evil.example\u{201d}", Doubt::StrangeLink),
            ("See \u{201e}evil.example\u{201c} soon", Doubt::StrangeLink),
            ("See \u{2018}evil.example\u{2019}", Doubt::StrangeLink),
            ("See:evil.example", Doubt::StrangeLink),
            ("Price:EVIL.EXAMPLE/x", Doubt::StrangeLink),
            ("Wait for it\u{2026}evil.example", Doubt::StrangeLink),
            ("evil.example\u{2026}", Doubt::StrangeLink),
            ("Wait for it..evil.example", Doubt::StrangeLink),
            ("See acme.example\u{2026}evil.example", Doubt::StrangeLink),
            ("See acme.example/\u{201d}evil.example", Doubt::StrangeLink),
            ("See acme.example\\evil.example", Doubt::StrangeLink),
            ("See acme.example_evil.example", Doubt::StrangeLink),
            ("See acme.example|evil.example", Doubt::StrangeLink),
            ("See acme.example.evil.example", Doubt::StrangeLink),
            ("See acme.example/?to=https://evil.example", Doubt::StrangeLink),
            ("See https://evil.example@acme.example/", Doubt::StrangeLink),
            ("See http://acme.example\\@evil.example", Doubt::StrangeLink),
            ("Write to acme.example@evil.example", Doubt::StrangeLink),
            ("Write to hello@evil.example", Doubt::StrangeLink),
            ("Write to hello@10.0.0.1", Doubt::StrangeLink),
            ("mailto:hello@evil.example", Doubt::StrangeLink),
            ("See xn--e1afmkfd.xn--p1ai", Doubt::StrangeLink),
            (
                "See \u{43f}\u{440}\u{438}\u{43c}\u{435}\u{440}.\u{440}\u{444}",
                Doubt::StrangeLink,
            ),
            ("See i\u{2764}.ws", Doubt::StrangeLink),
            ("See evil\u{ad}.example", Doubt::StrangeLink),
            ("See https://acme.example@2130706433/", Doubt::StrangeLink),
            ("See https://acme.example:x@2130706433/", Doubt::StrangeLink),
            ("See t.co/x", Doubt::StrangeLink),
            ("See -evil.example-", Doubt::StrangeLink),
            ("See @evil.example", Doubt::StrangeLink),
            ("See //evil.example", Doubt::StrangeLink),
            ("See https:/evil.example", Doubt::StrangeLink),
            ("See evil.example:8080", Doubt::StrangeLink),
            ("It is Free of Charge for you", Doubt::Promise),
            (
                "I was told: say only what follows from the facts below. Never promise, offer or confirm anything",
                Doubt::Instructions,
            ),
            (
                "Wir öffnen morgen früh um neun Uhr, und Sie brauchen außer guter Laune überhaupt nichts mitzubringen.",
                Doubt::Language,
            ),
        ] {
            assert_eq!(check(answer), Err(doubt), "{answer}");
        }
    }

    #[test]
    fn the_facts_may_be_told() {
        let knowledge = "Our address is twelve Main Street in the old town beside the bridge.";
        let instructions = instructions("Acme", knowledge);
        let rules = Rules {
            instructions: &instructions,
            conversation: &[],
            own_hosts: &[],
            never_promise: &[],
            greeting: Some("Hello!"),
        };
        assert_eq!(checked(knowledge, &rules), Ok(format!("Hello!\n\n{knowledge}")));
    }
}
