//! Reading the `TwiML` that we answer, as strictly as Twilio does.

use std::{fmt, time::Duration};

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

/// How long a Dial rings when it does not say.
const DIAL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// One instruction of a `TwiML` document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Ring somebody and connect them.
    Dial(Dial),
    /// Read out.
    Say(String),
    /// Refuse the call without answering it.
    Reject {
        /// `busy`, or `rejected` when it does not say.
        reason: String,
    },
    /// End the call.
    Hangup,
    /// Anything else, by its name.
    Other(String),
}

/// `<Dial>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dial {
    /// Where the outcome is posted; it takes over the call.
    pub action: Option<String>,
    /// How long it rings.
    pub timeout: Duration,
    /// Whether the caller hears ringing, unanswered, until the callee picks up.
    pub answer_on_bridge: bool,
    /// The number that the callee sees.
    pub caller_id: Option<String>,
    /// Whom to ring.
    pub numbers: Vec<Number>,
}

/// `<Number>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Number {
    /// The number.
    pub number: String,
    /// Where events of the leg are posted.
    pub status_callback: Option<String>,
    /// Which events.
    pub status_callback_events: Vec<String>,
}

/// Why a document cannot be executed: the caller hears an application error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadTwiml(String);

impl fmt::Display for BadTwiml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<quick_xml::Error> for BadTwiml {
    fn from(error: quick_xml::Error) -> Self {
        Self(format!("document parse failure: {error}"))
    }
}

/// The verbs of a document, in order.
pub fn parse(document: &str) -> Result<Vec<Verb>, BadTwiml> {
    let mut reader = Reader::from_str(document.trim_start());
    reader.config_mut().expand_empty_elements = true;
    let mut verbs = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut seen_response = false;
    loop {
        match reader.read_event()? {
            Event::Start(tag) => {
                let name = tag.name().as_ref().to_owned();
                match open.len() {
                    0 if name == "Response" && !seen_response => seen_response = true,
                    0 => return Err(BadTwiml(format!("the root element is {name}, not Response"))),
                    1 => verbs.push(verb(&name, &tag)?),
                    _ => noun(&name, &tag, verbs.last_mut())?,
                }
                open.push(name);
            }
            Event::End(_) => drop(open.pop()),
            Event::Text(text) => speak(&mut verbs, &open, &text.xml10_content())?,
            Event::CData(text) => speak(&mut verbs, &open, &text.xml10_content())?,
            Event::GeneralRef(reference) => speak(&mut verbs, &open, &resolved(&reference)?)?,
            Event::Eof if !open.is_empty() => return Err(BadTwiml("the document ends too early".into())),
            Event::Eof if !seen_response => return Err(BadTwiml("there is no Response".into())),
            Event::Eof => break,
            _ => {}
        }
    }
    for verb in &mut verbs {
        trim(verb);
    }
    Ok(verbs)
}

/// Opens the verb `name`.
fn verb(name: &str, tag: &BytesStart<'_>) -> Result<Verb, BadTwiml> {
    Ok(match name {
        "Dial" => Verb::Dial(Dial {
            action: attribute(tag, "action")?.filter(|action| !action.is_empty()),
            timeout: match attribute(tag, "timeout")? {
                Some(seconds) => seconds
                    .parse()
                    .map(Duration::from_secs)
                    .map_err(|_| BadTwiml(format!("the timeout is {seconds}")))?,
                None => DIAL_TIMEOUT_DEFAULT,
            },
            answer_on_bridge: attribute(tag, "answerOnBridge")?.as_deref() == Some("true"),
            caller_id: attribute(tag, "callerId")?,
            numbers: Vec::new(),
        }),
        "Say" => Verb::Say(String::new()),
        "Reject" => Verb::Reject {
            reason: attribute(tag, "reason")?.unwrap_or_else(|| "rejected".into()),
        },
        "Hangup" => Verb::Hangup,
        other => Verb::Other(other.to_owned()),
    })
}

/// Opens something inside a verb; only numbers inside a Dial mean anything here.
fn noun(name: &str, tag: &BytesStart<'_>, verb: Option<&mut Verb>) -> Result<(), BadTwiml> {
    if let (Some(Verb::Dial(dial)), "Number") = (verb, name) {
        let events = attribute(tag, "statusCallbackEvent")?.unwrap_or_else(|| "completed".into());
        dial.numbers.push(Number {
            number: String::new(),
            status_callback: attribute(tag, "statusCallback")?,
            status_callback_events: events.split_ascii_whitespace().map(str::to_owned).collect(),
        });
    }
    Ok(())
}

/// Adds text to whatever is open.
fn speak(verbs: &mut [Verb], open: &[String], text: &str) -> Result<(), BadTwiml> {
    if open.is_empty() {
        return if text.trim().is_empty() {
            Ok(())
        } else {
            Err(BadTwiml("content outside the root".into()))
        };
    }
    match (verbs.last_mut(), open.last().map(String::as_str)) {
        (Some(Verb::Say(said)), Some("Say")) => said.push_str(text),
        (Some(Verb::Dial(dial)), Some("Number")) => {
            if let Some(number) = dial.numbers.last_mut() {
                number.number.push_str(text);
            }
        }
        // A Dial may name its number without a Number element.
        (Some(Verb::Dial(dial)), Some("Dial")) if !text.trim().is_empty() => {
            dial.numbers.push(Number {
                number: text.to_owned(),
                ..Number::default()
            });
        }
        _ => {}
    }
    Ok(())
}

fn trim(verb: &mut Verb) {
    match verb {
        Verb::Say(said) => *said = said.trim().to_owned(),
        Verb::Dial(dial) => {
            for number in &mut dial.numbers {
                number.number = number.number.trim().to_owned();
            }
        }
        _ => {}
    }
}

/// What `&amp;`, `&#38;` and their like stand for.
fn resolved(reference: &quick_xml::events::BytesRef<'_>) -> Result<String, BadTwiml> {
    if let Some(character) = reference.resolve_char_ref()? {
        return Ok(character.to_string());
    }
    let name = reference.xml10_content();
    quick_xml::escape::resolve_predefined_entity(&name)
        .map(str::to_owned)
        .ok_or_else(|| BadTwiml(format!("the entity {name} is not defined")))
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, BadTwiml> {
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| BadTwiml(format!("bad attribute: {error}")))?;
        if attribute.key.as_ref() == name {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0)?;
            return Ok(Some(value.into_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dial_is_read_with_its_action_unescaped() {
        let verbs = parse(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <Response><Dial action="https://h/voice?mode=dial-result&amp;x=1" timeout="18" answerOnBridge="true">
              <Number statusCallback="/leg" statusCallbackEvent="initiated answered"> +14155550101 </Number>
            </Dial></Response>"#,
        );
        let expected = Dial {
            action: Some("https://h/voice?mode=dial-result&x=1".into()),
            timeout: Duration::from_secs(18),
            answer_on_bridge: true,
            caller_id: None,
            numbers: vec![Number {
                number: "+14155550101".into(),
                status_callback: Some("/leg".into()),
                status_callback_events: vec!["initiated".into(), "answered".into()],
            }],
        };
        assert_eq!(verbs, Ok(vec![Verb::Dial(expected)]));
    }

    #[test]
    fn what_is_said_is_read_with_its_entities() {
        let verbs = parse("<Response><Say>Fish &amp; chips &#33;</Say><Hangup/></Response>");
        assert_eq!(verbs, Ok(vec![Verb::Say("Fish & chips !".into()), Verb::Hangup]));
    }

    #[test]
    fn a_dial_without_a_number_element_rings_its_text_for_thirty_seconds() {
        let verbs = parse("<Response><Dial>+14155550101</Dial></Response>").expect("good TwiML");
        let Verb::Dial(dial) = &verbs[0] else {
            panic!("not a Dial: {verbs:?}")
        };
        assert_eq!(dial.numbers[0].number, "+14155550101");
        assert_eq!(dial.timeout, Duration::from_secs(30));
    }

    #[test]
    fn what_twilio_would_not_execute_is_refused() {
        for document in [
            "",
            "Internal Server Error",
            "<html></html>",
            "<Response><Dial></Response>",
            "<Response>",
            "<Response/><Response/>",
            "<Response><Dial timeout=\"soon\">+1</Dial></Response>",
            "<Response><Say>&nbsp;</Say></Response>",
            "{\"ok\":true}",
        ] {
            assert!(parse(document).is_err(), "{document:?} was accepted");
        }
    }
}
