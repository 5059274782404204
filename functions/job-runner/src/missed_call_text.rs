//! The text that a missed call's caller is owed: load, gate, grant, send, settle.

use std::time::Duration;

use shared::jobs::{self, Denial, Grant, Outcome, Permit, Settlement};
use shared::missed_calls::{self, Decision, Suppression, TextFacts};
use shared::platform::database::Connection;
use shared::platform::lambda::Deadline;
use shared::platform::queue::Retry;
use shared::providers::twilio::Message;
use uuid::Uuid;

use super::{Endpoint, attempt, quarantine};

/// How late Twilio may still hand a text to the carrier: a queued one must not surprise anybody.
const VALIDITY: Duration = Duration::from_mins(30);
/// How long to leave a person alone while an earlier text to them is unsettled.
const UNSETTLED_WAIT: Duration = Duration::from_mins(2);

/// Runs the job if it is ready; whatever it ends as, it ends with a reason.
pub(super) async fn run(endpoint: &Endpoint, job: Uuid, deadline: Deadline) -> Result<(), Retry> {
    let connection = endpoint.database.connection().await?;
    let Some(mut facts) = missed_calls::load_text(&connection, job).await? else {
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
    let granting = jobs::grant(&connection, job, &body);
    let (grant, asked) = attempt::ask(endpoint, granting, deadline).await?;
    let (permit, attempt_no) = match grant {
        Grant::Permitted { permit, attempt_no } => (permit, attempt_no),
        Grant::NotPending => return Ok(()),
        Grant::Denied(denial) => return heed(&connection, job, denial).await,
    };
    // A request may take ten seconds, in which somebody else can use it.
    drop(connection);
    let attempt = permit.attempt();
    tracing::info!(job.id = %job, attempt.id = %attempt, "[Missed Call Handler] Sending SMS to {}", permit.recipient());
    let outcome = request(endpoint, permit, facts, body, || asked.is_fresh(endpoint, job)).await;
    // The log outlives the database: from here on the answer is written down somewhere.
    tracing::info!(job.id = %job, attempt.id = %attempt, outcome = ?outcome, "provider answered");
    let settlement = attempt::settle(endpoint, attempt, attempt_no, &outcome, deadline).await;
    tell(job, &outcome, settlement.as_ref());
    Ok(())
}

async fn request(
    endpoint: &Endpoint,
    permit: Permit,
    facts: &TextFacts,
    body: String,
    is_fresh: impl Fn() -> bool,
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
    endpoint.twilio.send_message(permit, &message, is_fresh).await
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
            Ok(jobs::defer(connection, job, wait).await?)
        }
        Denial::Loop => suppress(connection, job, Suppression::Loop).await,
        Denial::ArrivedAfterAll => suppress(connection, job, Suppression::ArrivedAfterAll).await,
        Denial::AlreadyAttempted | Denial::Call(_) | Denial::Reply(_) => Ok(()),
    }
}

async fn suppress(connection: &Connection, job: Uuid, reason: Suppression) -> Result<(), Retry> {
    attempt::suppress(connection, job, reason.as_str()).await
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
