//! The clock by which the sandbox dates what it holds.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::sync::watch;

/// The time that the sandbox reports: the real one, or one that a test moves.
///
/// Only what Twilio *says* follows it (dates, and the delays that scripts state in its terms);
/// ringing and delivering take real time. Clones share one clock.
#[derive(Clone, Debug, Default)]
pub struct SandboxClock {
    /// The time as set, or `None` for the real one.
    set: Option<Arc<watch::Sender<Timestamp>>>,
}

impl SandboxClock {
    /// The machine's own time.
    pub fn real() -> Self {
        Self { set: None }
    }

    /// A clock that stands at `now` until somebody moves it.
    pub fn standing_at(now: Timestamp) -> Self {
        Self {
            set: Some(Arc::new(watch::Sender::new(now))),
        }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.set.as_ref().map_or_else(Timestamp::now, |set| *set.borrow())
    }

    /// Sets the clock, forwards or backwards.
    ///
    /// # Panics
    /// The real time cannot be set.
    pub fn set(&self, now: Timestamp) {
        self.set
            .as_ref()
            .expect("only a clock that stands can be set")
            .send_replace(now);
    }

    /// Moves the clock forward.
    ///
    /// # Panics
    /// The real time cannot be moved, and no clock runs past the year 9999.
    pub fn advance(&self, by: Duration) {
        self.set(later(self.now(), by));
    }

    /// Waits until the clock shows `moment` or later.
    pub async fn reaches(&self, moment: Timestamp) {
        if let Some(set) = &self.set {
            // The sender is ours, so the channel cannot close while we wait.
            let _ = set.subscribe().wait_for(|now| *now >= moment).await;
        } else {
            let wait = Timestamp::now().duration_until(moment);
            tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
        }
    }
}

/// `moment` plus `by`.
pub(crate) fn later(moment: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).expect("a delay of less than 292 billion years");
    moment.checked_add(by).expect("a time before the year 9999")
}

/// A date in Twilio's form: RFC 2822, in UTC, the day with two digits.
pub(super) fn rfc2822(date: Timestamp) -> String {
    date.to_zoned(TimeZone::UTC)
        .strftime("%a, %d %b %Y %H:%M:%S +0000")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-03-08T12:00:00Z".parse().expect("a valid timestamp")
    }

    #[test]
    fn a_standing_clock_moves_only_when_it_is_moved() {
        let clock = SandboxClock::standing_at(noon());
        assert_eq!(clock.now(), noon());
        clock.clone().advance(Duration::from_mins(8));
        assert_eq!(clock.now(), later(noon(), Duration::from_mins(8)));
    }

    #[tokio::test]
    async fn waiting_for_a_moment_ends_when_the_clock_is_moved_past_it() {
        let clock = SandboxClock::standing_at(noon());
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.reaches(later(noon(), Duration::from_mins(2))).await }
        });
        clock.advance(Duration::from_mins(3));
        waiting.await.expect("the wait ends");
    }
}
