//! A Vapi to build and test against: its API over real HTTP, its server messages signed as the real ones are,
//! and every way in which it can fail somebody.
//!
//! As with the sandbox Twilio ([`crate::sandbox`]), what it holds ([`SandboxVapi::calls`]) is the truth about who
//! was called, it shares no code with the product, and whatever happens can be waited for
//! ([`SandboxVapi::when`]). A test says how a call goes ([`SandboxVapi::update_call`]) and asks for the message that
//! Vapi would send about it; where nobody says, calls can go by themselves ([`SandboxVapi::live`]).

mod account;
mod api;
mod call;
mod handle;
mod life;
mod script;
mod server_message;
mod signature;
#[cfg(test)]
mod tests;

pub use account::ReceivedRequest;
pub use call::{Call, Turn};
pub use handle::{SandboxVapi, SandboxVapiConfig};
pub use script::{Behaviour, ReadFault};
pub use server_message::ServerMessage;
pub use signature::sign;
