//! Events that were parked while the database was away.

use shared::call_events::{self, ParkedMessage};
use shared::inbound::{self, Effect, Event, ParkedEvent};
use shared::inbox::Told;
use shared::missed_calls::{self, Recorded};
use shared::payments::{self, ParkedPayment};
use shared::platform::database::{self, Connection};
use shared::providers::twilio::Form;
use shared::whatsapp_events::{self, ParkedWhatsApp};

use super::Endpoint;

/// Replays what is parked, in its order; how many events that were.
pub(super) async fn replay_parked(endpoint: &Endpoint) -> anyhow::Result<usize> {
    // A park is worth emptying only into a database that is there.
    let connection = endpoint.database.connection().await?;
    let started = endpoint.gate.now();
    let mut replayed = 0;
    while !endpoint.is_late(started) {
        let parked = endpoint.park.receive().await?;
        if parked.is_empty() {
            return Ok(replayed);
        }
        for event in &parked {
            match replay(endpoint, &connection, &event.body).await {
                // It would be refused for ever, and everything behind it would wait as long.
                Err(error) if !error.is_outage() => {
                    tracing::error!(%error, "quarantined a parked event that the database refuses");
                    missed_calls::quarantine(
                        &connection,
                        "parked",
                        &error.to_string(),
                        event.body.as_bytes(),
                    )
                    .await?;
                }
                result => result?,
            }
            endpoint.park.delete(event).await?;
            replayed += 1;
        }
    }
    Ok(replayed)
}

async fn replay(endpoint: &Endpoint, connection: &Connection, body: &str) -> Result<(), database::Error> {
    if let Ok(parked) = serde_json::from_str::<ParkedMessage>(body) {
        return call_events::take_in(connection, &parked.vapi).await;
    }
    if let Ok(parked) = serde_json::from_str::<ParkedPayment>(body) {
        return payments::replay(connection, &parked).await;
    }
    if let Ok(parked) = serde_json::from_str::<ParkedWhatsApp>(body) {
        // The answers that are owed now are rung for with everything else that is due.
        let stored = whatsapp_events::take_in(connection, &parked.whatsapp).await?;
        for (told, stored) in parked.whatsapp.iter().zip(&stored) {
            if let Told::Message(message) = told {
                whatsapp_events::tell(&message.wamid, stored);
            }
        }
        return Ok(());
    }
    let Ok(parked) = serde_json::from_str::<ParkedEvent>(body) else {
        return missed_calls::quarantine(connection, "parked", "not a parked event", body.as_bytes()).await;
    };
    let body = parked.body().unwrap_or_default();
    let event = Form::parse(&body)
        .map_err(Into::into)
        .and_then(|form| Event::read(parked.route, &parked.query, &form));
    let quarantine =
        async |reason: &str| missed_calls::quarantine(connection, parked.route.as_str(), reason, &body).await;
    let event = match event {
        Ok(event) => event,
        Err(error) => return quarantine(&error.to_string()).await,
    };
    match inbound::record(
        connection,
        &event,
        endpoint.default_line.as_ref(),
        Some(parked.heard_at),
    )
    .await?
    {
        Effect::Call(Recorded::TextOwed { job, person }) => {
            tracing::info!(job.id = %job, path = "parked", "Missed call found in a parked event");
            endpoint.texts.ring(job, &person, 1).await;
        }
        Effect::NotOurs => quarantine("the called number is none of our lines").await?,
        _ => {}
    }
    Ok(())
}
