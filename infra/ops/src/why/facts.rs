//! What the ledger holds of one customer's day.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde::Deserialize;
use shared::Phone;

/// Everything that tells whether somebody was called on a day of theirs.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Facts {
    /// The customer.
    pub(crate) id: String,
    /// The database's time.
    pub(crate) now: Timestamp,
    /// The day that is asked about, on their clock.
    pub(crate) day: Date,
    /// The day that their clock shows now.
    pub(crate) today: Date,
    /// When that day ends.
    pub(crate) ends: Timestamp,
    /// Since when they are a customer.
    pub(crate) created_at: Timestamp,
    /// Since when they pay; `None` if they never have.
    pub(crate) paid_at: Option<Timestamp>,
    /// The day of their last call, as their own row has it.
    pub(crate) last_call_date: Option<Date>,
    /// When the scheduler looks at them next.
    pub(crate) next_call_at: Option<Timestamp>,
    /// The day on which it does, on their clock.
    pub(crate) next_call_day: Option<Date>,
    /// Whether what comes next is their welcome call.
    pub(crate) welcome_is_owed: Option<bool>,
    /// When the scheduler has last come to the end of a run, if it has ever said so.
    pub(crate) scheduler_ticked_at: Option<Timestamp>,
    /// How they stood from that day's beginning on, in order; the last is how they stand.
    pub(crate) versions: Vec<Version>,
    /// How all calling stood, likewise.
    pub(crate) calling: Vec<Calling>,
    /// The calls that were owed for that day, or not over on it.
    pub(crate) jobs: Vec<Job>,
    /// Calls that leave no room for one on that day.
    pub(crate) other_calls: Vec<OtherCall>,
    /// When they said stop, and took it back.
    pub(crate) opt_outs: Vec<OptOut>,
    /// What we were told of their payments, by the teller's clock.
    pub(crate) payments: Vec<Payment>,
}

/// A customer's settings, for as long as they stood so.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Version {
    /// When they were changed; `None` if they stand so now.
    pub(crate) until: Option<Timestamp>,
    /// Where they are called.
    pub(crate) phone: Option<String>,
    /// Whether somebody has found out that it is a number.
    pub(crate) phone_validated: bool,
    /// Their clock.
    pub(crate) timezone: Option<String>,
    /// What we were told of it.
    pub(crate) timezone_given: Option<String>,
    /// Their days of the week, 1 for Monday.
    pub(crate) call_days: Vec<i8>,
    /// What their payments come to.
    pub(crate) payment_status: String,
    /// Whether they are called at all.
    pub(crate) call_status: String,
    /// Until when they are not.
    pub(crate) paused_until: Option<Timestamp>,
    /// Their hour on the day that is asked about; `None` without a clock.
    pub(crate) hour: Option<Timestamp>,
}

/// The switch of all calling, for as long as it stood so.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Calling {
    /// When it was changed; `None` if it stands so now.
    pub(crate) until: Option<Timestamp>,
    /// Whether nobody was called.
    pub(crate) paused: bool,
}

/// A call that was owed.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Job {
    /// `welcome_call` or `daily_call`.
    pub(crate) kind: String,
    /// The day that a daily call is for.
    pub(crate) local_day: Option<Date>,
    /// How it stands.
    pub(crate) state: String,
    /// Why.
    pub(crate) state_reason: Option<String>,
    /// Not before.
    pub(crate) due_at: Timestamp,
    /// Not after.
    pub(crate) expires_at: Timestamp,
    /// When it was scheduled.
    pub(crate) created_at: Timestamp,
    /// When it ended.
    pub(crate) ended_at: Option<Timestamp>,
    /// Until when a worker has it.
    pub(crate) lease_until: Option<Timestamp>,
    /// The requests to Vapi, in order.
    pub(crate) attempts: Vec<Attempt>,
}

/// One request to Vapi.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Attempt {
    /// What is known of it.
    pub(crate) state: String,
    /// When it was allowed.
    pub(crate) granted_at: Timestamp,
    /// The customer's day then.
    pub(crate) local_day: Date,
    /// Their time then, to the minute.
    pub(crate) local_time: Time,
    /// Whether Vapi tells of a call by it that the ledger does not count.
    #[serde(default)]
    pub(crate) has_evidence: bool,
    /// The zone that decided.
    pub(crate) timezone: String,
    /// Why it stands so.
    pub(crate) reason: Option<String>,
    /// What became of the call.
    pub(crate) result: Option<String>,
    /// Vapi's word for that.
    pub(crate) ended_reason: Option<String>,
    /// Whether the customer said anything.
    pub(crate) customer_spoke: Option<bool>,
}

/// Another call, to them or to their telephone.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct OtherCall {
    /// Who was called.
    pub(crate) customer_id: String,
    /// When.
    pub(crate) granted_at: Timestamp,
}

/// Somebody said stop.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct OptOut {
    /// For this number.
    pub(crate) phone: String,
    /// Where they said it.
    pub(crate) source: String,
    /// When.
    pub(crate) opted_out_at: Timestamp,
    /// When they took it back.
    pub(crate) revoked_at: Option<Timestamp>,
}

/// What somebody told us of a payment.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Payment {
    /// What it says.
    pub(crate) effect: String,
    /// When it happened, by the teller's clock.
    pub(crate) created_at: Timestamp,
    /// When we heard of it.
    pub(crate) received_at: Timestamp,
}

impl Facts {
    /// How they stood at a moment of that day or after it.
    pub(crate) fn at(&self, moment: Timestamp) -> &Version {
        let stood = |version: &&Version| version.until.is_none_or(|until| moment < until);
        let found = self.versions.iter().find(stood).or(self.versions.last());
        found.expect("the last version is how they stand")
    }

    /// How they stand.
    pub(crate) fn current(&self) -> &Version {
        self.versions.last().expect("the last version is how they stand")
    }

    /// Whether all calling was paused at a moment of that day or after it.
    pub(crate) fn was_paused(&self, moment: Timestamp) -> bool {
        let stood = |calling: &&Calling| calling.until.is_none_or(|until| moment < until);
        self.calling
            .iter()
            .find(stood)
            .is_some_and(|calling| calling.paused)
    }

    /// The stop that held at a moment for a number.
    pub(crate) fn opt_out(&self, phone: Option<&str>, moment: Timestamp) -> Option<&OptOut> {
        self.opt_outs.iter().find(|stop| {
            Some(stop.phone.as_str()) == phone
                && stop.opted_out_at <= moment
                && stop.revoked_at.is_none_or(|revoked_at| moment < revoked_at)
        })
    }
}

impl Version {
    /// The number as people may read it.
    pub(crate) fn masked_phone(&self) -> Option<Phone> {
        self.phone.clone().map(Phone::stored)
    }
}
