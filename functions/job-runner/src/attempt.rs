//! What texts and calls share: a permit is used soon or not at all, and what the answer proves is written down.

use std::time::{Duration, SystemTime};

use shared::jobs::{self, AfterRefusal, Grant, Outcome, Settlement};
use shared::platform::database::{self, Connection};
use shared::platform::lambda::Deadline;
use shared::platform::queue::Retry;
use tokio::time::Instant;
use uuid::Uuid;

use super::Endpoint;

/// What an invocation must have left before a permit is asked for: the request (10 s), settling it (5 s)
/// and slack.
pub(super) const NEEDED: Duration = Duration::from_secs(18);
/// Past this, counted from before the permit was asked for, its request may not leave any more: a sandbox
/// that was frozen in between must not send what somebody may by then have settled.
const PERMIT_LIVES: Duration = Duration::from_secs(12);
const SETTLE_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// When settling gives up, before the invocation ends; the sweeper settles it by evidence.
const SETTLE_SLACK: Duration = Duration::from_secs(5);

/// When a permit was asked for, by both clocks: one stands still while a sandbox is frozen, the other can be set.
#[derive(Clone, Copy)]
pub(super) struct Asked(Instant, SystemTime);

impl Asked {
    /// Whether the job's permit, asked for then, may still be used.
    pub(super) fn is_fresh(self, endpoint: &Endpoint, job: Uuid) -> bool {
        let is_fresh = self.0.elapsed() < PERMIT_LIVES && !endpoint.gate.has_passed(PERMIT_LIVES, self.1);
        if !is_fresh {
            tracing::warn!(job.id = %job, "permit too old to be used");
        }
        is_fresh
    }
}

/// Asks for a permit, if enough of the invocation is left to use it and to settle.
pub(super) async fn ask<R>(
    endpoint: &Endpoint,
    granting: impl Future<Output = Result<Grant<R>, database::Error>>,
    deadline: Deadline,
) -> Result<(Grant<R>, Asked), Retry> {
    if deadline.remaining() < NEEDED {
        return Err(anyhow::anyhow!("too little of the invocation is left to send and settle").into());
    }
    let asked = Asked(Instant::now(), endpoint.gate.now());
    Ok((granting.await?, asked))
}

/// Settles in the face of a failing database for as long as the invocation lasts. If it never succeeds the
/// lease runs out, and a callback or the provider's list tells what happened.
pub(super) async fn settle(
    endpoint: &Endpoint,
    attempt: Uuid,
    attempt_no: i32,
    outcome: &Outcome,
    deadline: Deadline,
) -> Option<Settlement> {
    let jitter = endpoint.gate.chance();
    let settlement = loop {
        let settled = match endpoint.database.connection().await {
            Ok(connection) => jobs::settle(&connection, attempt, attempt_no, outcome, jitter).await,
            Err(error) => Err(error),
        };
        match settled {
            Ok(settlement) => break Some(settlement),
            Err(error) => tracing::warn!(attempt.id = %attempt, %error, "not settled yet"),
        }
        if deadline.remaining() < SETTLE_SLACK {
            break None;
        }
        tokio::time::sleep(SETTLE_AGAIN_AFTER).await;
    };
    if matches!(outcome, Outcome::Refused(refusal) if refusal.next == AfterRefusal::Unauthorized) {
        endpoint.secrets.look_again().await;
    }
    settlement
}

/// Ends a pending job by a rule, and says so.
pub(super) async fn suppress(connection: &Connection, job: Uuid, reason: &str) -> Result<(), Retry> {
    let ended = jobs::suppress(connection, job, reason).await?;
    if ended {
        tracing::info!(job.id = %job, reason, suppressed = 1, "[JOB-RUNNER] job suppressed");
    }
    Ok(())
}
