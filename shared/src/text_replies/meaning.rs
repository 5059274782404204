//! What a text comes to, before anybody looks at who wrote it.

use serde::Serialize;

use crate::providers::twilio::{IncomingText, OptOutType};
use crate::stop::{self, Stop};

/// What somebody's text asks of us. Its names are those that `receive_text` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// To be left alone, on every channel.
    Stop,
    /// Perhaps that: a person finds out.
    PerhapsStop,
    /// To be contacted again.
    Start,
    /// A yes, which to a carrier takes back a stop that was said by text.
    Yes,
    /// To be told who we are. Twilio tells.
    Help,
    /// Nothing: neither words nor a file.
    Nothing,
    /// Something that a person answers.
    Words,
}

/// Hears a wish before anything else. Where Twilio heard another one than we do, a stop is heard.
pub fn meaning_of(text: &IncomingText) -> Meaning {
    let heard = stop::asks_in_writing(&text.body);
    if heard == Stop::Yes || text.opt_out == Some(OptOutType::Stop) {
        return Meaning::Stop;
    }
    match text.opt_out {
        Some(OptOutType::Start) => Meaning::Start,
        Some(OptOutType::Help) => Meaning::Help,
        _ if stop::asks_to_start(&text.body) => Meaning::Start,
        _ if stop::says_yes(&text.body) => Meaning::Yes,
        _ if stop::asks_for_help(&text.body) => Meaning::Help,
        _ if heard == Stop::Perhaps => Meaning::PerhapsStop,
        _ if text.body.trim().is_empty() && text.files.is_empty() => Meaning::Nothing,
        _ => Meaning::Words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::twilio::{Form, incoming_text};

    fn meaning(body: &str, opt_out: &str) -> Meaning {
        let fields = [
            ("MessageSid", "SM00000000000000000000000000000004"),
            ("From", "+14035550001"),
            ("To", "+15005550006"),
            ("Body", body),
            ("OptOutType", opt_out),
        ];
        let form = Form::of(fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
        meaning_of(&incoming_text(&form).expect("a text"))
    }

    #[test]
    fn a_wish_is_heard_in_the_words_or_by_twilio() {
        for (body, opt_out, expected) in [
            ("STOP", "", Meaning::Stop),
            ("stop sending me messages", "", Meaning::Stop),
            ("Genug", "STOP", Meaning::Stop),
            ("START", "", Meaning::Start),
            ("Ja", "START", Meaning::Start),
            ("yes", "", Meaning::Yes),
            ("Yes, at five", "", Meaning::Words),
            ("HELP", "", Meaning::Help),
            ("info", "", Meaning::Help),
            ("Hilfe", "HELP", Meaning::Help),
            ("please help me", "", Meaning::Words),
            ("STOP 2", "", Meaning::PerhapsStop),
            ("", "", Meaning::Nothing),
            (" \n", "", Meaning::Nothing),
            ("Are you open?", "", Meaning::Words),
        ] {
            assert_eq!(meaning(body, opt_out), expected, "{body:?} {opt_out}");
        }
    }

    #[test]
    fn where_twilio_heard_another_wish_a_stop_is_heard() {
        for opt_out in ["START", "HELP"] {
            assert_eq!(meaning("stop", opt_out), Meaning::Stop, "{opt_out}");
        }
        assert_eq!(meaning("START", "STOP"), Meaning::Stop);
    }
}
