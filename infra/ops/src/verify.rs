//! Says whether a database is what this code was written for.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Client;

/// The schema that the migrations make, as [`catalog`] lists it.
const EXPECTED: &str = include_str!("schema.txt");

/// The clock that decides. Where it is anything but the server's, nobody's day is what it seems.
const CLOCK: &str = "function switchboard_now";

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub subject: String,
    /// What is wrong with it; `None` if it is as it should be.
    pub problem: Option<String>,
}

impl Finding {
    /// Whether it is about the clock that decides.
    pub(super) fn is_of_the_clock(&self) -> bool {
        self.subject == CLOCK
    }
}

/// Looks at every column, index, constraint, trigger, function and grant, and at every foreign key.
pub async fn verify(client: &Client) -> anyhow::Result<Vec<Finding>> {
    let actual: BTreeSet<String> = catalog(client).await?.into_iter().collect();
    let mut findings: Vec<Finding> = expected_catalog()
        .map(|object| compare(object, &actual))
        .collect();
    for clock in findings.iter_mut().filter(|finding| finding.is_of_the_clock()) {
        if let (Some(problem), Ok(shown)) = (&mut clock.problem, clock_shown(client).await) {
            *problem = format!("DIFFERS: {shown}");
        }
    }
    for row in client
        .query_typed(include_str!("sql/foreign_keys.sql"), &[])
        .await?
    {
        let count: i64 = client
            .query_typed_one(row.get::<_, &str>("orphans"), &[])
            .await?
            .get(0);
        let problem = match (row.get::<_, bool>("validated"), count) {
            (true, 0) => None,
            (false, 0) => Some("NOT VALIDATED".to_owned()),
            (_, orphans) => Some(format!("{orphans} ORPHANS")),
        };
        findings.push(Finding {
            subject: format!("foreign key {} without orphans", row.get::<_, &str>("name")),
            problem,
        });
    }
    Ok(findings)
}

fn compare(object: &str, actual: &BTreeSet<String>) -> Finding {
    let subject = name_of(object).to_owned();
    let problem = if actual.contains(object) {
        None
    } else if let Some(other) = actual.iter().find(|other| name_of(other) == subject) {
        Some(format!("DIFFERS: expected `{object}`, found `{other}`"))
    } else {
        Some("MISSING. Run: ops migrate".to_owned())
    };
    Finding { subject, problem }
}

/// What the clock shows, if it shows anything, beside the server's.
async fn clock_shown(client: &Client) -> Result<String, tokio_postgres::Error> {
    let clock = client.query_typed_one(include_str!("sql/clock.sql"), &[]).await?;
    let (shown, now): (Timestamp, Timestamp) = (clock.try_get("shown")?, clock.try_get("now")?);
    let away = shown.duration_since(now);
    let minutes = (away.abs() + SignedDuration::from_secs(30)).as_mins();
    Ok(format!(
        "the clock is moved: it shows {shown:.0}, {} days {} h {} min {} the server's. Only a local stack's may be",
        minutes / (24 * 60),
        minutes / 60 % 24,
        minutes % 60,
        if away.is_negative() { "behind" } else { "ahead of" }
    ))
}

fn name_of(object: &str) -> &str {
    object.split_once(": ").map_or(object, |(name, _)| name)
}

/// The schema of a database, one object a line.
pub async fn catalog(client: &Client) -> anyhow::Result<Vec<String>> {
    let rows = client.query_typed(include_str!("sql/catalog.sql"), &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The schema that this code was written for.
pub fn expected_catalog() -> impl Iterator<Item = &'static str> {
    EXPECTED.lines().filter(|line| !line.is_empty())
}
