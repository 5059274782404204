//! Callers for the local stack: one to watch, or many to measure.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::sandbox::{Callback, Delivery, Heard, Outcome, Ring, RingEvent, SandboxEvent, SandboxTwilio};
use crate::time_machine::Stillness;

/// The poller's promise is 90 seconds.
const TEXT_WITHIN: Duration = Duration::from_secs(150);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How a call is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Story {
    /// The owner lets it ring.
    NoAnswer,
    /// The owner is on the phone.
    Busy,
    /// The owner picks up.
    Answered,
    /// The caller gives up.
    Abandoned,
    /// Nobody answers, and Twilio's callbacks never reach us.
    CallbackLost,
    /// Nobody answers, and none of Twilio's requests reaches us.
    AllLost,
}

/// A call to play.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Call {
    /// How it goes.
    pub story: Story,
    /// Who rings; a new caller if nobody is named.
    pub caller: Option<String>,
    /// How long the owner's telephone rings, in seconds: a real one takes 18.
    pub rings_for: f64,
}

/// A text to send to the line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Text {
    /// What it says.
    pub words: String,
    /// Whose it is; somebody new's if nobody is named.
    pub sender: Option<String>,
}

/// Many calls to play.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Measurement {
    /// Calls on each path.
    pub calls: usize,
}

/// What the callers need of the stack.
pub struct Callers {
    /// Twilio's sandbox.
    pub twilio: SandboxTwilio,
    /// The database, to say why there is no text.
    pub database: Client,
    /// The line that they ring.
    pub line: String,
    /// Nobody moves the clock while somebody rings: a call takes the time that it takes.
    pub stillness: Stillness,
}

/// Routes for the command line; they are no part of the product.
pub fn router(callers: Callers) -> Router {
    Router::new()
        .route("/_local/ring", post(ring))
        .route("/_local/text", post(text))
        .route("/_local/measure", post(measure))
        .with_state(Arc::new(callers))
}

/// A caller who has not rung before: the cool-down is about people.
pub(crate) fn new_caller() -> String {
    format!("+1403{}{:06}", fastrand::u8(2..=9), fastrand::u32(..1_000_000))
}

fn plan(call: &Call, caller: &str, line: &str) -> Ring {
    let rings_for = Duration::from_secs_f64(call.rings_for.clamp(0.0, 60.0));
    let outcome = match call.story {
        Story::NoAnswer | Story::CallbackLost | Story::AllLost => Outcome::NoAnswer,
        Story::Busy => Outcome::Busy,
        Story::Answered => Outcome::Answered {
            talk: Duration::from_secs(2),
        },
        Story::Abandoned => Outcome::Abandoned { after: rings_for / 2 },
    };
    let ring = Ring::new(caller, line, outcome).ringing_for(rings_for);
    match call.story {
        Story::CallbackLost => ring.losing(Callback::Action).losing(Callback::Status),
        Story::AllLost => ring
            .losing(Callback::Voice)
            .losing(Callback::Action)
            .losing(Callback::Status),
        _ => ring,
    }
}

/// A body that is sent line by line, as things happen.
pub(crate) fn streamed() -> (mpsc::UnboundedSender<String>, Response) {
    let (lines, receiver) = mpsc::unbounded_channel::<String>();
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async {
        let line = receiver.recv().await?;
        Some((
            Ok::<_, std::convert::Infallible>(Bytes::from(line + "\n")),
            receiver,
        ))
    });
    (lines, Response::new(Body::from_stream(stream)))
}

async fn ring(State(callers): State<Arc<Callers>>, Json(call): Json<Call>) -> Response {
    let (lines, response) = streamed();
    tokio::spawn(async move {
        let _held = callers.stillness.hold().await;
        watch(&callers, &call, &lines).await;
    });
    response
}

async fn text(State(callers): State<Arc<Callers>>, Json(text): Json<Text>) -> Response {
    let (lines, response) = streamed();
    tokio::spawn(async move {
        let _held = callers.stillness.hold().await;
        let sender = text.sender.unwrap_or_else(new_caller);
        let delivery = callers
            .twilio
            .post_text(&sender, &callers.line, &text.words)
            .await;
        let _ = lines.send(format!(
            "✉  {sender} texts {}: Twilio is {}",
            callers.line,
            outcome(&delivery)
        ));
        let became = became_of_texts(&callers.database, &sender).await;
        let _ = lines.send(became.map_or_else(
            || "✗  it does not stand in the inbox; look at the stack's log".to_owned(),
            |became| format!("✓  {became}"),
        ));
    });
    response
}

/// What stands in the inbox of somebody's texts, and what a person is asked to do.
async fn became_of_texts(database: &Client, sender: &str) -> Option<String> {
    let query = "SELECT count(DISTINCT message.id) || ' in the inbox'
                        || CASE WHEN bool_or(stop.id IS NOT NULL) THEN '; they said stop, and nobody contacts them' ELSE '' END
                        || coalesce('; for a person: ' || string_agg(DISTINCT task.title, ', '), '')
                 FROM contacts AS contact
                 JOIN conversations AS conversation ON conversation.contact_id = contact.id AND conversation.channel = 'SMS'
                 JOIN messages AS message ON message.conversation_id = conversation.id
                 LEFT JOIN tasks AS task ON task.conversation_id = conversation.id AND task.done_at IS NULL
                 LEFT JOIN opt_outs AS stop ON stop.phone = contact.phone AND stop.revoked_at IS NULL
                 WHERE $1 IN (contact.phone, contact.phone_given)
                 HAVING count(message.id) > 0";
    database
        .query_typed_opt(query, &[(&sender, Type::TEXT)])
        .await
        .ok()??
        .get(0)
}

/// Plays one call and tells what happens until it is over for everybody.
async fn watch(callers: &Callers, call: &Call, lines: &mpsc::UnboundedSender<String>) {
    let caller = call.caller.clone().unwrap_or_else(new_caller);
    let started = Instant::now();
    let say = |text: &str| {
        let _ = lines.send(format!("{:7.2} s  {text}", started.elapsed().as_secs_f64()));
    };
    let mut events = callers.twilio.events();
    let playing = callers.twilio.ring(plan(call, &caller, &callers.line));
    tokio::pin!(playing);
    let mut report = None;
    let mut sid = None;
    let mut ended = None;
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            finished = &mut playing, if report.is_none() => {
                ended = Some(Instant::now());
                match call.story {
                    Story::CallbackLost => {
                        say("…  the callbacks are lost: the poller finds the call, 30 to 90 s after its end");
                    }
                    Story::AllLost => say("…  nothing of the call reached us: the poller finds it in Twilio's list, 5 to 6 min after it began"),
                    _ => {}
                }
                sid = Some(finished.call.clone());
                report = Some(finished);
            }
            event = events.next() => {
                let Some(event) = event else { return };
                if let Some(text) = told(&event, &caller, sid.as_deref(), callers) {
                    say(&text);
                }
                if let SandboxEvent::Ring { call, event: RingEvent::Rang { caller: who, .. } } = &event
                    && *who == caller
                {
                    sid = Some(call.clone());
                }
            }
            _ = look.tick(), if report.is_some() => {
                let (Some(sid), Some(ended)) = (&sid, ended) else { continue };
                if let Some(end) = end_of(&callers.database, sid).await {
                    say(&summary(callers, &caller, sid, &end));
                    return;
                }
                if ended.elapsed() > TEXT_WITHIN {
                    say("✗  nothing more happened; look at the stack's log");
                    return;
                }
            }
        }
    }
}

/// How a call has ended for its caller, once it has.
async fn end_of(database: &Client, sid: &str) -> Option<String> {
    let query = "SELECT CASE WHEN call.outcome <> 'missed' THEN 'nothing is owed: ' || call.outcome
                             WHEN job.state = 'accepted' AND coalesce(missed.delivery, 'queued') IN ('delivered', 'undelivered', 'failed')
                               THEN missed.delivery
                             WHEN job.state IN ('suppressed', 'refused', 'dead', 'needs_human')
                               THEN 'no text, ' || job.state || ': ' || job.state_reason END
                 FROM active_calls AS call LEFT JOIN jobs AS job ON job.cause = call.call_sid
                 LEFT JOIN missed_calls AS missed ON missed.call_sid = call.call_sid
                 WHERE call.call_sid = $1";
    database
        .query_typed_opt(query, &[(&sid, Type::TEXT)])
        .await
        .ok()??
        .get(0)
}

fn summary(callers: &Callers, caller: &str, sid: &str, end: &str) -> String {
    let texts = callers.twilio.messages_to(caller);
    let ended_at = ended_at(callers, sid);
    match (texts.last(), ended_at) {
        (Some(text), Some(ended_at)) if end == "delivered" => {
            let latency = text.accepted_at.duration_since(ended_at).as_secs_f64();
            let count = texts.len();
            let times = if count == 1 {
                "one text".to_owned()
            } else {
                format!("{count} texts in all")
            };
            format!("✓  {times}, taken by Twilio {latency:.2} s after the call ended")
        }
        _ => format!("✓  {end}"),
    }
}

fn ended_at(callers: &Callers, sid: &str) -> Option<jiff::Timestamp> {
    callers
        .twilio
        .calls()
        .into_iter()
        .find(|call| call.sid == sid)?
        .ended_at
}

/// One event in words, if it is about this caller.
fn told(event: &SandboxEvent, caller: &str, sid: Option<&str>, callers: &Callers) -> Option<String> {
    Some(match event {
        SandboxEvent::Ring {
            event: RingEvent::Rang { caller: who, line },
            ..
        } if who == caller => {
            format!("☎  {who} rings {line}")
        }
        SandboxEvent::Ring { call, event } if Some(call.as_str()) == sid => told_of_call(event)?,
        SandboxEvent::MessageAccepted { to, sid, .. } if to == caller => {
            let body = callers
                .twilio
                .messages_to(to)
                .into_iter()
                .find(|text| text.sid == *sid)?
                .body;
            format!("✉  Twilio takes a text: “{body}”")
        }
        SandboxEvent::MessageRefused { to, code } if to == caller => {
            format!("✗  Twilio refuses the text: {code}")
        }
        SandboxEvent::MessageMoved { to, status, .. } if to == caller => {
            format!("✉  the text is {}", status.as_str())
        }
        _ => return None,
    })
}

fn told_of_call(event: &RingEvent) -> Option<String> {
    Some(match event {
        RingEvent::VoiceWebhook(delivery) => {
            format!("→  Twilio asks Switchboard what to do: {}", outcome(delivery))
        }
        RingEvent::OwnerDialled { to, timeout, .. } => {
            format!(
                "☎  the owner's telephone rings: {to}, for {} s at most",
                timeout.as_secs()
            )
        }
        RingEvent::OwnerAnswered => "☎  the owner picks up".to_owned(),
        RingEvent::LegEnded { status } => format!("☎  the owner's side ends: {}", status.as_str()),
        RingEvent::CallerHungUp => "☎  the caller hangs up".to_owned(),
        RingEvent::ActionCallback(delivery) => {
            format!("→  Twilio tells how dialling ended: {}", outcome(delivery))
        }
        RingEvent::StatusCallback(delivery) => {
            format!("→  Twilio tells that the call is over: {}", outcome(delivery))
        }
        RingEvent::Ended { heard, status } => {
            let heard = match heard {
                Heard::Owner { .. } => "the owner",
                Heard::Ringing => "ringing",
                Heard::Said(_) => "words",
                Heard::BusyTone => "the busy tone",
                Heard::ApplicationError => "“an application error has occurred”",
            };
            format!(
                "☎  the call is over ({}); the caller heard {heard}",
                status.as_str()
            )
        }
        RingEvent::Rang { .. } => return None,
    })
}

fn outcome(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Lost => "the request is lost".to_owned(),
        other => format!("answered {other}"),
    }
}

async fn measure(State(callers): State<Arc<Callers>>, Json(measurement): Json<Measurement>) -> Response {
    let (lines, response) = streamed();
    tokio::spawn(async move {
        let _held = callers.stillness.hold().await;
        let say = |text: String| {
            let _ = lines.send(text);
        };
        say(format!(
            "{} calls on each path, in the next two to three minutes …",
            measurement.calls
        ));
        let path = |story| {
            let callers = Arc::clone(&callers);
            async move {
                let calls =
                    (0..measurement.calls).map(|number| sample(&callers, story, number, measurement.calls));
                futures_util::future::join_all(calls).await
            }
        };
        let (fast, fallback) = futures_util::join!(path(Story::NoAnswer), path(Story::CallbackLost));
        say(format!(
            "{:<10}{:>7}{:>7}{:>7}{:>7}{:>9}{:>9}{:>9}{:>9}   from when the telephone stopped ringing to Twilio's acceptance",
            "path", "calls", "texts", "twice", "none", "min", "p50", "p95", "max"
        ));
        say(row("fast", &fast, "at most 3 s"));
        say(row("fallback", &fallback, "at most 90 s"));
    });
    response
}

/// One call; how long after its end each of its texts was taken.
async fn sample(callers: &Callers, story: Story, number: usize, of: usize) -> Vec<f64> {
    // Spread over a minute, so that every moment between two polls is met.
    #[expect(clippy::cast_precision_loss, reason = "a few calls")]
    let begin = Duration::from_mins(1).mul_f64(number as f64 / of as f64);
    tokio::time::sleep(begin).await;
    let caller = new_caller();
    let call = Call {
        story,
        caller: None,
        rings_for: 1.0,
    };
    let report = callers.twilio.ring(plan(&call, &caller, &callers.line)).await;
    let taken = callers
        .twilio
        .when(|twilio| twilio.messages_to(&caller).into_iter().next());
    let _ = tokio::time::timeout(TEXT_WITHIN, taken).await;
    // Whatever would come twice has come by now: a poll and a sweep have passed.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let stopped_ringing = report
        .leg
        .and_then(|leg| ended_at(callers, &leg))
        .unwrap_or(report.ended_at);
    let texts = callers.twilio.messages_to(&caller);
    texts
        .iter()
        .map(|text| text.accepted_at.duration_since(stopped_ringing).as_secs_f64())
        .collect()
}

fn row(path: &str, samples: &[Vec<f64>], promise: &str) -> String {
    let mut first: Vec<f64> = samples
        .iter()
        .filter_map(|texts| texts.first().copied())
        .collect();
    first.sort_by(f64::total_cmp);
    let texts: usize = samples.iter().map(Vec::len).sum();
    let twice = samples.iter().filter(|texts| texts.len() > 1).count();
    let none = samples.iter().filter(|texts| texts.is_empty()).count();
    let at = |percent: usize| {
        first
            .get((first.len().max(1) - 1) * percent / 100)
            .copied()
            .unwrap_or(f64::NAN)
    };
    let mut row = format!("{path:<10}{:>7}{texts:>7}{twice:>7}{none:>7}", samples.len());
    for percent in [0, 50, 95, 100] {
        write!(row, "{:>7.2} s", at(percent)).expect("a String takes everything");
    }
    row + "   " + promise
}
