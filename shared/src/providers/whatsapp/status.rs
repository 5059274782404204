//! How far a message of ours has come.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::words::{line_in, time, word};
use super::{Identity, MessageId};

const TROUBLES_MAX: usize = 8;

/// Meta's word for how far a message has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It left Meta.
    Sent,
    /// It will not arrive, or Meta gave it up.
    Failed,
    /// It is on the customer's telephone.
    Delivered,
    /// They saw it.
    Read,
    /// They listened to it.
    Played,
    /// A word of up to 64 lower-case letters that we do not know; `unknown` for what is none.
    Other(String),
}

impl DeliveryStatus {
    /// Reads one.
    pub fn parse(said: &str) -> Self {
        match said {
            "sent" => Self::Sent,
            "failed" => Self::Failed,
            "delivered" => Self::Delivered,
            "read" => Self::Read,
            "played" => Self::Played,
            other => Self::Other(word(other).unwrap_or_else(|| "unknown".to_owned())),
        }
    }

    /// Meta's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Other(other) => other,
        }
    }

    /// How far that is: reports come in any order, more than once, and not all of them, so the furthest counts. What
    /// was sent can still fail; what has arrived has arrived, whatever else is said. Unknown words get nowhere.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Other(_) => 0,
            Self::Sent => 1,
            Self::Failed => 2,
            Self::Delivered => 3,
            Self::Read => 4,
            Self::Played => 5,
        }
    }

    /// Whether a message that had come as far as `before` has now come further.
    pub fn goes_beyond(&self, before: Option<&Self>) -> bool {
        self.rank() > before.map_or(0, Self::rank)
    }
}

/// What Meta says went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Meta's code: <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes>.
    pub code: i64,
    /// What the code is called.
    pub title: Option<String>,
    /// More about this one. Meta's words, which may quote somebody's number: for the inbox, never for a log.
    pub details: Option<String>,
}

impl Trouble {
    /// Those in a list, up to eight; without a code there is none.
    pub(super) fn all_in(errors: Option<&Value>) -> Vec<Self> {
        let errors = errors.and_then(Value::as_array).into_iter().flatten();
        errors.filter_map(Self::of).take(TROUBLES_MAX).collect()
    }

    fn of(error: &Value) -> Option<Self> {
        let code = error.get("code")?;
        let as_text = || code.as_str().and_then(|code| code.parse().ok());
        Some(Self {
            code: code.as_i64().or_else(as_text)?,
            title: line_in(error, "title").or_else(|| line_in(error, "message")),
            details: error.get("error_data").and_then(|data| line_in(data, "details")),
        })
    }
}

/// A report about a message of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// The business's number that sent it.
    pub phone_number_id: String,
    /// The message.
    pub id: MessageId,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// When; `None` if that is no time.
    pub at: Option<Timestamp>,
    /// Whom it went to, as WhatsApp knows them, which may be spelled otherwise than we wrote.
    pub recipient: Identity,
    /// The attempt that it was sent for: `biz_opaque_callback_data`, if that is one of ours.
    pub attempt: Option<Uuid>,
    /// Why it failed.
    pub troubles: Vec<Trouble>,
}

impl StatusReport {
    /// Reads one; an error names what is missing.
    pub(super) fn read(phone_number_id: &str, status: &Value) -> Result<Self, &'static str> {
        let text = |name: &str| status.get(name).and_then(Value::as_str);
        let id = text("id").and_then(MessageId::parse);
        let word = text("status").ok_or("status")?;
        Ok(Self {
            phone_number_id: phone_number_id.to_owned(),
            id: id.ok_or("id")?,
            status: DeliveryStatus::parse(word),
            at: time(status.get("timestamp")),
            recipient: Identity::of(status.get("recipient_id"), status.get("recipient_user_id")),
            attempt: text("biz_opaque_callback_data").and_then(attempt),
            troubles: Trouble::all_in(status.get("errors")),
        })
    }
}

/// Other spellings of a UUID are not ours.
fn attempt(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_furthest_counts_and_failing_is_no_way_back() {
        use DeliveryStatus::{Delivered, Failed, Played, Read, Sent};
        let order = [Sent, Failed, Delivered, Read, Played];
        for (at, status) in order.iter().enumerate() {
            assert!(status.goes_beyond(None));
            for (before_at, before) in order.iter().enumerate() {
                assert_eq!(
                    status.goes_beyond(Some(before)),
                    at > before_at,
                    "{status:?} after {before:?}"
                );
            }
            let unknown = DeliveryStatus::parse("teleported");
            assert!(!unknown.goes_beyond(Some(status)) && !unknown.goes_beyond(None));
            assert_eq!(DeliveryStatus::parse(status.as_str()), *status);
        }
        assert_eq!(DeliveryStatus::parse("a b\0").as_str(), "unknown");
    }

    #[test]
    fn a_report_names_its_attempt_and_its_troubles() {
        let attempt = Uuid::from_u128(7);
        let report = StatusReport::read(
            "1067",
            &json!({
                "id": "wamid.x==", "status": "failed", "timestamp": "1760000000", "recipient_id": "14155550101",
                "recipient_user_id": "US.1", "biz_opaque_callback_data": attempt,
                "errors": [
                    { "code": 131_047, "title": "Re-engagement message", "error_data": { "details": "More than 24 hours" } },
                    { "code": "131026", "message": "Undeliverable" }, { "title": "no code" }, 7,
                ],
            }),
        )
        .expect("a report");
        assert_eq!(
            (report.attempt, report.status),
            (Some(attempt), DeliveryStatus::Failed)
        );
        assert_eq!(
            report.recipient.phone.as_ref().map(crate::Phone::as_str),
            Some("+14155550101")
        );
        let codes: Vec<i64> = report.troubles.iter().map(|trouble| trouble.code).collect();
        assert_eq!(codes, [131_047, 131_026]);
        assert_eq!(report.troubles[0].details.as_deref(), Some("More than 24 hours"));
        for other in [
            "",
            "att_7f3a",
            "{00000000-0000-0000-0000-000000000007}",
            "00000000000000000000000000000007",
        ] {
            let report = json!({ "id": "w", "status": "sent", "biz_opaque_callback_data": other });
            assert_eq!(
                StatusReport::read("1", &report).map(|report| report.attempt),
                Ok(None),
                "{other}"
            );
        }
        assert_eq!(StatusReport::read("1", &json!({ "status": "sent" })), Err("id"));
        assert_eq!(StatusReport::read("1", &json!({ "id": "w" })), Err("status"));
    }
}
