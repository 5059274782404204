//! The fallback, every minute: calls whose outcome no callback told us.
//!
//! It asks Twilio about our own undecided calls, and reads Twilio's list of calls as well, so that a call
//! whose very first request was lost is found too. The list is read again from a quarter of an hour before
//! where the last run got to, because Twilio may show a call late; the ledger makes reading one twice
//! harmless. A call that is not over waits, and so does one that ended a moment ago: its callbacks may
//! still be on their way.

use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use lambda_http::Request;
use serde_json::json;
use shared::environment::DefaultLine;
use shared::missed_calls::{
    self, FALLBACK_GRACE, Leg, PollWindow, Recorded, Report, Source, Undecided, Verdict, verdict_of_record,
};
use shared::platform::database::{Connection, Database};
use shared::platform::queue::Doorbell;
use shared::platform::scheduled::{self, Summary};
use shared::platform::{http, secrets::Secrets};
use shared::providers::twilio::{self, CallRecord};
use shared::{ConfigError, Environment, Phone};

/// Calls asked about in one run, and at once.
const CALLS_PER_RUN: i64 = 200;
const AT_ONCE: usize = 8;
/// How much of Twilio's list is read again.
const OVERLAP: SignedDuration = SignedDuration::from_mins(15);
/// A watermark older than this tells of an outage whose calls nobody wants a text about any more.
const LOOK_BACK_MAX: SignedDuration = SignedDuration::from_hours(48);

/// Everything this function may touch.
pub struct Endpoint {
    database: Database,
    twilio: twilio::Client,
    doorbell: Doorbell,
    secrets: Secrets,
    default_line: Option<DefaultLine>,
}

impl Endpoint {
    /// Asks for this function's settings.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        environment.secret("CRON_SECRET")?;
        Ok(Self {
            database: environment.database()?,
            twilio: environment.twilio()?,
            doorbell: environment.messages_doorbell()?,
            secrets: environment.secrets(),
            default_line: environment.default_line()?,
        })
    }

    fn is_default(&self, line: &Phone) -> bool {
        self.default_line
            .as_ref()
            .is_some_and(|default| default.settings.number == *line)
    }
}

/// What a run came across.
#[derive(Debug, Default)]
struct Tally {
    checked: usize,
    missed: usize,
    not_found: usize,
    errors: usize,
}

/// Runs once.
pub async fn handle(endpoint: &Endpoint, request: Request) -> http::Result {
    scheduled::run(
        &endpoint.secrets,
        "CRON_SECRET",
        "GET",
        &request,
        Box::pin(poll(endpoint)),
    )
    .await
}

async fn poll(endpoint: &Endpoint) -> anyhow::Result<Summary> {
    endpoint.secrets.keep_fresh().await;
    let connection = endpoint.database.connection().await?;
    let window = missed_calls::poll_window(&connection).await?;
    let mut tally = Tally::default();

    let ours = missed_calls::unprocessed(&connection, FALLBACK_GRACE, CALLS_PER_RUN).await?;
    tracing::info!(
        calls = ours.len(),
        "[Check Missed Calls] Found {} calls to check",
        ours.len()
    );
    check_ours(endpoint, &connection, ours, window.now, &mut tally).await?;
    let listed = check_twilios(endpoint, &connection, window, &mut tally).await;
    if let Err(error) = &listed {
        tally.errors += 1;
        tracing::error!(
            error = format!("{error:#}"),
            "[Check Missed Calls] Twilio's list not read to its end"
        );
    }

    let counts = json!({
        "checked": tally.checked, "missed": tally.missed, "notFound": tally.not_found, "errors": tally.errors,
    });
    Ok(Summary::new("Missed calls checked", counts))
}

/// Asks Twilio about each of our undecided calls. One that cannot be asked about delays no other.
async fn check_ours(
    endpoint: &Endpoint,
    connection: &Connection,
    ours: Vec<Undecided>,
    now: Timestamp,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let mut answers = stream::iter(ours)
        .map(|call| async {
            let record = endpoint.twilio.call(&call.call_sid).await;
            (call, record)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((call, record)) = answers.next().await {
        tally.checked += 1;
        match record {
            Ok(Some(record)) => {
                conclude(endpoint, connection, &record, call.caller, call.line, now, tally).await?;
            }
            Ok(None) => {
                missed_calls::mark_not_found(connection, &call.call_sid).await?;
                tally.not_found += 1;
                tracing::info!(
                    call.sid = call.call_sid,
                    "Twilio knows no such call: a test call, closed"
                );
            }
            Err(error) => {
                tally.errors += 1;
                tracing::warn!(call.sid = call.call_sid, %error, "could not ask Twilio about a call, the next run will");
            }
        }
    }
    Ok(())
}

/// Reads Twilio's own list for calls that we have no verdict on.
async fn check_twilios(
    endpoint: &Endpoint,
    connection: &Connection,
    window: PollWindow,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let read_until = window
        .read_until
        .unwrap_or(window.now)
        .max(window.now - LOOK_BACK_MAX);
    let listing = endpoint.twilio.calls_since(read_until - OVERLAP).await?;
    let inbound: Vec<&CallRecord> = listing
        .calls
        .iter()
        .filter(|call| call.is_inbound() && call.status.is_final())
        .collect();
    let sids: Vec<&str> = inbound.iter().map(|call| call.sid.as_str()).collect();
    let numbers: Vec<&str> = inbound
        .iter()
        .filter_map(|call| Some(call.line.as_ref()?.as_str()))
        .collect();
    let errors_before = tally.errors;
    let (undecided, lines) = missed_calls::undecided(connection, &sids, &numbers).await?;

    for call in inbound {
        let Some(line) = call
            .line
            .clone()
            .filter(|line| lines.contains(line) || endpoint.is_default(line))
        else {
            continue;
        };
        if undecided.contains(&call.sid) {
            tally.checked += 1;
            conclude(
                endpoint,
                connection,
                call,
                call.caller.clone(),
                line,
                window.now,
                tally,
            )
            .await?;
        }
    }
    anyhow::ensure!(listing.complete, "the list was cut short");
    anyhow::ensure!(
        tally.errors == errors_before,
        "not every call in the list could be decided"
    );
    // Only now is everything before it committed.
    missed_calls::advance_watermark(connection, window.now).await?;
    Ok(())
}

/// Decides one call from Twilio's record of it, if it is time to.
async fn conclude(
    endpoint: &Endpoint,
    connection: &Connection,
    record: &CallRecord,
    caller: Option<Phone>,
    line: Phone,
    now: Timestamp,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    // A call that is over and has no end would otherwise wait for one for ever.
    let ended_at = record.ended_at.or(record.began_at);
    if !record.status.is_final() || ended_at.is_some_and(|ended| now.duration_since(ended) < FALLBACK_GRACE) {
        return Ok(());
    }
    let ended_at = ended_at.unwrap_or(now);
    let legs = match endpoint.twilio.child_legs(&record.sid).await {
        Ok(legs) => legs
            .into_iter()
            .map(|leg| Leg { status: leg.status })
            .collect::<Vec<_>>(),
        Err(error) => {
            tally.errors += 1;
            tracing::warn!(call.sid = record.sid, %error, "could not ask Twilio about a call's legs, the next run will");
            return Ok(());
        }
    };
    let age = now.duration_since(record.began_at.unwrap_or(ended_at));
    let verdict = verdict_of_record(&record.status, &legs, age);
    let report = Report {
        call_sid: record.sid.clone(),
        caller,
        is_default_line: endpoint.is_default(&line),
        line,
        status: record.status.clone(),
        dial_status: None,
        began_at: record.began_at,
        is_over: verdict.is_some(),
        ended_at: Some(ended_at),
        verdict,
        source: Source::Poller,
    };
    match missed_calls::record_report(connection, &report).await? {
        Recorded::TextOwed { job, person } => {
            tally.missed += 1;
            tracing::info!(job.id = %job, call.sid = record.sid, path = "fallback", "[Check Missed Calls - FALLBACK] Missed call detected");
            endpoint.doorbell.ring(job, &person, 1).await;
        }
        Recorded::AlreadyOwed => {
            tracing::info!(
                deduplicated = 1,
                call.sid = record.sid,
                "[Missed Call Handler] Deduplication: SMS already sent for this call"
            );
        }
        Recorded::Nothing if verdict == Some(Verdict::Missed) => {
            tracing::warn!(
                call.sid = record.sid,
                "a call was called answered before, and Twilio's record says missed"
            );
        }
        _ => {}
    }
    Ok(())
}
