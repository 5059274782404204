//! Other companies, in our words.
mod exchange;
pub mod stripe;
pub mod twilio;
pub mod vapi;

pub use exchange::ReadError;
