//! Stripe tells us of payments.
//!
//! Who has paid is called by the scheduler when their time has come, never from here; who has their money back is not
//! called any more. Events come repeatedly and in any order: what a customer's payments come to is computed from all of
//! them.

use lambda_http::Request;
use serde_json::json;
use shared::customers::{Effect, Source};
use shared::payments;
use shared::platform::database::Database;
use shared::platform::queue::Park;
use shared::platform::{http, webhook};
use shared::providers::stripe::{Event, payment_event};
use shared::{ConfigError, Environment};

/// Everything this function may touch.
pub struct Endpoint {
    webhooks: webhook::Verifier,
    database: Database,
    park: Park,
    /// Whether it is real money that counts.
    is_live: bool,
}

impl Endpoint {
    /// Asks for this function's settings.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            webhooks: environment.stripe_webhooks()?,
            database: environment.database()?,
            park: environment.park()?,
            is_live: environment.is_production()?,
        })
    }
}

/// Answers 200 once the event is durable, and 503 where it cannot be: Stripe sends it again for three days.
pub async fn handle(endpoint: &Endpoint, request: Request) -> http::Result {
    let request = endpoint.webhooks.verify(&request).await?;
    let event = Event::parse(&request.body).and_then(|event| payment_event(&event, endpoint.is_live));
    let (database, park) = (&endpoint.database, &endpoint.park);
    let kept = match event {
        Ok(event) => match event.effect {
            Effect::Ignored(why) => {
                let (id, kind) = (event.id.as_str(), event.kind.as_str());
                tracing::info!(event.id = id, event.kind = kind, why, "[STRIPE WEBHOOK] Ignored");
                Ok(())
            }
            _ => payments::keep(database, park, &event, request.heard_at)
                .await
                .map(|_| ()),
        },
        Err(error) => payments::set_aside(database, park, Source::Stripe, &error.to_string(), &request).await,
    };
    Ok(match kept {
        Ok(()) => http::json(200, &json!({ "ok": true })),
        Err(error) => http::try_again(&error),
    })
}
