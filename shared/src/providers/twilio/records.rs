//! Twilio's records of calls and messages. A row that cannot be read is passed over, never fatal.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::Caller;
use super::webhooks::{CallSid, MessageSid};
use crate::Phone;
use crate::missed_calls::CallStatus;

/// A call as Twilio has it.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// Its id.
    pub sid: String,
    /// Who rang; `None` if there is no number to text.
    pub caller: Option<Phone>,
    /// The number that was rung; `None` if it is no telephone.
    pub line: Option<Phone>,
    /// How far it has come.
    pub status: CallStatus,
    /// `inbound`, `outbound-dial`, …
    pub direction: String,
    /// When it began.
    pub began_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl CallRecord {
    /// Somebody rang us.
    pub fn is_inbound(&self) -> bool {
        self.direction == "inbound"
    }
}

/// A message as Twilio has it.
#[derive(Debug, Clone)]
pub struct MessageRecord {
    /// Its id.
    pub sid: String,
    /// Its words.
    pub body: String,
    /// `outbound-api`, `inbound`, …
    pub direction: String,
    /// When Twilio took it.
    pub created_at: Timestamp,
}

impl MessageRecord {
    /// We sent it, rather than got it.
    pub fn is_outbound(&self) -> bool {
        self.direction != "inbound"
    }
}

/// Calls, as far as the list could be read.
#[derive(Debug, Default)]
pub struct CallListing {
    /// The calls that could be read.
    pub calls: Vec<CallRecord>,
    /// Whether the list was read to its end, every row of it.
    pub complete: bool,
}

/// Messages, as far as the list could be read.
#[derive(Debug, Default)]
pub struct MessageListing {
    /// The messages that could be read.
    pub messages: Vec<MessageRecord>,
    /// Whether the list was read to its end, every row of it.
    pub complete: bool,
}

#[derive(Deserialize)]
struct CallRow {
    sid: String,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    to: Option<String>,
    status: String,
    #[serde(default)]
    direction: String,
    #[serde(default)]
    date_created: Option<String>,
    #[serde(default)]
    start_time: Option<String>,
    #[serde(default)]
    end_time: Option<String>,
}

#[derive(Deserialize)]
struct MessageRow {
    sid: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    direction: String,
    date_created: String,
}

/// One row of a list of calls; `None` if it cannot be read.
pub fn call(row: &Value) -> Option<CallRecord> {
    row.as_object()?;
    let row = CallRow::deserialize(row).ok()?;
    CallSid::parse(&row.sid)?;
    Some(CallRecord {
        caller: row
            .from
            .as_deref()
            .and_then(Caller::parse)
            .and_then(|caller| caller.phone().cloned()),
        line: row.to.as_deref().and_then(|to| Phone::parse(to).ok()),
        status: CallStatus::parse(&row.status),
        direction: row.direction,
        began_at: row
            .start_time
            .as_deref()
            .or(row.date_created.as_deref())
            .and_then(time),
        ended_at: row.end_time.as_deref().and_then(time),
        sid: row.sid,
    })
}

/// One row of a list of messages; `None` if it cannot be read.
pub fn message(row: &Value) -> Option<MessageRecord> {
    row.as_object()?;
    let row = MessageRow::deserialize(row).ok()?;
    MessageSid::parse(&row.sid)?;
    Some(MessageRecord {
        body: row.body.unwrap_or_default(),
        direction: row.direction,
        created_at: time(&row.date_created)?,
        sid: row.sid,
    })
}

/// Twilio's REST dates are RFC 2822.
fn time(text: &str) -> Option<Timestamp> {
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_without_a_name_of_twilios_is_no_record() {
        let date = "Thu, 01 Oct 2026 10:00:00 +0000";
        let sid = "SM00000000000000000000000000000001";
        assert!(message(&json!({ "sid": sid, "date_created": date })).is_some());
        for sid in ["", "SM1", &sid.replace('1', "\0"), &sid.replace("SM", "CA")] {
            assert!(
                message(&json!({ "sid": sid, "date_created": date })).is_none(),
                "{sid:?}"
            );
        }
        assert!(call(&json!(["CA1", null, null, "completed"])).is_none());
    }
}
