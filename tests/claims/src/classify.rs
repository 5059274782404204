//! Answers to a send. The first line is the status, the second `Retry-After` if it is not empty, the rest is
//! the body.

use std::time::Duration;

use serde_json::Value;
use shared::jobs::{AfterRefusal, Outcome, Refusal};
use shared::providers::twilio::classify;

use crate::lines;

pub(crate) fn check(input: &[u8]) {
    let ([status, retry_after], body) = lines::split(input);
    let Ok(status) = status.trim().parse::<u16>() else {
        return;
    };
    let retry_after = Some(retry_after.as_str()).filter(|value| !value.is_empty());
    // What is not text in it concerns a person's words, and no field that we read.
    let body_says = serde_json::from_str::<Value>(&String::from_utf8_lossy(body)).ok();
    let said = |name: &str| body_says.as_ref().and_then(|body| body.as_object()?.get(name));
    let code = said("code").and_then(Value::as_i64);
    let outcome = classify(status, retry_after, body);
    match &outcome {
        Outcome::Accepted { provider_id } => {
            assert!((200..300).contains(&status), "{status} is acceptance");
            assert_eq!(said("sid").and_then(Value::as_str), Some(provider_id.as_str()));
            assert!(!provider_id.is_empty() && !provider_id.contains('\0') && provider_id.len() <= 256);
        }
        Outcome::Unknown { http_status, .. } => {
            assert_eq!(*http_status, Some(status));
            assert!(![401, 403, 429].contains(&status), "{status} is a definite no");
        }
        Outcome::Refused(refusal) => assert_definite(status, code, retry_after, refusal),
    }
    // A readable success is one, whatever else stands in it.
    if let Some(Value::Object(mut body)) = body_says {
        body.insert("sid".to_owned(), "SM00000000000000000000000000000001".into());
        let body = Value::Object(body).to_string();
        let accepted = matches!(
            classify(201, retry_after, body.as_bytes()),
            Outcome::Accepted { .. }
        );
        assert!(accepted, "{body}");
    }
}

/// Only what the database would take as a refusal, and only with Twilio's own word where anybody could have
/// answered.
fn assert_definite(status: u16, code: Option<i64>, retry_after: Option<&str>, refusal: &Refusal) {
    assert!(
        [400, 401, 403, 404, 405, 413, 415, 422, 429].contains(&status),
        "{status} is a refusal"
    );
    assert_eq!((refusal.http_status, refusal.code), (Some(status), code));
    match refusal.next {
        AfterRefusal::Unauthorized => assert!([401, 403].contains(&status)),
        AfterRefusal::Throttled { wait } => {
            assert_eq!(status, 429);
            assert!(
                (Duration::from_secs(1)..=Duration::from_mins(15)).contains(&wait),
                "{wait:?}"
            );
            if let Some(seconds) = retry_after.and_then(|seconds| seconds.parse().ok()) {
                let said = Duration::from_secs(seconds);
                assert!(said == wait || !(Duration::from_secs(1)..=Duration::from_mins(15)).contains(&said));
            }
        }
        AfterRefusal::OptedOut => assert_eq!((status, code), (400, Some(21610))),
        AfterRefusal::Retry => assert_eq!((status, code), (400, Some(21611))),
        AfterRefusal::GiveUp => assert!(code.is_some(), "nobody in particular said {status}"),
    }
}
