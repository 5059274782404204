//! A world to try Switchboard in: a line, its owner, callers, Twilio, a database, queues, and time.
//!
//! Twilio's own record says what people got; nothing here looks at our tables to find that out.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use aws_sdk_sqs::types::MessageSystemAttributeName;
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use local::functions::in_process;
use local::gateway;
use local::invoke::{Functions, Invoke, InvokeError};
use local::sandbox::{SandboxClock, SandboxConfig, SandboxTwilio, SentMessage};
use local::sandbox_chat::{Provider, SandboxChat, SandboxChatConfig};
use local::sandbox_meta::{SandboxMeta, SandboxMetaConfig};
use local::sandbox_vapi::{Call as PlacedCall, SandboxVapi, SandboxVapiConfig};
use local::settings::Settings;
use local::sqs::{QueueAttributes, Sqs};
use local::template::Template;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{Switch, TestDatabase};

/// The business's number.
pub const LINE: &str = "+15875550006";
/// Where it forwards to.
pub const OWNER: &str = "+14155550101";
/// Somebody who rings.
pub const CALLER: &str = "+14035550001";
/// What lets people run the scheduled functions.
pub const CRON_SECRET: &str = "the-cron-word";
/// What lets people run the job route.
pub const JOB_RUNNER_TOKEN: &str = "the-job-word";
/// What Stripe signs its events with.
pub const STRIPE_SECRET: &str = "the-stripe-word";
/// What a shop signs its events with.
pub const SHOP_SECRET: &str = "the-shop-word";
/// What Meta signs with.
pub const WHATSAPP_SECRET: &str = "the-whatsapp-word";
/// What Meta asks for when somebody enters our address.
pub const WHATSAPP_TOKEN: &str = "the-whatsapp-question";
/// The business's number on WhatsApp, as Meta numbers it.
pub const WHATSAPP_NUMBER: &str = "106540352242922";

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const AUTH_TOKEN: &str = "the-twilio-word";
const VAPI_KEY: &str = "the-vapi-key";
const VAPI_WEBHOOK_SECRET: &str = "the-vapi-word";
const WHATSAPP_KEY: &str = "the-whatsapp-key";

/// One world. Its clocks stand still until they are moved.
pub struct World {
    /// The database, and with it the clock of everybody's rules.
    pub database: TestDatabase,
    /// Twilio, and with it the record of what people got.
    pub twilio: SandboxTwilio,
    /// Vapi, and with it the record of who was called.
    pub vapi: SandboxVapi,
    /// Meta, and with it the record of who was written to.
    pub meta: SandboxMeta,
    /// The models, and with them the record of what they were told.
    pub chat: SandboxChat,
    /// The queues.
    pub sqs: Sqs,
    /// Where the gateway listens.
    pub url: String,
    /// What the functions are given.
    pub settings: Settings,
    functions: HashMap<String, Arc<Place>>,
    queues: aws_sdk_sqs::Client,
    /// Making one takes longer than most requests do.
    pub(crate) client: reqwest::Client,
    gateway: tokio::task::JoinHandle<()>,
}

/// Where a function is, which another can take.
struct Place(RwLock<Arc<dyn Invoke>>);

impl Invoke for Place {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, InvokeError>> {
        let function = Arc::clone(&self.0.read().expect("no panic"));
        Box::pin(async move { function.invoke(event).await })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.gateway.abort();
    }
}

impl World {
    /// A line that forwards to its owner, on a database that works.
    pub async fn begin() -> Self {
        let database = TestDatabase::new().await;
        let url = database.application_url().await;
        Self::on(database, url).await
    }

    /// The same, with the functions reaching their database by another way.
    pub async fn on(database: TestDatabase, database_url: String) -> Self {
        database
            .sql(&format!(
                "INSERT INTO lines (number, forward_to, business_name) VALUES ('{LINE}', '{OWNER}', 'Acme')"
            ))
            .await;
        Self::without_lines(database, database_url, |settings| settings).await
    }

    /// The same, behind a wire. What is parked is dated by the machine's clock, so the others stand there too.
    pub async fn behind(switch: &Switch) -> Self {
        let database = TestDatabase::new().await;
        database.set_clock_to_the_machines().await;
        let url = switch.url_of(&database);
        Self::on(database, url).await
    }

    /// A world as `change` would have its settings.
    pub async fn without_lines(
        database: TestDatabase,
        database_url: String,
        change: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let clock = SandboxClock::standing_at(database.now().await);
        let twilio = SandboxTwilio::start(SandboxConfig {
            account_sid: ACCOUNT.to_owned(),
            auth_token: AUTH_TOKEN.to_owned(),
            public_base_url: url.clone(),
            clock: clock.clone(),
            ..SandboxConfig::default()
        })
        .await
        .expect("Twilio");
        let vapi = SandboxVapi::start(SandboxVapiConfig {
            api_key: VAPI_KEY.to_owned(),
            webhook_secret: VAPI_WEBHOOK_SECRET.to_owned(),
            public_base_url: url.clone(),
            clock: clock.clone(),
            ..SandboxVapiConfig::default()
        })
        .await
        .expect("Vapi");
        let meta = SandboxMeta::start(SandboxMetaConfig {
            access_token: WHATSAPP_KEY.to_owned(),
            app_secret: WHATSAPP_SECRET.to_owned(),
            verify_token: WHATSAPP_TOKEN.to_owned(),
            phone_number_id: WHATSAPP_NUMBER.to_owned(),
            public_base_url: url.clone(),
            clock: clock.clone(),
            ..SandboxMetaConfig::default()
        })
        .await
        .expect("Meta");
        let chat = SandboxChat::start(SandboxChatConfig {
            clock,
            ..SandboxChatConfig::default()
        })
        .await
        .expect("the models");
        let sqs = Sqs::start().await.expect("SQS");
        let queue = |name: &str| sqs.create_queue(name, QueueAttributes::fifo()).expect("a queue");
        let settings = Settings::new(sqs.endpoint())
            .with("DATABASE_URL", database_url)
            .with("APP_URL", &url)
            .with("SWITCHBOARD_STAGE", "production")
            .with("CRON_SECRET", CRON_SECRET)
            .with("JOB_RUNNER_TOKEN", JOB_RUNNER_TOKEN)
            .with("STRIPE_WEBHOOK_SECRET", STRIPE_SECRET)
            .with("CUSTOMERS_WEBHOOK_SECRET", SHOP_SECRET)
            .with("TWILIO_ACCOUNT_SID", ACCOUNT)
            .with("TWILIO_AUTH_TOKEN", AUTH_TOKEN)
            .with("TWILIO_API_BASE_URL", twilio.base_url())
            .with("VAPI_API_KEY", VAPI_KEY)
            .with("VAPI_WEBHOOK_SECRET", VAPI_WEBHOOK_SECRET)
            .with("VAPI_ASSISTANT_ID", vapi.assistant_id())
            .with("VAPI_PHONE_NUMBER_ID", vapi.phone_number_id())
            .with("VAPI_API_BASE_URL", vapi.base_url())
            .with("BUSINESS_NAME", "Acme Plumbing")
            .with("MESSAGES_QUEUE_URL", queue("messages.fifo"))
            .with("CALLS_QUEUE_URL", queue("calls.fifo"))
            .with("REPLIES_QUEUE_URL", queue("replies.fifo"))
            .with("PARKED_EVENTS_QUEUE_URL", queue("parked-events.fifo"));
        let settings = change(whatsapp(settings, &meta, &chat));
        let template = Template::own().expect("template.yaml");
        let environment = settings.environment().await.expect("settings");
        let functions = in_process(&template, &environment).expect("every function has what it asks for");
        let functions: HashMap<String, Arc<Place>> = functions
            .into_iter()
            .map(|(name, function)| (name, Arc::new(Place(RwLock::new(function)))))
            .collect();
        let served: Functions = functions
            .iter()
            .map(|(name, place)| (name.clone(), Arc::clone(place) as Arc<dyn Invoke>))
            .collect();
        let router = gateway::router(&template, served).expect("every route is served");
        let gateway = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        let queues = aws_sdk_sqs::Client::new(&settings.aws());
        Self {
            database,
            twilio,
            vapi,
            meta,
            chat,
            sqs,
            url,
            settings,
            functions,
            queues,
            // Without a time limit of its own: the gateway has one, and answers for whoever does not.
            client: reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(0)
                .build()
                .expect("a client"),
            gateway,
        }
    }

    /// Puts another implementation in a function's place, behind the gateway too.
    pub fn replace(&self, binary: &str, function: Arc<dyn Invoke>) {
        self.exchange(binary, function);
    }

    /// The same; what was there before.
    pub fn exchange(&self, binary: &str, function: Arc<dyn Invoke>) -> Arc<dyn Invoke> {
        std::mem::replace(
            &mut *self.functions[binary].0.write().expect("no panic"),
            function,
        )
    }

    /// Invokes a function as its trigger would.
    pub async fn invoke(&self, binary: &str, event: Value) -> Result<Value, InvokeError> {
        self.functions[binary].invoke(event).await
    }

    /// A tick of a function's schedule.
    pub async fn tick(&self, binary: &str) -> Value {
        self.try_tick(binary)
            .await
            .unwrap_or_else(|error| panic!("{binary}: {error}"))
    }

    /// A tick of a function's schedule, which may fail.
    pub async fn try_tick(&self, binary: &str) -> Result<Value, InvokeError> {
        let event = json!({ "source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {} });
        self.invoke(binary, event).await
    }

    /// The poller's minute.
    pub async fn poll(&self) -> Value {
        self.tick("missed-call-poller").await
    }

    /// The sweeper's minute.
    pub async fn sweep(&self) -> Value {
        self.tick("job-sweeper").await
    }

    /// Delivers every doorbell for a text; what fails stays in the queue, unseen.
    pub async fn run_jobs(&self) {
        self.answer_doorbells(self.messages_url()).await;
    }

    /// Delivers every doorbell for a call; what fails stays in the queue, unseen.
    pub async fn run_calls(&self) {
        self.answer_doorbells(self.calls_url()).await;
    }

    /// Delivers every doorbell for an answer; what fails stays in the queue, unseen.
    pub async fn run_replies(&self) {
        let replies = self.settings.get("REPLIES_QUEUE_URL").expect("set above");
        self.answer_doorbells(replies).await;
    }

    async fn answer_doorbells(&self, queue_url: &str) {
        while let Some((event, receipts)) = self.batch_of(queue_url).await {
            let answer = self.invoke("job-runner", event).await;
            let failed: Vec<String> = match &answer {
                Ok(answer) => answer["batchItemFailures"]
                    .as_array()
                    .expect("a partial batch answer")
                    .iter()
                    .map(|failure| failure["itemIdentifier"].as_str().expect("an id").to_owned())
                    .collect(),
                Err(_) => continue,
            };
            for (id, receipt) in receipts.into_iter().filter(|(id, _)| !failed.contains(id)) {
                let delete = self
                    .queues
                    .delete_message()
                    .queue_url(queue_url)
                    .receipt_handle(receipt);
                delete
                    .send()
                    .await
                    .unwrap_or_else(|error| panic!("{id}: {error:?}"));
            }
        }
    }

    /// The next batch of texts' doorbells as the event source mapping would hand it over, with its receipts.
    pub async fn next_batch(&self) -> Option<(Value, Vec<(String, String)>)> {
        self.batch_of(self.messages_url()).await
    }

    /// The same of calls' doorbells.
    pub async fn next_batch_of_calls(&self) -> Option<(Value, Vec<(String, String)>)> {
        self.batch_of(self.calls_url()).await
    }

    async fn batch_of(&self, queue_url: &str) -> Option<(Value, Vec<(String, String)>)> {
        let received = self
            .queues
            .receive_message()
            .queue_url(queue_url)
            .max_number_of_messages(5)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .expect("the queue");
        let messages = received.messages.unwrap_or_default();
        if messages.is_empty() {
            return None;
        }
        let records = messages.iter().map(|message| {
            let attributes = message.attributes.iter().flatten();
            let attributes: Value = attributes.map(|(name, value)| (name.as_str().to_owned(), json!(value))).collect();
            json!({ "messageId": message.message_id, "body": message.body, "attributes": attributes, "eventSource": "aws:sqs" })
        });
        let event = json!({ "Records": records.collect::<Vec<_>>() });
        let receipts = messages.iter().map(|message| {
            let both = (message.message_id.clone(), message.receipt_handle.clone());
            (both.0.expect("an id"), both.1.expect("a receipt"))
        });
        Some((event, receipts.collect()))
    }

    fn messages_url(&self) -> &str {
        self.settings.get("MESSAGES_QUEUE_URL").expect("set above")
    }

    fn calls_url(&self) -> &str {
        self.settings.get("CALLS_QUEUE_URL").expect("set above")
    }

    /// A message put into the texts' queue by hand.
    pub async fn ring_doorbell(&self, body: &str, group: &str, deduplication: &str) {
        let send = self
            .queues
            .send_message()
            .queue_url(self.messages_url())
            .message_body(body);
        send.message_group_id(group)
            .message_deduplication_id(deduplication)
            .send()
            .await
            .expect("the queue");
    }

    /// Lets time pass for everybody.
    pub async fn pass(&self, time: SignedDuration) {
        self.database.advance(time).await;
        let time = Duration::try_from(time).expect("forwards");
        // Vapi, Meta and the models have the same clock.
        self.twilio.clock().advance(time);
        self.sqs.advance(time);
    }

    /// Minutes in which the schedules tick and the doorbells are answered.
    pub async fn minutes(&self, minutes: i64) {
        for _ in 0..minutes {
            self.pass(SignedDuration::from_mins(1)).await;
            self.poll().await;
            self.sweep().await;
            self.run_jobs().await;
            self.run_calls().await;
        }
    }

    /// The texts that somebody got.
    pub fn texts_to(&self, person: &str) -> Vec<SentMessage> {
        self.twilio.messages_to(person)
    }

    /// What is parked, in its order.
    pub fn parked(&self) -> Vec<Value> {
        let messages = self.sqs.messages("parked-events.fifo");
        messages
            .iter()
            .map(|message| serde_json::from_str(&message.body).expect("an event"))
            .collect()
    }

    /// The calls that somebody got, or that are on their way to them.
    pub fn calls_to(&self, person: &str) -> Vec<PlacedCall> {
        self.vapi.calls_to(person)
    }

    /// How the job of a call stands: `accepted`, or its state and reason.
    pub async fn job_of(&self, call_sid: &str) -> String {
        let query =
            format!("SELECT concat_ws(': ', state, state_reason) FROM jobs WHERE cause = '{call_sid}'");
        self.database
            .one(&query)
            .await
            .unwrap_or_else(|| "none".to_owned())
    }

    /// What a call was found to be, and by whom.
    pub async fn outcome_of(&self, call_sid: &str) -> String {
        let query = format!(
            "SELECT concat_ws(' by ', outcome, decided_by) FROM active_calls WHERE call_sid = '{call_sid}'"
        );
        self.database
            .one(&query)
            .await
            .unwrap_or_else(|| "none".to_owned())
    }

    /// Why events were quarantined, in order.
    pub async fn quarantined(&self) -> Vec<String> {
        let rows = self.database.owner().query(
            "SELECT source || ': ' || reason FROM quarantined_events ORDER BY id",
            &[],
        );
        rows.await
            .expect("the table")
            .iter()
            .map(|row| row.get(0))
            .collect()
    }

    /// Evidence that somebody was reached twice; must stay empty.
    pub async fn evidence(&self) -> Vec<String> {
        let rows = self
            .database
            .owner()
            .query("SELECT note FROM duplicate_evidence ORDER BY id", &[]);
        rows.await
            .expect("the table")
            .iter()
            .map(|row| row.get(0))
            .collect()
    }
}

/// What the functions need to answer on WhatsApp.
fn whatsapp(settings: Settings, meta: &SandboxMeta, chat: &SandboxChat) -> Settings {
    settings
        .with("WHATSAPP_ACCESS_TOKEN", WHATSAPP_KEY)
        .with("WHATSAPP_APP_SECRET", WHATSAPP_SECRET)
        .with("WHATSAPP_VERIFY_TOKEN", WHATSAPP_TOKEN)
        .with("WHATSAPP_PHONE_NUMBER_ID", meta.phone_number_id())
        .with("WHATSAPP_API_BASE_URL", meta.base_url())
        .with("DEEPSEEK_API_KEY", chat.key(Provider::DeepSeek))
        .with("DEEPSEEK_API_BASE_URL", chat.base_url(Provider::DeepSeek))
        .with("OPENAI_API_KEY", chat.key(Provider::OpenAi))
        .with("OPENAI_API_BASE_URL", chat.base_url(Provider::OpenAi))
}
