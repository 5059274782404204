//! Other companies, in our words.
pub mod twilio;
