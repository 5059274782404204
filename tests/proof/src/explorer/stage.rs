//! Where runs take place: a real database, Twilio, Vapi, queues, and every function's own code.
//!
//! Setting it up is dear and clearing it is cheap, so one stage serves many runs, one after another.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use local::functions::one_in_process;
use local::gateway::Routing;
use local::invoke::InProcess;
use local::sandbox::{Fate as Delivery, ReadFault, SandboxClock, SandboxConfig, SandboxTwilio};
use local::sandbox_vapi::{self, SandboxVapi, SandboxVapiConfig};
use local::settings::Settings;
use local::sqs::{QueueAttributes, Sqs};
use local::template::Template;
use serde_json::{Value, json};
use shared::Environment;
use shared::platform::gate::Gate;
use system_tests::TestDatabase;

use super::director::Director;
use super::fate::Fate;
use super::play::Workflow;

/// The business's number.
pub(super) const LINE: &str = "+15875550006";
/// Where it forwards to.
pub(super) const OWNER: &str = "+14155550101";
/// What the line is called.
pub(super) const LINE_NAME: &str = "Acme";
/// What Stripe signs its events with.
pub(super) const STRIPE_SECRET: &str = "the-stripe-word";
/// What a shop signs its events with.
pub(super) const SHOP_SECRET: &str = "the-shop-word";
/// Where we are.
pub(super) const APP_URL: &str = "http://127.0.0.1:9000";
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const REPLIES: &str = "replies.fifo";
const PARKED: &str = "parked-events.fifo";

/// Empties every table, past the guards that keep the application from doing so.
const CLEAR: &str = "
    SET session_replication_role = replica;
    DELETE FROM attempts; DELETE FROM deliveries; DELETE FROM duplicate_evidence; DELETE FROM jobs;
    DELETE FROM active_calls; DELETE FROM provider_watermarks; DELETE FROM quarantined_events;
    DELETE FROM opt_outs; DELETE FROM lines;
    DELETE FROM call_results; DELETE FROM payment_events; DELETE FROM changes; DELETE FROM customers; DELETE FROM ticks;
    UPDATE channels SET not_before = NULL, breaker_open = false, reason = NULL;
    RESET session_replication_role;";

/// Where doorbells ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    Messages,
    Calls,
}

impl Queue {
    fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages.fifo",
            Self::Calls => "calls.fifo",
        }
    }
}

/// A request to reach somebody, as the provider received it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// By the provider's count.
    pub(super) number: u64,
    /// When, by the provider's clock.
    pub(super) at: Timestamp,
    pub(super) attempt: Option<String>,
    pub(super) person: String,
}

/// A doorbell's batch as the event source mapping hands it over, with what deletes it.
pub(super) struct Batch {
    pub(super) event: Value,
    pub(super) receipts: Vec<Receipt>,
}

/// What deletes a message.
#[derive(Clone)]
pub(super) struct Receipt {
    pub(super) id: String,
    queue_url: String,
    handle: String,
}

/// A stage.
pub(super) struct Stage {
    pub(super) database: Arc<TestDatabase>,
    pub(super) twilio: SandboxTwilio,
    pub(super) vapi: SandboxVapi,
    pub(super) director: Arc<Director>,
    sqs: Sqs,
    queues: aws_sdk_sqs::Client,
    queue_urls: [String; 2],
    template: Template,
    routing: Routing,
    environment: Environment,
    /// Functions that nobody is using: what a sandbox between two events is.
    idle: HashMap<String, Vec<InProcess>>,
}

impl Stage {
    /// Sets one up for a workflow, on a database of its own with `schema` applied to it.
    pub(super) async fn new(workflow: Workflow, schema: &str) -> anyhow::Result<Self> {
        let database = TestDatabase::new().await;
        database.sql(schema).await;
        let clock = SandboxClock::standing_at(database.now().await);
        let twilio = SandboxTwilio::start(SandboxConfig {
            account_sid: ACCOUNT.to_owned(),
            auth_token: "the-twilio-word".to_owned(),
            public_base_url: APP_URL.to_owned(),
            clock: clock.clone(),
            ..SandboxConfig::default()
        })
        .await?;
        let vapi = SandboxVapi::start(SandboxVapiConfig {
            public_base_url: APP_URL.to_owned(),
            clock,
            ..SandboxVapiConfig::default()
        })
        .await?;
        let sqs = Sqs::start().await?;
        let template = Template::own()?;
        let mut attributes = QueueAttributes::fifo();
        attributes.visibility_timeout = std::time::Duration::from_mins(3);
        let queue = |name: &str| {
            sqs.create_queue(name, attributes.clone())
                .map_err(|refusal| refused(&refusal))
        };
        let queue_urls = [queue(Queue::Messages.name())?, queue(Queue::Calls.name())?];
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
            .with("BUSINESS_NAME", LINE_NAME)
            .with("STRIPE_WEBHOOK_SECRET", STRIPE_SECRET)
            .with("CUSTOMERS_WEBHOOK_SECRET", SHOP_SECRET)
            .with("TWILIO_API_BASE_URL", twilio.base_url())
            .with("MESSAGES_QUEUE_URL", &queue_urls[0])
            .with("CALLS_QUEUE_URL", &queue_urls[1])
            .with("REPLIES_QUEUE_URL", queue(REPLIES)?)
            .with("PARKED_EVENTS_QUEUE_URL", queue(PARKED)?);
        // A deployment that calls nobody has no assistant.
        let settings = match workflow {
            Workflow::Texts => settings,
            Workflow::Calls => settings
                .with("VAPI_API_KEY", vapi.api_key())
                .with("VAPI_WEBHOOK_SECRET", vapi.webhook_secret())
                .with("VAPI_ASSISTANT_ID", vapi.assistant_id())
                .with("VAPI_PHONE_NUMBER_ID", vapi.phone_number_id())
                .with("VAPI_API_BASE_URL", vapi.base_url()),
        };
        let director = Arc::new(Director::new());
        let environment = settings.environment().await?;
        let environment = environment.with_gate(Gate::kept_by(Arc::clone(&director) as _));
        let queues = aws_sdk_sqs::Client::new(&settings.aws());
        Ok(Self {
            database: Arc::new(database),
            twilio,
            vapi,
            director,
            sqs,
            queues,
            queue_urls,
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
        self.vapi.forget();
        // Vapi has the same clock.
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
    pub(super) fn request(&self, request: Request<Vec<u8>>) -> (String, Value) {
        let (parts, body) = request.into_parts();
        let routed = self.routing.event(&parts, &body).expect("a route of ours");
        (routed.0.to_owned(), routed.1)
    }

    /// What a schedule sends.
    pub(super) fn tick() -> Value {
        json!({ "source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {} })
    }

    /// Whether a doorbell can be answered now.
    pub(super) fn has_doorbells(&self, queue: Queue) -> bool {
        let messages = self.sqs.messages(queue.name());
        let held: Vec<_> = messages
            .iter()
            .filter(|message| message.state != local::sqs::State::Waiting)
            .map(|message| &message.group)
            .collect();
        messages
            .iter()
            .any(|message| message.state == local::sqs::State::Waiting && !held.contains(&&message.group))
    }

    /// Writes something into the database at once, at a moment of its own.
    pub(super) async fn write(&self, sql: &str) {
        write(&self.database, sql).await;
    }

    /// What the provider does to the next request, where the fate says so.
    pub(super) fn have_in_store(&self, fate: Fate) {
        let (twilio, vapi) = (&self.twilio, &self.vapi);
        let (base, account) = (twilio.base_url(), twilio.account_sid());
        let elsewhere = format!("{base}/2010-04-01/Accounts/{account}/Messages.json");
        if let Some(behaviour) = fate.of_a_text(&elsewhere) {
            twilio.on_next_send(behaviour);
        }
        if let Some(behaviour) = fate.of_a_call(&format!("{}/call", vapi.base_url())) {
            vapi.on_next_send(behaviour);
        }
        if let Some(fault) = fate.read_fault() {
            vapi.on_next_read(Some(of_vapi(&fault)));
            twilio.on_next_read(fault);
        }
    }

    /// Nothing is in store for anybody any more.
    pub(super) fn nothing_in_store(&self) {
        self.twilio.nothing_next();
        self.vapi.nothing_next();
    }

    /// Every request for a provider's records fails so, or none does.
    pub(super) fn on_every_read(&self, fault: Option<ReadFault>) {
        self.vapi.on_every_read(fault.as_ref().map(of_vapi));
        self.twilio.on_every_read(fault);
    }

    /// Every request to reach somebody that a workflow's provider received, in order.
    pub(super) fn asked(&self, workflow: Workflow) -> Vec<Asked> {
        match workflow {
            Workflow::Texts => {
                let requests = self.twilio.requests().into_iter();
                let sends = requests.filter(local::sandbox::ReceivedRequest::is_send);
                sends
                    .map(|request| Asked {
                        number: request.number,
                        at: request.at,
                        person: request.field("To").unwrap_or_default().to_owned(),
                        attempt: request.attempt,
                    })
                    .collect()
            }
            Workflow::Calls => {
                let requests = self.vapi.requests().into_iter();
                let sends = requests.filter(sandbox_vapi::ReceivedRequest::is_send);
                let text = |body: &Value, pointer: &str| {
                    body.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
                };
                sends
                    .map(|request| Asked {
                        number: request.number,
                        at: request.at,
                        attempt: text(&request.body, "/name"),
                        person: text(&request.body, "/customer/number").unwrap_or_default(),
                    })
                    .collect()
            }
        }
    }

    /// A workflow's provider accepts a request, however it was answered; whether it does.
    pub(super) fn accept_after_all(&self, workflow: Workflow, request: u64) -> bool {
        match workflow {
            Workflow::Texts => self.twilio.accept_after_all(request).is_some(),
            Workflow::Calls => {
                self.vapi.accept_after_all(request);
                true
            }
        }
    }

    /// How many events are parked.
    pub(super) fn parked(&self) -> usize {
        self.sqs.messages(PARKED).len()
    }

    /// The next doorbells, of two people at most: as many as one sandbox has connections for.
    pub(super) async fn doorbells(&self, queue: Queue) -> anyhow::Result<Option<Batch>> {
        let queue_url = &self.queue_urls[queue as usize];
        let request = self
            .queues
            .receive_message()
            .queue_url(queue_url)
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
            receipts.push(Receipt {
                id,
                queue_url: queue_url.clone(),
                handle,
            });
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
            .queue_url(&receipt.queue_url)
            .receipt_handle(&receipt.handle);
        let _ = request.send().await;
    }
}

/// What somebody who says stop has written down.
pub(super) fn stop(person: &str) -> String {
    format!("INSERT INTO opt_outs (phone, source) VALUES ('{person}', 'person') ON CONFLICT DO NOTHING")
}

/// Writes something down at a moment of its own: whatever is granted later is granted after it.
pub(super) async fn write(database: &TestDatabase, sql: &str) {
    database
        .sql(&format!(
            "UPDATE stopped_clock SET at = at + interval '1 ms'; {sql};
             UPDATE stopped_clock SET at = at + interval '1 ms'"
        ))
        .await;
}

fn of_vapi(fault: &ReadFault) -> sandbox_vapi::ReadFault {
    match fault {
        ReadFault::Refuse { http, .. } => sandbox_vapi::ReadFault::Refuse(*http),
        ReadFault::Garbled => sandbox_vapi::ReadFault::Garbled,
        _ => sandbox_vapi::ReadFault::Reset,
    }
}

fn refused(refusal: &local::sqs::Refusal) -> anyhow::Error {
    anyhow::anyhow!("{}", refusal.message)
}
