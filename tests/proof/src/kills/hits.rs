//! Where processes were hit, counted.

use std::collections::{BTreeMap, BTreeSet};
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

/// The two ways to be killed by us.
const KILLED: [Blow; 2] = [Blow::KilledAtAMoment, Blow::KilledAtAPoint];

/// Counts, shared by everything that hits.
#[derive(Debug, Default)]
pub struct Hits(Mutex<BTreeMap<(Blow, &'static str, String), usize>>);

impl Hits {
    fn counts(&self) -> MutexGuard<'_, BTreeMap<(Blow, &'static str, String), usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one.
    pub(super) fn count(&self, blow: Blow, function: &'static str, place: String) {
        *self.counts().entry((blow, function, place)).or_default() += 1;
    }

    /// How many of a kind there were.
    pub fn of(&self, blow: Blow) -> usize {
        let counts = self.counts();
        let matching = counts.iter().filter(|((of, ..), _)| *of == blow);
        matching.map(|(_, count)| count).sum()
    }

    /// Real processes that SIGKILL ended in the middle of an invocation.
    pub fn kills(&self) -> usize {
        self.of(Blow::KilledAtAMoment) + self.of(Blow::KilledAtAPoint)
    }

    /// The functions whose processes SIGKILL ended.
    pub fn killed(&self) -> BTreeSet<&'static str> {
        let counts = self.counts();
        let kills = counts.keys().filter(|(blow, ..)| KILLED.contains(blow));
        kills.map(|(_, function, _)| *function).collect()
    }

    /// The places where processes were killed, with how often, the most frequent first.
    pub fn places(&self) -> Vec<(String, usize)> {
        self.places_of(&KILLED)
    }

    /// The same for any blows.
    pub fn places_of(&self, blows: &[Blow]) -> Vec<(String, usize)> {
        let mut places = BTreeMap::<String, usize>::new();
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
