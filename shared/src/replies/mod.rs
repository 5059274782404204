//! Answers to what people write, one to each message at most.
//!
//! What may be answered is decided twice: here, from what is known, and by the database at the permit. The words are
//! written once, by a model, and checked before they are kept ([`checked`]); whatever is in doubt goes to a person.

mod prompt;
mod reply;
mod store;
mod words;

pub use prompt::instructions;
pub use reply::{Decision, ReplyFacts, Suppression, decide, heed};
pub use store::{
    Draft, Failed, ProjectedReply, history, leave_unclear, load_reply, project_reply, record_draft,
    record_failure, unprojected,
};
pub use words::{ANSWER_CHARS_MAX, Doubt, Rules, checked};
