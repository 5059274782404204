//! The inbox: what customers write, and who answers.
//!
//! What came in is stored as it was told, whoever it is from; whether a machine may answer is decided by what was
//! written ([`policy_of`]) and by the conversation that it stands in, which the database knows.

mod policy;
mod store;
mod told;

pub use policy::{HELP, Heard, Policy, Wish, heard_in_edit, policy_of, wish_of};
pub use store::{Outcome, Owed, Stored, receive};
pub use told::{Business, Person, Received, Told};
