//! Why somebody was, or was not, called on a day of theirs.

mod facts;
mod rules;
mod sentence;
mod words;

use anyhow::Context;
use jiff::civil::Date;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

pub(crate) use facts::Facts;
pub(crate) use rules::{rule_against, rule_against_them};
pub(crate) use words::{day, time};

/// What the ledger holds of a customer's day, today if no other is named; `None` if there is no such customer.
pub(crate) async fn facts(
    client: &Client,
    customer: &str,
    day: Option<Date>,
) -> anyhow::Result<Option<Facts>> {
    let sql = include_str!("../sql/why.sql");
    let row = client
        .query_typed_opt(sql, &[(&customer, Type::TEXT), (&day, Type::DATE)])
        .await?;
    row.map(|row| {
        serde_json::from_value(row.get("facts")).context("the ledger holds what this tool cannot read")
    })
    .transpose()
}

/// Why a customer was, or was not, called on a day of theirs, in a sentence; `None` if there is no such customer.
pub async fn why(client: &Client, customer: &str, day: Option<Date>) -> anyhow::Result<Option<String>> {
    Ok(facts(client, customer, day)
        .await?
        .as_ref()
        .map(sentence::sentence))
}
