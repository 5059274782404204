//! Whose time has come, and what they are owed.

use uuid::Uuid;

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
    /// A call that is too late already. Its job says so, and nobody has to be rung for it.
    Missed,
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
    pub(super) fn of(decision: &str, job: Option<Uuid>) -> Self {
        match (decision, job) {
            ("welcome_call", Some(job)) => Self::WelcomeCall(job),
            ("daily_call", Some(job)) => Self::DailyCall(job),
            ("welcome_call" | "daily_call", None) => Self::AlreadyOwed,
            ("missed", _) => Self::Missed,
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
