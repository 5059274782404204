//! Puts right what the system before us left behind, and what does not follow from the ledger.

use std::collections::HashSet;

use anyhow::Context;
use shared::customers::TimeZone;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, GenericClient};

/// What is looked at, in this order: a clock or a payment changes the plan.
const SUBJECTS: [Subject; 7] = [
    Subject::LegacyDuplicates,
    Subject::Zones,
    Subject::Payments,
    Subject::Welcomes,
    Subject::LastCalls,
    Subject::Plans,
    Subject::Contradictions,
];

/// Something that may have to be put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Rows of the old queue that wait beside an older one of the same customer and type.
    LegacyDuplicates,
    /// Customers without a clock whose zone we can read now.
    Zones,
    /// `payment_status` and `paid_at` against the payments.
    Payments,
    /// `welcome_call_completed` against the ledger.
    Welcomes,
    /// `last_call_date` against the ledger.
    LastCalls,
    /// `next_call_scheduled_at` against what it follows from.
    Plans,
    /// What only a person can decide.
    Contradictions,
}

impl Subject {
    /// As a report calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::LegacyDuplicates => "duplicates in legacy_call_queue",
            Self::Zones => "time zones that can be read",
            Self::Payments => "payment_status",
            Self::Welcomes => "welcome_call_completed",
            Self::LastCalls => "last_call_date",
            Self::Plans => "next_call_scheduled_at",
            Self::Contradictions => "for a person to decide",
        }
    }

    /// Whether `repair` can put it right, rather than a person.
    pub fn is_repaired(self) -> bool {
        self != Self::Contradictions
    }
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// Of what kind.
    pub subject: Subject,
    /// A line that names the row, how it is and how it will be, or has become.
    pub line: String,
}

/// Finds what is not as it should be and, if it is to be applied, puts it right in the same commit. Nothing is deleted,
/// and the second time there is nothing left to do.
pub async fn repair(client: &mut Client, apply: bool) -> anyhow::Result<Vec<Repair>> {
    let transaction = client.transaction().await?;
    let mut found = Vec::new();
    for subject in SUBJECTS {
        let lines = match subject {
            Subject::LegacyDuplicates => legacy_duplicates(&transaction, apply).await,
            Subject::Zones => zones(&transaction, apply).await,
            Subject::Payments => {
                projections(&transaction, include_str!("sql/repair_payments.sql"), apply).await
            }
            Subject::Welcomes => {
                projections(&transaction, include_str!("sql/repair_welcomes.sql"), apply).await
            }
            Subject::LastCalls => {
                projections(&transaction, include_str!("sql/repair_last_calls.sql"), apply).await
            }
            Subject::Plans => projections(&transaction, include_str!("sql/repair_plans.sql"), apply).await,
            Subject::Contradictions => contradictions(&transaction).await,
        };
        let lines = lines.with_context(|| format!("cannot look at {}", subject.name()))?;
        found.extend(lines.into_iter().map(|line| Repair { subject, line }));
    }
    if apply {
        transaction.commit().await?;
    } else {
        transaction.rollback().await?;
    }
    Ok(found)
}

/// How many there are of each kind, the kinds without any too.
pub fn counts(found: &[Repair]) -> Vec<(Subject, usize)> {
    let count = |subject| found.iter().filter(|repair| repair.subject == subject).count();
    SUBJECTS.map(|subject| (subject, count(subject))).to_vec()
}

async fn projections(
    client: &impl GenericClient,
    statement: &str,
    apply: bool,
) -> anyhow::Result<Vec<String>> {
    let rows = client.query_typed(statement, &[(&apply, Type::BOOL)]).await?;
    let line = |row: &tokio_postgres::Row| {
        let [customer, was, becomes] = ["customer_id", "was", "becomes"].map(|name| row.get::<_, &str>(name));
        format!("{customer}: {was} → {becomes}")
    };
    Ok(rows.iter().map(line).collect())
}

async fn zones(client: &impl GenericClient, apply: bool) -> anyhow::Result<Vec<String>> {
    let rows = client
        .query_typed(include_str!("sql/unknown_zones.sql"), &[])
        .await?;
    let mut meant: Vec<(String, String, String)> = rows
        .iter()
        .filter_map(|row| {
            let given: String = row.get("timezone_given");
            let zone = TimeZone::parse(&given).ok()?;
            Some((row.get("id"), given, zone.as_str().to_owned()))
        })
        .collect();
    let places: Vec<&str> = meant.iter().map(|(_, _, zone)| zone.as_str()).collect();
    let known = client
        .query_typed(
            include_str!("sql/known_zones.sql"),
            &[(&places, Type::TEXT_ARRAY)],
        )
        .await?;
    let known: HashSet<String> = known.iter().map(|row| row.get("zone")).collect();
    meant.retain(|(_, _, zone)| known.contains(zone));
    if apply && !meant.is_empty() {
        let column = |of: fn(&(String, String, String)) -> &String| meant.iter().map(of).collect::<Vec<_>>();
        let (ids, given, zones) = (
            column(|(id, ..)| id),
            column(|(_, given, _)| given),
            column(|(.., zone)| zone),
        );
        let params = [
            (&ids as _, Type::TEXT_ARRAY),
            (&given as _, Type::TEXT_ARRAY),
            (&zones as _, Type::TEXT_ARRAY),
        ];
        client
            .query_typed(include_str!("sql/set_zones.sql"), &params)
            .await?;
    }
    Ok(meant
        .iter()
        .map(|(id, given, zone)| format!("{id}: “{given}” → {zone}"))
        .collect())
}

async fn legacy_duplicates(client: &impl GenericClient, apply: bool) -> anyhow::Result<Vec<String>> {
    let there = client
        .query_typed_one(include_str!("sql/has_legacy_queue.sql"), &[])
        .await?;
    if !there.get::<_, bool>("is_there") {
        return Ok(Vec::new());
    }
    let rows = client
        .query_typed(include_str!("sql/legacy_duplicates.sql"), &[])
        .await?;
    if apply && !rows.is_empty() {
        client
            .batch_execute("ALTER TABLE legacy_call_queue ADD COLUMN IF NOT EXISTS duplicate_of text")
            .await?;
        let column = |name| rows.iter().map(|row| row.get(name)).collect::<Vec<&str>>();
        let (ids, kept) = (column("id"), column("kept"));
        let params = [(&ids as _, Type::TEXT_ARRAY), (&kept as _, Type::TEXT_ARRAY)];
        client
            .query_typed(include_str!("sql/mark_legacy_duplicates.sql"), &params)
            .await?;
    }
    let line = |row: &tokio_postgres::Row| {
        let [id, customer, kind, kept] =
            ["id", "customer_id", "call_type", "kept"].map(|name| row.get::<_, &str>(name));
        format!("row {id} ({customer}, {kind}): duplicate of row {kept}, the oldest → failed")
    };
    Ok(rows.iter().map(line).collect())
}

async fn contradictions(client: &impl GenericClient) -> anyhow::Result<Vec<String>> {
    let rows = client
        .query_typed(include_str!("sql/contradictions.sql"), &[])
        .await?;
    let line = |row: &tokio_postgres::Row| {
        let [customer, what] = ["customer_id", "what"].map(|name| row.get::<_, &str>(name));
        format!("{customer}: {what}")
    };
    Ok(rows.iter().map(line).collect())
}
