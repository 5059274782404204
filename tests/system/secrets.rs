//! Secrets from Secrets Manager, which here is moto: nobody here wrote it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_secretsmanager::Client as Manager;
use aws_sdk_sqs::types::QueueAttributeName;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use local::invoke::InvokeError;
use local::sandbox::{Outcome, Ring, Webhook};
use local::settings::Settings;
use serde_json::{Value, json};
use shared::platform::http_client::for_reading;
use system_tests::{
    CALLER, CRON_SECRET, JOB_RUNNER_TOKEN, LINE, Moto, OWNER, SHOP_SECRET, STRIPE_SECRET, TestDatabase,
    World, real,
};
use tokio::net::TcpListener;

const SECRET: &str = "switchboard/test";
const OLD: &str = "the-old-twilio-word";
const NEW: &str = "the-new-twilio-word";

/// Moto, behind a counter of how often it is asked for a secret.
struct Aws {
    moto: Moto,
    endpoint: String,
    look_ups: Arc<AtomicUsize>,
    manager: Manager,
}

impl Aws {
    async fn start() -> Self {
        let moto = Moto::start().await.expect("moto");
        let look_ups = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let counter = Counter {
            target: moto.endpoint().to_owned(),
            http: for_reading().expect("a client"),
            look_ups: Arc::clone(&look_ups),
        };
        let router = Router::new().fallback(pass_on).with_state(counter);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let manager = Manager::new(&Settings::new(endpoint.clone()).aws());
        Self {
            moto,
            endpoint,
            look_ups,
            manager,
        }
    }

    async fn queue(&self, name: &str) -> String {
        let client = aws_sdk_sqs::Client::new(&Settings::new(self.endpoint.clone()).aws());
        let queue = client
            .create_queue()
            .queue_name(name)
            .attributes(QueueAttributeName::FifoQueue, "true");
        queue.send().await.expect("a queue").queue_url.expect("its URL")
    }

    async fn keep(&self, secrets: &Value) {
        let keeping = self.manager.create_secret().name(SECRET);
        keeping
            .secret_string(secrets.to_string())
            .send()
            .await
            .expect("a secret");
    }

    async fn rotate_to(&self, secrets: &Value) {
        let keeping = self.manager.put_secret_value().secret_id(SECRET);
        keeping
            .secret_string(secrets.to_string())
            .send()
            .await
            .expect("a version");
    }

    /// A look-up asks for both versions, the current one and the one before.
    fn take_look_ups(&self) -> usize {
        self.look_ups.swap(0, Ordering::SeqCst).div_ceil(2)
    }
}

#[derive(Clone)]
struct Counter {
    target: String,
    http: reqwest::Client,
    look_ups: Arc<AtomicUsize>,
}

async fn pass_on(State(counter): State<Counter>, mut headers: HeaderMap, body: Bytes) -> Response<Body> {
    if headers
        .get("x-amz-target")
        .is_some_and(|target| target == "secretsmanager.GetSecretValue")
    {
        counter.look_ups.fetch_add(1, Ordering::SeqCst);
    }
    headers.remove("host");
    headers.remove("content-length");
    let request = counter
        .http
        .post(format!("{}/", counter.target))
        .headers(headers)
        .body(body);
    let answer = request.send().await.expect("moto answers");
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if name != "transfer-encoding" && name != "content-length" && name != "connection" {
            response = response.header(name, value);
        }
    }
    response
        .body(Body::from(answer.bytes().await.expect("a body")))
        .expect("a response")
}

fn secrets(database_url: &str, twilio: &str) -> Value {
    json!({
        "DATABASE_URL": database_url,
        "TWILIO_AUTH_TOKEN": twilio,
        "CRON_SECRET": CRON_SECRET,
        "JOB_RUNNER_TOKEN": JOB_RUNNER_TOKEN,
        "VAPI_WEBHOOK_SECRET": "the-vapi-word",
        "STRIPE_WEBHOOK_SECRET": STRIPE_SECRET,
        "CUSTOMERS_WEBHOOK_SECRET": SHOP_SECRET,
        "WHATSAPP_APP_SECRET": "the-whatsapp-word",
        "WHATSAPP_VERIFY_TOKEN": "the-whatsapp-question",
        "WHATSAPP_ACCESS_TOKEN": "the-whatsapp-key",
    })
}

/// A world whose functions know where their secrets are, and none of them.
async fn world_on(aws: &Aws) -> (World, String) {
    let database = TestDatabase::new().await;
    database
        .sql(&format!(
            "INSERT INTO lines (number, forward_to, business_name) VALUES ('{LINE}', '{OWNER}', 'Acme')"
        ))
        .await;
    let url = database.application_url().await;
    aws.keep(&secrets(&url, OLD)).await;
    let (messages, calls, replies, parked) = (
        aws.queue("messages.fifo").await,
        aws.queue("calls.fifo").await,
        aws.queue("replies.fifo").await,
        aws.queue("parked-events.fifo").await,
    );
    let world = World::without_lines(database, url.clone(), |settings| {
        let public = [
            "APP_URL",
            "SWITCHBOARD_STAGE",
            "TWILIO_ACCOUNT_SID",
            "TWILIO_API_BASE_URL",
            "BUSINESS_NAME",
            "WHATSAPP_PHONE_NUMBER_ID",
        ];
        let bare = Settings::new(aws.endpoint.clone())
            .with("SECRETS_ID", SECRET)
            .with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &aws.endpoint)
            .with("MESSAGES_QUEUE_URL", messages)
            .with("CALLS_QUEUE_URL", calls)
            .with("REPLIES_QUEUE_URL", replies)
            .with("PARKED_EVENTS_QUEUE_URL", parked);
        public.into_iter().fold(bare, |bare, name| {
            bare.with(name, settings.get(name).expect("a world has it"))
        })
    })
    .await;
    world.twilio.rotate_auth_token(OLD);
    (world, url)
}

#[tokio::test]
async fn a_missed_call_is_answered_with_secrets_and_queues_that_are_not_ours() {
    let aws = Aws::start().await;
    let (world, _) = world_on(&aws).await;
    let ring = Ring::new(CALLER, LINE, Outcome::NoAnswer).ringing_for(std::time::Duration::ZERO);
    let report = world.twilio.ring(ring).await;
    world.run_jobs().await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
    assert_eq!(world.job_of(&report.call).await, "accepted");

    let cron = |word: &'static str| {
        let client = for_reading().expect("a client");
        let request = client.get(format!("{}/api/cron/check-missed-calls", world.url));
        async move {
            request
                .bearer_auth(word)
                .send()
                .await
                .expect("an answer")
                .status()
        }
    };
    assert_eq!(cron(CRON_SECRET).await, 200);
    assert_eq!(cron("another word").await, 401);
    drop(world);
    aws.moto.stop().await.expect("a child");
}

/// Seen by the real binary of the voice webhook, which has its secrets to itself.
#[tokio::test]
async fn a_rotation_loses_no_webhook_and_lets_no_stranger_in() {
    let aws = Aws::start().await;
    let (world, url) = world_on(&aws).await;
    aws.take_look_ups();
    let webhook = real("twilio-voice-webhook", &world.settings);
    webhook.start().await.expect("it starts");
    assert_eq!(aws.take_look_ups(), 1, "at the cold start");
    world.replace("twilio-voice-webhook", Arc::new(webhook.clone()));
    let call = |sid: &str| -> Webhook {
        world
            .twilio
            .post_voice_webhook(&[("CallSid", sid), ("From", CALLER), ("To", LINE)])
    };
    let status = async |webhook: Webhook| webhook.await.answer().status;

    assert_eq!(status(call("CA_before").signed_with(OLD)).await, 200);
    aws.rotate_to(&secrets(&url, NEW)).await;
    assert_eq!(
        status(call("CA_old").signed_with(OLD)).await,
        200,
        "Twilio has not rotated yet"
    );
    assert_eq!(aws.take_look_ups(), 0);
    assert_eq!(
        status(call("CA_new").signed_with(NEW)).await,
        200,
        "at once, seconds after the cold start"
    );
    assert_eq!(aws.take_look_ups(), 1);
    assert_eq!(
        status(call("CA_late").signed_with(OLD)).await,
        200,
        "for the overlap"
    );
    for _ in 0..5 {
        assert_eq!(status(call("CA_stranger").signed_with("a-stranger")).await, 403);
    }
    assert_eq!(aws.take_look_ups(), 0, "one a minute is enough, whoever asks");
    assert_eq!(status(call("CA_after").signed_with(NEW)).await, 200);
    webhook.kill().await;
    aws.moto.stop().await.expect("a child");
}

#[tokio::test]
async fn a_missing_secret_stops_the_cold_start_and_is_named_and_none_is_printed() {
    let aws = Aws::start().await;
    let (world, url) = world_on(&aws).await;
    for (function, missing) in [
        ("twilio-voice-webhook", "TWILIO_AUTH_TOKEN"),
        ("twilio-status-webhook", "DATABASE_URL"),
        ("twilio-sms-webhook", "TWILIO_AUTH_TOKEN"),
        ("vapi-webhook", "VAPI_WEBHOOK_SECRET"),
        ("whatsapp-webhook", "WHATSAPP_APP_SECRET"),
        ("stripe-webhook", "STRIPE_WEBHOOK_SECRET"),
        ("customers-webhook", "CUSTOMERS_WEBHOOK_SECRET"),
        ("job-runner", "TWILIO_AUTH_TOKEN"),
        ("job-sweeper", "JOB_RUNNER_TOKEN"),
        ("missed-call-poller", "CRON_SECRET"),
        ("call-scheduler", "CRON_SECRET"),
        ("cleanup", "DATABASE_URL"),
    ] {
        let mut incomplete = secrets(&url, OLD);
        incomplete.as_object_mut().expect("an object").remove(missing);
        aws.rotate_to(&incomplete).await;
        let output = fails_to_start(function, &world.settings).await;
        assert!(
            output.contains(missing),
            "{function} does not name {missing}: {output}"
        );
    }
    // Neither is what is not JSON, nor a URL that cannot be one.
    let broken = [
        format!("TWILIO_AUTH_TOKEN={OLD}"),
        secrets(&format!("postgres//{CRON_SECRET}:{JOB_RUNNER_TOKEN}@"), OLD).to_string(),
    ];
    for broken in broken {
        let keeping = aws.manager.put_secret_value().secret_id(SECRET);
        keeping.secret_string(broken).send().await.expect("a version");
        fails_to_start("cleanup", &world.settings).await;
    }
    let elsewhere = world.settings.clone().with("SECRETS_ID", "switchboard/none");
    let output = fails_to_start("cleanup", &elsewhere).await;
    assert!(output.contains("switchboard/none"), "{output}");
    aws.moto.stop().await.expect("a child");
}

/// What a function prints that cannot start; it holds no secret.
async fn fails_to_start(function: &str, settings: &Settings) -> String {
    let sandbox = real(function, settings);
    let error = sandbox.start().await.expect_err("it lacks a setting");
    assert!(matches!(error, InvokeError::NotStarted(_)), "{function}: {error}");
    let output = format!("{error}\n{}", sandbox.take_output().join("\n"));
    for word in [
        OLD,
        NEW,
        CRON_SECRET,
        JOB_RUNNER_TOKEN,
        STRIPE_SECRET,
        SHOP_SECRET,
        "switchboard@",
    ] {
        assert!(!output.contains(word), "{function} prints {word}: {output}");
    }
    output
}
