//! Messages: what a customer wrote to us, and what somebody of ours wrote to them in WhatsApp's own app.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::content::{Content, read as read_content};
use super::status::Trouble;
use super::words::{line_in, reduced, time};
use super::{Identity, WaId};

const ID_CHARS_MAX: usize = 255;
/// How far Meta's clock may be ahead of ours.
const AHEAD_AT_MOST: SignedDuration = SignedDuration::from_mins(5);

/// A message's id (`wamid.…`): up to 255 letters, digits and signs of Base64. It is the same on every delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(String);

impl MessageId {
    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".+/=_:-".contains(&byte);
        ((1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_plain))
            .then(|| Self(text.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who wrote.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sender {
    /// By which an answer reaches them.
    pub identity: Identity,
    /// What they call themselves.
    pub name: Option<String>,
    /// Their username, which they can change.
    pub username: Option<String>,
}

/// Without the name: a log must not know it.
impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// What a customer wrote to us.
#[derive(Clone, PartialEq)]
pub struct InboundMessage {
    /// Which of the business's numbers it came to.
    pub phone_number_id: String,
    /// Its id.
    pub id: MessageId,
    /// Who wrote it.
    pub sender: Sender,
    /// When, by Meta's clock; `None` if that is no time. See [`InboundMessage::written_at`].
    pub sent_at: Option<Timestamp>,
    /// What it answers: one of ours, or an older one of theirs.
    pub in_reply_to: Option<MessageId>,
    /// The group that it was written in; `None` in a conversation of two.
    pub group_id: Option<String>,
    /// What it is.
    pub content: Content,
    /// What a person would read of it: the words, a caption, a title, a place. Empty if there is nothing to be read.
    pub text: String,
    /// What Meta says went wrong with it.
    pub troubles: Vec<Trouble>,
    /// As it came, reduced to what may be kept.
    pub raw: Value,
}

/// Without anything that somebody said.
impl fmt::Debug for InboundMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundMessage")
            .field("id", &self.id)
            .field("kind", &self.content.kind())
            .field("sender", &self.sender)
            .field("sent_at", &self.sent_at)
            .finish_non_exhaustive()
    }
}

impl InboundMessage {
    /// When it was written, for what depends on its age: a clock that is minutes ahead is no future, and what claims
    /// to be later than that may be as old as it likes, so nobody knows.
    pub fn written_at(&self, heard_at: Timestamp) -> Option<Timestamp> {
        said_at(self.sent_at, heard_at)
    }
}

/// When something was said that claims a time; `None` if that is none, or one to come.
pub(super) fn said_at(claimed: Option<Timestamp>, heard_at: Timestamp) -> Option<Timestamp> {
    let claimed = claimed?;
    (claimed.duration_since(heard_at) <= AHEAD_AT_MOST).then(|| claimed.min(heard_at))
}

/// What somebody of ours wrote in WhatsApp's own app, which shares the number with us.
#[derive(Clone, PartialEq)]
pub struct Echo {
    /// Which of the business's numbers it came from.
    pub phone_number_id: String,
    /// Its id.
    pub id: MessageId,
    /// Whom they wrote to.
    pub recipient: Identity,
    /// When, by Meta's clock; `None` if that is no time.
    pub sent_at: Option<Timestamp>,
    /// What it answers.
    pub in_reply_to: Option<MessageId>,
    /// What it is.
    pub content: Content,
    /// What a person would read of it.
    pub text: String,
    /// As it came, reduced to what may be kept.
    pub raw: Value,
}

/// Without anything that somebody said.
impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Echo")
            .field("id", &self.id)
            .field("kind", &self.content.kind())
            .field("recipient", &self.recipient)
            .field("sent_at", &self.sent_at)
            .finish_non_exhaustive()
    }
}

/// Reads a message; an error names what is missing. `contacts` are the people that were told of beside it.
pub(super) fn inbound(
    phone_number_id: &str,
    contacts: &[Sender],
    message: &Value,
) -> Result<InboundMessage, &'static str> {
    let id = id_in(message).ok_or("id")?;
    let (content, text) = read_content(message);
    let written_by = Identity::of(message.get("from"), message.get("from_user_id"));
    let sender = sender_of(written_by, contacts).or_else(|| content.announced().map(Sender::of));
    Ok(InboundMessage {
        phone_number_id: phone_number_id.to_owned(),
        id,
        sender: sender.ok_or("from")?,
        sent_at: time(message.get("timestamp")),
        in_reply_to: replied_to(message),
        group_id: line_in(message, "group_id"),
        content,
        text,
        troubles: Trouble::all_in(message.get("errors")),
        raw: reduced(message),
    })
}

/// Reads an echo; an error names what is missing.
pub(super) fn echo(
    phone_number_id: &str,
    contacts: &[Sender],
    message: &Value,
) -> Result<Echo, &'static str> {
    let id = id_in(message).ok_or("id")?;
    let written_to = Identity::of(message.get("to"), message.get("to_user_id"));
    let (content, text) = read_content(message);
    Ok(Echo {
        phone_number_id: phone_number_id.to_owned(),
        id,
        recipient: sender_of(written_to, contacts).ok_or("to")?.identity,
        sent_at: time(message.get("timestamp")),
        in_reply_to: replied_to(message),
        content,
        text,
        raw: reduced(message),
    })
}

impl Sender {
    /// Somebody of whom nothing else is known.
    fn of(identity: Identity) -> Self {
        Self {
            identity,
            ..Self::default()
        }
    }

    /// Of `contacts[]`.
    pub(super) fn of_contact(contact: &Value) -> Self {
        let profile = contact.get("profile").unwrap_or(&Value::Null);
        Self {
            identity: Identity::of(contact.get("wa_id"), contact.get("user_id")),
            name: line_in(profile, "name"),
            username: line_in(profile, "username"),
        }
    }
}

/// Who is meant, with all that is known of them. A message that names nobody is from the only one told of.
fn sender_of(named: Identity, contacts: &[Sender]) -> Option<Sender> {
    let known = match contacts {
        [only] if named.is_nobody() => Some(only),
        _ => contacts
            .iter()
            .find(|contact| contact.identity.is_same_as(&named)),
    };
    let known = known.cloned().unwrap_or_default();
    let identity = named.or(known.identity);
    (!identity.is_nobody()).then_some(Sender { identity, ..known })
}

/// Whether a message comes from the number that it came to, which nobody answers.
pub(super) fn is_from(message: &Value, display_phone_number: Option<&Value>) -> bool {
    let digits = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str).unwrap_or_default();
        text.chars().filter(char::is_ascii_digit).collect::<String>()
    };
    let ours = digits(display_phone_number);
    !ours.is_empty() && digits(message.get("from")) == ours
}

fn id_in(message: &Value) -> Option<MessageId> {
    MessageId::parse(message.get("id")?.as_str()?)
}

fn replied_to(message: &Value) -> Option<MessageId> {
    MessageId::parse(message.pointer("/context/id")?.as_str()?)
}

impl From<WaId> for Identity {
    fn from(wa_id: WaId) -> Self {
        Self {
            phone: wa_id.phone(),
            wa_id: Some(wa_id),
            user_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_base64_and_nothing_else() {
        for good in ["wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUFE/+A=", "wamid.x-_=="] {
            assert_eq!(MessageId::parse(good).as_ref().map(MessageId::as_str), Some(good));
        }
        for bad in [
            "",
            " ",
            "wamid x",
            "'; DROP TABLE messages; --",
            "wamid.\0",
            "é",
            &"w".repeat(256),
        ] {
            assert_eq!(MessageId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn age_is_known_or_said_not_to_be() {
        let heard_at: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let mut message = inbound(
            "1",
            &[],
            &serde_json::json!({ "id": "w", "from": "14155550101", "type": "text" }),
        )
        .expect("a message");
        assert_eq!(message.written_at(heard_at), None);
        for (after, expected) in [
            (-600, Some(-600)),
            (0, Some(0)),
            (300, Some(0)),
            (301, None),
            (86_400, None),
        ] {
            message.sent_at = Some(heard_at + SignedDuration::from_secs(after));
            let expected = expected.map(|expected| heard_at + SignedDuration::from_secs(expected));
            assert_eq!(message.written_at(heard_at), expected, "{after}");
        }
    }
}
