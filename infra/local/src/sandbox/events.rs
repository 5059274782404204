//! What happens in the sandbox, as it happens: for tests that must not sleep and for people who watch.

use std::time::Duration;

use tokio::sync::broadcast;

use super::{
    record::{CallStatus, MessageStatus},
    ring::Heard,
    webhooks::Delivery,
};

/// How many events a slow listener may be behind before it misses some.
const EVENTS_KEPT: usize = 16_384;

/// Something that happened in the sandbox.
#[derive(Clone, Debug)]
pub enum SandboxEvent {
    /// An HTTP request came in and is recorded; nothing is decided yet.
    RequestArrived {
        /// Its number in `requests()`.
        number: u64,
        /// Its method.
        method: String,
        /// Its path without the query.
        path: String,
        /// The attempt id found in its `StatusCallback`.
        attempt: Option<String>,
    },
    /// A request is being held and waits for `release_held`.
    RequestHeld {
        /// Its number in `requests()`.
        number: u64,
    },
    /// A text was accepted: from here on it exists, whatever its sender gets to hear.
    MessageAccepted {
        /// The message.
        sid: String,
        /// Whom it is for.
        to: String,
        /// The attempt id found in its `StatusCallback`.
        attempt: Option<String>,
    },
    /// A text was refused.
    MessageRefused {
        /// Whom it was for.
        to: String,
        /// Twilio's error code.
        code: u32,
    },
    /// A text moved to another status.
    MessageMoved {
        /// The message.
        sid: String,
        /// Whom it is for.
        to: String,
        /// Where it is now.
        status: MessageStatus,
    },
    /// A status callback of a text was posted, and this is what came of it.
    MessageStatusPosted {
        /// The message.
        sid: String,
        /// The status that it told.
        status: MessageStatus,
        /// Our answer, or why there is none.
        delivery: Delivery,
    },
    /// A call moved on.
    Ring {
        /// The call.
        call: String,
        /// What happened in it.
        event: RingEvent,
    },
}

/// Something that happened in a call that the sandbox plays.
#[derive(Clone, Debug)]
pub enum RingEvent {
    /// A caller rings a line.
    Rang {
        /// Who calls.
        caller: String,
        /// Which of our numbers.
        line: String,
    },
    /// The voice webhook was posted.
    VoiceWebhook(Delivery),
    /// The `TwiML` had the owner's phone rung.
    OwnerDialled {
        /// The child leg.
        leg: String,
        /// The owner's number.
        to: String,
        /// How long it may ring.
        timeout: Duration,
    },
    /// The owner picked up.
    OwnerAnswered,
    /// The owner's phone stopped ringing, or the conversation ended.
    LegEnded {
        /// How.
        status: CallStatus,
    },
    /// The caller hung up before anybody answered.
    CallerHungUp,
    /// The Dial action callback was posted.
    ActionCallback(Delivery),
    /// The number's status callback was posted.
    StatusCallback(Delivery),
    /// The caller's side of the call is over.
    Ended {
        /// What the caller heard last.
        heard: Heard,
        /// How Twilio lists the call.
        status: CallStatus,
    },
}

/// Where events are announced.
#[derive(Debug)]
pub(super) struct Announcer(broadcast::Sender<SandboxEvent>);

impl Announcer {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(EVENTS_KEPT))
    }

    pub(super) fn announce(&self, event: SandboxEvent) {
        // Nobody listening is no failure.
        let _ = self.0.send(event);
    }

    pub(super) fn listen(&self) -> Events {
        Events(self.0.subscribe())
    }
}

/// A listener that hears everything announced since it was made.
#[derive(Debug)]
pub struct Events(broadcast::Receiver<SandboxEvent>);

impl Events {
    /// The next event; `None` once the sandbox is gone.
    ///
    /// A listener that falls thousands of events behind misses the oldest of them.
    pub async fn next(&mut self) -> Option<SandboxEvent> {
        loop {
            match self.0.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// The first event from now on in which `find` finds something.
    pub async fn find<T>(&mut self, mut find: impl FnMut(&SandboxEvent) -> Option<T>) -> Option<T> {
        loop {
            if let Some(found) = find(&self.next().await?) {
                return Some(found);
            }
        }
    }
}
