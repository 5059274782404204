//! A webhook's body, taken apart.
//!
//! One request can hold entries of several accounts, several changes in each, and up to a thousand messages and
//! reports in those. All of them are read, in their order and each on its own.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use super::message::{self, Echo, InboundMessage, Sender};
use super::status::{StatusReport, Trouble};
use super::words::{line_in, reduced, time, word};
use super::{Identity, UserId};

/// Signed, but not to be understood as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Not even JSON, or nested deeper than anybody can mean.
    #[error("the body is not JSON")]
    NotJson,
    /// About something else than WhatsApp: acknowledged, and nothing else.
    #[error("not about a WhatsApp business account")]
    OtherObject,
    /// A field that must be there is missing or of another kind.
    #[error("{0} is missing or malformed")]
    Malformed(&'static str),
}

/// One thing that Meta says.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A customer wrote.
    Message(Box<InboundMessage>),
    /// A message of ours has come further, or failed.
    Status(Box<StatusReport>),
    /// Somebody of ours wrote to a customer in WhatsApp's own app.
    Echo(Box<Echo>),
    /// A customer wants no more marketing, or wants it again.
    Preference(Preference),
    /// A customer has another business-scoped id.
    IdentityChange(IdentityChange),
    /// Something went wrong at Meta, with nothing in particular.
    Trouble {
        /// Which of the business's numbers it is about.
        phone_number_id: String,
        /// What.
        troubles: Vec<Trouble>,
    },
    /// Something that we do nothing about: it is acknowledged.
    Other {
        /// What it is about, by Meta's word.
        field: String,
    },
    /// Something that must be kept for a person to look at.
    Unreadable(Unreadable),
}

/// What could not be read.
#[derive(Clone, PartialEq)]
pub struct Unreadable {
    /// What is missing or malformed, such as `messages.id`.
    pub reason: &'static str,
    /// What there was instead, reduced to what may be kept.
    pub raw: Value,
}

/// Without what there was: somebody may have said it.
impl fmt::Debug for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unreadable")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// What a customer wants to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    /// Which of the business's numbers it is about.
    pub phone_number_id: String,
    /// Who.
    pub customer: Identity,
    /// What it is about: `marketing_messages`.
    pub category: Option<String>,
    /// What they want.
    pub value: PreferenceValue,
    /// Since when; `None` if that is no time.
    pub at: Option<Timestamp>,
}

impl Preference {
    /// When they said so; `None` if nobody knows.
    pub fn said_at(&self, heard_at: Timestamp) -> Option<Timestamp> {
        message::said_at(self.at, heard_at)
    }
}

/// Whether somebody wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreferenceValue {
    /// No more of it.
    Stop,
    /// Of it again.
    Resume,
    /// Something else, by Meta's word.
    Other(Option<String>),
}

/// Another id for the same person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityChange {
    /// Which of the business's numbers it is about.
    pub phone_number_id: String,
    /// Who they were; `None` if nobody says.
    pub before: Option<UserId>,
    /// Who they are, with their number if that is known.
    pub now: Identity,
    /// Since when; `None` if that is no time.
    pub at: Option<Timestamp>,
}

/// Everything that a body says, in its order.
pub fn items(body: &[u8]) -> Result<Vec<Item>, WebhookError> {
    // What is not text in it was said by somebody and changes nothing.
    let body: Value =
        serde_json::from_str(&String::from_utf8_lossy(body)).map_err(|_| WebhookError::NotJson)?;
    match body.get("object") {
        Some(Value::String(object)) if object == "whatsapp_business_account" => {}
        Some(Value::String(_)) => return Err(WebhookError::OtherObject),
        _ => return Err(WebhookError::Malformed("object")),
    }
    let entries = body.get("entry").and_then(Value::as_array);
    let mut found = Vec::new();
    for entry in entries.ok_or(WebhookError::Malformed("entry"))? {
        match entry.get("changes").and_then(Value::as_array) {
            Some(changes) => changes.iter().for_each(|change| read(change, &mut found)),
            None => found.push(unreadable("entry.changes", entry)),
        }
    }
    Ok(found)
}

fn read(change: &Value, found: &mut Vec<Item>) {
    let Some(field) = change.get("field").and_then(Value::as_str) else {
        return found.push(unreadable("changes.field", change));
    };
    let value = match change.get("value") {
        Some(value) if value.is_object() => value,
        _ if !is_ours(field) => &Value::Null,
        _ => return found.push(unreadable("changes.value", change)),
    };
    if !is_ours(field) {
        let field = word(field).unwrap_or_else(|| "unknown".to_owned());
        return found.push(Item::Other { field });
    }
    let Some(number) = value
        .get("metadata")
        .and_then(|metadata| line_in(metadata, "phone_number_id"))
    else {
        return found.push(unreadable("metadata.phone_number_id", change));
    };
    let before = found.len();
    let contacts: Vec<Sender> = list(value, "contacts").map(Sender::of_contact).collect();
    let ours = value.pointer("/metadata/display_phone_number");
    for said in list(value, "messages") {
        found.push(match message::inbound(&number, &contacts, said) {
            Ok(_) if message::is_from(said, ours) => Item::Other {
                field: "messages_from_ourselves".to_owned(),
            },
            Ok(message) => Item::Message(Box::new(message)),
            Err("id") => unreadable("messages.id", said),
            Err(_) => unreadable("messages.from", said),
        });
    }
    for status in list(value, "statuses") {
        found.push(match StatusReport::read(&number, status) {
            Ok(report) => Item::Status(Box::new(report)),
            Err("id") => unreadable("statuses.id", status),
            Err(_) => unreadable("statuses.status", status),
        });
    }
    for echo in list(value, "message_echoes") {
        found.push(match message::echo(&number, &contacts, echo) {
            Ok(echo) => Item::Echo(Box::new(echo)),
            Err("id") => unreadable("message_echoes.id", echo),
            Err(_) => unreadable("message_echoes.to", echo),
        });
    }
    for preference in list(value, "user_preferences") {
        found.push(read_preference(&number, &contacts, preference));
    }
    for update in list(value, "user_id_update") {
        found.push(read_identity_change(&number, &contacts, update));
    }
    let troubles = Trouble::all_in(value.get("errors"));
    if !troubles.is_empty() {
        let phone_number_id = number;
        found.push(Item::Trouble {
            phone_number_id,
            troubles,
        });
    }
    if found.len() == before {
        // Of a field that we know, with nothing in it that we know.
        let has_something = value
            .as_object()
            .is_some_and(|value| value.keys().any(|name| !is_frame(name)));
        found.push(if has_something {
            unreadable("changes.value", change)
        } else {
            Item::Other {
                field: field.to_owned(),
            }
        });
    }
}

/// The fields that say something to us.
fn is_ours(field: &str) -> bool {
    matches!(
        field,
        "messages" | "smb_message_echoes" | "message_echoes" | "user_preferences" | "user_id_update"
    )
}

/// What stands around what is said.
fn is_frame(name: &str) -> bool {
    matches!(
        name,
        "messaging_product" | "metadata" | "contacts" | "messages" | "statuses" | "message_echoes"
    )
}

fn read_preference(number: &str, contacts: &[Sender], preference: &Value) -> Item {
    let Some(customer) = person_in(preference, contacts) else {
        return unreadable("user_preferences.wa_id", preference);
    };
    let Some(value) = preference.get("value").and_then(Value::as_str) else {
        return unreadable("user_preferences.value", preference);
    };
    Item::Preference(Preference {
        phone_number_id: number.to_owned(),
        customer,
        category: preference.get("category").and_then(Value::as_str).and_then(word),
        value: match value {
            "stop" => PreferenceValue::Stop,
            "resume" => PreferenceValue::Resume,
            other => PreferenceValue::Other(word(other)),
        },
        at: time(preference.get("timestamp")),
    })
}

fn read_identity_change(number: &str, contacts: &[Sender], update: &Value) -> Item {
    let id = |name: &str| update.get("user_id")?.get(name)?.as_str().and_then(UserId::parse);
    let Some(current) = id("current") else {
        return unreadable("user_id_update.user_id.current", update);
    };
    let now = Identity {
        user_id: Some(current),
        ..person_in(update, contacts).unwrap_or_default()
    };
    Item::IdentityChange(IdentityChange {
        phone_number_id: number.to_owned(),
        before: id("previous"),
        now,
        at: time(update.get("timestamp")),
    })
}

/// Who is named by `wa_id` or `user_id`, or the only one told of.
fn person_in(object: &Value, contacts: &[Sender]) -> Option<Identity> {
    let user_id = object.get("user_id").filter(|id| id.is_string());
    let named = Identity::of(object.get("wa_id"), user_id);
    let known = match contacts {
        [only] if named.is_nobody() => Some(only),
        _ => contacts
            .iter()
            .find(|contact| contact.identity.is_same_as(&named)),
    };
    let person = match known {
        Some(known) => named.or(known.identity.clone()),
        None => named,
    };
    (!person.is_nobody()).then_some(person)
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    // One instead of a list of one would be read as well.
    let (many, one) = match value.get(name) {
        Some(Value::Array(values)) => (Some(values), None),
        Some(Value::Null) | None => (None, None),
        other => (None, other),
    };
    many.into_iter().flatten().chain(one)
}

fn unreadable(reason: &'static str, raw: &Value) -> Item {
    Item::Unreadable(Unreadable {
        reason,
        raw: reduced(raw),
    })
}

#[cfg(test)]
mod tests;
