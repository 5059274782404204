//! Calls, as Vapi's API and its server messages write them down.
//!
//! A server message says some things beside the call and not in it (`message.endedReason`,
//! `message.artifact`), a list says the same things in the call itself; so both are read here, and what a
//! message says goes before what the call in it says.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::CallResult;
use crate::Phone;

/// More than anybody says in a call of ten minutes.
const SAID_BYTES_MAX: usize = 64 * 1024;
/// Vapi's longest word for an end has about a hundred characters.
const WORD_CHARS_MAX: usize = 200;
/// What is kept of a reason that is no word.
const NO_WORD: &str = "not-a-word";

/// A call's id: up to 64 letters, digits, dashes or underscores. Real ones are UUIDs; people test with others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CallId(String);

impl CallId {
    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        ((1..=64).contains(&text.len()) && is_plain).then(|| Self(text.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How far a call has come: Vapi's word (`scheduled`, `queued`, `ringing`, `in-progress`, `forwarding`, `ended`,
/// `not-found`, `deletion-failed`), or `unknown` for what is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallStatus(String);

impl CallStatus {
    /// Reads one.
    pub fn parse(word: &str) -> Self {
        let is_word = (1..=32).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        Self(if is_word { word } else { "unknown" }.to_owned())
    }

    /// Vapi's word.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing more will happen.
    pub fn is_ended(&self) -> bool {
        self.0 == "ended"
    }
}

/// A call as Vapi has it, or as it tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// Its id.
    pub id: CallId,
    /// The attempt that it was placed for; `None` if it names none, or two.
    pub attempt: Option<Uuid>,
    /// Our name for the customer.
    pub customer_id: Option<String>,
    /// Who was called.
    pub recipient: Option<Phone>,
    /// How far it has come.
    pub status: CallStatus,
    /// Vapi's word for why it ended.
    pub ended_reason: Option<String>,
    /// When Vapi took it.
    pub created_at: Option<Timestamp>,
    /// When the conversation began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What the customer said, a turn a line; empty if nobody did, or nobody tells.
    pub customer_said: String,
}

impl CallRecord {
    /// What became of it; `None` while it goes on.
    ///
    /// A conversation is better evidence of an answer than the word for its end: a customer who spoke was
    /// there, and a call that "the customer ended" without a word from them may have been a machine's. But
    /// what a mailbox says is written down as the customer's words.
    pub fn result(&self) -> Option<CallResult> {
        if !self.has_ended() {
            return None;
        }
        let told = self
            .ended_reason
            .as_deref()
            .map_or(CallResult::Unclear, CallResult::of);
        Some(match (told, self.customer_spoke()) {
            (CallResult::Voicemail, _) => CallResult::Voicemail,
            (_, true) => CallResult::Answered,
            (CallResult::Answered, false) => CallResult::Unclear,
            (told, false) => told,
        })
    }

    /// Whether nothing more will happen.
    pub fn has_ended(&self) -> bool {
        self.status.is_ended() || self.ended_reason.is_some()
    }

    /// Whether anything that the customer said was written down.
    pub fn customer_spoke(&self) -> bool {
        !self.customer_said.trim().is_empty()
    }
}

/// Calls, as far as the list could be read.
#[derive(Debug, Default)]
pub struct CallListing {
    /// The calls that could be read, each once.
    pub calls: Vec<CallRecord>,
    /// Whether the list was read to its end, every row of it.
    pub complete: bool,
}

/// A call of the API's; `None` if it has no id.
pub fn call(call: &Value) -> Option<CallRecord> {
    reported(&Value::Null, call)
}

/// The call that a server message is about; `None` if it has no id.
pub(super) fn reported(message: &Value, call: &Value) -> Option<CallRecord> {
    let told = |name: &str| {
        [message, call]
            .into_iter()
            .find_map(|place| place.get(name)?.as_str())
    };
    let time = |name: &str| told(name).and_then(|text| text.parse::<Timestamp>().ok());
    let of_customer = |name: &str| {
        [call, message]
            .into_iter()
            .find_map(|place| place.get("customer")?.get(name)?.as_str())
    };
    Some(CallRecord {
        id: CallId::parse(call.get("id")?.as_str()?)?,
        attempt: attempt_in(message, call),
        customer_id: of_customer("externalId").and_then(word),
        recipient: of_customer("number").and_then(|number| Phone::parse(number).ok()),
        status: CallStatus::parse(told("status").unwrap_or_default()),
        ended_reason: told("endedReason").and_then(reason),
        created_at: call
            .get("createdAt")
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok()),
        started_at: time("startedAt"),
        ended_at: time("endedAt"),
        customer_said: said_by_customer(message, call),
    })
}

/// Where an attempt's id comes back: in the call's name, in the metadata that we gave, and in the assistant's
/// own, into which Vapi merges ours. Two different ones name none.
fn attempt_in(message: &Value, call: &Value) -> Option<Uuid> {
    let places = [
        call.get("name"),
        call.pointer("/assistantOverrides/metadata/attempt_id"),
        call.pointer("/assistant/metadata/attempt_id"),
        message.pointer("/assistant/metadata/attempt_id"),
    ];
    let mut attempts = places
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        // Other spellings of a UUID are not ours.
        .filter(|text| text.len() == 36)
        .filter_map(|text| Uuid::try_parse(text).ok());
    let first = attempts.next()?;
    attempts.all(|other| other == first).then_some(first)
}

/// The customer's turns: from the list of messages, else from the lines of the transcript that are theirs.
fn said_by_customer(message: &Value, call: &Value) -> String {
    let artifacts = [
        message.get("artifact"),
        Some(message),
        call.get("artifact"),
        Some(call),
    ];
    let artifacts = || artifacts.into_iter().flatten();
    let messages = artifacts().find_map(|place| place.get("messages")?.as_array());
    let transcript = artifacts().find_map(|place| place.get("transcript")?.as_str());
    let mut turns: Vec<&str> = messages
        .into_iter()
        .flatten()
        .filter_map(turn_of_customer)
        .collect();
    if turns.is_empty() {
        let lines = transcript.unwrap_or_default().lines();
        turns.extend(lines.filter_map(|line| line.trim_start().strip_prefix("User:")));
    }
    let mut said = String::new();
    for turn in turns.into_iter().map(str::trim).filter(|turn| !turn.is_empty()) {
        if !said.is_empty() {
            said.push('\n');
        }
        // Postgres keeps no NUL, and nobody says one.
        said.extend(
            turn.chars()
                .map(|said| if said.is_control() { ' ' } else { said }),
        );
    }
    said.truncate(said.floor_char_boundary(SAID_BYTES_MAX));
    said
}

fn turn_of_customer(message: &Value) -> Option<&str> {
    let is_theirs = message.get("role")?.as_str()? == "user";
    let text = message
        .get("message")
        .or_else(|| message.get("content"))?
        .as_str()?;
    is_theirs.then_some(text)
}

/// A word of somebody else's as it can be stored; `None` if there is nothing in it.
fn word(text: &str) -> Option<String> {
    let word: String = text
        .chars()
        .filter(|character| !character.is_control())
        .take(WORD_CHARS_MAX)
        .collect();
    (!word.trim().is_empty()).then_some(word)
}

/// Why a call ended, in a word as Vapi's are: letters, digits, `-`, `_` and `.`. Of anything else only that it was said
/// is kept, for it may be what somebody said in the call.
fn reason(text: &str) -> Option<String> {
    let reason = word(text)?;
    let is_one = reason.starts_with(|first: char| first.is_ascii_alphabetic())
        && reason
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character));
    Some(if is_one { reason } else { NO_WORD.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ATTEMPT: Uuid = Uuid::from_u128(7);

    fn ended(reason: &str, said: &str) -> CallRecord {
        let row = json!({
            "id": "c1",
            "status": "ended",
            "endedReason": reason,
            "artifact": { "messages": [{ "role": "bot", "message": "Hello!" }, { "role": "user", "message": said }] },
        });
        call(&row).expect("a call")
    }

    #[test]
    fn a_row_says_everything_that_we_ask_of_it() {
        let row = json!({
            "id": "7f3a2c1e-0000-4000-8000-000000000001",
            "name": ATTEMPT,
            "status": "in-progress",
            "customer": { "number": "+14035550001", "externalId": "cust_42" },
            "createdAt": "2026-06-10T17:00:00.123Z",
            "startedAt": "2026-06-10T17:00:09.000Z",
            "endedReason": null,
        });
        let call = call(&row).expect("a call");
        assert_eq!(call.attempt, Some(ATTEMPT));
        assert_eq!(call.customer_id.as_deref(), Some("cust_42"));
        assert_eq!(call.recipient.as_ref().map(Phone::as_str), Some("+14035550001"));
        assert_eq!(call.status.as_str(), "in-progress");
        assert_eq!(call.created_at, "2026-06-10T17:00:00.123Z".parse().ok());
        assert_eq!(call.started_at, "2026-06-10T17:00:09Z".parse().ok());
        assert_eq!((call.ended_at, call.result()), (None, None));
    }

    #[test]
    fn a_reason_that_is_no_word_of_vapis_is_not_kept() {
        for known in [
            "customer-busy",
            "call.in-progress.error-sip-503",
            "vonage_completed",
        ] {
            assert_eq!(ended(known, "").ended_reason.as_deref(), Some(known));
        }
        for said in [
            "my kitchen is under water",
            "+14035550001",
            "14035550001",
            "é",
            "a@b.c",
        ] {
            let call = ended(said, "");
            assert_eq!(call.ended_reason.as_deref(), Some(NO_WORD), "{said}");
            assert_eq!(call.result(), Some(CallResult::Unclear), "{said}");
        }
    }

    #[test]
    fn a_row_without_an_id_is_no_record() {
        for row in [
            json!(null),
            json!([]),
            json!("c1"),
            json!({}),
            json!({ "id": 7 }),
            json!({ "id": "" }),
            json!({ "id": "a\u{0}" }),
            json!({ "id": "../c1" }),
            json!({ "id": "x".repeat(65) }),
        ] {
            assert_eq!(call(&row), None, "{row}");
        }
    }

    #[test]
    fn an_attempt_is_found_in_any_place_and_two_are_none() {
        let id = ATTEMPT.to_string();
        for row in [
            json!({ "id": "c1", "name": id }),
            json!({ "id": "c1", "name": "typed by hand", "assistantOverrides": { "metadata": { "attempt_id": id } } }),
            json!({ "id": "c1", "name": null, "assistant": { "metadata": { "attempt_id": id } } }),
            json!({ "id": "c1", "name": id, "assistantOverrides": { "metadata": { "attempt_id": id } } }),
        ] {
            assert_eq!(call(&row).expect("a call").attempt, Some(ATTEMPT), "{row}");
        }
        let message = json!({ "assistant": { "metadata": { "attempt_id": id } } });
        let told = reported(&message, &json!({ "id": "c1" })).expect("a call");
        assert_eq!(told.attempt, Some(ATTEMPT));
        let another = Uuid::from_u128(8).to_string();
        for row in [
            json!({ "id": "c1", "name": id, "assistantOverrides": { "metadata": { "attempt_id": another } } }),
            json!({ "id": "c1", "name": ATTEMPT.simple().to_string() }),
            json!({ "id": "c1", "name": 7 }),
        ] {
            assert_eq!(call(&row).expect("a call").attempt, None, "{row}");
        }
    }

    #[test]
    fn a_customer_who_spoke_was_there_whatever_the_word_for_the_end_is() {
        let result = |reason, said| ended(reason, said).result();
        assert_eq!(result("customer-ended-call", "Yes?"), Some(CallResult::Answered));
        assert_eq!(result("customer-ended-call", " "), Some(CallResult::Unclear));
        assert_eq!(
            result("pipeline-error-openai-llm-failed", "Yes?"),
            Some(CallResult::Answered)
        );
        assert_eq!(
            result("pipeline-error-openai-llm-failed", ""),
            Some(CallResult::Failed)
        );
        assert_eq!(
            result("voicemail", "You have reached"),
            Some(CallResult::Voicemail)
        );
        assert_eq!(result("customer-busy", ""), Some(CallResult::Busy));
        assert_eq!(result("something new", ""), Some(CallResult::Unclear));
    }

    #[test]
    fn only_the_customers_words_are_theirs() {
        assert_eq!(
            ended("voicemail", "stop\u{0}\ncalling me ").customer_said,
            "stop  calling me"
        );
        let transcript = "AI: Say stop to end.\nUser: Who is this?\nAI: Acme.\n User: Stop calling.\n";
        for row in [
            json!({ "id": "c1", "artifact": { "transcript": transcript } }),
            json!({ "id": "c1", "transcript": transcript }),
        ] {
            let call = call(&row).expect("a call");
            assert_eq!(call.customer_said, "Who is this?\nStop calling.");
        }
        let long = ended("customer-ended-call", &"é".repeat(SAID_BYTES_MAX));
        assert_eq!(long.customer_said.len(), SAID_BYTES_MAX);
    }
}
