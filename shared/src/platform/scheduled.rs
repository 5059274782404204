//! Functions that a schedule runs, and that people may run over HTTP.
//!
//! The schedule invokes the function through IAM, so there is no secret to mismatch. The HTTP route is for
//! people and for outside schedulers: a bearer token, compared in constant time. `?token=` is understood
//! for the callers that exist; a header that anybody can send authorises nothing.

use std::time::Instant;

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::http::{self, HttpError};
use super::secrets::{Secrets, same};

/// What a run did, for its answer and its log.
#[derive(Debug, Default)]
pub struct Summary {
    /// For people.
    pub message: &'static str,
    /// Counts by name, and whatever else callers know.
    pub counts: Map<String, Value>,
}

/// Runs `work` if the caller may, and answers with the keys that callers know.
pub async fn run(
    secrets: &Secrets,
    secret_name: &str,
    method: &str,
    request: &Request,
    work: impl Future<Output = anyhow::Result<Summary>>,
) -> http::Result {
    let request_id = request_id("cron");
    tracing::info!(request.id = request_id, "[CRON] trigger start");
    let auth_method = match request.request_context_ref() {
        _ if is_tick(request) => "schedule",
        _ if request.method() != method => return Err(http::method_not_allowed()),
        _ => authorize(secrets, secret_name, request, &request_id).await?,
    };
    tracing::info!(
        request.id = request_id,
        authMethod = auth_method,
        isVercelCron = false,
        vercelHeaderValue = vercel_header(request),
        "✅ [CRON] authorized method={auth_method}"
    );
    let started = Instant::now();
    let summary = work.await?;
    let elapsed = format!("{}ms", started.elapsed().as_millis());
    tracing::info!(
        request.id = request_id,
        statusCode = 200,
        elapsed,
        counts = serde_json::Value::Object(summary.counts.clone()).to_string(),
        "[CRON] {}",
        summary.message
    );
    let mut body = json!({
        "ok": true, "message": summary.message, "requestId": request_id,
        "authMethod": auth_method, "elapsed": elapsed,
    });
    if let Value::Object(body) = &mut body {
        body.extend(summary.counts);
    }
    Ok(http::json(200, &body))
}

/// Whether `EventBridge` invoked us, by a schedule or by a rule, which only its role may do.
///
/// An event that `lambda_http` cannot read as HTTP is passed through; that alone proves nothing, because an
/// unreadable request would be one. A tick says itself what it is, where no caller of the gateway can.
pub fn is_tick(request: &Request) -> bool {
    matches!(request.request_context_ref(), Some(RequestContext::PassThrough))
        && serde_json::from_slice::<Value>(request.body()).is_ok_and(|event| {
            let source = event.get("source").and_then(Value::as_str);
            matches!(source, Some("aws.scheduler" | "aws.events"))
        })
}

async fn authorize(
    secrets: &Secrets,
    secret_name: &str,
    request: &Request,
    request_id: &str,
) -> Result<&'static str, HttpError> {
    secrets.keep_fresh().await;
    let query = request.query_string_parameters();
    let bearer = header(request, "authorization").and_then(|value| value.strip_prefix("Bearer "));
    let token = query.first("token");
    let given = bearer
        .map(|token| ("bearer", token))
        .or(token.map(|token| ("query", token)));
    if let Some((auth_method, given)) = given {
        let fits = |secrets: &Secrets| {
            // Every valid secret is compared, so that the time does not tell which one fits.
            let valid = secrets.valid(secret_name);
            valid
                .iter()
                .fold(false, |fits, secret| same(given, secret.expose_secret()) | fits)
        };
        if fits(secrets) || (secrets.look_again().await && fits(secrets)) {
            return Ok(auth_method);
        }
    }
    tracing::warn!(
        request.id = request_id,
        hasVercelHeader = vercel_header(request).is_some(),
        vercelHeaderValue = vercel_header(request),
        hasAuthHeader = header(request, "authorization").is_some(),
        hasTokenQuery = token.is_some(),
        "[CRON] unauthorized"
    );
    Err(http::unauthorized())
}

/// What the header says, if it is what a scheduler says there. Anybody can send anything in it, a secret by
/// mistake too, and a log is no place for that.
fn vercel_header(request: &Request) -> Option<&'static str> {
    let value = request.headers().get("x-vercel-cron")?;
    Some(match value.as_bytes() {
        b"1" => "1",
        b"true" => "true",
        _ => "something else",
    })
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// `prefix_<milliseconds>_<random>`: sorts by time and is unlikely to meet its like.
fn request_id(prefix: &str) -> String {
    let ms = super::wall_clock()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    format!("{prefix}_{ms}_{:06x}", fastrand::u32(..0x0100_0000))
}

impl Summary {
    /// From a JSON object of counts.
    pub fn new(message: &'static str, counts: Value) -> Self {
        let counts = match counts {
            Value::Object(counts) => counts,
            other => Map::from_iter([("counts".to_owned(), other)]),
        };
        Self { message, counts }
    }
}
