//! One request to a provider, and what came of it.

use std::time::Duration;

use anyhow::ensure;
use reqwest::{RequestBuilder, Url};
use serde_json::{Map, Value};

use crate::jobs::Outcome;
use crate::platform::gate::{Gate, Operation, Severed};
use crate::platform::http_client::{CappedReadError, read_capped, was_never_sent};
use crate::platform::is_this_machine;

/// Providers document no upper bound; nobody waits longer than this without looking again.
const RETRY_AFTER: std::ops::RangeInclusive<u64> = 1..=15 * 60;
const RETRY_AFTER_UNSAID: u64 = 30;

/// Why one of a provider's records could not be read. Reading again harms nobody.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The provider knows no such thing.
    #[error("the provider knows no such thing")]
    NotFound,
    /// The provider answered something else.
    #[error("the provider answered {0}")]
    Status(u16),
    /// No answer, or half of one.
    #[error("the provider did not answer")]
    Unanswered(#[from] reqwest::Error),
    /// It was lost on the way there or back.
    #[error("the provider was not reached")]
    Severed(#[from] Severed),
    /// An answer that is not what it should be.
    #[error("the provider's answer cannot be read: {0}")]
    Unreadable(&'static str),
}

impl From<CappedReadError> for ReadError {
    fn from(error: CappedReadError) -> Self {
        match error {
            CappedReadError::TooLong => Self::Unreadable("too long"),
            CappedReadError::BrokenOff(error) => Self::Unanswered(error),
        }
    }
}

/// Where a provider's API is. Credentials go nowhere in the clear, but on this machine.
pub(super) fn parse_base(text: &str) -> anyhow::Result<Url> {
    let base: Url = text.parse()?;
    ensure!(
        matches!(base.scheme(), "http" | "https") && base.has_host(),
        "not an http:// or https:// URL"
    );
    ensure!(
        base.scheme() == "https" || base.host_str().is_some_and(is_this_machine),
        "plain http:// is for this machine only"
    );
    Ok(base)
}

/// Sends a request that reaches a person, once, and has its whole answer classified.
///
/// `still_good` is asked at the last moment, when everybody else has been waited for.
pub(super) async fn send_once(
    gate: &Gate,
    name: &'static str,
    request: RequestBuilder,
    answer_bytes_max: usize,
    still_good: impl Fn() -> bool,
    classify: impl Fn(u16, Option<&str>, &[u8]) -> Outcome,
) -> Outcome {
    let outcome = gate
        .pass(Operation::Send(name), async {
            Ok(if still_good() {
                send(request, answer_bytes_max, classify).await
            } else {
                Outcome::not_sent()
            })
        })
        .await;
    outcome.unwrap_or_else(|severed| match severed {
        Severed::NotDone => Outcome::not_sent(),
        Severed::Unheard => unclear("the connection broke"),
    })
}

async fn send(
    request: RequestBuilder,
    answer_bytes_max: usize,
    classify: impl Fn(u16, Option<&str>, &[u8]) -> Outcome,
) -> Outcome {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) if was_never_sent(&error) => return Outcome::not_sent(),
        Err(error) if error.is_timeout() => return unclear("no answer in time"),
        Err(_) => return unclear("the connection broke"),
    };
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    // Only what a refusal says can be missing from a body that breaks off; the status stands.
    let body = read_capped(response, answer_bytes_max).await.unwrap_or_default();
    classify(status, retry_after.as_deref(), &body)
}

fn unclear(why: &str) -> Outcome {
    Outcome::Unknown {
        why: why.to_owned(),
        http_status: None,
    }
}

/// Reads a record: its status, and a body of at most `answer_bytes_max`.
pub(super) async fn read(
    gate: &Gate,
    name: &'static str,
    request: RequestBuilder,
    answer_bytes_max: usize,
) -> Result<(u16, Vec<u8>), ReadError> {
    let reading = async {
        let response = request.send().await?;
        let status = response.status().as_u16();
        Ok((status, read_capped(response, answer_bytes_max).await?))
    };
    gate.pass(Operation::Read(name), reading).await
}

/// The object that a body is. What is not text in it was quoted from somebody and changes nothing.
pub(super) fn object_in(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_str(&String::from_utf8_lossy(body)).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// How long a throttled channel waits: as told, within reason.
pub(super) fn wait_of(retry_after: Option<&str>) -> Duration {
    let seconds = retry_after
        .and_then(|text| text.trim().parse::<u64>().ok())
        .unwrap_or(RETRY_AFTER_UNSAID);
    Duration::from_secs(seconds.clamp(*RETRY_AFTER.start(), *RETRY_AFTER.end()))
}
