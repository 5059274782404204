//! What is known of an answer that is owed, and what follows from it.

use jiff::{SignedDuration, Timestamp};

use super::Draft;
use crate::Phone;
use crate::jobs::{Denial, ReplyRule};

/// How soon somebody looks again whether answering goes on.
const PAUSE_LOOK: SignedDuration = SignedDuration::from_mins(1);

/// Everything that decides about an answer.
#[derive(Clone, PartialEq)]
pub struct ReplyFacts {
    /// The job's state.
    pub state: String,
    /// How often no answer could be written.
    pub failures: i32,
    /// Not before.
    pub due_at: Timestamp,
    /// Not after.
    pub expires_at: Timestamp,
    /// The thread.
    pub conversation: i64,
    /// The lead that its customer is.
    pub lead: Option<i64>,
    /// The customer.
    pub contact: i64,
    /// Their number, if they show it.
    pub phone: Option<Phone>,
    /// WhatsApp's id of the message that is answered.
    pub wamid: String,
    /// What is to be said, if that is written already.
    pub draft: Option<Draft>,
    /// Whether nobody has answered in this thread yet.
    pub is_first: bool,
    /// The database's rule that speaks against an answer.
    pub rule: Option<Denial>,
    /// Put before the first answer.
    pub greeting: Option<String>,
    /// What the model may know and say of the business.
    pub knowledge: String,
    /// The hosts that may be linked to.
    pub own_hosts: Vec<String>,
    /// What is never promised, in lower case.
    pub never_promise: Vec<String>,
    /// The database's time.
    pub now: Timestamp,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Write an answer, or send the one that is written.
    Answer,
    /// Somebody else has it.
    Leave,
    /// Not yet; at least until the channel opens.
    Wait(SignedDuration),
    /// Nobody is answered.
    Suppress(Suppression),
}

/// Why nobody is answered by a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suppression {
    /// They said stop, on whatever channel.
    OptedOut,
    /// A person of the business has the conversation.
    HumanHasTakenOver,
    /// They have written again, and that is answered.
    AnsweredLater,
    /// They took the message back.
    MessageRevoked,
    /// Somebody removed the conversation from the inbox.
    ConversationDeleted,
    /// WhatsApp takes no answer so late.
    WindowClosed,
    /// What stands in the place of their number is none.
    InvalidPhone,
    /// Not a production stack, and the number is not on its allow-list.
    NotOnAllowList,
    /// Too late to be of use.
    Expired,
    /// An earlier attempt that counted as refused has arrived after all.
    ArrivedAfterAll,
}

impl Suppression {
    /// As stored, logged and read by a person.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::HumanHasTakenOver => "human_has_taken_over",
            Self::AnsweredLater => "answered_later",
            Self::MessageRevoked => "message_revoked",
            Self::ConversationDeleted => "conversation_deleted",
            Self::WindowClosed => "window_closed",
            Self::InvalidPhone => "invalid_phone",
            Self::NotOnAllowList => "not_on_allow_list",
            Self::Expired => "expired",
            Self::ArrivedAfterAll => "arrived_after_all",
        }
    }
}

/// Decides from what is known now. The database holds the same rules about people once more. Whoever hides their
/// number is on nobody's allow-list.
pub fn decide(
    facts: &ReplyFacts,
    reaches_everybody: bool,
    may_reach: impl FnOnce(&Phone) -> bool,
) -> Decision {
    if let Some(rule) = facts.rule {
        return heed(rule);
    }
    let may_reach = reaches_everybody || facts.phone.as_ref().is_some_and(may_reach);
    match () {
        () if facts.now >= facts.expires_at => Decision::Suppress(Suppression::Expired),
        () if !may_reach => Decision::Suppress(Suppression::NotOnAllowList),
        () => Decision::Answer,
    }
}

/// What follows when the database says no.
pub fn heed(denial: Denial) -> Decision {
    use Suppression as No;
    let rule = match denial {
        Denial::OptedOut => return Decision::Suppress(No::OptedOut),
        Denial::Expired => return Decision::Suppress(No::Expired),
        Denial::ArrivedAfterAll => return Decision::Suppress(No::ArrivedAfterAll),
        Denial::ChannelClosed => return Decision::Wait(SignedDuration::ZERO),
        Denial::Reply(rule) => rule,
        // The first has it. The others are about texts and calls.
        Denial::AlreadyAttempted
        | Denial::AlreadyTexted
        | Denial::EarlierTextUnsettled
        | Denial::Loop
        | Denial::Call(_) => return Decision::Leave,
    };
    match rule {
        ReplyRule::ReplyingPaused => Decision::Wait(PAUSE_LOOK),
        ReplyRule::AlreadyAnswered | ReplyRule::NothingDrafted | ReplyRule::OtherWords => Decision::Leave,
        ReplyRule::NoAddress => Decision::Suppress(No::InvalidPhone),
        ReplyRule::HumanHasIt => Decision::Suppress(No::HumanHasTakenOver),
        ReplyRule::ConversationDeleted => Decision::Suppress(No::ConversationDeleted),
        ReplyRule::MessageRevoked => Decision::Suppress(No::MessageRevoked),
        ReplyRule::WindowClosed => Decision::Suppress(No::WindowClosed),
        ReplyRule::AnsweredLater => Decision::Suppress(No::AnsweredLater),
    }
}
