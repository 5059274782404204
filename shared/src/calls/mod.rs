//! Calls to customers: one welcome, then at most one a day, in the customer's own time.
//!
//! The scheduler turns customers whose time has come into jobs and calls nobody; the runner turns a job into one
//! call at most. What stands in a customer's row (`welcome_call_completed`, `last_call_date`) is a copy of what the
//! ledger says, written after the ledger in a commit of its own: no rule rests on it, for the ledger's constraints
//! hold the rules, and a copy that could not be written is written later.

mod call;
mod store;

pub use call::{CallFacts, Decision, Kind, Suppression, decide, heed};
pub use store::{Projected, load_call, project_call, unprojected};
