//! A call as somebody wants it played, and how it went.

use std::time::Duration;

use jiff::Timestamp;

use super::{record::CallStatus, webhooks::Delivery};

/// How a call turns out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The owner lets it ring.
    NoAnswer,
    /// The owner is on the phone.
    Busy,
    /// The owner picks up.
    Answered {
        /// How long they talk.
        talk: Duration,
    },
    /// The caller gives up before anybody picks up.
    Abandoned {
        /// How long the caller is patient.
        after: Duration,
    },
    /// The owner's number cannot be reached.
    Failed,
}

/// A request of Twilio's about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callback {
    /// The voice webhook that starts it.
    Voice,
    /// The Dial action callback.
    Action,
    /// The number's status callback.
    Status,
}

/// In which order the last two requests about a call are posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As Twilio does when nothing is delayed.
    #[default]
    ActionThenStatus,
    /// The status callback overtakes.
    StatusThenAction,
    /// Both at the same moment.
    AtOnce,
}

/// What the caller heard last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The owner, at this number.
    Owner {
        /// The number that was rung.
        number: String,
    },
    /// Ringing, until it stopped.
    Ringing,
    /// A text that was read out.
    Said(String),
    /// The busy tone.
    BusyTone,
    /// Twilio's apology for an application error: our server failed.
    ApplicationError,
}

/// A call to be played.
#[derive(Clone, Debug)]
pub struct Ring {
    pub(super) caller: String,
    pub(super) line: String,
    pub(super) outcome: Outcome,
    pub(super) loses: Vec<Callback>,
    pub(super) misses_answers: Vec<Callback>,
    pub(super) copies: Vec<(Callback, usize)>,
    pub(super) delays: Vec<(Callback, Duration)>,
    pub(super) order: Order,
    pub(super) rings_for: Option<Duration>,
    pub(super) ends_as: Option<CallStatus>,
}

impl Ring {
    /// `caller` rings `line`.
    pub fn new(caller: impl Into<String>, line: impl Into<String>, outcome: Outcome) -> Self {
        Self {
            caller: caller.into(),
            line: line.into(),
            outcome,
            loses: Vec::new(),
            misses_answers: Vec::new(),
            copies: Vec::new(),
            delays: Vec::new(),
            order: Order::default(),
            rings_for: None,
            ends_as: None,
        }
    }

    /// This request never reaches us.
    #[must_use]
    pub fn losing(mut self, callback: Callback) -> Self {
        self.loses.push(callback);
        self
    }

    /// This request reaches us, but our answer never reaches Twilio.
    #[must_use]
    pub fn missing_answer(mut self, callback: Callback) -> Self {
        self.misses_answers.push(callback);
        self
    }

    /// This request is posted so many times, at once.
    #[must_use]
    pub fn copied(mut self, callback: Callback, times: usize) -> Self {
        self.copies.push((callback, times));
        self
    }

    /// This request is posted so much (real) time late.
    #[must_use]
    pub fn delayed(mut self, callback: Callback, by: Duration) -> Self {
        self.delays.push((callback, by));
        self
    }

    /// The last two requests come in this order.
    #[must_use]
    pub fn ordered(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// The phone rings this long, whatever the `TwiML` says.
    #[must_use]
    pub fn ringing_for(self, ring_time: Duration) -> Self {
        Self {
            rings_for: Some(ring_time),
            ..self
        }
    }

    /// Twilio lists the call with this status in the end, instead of the usual one.
    #[must_use]
    pub fn ending_as(self, status: CallStatus) -> Self {
        Self {
            ends_as: Some(status),
            ..self
        }
    }

    pub(super) fn copies_of(&self, callback: Callback) -> usize {
        self.copies
            .iter()
            .find(|(of, _)| *of == callback)
            .map_or(1, |(_, times)| (*times).max(1))
    }

    pub(super) fn delay_of(&self, callback: Callback) -> Duration {
        self.delays
            .iter()
            .find(|(of, _)| *of == callback)
            .map_or(Duration::ZERO, |(_, by)| *by)
    }
}

/// How a played call went.
#[derive(Clone, Debug)]
pub struct RingReport {
    /// The call's sid.
    pub call: String,
    /// The sid of the leg that rang the owner.
    pub leg: Option<String>,
    /// What the caller heard last.
    pub heard: Heard,
    /// How Twilio lists the call.
    pub status: CallStatus,
    /// When the call was over, by the sandbox's clock.
    pub ended_at: Timestamp,
    /// What came of the voice webhook.
    pub voice: Delivery,
    /// What came of the action callback, if the `TwiML` named one.
    pub action: Option<Delivery>,
    /// What came of the status callback, if the line has one.
    pub status_callback: Option<Delivery>,
}
