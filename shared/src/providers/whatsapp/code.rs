//! Meta's error codes: what one means for a message, whether it comes as an answer or in a later report.
//!
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes>.

use std::time::Duration;

/// What a code means for the message, and for those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// This message cannot reach this person, now or ever.
    Permanent,
    /// This message is not what it should be: ours to mend.
    Malformed,
    /// Later the same message may reach them: too many went to this person just now.
    Later,
    /// Not before so long, because Meta shields them from marketing.
    NotBefore(Duration),
    /// They wrote more than 24 hours ago: only a template may be sent, or a person has to act.
    WindowClosed,
    /// They want no more of this from us.
    OptedOut,
    /// The channel is throttled as a whole.
    Throttled(Duration),
    /// Nothing can be sent at all until somebody mends our account, its number or its token.
    ChannelClosed,
    /// It may or may not have been sent.
    Unclear,
    /// A code that we do not know.
    Unknown,
}

/// What a code means, and that in words for the person who reads why nothing was sent.
pub fn meaning(code: i64) -> (Meaning, &'static str) {
    use Meaning::{
        ChannelClosed, Later, Malformed, NotBefore, OptedOut, Permanent, Throttled, Unclear, WindowClosed,
    };
    const SOON: Duration = Duration::from_secs(30);
    const MINUTES: Duration = Duration::from_mins(5);
    const LONG: Duration = Duration::from_mins(15);
    const DAY: Duration = Duration::from_hours(24);
    match code {
        0 | 190 => (ChannelClosed, "our access token was refused"),
        3 | 10 | 131_005 | 200..=299 => (ChannelClosed, "our access token lacks a permission"),
        368 | 131_031 => (ChannelClosed, "Meta has locked our account"),
        131_042 => (
            ChannelClosed,
            "our account at Meta has a problem with its payment",
        ),
        131_045 | 133_010 => (ChannelClosed, "configuration: our number is not registered"),
        131_037 => (
            ChannelClosed,
            "configuration: our number's display name is not approved",
        ),
        4 | 80_007 | 133_016 => (Throttled(MINUTES), "throttled"),
        130_429 => (Throttled(SOON), "throttled"),
        131_048 => (
            Throttled(LONG),
            "too many customers blocked or reported our number",
        ),
        131_064 => (
            Throttled(LONG),
            "Meta limits us for how our templates are classified",
        ),
        131_057 => (Throttled(MINUTES), "our account is in maintenance"),
        131_056 => (Later, "too many messages to this person in a short time"),
        131_016 => (Later, "WhatsApp was not available"),
        131_047 => (WindowClosed, "more than 24 hours since they wrote"),
        131_049 => (NotBefore(DAY), "Meta shields this person from marketing"),
        131_050 => (OptedOut, "opted_out"),
        1 | 2 | 131_000 => (Unclear, "something went wrong at Meta"),
        131_026 => (Permanent, "not on WhatsApp, or not reachable there"),
        130_472 => (
            Permanent,
            "Meta holds this person out of messages for an experiment",
        ),
        130_497 => (Permanent, "our account may not send to this country"),
        131_021 => (Permanent, "the recipient is our own number"),
        131_030 => (
            Permanent,
            "configuration: a test number reaches listed numbers only",
        ),
        131_051 => (Permanent, "a type of message that WhatsApp does not take"),
        131_062 => (Permanent, "this message needs a telephone number"),
        131_063 => (Malformed, "configuration: marketing templates are switched off"),
        131_052 | 131_053 => (Malformed, "a file could not be handled"),
        100 | 131_008 | 131_009 | 135_000 => (Malformed, "a part of the message is missing or not allowed"),
        132_000..=132_999 => (Malformed, "configuration: the template cannot be sent"),
        137_000 => (Malformed, "this person's identity has changed"),
        _ => (Meaning::Unknown, "refused by WhatsApp"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_a_meaning_and_no_other_has() {
        let documented = [
            0, 1, 2, 3, 4, 10, 100, 190, 200, 299, 368, 80_007, 130_429, 130_472, 130_497, 131_000, 131_008,
            131_009, 131_016, 131_026, 131_030, 131_031, 131_037, 131_042, 131_045, 131_047, 131_048,
            131_049, 131_050, 131_051, 131_052, 131_053, 131_056, 131_057, 131_062, 131_063, 131_064,
            132_000, 132_001, 132_005, 132_007, 132_008, 132_012, 132_015, 132_016, 133_010, 133_016,
            137_000,
        ];
        for code in documented {
            assert_ne!(meaning(code).0, Meaning::Unknown, "{code}");
        }
        for code in [-1, 5, 199, 300, 131_001, 999_999, i64::MIN, i64::MAX] {
            assert_eq!(meaning(code).0, Meaning::Unknown, "{code}");
        }
    }
}
