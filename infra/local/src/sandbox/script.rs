//! Scripted misbehaviour: every way in which Twilio can fail somebody who sends or asks.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use super::record::MessageStatus;

/// How the sandbox treats a request to send a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// Accept it and say so.
    #[default]
    Accept,
    /// Accept it, then cut the connection without a byte of an answer.
    AcceptThenReset,
    /// Accept it, then answer 500.
    AcceptThen500,
    /// Accept it, then answer with a status that says otherwise.
    AcceptThenRefuse {
        /// The HTTP status.
        http: u16,
    },
    /// Accept it, then answer 201 with broken JSON.
    AcceptThenGarbled,
    /// Accept it, then answer 201 with a body of this many bytes.
    AcceptThenHuge {
        /// How much.
        bytes: u64,
    },
    /// Accept it, then answer 201 one byte per `every`.
    AcceptThenDrip {
        /// The time between two bytes.
        every: Duration,
    },
    /// Accept it and post the first status callback, wait for its answer, then say so.
    CallbackFirst,
    /// Make two messages of the one request, and tell of the first.
    DoubleAccept,
    /// Leave the sender waiting, and accept it only when this much time has passed on the
    /// sandbox's clock, whether or not the sender is still there.
    LateAccept {
        /// By the sandbox's clock.
        after: Duration,
    },
    /// Give no answer until `release_held`.
    Hold {
        /// Whether the text is accepted before the holding begins; if not, it never is, and the
        /// answer is 503.
        accepted: bool,
    },
    /// Accept nothing and refuse in Twilio's words.
    Refuse {
        /// The HTTP status.
        http: u16,
        /// Twilio's error code.
        code: u32,
        /// The `Retry-After` header, as it goes out: it may be nonsense.
        retry_after: Option<String>,
    },
    /// Accept nothing and answer 500 with a page of HTML.
    Fail500,
    /// Accept nothing and cut the connection.
    Reset,
    /// Accept nothing and send the sender elsewhere.
    Redirect {
        /// 301, 302, 307 or 308.
        http: u16,
        /// Where to.
        to: String,
    },
}

impl Behaviour {
    /// Refuses with a status and a code, without a `Retry-After`.
    pub fn refuse(http: u16, code: u32) -> Self {
        Self::Refuse {
            http,
            code,
            retry_after: None,
        }
    }
}

/// How the sandbox treats a request to fetch or list, instead of answering it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadFault {
    /// Answer in Twilio's error shape.
    Refuse {
        /// The HTTP status.
        http: u16,
        /// Twilio's error code.
        code: u32,
    },
    /// Answer 200 with broken JSON.
    Garbled,
    /// Cut the connection.
    Reset,
    /// Give no answer until `release_held`, then 503.
    Hold,
}

/// What becomes of an accepted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// The statuses that it moves through after `queued`.
    pub statuses: Vec<MessageStatus>,
    /// The error code that comes with `undelivered` or `failed`.
    pub error_code: Option<u32>,
    /// How often each status callback is posted: 0 loses it, 2 duplicates it.
    pub callbacks: u32,
    /// Real time before each move.
    pub pace: Duration,
}

impl Fate {
    /// Sent, then delivered, within a moment.
    pub fn delivered() -> Self {
        Self {
            statuses: vec![MessageStatus::Sent, MessageStatus::Delivered],
            error_code: None,
            callbacks: 1,
            pace: Duration::from_millis(50),
        }
    }

    /// Sent, then reported as not delivered.
    pub fn undelivered(error_code: u32) -> Self {
        Self {
            statuses: vec![MessageStatus::Sent, MessageStatus::Undelivered],
            error_code: Some(error_code),
            ..Self::delivered()
        }
    }

    /// Stays queued and is never heard of again.
    pub fn stuck() -> Self {
        Self {
            statuses: Vec::new(),
            ..Self::delivered()
        }
    }

    /// Moves on without telling.
    #[must_use]
    pub fn without_callbacks(self) -> Self {
        Self { callbacks: 0, ..self }
    }

    /// Moves on with this much time before each move.
    #[must_use]
    pub fn paced(self, pace: Duration) -> Self {
        Self { pace, ..self }
    }
}

impl Default for Fate {
    fn default() -> Self {
        Self::delivered()
    }
}

/// Everything that has been scripted.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// One-off behaviours for the next requests, whomever they are for.
    pub(super) next: VecDeque<Behaviour>,
    /// One-off behaviours for the next requests for a recipient; they go before `next`.
    pub(super) next_to: HashMap<String, VecDeque<Behaviour>>,
    /// Standing behaviour per recipient.
    pub(super) always_to: HashMap<String, Behaviour>,
    /// Standing behaviour for everybody else.
    pub(super) always: Behaviour,
    /// Recipients who opted out.
    pub(super) opted_out: HashSet<String>,
    /// Fates per recipient, and everybody else's.
    pub(super) fate_of: HashMap<String, Fate>,
    pub(super) fate: Fate,
    /// One-off faults for the next reads.
    pub(super) next_read: VecDeque<ReadFault>,
    /// The fault of every read, until taken back.
    pub(super) every_read: Option<ReadFault>,
    /// How much time passes, by the sandbox's clock, before lists show what is new.
    pub(super) list_lag: Duration,
    /// No page is longer than this.
    pub(super) page_size_max: Option<usize>,
    /// What lists say instead of their true next page.
    pub(super) next_page_uri: Option<String>,
}

impl Script {
    /// What is to be done with the next request for `to`; one-off behaviours are used up.
    pub(super) fn behaviour_towards(&mut self, to: &str) -> Behaviour {
        let one_off = self.next_to.get_mut(to).and_then(VecDeque::pop_front);
        one_off
            .or_else(|| self.next.pop_front())
            .or_else(|| self.always_to.get(to).cloned())
            .unwrap_or_else(|| self.always.clone())
    }

    /// What becomes of a text to `to`.
    pub(super) fn fate_of(&self, to: &str) -> Fate {
        self.fate_of.get(to).unwrap_or(&self.fate).clone()
    }

    /// The fault of the next read, if there is to be one.
    pub(super) fn read_fault(&mut self) -> Option<ReadFault> {
        self.next_read.pop_front().or_else(|| self.every_read.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_s_own_script_goes_before_everybody_s() {
        let mut script = Script::default();
        script.next.push_back(Behaviour::Fail500);
        script
            .next_to
            .entry("+1".into())
            .or_default()
            .push_back(Behaviour::Reset);
        script.always_to.insert("+1".into(), Behaviour::AcceptThen500);

        assert_eq!(script.behaviour_towards("+1"), Behaviour::Reset);
        assert_eq!(script.behaviour_towards("+1"), Behaviour::Fail500);
        assert_eq!(script.behaviour_towards("+1"), Behaviour::AcceptThen500);
        assert_eq!(script.behaviour_towards("+2"), Behaviour::Accept);
    }
}
