//! Twilio reports how far a call or a text has come.
//!
//! A call that ended without an answer is missed, whether or not the Dial callback ever comes. A text's
//! report proves that Twilio has it, and so settles an attempt that we were unclear about. Reports come
//! repeatedly and in any order: verdicts and statuses only move forward.

use lambda_http::Request;
use shared::environment::DefaultLine;
use shared::inbound::{self, Effect, Event, ParkedEvent, Route};
use shared::jobs::Settlement;
use shared::missed_calls::{self, Recorded};
use shared::platform::database::{self, Database};
use shared::platform::http;
use shared::platform::queue::{Doorbell, Park};
use shared::providers::twilio::{self, Verified};
use shared::{ConfigError, Environment};

/// Everything this function may touch.
pub struct Endpoint {
    webhooks: twilio::WebhookVerifier,
    database: Database,
    doorbell: Doorbell,
    park: Park,
    default_line: Option<DefaultLine>,
}

impl Endpoint {
    /// Asks for this function's settings.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            webhooks: environment.twilio_webhooks()?,
            database: environment.database()?,
            doorbell: environment.messages_doorbell()?,
            park: environment.park()?,
            default_line: environment.default_line()?,
        })
    }
}

/// Answers 204 once the report is durable.
pub async fn handle(endpoint: &Endpoint, request: Request) -> http::Result {
    let request = endpoint.webhooks.verify(&request).await?;
    let event = request
        .form
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|form| Event::read(Route::Status, &request.query, form));
    let result = match event {
        Ok(event) => record(endpoint, &request, &event).await,
        Err(error) => quarantine(endpoint, &request, &error.to_string()).await,
    };
    match result {
        Ok(()) => Ok(http::no_content()),
        Err(error) => {
            // Kept for when the database is back; only if that fails too is Twilio told to try again.
            endpoint
                .park
                .park(&request.subject(), ParkedEvent::of(Route::Status, &request))
                .await?;
            tracing::error!(%error, "database away: the report is parked");
            Ok(http::no_content())
        }
    }
}

async fn record(endpoint: &Endpoint, request: &Verified, event: &Event) -> Result<(), database::Error> {
    let connection = endpoint.database.connection().await?;
    match inbound::record(&connection, event, endpoint.default_line.as_ref(), None).await? {
        Effect::Call(Recorded::TextOwed { job, person }) => {
            tracing::info!(job.id = %job, path = "status", "[Call Status] Missed call detected - processing immediately");
            endpoint.doorbell.ring(job, &person, 1).await;
        }
        Effect::Call(Recorded::AlreadyOwed) => {
            tracing::info!(
                deduplicated = 1,
                "[Missed Call Handler] Deduplication: SMS already sent for this call"
            );
        }
        Effect::Delivery(settlement) => tell_of_delivery(event, settlement.as_ref()),
        Effect::NotOurs => {
            quarantine(endpoint, request, "the called number is none of our lines").await?;
        }
        _ => {}
    }
    Ok(())
}

fn tell_of_delivery(event: &Event, settlement: Option<&Settlement>) {
    let Event::MessageStatus(report) = event else {
        return;
    };
    let settled = matches!(settlement, Some(Settlement::Accepted { .. }));
    let (status, sid) = (report.status.as_str(), report.message_sid.as_str());
    match status {
        "delivered" => tracing::info!(message.sid = sid, delivered = 1, settled, "text delivered"),
        "undelivered" | "failed" => {
            tracing::error!(
                message.sid = sid,
                undelivered = 1,
                code = report.error_code,
                "text not delivered"
            );
        }
        _ => tracing::info!(message.sid = sid, status, settled, "text on its way"),
    }
}

async fn quarantine(endpoint: &Endpoint, request: &Verified, reason: &str) -> Result<(), database::Error> {
    tracing::error!(reason, "quarantined a signed report that cannot be used");
    let connection = endpoint.database.connection().await?;
    missed_calls::quarantine(&connection, Route::Status.as_str(), reason, &request.body).await
}
