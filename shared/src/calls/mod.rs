//! Calls to customers: one to welcome them, then at most one a day at the hour that they chose.
//!
//! The database has everybody's next time in an index. The scheduler turns customers whose time has come into jobs,
//! moves their time on in the same statement, and calls nobody; the runner turns a job into one call at most. What
//! stands in a customer's row (`welcome_call_completed`, `last_call_date`) is a copy of what the ledger says, written
//! after the ledger in a commit of its own: it may spare a call, but that none is made twice rests on the ledger's
//! constraints and guard, and a copy that could not be written is written later.

mod call;
mod result;
mod schedule;
mod store;

pub use call::{CallFacts, Decision, Kind, Suppression, decide, heed};
pub use result::{CallEnd, CallResult, Found, Look, Teller, look};
pub use schedule::{Due, Scheduled};
pub use store::{
    Projected, Recorded, Telling, Unheard, ask_later, load_call, project_call, record_result, record_tick,
    results_due, schedule, unprojected,
};
