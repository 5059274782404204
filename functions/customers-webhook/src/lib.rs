//! A shop without Stripe tells us of its customers and their payments.
//!
//! As with Stripe's events nobody is called from here, and neither order nor repetition matters. The shop is told what
//! it got wrong, field by field; a payment counts whatever else is wrong.

use lambda_http::Request;
use serde_json::{Value, json};
use shared::customers::{FieldError, PaymentEvent, Source, shop};
use shared::payments::{self, Kept};
use shared::platform::database::Database;
use shared::platform::queue::Park;
use shared::platform::{http, webhook};
use shared::{ConfigError, Environment};

/// Everything this function may touch.
pub struct Endpoint {
    webhooks: webhook::Verifier,
    database: Database,
    park: Park,
}

impl Endpoint {
    /// Asks for this function's settings.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            webhooks: environment.customers_webhooks()?,
            database: environment.database()?,
            park: environment.park()?,
        })
    }
}

/// Answers 200 once the event is durable, 400 with what cannot be understood, and 503 where it should be sent again.
pub async fn handle(endpoint: &Endpoint, request: Request) -> http::Result {
    let request = endpoint.webhooks.verify(&request).await?;
    let (database, park) = (&endpoint.database, &endpoint.park);
    let event = match shop::read(&request.body, request.heard_at) {
        Ok(event) => event,
        Err(errors) => {
            let reason = errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ");
            let aside = payments::set_aside(database, park, Source::Shop, &reason, &request).await;
            // Whoever sent it knows of it, and can say it better.
            if let Err(error) = aside {
                tracing::warn!(
                    error = format!("{error:#}"),
                    reason,
                    "[CUSTOMERS WEBHOOK] Not even quarantined"
                );
            }
            return Ok(http::json(400, &json!({ "ok": false, "errors": errors })));
        }
    };
    Ok(
        match payments::keep(database, park, &event, request.heard_at).await {
            Ok(kept) => http::json(200, &answer(event, kept)),
            Err(error) => http::try_again(&error),
        },
    )
}

fn answer(event: PaymentEvent, kept: Kept) -> Value {
    let mut warnings = event.profile.faults;
    let Kept::Recorded(recorded, standing) = kept else {
        return json!({ "ok": true, "parked": true, "warnings": warnings });
    };
    if recorded.zone_is_unknown {
        warnings.push(FieldError::new(
            "timezone",
            "not a time zone that the database knows",
        ));
    }
    json!({
        "ok": true,
        "new": recorded.is_new,
        "payment_status": standing.as_ref().and_then(|standing| standing.payment_status.as_ref()),
        "next_call_scheduled_at": standing.as_ref().and_then(|standing| standing.next_call_at),
        "warnings": warnings,
    })
}
