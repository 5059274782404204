//! What became of a call, from what one source says about it.

use std::fmt;

use jiff::SignedDuration;

/// How long the callbacks have, after a call's end, before the poller decides in their place.
///
/// With a poll every minute a lost callback costs the caller at most 90 seconds.
pub const FALLBACK_GRACE: SignedDuration = SignedDuration::from_secs(30);

/// How long Twilio's list may leave out a leg that exists, counted from the call's beginning.
///
/// Twilio promises nothing about it. Until then a call without legs is not one that nobody was rung for.
pub const LEGS_LISTED_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// A call's state, in Twilio's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallStatus {
    /// Waiting to be placed.
    Queued,
    /// Being placed.
    Initiated,
    /// Ringing.
    Ringing,
    /// Answered and still going on.
    InProgress,
    /// Over, after it had been answered by somebody or something.
    Completed,
    /// Over: the line was busy.
    Busy,
    /// Over: nobody answered.
    NoAnswer,
    /// Over: it could not be placed.
    Failed,
    /// Over: hung up before an answer.
    Canceled,
    /// A word that we do not know; it decides nothing.
    Other(String),
}

impl CallStatus {
    /// Reads Twilio's word; never fails, because new words appear without notice.
    pub fn parse(word: &str) -> Self {
        match word {
            "queued" => Self::Queued,
            "initiated" => Self::Initiated,
            "ringing" => Self::Ringing,
            "in-progress" | "answered" => Self::InProgress,
            "completed" => Self::Completed,
            "busy" => Self::Busy,
            "no-answer" => Self::NoAnswer,
            "failed" => Self::Failed,
            "canceled" => Self::Canceled,
            other => Self::Other(kept(other)),
        }
    }

    /// Whether the call is over.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Busy | Self::NoAnswer | Self::Failed | Self::Canceled
        )
    }

    /// Twilio's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Other(word) => word,
        }
    }
}

impl fmt::Display for CallStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How dialling the owner ended, in Twilio's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialStatus {
    /// The owner's side answered: the owner, or the owner's voicemail.
    Completed,
    /// A conference was joined.
    Answered,
    /// Busy, or rejected.
    Busy,
    /// The ring time passed.
    NoAnswer,
    /// The forward number cannot be reached.
    Failed,
    /// The caller hung up first.
    Canceled,
    /// A word that we do not know; it decides nothing.
    Other(String),
}

impl DialStatus {
    /// Reads Twilio's word; never fails.
    pub fn parse(word: &str) -> Self {
        match word {
            "completed" => Self::Completed,
            "answered" => Self::Answered,
            "busy" => Self::Busy,
            "no-answer" => Self::NoAnswer,
            "failed" => Self::Failed,
            "canceled" => Self::Canceled,
            other => Self::Other(kept(other)),
        }
    }

    /// Twilio's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Completed => "completed",
            Self::Answered => "answered",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Other(word) => word,
        }
    }
}

/// Of a word that we do not know: its beginning, as text that the database takes.
fn kept(word: &str) -> String {
    let plain = |character: char| {
        if character.is_control() {
            '\u{fffd}'
        } else {
            character
        }
    };
    word.chars().take(32).map(plain).collect()
}

/// Whether somebody spoke with the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody did.
    Missed,
    /// Somebody, or a voicemail, did.
    Answered,
}

impl Verdict {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Answered => "answered",
        }
    }
}

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Twilio's Dial callback: the fast path.
    DialResult,
    /// Twilio's status callback.
    CallStatus,
    /// Twilio's own list of calls: the fallback.
    Poller,
}

impl Source {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DialResult => "dial_result",
            Self::CallStatus => "call_status",
            Self::Poller => "poller",
        }
    }
}

/// A call that the first one led to: the owner's telephone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// Its state.
    pub status: CallStatus,
}

/// From the Dial callback. `bridged` says whether the two were really connected, where Twilio knows.
pub fn verdict_of_dial(status: &DialStatus, bridged: Option<bool>) -> Option<Verdict> {
    match status {
        // Answered but never connected: the owner's side was screened or hung up at once.
        DialStatus::Completed | DialStatus::Answered if bridged == Some(false) => Some(Verdict::Missed),
        DialStatus::Completed | DialStatus::Answered => Some(Verdict::Answered),
        DialStatus::Busy | DialStatus::NoAnswer | DialStatus::Failed | DialStatus::Canceled => {
            Some(Verdict::Missed)
        }
        DialStatus::Other(_) => None,
    }
}

/// From the status callback of the caller's own call.
///
/// A `completed` one may have been answered or given up; only the Dial callback or the legs in Twilio's
/// list tell, so it decides nothing.
pub fn verdict_of_status(status: &CallStatus) -> Option<Verdict> {
    match status {
        CallStatus::Busy | CallStatus::NoAnswer | CallStatus::Failed | CallStatus::Canceled => {
            Some(Verdict::Missed)
        }
        _ => None,
    }
}

/// From Twilio's own record of a call that began so long ago, and of the legs that it led to.
pub fn verdict_of_record(status: &CallStatus, legs: &[Leg], age: SignedDuration) -> Option<Verdict> {
    // Somebody may have answered it on a leg that is not listed yet.
    if *status == CallStatus::Completed && legs.is_empty() && age < LEGS_LISTED_WITHIN {
        return None;
    }
    if !status.is_final() || legs.iter().any(|leg| !leg.status.is_final()) {
        return None;
    }
    if legs.iter().any(|leg| leg.status == CallStatus::Completed) {
        return Some(Verdict::Answered);
    }
    Some(Verdict::Missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dial_that_connected_nobody_is_missed() {
        for word in ["busy", "no-answer", "failed", "canceled"] {
            assert_eq!(
                verdict_of_dial(&DialStatus::parse(word), None),
                Some(Verdict::Missed),
                "{word}"
            );
        }
        assert_eq!(
            verdict_of_dial(&DialStatus::Completed, Some(false)),
            Some(Verdict::Missed)
        );
        assert_eq!(
            verdict_of_dial(&DialStatus::Completed, Some(true)),
            Some(Verdict::Answered)
        );
        assert_eq!(
            verdict_of_dial(&DialStatus::Completed, None),
            Some(Verdict::Answered)
        );
        assert_eq!(verdict_of_dial(&DialStatus::parse("teleported"), None), None);
    }

    #[test]
    fn a_completed_call_is_judged_by_its_legs_and_never_by_its_status_alone() {
        let leg = |word| Leg {
            status: CallStatus::parse(word),
        };
        assert_eq!(verdict_of_status(&CallStatus::Completed), None);
        assert_eq!(
            verdict_of_record(&CallStatus::Completed, &[], LEGS_LISTED_WITHIN),
            Some(Verdict::Missed)
        );
        assert_eq!(
            verdict_of_record(&CallStatus::Completed, &[leg("no-answer")], SignedDuration::ZERO),
            Some(Verdict::Missed)
        );
        assert_eq!(
            verdict_of_record(
                &CallStatus::Completed,
                &[leg("busy"), leg("completed")],
                SignedDuration::ZERO
            ),
            Some(Verdict::Answered)
        );
        assert_eq!(
            verdict_of_record(
                &CallStatus::Completed,
                &[leg("in-progress")],
                SignedDuration::ZERO
            ),
            None
        );
    }

    #[test]
    fn a_completed_call_without_legs_waits_until_they_must_be_listed() {
        let soon = LEGS_LISTED_WITHIN - SignedDuration::from_secs(1);
        assert_eq!(verdict_of_record(&CallStatus::Completed, &[], soon), None);
        // Twilio never answered these for us, so nobody was rung.
        assert_eq!(
            verdict_of_record(&CallStatus::NoAnswer, &[], SignedDuration::ZERO),
            Some(Verdict::Missed)
        );
    }

    #[test]
    fn a_call_that_is_not_over_waits() {
        for word in ["queued", "initiated", "ringing", "in-progress", "teleported"] {
            let status = CallStatus::parse(word);
            assert_eq!(verdict_of_status(&status), None, "{word}");
            assert_eq!(
                verdict_of_record(&status, &[], LEGS_LISTED_WITHIN),
                None,
                "{word}"
            );
        }
    }

    #[test]
    fn a_word_that_nobody_knows_is_kept_as_the_database_can_keep_it() {
        let strange = "tele\0ported".repeat(9);
        assert_eq!(
            CallStatus::parse(&strange).as_str(),
            DialStatus::parse(&strange).as_str()
        );
        assert_eq!(
            CallStatus::parse("a\0b"),
            CallStatus::Other("a\u{fffd}b".to_owned())
        );
        assert_eq!(CallStatus::parse(&strange).as_str().chars().count(), 32);
    }

    #[test]
    fn a_caller_who_gave_up_was_missed() {
        assert_eq!(verdict_of_status(&CallStatus::Canceled), Some(Verdict::Missed));
        assert_eq!(
            verdict_of_dial(&DialStatus::Canceled, None),
            Some(Verdict::Missed)
        );
    }
}
