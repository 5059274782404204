//! What a provider's own records prove about an attempt that we are unclear about.
//!
//! Wanted: an attempt that arrived is always found to have arrived, and only one that can no longer
//! arrive is called absent. So a single message that could be ours is enough against absence, and
//! absence needs two complete empty readings five minutes apart, the last of them a quarter of an hour
//! after the permit: longer than a request lives, than the list lags and than the clocks differ.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::Phone;

/// When the list is read, counted from the permit. After the last reading a person decides.
const READINGS: [SignedDuration; 5] = [
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(16),
    SignedDuration::from_mins(30),
    SignedDuration::from_mins(60),
];
const GRACE: SignedDuration = SignedDuration::from_mins(15);
const BETWEEN_READINGS: SignedDuration = SignedDuration::from_mins(5);
/// The provider's clock and ours may differ by as much.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_mins(10);

/// How an attempt has been looked for until now.
#[derive(Debug, Clone)]
pub struct Search {
    /// When it was allowed.
    pub granted_at: Timestamp,
    /// Complete readings, at least five minutes apart, that did not show it.
    pub empty_readings: i32,
    /// The last of them.
    pub last_empty_reading_at: Option<Timestamp>,
}

impl Search {
    /// From when on the provider's list could show it.
    pub fn not_before(&self) -> Timestamp {
        self.granted_at - CLOCK_MARGIN
    }

    /// What follows from one more reading that did not show it; `empty` if it was complete and without a trace.
    fn without_it(&self, empty: bool, now: Timestamp) -> Verdict {
        let age = now.duration_since(self.granted_at);
        let counts = empty
            && self
                .last_empty_reading_at
                .is_none_or(|last| now.duration_since(last) >= BETWEEN_READINGS);
        if counts && self.empty_readings >= 1 && age >= GRACE {
            return Verdict::Absent;
        }
        match READINGS.iter().find(|due| **due > age) {
            Some(due) => Verdict::NotYet {
                empty,
                wait: *due - age,
            },
            None => Verdict::NoEvidence,
        }
    }
}

/// An attempt whose outcome is unknown.
#[derive(Debug, Clone)]
pub struct Unclear {
    /// The attempt.
    pub attempt: Uuid,
    /// The line that would have sent it.
    pub sender: Phone,
    /// Whom it would have reached.
    pub recipient: Phone,
    /// The exact words that were allowed.
    pub content: String,
    /// How it has been looked for.
    pub search: Search,
    /// Provider ids that are known to belong to other attempts.
    pub claimed_ids: Vec<String>,
}

/// One outgoing message in the provider's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The provider's id.
    pub provider_id: String,
    /// Its words.
    pub content: String,
    /// When the provider took it.
    pub accepted_at: Timestamp,
}

/// One reading of the provider's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Everything that went from the sender to the recipient since [`Search::not_before`].
    pub found: Vec<Evidence>,
    /// Whether the list was read to its end.
    pub complete: bool,
}

/// What follows from a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It arrived, under this id.
    Accepted(String),
    /// It did not and cannot any more.
    Absent,
    /// Nothing yet; ask again after this long.
    NotYet {
        /// Whether this was a complete reading without a trace of it.
        empty: bool,
        /// Until the next reading.
        wait: SignedDuration,
    },
    /// The hour is over without evidence.
    NoEvidence,
}

/// Decides from one reading, taken at `now`.
pub fn verdict(unclear: &Unclear, reading: &Reading, now: Timestamp) -> Verdict {
    let unclaimed = || {
        reading
            .found
            .iter()
            .filter(|message| !unclear.claimed_ids.contains(&message.provider_id))
    };
    // The oldest first: a later message with the same words may belong to a later attempt.
    let ours = unclaimed()
        .filter(|message| message.content == unclear.content)
        .min_by_key(|message| message.accepted_at);
    if let Some(message) = ours {
        return Verdict::Accepted(message.provider_id.clone());
    }
    // Somebody else's words between the two, or ours re-encoded: no proof of absence.
    unclear
        .search
        .without_it(reading.complete && unclaimed().next().is_none(), now)
}

/// A call whose outcome is unknown.
#[derive(Debug, Clone)]
pub struct UnclearCall {
    /// The attempt.
    pub attempt: Uuid,
    /// Whom it would have reached.
    pub recipient: Phone,
    /// How it has been looked for.
    pub search: Search,
}

/// One call in the provider's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallTrace {
    /// The provider's id.
    pub provider_id: String,
    /// The attempt that it names.
    pub attempt: Option<Uuid>,
    /// Who was called.
    pub recipient: Option<Phone>,
    /// When the provider took it.
    pub accepted_at: Timestamp,
}

/// Decides from one reading of a list of everybody's calls, taken at `now`. A call is known by the attempt that it
/// names; one that names none and went to the same person since is no proof of absence.
pub fn call_verdict(unclear: &UnclearCall, listed: &[CallTrace], complete: bool, now: Timestamp) -> Verdict {
    let ours = listed
        .iter()
        .filter(|call| call.attempt == Some(unclear.attempt))
        .min_by_key(|call| call.accepted_at);
    if let Some(call) = ours {
        return Verdict::Accepted(call.provider_id.clone());
    }
    let could_be_ours = |call: &CallTrace| {
        call.attempt.is_none()
            && call.recipient.as_ref() == Some(&unclear.recipient)
            && call.accepted_at >= unclear.search.not_before()
    };
    unclear
        .search
        .without_it(complete && !listed.iter().any(could_be_ours), now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANTED: Timestamp = Timestamp::UNIX_EPOCH;

    fn begun() -> Search {
        Search {
            granted_at: GRANTED,
            empty_readings: 0,
            last_empty_reading_at: None,
        }
    }

    fn empty_once(at: Timestamp) -> Search {
        Search {
            empty_readings: 1,
            last_empty_reading_at: Some(at),
            ..begun()
        }
    }

    fn unclear() -> Unclear {
        Unclear {
            attempt: Uuid::nil(),
            sender: Phone::stored("+15005550006".to_owned()),
            recipient: Phone::stored("+14035550001".to_owned()),
            content: "sorry".to_owned(),
            search: begun(),
            claimed_ids: Vec::new(),
        }
    }

    fn message(id: &str, content: &str) -> Evidence {
        Evidence {
            provider_id: id.to_owned(),
            content: content.to_owned(),
            accepted_at: GRANTED,
        }
    }

    fn empty() -> Reading {
        Reading {
            found: Vec::new(),
            complete: true,
        }
    }

    fn after(minutes: i64) -> Timestamp {
        GRANTED + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn the_same_words_in_the_list_are_acceptance() {
        let reading = Reading {
            found: vec![message("SM1", "sorry")],
            complete: false,
        };
        assert_eq!(
            verdict(&unclear(), &reading, after(2)),
            Verdict::Accepted("SM1".to_owned())
        );
    }

    #[test]
    fn a_message_of_another_attempt_is_no_evidence_either_way() {
        let unclear = Unclear {
            claimed_ids: vec!["SM1".to_owned()],
            ..unclear()
        };
        let reading = Reading {
            found: vec![message("SM1", "sorry")],
            complete: true,
        };
        assert_eq!(
            verdict(&unclear, &reading, after(2)),
            Verdict::NotYet {
                empty: true,
                wait: SignedDuration::from_mins(3)
            }
        );
    }

    #[test]
    fn absence_needs_two_readings_five_minutes_apart_and_a_quarter_of_an_hour() {
        let once = |minutes| Unclear {
            search: empty_once(after(minutes)),
            ..unclear()
        };
        let not_yet = |verdict| matches!(verdict, Verdict::NotYet { empty: true, .. });
        assert!(
            not_yet(verdict(&unclear(), &empty(), after(40))),
            "a single reading"
        );
        assert!(
            not_yet(verdict(&once(12), &empty(), after(16))),
            "four minutes apart"
        );
        assert!(
            not_yet(verdict(&once(2), &empty(), after(14))),
            "before the grace is over"
        );
        assert_eq!(verdict(&once(2), &empty(), after(15)), Verdict::Absent);
    }

    #[test]
    fn an_incomplete_reading_or_a_stranger_between_the_two_never_proves_absence() {
        let once = Unclear {
            search: empty_once(after(2)),
            ..unclear()
        };
        let incomplete = Reading {
            complete: false,
            ..empty()
        };
        let stranger = Reading {
            found: vec![message("SM2", "typed by hand")],
            complete: true,
        };
        for reading in [incomplete, stranger] {
            assert!(matches!(
                verdict(&once, &reading, after(20)),
                Verdict::NotYet { empty: false, .. }
            ));
            assert_eq!(verdict(&once, &reading, after(60)), Verdict::NoEvidence);
        }
    }

    fn unclear_call() -> UnclearCall {
        UnclearCall {
            attempt: Uuid::from_u128(7),
            recipient: Phone::stored("+14035550001".to_owned()),
            search: begun(),
        }
    }

    fn trace(id: &str, attempt: Option<u128>, recipient: &str, accepted_at: i64) -> CallTrace {
        CallTrace {
            provider_id: id.to_owned(),
            attempt: attempt.map(Uuid::from_u128),
            recipient: Some(Phone::stored(recipient.to_owned())),
            accepted_at: GRANTED + SignedDuration::from_secs(accepted_at),
        }
    }

    #[test]
    fn a_call_is_known_by_its_attempt_and_the_first_of_two_counts() {
        let listed = [
            trace("late", Some(7), "+14035550001", 60),
            trace("early", Some(7), "+14035550001", 1),
            trace("another", Some(8), "+14035550001", 0),
        ];
        for complete in [true, false] {
            let verdict = call_verdict(&unclear_call(), &listed, complete, GRANTED + GRACE);
            assert_eq!(verdict, Verdict::Accepted("early".to_owned()));
        }
    }

    #[test]
    fn a_call_is_absent_after_two_complete_readings_without_a_trace_of_it() {
        let now = GRANTED + GRACE;
        let once = UnclearCall {
            search: empty_once(now - BETWEEN_READINGS),
            ..unclear_call()
        };
        let others = [
            trace("another", Some(8), "+14035550001", 60),
            trace("by hand", None, "+14035550002", 60),
            trace("yesterday", None, "+14035550001", -86_400),
        ];
        assert_eq!(call_verdict(&once, &others, true, now), Verdict::Absent);
        assert_ne!(
            call_verdict(&once, &others, false, now),
            Verdict::Absent,
            "cut short"
        );
        assert_ne!(
            call_verdict(&unclear_call(), &others, true, now),
            Verdict::Absent,
            "once"
        );
        let early = now - SignedDuration::from_secs(1);
        assert_ne!(
            call_verdict(&once, &others, true, early),
            Verdict::Absent,
            "it may still come"
        );
        let nameless = [trace("by hand", None, "+14035550001", 60)];
        let doubt = call_verdict(&once, &nameless, true, now);
        assert!(matches!(doubt, Verdict::NotYet { empty: false, .. }), "{doubt:?}");
        let late = GRANTED + SignedDuration::from_hours(1);
        assert_eq!(call_verdict(&once, &nameless, true, late), Verdict::NoEvidence);
    }
}
