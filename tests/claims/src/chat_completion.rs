//! Answers of a model's server. The first line is the status, the second and third `Retry-After` and `x-should-retry` if they
//! are not empty, the rest is the body.

use std::time::Duration;

use serde_json::Value;
use shared::providers::chat::{FailureKind, completion, failure_of};

use crate::lines;

pub(crate) fn check(input: &[u8]) {
    let ([status, retry_after, should_retry], body) = lines::split(input);
    let says = serde_json::from_str::<Value>(&String::from_utf8_lossy(body)).unwrap_or_default();
    match completion(body) {
        Ok(completion) => {
            let choice = &says["choices"][0];
            assert_eq!(choice["finish_reason"], "stop", "half an answer");
            assert!(choice["message"]["refusal"].is_null(), "it declined");
            assert_eq!(choice["message"]["content"], completion.content.as_str());
            assert!(!completion.content.trim().is_empty());
            assert!(
                !format!("{completion:?}").contains(&completion.content) || completion.content.len() < 20
            );
        }
        Err(kind) => assert!(!kind.needs_operator(), "{kind:?} is no answer with 200"),
    }
    let Ok(status) = status.trim().parse::<u16>() else {
        return;
    };
    let given = |text: &'_ String| Some(text.clone()).filter(|text| !text.is_empty());
    let (retry_after, should_retry) = (given(&retry_after), given(&should_retry));
    let (kind, wait) = failure_of(
        status,
        should_retry.as_deref(),
        None,
        retry_after.as_deref(),
        body,
    );
    assert!(wait.is_none_or(|wait| wait <= Duration::from_mins(2)), "{wait:?}");
    if [401, 402, 403].contains(&status) {
        assert!(kind.needs_operator() && !kind.is_transient(), "{status} {kind:?}");
    }
    if should_retry.as_deref() == Some("false") {
        assert!(
            !kind.is_transient(),
            "{status}: asked again, although that was said not to help"
        );
    }
    if should_retry.is_none() {
        let is_transient = [408, 409].contains(&status)
            || (500..600).contains(&status)
            || (status == 429 && kind != FailureKind::OutOfMoney);
        assert_eq!(kind.is_transient(), is_transient, "{status} {kind:?}");
    }
}
