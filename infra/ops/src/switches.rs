//! Pausing and resuming: one customer, or all calling.

use anyhow::Context;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::why;

/// A moment as an operator types it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// With an offset or `Z`.
    Exact(Timestamp),
    /// Without one: on the clock of whom it is about.
    Local(DateTime),
}

impl std::str::FromStr for Moment {
    type Err = &'static str;

    /// `2026-06-20`, `2026-06-20T15:00`, `2026-06-20T15:00-04:00`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(moment) = text.parse() {
            return Ok(Self::Exact(moment));
        }
        if let Ok(day) = text.parse::<Date>()
            && !text.contains(['T', ' '])
        {
            return Ok(Self::Local(day.at(0, 0, 0, 0)));
        }
        text.parse()
            .map(Self::Local)
            .map_err(|_| "neither a day nor a time, such as 2026-06-20T15:00")
    }
}

impl Moment {
    /// A moment that is about nobody's clock: without an offset it is UTC's.
    pub fn of_utc(self) -> Timestamp {
        match self {
            Self::Exact(moment) => moment,
            Self::Local(time) => time
                .to_zoned(jiff::tz::TimeZone::UTC)
                .expect("UTC has every time of its calendar")
                .timestamp(),
        }
    }
}

/// Pauses all calling, and says what that stops.
pub async fn pause_all(client: &Client) -> anyhow::Result<String> {
    let row = client
        .query_typed_one(include_str!("sql/pause_all.sql"), &[])
        .await?;
    // Asked after the commit: before it, permits that it waited for would not be seen.
    let going_on: i64 = client
        .query_typed_one(include_str!("sql/calls_on_their_way.sql"), &[])
        .await?
        .get("number");
    let already = if row.get("was_so") { " already" } else { "" };
    let rest = match going_on {
        0 => "no request is on its way".to_owned(),
        number => format!("requests on their way, which nobody can take back: {number}"),
    };
    Ok(format!(
        "all calling is paused{already}: the database allows no call from now on; {rest}"
    ))
}

/// Lets calling go on, with another cut-off for welcome calls if one is given.
pub async fn resume_all(client: &Client, welcome_since: Option<Timestamp>) -> anyhow::Result<String> {
    let params = [(&welcome_since as _, Type::TIMESTAMPTZ)];
    let row = client
        .query_typed_one(include_str!("sql/resume_all.sql"), &params)
        .await?;
    let since: Timestamp = row.get("welcome_since");
    Ok(format!(
        "calling is on; who paid before {} gets no welcome call",
        since.strftime("%Y-%m-%dT%H:%M:%SZ")
    ))
}

/// Pauses one customer, until somebody resumes them if no other end is given; `None` if there is no such customer.
pub async fn pause_customer(
    client: &Client,
    customer: &str,
    until: Option<Moment>,
) -> anyhow::Result<Option<String>> {
    let exact = until.and_then(|until| match until {
        Moment::Exact(moment) => Some(moment),
        Moment::Local(_) => None,
    });
    let local = until.and_then(|until| match until {
        Moment::Local(time) => Some(time),
        Moment::Exact(_) => None,
    });
    let params = [
        (&customer as _, Type::TEXT),
        (&exact as _, Type::TIMESTAMPTZ),
        (&local as _, Type::TIMESTAMP),
    ];
    let Some(row) = client
        .query_typed_opt(include_str!("sql/pause_customer.sql"), &params)
        .await?
    else {
        return Ok(None);
    };
    let until: Option<Timestamp> = row.get("until");
    anyhow::ensure!(
        row.get::<_, bool>("is_paused"),
        "{} is over already",
        until.map_or_else(String::new, |until| until.to_string())
    );
    let how_long = until.map_or_else(
        || "until somebody resumes them".to_owned(),
        |until| format!("until {until}"),
    );
    let live = match row.get("live") {
        Some("pending") => "; a call of theirs was waiting, and the database will not allow it",
        Some("in_flight") => "; a request to call them is on its way, and nobody can take it back",
        Some(_) => "; an earlier call's outcome is still unclear",
        None => "",
    };
    Ok(Some(format!("{customer} is paused {how_long}{live}")))
}

/// Lets one customer be called again, and says when that will be; `None` if there is no such customer.
pub async fn resume_customer(client: &Client, customer: &str) -> anyhow::Result<Option<String>> {
    let params = [(&customer as _, Type::TEXT)];
    let resumed = client
        .query_typed_opt(include_str!("sql/resume_customer.sql"), &params)
        .await?;
    if resumed.is_none() {
        return Ok(None);
    }
    let facts = why::facts(client, customer, None)
        .await?
        .context("customers are never deleted")?;
    let rule = why::rule_against(&facts, facts.now);
    Ok(Some(match (rule, facts.next_call_at) {
        (Some(rule), _) => format!("{customer} is not paused any more, and still not called: {rule}"),
        (None, Some(next)) => {
            format!("{customer} is not paused any more: the next call is planned for {next}")
        }
        (None, None) => format!("{customer} is not paused any more, but nothing is planned (ops repair)"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_day_a_local_time_or_an_exact_one() {
        let exact = "2026-06-20T15:00:00-04:00"
            .parse::<Timestamp>()
            .expect("a moment");
        let parsed = |text: &str| text.parse::<Moment>();
        assert_eq!(parsed("2026-06-20T15:00-04:00"), Ok(Moment::Exact(exact)));
        assert_eq!(parsed("2026-06-20T19:00:00Z"), Ok(Moment::Exact(exact)));
        let at = |hour| Moment::Local(jiff::civil::date(2026, 6, 20).at(hour, 0, 0, 0));
        assert_eq!(parsed("2026-06-20"), Ok(at(0)));
        assert_eq!(parsed("2026-06-20T15:00"), Ok(at(15)));
        assert_eq!(parsed("2026-06-20 15:00"), Ok(at(15)));
        assert_eq!(at(15).of_utc().to_string(), "2026-06-20T15:00:00Z");
        for text in ["", "tomorrow", "15:00", "2026-13-01", "2026-06-31T10:00"] {
            assert!(parsed(text).is_err(), "{text:?}");
        }
    }
}
