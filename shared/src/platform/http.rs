//! Answers to the outside.
//!
//! What the sender did wrong is said where it is found, by a named constructor, and told to the sender.
//! What went wrong on our side travels by `?`, is logged once with its whole chain, and is told to nobody.

use lambda_http::{Body, Request, Response};
use serde_json::json;

use super::database;

/// What a handler answers.
pub type Result = std::result::Result<Response<Body>, HttpError>;

/// Why a handler does not answer as asked.
#[derive(Debug)]
pub enum HttpError {
    /// The sender's doing.
    Refused {
        /// 4xx.
        status: u16,
        /// A lower-case fragment that gives nothing away.
        reason: &'static str,
    },
    /// Ours.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for HttpError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Refuses what is not a `POST` of this media type with at most so many bytes.
pub fn posted(request: &Request, media_type: &str, bytes_max: usize) -> std::result::Result<(), HttpError> {
    if request.method() != ::http::Method::POST {
        return Err(method_not_allowed());
    }
    let content_type = request
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let given = content_type.split(';').next().unwrap_or_default().trim();
    if !given.eq_ignore_ascii_case(media_type) {
        return Err(unsupported_media_type());
    }
    if request.body().len() > bytes_max {
        return Err(payload_too_large());
    }
    Ok(())
}

/// 401: who are you?
pub fn unauthorized() -> HttpError {
    HttpError::Refused {
        status: 401,
        reason: "Unauthorized",
    }
}

/// 403 for whatever a signature did not cover; which check failed is for the log alone.
pub fn forbidden<E: std::fmt::Display>(error: E) -> HttpError {
    tracing::warn!(%error, "refused a request that is not signed as it should be");
    HttpError::Refused {
        status: 403,
        reason: "forbidden",
    }
}

/// 405.
pub fn method_not_allowed() -> HttpError {
    HttpError::Refused {
        status: 405,
        reason: "method not allowed",
    }
}

/// 413.
pub fn payload_too_large() -> HttpError {
    HttpError::Refused {
        status: 413,
        reason: "payload too large",
    }
}

/// 415.
pub fn unsupported_media_type() -> HttpError {
    HttpError::Refused {
        status: 415,
        reason: "unsupported media type",
    }
}

/// 204.
pub fn no_content() -> Response<Body> {
    answer(204, None, Body::Empty)
}

/// 200 with `TwiML`.
pub fn twiml(document: String) -> Response<Body> {
    answer(200, Some("text/xml; charset=utf-8"), Body::Text(document))
}

/// 200 with words, as they are.
pub fn plain(words: String) -> Response<Body> {
    answer(200, Some("text/plain; charset=utf-8"), Body::Text(words))
}

/// A JSON answer.
pub fn json(status: u16, body: &serde_json::Value) -> Response<Body> {
    answer(status, Some("application/json"), Body::Text(body.to_string()))
}

/// 503 for what is signed and could not be kept: its sender tries again.
pub fn try_again(error: &anyhow::Error) -> Response<Body> {
    tracing::error!(
        error = format!("{error:#}"),
        "kept nowhere: it must be sent again"
    );
    json(503, &json!({ "ok": false, "error": "not now: send it again" }))
}

fn answer(status: u16, content_type: Option<&str>, body: Body) -> Response<Body> {
    let mut response = Response::builder()
        .status(status)
        .header("cache-control", "no-store");
    if let Some(content_type) = content_type {
        response = response.header("content-type", content_type);
    }
    response.body(body).expect("a constant head is valid")
}

/// The answer to the outside, logging what is ours to mend.
pub fn respond(result: Result) -> Response<Body> {
    match result {
        Ok(response) => response,
        Err(HttpError::Refused { status, reason }) => json(status, &json!({ "ok": false, "error": reason })),
        Err(HttpError::Failed(error)) => failure(&error),
    }
}

fn failure(error: &anyhow::Error) -> Response<Body> {
    if let Some(database::Error::Mismatch(what)) = error.downcast_ref() {
        tracing::error!("[DB-MISMATCH] {what}. DB migrations not applied.");
        let told = "DB migrations not applied. Run: ops migrate";
        return json(500, &json!({ "ok": false, "code": "DB_MISMATCH", "error": told }));
    }
    let reference = uuid::Uuid::new_v4();
    tracing::error!(error = format!("{error:#}"), %reference, "request failed");
    json(
        500,
        &json!({ "ok": false, "error": "something went wrong on our side", "reference": reference }),
    )
}
