//! Somebody texts a line.
//!
//! The text stands in the inbox, and whoever waits for an answer is a person's to answer; STOP and START are heard for
//! every channel. Nobody is answered from here: Twilio itself answers the carriers' words, and an answer of ours would
//! be the second one. Twilio may send a text again at will: its id makes the second time change nothing.

use lambda_http::Request;
use shared::inbound::{self, Effect, Event, ParkedEvent, Route};
use shared::missed_calls;
use shared::platform::database::{self, Database};
use shared::platform::http;
use shared::platform::queue::Park;
use shared::providers::twilio::{self, Verified, twiml};
use shared::text_replies::{Meaning, Outcome, Stored};
use shared::{ConfigError, Environment};

/// Everything this function may touch.
pub struct Endpoint {
    webhooks: twilio::WebhookVerifier,
    database: Database,
    park: Park,
}

impl Endpoint {
    /// Asks for this function's settings.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            webhooks: environment.twilio_webhooks()?,
            database: environment.database()?,
            park: environment.park()?,
        })
    }
}

/// Answers with instructions to do nothing, once the text is durable.
pub async fn handle(endpoint: &Endpoint, request: Request) -> http::Result {
    let request = endpoint.webhooks.verify(&request).await?;
    let event = request
        .form
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|form| Event::read(Route::Sms, &request.query, form));
    let result = match event {
        Ok(event) => record(endpoint, &event).await,
        Err(error) => quarantine(endpoint, &request, &error.to_string()).await,
    };
    if let Err(error) = result {
        // Kept for when the database is back, a person's texts in their order; only if that fails too is Twilio told.
        endpoint
            .park
            .park(&request.sender(), ParkedEvent::of(Route::Sms, &request))
            .await?;
        tracing::error!(%error, "database away: the text is parked");
    }
    Ok(http::twiml(twiml::empty()))
}

async fn record(endpoint: &Endpoint, event: &Event) -> Result<(), database::Error> {
    let connection = endpoint.database.connection().await?;
    let effect = inbound::record(&connection, event, None, None).await?;
    if let (Event::IncomingText(text), Effect::Text(stored)) = (event, effect) {
        tell(text.message_sid.as_str(), &stored);
    }
    Ok(())
}

fn tell(sid: &str, stored: &Stored) {
    let (conversation, asked) = (stored.conversation, stored.asked.as_deref());
    match (stored.outcome, stored.meaning) {
        (Outcome::Duplicate, _) => tracing::info!(message.sid = sid, deduplicated = 1, "a text came again"),
        (Outcome::Quarantined, _) => {
            tracing::error!(
                message.sid = sid,
                reason = asked,
                "quarantined a text that cannot be stored"
            );
        }
        (Outcome::Received, Meaning::Stop) => {
            tracing::warn!(
                message.sid = sid,
                conversation.id = conversation,
                stopped = 1,
                "somebody said stop by text"
            );
        }
        (Outcome::Received, meaning) => {
            tracing::info!(
                message.sid = sid,
                conversation.id = conversation,
                ?meaning,
                asked,
                "a text stands in the inbox"
            );
        }
    }
}

async fn quarantine(endpoint: &Endpoint, request: &Verified, reason: &str) -> Result<(), database::Error> {
    tracing::error!(reason, "quarantined a signed text that cannot be used");
    let connection = endpoint.database.connection().await?;
    missed_calls::quarantine(&connection, Route::Sms.as_str(), reason, &request.body).await
}
