//! Models to build and test against: chat completions over real HTTP, as DeepSeek and as `OpenAI` have them, and every way
//! in which they can fail somebody.
//!
//! Its record ([`SandboxChat::requests`]) says what a model was told about whom. A test says what it answers
//! ([`SandboxChat::on_next`]); where nobody does, it answers from the conversation, so that whoever tries the product
//! sees something sensible.

mod api;
mod handle;
mod model;
mod script;
#[cfg(test)]
mod tests;

pub use handle::{ReceivedRequest, SandboxChat, SandboxChatConfig};
pub use script::{Behaviour, Provider};
