//! What WhatsApp tells us, from the verified request to the committed rows.
//!
//! The webhook uses it as requests come in, and the sweeper once more for what was parked while the database was away
//! or its schema behind; so both do exactly the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::inbox::{self, Outcome, Stored, Told};
use crate::jobs::{self, Settlement};
use crate::platform::database::{Connection, Error};

/// What a message of a queue holds at most; beyond it one request is parked in several.
const PARKED_BYTES_MAX: usize = 200 * 1024;

/// Something that waits for the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ParkedWhatsApp {
    /// The form of this message: 1.
    pub v: u8,
    /// What was told, in its order.
    pub whatsapp: Vec<Told>,
}

/// Commits what a request told, and settles what it proves.
pub async fn take_in(database: &Connection, told: &[Told]) -> Result<Vec<Stored>, Error> {
    let stored = inbox::receive(database, told).await?;
    for (told, stored) in told.iter().zip(&stored) {
        match (told, stored.outcome) {
            (
                Told::Status {
                    wamid,
                    attempt: Some(attempt),
                    ..
                },
                Outcome::Unsettled,
            ) => {
                let settlement = jobs::settle_accepted(database, *attempt, wamid).await?;
                if settlement == Settlement::Contradicted {
                    tracing::error!(attempt.id = %attempt, "what WhatsApp tells contradicts the ledger: kept as evidence");
                } else {
                    tracing::info!(attempt.id = %attempt, ?settlement, "settled by what WhatsApp tells");
                }
            }
            (_, Outcome::Quarantined) => {
                let reason = stored.reason.as_deref();
                tracing::error!(reason, "[WEBHOOK] Set aside what cannot be used");
            }
            _ => {}
        }
    }
    Ok(stored)
}

/// What was told, as it is parked: by the subject that keeps its order, in pieces that a queue takes.
pub fn parked(told: Vec<Told>) -> BTreeMap<String, Vec<String>> {
    let mut subjects: BTreeMap<String, Vec<Told>> = BTreeMap::new();
    for one in told {
        subjects.entry(one.subject().to_owned()).or_default().push(one);
    }
    subjects
        .into_iter()
        .map(|(subject, told)| (subject, pieces(told)))
        .collect()
}

fn pieces(told: Vec<Told>) -> Vec<String> {
    let (mut pieces, mut piece, mut filled) = (Vec::new(), Vec::new(), 0);
    for one in told {
        let bytes = serde_json::to_string(&one).map_or(0, |text| text.len());
        if filled + bytes > PARKED_BYTES_MAX && filled > 0 {
            pieces.push(std::mem::take(&mut piece));
            filled = 0;
        }
        filled += bytes;
        piece.push(one);
    }
    pieces.push(piece);
    let form = |whatsapp| {
        serde_json::to_string(&ParkedWhatsApp { v: 1, whatsapp }).expect("plain values have a form")
    };
    pieces.into_iter().map(form).collect()
}

/// Whose turn it is: answers in one conversation are made one after the other.
pub fn group_of(conversation: i64) -> String {
    format!("conversation {conversation}")
}

/// Says in the log what became of a message, in the words that runbooks look for.
pub fn tell(wamid: &str, stored: &Stored) {
    let (conversation, lead, job) = (stored.conversation, stored.lead, stored.job);
    let was_duplicate = stored.outcome == Outcome::Duplicate;
    if stored.outcome == Outcome::Received {
        tracing::info!(
            message.id = wamid,
            conversation.id = conversation,
            lead.id = lead,
            "✅ [WEBHOOK] AUTO-MATCH pipeline completed"
        );
    }
    match job {
        Some(job) if job.is_pending => {
            tracing::info!(message.id = wamid, job.id = %job.id, conversation.id = conversation, was_duplicate, "✅ [WEBHOOK] Job enqueued");
        }
        Some(job) if stored.reason.as_deref() == Some("human_has_taken_over") => {
            tracing::info!(message.id = wamid, job.id = %job.id, conversation.id = conversation, was_duplicate,
                "⏭️ [WEBHOOK] Skipping auto-reply - conversation assigned to user");
        }
        _ => {
            let reason = stored.reason.as_deref();
            tracing::info!(
                message.id = wamid,
                conversation.id = conversation,
                reason,
                was_duplicate,
                "[WEBHOOK] No answer is owed"
            );
        }
    }
}
