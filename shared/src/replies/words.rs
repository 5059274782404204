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
    if !hosts_in(&folded).all(|host| is_own(host, rules.own_hosts)) {
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

/// Everything in a text that a telephone would make a link of, or somebody would take for one. `text` is in lower case.
fn hosts_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || "()[]<>\"'«»,;".contains(letter))
        .filter_map(|word| {
            let address = word.split_once("://").map(|(_, rest)| rest);
            let host = address.unwrap_or(word);
            let host = host.split(['/', '?', '#']).next().unwrap_or_default();
            let host = host.rsplit('@').next().unwrap_or_default();
            let host = host
                .split(':')
                .next()
                .unwrap_or_default()
                .trim_end_matches(['.', '!', '?', '*', '_']);
            let last = host.rsplit_once('.').map(|(_, last)| last);
            let is_host = last.is_some_and(|last| last.len() >= 2 && last.chars().all(char::is_alphabetic));
            (address.is_some() || is_host).then_some(host)
        })
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
