//! What Twilio holds: requests as they came in, texts it accepted, calls and their legs.
//!
//! This record is the oracle of every test: a text exists when it is in here, whatever our tables say.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::clock::later;

/// A name and a value from a form or a query, decoded.
pub type Pair = (String, String);

/// The first value of `name`.
pub(crate) fn value_of<'a>(pairs: &'a [Pair], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// The pairs of a form or a query.
pub(crate) fn decoded(encoded: &[u8]) -> Vec<Pair> {
    form_urlencoded::parse(encoded).into_owned().collect()
}

/// Whether a number is one that can be dialled, as far as one can see.
pub(crate) fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (8..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A new sid of the kind that `prefix` names, in the real shape: two letters and 32 hex digits.
pub(super) fn new_sid(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::new_v4().simple())
}

/// The attempt id in a status callback's query, under either of the names it may have there.
pub fn attempt_in(status_callback: &str) -> Option<String> {
    let (_, query) = status_callback.split('#').next()?.split_once('?')?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "attempt" || name == "a")
        .map(|(_, value)| value.into_owned())
}

/// An HTTP request as it came in, refused ones included.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// Counts from one, in the order of arrival.
    pub number: u64,
    /// When, by the sandbox's clock.
    pub at: Timestamp,
    /// The method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query, decoded.
    pub query: Vec<Pair>,
    /// The form, decoded.
    pub form: Vec<Pair>,
    /// Whether it carried the account's credentials.
    pub authorised: bool,
    /// The attempt id found in its `StatusCallback`.
    pub attempt: Option<String>,
}

impl ReceivedRequest {
    /// Whether it asked for a text to be sent.
    pub fn is_send(&self) -> bool {
        self.method == "POST" && self.path.ends_with("/Messages.json")
    }

    /// A form field.
    pub fn field(&self, name: &str) -> Option<&str> {
        value_of(&self.form, name)
    }
}

/// Where a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageStatus {
    /// Accepted by a messaging service.
    Accepted,
    /// Accepted, waiting for its turn.
    Queued,
    /// On its way to the carrier.
    Sending,
    /// Taken by the carrier.
    Sent,
    /// On the handset.
    Delivered,
    /// Given up by the carrier.
    Undelivered,
    /// Never sent.
    Failed,
    /// Cancelled before it was sent.
    Canceled,
}

impl MessageStatus {
    /// Twilio's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether the text has left Twilio, so that it has a `date_sent`.
    pub(super) fn has_left(self) -> bool {
        matches!(self, Self::Sent | Self::Delivered | Self::Undelivered)
    }
}

/// A text that was accepted.
#[derive(Clone, Debug)]
pub struct SentMessage {
    /// `SM` and 32 hex digits.
    pub sid: String,
    /// The request that it came from, as numbered in `requests()`.
    pub request: u64,
    /// Whom it is for.
    pub to: String,
    /// Which of our numbers it is from.
    pub from: String,
    /// What it says.
    pub body: String,
    /// Where its statuses are posted.
    pub status_callback: Option<String>,
    /// The attempt id in there.
    pub attempt: Option<String>,
    /// How many seconds it may wait to be sent.
    pub validity_period: Option<u32>,
    /// When it was accepted, by the sandbox's clock.
    pub accepted_at: Timestamp,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Where it is.
    pub status: MessageStatus,
    /// Why it did not arrive.
    pub error_code: Option<u32>,
}

/// Where a call or a leg is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallStatus {
    /// Waiting to be placed.
    Queued,
    /// Ringing.
    Ringing,
    /// Answered, going on.
    InProgress,
    /// Answered, over.
    Completed,
    /// The other side was busy.
    Busy,
    /// Could not be placed.
    Failed,
    /// Nobody answered.
    NoAnswer,
    /// Given up before anybody answered.
    Canceled,
}

impl CallStatus {
    /// Twilio's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Ringing | Self::InProgress)
    }
}

/// A call, or the leg of a call that rings the owner.
#[derive(Clone, Debug)]
pub struct Call {
    /// `CA` and 32 hex digits.
    pub sid: String,
    /// The call that this is a leg of.
    pub parent_sid: Option<String>,
    /// Who calls: what the network says, which need not be a number.
    pub from: String,
    /// Who is called.
    pub to: String,
    /// Where it is.
    pub status: CallStatus,
    /// `inbound`, `outbound-dial` or `outbound-api`.
    pub direction: String,
    /// When it came to be, by the sandbox's clock.
    pub created_at: Timestamp,
    /// When it started; a queued call has not.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How long it was connected, once it is over.
    pub duration: Option<Duration>,
}

impl Call {
    /// A call that rings one of our lines at `at`.
    pub fn inbound(from: &str, to: &str, at: Timestamp) -> Self {
        Self {
            sid: new_sid("CA"),
            parent_sid: None,
            from: from.to_owned(),
            to: to.to_owned(),
            status: CallStatus::Ringing,
            direction: "inbound".to_owned(),
            created_at: at,
            started_at: Some(at),
            ended_at: None,
            duration: None,
        }
    }

    /// The leg on which this call rings `to`.
    #[must_use]
    pub fn leg(&self, to: &str, at: Timestamp) -> Self {
        Self {
            parent_sid: Some(self.sid.clone()),
            direction: "outbound-dial".to_owned(),
            ..Self::inbound(&self.from, to, at)
        }
    }

    /// The same call, over since `at` after being connected for `duration`.
    #[must_use]
    pub fn ended(self, status: CallStatus, at: Timestamp, duration: Duration) -> Self {
        Self {
            status,
            ended_at: Some(at),
            duration: Some(duration),
            ..self
        }
    }
}

/// Everything that Twilio holds, oldest first.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) requests: Vec<ReceivedRequest>,
    pub(super) messages: Vec<SentMessage>,
    pub(super) calls: Vec<Call>,
}

impl Record {
    pub(super) fn message(&self, sid: &str) -> Option<&SentMessage> {
        self.messages.iter().rev().find(|message| message.sid == sid)
    }

    pub(super) fn message_mut(&mut self, sid: &str) -> Option<&mut SentMessage> {
        self.messages.iter_mut().rev().find(|message| message.sid == sid)
    }

    pub(super) fn call(&self, sid: &str) -> Option<&Call> {
        self.calls.iter().rev().find(|call| call.sid == sid)
    }

    pub(super) fn call_mut(&mut self, sid: &str) -> Option<&mut Call> {
        self.calls.iter_mut().rev().find(|call| call.sid == sid)
    }

    /// Texts that lists already show, newest first.
    pub(super) fn listed_messages(&self, now: Timestamp, lag: Duration) -> Vec<SentMessage> {
        let visible = |message: &&SentMessage| later(message.accepted_at, lag) <= now;
        newest_first(self.messages.iter().filter(visible), |message| {
            message.accepted_at
        })
    }

    /// Calls that lists already show, newest first.
    pub(super) fn listed_calls(&self, now: Timestamp, lag: Duration) -> Vec<Call> {
        let visible = |call: &&Call| later(call.created_at, lag) <= now;
        newest_first(self.calls.iter().filter(visible), |call| call.created_at)
    }
}

/// Sorted by date; of two with one date the one recorded last comes first.
fn newest_first<'a, T: Clone + 'a>(
    rows: impl DoubleEndedIterator<Item = &'a T>,
    date: impl Fn(&T) -> Timestamp,
) -> Vec<T> {
    let mut rows: Vec<T> = rows.rev().cloned().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(date(row)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attempt_is_found_in_the_status_callback_under_either_name() {
        let found = |url: &str| attempt_in(url);
        assert_eq!(found("https://h/s?attempt=7f3a"), Some("7f3a".to_owned()));
        assert_eq!(found("https://h/s?x=1&a=7f3a#rc=2"), Some("7f3a".to_owned()));
        assert_eq!(found("https://h/s"), None);
    }

    #[test]
    fn sids_have_twilio_s_shape() {
        let sid = new_sid("CA");
        assert_eq!(sid.len(), 34);
        assert!(
            sid[2..]
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
        );
    }
}
