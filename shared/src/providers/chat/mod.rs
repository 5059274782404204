//! Chat completions: what a model answers a customer, or why a person has to.
//!
//! The API is `OpenAI`'s, which DeepSeek speaks too. Whoever is asked first and fails is followed by the other, all of it
//! within one deadline, for asking twice costs a little money and nothing else. What was asked and answered is
//! somebody's conversation: it stands in no log.
//!
//! A model answers with one JSON object, [`PROTOCOL`], and not with a tool call: both providers have it, there are no
//! half-made arguments to guess at, and what is no such object is either plain words or of no use.

mod answer;
mod client;
mod completion;
mod failure;
mod question;

pub use answer::{Decision, PROTOCOL, read};
pub use client::{Answer, Client, Endpoint, Provider};
pub use completion::{Completion, Usage, completion};
pub use failure::{Failure, FailureKind, Unanswered, failure_of};
pub use question::{Question, Role, Turn};
