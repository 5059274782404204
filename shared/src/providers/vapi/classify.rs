//! What Vapi's answer to `POST /call` proves.
//!
//! Vapi documents 201, 400 and 500, and no idempotency key. A 201 is a call to be followed, even one that its
//! own limits hold back or that ends at once as `call.start.error-…`.

use std::time::Duration;

use serde_json::Value;

use super::CallId;
use crate::jobs::{AfterRefusal, Outcome, Refusal};
use crate::providers::exchange::{object_in, wait_of};

/// A call lasts minutes; until one has ended there is no room for another.
const UNTIL_A_CALL_ENDS: Duration = Duration::from_mins(2);

/// Classifies a complete answer. Whatever is not a definite yes or no is unknown.
pub fn classify(status: u16, retry_after: Option<&str>, body: &[u8]) -> Outcome {
    let unknown = |why: &str| Outcome::Unknown {
        why: why.to_owned(),
        http_status: Some(status),
    };
    if (200..300).contains(&status) {
        return match id_in(body) {
            Some(id) => Outcome::Accepted {
                provider_id: id.as_str().to_owned(),
            },
            None => unknown("accepted, but unreadable"),
        };
    }
    let refused = |next, why: &str| {
        Outcome::Refused(Refusal {
            http_status: Some(status),
            code: None,
            next,
            why: why.to_owned(),
        })
    };
    let complaint = complaint_in(body);
    match (status, complaint.as_deref()) {
        (401 | 403, _) => refused(AfterRefusal::Unauthorized, "our credentials were refused"),
        (429, _) => refused(
            AfterRefusal::Throttled {
                wait: wait_of(retry_after),
            },
            "throttled",
        ),
        // The status says that no call was placed; the words say only that one may be, later.
        (400, Some(said)) if said.contains("concurren") => refused(
            AfterRefusal::Throttled {
                wait: UNTIL_A_CALL_ENDS,
            },
            "as many calls at a time as Vapi allows",
        ),
        // Wrong settings of ours are nobody's refusal; and a number's daily limit is over tomorrow.
        (404, Some(said)) => refused(AfterRefusal::Unauthorized, meaning(404, said)),
        (400, Some(said)) if is_about_our_settings(said) => {
            refused(AfterRefusal::Unauthorized, meaning(400, said))
        }
        // An edge that answers in Vapi's place does not speak for Vapi.
        (400 | 405 | 413 | 415 | 422, Some(said)) => refused(AfterRefusal::GiveUp, meaning(status, said)),
        // Nothing documented says whether a call that cannot be paid for is left undone.
        (402, _) => unknown("no definite answer: perhaps the account is out of credit"),
        _ => unknown("no definite answer"),
    }
}

fn id_in(body: &[u8]) -> Option<CallId> {
    CallId::parse(object_in(body)?.get("id")?.as_str()?)
}

/// What Vapi says in an error's body (`{"statusCode":400,"message":…,"error":…}`), in lower case: a text, or a
/// list of them. Never shown to anybody, for it may quote a person's number.
pub(super) fn complaint_in(body: &[u8]) -> Option<String> {
    let said = match object_in(body)?.remove("message")? {
        Value::String(said) => said,
        Value::Array(said) => said
            .iter()
            .map(Value::as_str)
            .collect::<Option<Vec<_>>>()?
            .join(" "),
        _ => return None,
    };
    let said = said.trim().to_lowercase();
    (!said.is_empty()).then_some(said)
}

/// Whether a complaint is about the assistant, or about the number that calls.
fn is_about_our_settings(said: &str) -> bool {
    has_daily_limit(said) || said.contains("assistantid") || said.contains("phonenumberid")
}

fn has_daily_limit(said: &str) -> bool {
    said.contains("daily") && said.contains("limit")
}

/// For the person who reads why nobody was called.
fn meaning(status: u16, said: &str) -> &'static str {
    match status {
        404 => "configuration: Vapi knows no such assistant or telephone number",
        _ if said.contains("customer.number") || said.contains("e.164") || said.contains("e164") => {
            "not a number that Vapi calls"
        }
        _ if has_daily_limit(said) => "configuration: the line may place no more calls today",
        _ if is_about_our_settings(said) => "configuration: Vapi knows no such assistant or telephone number",
        _ => "refused by Vapi",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLAINT: &str = r#"{"statusCode":400,"message":"no","error":"Bad Request"}"#;

    fn next(status: u16, body: &str) -> Option<AfterRefusal> {
        match classify(status, None, body.as_bytes()) {
            Outcome::Refused(refusal) => {
                assert_eq!((refusal.http_status, refusal.code), (Some(status), None));
                Some(refusal.next)
            }
            _ => None,
        }
    }

    fn is_unknown(status: u16, body: &str) -> bool {
        let outcome = classify(status, None, body.as_bytes());
        matches!(outcome, Outcome::Unknown { http_status, .. } if http_status == Some(status))
    }

    #[test]
    fn only_an_id_is_acceptance() {
        let id = "7f3a2c1e-0000-4000-8000-000000000001";
        let accepted = Outcome::Accepted {
            provider_id: id.to_owned(),
        };
        let body = format!(r#"{{"id":"{id}","status":"queued"}}"#);
        for status in [200, 201] {
            assert_eq!(classify(status, None, body.as_bytes()), accepted);
        }
        let batch = format!(r#"{{"results":[{{"id":"{id}"}}],"errors":[]}}"#);
        let list = format!(r#"[{{"id":"{id}"}}]"#);
        let cut = &body[..20];
        for body in [
            "",
            "{}",
            "null",
            r#"{"id":""}"#,
            r#"{"id":7}"#,
            r#"{"id":"a b"}"#,
            &batch,
            &list,
            cut,
        ] {
            assert!(is_unknown(201, body), "{body}");
        }
    }

    #[test]
    fn a_call_that_is_held_back_is_a_call_to_be_followed() {
        let body = r#"{"id":"c1","status":"queued","subscriptionLimits":{"concurrencyBlocked":true}}"#;
        assert!(matches!(
            classify(201, None, body.as_bytes()),
            Outcome::Accepted { .. }
        ));
    }

    #[test]
    fn no_answer_but_a_definite_no_allows_another_try() {
        for status in [
            100, 301, 302, 303, 307, 308, 402, 406, 408, 409, 410, 418, 425, 500, 501, 502, 503, 504, 520,
            599,
        ] {
            assert!(is_unknown(status, COMPLAINT), "{status}");
        }
        for status in [400, 404, 405, 413, 415, 422] {
            for body in [
                "",
                "<html>",
                "{}",
                r#"{"message":""}"#,
                r#"{"message":7}"#,
                r#"{"message":[7]}"#,
                r#"["no"]"#,
            ] {
                assert!(is_unknown(status, body), "an edge, not Vapi: {status} {body}");
            }
        }
    }

    #[test]
    fn each_refusal_says_what_may_follow() {
        for body in [COMPLAINT, ""] {
            for status in [401, 403] {
                assert_eq!(next(status, body), Some(AfterRefusal::Unauthorized), "{status}");
            }
        }
        let listed = r#"{"statusCode":400,"message":["customer.number must be E.164"]}"#;
        for status in [400, 405, 413, 415, 422] {
            for body in [COMPLAINT, listed] {
                assert_eq!(next(status, body), Some(AfterRefusal::GiveUp), "{status}");
            }
        }
        assert_eq!(next(404, COMPLAINT), Some(AfterRefusal::Unauthorized));
        for said in ["Daily Outbound Call Limit", "assistantId must be a UUID"] {
            let body = format!(r#"{{"message":"{said}"}}"#);
            assert_eq!(next(400, &body), Some(AfterRefusal::Unauthorized), "{said}");
        }
    }

    #[test]
    fn too_many_calls_at_a_time_is_a_wait_however_it_is_said() {
        let said = r#"{"statusCode":400,"message":"Over Concurrency Limit","error":"Bad Request"}"#;
        let wait = |status, retry_after, body: &str| match classify(status, retry_after, body.as_bytes()) {
            Outcome::Refused(Refusal {
                next: AfterRefusal::Throttled { wait },
                ..
            }) => wait.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(400, None, said), 120);
        assert_eq!(wait(429, None, ""), 30);
        assert_eq!(wait(429, Some("7"), said), 7);
        assert_eq!(wait(429, Some("1000000000"), "<html>"), 900);
    }

    #[test]
    fn no_reason_quotes_anybody() {
        let body = r#"{"statusCode":400,"message":["customer.number +14035550001 must be E.164"]}"#;
        let Outcome::Refused(refusal) = classify(400, None, body.as_bytes()) else {
            panic!("refused");
        };
        assert_eq!(refusal.why, "not a number that Vapi calls");
    }
}
