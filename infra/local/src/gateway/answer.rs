//! The response that API Gateway makes of a function's answer.

use anyhow::{Context, bail, ensure};
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE};
use axum::http::{Response, StatusCode};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Lambda's limit on an answer, base64 counted as it is.
const ANSWER_BYTES_MAX: usize = 6 * 1024 * 1024;

/// The gateway's own words.
pub(super) fn gateway_error(status: StatusCode, message: &str) -> Response<Body> {
    let body = Body::from(json!({ "message": message }).to_string());
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// An answer without a `statusCode` is a body: 200, JSON. One that makes no sense is an error, as if the
/// function had failed. Payload 2.0 knows no headers of several values but cookies, and ignores the rest.
pub(super) fn response(answer: Value) -> anyhow::Result<Response<Body>> {
    if answer.get("statusCode").is_none() {
        let body = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
        let mut response = Response::new(Body::from(body));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return Ok(response);
    }
    let answer: Answer = serde_json::from_value(answer).context("not an answer to an HTTP request")?;
    let text = answer.body.unwrap_or_default();
    ensure!(
        text.len() <= ANSWER_BYTES_MAX,
        "an answer of {} bytes is too long",
        text.len()
    );
    let body = if answer.is_base64_encoded {
        BASE64_STANDARD
            .decode(text)
            .context("body is not the base64 that it says it is")?
    } else {
        text.into_bytes()
    };
    let has_body = !body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status_code).context("statusCode")?;
    let headers = response.headers_mut();
    for (name, value) in answer.headers.unwrap_or_default() {
        let value = match value {
            Value::String(text) => text,
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => bail!("header {name} is not one value"),
        };
        let name: HeaderName = name.parse().with_context(|| format!("header {name}"))?;
        headers.insert(name, value.parse()?);
    }
    for cookie in answer.cookies.unwrap_or_default() {
        headers.append(SET_COOKIE, cookie.parse().context("a cookie")?);
    }
    if has_body && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(answer: Value) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let (parts, body) = response(answer).unwrap().into_parts();
        let headers = parts.headers.iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        (
            parts.status.as_u16(),
            headers,
            axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        )
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[tokio::test]
    async fn headers_cookies_and_bytes_come_out() {
        let (status, headers, body) = read(json!({
            "statusCode": 201, "headers": { "content-type": "image/png", "x-n": 1 }, "multiValueHeaders": {},
            "cookies": ["a=1; Path=/", "b=2"], "body": "/wA=", "isBase64Encoded": true,
        }))
        .await;
        assert_eq!((status, &body[..]), (201, &b"\xff\x00"[..]));
        assert_eq!(
            headers,
            [
                pair("content-type", "image/png"),
                pair("x-n", "1"),
                pair("set-cookie", "a=1; Path=/"),
                pair("set-cookie", "b=2"),
            ]
        );
    }

    #[tokio::test]
    async fn a_forgotten_status_looks_like_success() {
        let (status, headers, body) = read(json!({ "ok": true })).await;
        assert_eq!((status, &body[..]), (200, &br#"{"ok":true}"#[..]));
        assert_eq!(headers, [pair("content-type", "application/json")]);
    }

    #[tokio::test]
    async fn nothing_is_nothing() {
        assert_eq!(
            read(json!({ "statusCode": 204, "headers": {}, "body": null })).await,
            (204, vec![], vec![])
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for answer in [
            json!({ "statusCode": "two hundred" }),
            json!({ "statusCode": 1 }),
            json!({ "statusCode": 200, "body": "%", "isBase64Encoded": true }),
            json!({ "statusCode": 200, "headers": { "a b": "c" } }),
            json!({ "statusCode": 200, "headers": { "a": ["b"] } }),
            json!({ "statusCode": 200, "body": "x".repeat(ANSWER_BYTES_MAX + 1) }),
        ] {
            assert!(response(answer).is_err());
        }
    }
}
