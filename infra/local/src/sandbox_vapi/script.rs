//! Scripted misbehaviour: every way in which Vapi can fail somebody who places a call or asks for one.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

/// How the sandbox treats a request to place a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// Accept it and say so.
    #[default]
    Accept,
    /// Accept it and say that it waits, because too many calls are going on.
    AcceptBlocked,
    /// Accept it, then cut the connection without a byte of an answer.
    AcceptThenReset,
    /// Accept it, then answer 500.
    AcceptThen500,
    /// Accept it, then answer this status, as if it had not been.
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
    /// Make two calls of the one request, and tell of the first.
    DoubleAccept,
    /// Leave the sender waiting, and accept it only when this much time has passed on the sandbox's clock,
    /// whether or not the sender is still there.
    LateAccept {
        /// By the sandbox's clock.
        after: Duration,
    },
    /// Give no answer until `release_held`.
    Hold {
        /// Whether the call is accepted before the holding begins; if not, it never is, and the answer is 503.
        accepted: bool,
    },
    /// Accept nothing and refuse in Vapi's shape.
    Refuse {
        /// The HTTP status.
        http: u16,
        /// What Vapi says.
        message: String,
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
    /// Refuses with a status and some words, without a `Retry-After`.
    pub fn refuse(http: u16, message: &str) -> Self {
        Self::Refuse {
            http,
            message: message.to_owned(),
            retry_after: None,
        }
    }
}

/// How the sandbox treats a request to fetch or list, instead of answering it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadFault {
    /// Answer this status, in Vapi's shape.
    Refuse(u16),
    /// Answer 200 with broken JSON.
    Garbled,
    /// Answer 200 with this, whatever it is.
    Says(serde_json::Value),
    /// Cut the connection.
    Reset,
    /// Give no answer until `release_held`, and then 503.
    Hold,
}

/// Everything that has been scripted.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// One-off behaviours for the next requests, whomever they are for.
    pub(super) next: VecDeque<Behaviour>,
    /// One-off behaviours for the next requests to call a number; they go before `next`.
    pub(super) next_to: HashMap<String, VecDeque<Behaviour>>,
    /// Standing behaviour towards a number.
    pub(super) towards: HashMap<String, Behaviour>,
    /// Standing behaviour towards everybody else.
    pub(super) always: Behaviour,
    /// One-off faults for the next reads.
    pub(super) next_read: VecDeque<Option<ReadFault>>,
    /// The fault of every read, until taken back.
    pub(super) every_read: Option<ReadFault>,
    /// How much time passes, by the sandbox's clock, before lists show what is new.
    pub(super) list_lag: Duration,
    /// No list is longer than this, whatever was asked for.
    pub(super) list_rows_max: Option<usize>,
}

impl Script {
    /// What is to be done with a request to call `number`; one-off behaviours are used up.
    pub(super) fn behaviour(&mut self, number: &str) -> Behaviour {
        let one_off = self.next_to.get_mut(number).and_then(VecDeque::pop_front);
        let standing = self.towards.get(number).unwrap_or(&self.always);
        one_off
            .or_else(|| self.next.pop_front())
            .unwrap_or_else(|| standing.clone())
    }

    /// The fault of the next read, if there is to be one.
    pub(super) fn read_fault(&mut self) -> Option<ReadFault> {
        self.next_read
            .pop_front()
            .unwrap_or_else(|| self.every_read.clone())
    }
}
