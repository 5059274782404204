//! The statements about calls to customers.

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{CallFacts, Kind};
use crate::Phone;
use crate::jobs::Denial;
use crate::platform::database::{Connection, Error};
use crate::statement;

/// Everything that decides about a call; `None` if there is no such call.
pub async fn load_call(database: &Connection, job: Uuid) -> Result<Option<CallFacts>, Error> {
    let row = database
        .row_opt(statement!("load_call"), &[(&job, Type::UUID)])
        .await?;
    Ok(row.and_then(|row| {
        Some(CallFacts {
            kind: Kind::of_job(row.get("kind"))?,
            state: row.get("state"),
            due_at: row.get("due_at"),
            expires_at: row.get("expires_at"),
            customer_id: row.get("customer_id"),
            name: row.get("name"),
            phone: row.get::<_, Option<String>>("phone").map(Phone::stored),
            is_welcomed: row.get("welcome_call_completed"),
            is_called_today: row.get::<_, Option<bool>>("is_called_today").unwrap_or(false),
            rule: row.get::<_, Option<&str>>("rule").and_then(Denial::of),
            lawful_at: row.get("lawful_at"),
            is_our_own: row.get("is_our_own"),
            now: row.get("now"),
        })
    }))
}

/// A customer's row, after what the ledger says of a call was copied into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projected {
    /// Whose row.
    pub customer_id: String,
    /// What it says of the welcome call.
    pub welcome_call_completed: bool,
    /// The day of the last call, as it says now.
    pub last_call_date: Option<String>,
}

/// Copies what the ledger says of a call that was taken into its customer's row; `None` if there was nothing to copy,
/// or no row to copy it to.
pub async fn project_call(database: &Connection, job: Uuid) -> Result<Option<Projected>, Error> {
    let row = database
        .row_opt(statement!("project_call"), &[(&job, Type::UUID)])
        .await?;
    Ok(row.map(|row| Projected {
        customer_id: row.get("customer_id"),
        welcome_call_completed: row.get("welcome_call_completed"),
        last_call_date: row.get("last_call_date"),
    }))
}

/// Calls that were taken and do not stand in their customers' rows yet, the longest ago first.
pub async fn unprojected(database: &Connection, limit: i64) -> Result<Vec<Uuid>, Error> {
    let rows = database
        .rows(statement!("unprojected"), &[(&limit, Type::INT8)])
        .await?;
    Ok(rows.iter().map(|row| row.get("id")).collect())
}
