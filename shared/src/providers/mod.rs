//! Other companies, in our words.
pub mod chat;
mod exchange;
pub mod stripe;
pub mod twilio;
pub mod vapi;
pub mod whatsapp;

pub use exchange::ReadError;
