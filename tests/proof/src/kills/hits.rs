//! Where processes were hit, counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What was done to a process in the middle of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blow {
    /// SIGKILL at a moment drawn from the seed.
    KilledAtAMoment,
    /// SIGKILL at a chosen point.
    KilledAtAPoint,
    /// SIGSTOP, past the life of its permit, then SIGCONT.
    Frozen,
    /// Killed by the platform because it outlived its limit.
    TimedOut,
}

/// Counts, shared by everything that hits.
#[derive(Debug, Default)]
pub struct Hits(Mutex<BTreeMap<(Blow, &'static str, String), u64>>);

impl Hits {
    fn counts(&self) -> MutexGuard<'_, BTreeMap<(Blow, &'static str, String), u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one.
    pub(super) fn count(&self, blow: Blow, function: &'static str, place: String) {
        *self.counts().entry((blow, function, place)).or_default() += 1;
    }

    /// How many of a kind there were.
    pub fn of(&self, blow: Blow) -> u64 {
        let counts = self.counts();
        let matching = counts.iter().filter(|((of, ..), _)| *of == blow);
        matching.map(|(_, count)| count).sum()
    }

    /// Real processes that SIGKILL ended in the middle of an invocation.
    pub fn kills(&self) -> u64 {
        self.of(Blow::KilledAtAMoment) + self.of(Blow::KilledAtAPoint)
    }

    /// The places where processes were killed, with how often, the most frequent first.
    pub fn places(&self) -> Vec<(String, u64)> {
        self.places_of(&[Blow::KilledAtAMoment, Blow::KilledAtAPoint])
    }

    /// The same for any blows.
    pub fn places_of(&self, blows: &[Blow]) -> Vec<(String, u64)> {
        let mut places = BTreeMap::<String, u64>::new();
        for ((_, function, place), count) in self
            .counts()
            .iter()
            .filter(|((blow, ..), _)| blows.contains(blow))
        {
            *places.entry(format!("{function}: {place}")).or_default() += count;
        }
        let mut places: Vec<_> = places.into_iter().collect();
        places.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        places
    }
}
