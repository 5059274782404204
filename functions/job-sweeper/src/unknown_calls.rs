//! Calls of which nobody knows whether they were placed, settled by Vapi's own list.

use jiff::{SignedDuration, Timestamp};
use shared::call_events::{self, CallEvent, Teller};
use shared::jobs::{self, CallTrace, SWEEP_LIMIT, UnclearCall, Verdict, call_verdict};
use shared::platform::database::Connection;
use shared::providers::vapi::{self, CallListing, CallRecord};

use super::reconcile::apply;
use super::{Endpoint, is_outage};

/// Vapi's clock may be ahead of ours by as much.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_mins(10);

/// Looks up what is due, in one reading of the list; how many attempts that settled.
pub(super) async fn settle_by_evidence(endpoint: &Endpoint) -> anyhow::Result<usize> {
    let Some(vapi) = &endpoint.vapi else { return Ok(0) };
    let connection = endpoint.database.connection().await?;
    let started = endpoint.gate.now();
    let due = jobs::unclear_calls_due(&connection, SWEEP_LIMIT).await?;
    let since = due.iter().map(|(unclear, _)| unclear.search.not_before()).min();
    let Some((since, now)) = since.zip(due.first().map(|(_, now)| *now)) else {
        return Ok(0);
    };
    let listing = read(vapi, since, now).await;
    let traces: Vec<CallTrace> = listing.calls.iter().filter_map(trace_of).collect();
    let mut settled = 0;
    for (unclear, _) in due {
        if endpoint.is_late(started) {
            break;
        }
        match settle(&connection, &unclear, &listing, &traces, now).await {
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
async fn read(vapi: &vapi::Client, since: Timestamp, now: Timestamp) -> CallListing {
    let listing = vapi.calls_since(since, now + CLOCK_MARGIN).await;
    listing.unwrap_or_else(|error| {
        tracing::warn!(%error, "Vapi's list could not be read");
        CallListing::default()
    })
}

async fn settle(
    connection: &Connection,
    unclear: &UnclearCall,
    listing: &CallListing,
    traces: &[CallTrace],
    now: Timestamp,
) -> anyhow::Result<bool> {
    match call_verdict(unclear, traces, listing.complete, now) {
        Verdict::Accepted(_) => {
            let is_ours = |call: &&CallRecord| call.attempt == Some(unclear.attempt);
            let mut ours: Vec<_> = listing.calls.iter().filter(is_ours).collect();
            ours.sort_by_key(|call| call.created_at);
            // The first settles it, with all that is known of it; any other is evidence of a second call.
            for call in ours {
                call_events::record(connection, &CallEvent::from(call), Teller::Poll).await?;
                tracing::info!(attempt.id = %unclear.attempt, call.id = call.id.as_str(), "found in Vapi's list");
            }
            Ok(true)
        }
        verdict => apply(connection, unclear.attempt, verdict).await,
    }
}

fn trace_of(call: &CallRecord) -> Option<CallTrace> {
    Some(CallTrace {
        provider_id: call.id.as_str().to_owned(),
        attempt: call.attempt,
        recipient: call.recipient.clone(),
        accepted_at: call.created_at?,
    })
}
