//! How likely it is that something goes wrong.

use fastrand::Rng;
use shared::platform::gate::Operation;

use crate::explorer::fate::Fate;

/// How often a random run's operations go wrong, and how often in all.
#[derive(Debug, Clone, Copy)]
pub(in crate::explorer) struct Odds {
    pub(in crate::explorer) send: f64,
    /// Any, if there are none here.
    pub(in crate::explorer) send_fates: &'static [Fate],
    pub(in crate::explorer) grant: f64,
    /// Somebody thinks better of it just before a permit is asked for.
    pub(in crate::explorer) stop_at_grant: f64,
    /// What Stripe, a shop or Vapi tells cannot be kept.
    pub(in crate::explorer) told: f64,
    pub(in crate::explorer) other: f64,
    /// One run meets so many faults at most.
    pub(in crate::explorer) faults_max: usize,
}

/// So many days in fourteen are such days.
const DAYS: [(u8, Odds); 5] = [
    (8, ORDINARY),
    (2, BAD_DAY),
    (1, TURNED_AWAY),
    (1, DEADLY),
    (2, UNCLEAR),
];
const ORDINARY: Odds = Odds {
    send: 0.35,
    send_fates: &[],
    grant: 0.06,
    stop_at_grant: 0.07,
    told: 0.02,
    other: 0.02,
    faults_max: 6,
};
/// The provider hardly ever gives an answer that is of use.
const BAD_DAY: Odds = Odds {
    send: 0.9,
    faults_max: 12,
    ..ORDINARY
};
/// The provider turns everything away, in ways that allow another attempt.
const TURNED_AWAY: Odds = Odds {
    send: 1.0,
    send_fates: &[Fate::NotDone, Fate::Throttled, Fate::Error500],
    faults_max: 20,
    ..ORDINARY
};
/// Whoever sends often does not live to hear the answer.
const DEADLY: Odds = Odds {
    send: 0.6,
    send_fates: &[
        Fate::DoneDies,
        Fate::FrozenAfter,
        Fate::FrozenBefore,
        Fate::NotDoneDies,
    ],
    ..ORDINARY
};
/// The provider accepts, and does not say so; most of all by a 408, which looks like a refusal more than the rest.
const UNCLEAR: Odds = Odds {
    send: 0.7,
    send_fates: &[
        Fate::Accepted408,
        Fate::Accepted408,
        Fate::Accepted500,
        Fate::AcceptedGarbled,
        Fate::AcceptedLate,
        Fate::AcceptedReset,
    ],
    ..ORDINARY
};

impl Odds {
    /// A day's.
    pub(super) fn of_a_day(rng: &mut Rng) -> Self {
        let days: Vec<Self> = DAYS
            .iter()
            .flat_map(|(count, odds)| vec![*odds; usize::from(*count)])
            .collect();
        days[rng.usize(..days.len())]
    }

    /// What becomes of an operation. Chance is asked as often whatever comes of it, so that one fault more or
    /// less leaves the others where they are.
    pub(super) fn draw(&self, operation: Operation, rng: &mut Rng) -> Fate {
        let (luck, which) = (rng.f64(), rng.usize(..1 << 20));
        let (odds, fates) = match operation {
            Operation::Send(_) if !self.send_fates.is_empty() => (self.send, self.send_fates),
            Operation::Send(_) => (self.send, Fate::of(operation)),
            Operation::Statement("grant") => (self.grant, Fate::of(operation)),
            Operation::Statement("record_payment" | "record_result") => (self.told, Fate::of(operation)),
            _ => (self.other, Fate::of(operation)),
        };
        match fates.len() {
            0 => Fate::Done,
            _ if luck >= odds => Fate::Done,
            count => fates[which % count],
        }
    }
}
