//! The engine: at most one act per job.

mod outcome;
mod permit;

pub use outcome::{AfterRefusal, Outcome, Refusal};
pub use permit::Permit;
