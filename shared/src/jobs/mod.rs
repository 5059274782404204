//! The engine: every act that we owe someone is a job, and a job becomes at most one act.
//!
//! ```text
//!             grant                      settle
//!   pending ────────> in_flight ──────────────────> accepted*
//!    ^  │  │              │  └─ a definite no ────> pending (3 attempts at most) | refused* | dead*
//!    │  │  └─ a rule ──> suppressed*
//!    │  └─ expired ────> suppressed*
//!    │                    └─ unclear, or the worker is gone ──> unknown
//!    └───────────── proven absent ───────────────────────────────┤
//!                                     evidence ──> accepted* <────┤
//!                                   no evidence ──> needs_human* <┘        (* ends, with a reason)
//! ```
//!
//! **Grant** takes the lease and commits an attempt: the permission for exactly one request. Only then
//! may the request leave, and the [`Permit`] that stands for the committed row is used up by sending.
//! **Settle** records what the answer proves. A crash in between leaves an attempt that nobody can tell
//! apart from one that arrived; it becomes *unknown* and is settled by evidence or by a person, never by
//! trying again. Each transition is one statement, so a crash falls between transitions and never
//! inside one, and the order that follows is: no duplicate before no silent loss before speed.
//!
//! A statement that changes an attempt and its job locks the attempt first, so that no two of them wait for
//! each other. (A probe of a closed channel can still meet the late acceptance of an earlier text to the same
//! person crosswise; the database ends one of the two, and that one is tried again.)

mod denial;
mod outcome;
mod permit;
mod reconcile;
mod retry;
mod store;

pub use denial::{CallRule, Denial, ReplyRule};
pub use outcome::{AfterRefusal, Outcome, Refusal};
pub use permit::{Address, Permit};
pub use reconcile::{
    CallTrace, Evidence, Reading, Search, Unclear, UnclearCall, Verdict, call_verdict, verdict,
};
pub use retry::{NextTry, backoff, next_try};
pub use store::{
    Grant, Ring, Settlement, defer, expire, grant, grant_reply, hand_over, record_delivery,
    record_empty_reading, record_incomplete_reading, rescue, ring_due, settle, settle_absent,
    settle_accepted, settle_found, settle_reported, suppress, unclear_calls_due, unclear_due,
};

/// How many statements' worth of rows one sweep handles at most, so that a backlog cannot outlast the
/// function's time limit; the next minute goes on.
pub const SWEEP_LIMIT: i64 = 500;
