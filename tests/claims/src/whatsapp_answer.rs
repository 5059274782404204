//! Answers to a message of ours. The first line is the status, the second `Retry-After` if it is not empty, the rest is
//! the body.

use std::time::Duration;

use serde_json::Value;
use shared::jobs::{AfterRefusal, Outcome};
use shared::providers::whatsapp::{Meaning, classify, meaning};

use crate::lines;

const A_WHILE: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(15);

pub(crate) fn check(input: &[u8]) {
    let ([status, retry_after], body) = lines::split(input);
    let Ok(status) = status.trim().parse::<u16>() else {
        return;
    };
    let retry_after = Some(retry_after.as_str()).filter(|value| !value.is_empty());
    let says = serde_json::from_str::<Value>(&String::from_utf8_lossy(body)).unwrap_or_default();
    let said_code = says["error"]["code"].as_i64().filter(|_| says.is_object());
    match classify(status, retry_after, body) {
        Outcome::Accepted { provider_id } => {
            assert!((200..300).contains(&status), "{status} is acceptance");
            assert_eq!(says["messages"][0]["id"], provider_id.as_str());
            assert!(!provider_id.is_empty() && provider_id.len() <= 255);
            assert!(provider_id.bytes().all(|byte| byte.is_ascii_graphic()));
        }
        Outcome::Unknown { http_status, why } => {
            assert_eq!(http_status, Some(status));
            assert_is_ours(&why, &says);
            let is_no = said_code.is_none() && [401, 403, 429].contains(&status);
            assert!(!is_no, "{status} is a definite no");
        }
        Outcome::Refused(refusal) => {
            // Only what the database would take as a refusal.
            assert!(
                [400, 401, 403, 404, 405, 413, 415, 422, 429].contains(&status),
                "{status} is a refusal"
            );
            assert_eq!((refusal.http_status, refusal.code), (Some(status), said_code));
            assert!(
                said_code.is_some() || [401, 403, 429].contains(&status),
                "an edge said {status}"
            );
            assert_is_ours(&refusal.why, &says);
            let meaning = said_code.map(|code| meaning(code).0);
            assert_ne!(meaning, Some(Meaning::Unclear), "what is unclear is no refusal");
            match refusal.next {
                AfterRefusal::Throttled { wait } => assert!(A_WHILE.contains(&wait), "{wait:?}"),
                AfterRefusal::OptedOut => assert_eq!(meaning, Some(Meaning::OptedOut)),
                AfterRefusal::Retry => assert_eq!(meaning, Some(Meaning::Later)),
                AfterRefusal::Unauthorized => assert!(
                    meaning == Some(Meaning::ChannelClosed) || [401, 403].contains(&status),
                    "{status} {said_code:?}"
                ),
                AfterRefusal::GiveUp => assert!(
                    !matches!(
                        meaning,
                        None | Some(Meaning::OptedOut | Meaning::ChannelClosed | Meaning::Later)
                    ),
                    "{status} {said_code:?}"
                ),
            }
        }
    }
}

/// Meta's words may quote somebody's number, so none of them is shown.
fn assert_is_ours(why: &str, says: &Value) {
    assert!(!why.is_empty() && why.len() < 100);
    let details = says["error"]["error_data"]["details"]
        .as_str()
        .unwrap_or_default();
    assert!(details.len() < 20 || !why.contains(details), "{why}");
}
