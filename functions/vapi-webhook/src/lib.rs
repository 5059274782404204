//! Vapi tells how a call to a customer goes.
//!
//! A message that names an attempt of ours proves that Vapi took it, and so settles one that we were unclear about.
//! How the call ended is another fact, and whether the customer said stop a third. Messages come repeatedly, in any
//! order, before our own answer is stored, or never: then the sweeper asks.

use lambda_http::{Body, Request, Response};
use serde_json::json;
use shared::call_events::{self, Message};
use shared::platform::database::{self, Database};
use shared::platform::http;
use shared::platform::queue::Park;
use shared::providers::vapi;
use shared::{ConfigError, Environment};

/// Everything this function may touch.
pub struct Endpoint {
    webhooks: vapi::WebhookVerifier,
    database: Database,
    park: Park,
}

impl Endpoint {
    /// Asks for this function's settings.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            webhooks: environment.vapi_webhooks()?,
            database: environment.database()?,
            park: environment.park()?,
        })
    }
}

/// Answers 200 once the message is durable.
pub async fn handle(endpoint: &Endpoint, request: Request) -> http::Result {
    let request = endpoint.webhooks.verify(&request).await?;
    let message = match Message::of(&request) {
        Ok(message) => message,
        Err(kind) => return Ok(acknowledge(&kind)),
    };
    if let Err(error) = take_in(endpoint, &message).await {
        // Kept for when the database is back; only if that fails too is Vapi told to try again.
        let subject = message.subject().to_owned();
        endpoint.park.park(&subject, message.parked()).await?;
        tracing::error!(%error, "database away: the message is parked");
    }
    Ok(http::json(200, &json!({ "ok": true })))
}

async fn take_in(endpoint: &Endpoint, message: &Message) -> Result<(), database::Error> {
    let connection = endpoint.database.connection().await?;
    call_events::take_in(&connection, message).await
}

/// Nothing follows from the others, and only one of them waits for an answer: who calls in is told that nobody
/// takes calls there.
fn acknowledge(kind: &str) -> Response<Body> {
    tracing::info!(kind, "a message of Vapi's that nothing follows from");
    match kind {
        "assistant-request" => http::json(200, &json!({ "error": "This number takes no calls." })),
        _ => http::json(200, &json!({ "ok": true })),
    }
}
