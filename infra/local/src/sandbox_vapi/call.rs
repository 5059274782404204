//! Calls, as Vapi holds and shows them.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// Something that somebody said in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// `user`, `bot` or `system`.
    pub role: String,
    /// The words.
    pub text: String,
}

/// A call that somebody wants placed, checked.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) request: u64,
    pub(super) name: Option<String>,
    pub(super) recipient: String,
    pub(super) customer_id: Option<String>,
    pub(super) customer_name: Option<String>,
    pub(super) assistant_id: String,
    pub(super) phone_number_id: String,
    pub(super) overrides: Value,
}

/// A call that was accepted.
#[derive(Clone, Debug)]
pub struct Call {
    /// A UUID.
    pub id: String,
    /// The request that it came from, as numbered in `requests()`.
    pub request: u64,
    /// What its owner calls it.
    pub name: Option<String>,
    /// Who is called.
    pub recipient: String,
    /// The owner's id for them.
    pub customer_id: Option<String>,
    /// The owner's name for them.
    pub customer_name: Option<String>,
    /// The assistant.
    pub assistant_id: String,
    /// The number that it is placed from.
    pub phone_number_id: String,
    /// What was to be different about the assistant.
    pub overrides: Value,
    /// When it was accepted, by the sandbox's clock, to the millisecond.
    pub created_at: Timestamp,
    /// When the conversation began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// `queued`, `ringing`, `in-progress`, `ended`, …
    pub status: String,
    /// Why it ended.
    pub ended_reason: Option<String>,
    /// What was said.
    pub turns: Vec<Turn>,
}

impl Call {
    pub(super) fn of(order: &Order, now: Timestamp) -> Self {
        let order = order.clone();
        Self {
            id: Uuid::new_v4().to_string(),
            request: order.request,
            name: order.name,
            recipient: order.recipient,
            customer_id: order.customer_id,
            customer_name: order.customer_name,
            assistant_id: order.assistant_id,
            phone_number_id: order.phone_number_id,
            overrides: order.overrides,
            created_at: Timestamp::from_millisecond(now.as_millisecond())
                .expect("a moment of the same range"),
            started_at: None,
            ended_at: None,
            status: "queued".to_owned(),
            ended_reason: None,
            turns: Vec::new(),
        }
    }

    /// The attempt's id in the metadata that came with it.
    pub fn attempt(&self) -> Option<&str> {
        self.overrides.pointer("/metadata/attempt_id")?.as_str()
    }

    /// Somebody says something.
    pub fn say(&mut self, role: &str, text: &str) {
        self.turns.push(Turn {
            role: role.to_owned(),
            text: text.to_owned(),
        });
    }

    /// As the API shows it.
    pub fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "orgId": "00000000-0000-4000-8000-000000000001",
            "type": "outboundPhoneCall",
            "status": self.status,
            "createdAt": written(self.created_at),
            "updatedAt": written(self.ended_at.or(self.started_at).unwrap_or(self.created_at)),
            "startedAt": self.started_at.map(written),
            "endedAt": self.ended_at.map(written),
            "endedReason": self.ended_reason,
            "name": self.name,
            "assistantId": self.assistant_id,
            "assistantOverrides": self.overrides,
            "phoneNumberId": self.phone_number_id,
            "phoneCallProvider": "twilio",
            "phoneCallTransport": "pstn",
            "customer": {
                "number": self.recipient,
                "externalId": self.customer_id,
                "name": self.customer_name,
            },
            "artifact": self.artifact(),
            "monitor": {
                "listenUrl": format!("wss://vapi.example/{}/listen", self.id),
                "controlUrl": format!("https://vapi.example/{}/control", self.id),
            },
        })
    }

    /// What was said, in both of the ways in which Vapi writes it down.
    pub(super) fn artifact(&self) -> Value {
        let messages: Vec<Value> = self
            .turns
            .iter()
            .map(|turn| json!({ "role": turn.role, "message": turn.text }))
            .collect();
        let lines: Vec<String> = self
            .turns
            .iter()
            .filter(|turn| turn.role != "system")
            .map(|turn| {
                let speaker = if turn.role == "user" { "User" } else { "AI" };
                format!("{speaker}: {}\n", turn.text)
            })
            .collect();
        json!({ "messages": messages, "transcript": lines.concat() })
    }
}

/// A date as Vapi writes it: ISO 8601, in UTC, to the millisecond.
pub(super) fn written(date: Timestamp) -> String {
    format!("{date:.3}")
}
