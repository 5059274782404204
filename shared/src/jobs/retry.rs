//! When a refused attempt may be followed by another.

use std::time::Duration;

use super::{AfterRefusal, Refusal};

const BACKOFF_BASE: Duration = Duration::from_secs(30);
const BACKOFF_MAX: Duration = Duration::from_mins(30);
/// A refused credential is our outage. One probe in this time finds out whether it is over.
const BREAKER_PROBE: Duration = Duration::from_mins(5);

/// What a refusal means for its job and for its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextTry {
    /// How long the job waits before its next attempt; `None` when there is none.
    pub job_waits: Option<Duration>,
    /// How long nothing at all is sent on the channel; `None` when it stays open.
    pub channel_waits: Option<Duration>,
}

/// Exponential backoff with full jitter: a random share of 30 s · 2ⁿ, at most 30 min. `attempt_no` counts from 1;
/// `jitter` is in `0.0..1.0`.
pub fn backoff(attempt_no: i32, jitter: f64) -> Duration {
    let exponent = u32::try_from(attempt_no).unwrap_or(1).min(16);
    (BACKOFF_BASE * 2_u32.saturating_pow(exponent))
        .min(BACKOFF_MAX)
        .mul_f64(jitter)
}

/// When there is another attempt after a refusal, by [`backoff`].
/// After attempts 1 and 2 the wait is therefore
/// spread evenly over up to one and two minutes, so that jobs that failed together do not return
/// together.
pub fn next_try(refusal: &Refusal, attempt_no: i32, jitter: f64) -> NextTry {
    let backoff = backoff(attempt_no, jitter);
    match refusal.next {
        AfterRefusal::Retry => NextTry {
            job_waits: Some(backoff),
            channel_waits: None,
        },
        AfterRefusal::Throttled { wait } => NextTry {
            job_waits: Some(wait + backoff),
            channel_waits: Some(wait),
        },
        // The job that probed goes to the back. An outage of ours costs no call any of its tries, and no
        // text more than one of them while others wait beside it.
        AfterRefusal::Unauthorized => NextTry {
            job_waits: Some(BREAKER_PROBE * 2 + backoff),
            channel_waits: Some(BREAKER_PROBE),
        },
        AfterRefusal::OptedOut | AfterRefusal::GiveUp => NextTry {
            job_waits: None,
            channel_waits: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(next: AfterRefusal) -> Refusal {
        Refusal {
            http_status: Some(429),
            code: None,
            next,
            why: "no".to_owned(),
        }
    }

    #[test]
    fn the_wait_doubles_is_jittered_from_zero_and_is_capped() {
        let waits =
            |attempt_no, jitter| next_try(&refusal(AfterRefusal::Retry), attempt_no, jitter).job_waits;
        assert_eq!(waits(1, 0.0), Some(Duration::ZERO));
        assert_eq!(waits(1, 1.0), Some(Duration::from_mins(1)));
        assert_eq!(waits(2, 0.5), Some(Duration::from_mins(1)));
        assert_eq!(waits(30, 1.0), Some(BACKOFF_MAX));
    }

    #[test]
    fn a_throttled_channel_is_closed_for_exactly_as_long_as_the_provider_said() {
        let wait = Duration::from_secs(40);
        let next = next_try(&refusal(AfterRefusal::Throttled { wait }), 1, 0.0);
        assert_eq!(
            next,
            NextTry {
                job_waits: Some(wait),
                channel_waits: Some(wait)
            }
        );
    }

    #[test]
    fn a_permanent_refusal_is_never_tried_again() {
        for next in [AfterRefusal::GiveUp, AfterRefusal::OptedOut] {
            assert_eq!(
                next_try(&refusal(next), 1, 0.5),
                NextTry {
                    job_waits: None,
                    channel_waits: None
                }
            );
        }
    }
}
