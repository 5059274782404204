//! Unknown attempts, settled by Twilio's own list of messages.

use std::time::Duration;

use shared::jobs::{self, Evidence, Reading, Settlement, Unclear, Verdict, verdict};
use shared::platform::database::Connection;
use uuid::Uuid;

use super::{Endpoint, is_outage};

const LOOK_UPS_PER_RUN: i64 = 50;

/// Looks up what is due; how many attempts that settled.
pub(super) async fn settle_by_evidence(endpoint: &Endpoint) -> anyhow::Result<usize> {
    let connection = endpoint.database.connection().await?;
    let started = endpoint.gate.now();
    let mut settled = 0;
    for (unclear, now) in jobs::unclear_due(&connection, LOOK_UPS_PER_RUN).await? {
        if endpoint.is_late(started) {
            break;
        }
        let reading = read(endpoint, &unclear).await;
        match apply(&connection, unclear.attempt, verdict(&unclear, &reading, now)).await {
            Ok(ended) => settled += usize::from(ended),
            Err(error) if is_outage(&error) => return Err(error),
            Err(error) => {
                tracing::error!(attempt.id = %unclear.attempt, error = format!("{error:#}"), "an unknown attempt stays unknown");
            }
        }
    }
    Ok(settled)
}

/// A list that cannot be read proves nothing.
async fn read(endpoint: &Endpoint, unclear: &Unclear) -> Reading {
    let listing = endpoint
        .twilio
        .messages_between(&unclear.sender, &unclear.recipient, unclear.search.not_before())
        .await;
    match listing {
        Ok(listing) => Reading {
            complete: listing.complete,
            found: listing
                .messages
                .into_iter()
                .filter(shared::providers::twilio::MessageRecord::is_outbound)
                .map(|message| Evidence {
                    provider_id: message.sid,
                    content: message.body,
                    accepted_at: message.created_at,
                })
                .collect(),
        },
        Err(error) => {
            tracing::warn!(attempt.id = %unclear.attempt, %error, "Twilio's list could not be read");
            Reading {
                found: Vec::new(),
                complete: false,
            }
        }
    }
}

/// Records what a verdict says of an attempt; whether that settled it.
pub(super) async fn apply(connection: &Connection, attempt: Uuid, verdict: Verdict) -> anyhow::Result<bool> {
    match verdict {
        Verdict::Accepted(sid) => {
            let settlement = jobs::settle_found(connection, attempt, &sid).await?;
            tracing::info!(attempt.id = %attempt, message.sid = sid, ?settlement, "found in Twilio's list");
            Ok(matches!(settlement, Settlement::Accepted { .. }))
        }
        Verdict::Absent => {
            jobs::settle_absent(connection, attempt).await?;
            tracing::warn!(attempt.id = %attempt, absent = 1, "proven not to have arrived");
            Ok(true)
        }
        Verdict::NotYet { empty, wait } => {
            let wait = Duration::try_from(wait).unwrap_or_default();
            if empty {
                jobs::record_empty_reading(connection, attempt, wait).await?;
            } else {
                jobs::record_incomplete_reading(connection, attempt, wait).await?;
            }
            Ok(false)
        }
        Verdict::NoEvidence => {
            jobs::hand_over(
                connection,
                attempt,
                "no evidence within the hour whether it arrived",
            )
            .await?;
            tracing::error!(attempt.id = %attempt, needs_human = 1, "no evidence within the hour: a person must decide");
            Ok(true)
        }
    }
}
