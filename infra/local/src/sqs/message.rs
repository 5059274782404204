//! A message, and what may be said in one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::refusal::{Code, Refusal, invalid, missing};

/// What a sender hands in.
#[derive(Clone, Debug)]
pub(super) struct NewMessage {
    /// Chosen by the caller, as time is, so that a queue is the same every time it is replayed.
    pub id: Uuid,
    pub body: String,
    pub group: Option<String>,
    pub deduplication_id: Option<String>,
    pub delay: Option<Duration>,
    pub attributes: BTreeMap<String, MessageAttribute>,
}

/// A named value that travels beside the body.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MessageAttribute {
    pub data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    /// In base64, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary_value: Option<String>,
}

impl NewMessage {
    /// Refuses what no queue would take, whatever its type.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.body.is_empty() {
            return Err(missing("MessageBody"));
        }
        if !self.body.chars().all(is_allowed) {
            return Err(Code::InvalidMessageContents
                .because("Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"));
        }
        for (parameter, id) in [
            ("MessageGroupId", &self.group),
            ("MessageDeduplicationId", &self.deduplication_id),
        ] {
            let Some(id) = id else { continue };
            if id.is_empty() || id.len() > 128 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
                let reason = format!(
                    "{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
                );
                return Err(invalid(parameter, id, &reason));
            }
        }
        if self.attributes.len() > 10 {
            return Err(Code::InvalidParameterValue
                .because("Number of message attributes exceeds the allowed maximum [10]."));
        }
        self.attributes
            .iter()
            .try_for_each(|(name, attribute)| attribute.check(name))
    }

    /// What the message counts for against the size limits.
    pub(super) fn bytes(&self) -> usize {
        let attribute_bytes = |(name, attribute): (&String, &MessageAttribute)| {
            name.len() + attribute.data_type.len() + attribute.value().len()
        };
        self.body.len() + self.attributes.iter().map(attribute_bytes).sum::<usize>()
    }
}

/// What XML could carry: the service still promises that to its oldest callers.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

impl MessageAttribute {
    fn check(&self, name: &str) -> Result<(), Refusal> {
        let base_type = self.data_type.split('.').next().unwrap_or_default();
        let has_its_value = match base_type {
            "String" | "Number" => self.string_value.as_ref().is_some_and(|value| !value.is_empty()),
            "Binary" => self
                .binary_value
                .as_ref()
                .is_some_and(|value| BASE64.decode(value).is_ok()),
            _ => {
                return Err(Code::InvalidParameterValue.because(format!(
                    "The type of message (user) attribute '{name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String."
                )));
            }
        };
        if has_its_value {
            return Ok(());
        }
        Err(Code::InvalidParameterValue.because(format!(
            "Message (user) attribute '{name}' must contain a non-empty value of type '{base_type}'."
        )))
    }

    fn value(&self) -> Vec<u8> {
        let binary = self
            .binary_value
            .as_ref()
            .and_then(|value| BASE64.decode(value).ok());
        binary
            .or_else(|| self.string_value.clone().map(String::into_bytes))
            .unwrap_or_default()
    }
}

/// A message while it is in a queue.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub id: Uuid,
    pub body: String,
    pub group: Option<String>,
    pub deduplication_id: Option<String>,
    pub attributes: BTreeMap<String, MessageAttribute>,
    pub sent_at: Timestamp,
    pub first_received_at: Option<Timestamp>,
    /// Over all queues that the message has been in.
    pub receive_count: u32,
    /// The queue that gave up on it.
    pub dead_letter_source: Option<String>,
    /// Hidden until then: delayed before its first receive, in flight after.
    pub visible_at: Timestamp,
    /// In this queue; also numbers the receipts, the last of which is the one that counts.
    pub receives_here: u32,
    /// The `ReceiveRequestAttemptId` of the last receive, until somebody touches the message.
    pub attempt: Option<String>,
}

/// Whether somebody can have a message now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Sent with a delay that is not over.
    Delayed,
    /// Nobody has it. In a FIFO queue it may still wait for an earlier one of its group.
    Waiting,
    /// Somebody has received it, and its visibility timeout is not over.
    InFlight,
}

impl Message {
    pub(super) fn state(&self, now: Timestamp) -> State {
        match (self.visible_at > now, self.receives_here) {
            (false, _) => State::Waiting,
            (true, 0) => State::Delayed,
            (true, _) => State::InFlight,
        }
    }

    pub(super) fn is_older_than(&self, age: Duration, now: Timestamp) -> bool {
        self.sent_at + age <= now
    }
}

/// The checksum of a body. Not every SDK compares it, but some refuse an answer where it is wrong.
pub(super) fn md5_of_body(body: &str) -> String {
    hex(&Md5::digest(body))
}

/// The checksum of attributes, in the encoding that SQS documents; none for none.
pub(super) fn md5_of_attributes(attributes: &BTreeMap<String, MessageAttribute>) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    let part = |digest: &mut Md5, bytes: &[u8]| {
        digest.update(
            u32::try_from(bytes.len())
                .expect("a message is at most a mebibyte")
                .to_be_bytes(),
        );
        digest.update(bytes);
    };
    for (name, attribute) in attributes {
        part(&mut digest, name.as_bytes());
        part(&mut digest, attribute.data_type.as_bytes());
        digest.update([if attribute.binary_value.is_some() { 2 } else { 1 }]);
        part(&mut digest, &attribute.value());
    }
    Some(hex(&digest.finalize()))
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text takes whatever is written to it");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> NewMessage {
        NewMessage {
            id: Uuid::from_u128(1),
            body: body.to_owned(),
            group: None,
            deduplication_id: None,
            delay: None,
            attributes: BTreeMap::new(),
        }
    }

    #[test]
    fn checksums_are_those_that_clients_compute() {
        assert_eq!(md5_of_body("hello"), "5d41402abc4b2a76b9719d911017c592");
        let value = |data_type: &str, string: Option<&str>, binary: Option<&str>| MessageAttribute {
            data_type: data_type.to_owned(),
            string_value: string.map(str::to_owned),
            binary_value: binary.map(str::to_owned),
        };
        let attributes = BTreeMap::from([
            ("kind".to_owned(), value("String", Some("reply"), None)),
            ("raw".to_owned(), value("Binary", None, Some("AAEC"))),
        ]);
        assert_eq!(
            md5_of_attributes(&attributes).unwrap(),
            "5941da848e197f05f6920278b9819cd1"
        );
        assert_eq!(md5_of_attributes(&BTreeMap::new()), None);
    }

    #[test]
    fn a_body_holds_text_that_xml_could_carry_and_is_never_empty() {
        assert_eq!(text("").check().unwrap_err().code, Code::MissingParameter);
        assert_eq!(
            text("a\u{0}b").check().unwrap_err().code,
            Code::InvalidMessageContents
        );
        assert_eq!(text("Grüße \u{1F44B}\n").check(), Ok(()));
    }

    #[test]
    fn ids_are_printable_and_at_most_128_long() {
        let grouped = |group: String| {
            NewMessage {
                group: Some(group),
                ..text("x")
            }
            .check()
        };
        assert_eq!(grouped("g".repeat(128)), Ok(()));
        assert_eq!(
            grouped("g".repeat(129)).unwrap_err().code,
            Code::InvalidParameterValue
        );
        assert_eq!(
            grouped("two words".to_owned()).unwrap_err().code,
            Code::InvalidParameterValue
        );
    }
}
