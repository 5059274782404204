//! What a run and its workflow share: the stage, the clock, and what went on.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use shared::platform::gate::Operation;

use crate::explorer::fate::{Fate, Plan};
use crate::explorer::play::Size;
use crate::explorer::stage::Stage;

/// How many seconds into the run something happens.
pub(in crate::explorer) type Second = i64;

/// From when to when.
pub(in crate::explorer) type Span = (Second, Second);

/// How a run went.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What must not happen and did.
    pub violations: Vec<String>,
    /// What went wrong, and where.
    pub plan: Plan,
    /// Every operation, in order.
    pub operations: Vec<Operation>,
    /// What was seen at least once.
    pub seen: BTreeSet<&'static str>,
    /// What happened, line by line; the same for the same recipe.
    pub trace: Vec<String>,
    /// How many texts or calls were owed.
    pub jobs: usize,
}

/// What went on in a run that the oracle has to know: what may explain that somebody was not reached.
#[derive(Debug, Default)]
pub(in crate::explorer) struct Facts {
    /// What became of the request of an attempt, where that was not the usual.
    pub(in crate::explorer) answers: BTreeMap<String, Fate>,
    /// The last request whose credentials were refused.
    pub(in crate::explorer) last_unauthorized: Option<u64>,
    /// From when to when something kept people from being reached, or the provider's lists from being read.
    pub(in crate::explorer) hindrances: Vec<Span>,
    /// Those of them that kept the provider's lists from being read.
    pub(in crate::explorer) unread: Vec<Span>,
}

impl Facts {
    /// Whether this became of a request of one of these attempts.
    pub(in crate::explorer) fn answered_by<'a>(
        &self,
        fate: Fate,
        mut attempts: impl Iterator<Item = &'a String>,
    ) -> bool {
        attempts.any(|attempt| self.answers.get(attempt) == Some(&fate))
    }

    /// Whether something kept the lists from being read at any time between the two.
    pub(in crate::explorer) fn were_unread(&self, from: Second, until: Second) -> bool {
        self.unread
            .iter()
            .any(|(began, ended)| *began <= until && from <= *ended)
    }

    /// For how long at most nothing stood in the way between the two, of what concerned everybody and `besides`.
    pub(in crate::explorer) fn longest_calm(&self, from: Second, until: Second, besides: &[Span]) -> Second {
        let mut hindrances = [&self.hindrances, besides].concat();
        hindrances.push((until, until));
        hindrances.sort_unstable();
        let (mut calm, mut since) = (0, from);
        for (began, ended) in hindrances {
            calm = calm.max(began.min(until) - since);
            since = since.max(ended);
        }
        calm
    }
}

/// Where a run takes place.
pub(in crate::explorer) struct Ground<'a> {
    pub(in crate::explorer) stage: &'a mut Stage,
    pub(in crate::explorer) size: Size,
    pub(in crate::explorer) begin: Timestamp,
    pub(in crate::explorer) now: Second,
    /// How many ticks there have been.
    pub(in crate::explorer) ticks: usize,
    /// Decides the order of things.
    pub(in crate::explorer) schedule: Rng,
    pub(in crate::explorer) facts: Facts,
    pub(in crate::explorer) outcome: Outcome,
    /// When the next of those who are frozen is thawed.
    pub(in crate::explorer) thaws_at: Option<Second>,
    /// The last faults are over: from here on everything works.
    pub(in crate::explorer) is_calm: bool,
}

impl Ground<'_> {
    /// The moment of a second.
    pub(in crate::explorer) fn at(&self, second: Second) -> Timestamp {
        self.begin + SignedDuration::from_secs(second)
    }

    /// The second of a moment.
    pub(in crate::explorer) fn second(&self, at: Timestamp) -> Second {
        at.duration_since(self.begin).as_secs()
    }

    /// Until then neither is anybody reached nor a list read.
    pub(in crate::explorer) fn nothing_works(&mut self, until: Second) {
        self.facts.hindrances.push((self.now, until));
        self.facts.unread.push((self.now, until));
    }

    /// Something worth having been seen.
    pub(in crate::explorer) fn saw(&mut self, sight: &'static str) {
        self.outcome.seen.insert(sight);
    }

    /// What must not be.
    pub(in crate::explorer) fn complain(&mut self, violation: String) {
        self.outcome.violations.push(violation);
    }

    /// A line of the trace.
    pub(in crate::explorer) fn note(&mut self, who: &str, what: &str) {
        let (minutes, seconds) = (self.now / 60, self.now % 60);
        let line = format!("{minutes:5}:{seconds:02}  {who}: {what}");
        self.outcome.trace.push(line);
    }
}
