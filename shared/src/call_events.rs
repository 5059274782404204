//! What Vapi tells us about calls, from the verified message to the committed row.
//!
//! The webhook uses it as messages come in, and the sweeper once more for those that were parked while the database
//! was away and for what it finds in Vapi's own records; so all of them do exactly the same.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::calls::{self, CallEnd, Recorded, Telling};
use crate::jobs::{self, Settlement};
use crate::missed_calls;
use crate::platform::database::{Connection, Error};
use crate::providers::vapi::{CallRecord, CallResult, ServerMessage, Verified};
use crate::stop::{Stop, asks_to_stop};

pub use crate::calls::Teller;

/// As quarantined and logged.
const SOURCE: &str = "vapi";
/// What cannot be understood is kept for a person to look at, and not for longer than it can be read.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// A call as somebody tells of it, without a word of what was said in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEvent {
    /// The attempt that it was placed for, if it names one.
    pub attempt: Option<Uuid>,
    /// Vapi's id of it.
    pub call_id: String,
    /// How it ended; `None` while it goes on.
    pub end: Option<CallEnd>,
    /// Whether the customer asked not to be called any more.
    pub wants_to_stop: bool,
}

impl From<&CallRecord> for CallEvent {
    fn from(call: &CallRecord) -> Self {
        let result = call.result();
        Self {
            attempt: call.attempt,
            call_id: call.id.as_str().to_owned(),
            end: result.map(|result| CallEnd {
                result,
                ended_reason: call.ended_reason.clone(),
                started_at: call.started_at,
                ended_at: call.ended_at,
                customer_spoke: call.customer_spoke(),
            }),
            wants_to_stop: match asks_to_stop(&call.customer_said) {
                Stop::Yes => true,
                // A mailbox says much of pressing keys to stop.
                Stop::Perhaps => result != Some(CallResult::Voicemail),
                Stop::No => false,
            },
        }
    }
}

/// One verified message, as far as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// About a call.
    Call(CallEvent),
    /// Signed, and not to be understood.
    NotUnderstood {
        /// What is wrong with it.
        reason: String,
        /// Its body, without credentials and without what was said.
        body: String,
    },
}

/// A verified message that waits for the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ParkedMessage {
    /// The form of this message: 1.
    pub v: u8,
    /// What Vapi told.
    pub vapi: Message,
}

impl Message {
    /// What is kept of a message; `Err` with its type if nothing follows from it.
    pub fn of(verified: &Verified) -> Result<Self, String> {
        match &verified.message {
            Ok(ServerMessage::Call(call)) => Ok(Self::Call(CallEvent::from(&**call))),
            Ok(ServerMessage::Other(kind)) => Err(kind.clone()),
            Err(error) => {
                let mut body = verified
                    .body
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                body.truncate(body.floor_char_boundary(KEPT_BYTES_MAX));
                Ok(Self::NotUnderstood {
                    reason: error.to_string(),
                    body,
                })
            }
        }
    }

    /// What it is about; messages of one subject keep their order.
    pub fn subject(&self) -> &str {
        match self {
            Self::Call(event) => &event.call_id,
            Self::NotUnderstood { .. } => SOURCE,
        }
    }

    /// As it is parked.
    pub fn parked(self) -> String {
        let parked = ParkedMessage { v: 1, vapi: self };
        serde_json::to_string(&parked).expect("plain values have a form")
    }
}

/// Commits what a message says.
pub async fn take_in(database: &Connection, message: &Message) -> Result<(), Error> {
    match message {
        Message::Call(event) => record(database, event, Teller::Webhook).await.map(drop),
        Message::NotUnderstood { reason, body } => {
            tracing::error!(reason, "quarantined a signed message that cannot be used");
            missed_calls::quarantine(database, SOURCE, reason, body.as_bytes()).await
        }
    }
}

/// What an event turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The call was known to be placed.
    Known,
    /// What it proved, and nobody had known.
    Settled(Settlement),
    /// None of our calls: nothing was recorded.
    NotOurs,
}

/// Commits what is told of a call: that Vapi took it, how it ended, and whether the customer wants no more. Nearly
/// always the first is known, and one statement does. Where it is not, it is settled first and the rest kept after,
/// because nobody may tell again.
pub async fn record(database: &Connection, event: &CallEvent, by: Teller) -> Result<Effect, Error> {
    let telling = Telling {
        attempt: event.attempt,
        call_id: &event.call_id,
        end: event.end.as_ref(),
        wants_to_stop: event.wants_to_stop,
        by,
    };
    let call = event.call_id.as_str();
    let recorded = calls::record_result(database, telling, false).await?;
    if let Recorded::Known { .. } = recorded {
        follow_up(database, event, recorded).await;
        return Ok(Effect::Known);
    }
    let (Some(attempt), Recorded::Unknown) = (event.attempt, recorded) else {
        if event.end.is_some() {
            tracing::error!(call.id = call, "a call of Vapi's names no attempt of ours");
        }
        return Ok(Effect::NotOurs);
    };
    let settlement = jobs::settle_accepted(database, attempt, call).await?;
    if settlement == Settlement::Contradicted {
        tracing::error!(attempt.id = %attempt, call.id = call, "what Vapi tells contradicts the ledger: kept as evidence");
    } else {
        tracing::info!(attempt.id = %attempt, call.id = call, ?settlement, "settled by what Vapi tells");
    }
    let recorded = calls::record_result(database, telling, true).await?;
    follow_up(database, event, recorded).await;
    Ok(Effect::Settled(settlement))
}

/// What is recorded stays so, whatever becomes of the copy in the customer's row: the sweeper copies again.
async fn follow_up(database: &Connection, event: &CallEvent, recorded: Recorded) {
    let call = event.call_id.as_str();
    let Recorded::Known {
        unprojected,
        has_stopped,
    } = recorded
    else {
        return;
    };
    if let Some(end) = &event.end {
        let result = end.result.as_str();
        tracing::info!(
            call.id = call,
            result,
            reason = end.ended_reason,
            spoke = end.customer_spoke,
            "call ended"
        );
    }
    if has_stopped {
        tracing::warn!(
            call.id = call,
            stopped = 1,
            "the customer wants no more calls: nobody contacts them any more"
        );
    }
    if let Some(job) = unprojected
        && let Err(error) = calls::project_call(database, job).await
    {
        tracing::warn!(job.id = %job, %error, "a call does not stand in its customer's row yet");
    }
}
