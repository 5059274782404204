//! A Twilio to build and test against: its REST API over real HTTP, its webhooks signed as the real
//! ones are, its callers, and every way in which it can fail somebody.
//!
//! The properties that make it worth having:
//!
//! - What it holds ([`SandboxTwilio::messages`], [`SandboxTwilio::calls`]) is the truth about who was
//!   texted and called. Tests ask it, never the product's tables.
//! - It shares no code with the product, so that the two check each other.
//! - Whatever it does is announced ([`SandboxTwilio::events`]), so nobody has to sleep and hope.

pub(crate) mod account;
pub(crate) mod answers;
mod caller;
pub(crate) mod clock;
pub(crate) mod connection;
mod events;
mod handle;
pub(crate) mod holding;
mod leg;
pub(crate) mod record;
mod rest;
mod ring;
mod script;
pub(crate) mod server;
mod signature;
#[cfg(test)]
mod tests;
mod twiml;
pub(crate) mod webhooks;

pub use account::Line;
pub use clock::SandboxClock;
pub use events::{Events, RingEvent, SandboxEvent};
pub use handle::{SandboxConfig, SandboxTwilio};
pub use record::{Call, CallStatus, MessageStatus, Pair, ReceivedRequest, SentMessage, attempt_in};
pub use ring::{Callback, Heard, Order, Outcome, Ring, RingReport};
pub use script::{Behaviour, Fate, ReadFault};
pub use signature::sign;
pub use twiml::{BadTwiml, Dial, Number, Verb, parse as parse_twiml};
pub use webhooks::{Answer, Delivery, Webhook};
