//! Whose time has come, and what they are owed.

use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::platform::database::{Connection, Error};
use crate::statement;

/// A customer whose time had come. They have been planned anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Who.
    pub customer: String,
    /// What came of it.
    pub decision: Due,
}

/// What a customer whose time has come is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The first call, by this job.
    WelcomeCall(Uuid),
    /// The call of the day, by this job.
    DailyCall(Uuid),
    /// A call that is in the ledger already: for this day of theirs, or another scheduler's of this moment.
    AlreadyOwed,
    /// Nothing: they were called on this day of theirs.
    CalledToday,
    /// Nothing: it was their time to be welcomed, and they have been.
    WelcomeCallCompleted,
    /// Nothing: it was their time to be welcomed, which they are not to be any more.
    NotTheirHour,
    /// Nothing: they said stop.
    OptedOut,
}

impl Due {
    fn of(decision: &str, job: Option<Uuid>) -> Self {
        match (decision, job) {
            ("welcome_call", Some(job)) => Self::WelcomeCall(job),
            ("daily_call", Some(job)) => Self::DailyCall(job),
            ("welcome_call" | "daily_call", None) => Self::AlreadyOwed,
            ("called_today", _) => Self::CalledToday,
            ("welcome_call_completed", _) => Self::WelcomeCallCompleted,
            ("opted_out", _) => Self::OptedOut,
            _ => Self::NotTheirHour,
        }
    }

    /// The job that was created, if one was.
    pub fn job(self) -> Option<Uuid> {
        match self {
            Self::WelcomeCall(job) | Self::DailyCall(job) => Some(job),
            _ => None,
        }
    }
}

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
