//! What people text to a line: kept in the inbox, heeded where it says stop or start, and answered by a person.
//!
//! No machine answers a text. Twilio itself answers STOP, START and HELP in the carriers' words, and a second answer
//! would be one too many.

mod meaning;
mod store;

pub use meaning::{Meaning, meaning_of};
pub use store::{Outcome, Stored, receive};
