//! What became of a call, by what each source says.

use jiff::SignedDuration;
use local::sandbox;
use shared::missed_calls::{
    CallStatus, DialStatus, Leg, Verdict, verdict_of_dial, verdict_of_record, verdict_of_status,
};

use crate::draw::Draw;

/// Every word of the sandbox's, which are Twilio's, and two that nobody has said yet.
const WORDS: [&str; 11] = [
    "queued",
    "initiated",
    "ringing",
    "in-progress",
    "completed",
    "busy",
    "failed",
    "no-answer",
    "canceled",
    "answered",
    "teleported",
];

/// By then every leg is listed.
const LONG_AGO: SignedDuration = SignedDuration::from_hours(1);

pub(crate) fn check(input: &[u8]) {
    let mut draw = Draw::new(input);
    let word = draw
        .maybe(Draw::text)
        .unwrap_or_else(|| draw.one_of(&WORDS).to_owned());
    let status = CallStatus::parse(&word);
    assert_eq!(CallStatus::parse(status.as_str()), status, "{word:?} read again");
    assert!(
        status.as_str().chars().count() <= 32 && !status.as_str().contains('\0'),
        "{word:?} cannot be kept"
    );
    let dialled = DialStatus::parse(&word);
    assert_eq!(
        DialStatus::parse(dialled.as_str()),
        dialled,
        "{word:?} read again"
    );
    assert!(
        dialled.as_str().chars().count() <= 32 && !dialled.as_str().contains('\0'),
        "{word:?} cannot be kept"
    );

    assert_agreement(&mut draw, &status);
    assert_dial(&mut draw, &dialled);
    assert_same_words(&mut draw);
}

fn assert_agreement(draw: &mut Draw<'_>, status: &CallStatus) {
    let mut legs = draw.some(4, |draw| Leg {
        status: CallStatus::parse(draw.one_of(&WORDS)),
    });
    let age = draw.one_of(&[SignedDuration::ZERO, LONG_AGO]);
    let by_record = verdict_of_record(status, &legs, age);
    // Whoever answered may do so on a leg that is not listed yet.
    let is_unlisted = *status == CallStatus::Completed && legs.is_empty() && age < LONG_AGO;
    let is_open = is_unlisted || !status.is_final() || legs.iter().any(|leg| !leg.status.is_final());
    let was_answered = legs.iter().any(|leg| leg.status == CallStatus::Completed);
    let expected = match (is_open, was_answered) {
        (true, _) => None,
        (false, true) => Some(Verdict::Answered),
        (false, false) => Some(Verdict::Missed),
    };
    assert_eq!(by_record, expected, "{status} with {legs:?}");
    if let Some(verdict) = verdict_of_status(status) {
        assert_eq!(verdict, Verdict::Missed, "a status alone proves no conversation");
        assert!(status.is_final() && *status != CallStatus::Completed);
        assert_eq!(
            verdict_of_record(status, &[], LONG_AGO),
            Some(verdict),
            "{status}: the two sources disagree"
        );
    }
    if !legs.is_empty() {
        let by = draw.below(legs.len());
        legs.rotate_left(by);
        assert_eq!(
            verdict_of_record(status, &legs, age),
            by_record,
            "the order of legs counts"
        );
    }
}

fn assert_dial(draw: &mut Draw<'_>, status: &DialStatus) {
    let bridged = draw.one_of(&[None, Some(true), Some(false)]);
    let was_connected = matches!(status, DialStatus::Completed | DialStatus::Answered);
    let expected = match status {
        DialStatus::Other(_) => None,
        _ if was_connected && bridged != Some(false) => Some(Verdict::Answered),
        _ => Some(Verdict::Missed),
    };
    assert_eq!(
        verdict_of_dial(status, bridged),
        expected,
        "{status:?}, bridged {bridged:?}"
    );
}

/// The sandbox says what Twilio says; we know all of it, and mean the same.
fn assert_same_words(draw: &mut Draw<'_>) {
    use sandbox::CallStatus as Theirs;
    let theirs = draw.one_of(&[
        Theirs::Queued,
        Theirs::Ringing,
        Theirs::InProgress,
        Theirs::Completed,
        Theirs::Busy,
        Theirs::Failed,
        Theirs::NoAnswer,
        Theirs::Canceled,
    ]);
    let ours = CallStatus::parse(theirs.as_str());
    assert_eq!(
        (ours.as_str(), ours.is_final()),
        (theirs.as_str(), theirs.is_final())
    );
}
