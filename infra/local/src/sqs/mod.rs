//! An in-process stand-in for SQS, behind the real `aws-sdk-sqs`.
//!
//! It speaks the JSON protocol over HTTP, so the functions run here with the client that they run with
//! in production, and `tests/system/queue_contract.rs` holds it to what SQS documents. It is also the
//! tests' window into the queues, and the switch for the ways in which a queue can fail.
//!
//! What it leaves out: credentials are not checked, nothing is throttled, and nothing survives a restart.
//! The jobs are in Postgres; a lost doorbell is rung again.

mod attributes;
mod message;
mod protocol;
mod queue;
mod queues;
mod receipt;
mod refusal;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Handle};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

pub use self::attributes::{QueueAttributes, RedrivePolicy, Scope};
pub use self::message::State;
pub use self::refusal::{Code, Refusal};

use self::queue::{Delivery, Receive};
use self::queues::Queues;

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "000000000000";

/// Larger than the largest batch by what JSON and base64 add to it.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A handle to the queues; its clones share them.
#[derive(Clone, Debug)]
pub struct Sqs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    address: OnceLock<SocketAddr>,
    /// Time here is the time since the start, by a clock that never goes back, and what tests add to it.
    started: (Timestamp, Instant),
    inside: Mutex<Inside>,
    /// Told after every change: whoever waits for a message looks again.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inside {
    queues: Queues,
    advanced: Duration,
    sends: Sends,
    calls: HashMap<String, u64>,
}

/// How sending goes wrong, if it does.
#[derive(Clone, Copy, Debug, Default)]
struct Sends {
    fail: bool,
    lose_answers: bool,
    stall: Duration,
}

/// A message as it lies in a queue now, for those who want to see what was sent and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMessage {
    /// Its `MessageId`.
    pub id: Uuid,
    /// The text that was sent.
    pub body: String,
    /// Its `MessageGroupId`.
    pub group: Option<String>,
    /// Its `MessageDeduplicationId`, given or made from its body.
    pub deduplication_id: Option<String>,
    /// How often it has been received.
    pub receive_count: u32,
    /// Whether somebody has it.
    pub state: State,
}

impl Default for Sqs {
    fn default() -> Self {
        Self::new()
    }
}

impl Sqs {
    /// No queues yet, and nobody listening.
    pub fn new() -> Self {
        let wall = Timestamp::try_from(SystemTime::now()).expect("the year is not 10000");
        Self(Arc::new(Shared {
            address: OnceLock::new(),
            started: (wall, Instant::now()),
            inside: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// A stand-in on a free port of the loopback interface, served until the runtime ends.
    pub async fn start() -> std::io::Result<Self> {
        let sqs = Self::new();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        tokio::spawn(sqs.serve(listener)?);
        Ok(sqs)
    }

    /// Serves on `listener`, whose address is the endpoint from now on.
    pub fn serve(
        &self,
        listener: TcpListener,
    ) -> std::io::Result<impl Future<Output = std::io::Result<()>> + Send + 'static> {
        let address = listener.local_addr()?;
        self.0
            .address
            .set(address)
            .expect("the queues are served in one place");
        let router = self.router();
        Ok(async move { axum::serve(listener, router).await })
    }

    /// The service, for a server of the caller's own. Every path is the same: the protocol looks at a
    /// header and at the body.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// What to set `AWS_ENDPOINT_URL_SQS` to. Only after [`serve`](Self::serve).
    pub fn endpoint(&self) -> String {
        let address = self
            .0
            .address
            .get()
            .expect("the queues are served before anybody asks where");
        format!("http://{address}")
    }

    /// Makes a queue and tells its URL. The same queue twice is the same queue.
    pub fn create_queue(&self, name: &str, attributes: QueueAttributes) -> Result<String, Refusal> {
        self.change(|queues, now| queues.create(name, attributes, now))?;
        Ok(self.queue_url(name))
    }

    /// Where a queue of this name is, or would be.
    pub fn queue_url(&self, name: &str) -> String {
        format!("{}{}", self.endpoint(), path(name))
    }

    /// What is in a queue now, in order: waiting, delayed and in flight. Empty if there is no such queue.
    pub fn messages(&self, name: &str) -> Vec<QueuedMessage> {
        self.look(|queues, now| {
            let queue = queues.queue(name).ok();
            let messages = queue.into_iter().flat_map(|queue| queue.messages(now));
            messages
                .map(|(_, message, state)| QueuedMessage {
                    id: message.id,
                    body: message.body.clone(),
                    group: message.group.clone(),
                    deduplication_id: message.deduplication_id.clone(),
                    receive_count: message.receive_count,
                    state,
                })
                .collect()
        })
    }

    /// Forgets every queue's messages, and whose they were.
    pub fn forget(&self) {
        self.change(Queues::forget);
    }

    /// How often an action, `SendMessage` say, has been asked for over HTTP, whatever became of it.
    pub fn calls(&self, action: &str) -> u64 {
        self.inside().calls.get(action).copied().unwrap_or_default()
    }

    /// Refuses to take messages in: sends are answered with HTTP 503, and nothing is accepted.
    pub fn fail_sends(&self, fail: bool) {
        self.inside().sends.fail = fail;
    }

    /// Takes messages in and answers HTTP 503 all the same: a sender that cannot know what happened.
    pub fn lose_send_answers(&self, lose: bool) {
        self.inside().sends.lose_answers = lose;
    }

    /// Lets every send wait this long before anything is done about it. A sender that hangs up meanwhile
    /// has sent nothing.
    pub fn stall_sends(&self, stall: Duration) {
        self.inside().sends.stall = stall;
    }

    /// Lets time pass: visibility timeouts, delays and the five minutes of deduplication, without waiting.
    pub fn advance(&self, duration: Duration) {
        self.inside().advanced += duration;
        self.0.changed.notify_waiters();
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // A panic in the middle of a change is a bug that its own test reports; the others go on.
        self.0.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self, inside: &Inside) -> Timestamp {
        let (wall, instant) = self.0.started;
        wall + instant.elapsed() + inside.advanced
    }

    fn look<T>(&self, look: impl FnOnce(&Queues, Timestamp) -> T) -> T {
        let inside = self.inside();
        look(&inside.queues, self.now(&inside))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Queues, Timestamp) -> T) -> T {
        let changed = {
            let mut inside = self.inside();
            let now = self.now(&inside);
            change(&mut inside.queues, now)
        };
        self.0.changed.notify_waiters();
        changed
    }

    /// Receives, and waits for something to receive: for `wait`, or as long as the queue says.
    async fn receive(
        &self,
        name: &str,
        ask: &Receive,
        wait: Option<Duration>,
    ) -> Result<Vec<Delivery>, Refusal> {
        let wait = match wait {
            Some(wait) => wait,
            None => self.look(|queues, _| Ok(queues.queue(name)?.attributes().receive_wait))?,
        };
        let deadline = Instant::now() + wait;
        loop {
            // Listening begins before looking: a message that arrives in between is not slept through.
            let mut changed = std::pin::pin!(self.0.changed.notified());
            changed.as_mut().enable();

            let (received, next_look) = {
                let mut inside = self.inside();
                let now = self.now(&inside);
                let received = inside.queues.receive(name, ask, now)?;
                let next_visible_at = inside.queues.queue(name)?.next_visible_at(now);
                let in_time = next_visible_at.and_then(|at| Duration::try_from(at.duration_since(now)).ok());
                (
                    received,
                    in_time.map_or(deadline, |in_time| deadline.min(Instant::now() + in_time)),
                )
            };
            if received.buried > 0 {
                // Somebody may be waiting at the dead-letter queue.
                self.0.changed.notify_waiters();
            }
            if !received.deliveries.is_empty() || Instant::now() >= deadline {
                return Ok(received.deliveries);
            }
            tokio::select! {
                () = changed => {}
                () = sleep_until(next_look) => {}
            }
        }
    }
}

async fn answer(Handle(sqs): Handle<Sqs>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let header = |name: &str| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let action = header("x-amz-target")
        .strip_prefix("AmazonSQS.")
        .unwrap_or_default()
        .to_owned();
    let origin = format!("http://{}", header("host"));
    let sends = {
        let mut inside = sqs.inside();
        *inside.calls.entry(action.clone()).or_default() += 1;
        if action.starts_with("SendMessage") {
            inside.sends
        } else {
            Sends::default()
        }
    };
    sleep(sends.stall).await;
    if sends.fail {
        return refused(&unavailable());
    }
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return refused(&Code::SerializationException.because("the request is too large, or was cut off"));
    };
    match protocol::perform(&sqs, &action, &origin, &body).await {
        Ok(_) if sends.lose_answers => refused(&unavailable()),
        Ok(told) => respond(StatusCode::OK, &told),
        Err(refusal) => refused(&refusal),
    }
}

fn unavailable() -> Refusal {
    Code::ServiceUnavailable.because("The request has failed due to a temporary failure of the server.")
}

fn refused(refusal: &Refusal) -> Response {
    let Refusal { code, message } = refusal;
    let (status, fault) = if code.is_ours() {
        (StatusCode::SERVICE_UNAVAILABLE, "Receiver")
    } else {
        (StatusCode::BAD_REQUEST, "Sender")
    };
    let query_error = format!("{};{fault}", code.query_code());
    let body = json!({ "__type": code.shape(), "message": message });
    ([("x-amzn-query-error", query_error)], respond(status, &body)).into_response()
}

fn respond(status: StatusCode, body: &serde_json::Value) -> Response {
    let headers = [
        ("content-type", "application/x-amz-json-1.0".to_owned()),
        ("x-amzn-requestid", Uuid::new_v4().to_string()),
    ];
    (status, headers, Body::from(body.to_string())).into_response()
}

fn path(name: &str) -> String {
    format!("/{ACCOUNT}/{name}")
}

fn arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

fn name_in_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:aws:sqs:")?.splitn(3, ':').nth(2)
}
