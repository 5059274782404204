//! Scripted misbehaviour: every way in which Meta can fail somebody who sends.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

/// How the sandbox treats a request to send a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// Accept it and say so.
    #[default]
    Accept,
    /// Accept it, then cut the connection without a byte of an answer.
    AcceptThenReset,
    /// Accept it, then answer 500.
    AcceptThen500,
    /// Accept it, then answer 200 with broken JSON.
    AcceptThenGarbled,
    /// Accept it, then answer with a body of this many bytes.
    AcceptThenHuge {
        /// How much.
        bytes: u64,
    },
    /// Send it twice, and tell of the first.
    DoubleAccept,
    /// Leave the sender waiting, and accept it only when this much time has passed on the sandbox's clock, whether or
    /// not the sender is still there.
    LateAccept {
        /// By the sandbox's clock.
        after: Duration,
    },
    /// Give no answer until `release_held`.
    Hold {
        /// Whether it is accepted before the holding begins; if not, it never is, and the answer is 503.
        accepted: bool,
    },
    /// Accept nothing and refuse in Meta's shape.
    Refuse {
        /// The HTTP status.
        http: u16,
        /// Meta's code.
        code: i64,
        /// The `Retry-After` header, as it goes out: it may be nonsense.
        retry_after: Option<String>,
    },
    /// Accept nothing and answer with this, whatever it is.
    Says {
        /// The HTTP status.
        http: u16,
        /// The body.
        body: String,
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
    /// Refuses with 400 and a code, as Meta does mostly.
    pub fn refuse(code: i64) -> Self {
        Self::Refuse {
            http: 400,
            code,
            retry_after: None,
        }
    }
}

/// Everything that has been scripted.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// One-off behaviours for the next requests.
    pub(super) next: VecDeque<Behaviour>,
    /// Standing behaviour towards somebody.
    pub(super) towards: HashMap<String, Behaviour>,
    /// Standing behaviour towards everybody else.
    pub(super) always: Behaviour,
    /// What becomes of requests that show a message as read.
    pub(super) shows: Behaviour,
    /// Whether a text is taken although its recipient has not written for a day.
    pub(super) window_is_open: bool,
    /// Where the next file is said to be, instead of where it is.
    pub(super) media_address: Option<String>,
}

impl Script {
    /// What is to be done with a message to somebody; one-off behaviours are used up.
    pub(super) fn behaviour(&mut self, to: &str) -> Behaviour {
        let standing = self.towards.get(to).unwrap_or(&self.always);
        self.next.pop_front().unwrap_or_else(|| standing.clone())
    }
}
