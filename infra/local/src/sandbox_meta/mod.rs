//! A Meta to build and test against: WhatsApp's Cloud API over real HTTP, its customers, its webhooks signed as the
//! real ones are, and every way in which it can fail somebody.
//!
//! As with the sandbox Twilio ([`crate::sandbox`]), what it holds ([`SandboxMeta::messages`]) is the truth about who got
//! what, it shares no code with the product, and whatever happens can be waited for ([`SandboxMeta::when`]).
//!
//! What it tells us of is a value: a test asks for an [`Update`] and puts one or many into a [`Webhook`]
//! ([`SandboxMeta::webhook`]), which is posted when it is awaited. One that is lost is not awaited, one that comes
//! twice is cloned, one that is late waits, and others come in another order. Where nobody says, messages go their
//! way by themselves ([`SandboxMeta::live`]).

mod account;
mod api;
mod customer;
mod handle;
mod life;
mod media;
mod message;
mod script;
mod signature;
#[cfg(test)]
mod tests;
mod update;
mod webhook;

pub use account::ReceivedRequest;
pub use customer::Customer;
pub use handle::{SandboxMeta, SandboxMetaConfig};
pub use message::{SentMessage, Shown};
pub use script::Behaviour;
pub use signature::sign;
pub use update::Update;
pub use webhook::Webhook;
