//! What WhatsApp told, as it is stored: each thing by itself, so that it can be parked and set aside by itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::policy::{Heard, Policy, Wish, heard_in_edit, policy_of, wish_of};
use crate::providers::whatsapp::{
    Content, Echo, Identity, InboundMessage, Item, Media, MessageId, Preference, PreferenceValue,
    StatusReport,
};

/// What cannot be understood is kept for a person to look at, and not for longer than it can be read.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// Somebody, by everything that WhatsApp knows them by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their number, in the one spelling that is kept of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The digits that an answer goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wa_id: Option<String>,
    /// Their business-scoped id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wa_user_id: Option<String>,
    /// What stood in the place of a number and is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_given: Option<String>,
}

/// Who is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Business {
    /// WhatsApp's id of its number.
    pub phone_number_id: String,
    /// What it is called.
    pub name: String,
}

/// One thing that WhatsApp told, reduced to what is kept of it. Its names are those that `receive_from_whatsapp` reads.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Told {
    /// A customer wrote.
    Message(Box<Received>),
    /// A message of ours has come further, or failed.
    Status {
        /// WhatsApp's id of it.
        wamid: String,
        /// Meta's word.
        status: String,
        /// The attempt that it was sent for.
        attempt: Option<Uuid>,
        /// Why it failed, by Meta's number.
        error_code: Option<i64>,
        /// And in its words.
        error: Option<String>,
    },
    /// A person of the business wrote, on their own telephone.
    Echo {
        /// Whom they wrote to.
        #[serde(flatten)]
        to: Person,
        /// WhatsApp's id of it.
        wamid: String,
        /// When.
        sent_at: Timestamp,
        /// What it is, in WhatsApp's word.
        r#type: String,
        /// What a person would read of it.
        body: Option<String>,
        /// The file in it.
        media: Option<Value>,
        /// The message that it answers.
        reply_to: Option<String>,
    },
    /// Another wording of a message, which may be told before the message itself.
    Edit {
        /// Whose.
        #[serde(flatten)]
        from: Person,
        /// Which one.
        wamid: String,
        /// What it says now.
        body: String,
        /// Since when.
        said_at: Timestamp,
        /// What is heard in the new words.
        heard: Option<Heard>,
    },
    /// A message was taken back, perhaps before it was told.
    Revoke {
        /// Whose.
        #[serde(flatten)]
        from: Person,
        /// Which one.
        wamid: String,
        /// When.
        said_at: Timestamp,
    },
    /// Somebody wants to be left alone, or not any more.
    Preference {
        /// Who.
        #[serde(flatten)]
        who: Person,
        /// Which.
        wish: Wish,
        /// Since when, by Meta's clock.
        said_at: Timestamp,
    },
    /// Somebody has another id.
    NewUserId {
        /// The one they had.
        was: Option<String>,
        /// The one they have, and their number if it is told.
        #[serde(flatten)]
        now: Person,
    },
    /// Something for a person to look at.
    Unreadable {
        /// What is wrong with it.
        why: String,
        /// It.
        raw: String,
    },
}

/// A message as it is stored.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Received {
    /// Who wrote.
    #[serde(flatten)]
    pub from: Person,
    /// What they call themselves.
    pub name: Option<String>,
    /// WhatsApp's id of it.
    pub wamid: String,
    /// When, by Meta's clock.
    pub sent_at: Timestamp,
    /// What it is, in WhatsApp's word.
    pub r#type: String,
    /// What a person would read of it.
    pub body: Option<String>,
    /// The file in it.
    pub media: Option<Value>,
    /// As it came, where we do not know its type.
    pub raw: Option<Value>,
    /// The message that it answers.
    pub reply_to: Option<String>,
    /// The group that it was written in.
    pub group: Option<String>,
    /// `answer`, `leave` or `hand_over`.
    pub policy: String,
    /// Why it is left or handed over.
    pub why: Option<String>,
    /// The words that answer it, if they are our own.
    pub draft: Option<String>,
    /// What they wish for all channels.
    pub wish: Option<Wish>,
    /// Whom they say that they are from now on.
    pub is_now: Option<Person>,
}

/// Without a word of what anybody wrote.
impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

impl Told {
    /// What is kept of an item; `None` if nothing is. What came to a number that is not the business's is not ours to
    /// answer.
    pub fn of(item: &Item, business: &Business, heard_at: Timestamp) -> Option<Self> {
        let strange = |number: &String| *number != business.phone_number_id;
        match item {
            Item::Message(message) if strange(&message.phone_number_id) => Some(not_ours(&message.raw)),
            Item::Echo(echo) if strange(&echo.phone_number_id) => Some(not_ours(&echo.raw)),
            Item::Message(message) => Some(Self::of_message(message, business, heard_at)),
            Item::Echo(echo) => Some(Self::of_echo(echo, heard_at)),
            Item::Status(report) => Some(Self::of_status(report)),
            Item::Preference(preference) => Self::of_preference(preference, heard_at),
            Item::IdentityChange(change) => {
                let was = change.before.as_ref().map(|before| before.as_str().to_owned());
                let now = Person::of(&change.now);
                // An id alone tells nothing of anybody.
                (was.is_some() || now.phone.is_some()).then_some(Self::NewUserId { was, now })
            }
            Item::Trouble { .. } | Item::Other { .. } => None,
            Item::Unreadable(unreadable) => Some(set_aside(unreadable.reason, &unreadable.raw)),
        }
    }

    fn of_message(message: &InboundMessage, business: &Business, heard_at: Timestamp) -> Self {
        let body = Some(message.text.clone()).filter(|text| !text.is_empty());
        let from = Person::of(&message.sender.identity);
        let written_at = message.written_at(heard_at);
        let said_at = written_at.unwrap_or(heard_at);
        match &message.content {
            Content::Edit { of, .. } => {
                let (Some(wamid), Some(body)) = (wamid(of.as_ref()), body) else {
                    return set_aside("messages.edit", &message.raw);
                };
                let heard = heard_in_edit(message);
                return Self::Edit {
                    from,
                    wamid,
                    body,
                    said_at,
                    heard,
                };
            }
            Content::Revoke { of } => {
                let Some(wamid) = wamid(of.as_ref()) else {
                    return set_aside("messages.revoke", &message.raw);
                };
                return Self::Revoke { from, wamid, said_at };
            }
            _ => {}
        }
        let wish = wish_of(message);
        let sent_at = match (written_at, wish) {
            (Some(written_at), _) => written_at,
            // A stop is heard whatever the clock says.
            (None, Some(Wish::Stop)) => heard_at,
            (None, _) => return set_aside("messages.timestamp", &message.raw),
        };
        let is_now = match &message.content {
            Content::System(change) if !change.now.is_nobody() => Some(Person::of(&change.now)),
            _ => None,
        };
        let (word, why, draft) = match policy_of(message, wish) {
            Policy::Answer => ("answer", None, None),
            Policy::AnswerWith(words) => ("answer", None, Some(words.replace("{business}", &business.name))),
            Policy::Leave(why) => ("leave", Some(why.to_owned()), None),
            Policy::HandOver(why) => ("hand_over", Some(why.to_owned()), None),
        };
        let is_known = !matches!(
            message.content,
            Content::Unknown { .. } | Content::Unsupported { .. }
        );
        Self::Message(Box::new(Received {
            from,
            name: message.sender.name.clone(),
            wamid: message.id.as_str().to_owned(),
            sent_at,
            r#type: message.content.kind().to_owned(),
            body,
            media: message.content.media().map(media),
            raw: (!is_known).then(|| message.raw.clone()),
            reply_to: wamid(message.in_reply_to.as_ref()),
            group: message.group_id.clone(),
            policy: word.to_owned(),
            why,
            draft,
            wish,
            is_now,
        }))
    }

    /// A switch that nobody knows the time of is a stop now, and takes nothing back.
    fn of_preference(preference: &Preference, heard_at: Timestamp) -> Option<Self> {
        let who = Person::of(&preference.customer);
        let (wish, said_at) = match (&preference.value, preference.said_at(heard_at)) {
            (PreferenceValue::Stop, said_at) => (Wish::Stop, said_at.unwrap_or(heard_at)),
            (PreferenceValue::Resume, Some(said_at)) => (Wish::Start, said_at),
            (PreferenceValue::Resume, None) => {
                let raw = json!({ "value": "resume", "customer": who });
                return Some(set_aside("user_preferences.timestamp", &raw));
            }
            (PreferenceValue::Other(_), _) => return None,
        };
        Some(Self::Preference { who, wish, said_at })
    }

    fn of_echo(echo: &Echo, heard_at: Timestamp) -> Self {
        Self::Echo {
            to: Person::of(&echo.recipient),
            wamid: echo.id.as_str().to_owned(),
            sent_at: echo.sent_at.unwrap_or(heard_at),
            r#type: echo.content.kind().to_owned(),
            body: Some(echo.text.clone()).filter(|text| !text.is_empty()),
            media: echo.content.media().map(media),
            reply_to: wamid(echo.in_reply_to.as_ref()),
        }
    }

    fn of_status(report: &StatusReport) -> Self {
        let trouble = report.troubles.first();
        Self::Status {
            wamid: report.id.as_str().to_owned(),
            status: report.status.as_str().to_owned(),
            attempt: report.attempt,
            error_code: trouble.map(|trouble| trouble.code),
            error: trouble.and_then(|trouble| trouble.title.clone()),
        }
    }

    /// What was signed, and is nothing that anybody can use: as much of it as a person can look at.
    pub fn unreadable(why: &str, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&body[..body.len().min(KEPT_BYTES_MAX)]);
        Self::Unreadable {
            why: why.to_owned(),
            raw: text.replace('\0', "\u{fffd}"),
        }
    }

    /// What it is.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Status { .. } => "status",
            Self::Echo { .. } => "echo",
            Self::Edit { .. } => "edit",
            Self::Revoke { .. } => "revoke",
            Self::Preference { .. } => "preference",
            Self::NewUserId { .. } => "new_user_id",
            Self::Unreadable { .. } => "unreadable",
        }
    }

    /// What it is about: things of one subject keep their order.
    pub fn subject(&self) -> &str {
        match self {
            Self::Message(message) => message.from.subject(),
            Self::Echo { to: person, .. }
            | Self::Edit { from: person, .. }
            | Self::Revoke { from: person, .. }
            | Self::Preference { who: person, .. }
            | Self::NewUserId { now: person, .. } => person.subject(),
            Self::Status { wamid, .. } => wamid,
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

impl Person {
    fn of(identity: &Identity) -> Self {
        let written = identity
            .wa_id
            .as_ref()
            .map(|id| id.as_str().trim_start_matches('+').to_owned());
        let is_number = identity.phone.is_some();
        Self {
            phone: identity.phone.as_ref().map(|phone| phone.as_str().to_owned()),
            wa_id: written.clone().filter(|_| is_number),
            wa_user_id: identity.user_id.as_ref().map(|id| id.as_str().to_owned()),
            phone_given: written.filter(|_| !is_number),
        }
    }

    fn subject(&self) -> &str {
        let known_by = [&self.phone, &self.wa_user_id, &self.phone_given];
        known_by
            .into_iter()
            .flatten()
            .next()
            .map_or("nobody", String::as_str)
    }
}

fn wamid(id: Option<&MessageId>) -> Option<String> {
    id.map(|id| id.as_str().to_owned())
}

fn media(media: &Media) -> Value {
    json!({
        "id": media.id, "mime_type": media.mime_type, "sha256": media.sha256, "filename": media.filename,
        "is_voice": media.is_voice,
    })
}

fn not_ours(raw: &Value) -> Told {
    set_aside("metadata.phone_number_id is none of ours", raw)
}

fn set_aside(why: &str, raw: &Value) -> Told {
    Told::Unreadable {
        why: why.to_owned(),
        raw: raw.to_string(),
    }
}
