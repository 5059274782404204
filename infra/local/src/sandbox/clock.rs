//! The clock by which the sandbox dates what it holds.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::sync::watch;

/// A machine that slept notices after this long that it is late.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// The time that the sandbox reports: the machine's, or ahead of it, or one that stands still.
///
/// Only what Twilio *says* follows it (dates, and the delays that scripts state in its terms);
/// ringing and delivering take real time. Clones share one clock.
#[derive(Clone, Debug)]
pub struct SandboxClock(Arc<watch::Sender<Reading>>);

/// What a clock shows.
#[derive(Clone, Copy, Debug)]
enum Reading {
    /// The machine's time, and so much more: it goes on.
    Ahead(SignedDuration),
    /// This, until somebody moves it.
    Standing(Timestamp),
}

impl Reading {
    fn now(self) -> Timestamp {
        match self {
            Self::Ahead(ahead) => Timestamp::now() + ahead,
            Self::Standing(now) => now,
        }
    }
}

impl Default for SandboxClock {
    fn default() -> Self {
        Self::real()
    }
}

impl SandboxClock {
    /// The machine's own time.
    pub fn real() -> Self {
        Self::ahead_by(SignedDuration::ZERO)
    }

    /// The machine's own time, and so much more.
    pub fn ahead_by(ahead: SignedDuration) -> Self {
        Self(Arc::new(watch::Sender::new(Reading::Ahead(ahead))))
    }

    /// A clock that stands at `now` until somebody moves it.
    pub fn standing_at(now: Timestamp) -> Self {
        Self(Arc::new(watch::Sender::new(Reading::Standing(now))))
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.0.borrow().now()
    }

    /// How far it is ahead of the machine's.
    pub fn ahead(&self) -> SignedDuration {
        match *self.0.borrow() {
            Reading::Ahead(ahead) => ahead,
            Reading::Standing(now) => now.duration_since(Timestamp::now()),
        }
    }

    /// Sets the clock, forwards or backwards. It goes on from there if it went.
    pub fn set(&self, now: Timestamp) {
        self.0.send_modify(|reading| {
            *reading = match reading {
                Reading::Ahead(_) => Reading::Ahead(now.duration_since(Timestamp::now())),
                Reading::Standing(_) => Reading::Standing(now),
            };
        });
    }

    /// Moves the clock forward.
    ///
    /// # Panics
    /// No clock runs past the year 9999.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|reading| {
            *reading = match reading {
                Reading::Ahead(ahead) => Reading::Ahead(*ahead + length(by)),
                Reading::Standing(now) => Reading::Standing(later(*now, by)),
            };
        });
    }

    /// Waits until the clock shows `moment` or later.
    pub async fn reaches(&self, moment: Timestamp) {
        let mut moved = self.0.subscribe();
        loop {
            let reading = *moved.borrow_and_update();
            let left = Duration::try_from(reading.now().duration_until(moment)).unwrap_or_default();
            if left.is_zero() {
                return;
            }
            match reading {
                Reading::Ahead(_) => {
                    // The sender is ours, so the channel cannot close while we wait.
                    let _ = tokio::time::timeout(left.min(LONGEST_SLEEP), moved.changed()).await;
                }
                Reading::Standing(_) => {
                    let _ = moved.changed().await;
                }
            }
        }
    }
}

fn length(by: Duration) -> SignedDuration {
    SignedDuration::try_from(by).expect("a delay of less than 292 billion years")
}

/// `moment` plus `by`.
pub(crate) fn later(moment: Timestamp, by: Duration) -> Timestamp {
    moment
        .checked_add(length(by))
        .expect("a time before the year 9999")
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
    async fn a_clock_that_goes_goes_on_from_where_it_is_moved_to() {
        let clock = SandboxClock::real();
        let week = Duration::from_hours(7 * 24);
        let waiting = tokio::spawn({
            let (clock, moment) = (clock.clone(), later(clock.now(), week));
            async move { clock.reaches(moment).await }
        });
        clock.advance(week);
        waiting.await.expect("the wait ends");
        assert_eq!(clock.ahead(), length(week));
        let before = clock.now();
        clock.reaches(later(before, Duration::from_millis(1))).await;
        assert!(clock.now() > before);
        clock.set(noon());
        assert!(clock.now() >= noon() && clock.now() < later(noon(), Duration::from_mins(1)));
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
