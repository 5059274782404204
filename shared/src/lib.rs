//! What Switchboard's functions share.
//!
//! In reading order: [`missed_calls`], [`customers`], [`calls`], [`inbox`] and [`text_replies`] are what the business
//! promises, [`jobs`] is the engine that keeps the promise at most once, [`inbound`], [`call_events`], [`payments`] and
//! [`whatsapp_events`] take in what we are told, [`stop`] hears who wants to be left alone, [`providers`] translate
//! other companies' words into ours, [`platform`] carries (database, queue, HTTP, secrets, logs) and knows no domain,
//! and [`environment`] hands out settings and clients.

pub mod call_events;
pub mod calls;
pub mod customers;
pub mod environment;
pub mod inbound;
pub mod inbox;
pub mod jobs;
pub mod missed_calls;
pub mod payments;
pub mod phone;
pub mod platform;
pub mod providers;
pub mod replies;
pub mod stop;
pub mod text_replies;
pub mod whatsapp_events;

pub use environment::{ConfigError, Environment};
pub use phone::Phone;
