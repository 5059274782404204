//! When a schedule is due: the part of AWS's schedule expressions that the template uses.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};

/// When a schedule is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// `rate(n minutes)`, `rate(n hours)`, `rate(n days)`.
    Every(Duration),
    /// `cron(minute hour ? * weekday *)` or `cron(minute hour * * ? *)`, in UTC.
    At {
        /// 0 to 59.
        minute: i8,
        /// 0 to 23.
        hour: i8,
        /// `None` is every day.
        weekday: Option<Weekday>,
    },
}

impl Expression {
    /// With another rate, if it has one.
    #[must_use]
    pub fn hurried(self, period: Duration) -> Self {
        match self {
            Self::Every(_) => Self::Every(period),
            at @ Self::At { .. } => at,
        }
    }

    /// The first moment after `now` at which it is due. A rate counts from `now`.
    pub fn next_after(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::Every(period) => {
                now + SignedDuration::try_from(*period).expect("a rate is at most a few years")
            }
            Self::At {
                minute,
                hour,
                weekday,
            } => {
                let today = now.to_zoned(TimeZone::UTC).date();
                (0..=7)
                    .map(|days| today + days.days())
                    .filter(|date| weekday.is_none_or(|weekday| date.weekday() == weekday))
                    .map(|date| {
                        let due = date.at(*hour, *minute, 0, 0).to_zoned(TimeZone::UTC);
                        due.expect("UTC has no gaps").timestamp()
                    })
                    .find(|due| *due > now)
                    .expect("eight days hold every weekday's time once more")
            }
        }
    }
}

impl FromStr for Expression {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (kind, fields) = text
            .strip_suffix(')')
            .and_then(|text| text.split_once('('))
            .with_context(|| format!("`{text}` is neither rate(…) nor cron(…)"))?;
        match kind {
            "rate" => rate(fields),
            "cron" => cron(fields),
            _ => bail!("a schedule is rate(…) or cron(…)"),
        }
        .with_context(|| format!("`{text}` is no schedule that the local stack can keep"))
    }
}

fn rate(fields: &str) -> anyhow::Result<Expression> {
    let (count, unit) = fields.split_once(' ').context("a rate is a number and a unit")?;
    let count: u64 = count.parse().context("a rate starts with a number")?;
    ensure!(count > 0, "nothing happens every 0 {unit}");
    let seconds = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 60 * 60,
        "day" | "days" => 24 * 60 * 60,
        _ => bail!("a rate counts minutes, hours or days"),
    };
    ensure!((count == 1) != unit.ends_with('s'), "one minute, two minutes");
    Ok(Expression::Every(Duration::from_secs(
        count.checked_mul(seconds).context("that is too long")?,
    )))
}

fn cron(fields: &str) -> anyhow::Result<Expression> {
    let fields: Vec<&str> = fields.split(' ').collect();
    let [minute, hour, day_of_month, month, weekday, year] = fields[..] else {
        bail!("cron has six fields: minute, hour, day of month, month, day of week, year");
    };
    ensure!(
        (month, year) == ("*", "*"),
        "only every month of every year is understood"
    );
    let weekday = match (day_of_month, weekday) {
        ("?", "*") | ("*", "?") => None,
        ("?", weekday) => Some(weekday_named(weekday)?),
        _ => bail!("one of day of month and day of week must be `?`, and a day of month is not understood"),
    };
    Ok(Expression::At {
        minute: within(minute, 59)?,
        hour: within(hour, 23)?,
        weekday,
    })
}

fn within(field: &str, max: i8) -> anyhow::Result<i8> {
    let number = field.parse().ok().filter(|number| (0..=max).contains(number));
    number.with_context(|| format!("`{field}` is not one number from 0 to {max}"))
}

fn weekday_named(name: &str) -> anyhow::Result<Weekday> {
    Ok(match name {
        "1" | "SUN" => Weekday::Sunday,
        "2" | "MON" => Weekday::Monday,
        "3" | "TUE" => Weekday::Tuesday,
        "4" | "WED" => Weekday::Wednesday,
        "5" | "THU" => Weekday::Thursday,
        "6" | "FRI" => Weekday::Friday,
        "7" | "SAT" => Weekday::Saturday,
        _ => bail!("`{name}` is not one weekday"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn next(expression: &str, now: &str) -> String {
        let expression: Expression = expression.parse().unwrap();
        expression.next_after(now.parse().unwrap()).to_string()
    }

    #[test]
    fn a_rate_counts_from_now() {
        assert_eq!(
            next("rate(1 minute)", "2026-03-01T00:00:30Z"),
            "2026-03-01T00:01:30Z"
        );
        assert_eq!(
            next("rate(2 hours)", "2026-03-01T23:00:00Z"),
            "2026-03-02T01:00:00Z"
        );
    }

    #[test]
    fn a_weekly_cron_is_due_once_a_week() {
        // The 1st of March 2026 is a Sunday.
        assert_eq!(
            next("cron(0 4 ? * SUN *)", "2026-03-01T03:59:59Z"),
            "2026-03-01T04:00:00Z"
        );
        assert_eq!(
            next("cron(0 4 ? * SUN *)", "2026-03-01T04:00:00Z"),
            "2026-03-08T04:00:00Z"
        );
        assert_eq!(
            next("cron(30 23 ? * 2 *)", "2026-12-31T00:00:00Z"),
            "2027-01-04T23:30:00Z"
        );
        assert_eq!(
            next("cron(15 6 * * ? *)", "2026-02-28T07:00:00Z"),
            "2026-03-01T06:15:00Z"
        );
    }

    #[test]
    fn what_it_cannot_keep_it_refuses() {
        for expression in [
            "rate(1 minutes)",
            "rate(2 minute)",
            "rate(0 minutes)",
            "rate(1 second)",
            "rate(minute)",
            "every minute",
            "*/1 * * * *",
            "cron(* * * * *)",
            "cron(0 4 * * SUN *)",
            "cron(0 4 ? * MON-FRI *)",
            "cron(0/5 4 ? * SUN *)",
            "cron(60 4 ? * SUN *)",
            "cron(0 24 ? * SUN *)",
            "cron(0 4 1 * ? *)",
            "cron(0 4 ? 1 SUN *)",
            "at(2026-03-01T00:00:00)",
        ] {
            assert!(expression.parse::<Expression>().is_err(), "{expression}");
        }
    }
}
