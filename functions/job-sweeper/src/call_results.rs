//! Calls that were placed and of which Vapi has not told how they ended: it is asked.

use std::time::Duration;

use jiff::Timestamp;
use shared::call_events::{self, CallEvent, Teller};
use shared::calls::{self, CallEnd, Found, Look, Unheard};
use shared::platform::database::Connection;
use shared::providers::vapi::{self, CallId, CallRecord};

use super::{Endpoint, is_outage};

const QUESTIONS_PER_RUN: i64 = 50;

/// Asks for what is due; how many ends that recorded.
pub(super) async fn ask(endpoint: &Endpoint) -> anyhow::Result<usize> {
    let Some(vapi) = &endpoint.vapi else { return Ok(0) };
    let connection = endpoint.database.connection().await?;
    let started = endpoint.gate.now();
    let mut heard = 0;
    for (unheard, now) in calls::results_due(&connection, QUESTIONS_PER_RUN).await? {
        if endpoint.is_late(started) {
            break;
        }
        match ask_for(&connection, vapi, &unheard, now).await {
            Ok(ended) => heard += usize::from(ended),
            Err(error) if is_outage(&error) => return Err(error),
            Err(error) => {
                tracing::error!(attempt.id = %unheard.attempt, error = format!("{error:#}"), "how a call ended stays unknown");
            }
        }
    }
    Ok(heard)
}

async fn ask_for(
    connection: &Connection,
    vapi: &vapi::Client,
    unheard: &Unheard,
    now: Timestamp,
) -> anyhow::Result<bool> {
    let (found, call) = find(vapi, unheard).await;
    let nothing = || CallEvent {
        attempt: None,
        call_id: unheard.call_id.clone(),
        end: None,
        wants_to_stop: false,
    };
    let told = call.as_ref().map_or_else(nothing, CallEvent::from);
    let end = match calls::look(found, now.duration_since(unheard.granted_at)) {
        Look::Record => told.end,
        Look::GiveUp => {
            tracing::warn!(attempt.id = %unheard.attempt, call.id = unheard.call_id, ?found, "nobody tells how a call ended");
            Some(CallEnd::unclear())
        }
        Look::Again(wait) => {
            let wait = Duration::try_from(wait).unwrap_or_default();
            calls::ask_later(connection, unheard.attempt, wait).await?;
            return Ok(false);
        }
    };
    // The ledger knows whose call it is, whatever its record names.
    let event = CallEvent {
        attempt: Some(unheard.attempt),
        end,
        ..told
    };
    call_events::record(connection, &event, Teller::Poll).await?;
    Ok(true)
}

async fn find(vapi: &vapi::Client, unheard: &Unheard) -> (Found, Option<CallRecord>) {
    let Some(id) = CallId::parse(&unheard.call_id) else {
        return (Found::NoSuchCall, None);
    };
    match vapi.call(&id).await {
        Ok(Some(call)) if call.has_ended() => (Found::Over, Some(call)),
        Ok(Some(call)) => (Found::GoingOn, Some(call)),
        Ok(None) => (Found::NoSuchCall, None),
        Err(error) => {
            tracing::warn!(call.id = unheard.call_id, %error, "a call could not be read");
            (Found::Nothing, None)
        }
    }
}
