//! Answers to a request for a call. The first line is the status, the second `Retry-After` if it is not empty,
//! the rest is the body.

use std::time::Duration;

use serde_json::Value;
use shared::jobs::{AfterRefusal, Outcome};
use shared::providers::vapi::classify;

use crate::lines;

const A_WHILE: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(15);

pub(crate) fn check(input: &[u8]) {
    let ([status, retry_after], body) = lines::split(input);
    let Ok(status) = status.trim().parse::<u16>() else {
        return;
    };
    let retry_after = Some(retry_after.as_str()).filter(|value| !value.is_empty());
    let body_says = serde_json::from_str::<Value>(&String::from_utf8_lossy(body)).ok();
    let said = |name: &str| body_says.as_ref().and_then(|body| body.as_object()?.get(name));
    match classify(status, retry_after, body) {
        Outcome::Accepted { provider_id } => {
            assert!((200..300).contains(&status), "{status} is acceptance");
            assert_eq!(said("id").and_then(Value::as_str), Some(provider_id.as_str()));
            assert!(!provider_id.is_empty() && !provider_id.contains('\0') && provider_id.len() <= 64);
        }
        Outcome::Unknown { http_status, .. } => {
            assert_eq!(http_status, Some(status));
            assert!(![401, 403, 429].contains(&status), "{status} is a definite no");
        }
        Outcome::Refused(refusal) => {
            // Only what the database would take as a refusal.
            assert!(
                [400, 401, 403, 404, 405, 413, 415, 422, 429].contains(&status),
                "{status} is a refusal"
            );
            assert_eq!((refusal.http_status, refusal.code), (Some(status), None));
            let is_vapis = matches!(said("message"), Some(Value::String(_) | Value::Array(_)));
            assert!(
                is_vapis || [401, 403, 429].contains(&status),
                "an edge said {status}"
            );
            match refusal.next {
                AfterRefusal::Unauthorized => assert!([400, 401, 403, 404].contains(&status)),
                AfterRefusal::Throttled { wait } => {
                    assert!(
                        [400, 429].contains(&status) && A_WHILE.contains(&wait),
                        "{status} {wait:?}"
                    );
                }
                AfterRefusal::GiveUp => assert!(![401, 403, 404, 429].contains(&status)),
                AfterRefusal::OptedOut | AfterRefusal::Retry => panic!("Vapi says no such thing"),
            }
        }
    }
}
