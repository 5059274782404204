//! An event, as Stripe sends it.
//!
//! Source: <https://docs.stripe.com/api/events/object>.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use crate::customers::RecordId;

/// Signed, but not to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not even JSON.
    #[error("the body is not JSON")]
    NotJson,
    /// A field that must be there is missing, null or of another kind.
    #[error("{0} is missing or malformed")]
    Malformed(&'static str),
    /// It names two customers of ours.
    #[error("client_reference_id and metadata name different customers")]
    TwoCustomers,
}

/// Something that happened in our books at Stripe.
#[derive(Clone, PartialEq)]
pub struct Event {
    /// `evt_…`; the same when it is delivered again.
    pub id: RecordId,
    /// Such as `invoice.paid`.
    pub kind: String,
    /// When it happened, to the second: two events of one second have no order.
    pub created_at: Timestamp,
    /// With real money.
    pub is_live: bool,
    /// The object that it is about, as it was then. Always a JSON object.
    object: Value,
}

impl Event {
    /// Reads a verified body.
    pub fn parse(body: &[u8]) -> Result<Self, EventError> {
        let mut event: Value = serde_json::from_slice(body).map_err(|_| EventError::NotJson)?;
        // Thin events, of the newer API, say only where to look.
        if event.get("object").and_then(Value::as_str) != Some("event") {
            return Err(EventError::Malformed("object"));
        }
        let text = |name: &'static str| {
            event
                .get(name)
                .and_then(Value::as_str)
                .ok_or(EventError::Malformed(name))
        };
        let id = RecordId::parse(text("id")?).map_err(|_| EventError::Malformed("id"))?;
        let kind = text("type")?;
        if !is_kind(kind) {
            return Err(EventError::Malformed("type"));
        }
        let kind = kind.to_owned();
        let created = event.get("created").and_then(Value::as_i64);
        let created_at = created
            .filter(|seconds| *seconds >= 0)
            .and_then(|seconds| Timestamp::from_second(seconds).ok());
        let is_live = event.get("livemode").and_then(Value::as_bool);
        Ok(Self {
            id,
            kind,
            created_at: created_at.ok_or(EventError::Malformed("created"))?,
            is_live: is_live.ok_or(EventError::Malformed("livemode"))?,
            object: event
                .pointer_mut("/data/object")
                .map(Value::take)
                .filter(Value::is_object)
                .ok_or(EventError::Malformed("data.object"))?,
        })
    }

    /// What the object has at a JSON pointer; `None` also for null.
    pub(super) fn at(&self, pointer: &str) -> Option<&Value> {
        self.object.pointer(pointer).filter(|value| !value.is_null())
    }

    /// The text there, unless it is blank.
    pub(super) fn text_at(&self, pointer: &str) -> Option<&str> {
        let text = self.at(pointer)?.as_str()?.trim();
        (!text.is_empty()).then_some(text)
    }
}

/// Words with full stops between them.
fn is_kind(text: &str) -> bool {
    let is_of_a_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._".contains(&byte);
    (1..=100).contains(&text.len()) && text.bytes().all(is_of_a_word)
}

/// Without the object: it knows who the customer is, and a log must not.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("created_at", &self.created_at)
            .field("is_live", &self.is_live)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(event: &Value) -> Result<Event, EventError> {
        Event::parse(event.to_string().as_bytes())
    }

    fn good() -> Value {
        json!({
            "id": "evt_1", "object": "event", "type": "invoice.paid", "created": 1_760_000_000, "livemode": false,
            "api_version": "2026-10-28.endive", "data": { "object": { "id": "in_1" } },
        })
    }

    #[test]
    fn an_event_is_read_whatever_else_it_has() {
        let event = parse(&good()).expect("an event");
        assert_eq!(
            (event.id.as_str(), event.kind.as_str()),
            ("evt_1", "invoice.paid")
        );
        assert_eq!(event.created_at.as_second(), 1_760_000_000);
        assert!(!event.is_live);
        assert_eq!(event.text_at("/id"), Some("in_1"));
        assert_eq!(event.text_at("/nowhere/at/all"), None);
    }

    #[test]
    fn what_is_missing_or_of_another_kind_is_named() {
        let others = [
            json!(null),
            json!(true),
            json!(-1),
            json!(1.5),
            json!(""),
            json!([]),
            json!({}),
        ];
        let fields = [
            ("/id", "id"),
            ("/object", "object"),
            ("/type", "type"),
            ("/created", "created"),
            ("/livemode", "livemode"),
            ("/data/object", "data.object"),
            ("/data", "data.object"),
        ];
        for (pointer, name) in fields {
            for other in &others {
                let is_fine = matches!(
                    (name, other),
                    ("livemode", Value::Bool(_)) | ("data.object", Value::Object(_))
                );
                if is_fine && pointer != "/data" {
                    continue;
                }
                let mut event = good();
                *event.pointer_mut(pointer).expect("a field") = other.clone();
                assert_eq!(parse(&event), Err(EventError::Malformed(name)), "{event}");
            }
            let mut event = good();
            let parent = if pointer == "/data/object" {
                &mut event["data"]
            } else {
                &mut event
            };
            parent
                .as_object_mut()
                .expect("an object")
                .remove(pointer.rsplit('/').next().expect("a name"));
            assert_eq!(parse(&event), Err(EventError::Malformed(name)), "{event}");
        }
    }

    #[test]
    fn what_cannot_be_an_event_is_an_error_and_never_a_panic() {
        for body in ["", "{", "nul", "{}{}", "\u{feff}{}", &"[".repeat(100_000)] {
            assert_eq!(Event::parse(body.as_bytes()), Err(EventError::NotJson));
        }
        assert_eq!(Event::parse(b"\xff"), Err(EventError::NotJson));
        for body in [
            "null",
            "[]",
            "\"event\"",
            "5",
            "{}",
            r#"{"object":"v2.core.event"}"#,
        ] {
            assert_eq!(
                Event::parse(body.as_bytes()),
                Err(EventError::Malformed("object")),
                "{body}"
            );
        }
        let mut far = good();
        far["created"] = json!(i64::MAX);
        assert_eq!(parse(&far), Err(EventError::Malformed("created")));
        let mut nul = good();
        nul["id"] = json!("evt_\0");
        assert_eq!(parse(&nul), Err(EventError::Malformed("id")));
    }
}
