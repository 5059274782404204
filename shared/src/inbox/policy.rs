//! What is to become of a message: which a machine answers, which a person does, and which nobody has to.

use serde::{Deserialize, Serialize};

use crate::providers::whatsapp::{Content, InboundMessage};
use crate::stop::{self, Stop};

/// What is to become of a message, before anybody looks at the conversation that it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// A machine may answer it.
    Answer,
    /// These words of our own answer it.
    AnswerWith(&'static str),
    /// Nobody waits for an answer.
    Leave(&'static str),
    /// A person answers it, for this reason.
    HandOver(&'static str),
}

/// What somebody wishes for all channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// To be left alone.
    Stop,
    /// To be contacted again.
    Start,
}

/// What is heard in words that take the place of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// A stop.
    Stop,
    /// Perhaps one: a person looks.
    Perhaps,
}

/// How to be left alone, for who asks for help in the carriers' word. `{business}` stands for its name.
pub const HELP: &str = "This is {business}. Write to us here and we will answer. Reply STOP and we will not contact you \
                        again, by message or by call.";

const MEDIA: Policy = Policy::HandOver("no_machine_can_read_it");

/// Decides by what was written, and by the wish that was heard in it.
pub fn policy_of(message: &InboundMessage, wish: Option<Wish>) -> Policy {
    if message.group_id.is_some() {
        return Policy::Leave("written_in_a_group");
    }
    match &message.content {
        Content::Reaction { .. }
        | Content::Sticker(_)
        | Content::System(_)
        | Content::Edit { .. }
        | Content::Revoke { .. } => return Policy::Leave("nobody_waits_for_an_answer"),
        // The first thing that WhatsApp itself says when somebody opens the conversation.
        Content::Unknown { kind } if kind.as_deref() == Some("request_welcome") => {
            return Policy::Leave("nobody_waits_for_an_answer");
        }
        Content::Order => return Policy::HandOver("it_is_an_order"),
        Content::Unsupported { .. } | Content::Unknown { .. } => return MEDIA,
        _ => {}
    }
    if message.text.trim().is_empty() {
        let has_file = message.content.media().is_some();
        return if has_file {
            MEDIA
        } else {
            Policy::Leave("says_nothing")
        };
    }
    // Nobody who said stop is answered, and who takes it back is.
    if wish.is_none() {
        if stop::asks_for_help(&message.text) {
            return Policy::AnswerWith(HELP);
        }
        if stop::asks_in_writing(&message.text) == Stop::Perhaps {
            return Policy::HandOver("perhaps_they_said_stop");
        }
    }
    Policy::Answer
}

/// Hears a wish before any model sees the words.
pub fn wish_of(message: &InboundMessage) -> Option<Wish> {
    if message.group_id.is_some() || !message.content.is_said() {
        return None;
    }
    match stop::asks_in_writing(&message.text) {
        Stop::Yes => Some(Wish::Stop),
        Stop::No | Stop::Perhaps if stop::asks_to_start(&message.text) => Some(Wish::Start),
        Stop::No | Stop::Perhaps => None,
    }
}

/// Listens to an edited message for a stop. Nobody takes one back by it: what they wrote first may have been heard.
pub fn heard_in_edit(message: &InboundMessage) -> Option<Heard> {
    if message.group_id.is_some() {
        return None;
    }
    match stop::asks_in_writing(&message.text) {
        Stop::Yes => Some(Heard::Stop),
        Stop::Perhaps => Some(Heard::Perhaps),
        Stop::No => None,
    }
}
