//! The text that a missed call's caller is owed: load, gate, grant, send, settle.

use std::time::Duration;

use shared::jobs::{self, AfterRefusal, Denial, Grant, Outcome, Permit, Settlement};
use shared::missed_calls::{self, Decision, Suppression, TextFacts};
use shared::platform::database::Connection;
use shared::platform::lambda::Deadline;
use shared::platform::queue::Retry;
use shared::providers::twilio::Message;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Endpoint, NEEDED_FOR_AN_ATTEMPT, quarantine};

/// Past this, counted from before the permit was asked for, its request may not leave any more: a sandbox
/// that was frozen in between must not send what somebody may by then have settled.
const PERMIT_LIVES: Duration = Duration::from_secs(12);
/// How late Twilio may still hand a text to the carrier: a queued one must not surprise anybody.
const VALIDITY: Duration = Duration::from_mins(30);
const SETTLE_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// When settling gives up, before the invocation ends; the sweeper settles it by evidence.
const SETTLE_SLACK: Duration = Duration::from_secs(5);
/// How long to leave a person alone while an earlier text to them is unsettled.
const UNSETTLED_WAIT: Duration = Duration::from_mins(2);

/// Runs the job if it is ready; whatever it ends as, it ends with a reason.
pub(super) async fn run(endpoint: &Endpoint, job: Uuid, deadline: Deadline) -> Result<(), Retry> {
    let connection = endpoint
        .database
        .connection()
        .await
        .map_err(anyhow::Error::from)?;
    let Some(mut facts) = missed_calls::load_text(&connection, job)
        .await
        .map_err(anyhow::Error::from)?
    else {
        return quarantine(endpoint, "no such job", &job.to_string()).await;
    };
    if facts.wording.is_none() {
        facts.wording = endpoint.wording_of_default_line(&facts.line);
    }
    facts.is_our_own |= facts
        .caller
        .as_ref()
        .is_some_and(|caller| endpoint.is_of_default_line(caller));
    if facts.state != "pending" || facts.due_at > facts.now {
        tracing::info!(job.id = %job, state = facts.state, "[JOB-RUNNER] nothing to do");
        return Ok(());
    }
    tracing::info!(job.id = %job, call.sid = facts.call_sid, "✅ [JOB-RUNNER] picked");
    match missed_calls::decide(&facts, |caller| endpoint.reach.includes(caller)) {
        Decision::Suppress(reason) => suppress(&connection, job, reason).await,
        Decision::Send { body } => send(endpoint, connection, job, &facts, body, deadline).await,
    }
}

async fn send(
    endpoint: &Endpoint,
    connection: Connection,
    job: Uuid,
    facts: &TextFacts,
    body: String,
    deadline: Deadline,
) -> Result<(), Retry> {
    if deadline.remaining() < NEEDED_FOR_AN_ATTEMPT {
        return Err(anyhow::anyhow!("too little of the invocation is left to send and settle").into());
    }
    // Both clocks: one stands still while a sandbox is frozen, the other can be set.
    let asked = (Instant::now(), endpoint.gate.now());
    let (permit, attempt_no) = match jobs::grant(&connection, job, &body)
        .await
        .map_err(anyhow::Error::from)?
    {
        Grant::Permitted { permit, attempt_no } => (permit, attempt_no),
        Grant::NotPending => return Ok(()),
        Grant::Denied(denial) => return heed(&connection, job, denial).await,
    };
    // A request may take ten seconds, in which somebody else can use it.
    drop(connection);
    let is_good = || {
        let age = endpoint.gate.now().duration_since(asked.1).unwrap_or_default();
        let is_good = asked.0.elapsed() < PERMIT_LIVES && age < PERMIT_LIVES;
        if !is_good {
            tracing::warn!(job.id = %job, "permit too old to be used");
        }
        is_good
    };

    let attempt = permit.attempt();
    tracing::info!(job.id = %job, attempt.id = %attempt, "[Missed Call Handler] Sending SMS to {}", permit.recipient());
    let outcome = request(endpoint, permit, facts, body, is_good).await;
    // The log outlives the database: from here on the answer is written down somewhere.
    tracing::info!(job.id = %job, attempt.id = %attempt, outcome = ?outcome, "provider answered");
    let settlement = settle(endpoint, attempt, attempt_no, &outcome, deadline).await;
    tell(job, &outcome, settlement.as_ref());
    if matches!(&outcome, Outcome::Refused(refusal) if refusal.next == AfterRefusal::Unauthorized) {
        endpoint.secrets.look_again().await;
    }
    Ok(())
}

async fn request(
    endpoint: &Endpoint,
    permit: Permit,
    facts: &TextFacts,
    body: String,
    is_good: impl Fn() -> bool,
) -> Outcome {
    let message = Message {
        from: facts.line.clone(),
        body,
        status_callback: format!(
            "{}/api/webhooks/twilio/status?attempt={}",
            endpoint.app_url,
            permit.attempt()
        ),
        validity: VALIDITY,
    };
    endpoint.twilio.send_message(permit, &message, is_good).await
}

/// Settles in the face of a failing database for as long as the invocation lasts. If it never succeeds the
/// lease runs out, and a callback or Twilio's list tells what happened.
async fn settle(
    endpoint: &Endpoint,
    attempt: Uuid,
    attempt_no: i32,
    outcome: &Outcome,
    deadline: Deadline,
) -> Option<Settlement> {
    let jitter = endpoint.gate.chance();
    loop {
        let settled = match endpoint.database.connection().await {
            Ok(connection) => jobs::settle(&connection, attempt, attempt_no, outcome, jitter).await,
            Err(error) => Err(error),
        };
        match settled {
            Ok(settlement) => return Some(settlement),
            Err(error) => tracing::warn!(attempt.id = %attempt, %error, "not settled yet"),
        }
        if deadline.remaining() < SETTLE_SLACK {
            return None;
        }
        tokio::time::sleep(SETTLE_AGAIN_AFTER).await;
    }
}

/// The database said no at the last moment.
async fn heed(connection: &Connection, job: Uuid, denial: Denial) -> Result<(), Retry> {
    tracing::info!(job.id = %job, ?denial, "[JOB-RUNNER] the database allows no attempt");
    match denial {
        Denial::OptedOut => suppress(connection, job, Suppression::OptedOut).await,
        Denial::AlreadyTexted => suppress(connection, job, Suppression::AlreadyTexted).await,
        Denial::Expired => suppress(connection, job, Suppression::Expired).await,
        Denial::EarlierTextUnsettled | Denial::ChannelClosed => {
            let wait = if denial == Denial::ChannelClosed {
                Duration::ZERO
            } else {
                UNSETTLED_WAIT
            };
            Ok(jobs::defer(connection, job, wait)
                .await
                .map_err(anyhow::Error::from)?)
        }
        Denial::Loop => suppress(connection, job, Suppression::Loop).await,
        Denial::ArrivedAfterAll => suppress(connection, job, Suppression::ArrivedAfterAll).await,
        Denial::AlreadyAttempted => Ok(()),
    }
}

async fn suppress(connection: &Connection, job: Uuid, reason: Suppression) -> Result<(), Retry> {
    let ended = jobs::suppress(connection, job, reason.as_str())
        .await
        .map_err(anyhow::Error::from)?;
    if ended {
        tracing::info!(job.id = %job, reason = reason.as_str(), suppressed = 1, "[JOB-RUNNER] job suppressed");
    }
    Ok(())
}

fn tell(job: Uuid, outcome: &Outcome, settlement: Option<&Settlement>) {
    match (outcome, settlement) {
        (Outcome::Accepted { provider_id }, Some(Settlement::Accepted { origin, latency_ms })) => {
            tracing::info!(job.id = %job, message.sid = provider_id, origin, latency_ms, sent = 1,
                "[Missed Call Handler] SMS sent successfully");
        }
        (Outcome::Accepted { provider_id }, Some(Settlement::Contradicted)) => {
            tracing::error!(job.id = %job, message.sid = provider_id, "Twilio's answer contradicts the ledger: kept as evidence");
        }
        (Outcome::Accepted { provider_id }, _) => {
            tracing::info!(job.id = %job, message.sid = provider_id, "[Missed Call Handler] SMS sent, settled by evidence");
        }
        (Outcome::Refused(refusal), _) => {
            tracing::error!(job.id = %job, why = refusal.why, code = refusal.code, failed = 1, "[Missed Call Handler] Failed to send");
        }
        (Outcome::Unknown { why, .. }, _) => {
            tracing::error!(job.id = %job, why, unclear = 1, "[Missed Call Handler] Failed to send: outcome unknown, evidence decides");
        }
    }
}
