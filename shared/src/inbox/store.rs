//! The statements about the inbox.

use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::Told;
use crate::platform::database::{Connection, Error};
use crate::statement;

/// What became of one thing that was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// How it was taken.
    pub outcome: Outcome,
    /// The thread that it stands in.
    pub conversation: Option<i64>,
    /// The lead that its author is.
    pub lead: Option<i64>,
    /// The message that it is, or is about.
    pub message: Option<i64>,
    /// The answer that is owed for it.
    pub job: Option<Owed>,
    /// Why nobody is answered, or why it was set aside.
    pub reason: Option<String>,
}

/// How something was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Received,
    /// It was there already.
    Duplicate,
    /// It proves that WhatsApp took a message of ours, which the ledger does not know yet.
    Unsettled,
    /// It is set aside for a person to look at.
    Quarantined,
}

/// An answer that is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// The job.
    pub id: Uuid,
    /// Whether it waits to be done; else it has ended, and the reason says how.
    pub is_pending: bool,
}

/// So many things are stored in a few hundred milliseconds; more in one statement would keep others waiting, and might
/// not come to its end in time.
const STORED_AT_ONCE: usize = 200;

/// Stores everything that one request told: a row each, in their order.
pub async fn receive(database: &Connection, told: &[Told]) -> Result<Vec<Stored>, Error> {
    let mut stored = Vec::with_capacity(told.len());
    for told in told.chunks(STORED_AT_ONCE) {
        let told = serde_json::to_value(told).unwrap_or(Value::Null);
        let rows = match store(database, &told).await {
            // It changed nothing.
            Err(error) if error.gave_way() => store(database, &told).await?,
            rows => rows?,
        };
        stored.extend(rows.iter().map(stored_of));
    }
    Ok(stored)
}

async fn store(database: &Connection, told: &Value) -> Result<Vec<Row>, Error> {
    let params = [(&Json(told) as _, Type::JSONB)];
    database.rows(statement!("receive_from_whatsapp"), &params).await
}

fn stored_of(row: &Row) -> Stored {
    Stored {
        outcome: match row.get("outcome") {
            "received" => Outcome::Received,
            "duplicate" => Outcome::Duplicate,
            "unsettled" => Outcome::Unsettled,
            _ => Outcome::Quarantined,
        },
        conversation: row.get("conversation_id"),
        lead: row.get("lead_id"),
        message: row.get("message_id"),
        job: row.get::<_, Option<Uuid>>("job_id").map(|id| Owed {
            id,
            is_pending: row.get::<_, Option<&str>>("job_state") == Some("pending"),
        }),
        reason: row.get("reason"),
    }
}
