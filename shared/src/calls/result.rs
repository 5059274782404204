//! What became of a call that was placed. That somebody was called and that they were reached are two facts: the
//! ledger has the one, and this is the other.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// After this, nobody will tell any more.
const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);
const LOOKED_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallResult {
    /// Somebody, or some machine, was spoken with.
    Answered,
    /// It rang, and nobody answered.
    NoAnswer,
    /// A mailbox answered.
    Voicemail,
    /// They were on the telephone.
    Busy,
    /// It failed before anything could be heard. The telephone may still have rung for a moment.
    NotPlaced,
    /// It broke off on the provider's side; the customer may have heard silence.
    Failed,
    /// Nothing can be said.
    Unclear,
}

impl CallResult {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NoAnswer => "no_answer",
            Self::Voicemail => "voicemail",
            Self::Busy => "busy",
            Self::NotPlaced => "not_placed",
            Self::Failed => "failed",
            Self::Unclear => "unclear",
        }
    }
}

/// How a call ended, as one telling has it. What was said in it is nobody's to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEnd {
    /// What became of it.
    pub result: CallResult,
    /// The provider's word for why it ended.
    pub ended_reason: Option<String>,
    /// When the conversation began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Whether the customer, or what sounded like them, said anything.
    pub customer_spoke: bool,
}

impl CallEnd {
    /// Of a call of which nobody tells.
    pub fn unclear() -> Self {
        Self {
            result: CallResult::Unclear,
            ended_reason: None,
            started_at: None,
            ended_at: None,
            customer_spoke: false,
        }
    }
}

/// Who tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    /// The provider, of itself.
    Webhook,
    /// The provider, when it was asked.
    Poll,
}

impl Teller {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Poll => "poll",
        }
    }
}

/// What the provider says when it is asked how a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It has ended.
    Over,
    /// It goes on.
    GoingOn,
    /// There is no such call.
    NoSuchCall,
    /// Nothing that can be read.
    Nothing,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Its end is known.
    Record,
    /// Nobody will ever tell.
    GiveUp,
    /// Ask again after this long.
    Again(SignedDuration),
}

/// Decides about a call that was allowed so long ago. It is asked for less and less often.
pub fn look(found: Found, age: SignedDuration) -> Look {
    match found {
        Found::Over => Look::Record,
        Found::NoSuchCall => Look::GiveUp,
        Found::GoingOn | Found::Nothing if age >= GIVEN_UP_AFTER => Look::GiveUp,
        Found::GoingOn | Found::Nothing => Look::Again((age / 2).max(LOOKED_AGAIN_AFTER)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_recorded_whenever_it_is_found() {
        for hours in [0, 30] {
            assert_eq!(look(Found::Over, SignedDuration::from_hours(hours)), Look::Record);
        }
    }

    #[test]
    fn what_goes_on_is_asked_for_less_and_less_often_and_for_a_day() {
        let (mut age, mut looks) = (SignedDuration::from_mins(15), 0);
        while let Look::Again(wait) = look(Found::Nothing, age) {
            assert!(wait >= LOOKED_AGAIN_AFTER);
            (age, looks) = (age + wait, looks + 1);
        }
        assert!(age >= GIVEN_UP_AFTER && looks <= 15, "{age:?} {looks}");
        assert_eq!(look(Found::GoingOn, age), Look::GiveUp);
    }

    #[test]
    fn a_call_that_the_provider_does_not_know_is_waited_for_no_longer() {
        assert_eq!(look(Found::NoSuchCall, SignedDuration::ZERO), Look::GiveUp);
    }
}
