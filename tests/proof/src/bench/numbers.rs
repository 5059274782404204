//! Medians and percentiles of a few numbers.

use std::time::Duration;

/// Of at least one; the upper one of two in the middle.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A number of things, for calculating.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(super) fn count(things: u64) -> f64 {
    things as f64
}

/// How long something took, many times.
#[derive(Debug, Clone)]
pub struct Times {
    /// In milliseconds, the shortest first.
    sorted: Vec<f64>,
}

impl Times {
    pub(super) fn new(mut millis: Vec<f64>) -> Self {
        millis.sort_by(f64::total_cmp);
        Self { sorted: millis }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// What so many of a hundred do not exceed, in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.sorted.len() * percent).div_ceil(100).max(1) - 1;
        self.sorted.get(rank).copied().unwrap_or(f64::NAN)
    }

    /// The cells of a row: how many, p50, p95, p99 and the longest.
    pub(super) fn cells(&self) -> String {
        let [p50, p95, p99, longest] = [50, 95, 99, 100].map(|percent| self.percentile(percent));
        format!(
            "{} | {p50:.1} | {p95:.1} | {p99:.1} | {longest:.1} |",
            self.count()
        )
    }
}

impl FromIterator<Duration> for Times {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        Self::new(
            times
                .into_iter()
                .map(|time| time.as_secs_f64() * 1000.0)
                .collect(),
        )
    }
}
