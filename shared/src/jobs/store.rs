//! The ledger's transitions, one statement each.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{Address, Denial, NextTry, Outcome, Permit, Refusal, Search, Unclear, UnclearCall, next_try};
use crate::Phone;
use crate::platform::database::{Connection, Error};
use crate::platform::queue::Workflow;
use crate::statement;

/// What came of asking for a permit.
#[derive(Debug)]
pub enum Grant<R = Phone> {
    /// Go ahead, once.
    Permitted {
        /// The permission.
        permit: Permit<R>,
        /// Which attempt of its job this is, from 1.
        attempt_no: i32,
    },
    /// The job is not pending any more, or not due: somebody else has it, or it has ended.
    NotPending,
    /// A rule of the database said no.
    Denied(Denial),
}

/// What settling changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The job is accepted, by this.
    Accepted {
        /// Which path had found the job.
        origin: Option<String>,
        /// From the job's cause until now, in milliseconds.
        latency_ms: Option<i64>,
    },
    /// It was already known.
    AlreadyAccepted,
    /// The provider accepted something that the ledger knows otherwise: kept as evidence, an alarm.
    Contradicted,
    /// Refused; the job's new state, `None` if evidence had settled it before.
    Refused(Option<String>),
    /// Left to evidence.
    Unclear,
}

impl Settlement {
    /// Whether the job stands as accepted, whoever was first to say so.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted { .. } | Self::AlreadyAccepted)
    }
}

/// Commits the permission for one request with exactly these words.
///
/// On an error nothing may be sent: whether the attempt was committed is unknown, and if it was, its
/// lease runs out and it is settled by evidence.
pub async fn grant(database: &Connection, job: Uuid, content: &str) -> Result<Grant, Error> {
    permitted(database, job, content, |row| Phone::stored(row.get("recipient"))).await
}

/// The same for an answer; the database permits no other words than those that were drafted.
pub async fn grant_reply(database: &Connection, job: Uuid, content: &str) -> Result<Grant<Address>, Error> {
    permitted(database, job, content, |row| Address::stored(row.get("address"))).await
}

async fn permitted<R>(
    database: &Connection,
    job: Uuid,
    content: &str,
    recipient: impl FnOnce(&Row) -> R,
) -> Result<Grant<R>, Error> {
    let row = match database
        .row_opt(statement!("grant"), &[(&job, Type::UUID), (&content, Type::TEXT)])
        .await
    {
        Err(Error::Refused { constraint }) => {
            let denial = Denial::of(&constraint).ok_or(Error::Refused { constraint })?;
            return Ok(Grant::Denied(denial));
        }
        answer => answer?,
    };
    Ok(row.map_or(Grant::NotPending, |row| Grant::Permitted {
        permit: Permit::granted(row.get("id"), recipient(&row)),
        attempt_no: row.get("attempt_no"),
    }))
}

/// Records what the provider's answer proves. Repeating it changes nothing. `jitter`, in `0.0..1.0`, spreads
/// the next try.
pub async fn settle(
    database: &Connection,
    attempt: Uuid,
    attempt_no: i32,
    outcome: &Outcome,
    jitter: f64,
) -> Result<Settlement, Error> {
    match outcome {
        Outcome::Accepted { provider_id } => settle_accepted(database, attempt, provider_id).await,
        Outcome::Refused(refusal) => {
            let next = next_try(refusal, attempt_no, jitter);
            settle_refused(database, attempt, refusal, next).await
        }
        Outcome::Unknown { why, http_status } => settle_unknown(database, attempt, why, *http_status).await,
    }
}

/// Records that the provider took it, by its own answer.
pub async fn settle_accepted(
    database: &Connection,
    attempt: Uuid,
    provider_id: &str,
) -> Result<Settlement, Error> {
    let params = [(&attempt as _, Type::UUID), (&provider_id as _, Type::TEXT)];
    let settled = match database.row_opt(statement!("settle_accepted"), &params).await {
        // Evidence of something that the ledger holds otherwise, and nothing that the usual case looks for.
        Err(Error::Refused { constraint }) if constraint == "one_attempt_per_provider_id" => None,
        answer => answer?,
    };
    match settled {
        Some(row) => Ok(Settlement::Accepted {
            origin: row.get("origin"),
            latency_ms: row.get("latency_ms"),
        }),
        None => settle_accepted_late(database, attempt, provider_id, false).await,
    }
}

/// Records that the provider took it, by its list. The list may have been read a while ago: if the attempt is
/// no longer unknown, what was found may be another's, and nothing follows from it.
pub async fn settle_found(
    database: &Connection,
    attempt: Uuid,
    provider_id: &str,
) -> Result<Settlement, Error> {
    settle_accepted_late(database, attempt, provider_id, true).await
}

/// Keeps a report on how far a text has come, and records what it proves: that the provider took it. Nearly always
/// that is known, and one statement does. Where it is not, it is settled first and the report kept after, because
/// nobody may tell again.
pub async fn settle_reported(
    database: &Connection,
    attempt: Uuid,
    provider_id: &str,
    status: &str,
    error_code: Option<i64>,
) -> Result<Settlement, Error> {
    let params = [
        (&attempt as _, Type::UUID),
        (&provider_id as _, Type::TEXT),
        (&status as _, Type::TEXT),
        (&error_code as _, Type::INT8),
    ];
    let row = database.row(statement!("settle_reported"), &params).await?;
    if row.get("is_settled") {
        return Ok(Settlement::AlreadyAccepted);
    }
    let settlement = settle_accepted(database, attempt, provider_id).await?;
    record_delivery(database, provider_id, status, error_code).await?;
    Ok(settlement)
}

async fn settle_accepted_late(
    database: &Connection,
    attempt: Uuid,
    provider_id: &str,
    found_in_list: bool,
) -> Result<Settlement, Error> {
    let params = [
        (&attempt as _, Type::UUID),
        (&provider_id as _, Type::TEXT),
        (&found_in_list as _, Type::BOOL),
    ];
    let row = database.row(statement!("settle_accepted_late"), &params).await?;
    Ok(match row.get("settlement") {
        "settled" => Settlement::Accepted {
            origin: row.get("origin"),
            latency_ms: row.get("latency_ms"),
        },
        "already_settled" => Settlement::AlreadyAccepted,
        _ => Settlement::Contradicted,
    })
}

async fn settle_refused(
    database: &Connection,
    attempt: Uuid,
    refusal: &Refusal,
    next: NextTry,
) -> Result<Settlement, Error> {
    let seconds = |wait: Option<Duration>| wait.map(|wait| wait.as_secs_f64());
    let http_status = refusal.http_status.map(i32::from);
    // The ledger knows a refusal without an HTTP status by this one reason only.
    let why = if http_status.is_none() {
        "not_sent"
    } else {
        refusal.why.as_str()
    };
    let row = database
        .row(
            statement!("settle_refused"),
            &[
                (&attempt, Type::UUID),
                (&http_status, Type::INT4),
                (&refusal.code, Type::INT8),
                (&why, Type::TEXT),
                (&seconds(next.job_waits), Type::FLOAT8),
                (&seconds(next.channel_waits), Type::FLOAT8),
                (&(refusal.next == super::AfterRefusal::Unauthorized), Type::BOOL),
                (&(refusal.next == super::AfterRefusal::OptedOut), Type::BOOL),
            ],
        )
        .await?;
    Ok(Settlement::Refused(row.get("state")))
}

async fn settle_unknown(
    database: &Connection,
    attempt: Uuid,
    why: &str,
    http_status: Option<u16>,
) -> Result<Settlement, Error> {
    let http_status = http_status.map(i32::from);
    database
        .rows(
            statement!("settle_unknown"),
            &[
                (&attempt, Type::UUID),
                (&why, Type::TEXT),
                (&http_status, Type::INT4),
            ],
        )
        .await?;
    Ok(Settlement::Unclear)
}

/// Ends a pending job by a rule; `false` if it was not pending.
pub async fn suppress(database: &Connection, job: Uuid, reason: &str) -> Result<bool, Error> {
    let row = database
        .row_opt(
            statement!("suppress"),
            &[(&job, Type::UUID), (&reason, Type::TEXT)],
        )
        .await?;
    Ok(row.is_some())
}

/// Puts a pending job off, at least until its channel opens.
pub async fn defer(database: &Connection, job: Uuid, wait: Duration) -> Result<(), Error> {
    let params = [(&job as _, Type::UUID), (&wait.as_secs_f64() as _, Type::FLOAT8)];
    database.rows(statement!("defer"), &params).await?;
    Ok(())
}

/// Declares the attempts of vanished workers unknown; how many there were.
pub async fn rescue(database: &Connection) -> Result<usize, Error> {
    count(database, statement!("rescue")).await
}

/// Ends the jobs whose time is over; how many there were.
pub async fn expire(database: &Connection) -> Result<usize, Error> {
    count(database, statement!("expire")).await
}

async fn count(
    database: &Connection,
    statement: crate::platform::database::Statement,
) -> Result<usize, Error> {
    Ok(database
        .rows(statement, &[(&super::SWEEP_LIMIT, Type::INT8)])
        .await?
        .len())
}

/// A doorbell to ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// For this job.
    pub job: Uuid,
    /// Whose turn it is: jobs of one person are handled in order.
    pub person: String,
    /// The how-manieth ring for the job this is.
    pub number: i32,
    /// What kind of job it is.
    pub workflow: Workflow,
}

/// The due jobs whose doorbell may have been lost, marked as rung now.
pub async fn ring_due(database: &Connection) -> Result<Vec<Ring>, Error> {
    let rows = database
        .rows(statement!("ring_due"), &[(&super::SWEEP_LIMIT, Type::INT8)])
        .await?;
    Ok(rows
        .iter()
        .map(|row| Ring {
            job: row.get("id"),
            person: row.get("person"),
            number: row.get("rings"),
            workflow: match row.get("workflow") {
                "call" => Workflow::Call,
                "reply" => Workflow::Reply,
                _ => Workflow::Text,
            },
        })
        .collect())
}

/// The unknown texts that it is time to look up, with the clock's time.
pub async fn unclear_due(database: &Connection, limit: i64) -> Result<Vec<(Unclear, Timestamp)>, Error> {
    let rows = database
        .rows(statement!("unknown_due"), &[(&limit, Type::INT8)])
        .await?;
    Ok(rows
        .iter()
        .map(|row| {
            let unclear = Unclear {
                attempt: row.get("id"),
                sender: Phone::stored(row.get("sender")),
                recipient: Phone::stored(row.get("recipient")),
                content: row.get("content"),
                search: search_of(row),
                claimed_ids: row.get("claimed_ids"),
            };
            (unclear, row.get("now"))
        })
        .collect())
}

/// The unknown calls that it is time to look up, with the clock's time.
pub async fn unclear_calls_due(
    database: &Connection,
    limit: i64,
) -> Result<Vec<(UnclearCall, Timestamp)>, Error> {
    let rows = database
        .rows(statement!("unknown_calls_due"), &[(&limit, Type::INT8)])
        .await?;
    Ok(rows
        .iter()
        .map(|row| {
            let unclear = UnclearCall {
                attempt: row.get("id"),
                recipient: Phone::stored(row.get("recipient")),
                search: search_of(row),
            };
            (unclear, row.get("now"))
        })
        .collect())
}

fn search_of(row: &Row) -> Search {
    Search {
        granted_at: row.get("granted_at"),
        empty_readings: row.get("empty_reads"),
        last_empty_reading_at: row.get("last_empty_read_at"),
    }
}

/// Notes a complete reading that did not show the attempt.
pub async fn record_empty_reading(database: &Connection, attempt: Uuid, wait: Duration) -> Result<(), Error> {
    record_reading(database, attempt, true, wait).await
}

/// Notes a reading that proves nothing: cut short, failed, or with messages that may be the attempt's.
pub async fn record_incomplete_reading(
    database: &Connection,
    attempt: Uuid,
    wait: Duration,
) -> Result<(), Error> {
    record_reading(database, attempt, false, wait).await
}

async fn record_reading(
    database: &Connection,
    attempt: Uuid,
    empty: bool,
    wait: Duration,
) -> Result<(), Error> {
    let params = [
        (&attempt as _, Type::UUID),
        (&empty as _, Type::BOOL),
        (&wait.as_secs_f64() as _, Type::FLOAT8),
    ];
    database.rows(statement!("record_read"), &params).await?;
    Ok(())
}

/// Declares an unknown attempt proven absent; the database checks the proof.
pub async fn settle_absent(database: &Connection, attempt: Uuid) -> Result<(), Error> {
    database
        .rows(statement!("settle_absent"), &[(&attempt, Type::UUID)])
        .await?;
    Ok(())
}

/// Leaves an attempt that no evidence settled to a person.
pub async fn hand_over(database: &Connection, attempt: Uuid, reason: &str) -> Result<(), Error> {
    let params = [(&attempt as _, Type::UUID), (&reason as _, Type::TEXT)];
    database.rows(statement!("hand_over"), &params).await?;
    Ok(())
}

/// Keeps a delivery report that names no attempt; `false` if it was known.
pub async fn record_delivery(
    database: &Connection,
    provider_id: &str,
    status: &str,
    error_code: Option<i64>,
) -> Result<bool, Error> {
    let params = [
        (&provider_id as _, Type::TEXT),
        (&status as _, Type::TEXT),
        (&error_code as _, Type::INT8),
    ];
    Ok(database
        .row_opt(statement!("record_delivery"), &params)
        .await?
        .is_some())
}
