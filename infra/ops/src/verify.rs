//! Says whether a database is what this code was written for.

use std::collections::BTreeSet;

use tokio_postgres::Client;

/// The schema that the migrations make, as [`catalog`] lists it.
const EXPECTED: &str = include_str!("schema.txt");

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub subject: String,
    /// What is wrong with it; `None` if it is as it should be.
    pub problem: Option<String>,
}

/// Looks at every column, index, constraint, trigger, function and grant, and at every foreign key.
pub async fn verify(client: &Client) -> anyhow::Result<Vec<Finding>> {
    let actual: BTreeSet<String> = catalog(client).await?.into_iter().collect();
    let mut findings: Vec<Finding> = expected_catalog()
        .map(|object| compare(object, &actual))
        .collect();
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
