//! Other companies, in our words.
pub mod stripe;
pub mod twilio;
