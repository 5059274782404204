//! Messages that the business sent, as Meta holds them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// A message that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct SentMessage {
    /// `wamid.…`
    pub id: String,
    /// The request that it came from, as numbered in `requests()`.
    pub request: u64,
    /// Whom it goes to: digits without a `+`, or a business-scoped id.
    pub to: String,
    /// Whether that is an id and no number.
    pub is_to_user_id: bool,
    /// `text` or `template`, or another type.
    pub kind: String,
    /// What it says; of a template, its parameters in a line each.
    pub text: String,
    /// The template's name.
    pub template: Option<String>,
    /// What it answers.
    pub in_reply_to: Option<String>,
    /// What its sender wants back with every report: `biz_opaque_callback_data`.
    pub callback_data: Option<String>,
    /// When it was accepted, by the sandbox's clock.
    pub accepted_at: Timestamp,
    /// How far it has come: `accepted`, or Meta's word in its last report.
    pub status: String,
}

impl SentMessage {
    /// The attempt's id in what came with it.
    pub fn attempt(&self) -> Option<&str> {
        self.callback_data.as_deref()
    }

    /// Of a request's body, which was checked.
    pub(super) fn of(body: &Value, request: u64, now: Timestamp) -> Self {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let number = text("/to").map(|to| to.trim_start_matches('+').to_owned());
        let is_to_user_id = number.is_none();
        let kind = text("/type").unwrap_or_else(|| "text".to_owned());
        let parameters = body.pointer("/template/components/0/parameters");
        let parameters: Vec<&str> = parameters
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|parameter| parameter["text"].as_str())
            .collect();
        Self {
            id: new_id(),
            request,
            to: number.or_else(|| text("/recipient")).unwrap_or_default(),
            is_to_user_id,
            text: text("/text/body").unwrap_or_else(|| parameters.join("\n")),
            kind,
            template: text("/template/name"),
            in_reply_to: text("/context/message_id"),
            callback_data: text("/biz_opaque_callback_data"),
            accepted_at: now,
            status: "accepted".to_owned(),
        }
    }

    /// The answer to its sender.
    pub(super) fn accepted(&self, asked_for: &str) -> Value {
        let contact = if self.is_to_user_id {
            json!({ "input": asked_for, "user_id": self.to })
        } else {
            json!({ "input": asked_for, "wa_id": self.to })
        };
        let mut message = json!({ "id": self.id });
        if self.template.is_some() {
            message["message_status"] = "accepted".into();
        }
        json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [message] })
    }
}

/// What somebody was shown beside their own message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Their message.
    pub message_id: String,
    /// Whether it also said that an answer is being written.
    pub is_typing: bool,
    /// When, by the sandbox's clock.
    pub at: Timestamp,
}

/// An id in the real shape: Base64 with whatever signs it has.
pub(super) fn new_id() -> String {
    let bytes = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
    format!("wamid.HBgL{}", BASE64_STANDARD.encode(bytes))
}
