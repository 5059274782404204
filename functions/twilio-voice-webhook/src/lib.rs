//! Somebody rings a line: Twilio asks what to do, and later how it went.
//!
//! **Phase 1** remembers the call and has Twilio dial the owner. The caller is *always* connected: with the
//! database away, an unknown line or a request that we do not understand, Twilio still dials, by the last
//! settings that we saw or by the settings of the environment. **Phase 2** (`?mode=dial-result`) learns how
//! dialling ended; a missed call owes its caller a text from the same commit on.
//!
//! Twilio may repeat either at will: the call's row and the job's key make the second one change nothing.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use lambda_http::{Body, Request, Response};
use shared::environment::DefaultLine;
use shared::inbound::{self, Effect, Event, ParkedEvent, Route};
use shared::missed_calls::{self, LineSettings, Recorded};
use shared::platform::database::{self, Database};
use shared::platform::http;
use shared::platform::queue::{Doorbell, Park};
use shared::providers::twilio::{self, Verified, twiml};
use shared::{ConfigError, Environment, Phone};

/// A caller hears nothing while we think; past this the settings at hand must do.
const CALLER_WAITS: Duration = Duration::from_millis(600);
/// What is left of the caller's second for keeping the request; if that is too little, the poller finds the
/// call.
const PARKING_TAKES: Duration = Duration::from_millis(300);
const _: () = assert!(
    CALLER_WAITS.as_millis() + PARKING_TAKES.as_millis() < 1000,
    "nobody hears nothing for a second"
);

/// Everything this function may touch.
pub struct Endpoint {
    webhooks: twilio::WebhookVerifier,
    database: Database,
    doorbell: Doorbell,
    park: Park,
    app_url: String,
    default_line: Option<DefaultLine>,
    last_known: Mutex<HashMap<Phone, LineSettings>>,
}

impl Endpoint {
    /// Asks for this function's settings.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            webhooks: environment.twilio_webhooks()?,
            database: environment.database()?,
            doorbell: environment.messages_doorbell()?,
            park: environment.park()?,
            app_url: environment.app_url()?,
            default_line: environment.default_line()?,
            last_known: Mutex::new(HashMap::new()),
        })
    }

    /// What we know about a line without the database.
    fn settings_at_hand(&self, line: Option<&Phone>) -> Option<LineSettings> {
        let last_known = self
            .last_known
            .lock()
            .expect("nothing panics while it holds this lock");
        let known = line.and_then(|line| last_known.get(line)).cloned();
        known.or_else(|| self.default_line.as_ref().map(|default| default.settings.clone()))
    }

    fn remember(&self, line: &LineSettings) {
        let mut last_known = self
            .last_known
            .lock()
            .expect("nothing panics while it holds this lock");
        last_known.insert(line.number.clone(), line.clone());
    }

    fn dial(&self, line: &LineSettings) -> String {
        let action = format!("{}/api/webhooks/twilio/voice?mode=dial-result", self.app_url);
        twiml::dial(&line.forward_to, &action, line.ring_seconds)
    }

    async fn record(&self, event: &Event) -> Result<Effect, database::Error> {
        let connection = self.database.connection().await?;
        inbound::record(&connection, event, self.default_line.as_ref(), None).await
    }

    async fn quarantine(&self, request: &Verified, reason: &str) {
        tracing::error!(reason, "quarantined a signed request that cannot be used");
        let kept = async {
            let connection = self.database.connection().await?;
            missed_calls::quarantine(&connection, Route::Voice.as_str(), reason, &request.body).await
        };
        match tokio::time::timeout(CALLER_WAITS, kept).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => park(self, request, &error).await,
            Err(_) => park(self, request, &"no answer in time").await,
        }
    }

    /// How a line is set up, without anything being recorded.
    async fn settings_of(&self, line: Option<&Phone>) -> Option<LineSettings> {
        let look_up = async {
            let connection = self.database.connection().await.ok()?;
            missed_calls::line(&connection, line?).await.ok()?
        };
        let known = tokio::time::timeout(CALLER_WAITS, look_up).await.ok().flatten();
        known.or_else(|| self.settings_at_hand(line))
    }
}

/// Answers Twilio with `TwiML`.
pub async fn handle(endpoint: &Endpoint, request: Request) -> http::Result {
    let request = endpoint.webhooks.verify(&request).await?;
    let event = request
        .form
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|form| Event::read(Route::Voice, &request.query, form));
    match event {
        Ok(Event::IncomingCall(call)) => {
            connect(endpoint, &request, call.line.clone(), Event::IncomingCall(call)).await
        }
        Ok(event) => conclude(endpoint, &request, event).await,
        Err(error) => {
            // The call is over: dialling once more would ring the owner for ever.
            if Event::is_dial_result(&request.query) {
                endpoint.quarantine(&request, &error.to_string()).await;
                return Ok(http::twiml(twiml::hangup()));
            }
            // Somebody may be on the line all the same.
            let line = request.line();
            let reason = error.to_string();
            let (settings, ()) = tokio::join!(
                endpoint.settings_of(line.as_ref()),
                endpoint.quarantine(&request, &reason),
            );
            Ok(dial_or_nothing(endpoint, settings.as_ref()))
        }
    }
}

/// Phase 1: remember the call and dial the owner.
async fn connect(endpoint: &Endpoint, request: &Verified, line: Phone, event: Event) -> http::Result {
    let recorded = tokio::time::timeout(CALLER_WAITS, endpoint.record(&event)).await;
    let settings = match recorded {
        Ok(Ok(Effect::Line(settings))) => {
            endpoint.remember(&settings);
            Some(settings)
        }
        Ok(Ok(_)) => {
            endpoint
                .quarantine(request, "the called number is none of our lines")
                .await;
            endpoint.settings_at_hand(None)
        }
        Ok(Err(error)) => {
            park(endpoint, request, &error).await;
            endpoint.settings_at_hand(Some(&line))
        }
        Err(_) => {
            park(endpoint, request, &"no answer in time").await;
            endpoint.settings_at_hand(Some(&line))
        }
    };
    Ok(dial_or_nothing(endpoint, settings.as_ref()))
}

fn dial_or_nothing(endpoint: &Endpoint, settings: Option<&LineSettings>) -> Response<Body> {
    let Some(settings) = settings else {
        tracing::error!(
            "nowhere to connect a caller to: add the line, or set DEFAULT_LINE_NUMBER and DEFAULT_FORWARD_TO"
        );
        return http::twiml(twiml::empty());
    };
    http::twiml(endpoint.dial(settings))
}

/// Phase 2: a missed call owes a text.
async fn conclude(endpoint: &Endpoint, request: &Verified, event: Event) -> http::Result {
    match endpoint.record(&event).await {
        Ok(Effect::Call(Recorded::TextOwed { job, person })) => {
            tracing::info!(job.id = %job, path = "fast", "[Voice Phase 2] Missed call detected - processing immediately");
            endpoint.doorbell.ring(job, &person, 1).await;
        }
        Ok(Effect::Call(Recorded::AlreadyOwed)) => {
            tracing::info!(
                deduplicated = 1,
                "[Missed Call Handler] Deduplication: SMS already sent for this call"
            );
        }
        Ok(Effect::NotOurs) => {
            endpoint
                .quarantine(request, "the called number is none of our lines")
                .await;
        }
        Ok(_) => {}
        // Twilio does not repeat a callback that was answered, and hangs up on one that was not.
        Err(error) => park(endpoint, request, &error).await,
    }
    Ok(http::twiml(twiml::hangup()))
}

/// Keeps the request for when the database is back. Whatever comes of it, the caller is connected.
async fn park(endpoint: &Endpoint, request: &Verified, why: &(dyn std::fmt::Display + Sync)) {
    let event = ParkedEvent::of(Route::Voice, request);
    let subject = request.subject();
    let parking = tokio::time::timeout(PARKING_TAKES, endpoint.park.park(&subject, event));
    match parking
        .await
        .unwrap_or_else(|_| Err(anyhow::anyhow!("no answer in time")))
    {
        Ok(()) => tracing::error!(%why, "database away: the request is parked"),
        Err(error) => {
            tracing::error!(%why, error = format!("{error:#}"), "database away and the request not parked: the poller must find the call");
        }
    }
}
