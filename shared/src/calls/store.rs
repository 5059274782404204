//! The statements about calls to customers.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{CallEnd, CallFacts, Due, Kind, Scheduled, Teller};
use crate::Phone;
use crate::jobs::Denial;
use crate::platform::database::{Connection, Error};
use crate::statement;

/// Decides for `limit` customers at most whose time has come, the longest waiting first; nobody while calling is
/// paused. `created` is how many calls this run has created already, and a run may create only so many.
///
/// Deciding, owing and planning anew are one commit. Somebody whom another scheduler has at this moment is passed
/// over, and who has been decided for is not due again.
pub async fn schedule(database: &Connection, limit: i64, created: i64) -> Result<Vec<Scheduled>, Error> {
    let params = [(&limit as _, Type::INT8), (&created as _, Type::INT8)];
    let rows = database.rows(statement!("schedule_calls"), &params).await?;
    Ok(rows
        .iter()
        .map(|row| Scheduled {
            customer: row.get("customer_id"),
            decision: Due::of(row.get("decision"), row.get("job_id")),
        })
        .collect())
}

/// Everything that decides about a call; `None` if there is no such call.
pub async fn load_call(database: &Connection, job: Uuid) -> Result<Option<CallFacts>, Error> {
    let row = database
        .row_opt(statement!("load_call"), &[(&job, Type::UUID)])
        .await?;
    Ok(row.and_then(|row| {
        Some(CallFacts {
            kind: Kind::of_job(row.get("kind"))?,
            state: row.get("state"),
            due_at: row.get("due_at"),
            expires_at: row.get("expires_at"),
            customer_id: row.get("customer_id"),
            name: row.get("name"),
            phone: row.get::<_, Option<String>>("phone").map(Phone::stored),
            is_welcomed: row.get("welcome_call_completed"),
            is_called_today: row.get::<_, Option<bool>>("is_called_today").unwrap_or(false),
            rule: row.get::<_, Option<&str>>("rule").and_then(Denial::of),
            lawful_at: row.get("lawful_at"),
            is_our_own: row.get("is_our_own"),
            now: row.get("now"),
        })
    }))
}

/// A customer's row, after what the ledger says of a call was copied into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projected {
    /// Whose row.
    pub customer_id: String,
    /// What it says of the welcome call.
    pub welcome_call_completed: bool,
    /// The day of the last call, as it says now.
    pub last_call_date: Option<String>,
}

/// Copies what the ledger says of a call that was taken into its customer's row; `None` if there was nothing to copy,
/// or no row to copy it to.
pub async fn project_call(database: &Connection, job: Uuid) -> Result<Option<Projected>, Error> {
    let row = database
        .row_opt(statement!("project_call"), &[(&job, Type::UUID)])
        .await?;
    Ok(row.map(|row| Projected {
        customer_id: row.get("customer_id"),
        welcome_call_completed: row.get("welcome_call_completed"),
        last_call_date: row.get("last_call_date"),
    }))
}

/// Calls that were taken and do not stand in their customers' rows yet, the longest ago first.
pub async fn unprojected(database: &Connection, limit: i64) -> Result<Vec<Uuid>, Error> {
    let rows = database
        .rows(statement!("unprojected"), &[(&limit, Type::INT8)])
        .await?;
    Ok(rows.iter().map(|row| row.get("id")).collect())
}

/// What somebody tells of a call.
#[derive(Debug, Clone, Copy)]
pub struct Telling<'a> {
    /// The attempt that the call names.
    pub attempt: Option<Uuid>,
    /// The provider's id of the call.
    pub call_id: &'a str,
    /// How it ended; `None` while it goes on.
    pub end: Option<&'a CallEnd>,
    /// Whether the customer asked not to be called any more.
    pub wants_to_stop: bool,
    /// Who tells.
    pub by: Teller,
}

/// What recording a telling led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// Recorded.
    Known {
        /// The job that does not stand in its customer's row yet.
        unprojected: Option<Uuid>,
        /// Whether the customer is called no more, by these words.
        has_stopped: bool,
    },
    /// No call of ours is known to be placed under this id. Nothing was recorded.
    Unknown,
    /// The attempt that it names is none of a call. Nothing was recorded.
    NoCall,
}

/// Keeps what is told of a call that is known to be placed. With `is_settled`, what the telling proves has been
/// settled, and it is kept whatever that came to.
pub async fn record_result(
    database: &Connection,
    telling: Telling<'_>,
    is_settled: bool,
) -> Result<Recorded, Error> {
    let end = telling.end;
    let row = database
        .row(
            statement!("record_result"),
            &[
                (&telling.attempt, Type::UUID),
                (&telling.call_id, Type::TEXT),
                (&end.map(|end| end.result.as_str()), Type::TEXT),
                (&end.and_then(|end| end.ended_reason.as_deref()), Type::TEXT),
                (&end.and_then(|end| end.started_at), Type::TIMESTAMPTZ),
                (&end.and_then(|end| end.ended_at), Type::TIMESTAMPTZ),
                (&end.is_some_and(|end| end.customer_spoke), Type::BOOL),
                (&telling.by.as_str(), Type::TEXT),
                (&telling.wants_to_stop, Type::BOOL),
                (&is_settled, Type::BOOL),
            ],
        )
        .await?;
    Ok(if row.get("is_known") {
        Recorded::Known {
            unprojected: row.get("unprojected"),
            has_stopped: row.get("has_stopped"),
        }
    } else if row.get("is_of_a_call") {
        Recorded::Unknown
    } else {
        Recorded::NoCall
    })
}

/// A call that was placed and of which nobody has told how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unheard {
    /// Its attempt.
    pub attempt: Uuid,
    /// The provider's id of it.
    pub call_id: String,
    /// When it was allowed.
    pub granted_at: Timestamp,
}

/// The calls whose results it is time to ask for, with the clock's time.
pub async fn results_due(database: &Connection, limit: i64) -> Result<Vec<(Unheard, Timestamp)>, Error> {
    let rows = database
        .rows(statement!("results_due"), &[(&limit, Type::INT8)])
        .await?;
    let unheard = |row: &tokio_postgres::Row| Unheard {
        attempt: row.get("id"),
        call_id: row.get("provider_id"),
        granted_at: row.get("granted_at"),
    };
    Ok(rows.iter().map(|row| (unheard(row), row.get("now"))).collect())
}

/// Puts off asking how a call ended.
pub async fn ask_later(database: &Connection, attempt: Uuid, wait: Duration) -> Result<(), Error> {
    let params = [
        (&attempt as _, Type::UUID),
        (&wait.as_secs_f64() as _, Type::FLOAT8),
    ];
    database.rows(statement!("ask_later"), &params).await?;
    Ok(())
}

/// Remembers that the scheduler's run has come to its end, so that somebody can see that its schedule ticks.
pub async fn record_tick(database: &Connection) -> Result<(), Error> {
    database
        .rows(statement!("record_tick"), &[(&"call-scheduler", Type::TEXT)])
        .await?;
    Ok(())
}
