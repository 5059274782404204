//! When what happens: the part of a run's outside world that knows the clock.

use super::run::{Second, Span};

/// What happens, and at which second of the run; in no particular order.
pub(super) struct Timetable<T>(Vec<(Second, T)>);

impl<T> Default for Timetable<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone> Timetable<T> {
    /// Something happens then.
    pub(super) fn add(&mut self, at: Second, happening: T) {
        self.0.push((at, happening));
    }

    /// Everything that has happened by now and has not been taken before, in its order.
    pub(super) fn take_until(&mut self, now: Second) -> Vec<T> {
        let mut due: Vec<(Second, T)> = self.0.extract_if(.., |(at, _)| *at <= now).collect();
        due.sort_by_key(|(at, _)| *at);
        due.into_iter().map(|(_, happening)| happening).collect()
    }

    /// When something happens next.
    pub(super) fn next_at(&self) -> Option<Second> {
        self.0.iter().map(|(at, _)| *at).min()
    }

    /// Whether nothing happens before then.
    pub(super) fn is_quiet_until(&self, then: Second) -> bool {
        self.next_at().is_none_or(|next| next >= then)
    }

    /// Whether nothing more happens at all.
    pub(super) fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}

/// What does not work for a while.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Troubles {
    /// The schedules do not tick in this span.
    pub(super) outage: Option<Span>,
    /// The provider's lists cannot be read in this span.
    pub(super) lists_away: Option<Span>,
}

impl Troubles {
    /// Until when the schedules do not tick, if they do not now.
    pub(super) fn out_until(&self, now: Second) -> Option<Second> {
        holds(self.outage, now)
    }

    /// Until when no list can be read, if none can be now.
    pub(super) fn lists_away_until(&self, now: Second) -> Option<Second> {
        holds(self.lists_away, now)
    }
}

fn holds(span: Option<Span>, now: Second) -> Option<Second> {
    span.filter(|(from, to)| (*from..*to).contains(&now))
        .map(|(_, to)| to)
}
