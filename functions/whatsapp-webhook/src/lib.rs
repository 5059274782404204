//! WhatsApp tells what customers write and how far our answers have come.
//!
//! Everything in a request is stored in one statement, or in a few if it is a great deal, with the answer that is owed
//! for it; nobody is answered from here. What the database cannot take now is parked, in its order, and only when that fails too is Meta told to try
//! again.

use futures_util::future::{join_all, try_join_all};
use lambda_http::{Body, Request, Response, http::Method};
use serde_json::json;
use shared::inbox::{Business, Outcome, Stored, Told};
use shared::platform::database::{self, Database};
use shared::platform::http;
use shared::platform::queue::{Doorbell, Park};
use shared::providers::whatsapp::{self, Verified, WebhookError};
use shared::whatsapp_events;
use shared::{ConfigError, Environment};

/// Everything this function may touch.
pub struct Endpoint {
    webhooks: whatsapp::WebhookVerifier,
    business: Business,
    database: Database,
    replies: Doorbell,
    park: Park,
}

impl Endpoint {
    /// Asks for this function's settings.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            webhooks: environment.whatsapp_webhooks()?,
            business: environment.whatsapp_business()?,
            database: environment.database()?,
            replies: environment.replies_doorbell()?,
            park: environment.park()?,
        })
    }
}

/// Answers Meta's question whether this address is ours; answers 200 once what was told is durable.
pub async fn handle(endpoint: &Endpoint, request: Request) -> http::Result {
    if request.method() == Method::GET {
        let challenge = endpoint.webhooks.challenge(&request).await?;
        return Ok(http::plain(challenge));
    }
    let request = endpoint.webhooks.verify(&request).await?;
    let told = match told(endpoint, &request) {
        Ok(told) => told,
        Err(what) => {
            tracing::info!(what, "nothing that we do anything about");
            return Ok(acknowledged());
        }
    };
    tracing::info!(things = told.len(), "[WEBHOOK] INBOUND-ENTRY");
    match take_in(endpoint, &told).await {
        Ok(stored) => ring(endpoint, &told, &stored).await,
        Err(error) => {
            tracing::error!(%error, things = told.len(), "[WEBHOOK] Database away: what was told is parked");
            let subjects = whatsapp_events::parked(told).into_iter();
            try_join_all(subjects.map(|(subject, pieces)| async move {
                for piece in pieces {
                    endpoint.park.park(&subject, piece).await?;
                }
                anyhow::Ok(())
            }))
            .await?;
        }
    }
    Ok(acknowledged())
}

/// What a request tells; `Err` with its subject if that is nothing to us.
fn told(endpoint: &Endpoint, request: &Verified) -> Result<Vec<Told>, &'static str> {
    let items = match &request.items {
        Ok(items) => items,
        Err(WebhookError::OtherObject) => return Err("another product of Meta's"),
        Err(error) => return Ok(vec![Told::unreadable(&error.to_string(), &request.body)]),
    };
    let told: Vec<Told> = items
        .iter()
        .filter_map(|item| Told::of(item, &endpoint.business, request.heard_at))
        .collect();
    if told.is_empty() {
        Err("another field")
    } else {
        Ok(told)
    }
}

async fn take_in(endpoint: &Endpoint, told: &[Told]) -> Result<Vec<Stored>, database::Error> {
    let connection = endpoint.database.connection().await?;
    whatsapp_events::take_in(&connection, told).await
}

/// Says what became of each message, and rings for the answers that are owed.
async fn ring(endpoint: &Endpoint, told: &[Told], stored: &[Stored]) {
    let owed = told.iter().zip(stored).filter_map(|(told, stored)| {
        let Told::Message(message) = told else { return None };
        whatsapp_events::tell(&message.wamid, stored);
        let job = stored
            .job
            .filter(|job| job.is_pending && stored.outcome == Outcome::Received)?;
        Some((job.id, stored.conversation?))
    });
    join_all(owed.map(|(job, conversation)| async move {
        let conversation = whatsapp_events::group_of(conversation);
        endpoint.replies.ring(job, &conversation, 1).await;
    }))
    .await;
}

fn acknowledged() -> Response<Body> {
    http::json(200, &json!({ "ok": true }))
}
