//! What a provider's answer to one request proves.

use std::time::Duration;

/// The verdict on one request that a permit allowed.
///
/// This is the only place where a retry can be born, so the classification errs to one side: only an
/// answer that proves that *nothing happened* is a [`Outcome::Refused`]. A timeout, a reset, a 5xx, a
/// redirect or an unreadable 2xx is [`Outcome::Unknown`] and is settled by evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took it and named it.
    Accepted {
        /// The provider's own id of what it accepted.
        provider_id: String,
    },
    /// The provider, or the network before the first byte, proved that nothing happened.
    Refused(Refusal),
    /// It may or may not have happened.
    Unknown {
        /// For the person who reads it.
        why: String,
        /// The HTTP status, if there was one.
        http_status: Option<u16>,
    },
}

impl Outcome {
    /// Not a byte of the request left us: nothing happened, and another attempt later can succeed.
    pub fn not_sent() -> Self {
        Self::Refused(Refusal {
            http_status: None,
            code: None,
            next: AfterRefusal::Retry,
            why: "not_sent".to_owned(),
        })
    }
}

/// A definite "no" to exactly one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status that said so; `None` when the connection failed before the first request byte.
    pub http_status: Option<u16>,
    /// The provider's own error code, e.g. Twilio's 21610.
    pub code: Option<i64>,
    /// What may happen next.
    pub next: AfterRefusal,
    /// For the person who reads it: lower-case, no personal data.
    pub why: String,
}

/// What a refusal allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRefusal {
    /// Another attempt later can succeed.
    Retry,
    /// The channel is throttled as a whole: nothing on it before this much time has passed.
    Throttled {
        /// The provider's `Retry-After`, clamped to 1 s to 15 min.
        wait: Duration,
    },
    /// Our credentials were refused, or what our settings name is not there: an outage of ours, not of this job's.
    Unauthorized,
    /// The person opted out with the provider.
    OptedOut,
    /// No attempt at this can ever succeed.
    GiveUp,
}
