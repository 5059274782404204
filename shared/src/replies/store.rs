//! The statements about answers.

use std::time::Duration;

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::ReplyFacts;
use crate::Phone;
use crate::jobs::Denial;
use crate::platform::database::{Connection, Error};
use crate::providers::chat::{Role, Turn};
use crate::statement;

/// What is to be said, written once.
#[derive(Clone, PartialEq, Eq)]
pub enum Draft {
    /// These words.
    Words(String),
    /// Nothing by a machine, for this reason.
    HandOver(String),
}

/// Without the words.
impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Words(words) => write!(f, "Words({} characters)", words.chars().count()),
            Self::HandOver(reason) => write!(f, "HandOver({reason})"),
        }
    }
}

fn draft_of(row: &Row, body: &str) -> Option<Draft> {
    let words = row.get::<_, Option<String>>(body).map(Draft::Words);
    words.or_else(|| row.get::<_, Option<String>>("hand_over").map(Draft::HandOver))
}

/// Everything that decides about an answer; `None` if there is no such job.
pub async fn load_reply(database: &Connection, job: Uuid) -> Result<Option<ReplyFacts>, Error> {
    let row = database
        .row_opt(statement!("load_reply"), &[(&job, Type::UUID)])
        .await?;
    Ok(row.map(|row| ReplyFacts {
        state: row.get("state"),
        failures: row.get("failures"),
        due_at: row.get("due_at"),
        expires_at: row.get("expires_at"),
        conversation: row.get("conversation_id"),
        lead: row.get("lead_id"),
        contact: row.get("contact_id"),
        phone: row.get::<_, Option<String>>("phone").map(Phone::stored),
        wamid: row.get("wamid"),
        draft: draft_of(&row, "draft"),
        is_first: row.get("is_first"),
        rule: row.get::<_, Option<&str>>("rule").and_then(Denial::of),
        greeting: row.get("greeting"),
        knowledge: row.get("knowledge"),
        own_hosts: row.get("own_hosts"),
        never_promise: row.get("never_promise"),
        now: row.get("now"),
    }))
}

/// What was said in a conversation until now, the oldest first, `limit` messages at most.
pub async fn history(database: &Connection, conversation: i64, limit: i64) -> Result<Vec<Turn>, Error> {
    let params = [(&conversation as _, Type::INT8), (&limit as _, Type::INT8)];
    let rows = database.rows(statement!("history"), &params).await?;
    Ok(rows
        .iter()
        .map(|row| Turn {
            role: match row.get("author") {
                "customer" => Role::Customer,
                _ => Role::Business,
            },
            text: match (row.get("type"), row.get::<_, Option<String>>("body")) {
                ("text" | "interactive" | "button", Some(body)) => body,
                (kind, Some(body)) => format!("[{kind}] {body}"),
                (kind, None) => format!("[{kind}, which you cannot see]"),
            },
        })
        .collect())
}

/// Writes down what is to be said, once; what stands, if somebody was quicker. `model` is `None` for words of our own.
///
/// Whoever is not quicker by a moment waits for the other, whose words a statement that began before them does not
/// see: asked once more, it does.
pub async fn record_draft(
    database: &Connection,
    job: Uuid,
    draft: &Draft,
    model: Option<&str>,
) -> Result<Draft, Error> {
    let (words, hand_over) = match draft {
        Draft::Words(words) => (Some(words), None),
        Draft::HandOver(reason) => (None, Some(reason)),
    };
    let params = [
        (&job as _, Type::UUID),
        (&words as _, Type::TEXT),
        (&hand_over as _, Type::TEXT),
        (&model as _, Type::TEXT),
    ];
    let row = match database.row_opt(statement!("record_draft"), &params).await? {
        Some(row) => row,
        None => database.row(statement!("record_draft"), &params).await?,
    };
    Ok(draft_of(&row, "body").expect("the schema admits only an answer or a reason"))
}

/// What a failure to draft an answer led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The job's state since.
    pub state: String,
    /// How often it has failed.
    pub failures: i32,
}

/// Notes that no answer could be drafted, and when to try again; the third time it is left to a person. `None` if the
/// job had ended.
pub async fn record_failure(
    database: &Connection,
    job: Uuid,
    wait: Duration,
) -> Result<Option<Failed>, Error> {
    let params = [(&job as _, Type::UUID), (&wait.as_secs_f64() as _, Type::FLOAT8)];
    let row = database.row_opt(statement!("record_failure"), &params).await?;
    Ok(row.map(|row| Failed {
        state: row.get("state"),
        failures: row.get("failures"),
    }))
}

/// What stands in the thread of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectedReply {
    /// The thread.
    pub conversation: i64,
    /// The row in it.
    pub message: Option<i64>,
    /// WhatsApp's id of it.
    pub wamid: String,
    /// How far it has come.
    pub status: String,
}

/// Copies an answer that was taken into its thread; `None` if it was not taken.
pub async fn project_reply(database: &Connection, job: Uuid) -> Result<Option<ProjectedReply>, Error> {
    let row = database
        .row_opt(statement!("project_reply"), &[(&job, Type::UUID)])
        .await?;
    Ok(row.map(|row| ProjectedReply {
        conversation: row.get("conversation_id"),
        message: row.get("message_id"),
        wamid: row.get("wamid"),
        status: row.get("status"),
    }))
}

/// Answers that were taken and do not stand in their threads yet, the longest ago first.
pub async fn unprojected(database: &Connection, limit: i64) -> Result<Vec<Uuid>, Error> {
    let rows = database
        .rows(statement!("unprojected_replies"), &[(&limit, Type::INT8)])
        .await?;
    Ok(rows.iter().map(|row| row.get("id")).collect())
}

/// Leaves to a person the answers of which nobody has told within the hour whether they arrived; how many there were.
pub async fn leave_unclear(database: &Connection, limit: i64) -> Result<usize, Error> {
    let rows = database
        .rows(statement!("unclear_replies"), &[(&limit, Type::INT8)])
        .await?;
    Ok(rows.len())
}
