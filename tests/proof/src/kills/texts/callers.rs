//! Who rings, and how Twilio treats them.

use std::time::Duration;

use fastrand::Rng;
use local::sandbox::{Behaviour, Callback, Fate, Order, Outcome, Ring, SandboxTwilio};
use system_tests::LINE;

/// Longer than Twilio's list may lag, and shorter than absence takes to be proven.
const LATE_AT_MOST_SECONDS: u64 = 8 * 60;

/// Somebody who rings once, and what becomes of the texts to them.
#[derive(Debug)]
pub(super) struct Caller {
    /// Their number.
    pub(super) number: String,
    /// In which minute they ring.
    pub(super) minute: i64,
    ring: Ring,
    sends: Vec<Behaviour>,
    fate: Fate,
    opted_out: bool,
}

impl Caller {
    /// The caller of this number in a world, who rings before `last_minute`.
    pub(super) fn draw(rng: &mut Rng, which: usize, last_minute: i64) -> Self {
        let number = format!("+1403555{:04}", 1000 + which);
        let outcome = outcome(rng);
        let mut call = Ring::new(&number, LINE, outcome)
            .ringing_for(Duration::ZERO)
            .ordered([Order::ActionThenStatus, Order::StatusThenAction, Order::AtOnce][rng.usize(..3)]);
        let callbacks = [Callback::Voice, Callback::Action, Callback::Status];
        for callback in callbacks {
            match rng.u8(..100) {
                ..15 => call = call.losing(callback),
                15..25 => call = call.copied(callback, 2),
                _ => {}
            }
        }
        Self {
            minute: rng.i64(0..last_minute),
            ring: call,
            // An attempt each; there are three at most.
            sends: (0..3).map(|_| behaviour(rng)).collect(),
            fate: fate(rng),
            opted_out: rng.u8(..100) < 3,
            number,
        }
    }

    /// Has Twilio treat them so.
    pub(super) fn script(&self, twilio: &SandboxTwilio) {
        for behaviour in &self.sends {
            twilio.on_next_send_to(&self.number, behaviour.clone());
        }
        twilio.set_fate_of(&self.number, self.fate.clone());
        if self.opted_out {
            twilio.opt_out(&self.number);
        }
    }

    /// Whether Twilio may refuse them a text for good.
    pub(super) fn may_be_refused(&self) -> bool {
        let for_good = |behaviour: &Behaviour| matches!(behaviour, Behaviour::Refuse { http: 400, .. });
        self.opted_out || self.sends.iter().any(for_good)
    }

    /// The call.
    pub(super) fn ring(&self) -> Ring {
        self.ring.clone()
    }
}

fn outcome(rng: &mut Rng) -> Outcome {
    match rng.u8(..100) {
        ..50 => Outcome::NoAnswer,
        50..65 => Outcome::Busy,
        65..75 => Outcome::Failed,
        75..92 => Outcome::Abandoned {
            after: Duration::ZERO,
        },
        _ => Outcome::Answered { talk: Duration::ZERO },
    }
}

fn behaviour(rng: &mut Rng) -> Behaviour {
    let retry_after = ["0", "7", "40", "soon", "1000000000"][rng.usize(..5)];
    match rng.u8(..100) {
        ..40 => Behaviour::Accept,
        40..55 => Behaviour::Hold { accepted: rng.bool() },
        55..60 => Behaviour::LateAccept {
            after: Duration::from_secs(rng.u64(1..LATE_AT_MOST_SECONDS)),
        },
        60..66 => Behaviour::AcceptThenReset,
        66..70 => Behaviour::AcceptThen500,
        70..74 => Behaviour::AcceptThenGarbled,
        74..79 => Behaviour::CallbackFirst,
        79..84 => Behaviour::Fail500,
        84..89 => Behaviour::Reset,
        89..95 => Behaviour::Refuse {
            http: 429,
            code: 20429,
            retry_after: Some(retry_after.to_owned()),
        },
        95..97 => Behaviour::refuse(401, 20003),
        _ => Behaviour::refuse(400, 21211),
    }
}

fn fate(rng: &mut Rng) -> Fate {
    let pace = Duration::from_millis(rng.u64(..40));
    let fate = if rng.u8(..100) < 85 {
        Fate::delivered()
    } else {
        Fate::undelivered(30003)
    };
    // Lost, told, told twice.
    let callbacks = [0, 1, 1, 2][rng.usize(..4)];
    Fate {
        callbacks,
        ..fate.paced(pace)
    }
}
