//! What the ledger holds of one customer's day.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde::Deserialize;
use shared::Phone;

/// Everything that tells whether somebody was called on a day of theirs.
#[derive(Debug, Clone, Deserialize)]
pub struct Facts {
    /// The customer.
    pub id: String,
    /// The database's time.
    pub now: Timestamp,
    /// The day that is asked about, on their clock.
    pub day: Date,
    /// The day that their clock shows now.
    pub today: Date,
    /// When that day begins.
    pub begins: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
    /// Since when they are a customer.
    pub created_at: Timestamp,
    /// Since when they pay; `None` if they never have.
    pub paid_at: Option<Timestamp>,
    /// The day of their last call, as their own row has it.
    pub last_call_date: Option<Date>,
    /// When the scheduler looks at them next.
    pub next_call_at: Option<Timestamp>,
    /// The day on which it does, on their clock.
    pub next_call_day: Option<Date>,
    /// Whether what comes next is their welcome call.
    pub welcome_is_owed: Option<bool>,
    /// When the scheduler has last come to the end of a run, if it has ever said so.
    pub scheduler_ticked_at: Option<Timestamp>,
    /// How they stood from that day's beginning on, in order; the last is how they stand.
    pub versions: Vec<Version>,
    /// How all calling stood, likewise.
    pub calling: Vec<Calling>,
    /// The calls that were owed for that day, or not over on it.
    pub jobs: Vec<Job>,
    /// Calls that leave no room for one on that day.
    pub other_calls: Vec<OtherCall>,
    /// When they said stop, and took it back.
    pub opt_outs: Vec<OptOut>,
    /// What we were told of their payments, by the teller's clock.
    pub payments: Vec<Payment>,
}

/// A customer's settings, for as long as they stood so.
#[derive(Debug, Clone, Deserialize)]
pub struct Version {
    /// When they were changed; `None` if they stand so now.
    pub until: Option<Timestamp>,
    /// Where they are called.
    pub phone: Option<String>,
    /// Whether somebody has found out that it is a number.
    pub phone_validated: bool,
    /// Their clock.
    pub timezone: Option<String>,
    /// What we were told of it.
    pub timezone_given: Option<String>,
    /// Their hour.
    pub call_at: Time,
    /// Their days of the week, 1 for Monday.
    pub call_days: Vec<i8>,
    /// What their payments come to.
    pub payment_status: String,
    /// Whether they are called at all.
    pub call_status: String,
    /// Until when they are not.
    pub paused_until: Option<Timestamp>,
    /// Their hour on the day that is asked about; `None` without a clock.
    pub hour: Option<Timestamp>,
}

/// The switch of all calling, for as long as it stood so.
#[derive(Debug, Clone, Deserialize)]
pub struct Calling {
    /// When it was changed; `None` if it stands so now.
    pub until: Option<Timestamp>,
    /// Whether nobody was called.
    pub paused: bool,
}

/// A call that was owed.
#[derive(Debug, Clone, Deserialize)]
pub struct Job {
    /// `welcome_call` or `daily_call`.
    pub kind: String,
    /// The day that a daily call is for.
    pub local_day: Option<Date>,
    /// How it stands.
    pub state: String,
    /// Why.
    pub state_reason: Option<String>,
    /// Not before.
    pub due_at: Timestamp,
    /// Not after.
    pub expires_at: Timestamp,
    /// When it was scheduled.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Until when a worker has it.
    pub lease_until: Option<Timestamp>,
    /// The requests to Vapi, in order.
    pub attempts: Vec<Attempt>,
}

/// One request to Vapi.
#[derive(Debug, Clone, Deserialize)]
pub struct Attempt {
    /// What is known of it.
    pub state: String,
    /// When it was allowed.
    pub granted_at: Timestamp,
    /// Whom it was to call.
    pub recipient: String,
    /// The customer's day then.
    pub local_day: Date,
    /// Their time then, to the minute.
    pub local_time: Time,
    /// The zone that decided.
    pub timezone: String,
    /// Why it stands so.
    pub reason: Option<String>,
    /// What became of the call.
    pub result: Option<String>,
    /// Vapi's word for that.
    pub ended_reason: Option<String>,
    /// Whether the customer said anything.
    pub customer_spoke: Option<bool>,
}

/// Another call, to them or to their telephone.
#[derive(Debug, Clone, Deserialize)]
pub struct OtherCall {
    /// Who was called.
    pub customer_id: String,
    /// When.
    pub granted_at: Timestamp,
    /// Their day then.
    pub local_day: Date,
}

/// Somebody said stop.
#[derive(Debug, Clone, Deserialize)]
pub struct OptOut {
    /// For this number.
    pub phone: String,
    /// Where they said it.
    pub source: String,
    /// When.
    pub opted_out_at: Timestamp,
    /// When they took it back.
    pub revoked_at: Option<Timestamp>,
}

/// What somebody told us of a payment.
#[derive(Debug, Clone, Deserialize)]
pub struct Payment {
    /// What it says.
    pub effect: String,
    /// When it happened, by the teller's clock.
    pub created_at: Timestamp,
    /// When we heard of it.
    pub received_at: Timestamp,
}

impl Facts {
    /// How they stood at a moment of that day or after it.
    pub fn at(&self, moment: Timestamp) -> &Version {
        let stood = |version: &&Version| version.until.is_none_or(|until| moment < until);
        let found = self.versions.iter().find(stood).or(self.versions.last());
        found.expect("the last version is how they stand")
    }

    /// How they stand.
    pub fn current(&self) -> &Version {
        self.versions.last().expect("the last version is how they stand")
    }

    /// Whether all calling was paused at a moment of that day or after it.
    pub fn was_paused(&self, moment: Timestamp) -> bool {
        let stood = |calling: &&Calling| calling.until.is_none_or(|until| moment < until);
        self.calling
            .iter()
            .find(stood)
            .is_some_and(|calling| calling.paused)
    }

    /// The stop that held at a moment for a number.
    pub fn opt_out(&self, phone: Option<&str>, moment: Timestamp) -> Option<&OptOut> {
        self.opt_outs.iter().find(|stop| {
            Some(stop.phone.as_str()) == phone
                && stop.opted_out_at <= moment
                && stop.revoked_at.is_none_or(|revoked_at| moment < revoked_at)
        })
    }
}

impl Version {
    /// The number as people may read it.
    pub fn masked_phone(&self) -> Option<Phone> {
        self.phone.clone().map(Phone::stored)
    }
}
