//! When a refused attempt is followed by another.

use std::time::Duration;

use shared::jobs::{AfterRefusal, NextTry, Refusal, next_try};

use crate::draw::Draw;

const HALF_AN_HOUR: Duration = Duration::from_mins(30);

pub(crate) fn check(input: &[u8]) {
    let mut draw = Draw::new(input);
    let wait = Duration::from_millis(u64::try_from(draw.number(1_000..=900_000)).expect("positive"));
    let next = draw.one_of(&[
        AfterRefusal::Retry,
        AfterRefusal::Throttled { wait },
        AfterRefusal::Unauthorized,
        AfterRefusal::OptedOut,
        AfterRefusal::GiveUp,
    ]);
    let refusal = Refusal {
        http_status: Some(429),
        code: None,
        next,
        why: String::new(),
    };
    let attempt = i32::try_from(draw.number(-2..=i64::from(i32::MAX))).expect("an i32");
    let mut share = || f64::from(u32::try_from(draw.number(0..=999_999)).expect("a million")) / 1_000_000.0;
    let (jitter, more) = (share(), share());
    let tried = next_try(&refusal, attempt, jitter);
    assert_bounds(next, tried);

    let later = next_try(&refusal, attempt.saturating_add(1), jitter);
    assert!(
        attempt < 1 || later.job_waits >= tried.job_waits,
        "a later attempt waits less"
    );
    let longer = next_try(&refusal, attempt, jitter.max(more));
    assert!(longer.job_waits >= tried.job_waits, "more of it is less");
}

fn assert_bounds(next: AfterRefusal, tried: NextTry) {
    let NextTry {
        job_waits,
        channel_waits,
    } = tried;
    match next {
        AfterRefusal::Retry => {
            assert_eq!(channel_waits, None, "one job's trouble closes nothing");
            assert!(job_waits.is_some_and(|waits| waits <= HALF_AN_HOUR));
        }
        AfterRefusal::Throttled { wait } => {
            assert_eq!(channel_waits, Some(wait));
            assert!(job_waits.is_some_and(|waits| (wait..=wait + HALF_AN_HOUR).contains(&waits)));
        }
        AfterRefusal::Unauthorized => {
            let probe = channel_waits.expect("our outage closes the channel");
            assert!(job_waits.is_some_and(|waits| waits >= probe && waits <= probe * 2 + HALF_AN_HOUR));
        }
        AfterRefusal::OptedOut | AfterRefusal::GiveUp => assert_eq!((job_waits, channel_waits), (None, None)),
    }
}
