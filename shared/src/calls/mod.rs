//! Calls to customers: one to welcome them, then at most one a day at the hour that they chose.
//!
//! The database has everybody's next time in an index and moves it on in the same statement that owes the call, so
//! that a tick costs what is due and not what there is.

mod schedule;

pub use schedule::{Decision, Scheduled, schedule};
