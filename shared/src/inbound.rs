//! What Twilio tells us about calls and texts, from the verified form to the committed row.
//!
//! The webhooks use it as requests come in, and the sweeper once more for those that were parked while
//! the database was away; so both do exactly the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Phone;
use crate::environment::DefaultLine;
use crate::jobs::{self, Settlement};
use crate::missed_calls::{self, LineSettings, Recorded, Report, Source, verdict_of_dial, verdict_of_status};
use crate::platform::database::{Connection, Error};
use crate::providers::twilio::{
    self, CallStatusReport, DialResult, Form, IncomingCall, IncomingText, MessageStatusReport,
};
use crate::text_replies::{self, Stored};

/// One verified request.
#[derive(Debug, Clone)]
pub enum Event {
    /// Somebody rings.
    IncomingCall(IncomingCall),
    /// Dialling the owner has ended.
    DialResult(DialResult),
    /// A call has come further.
    CallStatus(CallStatusReport),
    /// A text has come further.
    MessageStatus(MessageStatusReport),
    /// Somebody texts.
    IncomingText(IncomingText),
}

/// Which of our URLs a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// `/api/webhooks/twilio/voice`
    Voice,
    /// `/api/webhooks/twilio/status`
    Status,
    /// `/api/webhooks/twilio/sms`
    Sms,
}

impl Route {
    /// As quarantined and logged.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Voice => "twilio_voice",
            Self::Status => "twilio_status",
            Self::Sms => "twilio_sms",
        }
    }
}

impl Event {
    /// Whether a request to [`Route::Voice`] tells how dialling the owner ended, by our own URL's word.
    pub fn is_dial_result(raw_query: &str) -> bool {
        form_urlencoded::parse(raw_query.as_bytes()).any(|pair| pair == ("mode".into(), "dial-result".into()))
    }

    /// Reads a verified form. An error means that it was signed and is not understood.
    pub fn read(route: Route, raw_query: &str, form: &Form) -> Result<Self, twilio::WebhookError> {
        Ok(match route {
            Route::Voice if Self::is_dial_result(raw_query) => Self::DialResult(twilio::dial_result(form)?),
            Route::Voice => Self::IncomingCall(twilio::incoming_call(form)?),
            Route::Status if form.single("MessageStatus")?.is_some() => {
                Self::MessageStatus(twilio::message_status(form, raw_query)?)
            }
            Route::Status => Self::CallStatus(twilio::call_status(form)?),
            Route::Sms => Self::IncomingText(twilio::incoming_text(form)?),
        })
    }
}

/// What recording an event led to.
#[derive(Debug)]
pub enum Effect {
    /// A line is set up like this.
    Line(LineSettings),
    /// The call was recorded so.
    Call(Recorded),
    /// The delivery report was kept; with it, what the attempt turned out to be.
    Delivery(Option<Settlement>),
    /// The text stands in the inbox.
    Text(Stored),
    /// Nothing follows from it, and nothing was recorded: it is about the owner's telephone.
    Nothing,
    /// None of our lines: nothing was recorded.
    NotOurs,
}

/// Commits what an event says, in one statement or, where a report is the first to tell of an acceptance, a few, as of `heard_at` (`None` for now).
pub async fn record(
    database: &Connection,
    event: &Event,
    default_line: Option<&DefaultLine>,
    heard_at: Option<Timestamp>,
) -> Result<Effect, Error> {
    let is_default = |line: &Phone| default_line.is_some_and(|default| default.settings.number == *line);
    match event {
        Event::IncomingCall(call) => {
            let caller = call.caller.phone();
            let sid = call.call_sid.as_str();
            let known = is_default(&call.line);
            let line =
                missed_calls::record_call(database, sid, caller, &call.line, &call.status, known).await?;
            let fallback = || {
                default_line
                    .filter(|_| known)
                    .map(|default| default.settings.clone())
            };
            Ok(line.or_else(fallback).map_or(Effect::NotOurs, Effect::Line))
        }
        Event::DialResult(result) => {
            let verdict = verdict_of_dial(&result.dial_status, result.bridged);
            let report = Report {
                dial_status: Some(result.dial_status.clone()),
                verdict,
                source: Source::DialResult,
                is_over: verdict.is_some(),
                ended_at: heard_at,
                ..report_of(&result.call, is_default(&result.call.line))
            };
            Ok(missed_calls::record_report(database, &report).await?.into())
        }
        Event::CallStatus(status) if status.is_leg => Ok(Effect::Nothing),
        Event::CallStatus(status) => {
            let report = Report {
                verdict: verdict_of_status(&status.call.status),
                source: Source::CallStatus,
                is_over: status.call.status.is_final(),
                ended_at: heard_at,
                ..report_of(&status.call, is_default(&status.call.line))
            };
            Ok(missed_calls::record_report(database, &report).await?.into())
        }
        Event::MessageStatus(report) => record_delivery(database, report).await,
        Event::IncomingText(text) => Ok(Effect::Text(
            text_replies::receive(database, text, heard_at).await?,
        )),
    }
}

fn report_of(call: &IncomingCall, is_default_line: bool) -> Report {
    Report {
        call_sid: call.call_sid.as_str().to_owned(),
        caller: call.caller.phone().cloned(),
        line: call.line.clone(),
        is_default_line,
        status: call.status.clone(),
        dial_status: None,
        began_at: None,
        is_over: false,
        ended_at: None,
        verdict: None,
        source: Source::CallStatus,
    }
}

impl From<Recorded> for Effect {
    fn from(recorded: Recorded) -> Self {
        match recorded {
            Recorded::UnknownLine => Self::NotOurs,
            other => Self::Call(other),
        }
    }
}

/// A status callback proves that Twilio has the text, whatever became of our own request.
async fn record_delivery(database: &Connection, report: &MessageStatusReport) -> Result<Effect, Error> {
    let (sid, status) = (report.message_sid.as_str(), report.status.as_str());
    let Some(attempt) = report.attempt else {
        jobs::record_delivery(database, sid, status, report.error_code).await?;
        return Ok(Effect::Delivery(None));
    };
    let settlement = jobs::settle_reported(database, attempt, sid, status, report.error_code).await?;
    if settlement == Settlement::Contradicted {
        tracing::error!(attempt.id = %attempt, provider.id = sid, "a callback contradicts the ledger: kept as evidence");
    }
    Ok(Effect::Delivery(Some(settlement)))
}

/// A verified request that waits for the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ParkedEvent {
    /// The form of this message: 1.
    pub v: u8,
    /// Where it came to.
    pub route: Route,
    /// Its raw query.
    pub query: String,
    /// Its raw form, in base64: it may hold what no text can.
    pub form: String,
    /// When we had it.
    pub heard_at: Timestamp,
}
