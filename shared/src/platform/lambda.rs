//! How a function starts and how long it has left.

use std::future::Future;
use std::time::{Duration, SystemTime};

use lambda_http::{Body, Error, Request, Response};

use super::http::{self, HttpError};
use super::scheduled::is_tick;

/// Once per sandbox, before anything else: logs, and the one TLS implementation for every client.
pub fn init() {
    super::log::init();
    // Err means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A handler's result as `lambda_http` wants it.
///
/// What fails over HTTP is answered with a 5xx. What fails on a schedule is the invocation's failure, which
/// Lambda counts; an answer would look like success.
pub async fn answer<F: Future<Output = http::Result>>(
    request: Request,
    handle: impl FnOnce(Request) -> F,
) -> Result<Response<Body>, Error> {
    let is_scheduled = is_tick(&request);
    match handle(request).await {
        Err(HttpError::Failed(error)) if is_scheduled => Err(format!("{error:#}").into()),
        result => Ok(http::respond(result)),
    }
}

/// The moment at which the platform kills the sandbox.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(SystemTime);

impl Deadline {
    /// From a Lambda context's deadline, in milliseconds since the epoch.
    pub fn from_epoch_ms(deadline_ms: u64) -> Self {
        Self(SystemTime::UNIX_EPOCH + Duration::from_millis(deadline_ms))
    }

    /// What is left of the invocation; zero when it is over.
    pub fn remaining(self) -> Duration {
        self.0.duration_since(super::wall_clock()).unwrap_or_default()
    }
}
