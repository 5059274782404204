//! The Runtime API: a function asks for its next event and says what became of it.

use std::sync::Mutex;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

use crate::invoke::InvokeError;

/// What a function may answer with.
const ANSWER_BYTES_MAX: usize = 6 * 1024 * 1024;

/// An event, and what goes with it in the headers.
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) deadline_ms: u64,
    pub(super) function_arn: String,
    pub(super) event: Value,
}

type Outcome = Result<Value, InvokeError>;

/// Between one process and whoever invokes it. One event at a time, as on Lambda.
pub(super) struct Exchange {
    events: mpsc::Sender<Invocation>,
    waiting: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    in_flight: Mutex<Option<(String, oneshot::Sender<Outcome>)>>,
    start: watch::Sender<Start>,
}

/// How far a process has come with its start.
#[derive(Debug, Clone)]
pub(super) enum Start {
    /// It has not asked for an event.
    Pending,
    /// It asked for its first event then.
    Ready(Instant),
    /// It said that it cannot start.
    Failed(String),
}

impl Exchange {
    pub(super) fn new() -> Arc<Self> {
        let (events, waiting) = mpsc::channel(1);
        Arc::new(Self {
            events,
            waiting: tokio::sync::Mutex::new(waiting),
            in_flight: Mutex::new(None),
            start: watch::Sender::new(Start::Pending),
        })
    }

    /// Hands an event to the process' next question, and promises its answer.
    pub(super) fn hand_over(&self, invocation: Invocation) -> oneshot::Receiver<Outcome> {
        let (answer, promise) = oneshot::channel();
        *self.in_flight() = Some((invocation.request_id.clone(), answer));
        // Full only if the process never took the last event, and then its invocation has timed out.
        let _ = self.events.try_send(invocation);
        promise
    }

    /// How the start goes.
    pub(super) fn start(&self) -> watch::Receiver<Start> {
        self.start.subscribe()
    }

    /// What the process serves itself from.
    pub(super) fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{request_id}/response",
                post(response),
            )
            .route("/2018-06-01/runtime/invocation/{request_id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::max(ANSWER_BYTES_MAX))
            .with_state(Arc::clone(self))
    }

    fn settle(&self, request_id: &str, outcome: Outcome) -> Response {
        let mut in_flight = self.in_flight();
        match in_flight.take_if(|(waiting, _)| waiting == request_id) {
            Some((_, answer)) => {
                // Whoever invoked may be gone.
                let _ = answer.send(outcome);
                (StatusCode::ACCEPTED, axum::Json(json!({ "status": "OK" }))).into_response()
            }
            None => refusal("InvalidRequestID", "no such invocation is in flight"),
        }
    }

    fn in_flight(&self) -> std::sync::MutexGuard<'_, Option<(String, oneshot::Sender<Outcome>)>> {
        self.in_flight.lock().expect("nothing panics while it holds this")
    }
}

async fn next(State(exchange): State<Arc<Exchange>>) -> Response {
    exchange.start.send_if_modified(|start| {
        let first = matches!(start, Start::Pending);
        if first {
            *start = Start::Ready(Instant::now());
        }
        first
    });
    let Some(invocation) = exchange.waiting.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", invocation.request_id),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.function_arn),
        ("lambda-runtime-trace-id", trace_id()),
    ];
    (headers, invocation.event.to_string()).into_response()
}

async fn response(
    State(exchange): State<Arc<Exchange>>,
    Path(request_id): Path<String>,
    body: Bytes,
) -> Response {
    let outcome = if body.is_empty() {
        Ok(Value::Null)
    } else {
        serde_json::from_slice(&body)
    };
    let outcome = outcome.map_err(|error| InvokeError::Failed {
        error_type: "Runtime.InvalidResponse".to_owned(),
        message: format!("the answer is not JSON: {error}"),
    });
    exchange.settle(&request_id, outcome)
}

async fn error(
    State(exchange): State<Arc<Exchange>>,
    Path(request_id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let diagnostic = Diagnostic::read(&headers, &body);
    let error = InvokeError::Failed {
        error_type: diagnostic.error_type,
        message: diagnostic.error_message,
    };
    exchange.settle(&request_id, Err(error))
}

async fn init_error(State(exchange): State<Arc<Exchange>>, headers: HeaderMap, body: Bytes) -> Response {
    let Diagnostic {
        error_type,
        error_message,
    } = Diagnostic::read(&headers, &body);
    exchange
        .start
        .send_replace(Start::Failed(format!("{error_type}: {error_message}")));
    (StatusCode::ACCEPTED, axum::Json(json!({ "status": "OK" }))).into_response()
}

/// What a function says about an error.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Diagnostic {
    error_type: String,
    error_message: String,
}

impl Default for Diagnostic {
    fn default() -> Self {
        Self {
            error_type: "Unhandled".to_owned(),
            error_message: String::new(),
        }
    }
}

impl Diagnostic {
    fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|_| {
            let error_type = headers.get("lambda-runtime-function-error-type");
            Self {
                error_type: error_type
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or("Unhandled")
                    .to_owned(),
                error_message: String::from_utf8_lossy(body).into_owned(),
            }
        })
    }
}

fn refusal(error_type: &str, message: &str) -> Response {
    let body = json!({ "errorType": error_type, "errorMessage": message });
    (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
}

fn trace_id() -> String {
    format!(
        "Root=1-{:08x}-{:024x};Sampled=0",
        fastrand::u32(..),
        fastrand::u128(..) >> 32
    )
}
