//! What Switchboard's functions share.
//!
//! In reading order: [`missed_calls`] is what the business promises, [`jobs`] is the engine that
//! keeps the promise at most once, [`providers`] translate other companies' words into ours,
//! [`platform`] carries (database, queue, HTTP, secrets, logs) and knows no domain.

pub mod jobs;
pub mod phone;
pub mod platform;
pub mod providers;

pub use phone::Phone;
