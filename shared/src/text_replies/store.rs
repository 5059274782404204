//! The statement that takes a text in.

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_postgres::types::{Json, Type};

use super::meaning::{Meaning, meaning_of};
use crate::platform::database::{Connection, Error};
use crate::providers::twilio::IncomingText;
use crate::statement;

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// How it was taken.
    pub outcome: Outcome,
    /// What it asks of us.
    pub meaning: Meaning,
    /// The thread that it stands in.
    pub conversation: Option<i64>,
    /// What a person is asked to do about it, or why it was set aside.
    pub asked: Option<String>,
}

/// How a text was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Received,
    /// It was there already.
    Duplicate,
    /// It is set aside for a person to look at.
    Quarantined,
}

/// Stores a text that came at `heard_at` (`None` for now). Repeating it changes nothing: its id is unique for ever.
pub async fn receive(
    database: &Connection,
    text: &IncomingText,
    heard_at: Option<Timestamp>,
) -> Result<Stored, Error> {
    let meaning = meaning_of(text);
    let item = item(text, meaning, heard_at);
    let row = database
        .row(statement!("receive_text"), &[(&Json(&item), Type::JSONB)])
        .await?;
    Ok(Stored {
        outcome: match row.get("outcome") {
            "received" => Outcome::Received,
            "duplicate" => Outcome::Duplicate,
            _ => Outcome::Quarantined,
        },
        meaning,
        conversation: row.get("conversation_id"),
        asked: row.get("asked"),
    })
}

/// A text by the names that `receive_text` reads; what is not there has none.
fn item(text: &IncomingText, meaning: Meaning, heard_at: Option<Timestamp>) -> Value {
    let files: Vec<Value> = text
        .files
        .iter()
        .map(|file| json!({ "url": file.url, "mime_type": file.mime_type }))
        .collect();
    let mut item = json!({
        "sid": text.message_sid.as_str(),
        "line": text.line,
        "type": if files.is_empty() { "text" } else { "media" },
        "meaning": meaning,
    });
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            item[name] = value;
        }
    };
    match &text.sender {
        Some(phone) => set("phone", Some(json!(phone.as_str()))),
        None => set("phone_given", Some(json!(text.from))),
    }
    set("body", Some(json!(text.body)).filter(|_| !text.body.is_empty()));
    set("media", Some(json!(files)).filter(|_| !files.is_empty()));
    set("sent_at", heard_at.map(|at| json!(at)));
    item
}
