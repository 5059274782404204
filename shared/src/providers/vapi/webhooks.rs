//! Vapi's server messages, in our words.
//!
//! They come once, unless the assistant's `server.backoffPlan` says otherwise, in any order, and perhaps not at
//! all; a call that failed may be told by either of the two kinds that we read. The rest is acknowledged:
//! answering is all that most kinds want, and we have set up nothing that asks for more.

use serde_json::Value;

use super::CallRecord;
use super::records::{self, CallStatus};

/// Signed, but not to be understood: such a message is quarantined and answered 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Not even JSON.
    #[error("the body is not JSON")]
    NotJson,
    /// A field that must be there is missing or malformed.
    #[error("{0} is missing or malformed")]
    Malformed(&'static str),
}

/// One server message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerMessage {
    /// A call has come further, or is over: `status-update` and `end-of-call-report`.
    Call(Box<CallRecord>),
    /// Something of this type that we do nothing about.
    Other(String),
}

/// Reads a body.
pub fn server_message(body: &Value) -> Result<ServerMessage, WebhookError> {
    let message = body.get("message").ok_or(WebhookError::Malformed("message"))?;
    let kind = message
        .get("type")
        .and_then(Value::as_str)
        .ok_or(WebhookError::Malformed("message.type"))?;
    let is_report = match kind {
        "status-update" => false,
        "end-of-call-report" => true,
        other => return Ok(ServerMessage::Other(shown(other))),
    };
    let call = message.get("call").unwrap_or(&Value::Null);
    let mut call = records::reported(message, call).ok_or(WebhookError::Malformed("message.call.id"))?;
    if is_report {
        // The call in it may have been written down before its end.
        call.status = CallStatus::parse("ended");
    }
    Ok(ServerMessage::Call(Box::new(call)))
}

/// A type as a log may show it.
fn shown(kind: &str) -> String {
    kind.chars().filter(char::is_ascii_graphic).take(64).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::super::CallResult;
    use super::*;

    fn call_in(message: &Value) -> CallRecord {
        match server_message(&json!({ "message": message })) {
            Ok(ServerMessage::Call(call)) => *call,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_status_update_says_how_far_a_call_has_come() {
        let ringing = call_in(
            &json!({ "type": "status-update", "status": "ringing", "call": { "id": "c1", "status": "queued" } }),
        );
        assert_eq!((ringing.status.as_str(), ringing.result()), ("ringing", None));

        let over = call_in(&json!({
            "type": "status-update",
            "status": "ended",
            "endedReason": "customer-did-not-answer",
            "call": { "id": "c1" },
        }));
        assert_eq!(over.result(), Some(CallResult::NoAnswer));
    }

    #[test]
    fn a_report_ends_a_call_and_tells_what_was_said() {
        let attempt = Uuid::from_u128(7);
        let over = call_in(&json!({
            "type": "end-of-call-report",
            "endedReason": "customer-ended-call",
            "startedAt": "2026-06-10T17:00:09.000Z",
            "endedAt": "2026-06-10T17:01:00.000Z",
            "artifact": { "messages": [{ "role": "user", "message": "Stop calling me." }], "transcript": "User: no" },
            "call": { "id": "c1", "status": "in-progress", "name": attempt },
            "customer": { "number": "+14035550001" },
        }));
        assert_eq!(over.attempt, Some(attempt));
        assert!(over.has_ended() && over.recipient.is_some());
        assert_eq!(over.result(), Some(CallResult::Answered));
        assert_eq!(over.customer_said, "Stop calling me.");
        assert_eq!(over.started_at, "2026-06-10T17:00:09Z".parse().ok());
        assert_eq!(over.ended_at, "2026-06-10T17:01:00Z".parse().ok());
    }

    #[test]
    fn everything_else_is_known_by_its_type_alone() {
        for kind in [
            "assistant-request",
            "tool-calls",
            "conversation-update",
            "hang",
            "new",
        ] {
            let message = server_message(&json!({ "message": { "type": kind } }));
            assert_eq!(message, Ok(ServerMessage::Other(kind.to_owned())));
        }
    }

    #[test]
    fn what_cannot_be_understood_says_what_is_missing() {
        for (body, missing) in [
            (json!({}), "message"),
            (json!([]), "message"),
            (json!(null), "message"),
            (json!({ "message": "status-update" }), "message.type"),
            (json!({ "message": { "type": 7 } }), "message.type"),
            (
                json!({ "message": { "type": "status-update" } }),
                "message.call.id",
            ),
            (
                json!({ "message": { "type": "end-of-call-report", "call": { "id": "" } } }),
                "message.call.id",
            ),
        ] {
            assert_eq!(
                server_message(&body),
                Err(WebhookError::Malformed(missing)),
                "{body}"
            );
        }
    }
}
