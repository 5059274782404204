//! Where runs take place: a real database, Twilio, queues, and every function's own code.
//!
//! Setting it up is dear and clearing it is cheap, so one stage serves many runs, one after another.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use jiff::{SignedDuration, Timestamp};
use local::functions::one_in_process;
use local::gateway::Routing;
use local::invoke::InProcess;
use local::sandbox::{Fate as Delivery, SandboxClock, SandboxConfig, SandboxTwilio, Webhook};
use local::settings::Settings;
use local::sqs::{QueueAttributes, Sqs};
use local::template::Template;
use serde_json::{Value, json};
use shared::Environment;
use shared::platform::gate::Gate;
use system_tests::TestDatabase;

use super::director::Director;
use super::script::{LINE, NAMES, OWNER};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const APP_URL: &str = "http://127.0.0.1:9000";
const MESSAGES: &str = "messages.fifo";
const CALLS: &str = "calls.fifo";
const PARKED: &str = "parked-events.fifo";

/// Empties every table, past the guards that keep the application from doing so.
const CLEAR: &str = "
    SET session_replication_role = replica;
    DELETE FROM attempts; DELETE FROM deliveries; DELETE FROM duplicate_evidence; DELETE FROM jobs;
    DELETE FROM active_calls; DELETE FROM provider_watermarks; DELETE FROM quarantined_events;
    DELETE FROM opt_outs; DELETE FROM lines;
    UPDATE channels SET not_before = NULL, breaker_open = false, reason = NULL;
    RESET session_replication_role;";

/// A doorbell's batch as the event source mapping hands it over, with what deletes it.
pub(super) struct Batch {
    pub(super) event: Value,
    pub(super) receipts: Vec<Receipt>,
}

/// What deletes a message.
#[derive(Clone)]
pub(super) struct Receipt {
    pub(super) id: String,
    handle: String,
}

/// A stage.
pub(super) struct Stage {
    pub(super) database: Arc<TestDatabase>,
    pub(super) twilio: SandboxTwilio,
    pub(super) director: Arc<Director>,
    sqs: Sqs,
    queues: aws_sdk_sqs::Client,
    messages_url: String,
    template: Template,
    routing: Routing,
    environment: Environment,
    /// Functions that nobody is using: what a sandbox between two events is.
    idle: HashMap<String, Vec<InProcess>>,
}

impl Stage {
    /// Sets one up on a database of its own, with `schema` applied to it.
    pub(super) async fn new(schema: &str) -> anyhow::Result<Self> {
        let database = TestDatabase::new().await;
        database.sql(schema).await;
        let twilio = SandboxTwilio::start(SandboxConfig {
            account_sid: ACCOUNT.to_owned(),
            auth_token: "the-twilio-word".to_owned(),
            public_base_url: APP_URL.to_owned(),
            clock: SandboxClock::standing_at(database.now().await),
            ..SandboxConfig::default()
        })
        .await?;
        let sqs = Sqs::start().await?;
        let template = Template::own()?;
        let mut attributes = QueueAttributes::fifo();
        attributes.visibility_timeout = std::time::Duration::from_mins(3);
        let messages_url = sqs
            .create_queue(MESSAGES, attributes.clone())
            .map_err(|refusal| refused(&refusal))?;
        let calls_url = sqs
            .create_queue(CALLS, attributes.clone())
            .map_err(|refusal| refused(&refusal))?;
        let parked_url = sqs
            .create_queue(PARKED, attributes)
            .map_err(|refusal| refused(&refusal))?;
        let settings = Settings::new(sqs.endpoint())
            .with("DATABASE_URL", database.application_url().await)
            .with("APP_URL", APP_URL)
            .with("SWITCHBOARD_STAGE", "production")
            .with("CRON_SECRET", "the-cron-word")
            .with("JOB_RUNNER_TOKEN", "the-job-word")
            .with("TWILIO_ACCOUNT_SID", ACCOUNT)
            .with("TWILIO_AUTH_TOKEN", "the-twilio-word")
            .with("DEFAULT_LINE_NUMBER", LINE)
            .with("DEFAULT_FORWARD_TO", OWNER)
            .with("BUSINESS_NAME", NAMES[0])
            .with("TWILIO_API_BASE_URL", twilio.base_url())
            .with("MESSAGES_QUEUE_URL", &messages_url)
            .with("CALLS_QUEUE_URL", calls_url)
            .with("PARKED_EVENTS_QUEUE_URL", parked_url);
        let director = Arc::new(Director::new());
        let environment = settings.environment().await?;
        let environment = environment.with_gate(Gate::kept_by(Arc::clone(&director) as _));
        let queues = aws_sdk_sqs::Client::new(&settings.aws());
        Ok(Self {
            database: Arc::new(database),
            twilio,
            director,
            sqs,
            queues,
            messages_url,
            routing: Routing::new(&template)?,
            template,
            environment,
            idle: HashMap::new(),
        })
    }

    /// Leaves nothing of the last run, and sets every clock to `now`.
    pub(super) async fn clear(&mut self, now: Timestamp) {
        // It alone remembers something of what it saw: lines, for when the database is away. The others stay
        // warm, for their connections are most of what a run costs.
        self.idle.remove("twilio-voice-webhook");
        self.database.sql(CLEAR).await;
        self.database
            .sql(&format!("UPDATE stopped_clock SET at = '{now}'"))
            .await;
        self.twilio.forget();
        self.twilio.set_fate(Delivery::stuck().without_callbacks());
        self.twilio.clock().set(now);
        self.sqs.forget();
        self.director.forget();
        self.director.set_clock(now.into());
    }

    /// Moves every clock.
    pub(super) async fn pass(&self, time: SignedDuration) {
        self.database.advance(time).await;
        let now = self.twilio.clock().now() + time;
        self.twilio.clock().set(now);
        self.director.set_clock(now.into());
        self.sqs.advance(time.unsigned_abs());
    }

    /// A sandbox of a function, warm if there is one.
    pub(super) fn take(&mut self, binary: &str) -> anyhow::Result<InProcess> {
        if let Some(warm) = self.idle.get_mut(binary).and_then(Vec::pop) {
            return Ok(warm);
        }
        one_in_process(&self.template, &self.environment, binary)
    }

    /// It is free for the next event.
    pub(super) fn give_back(&mut self, binary: &str, function: InProcess) {
        self.idle.entry(binary.to_owned()).or_default().push(function);
    }

    /// Which function a signed request goes to, and as what event.
    pub(super) fn request(&self, webhook: Webhook) -> (String, Value) {
        let (parts, body) = webhook.into_request().into_parts();
        let routed = self.routing.event(&parts, &body).expect("a route of ours");
        (routed.0.to_owned(), routed.1)
    }

    /// What a schedule sends.
    pub(super) fn tick() -> Value {
        json!({ "source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {} })
    }

    /// Whether a doorbell can be answered now.
    pub(super) fn has_doorbells(&self) -> bool {
        let messages = self.sqs.messages(MESSAGES);
        let held: Vec<_> = messages
            .iter()
            .filter(|message| message.state != local::sqs::State::Waiting)
            .map(|message| &message.group)
            .collect();
        messages
            .iter()
            .any(|message| message.state == local::sqs::State::Waiting && !held.contains(&&message.group))
    }

    /// Somebody writes down at once that this person said stop.
    pub(super) async fn stop(&self, person: &str) {
        write_stop(&self.database, person).await;
    }

    /// How many events are parked.
    pub(super) fn parked(&self) -> usize {
        self.sqs.messages(PARKED).len()
    }

    /// The next doorbells, of two people at most: as many as one sandbox has connections for.
    pub(super) async fn doorbells(&self) -> anyhow::Result<Option<Batch>> {
        let request = self
            .queues
            .receive_message()
            .queue_url(&self.messages_url)
            .max_number_of_messages(2)
            .message_system_attribute_names(MessageSystemAttributeName::All);
        let messages = request.send().await?.messages.unwrap_or_default();
        if messages.is_empty() {
            return Ok(None);
        }
        let mut records = Vec::new();
        let mut receipts = Vec::new();
        for message in messages {
            let attributes = message.attributes.iter().flatten();
            let attributes: Value = attributes
                .map(|(name, value)| (name.as_str().to_owned(), json!(value)))
                .collect();
            let id = message.message_id.context("a message has an id")?;
            let handle = message.receipt_handle.context("a message has a receipt")?;
            records.push(json!({
                "messageId": id, "body": message.body, "attributes": attributes, "eventSource": "aws:sqs",
            }));
            receipts.push(Receipt { id, handle });
        }
        let event = json!({ "Records": records });
        Ok(Some(Batch { event, receipts }))
    }

    /// Deletes a message that was handled, or is to be lost. One that was handled for so long that it is
    /// visible again stays.
    pub(super) async fn delete(&self, receipt: &Receipt) {
        let request = self
            .queues
            .delete_message()
            .queue_url(&self.messages_url)
            .receipt_handle(&receipt.handle);
        let _ = request.send().await;
    }
}

/// Writes a stop down, at a moment of its own: whatever is granted later is granted after it.
pub(super) async fn write_stop(database: &TestDatabase, person: &str) {
    database
        .sql(&format!(
            "UPDATE stopped_clock SET at = at + interval '1 ms';
             INSERT INTO opt_outs (phone, source) VALUES ('{person}', 'person') ON CONFLICT DO NOTHING;
             UPDATE stopped_clock SET at = at + interval '1 ms'"
        ))
        .await;
}

fn refused(refusal: &local::sqs::Refusal) -> anyhow::Error {
    anyhow::anyhow!("{}", refusal.message)
}
