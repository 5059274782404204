//! What Twilio's answer to one send proves.

use serde_json::Value;

use super::webhooks::MessageSid;
use crate::jobs::{AfterRefusal, Outcome, Refusal};
use crate::providers::exchange::{object_in, wait_of};

/// The recipient has opted out with Twilio.
const CODE_OPTED_OUT: i64 = 21610;

/// The queue of the line holds as much as it can.
const CODE_QUEUE_FULL: i64 = 21611;

/// Classifies a complete answer. Whatever is not a definite yes or no is unknown.
pub fn classify(status: u16, retry_after: Option<&str>, body: &[u8]) -> Outcome {
    let unknown = |why: &str| Outcome::Unknown {
        why: why.to_owned(),
        http_status: Some(status),
    };
    if (200..300).contains(&status) {
        return match field(body, "sid").as_ref().and_then(Value::as_str) {
            Some(sid) if MessageSid::parse(sid).is_some() => Outcome::Accepted {
                provider_id: sid.to_owned(),
            },
            _ => unknown("accepted, but unreadable"),
        };
    }
    let code = code_of(body);
    let refused = |next, why: String| {
        Outcome::Refused(Refusal {
            http_status: Some(status),
            code,
            next,
            why,
        })
    };
    match status {
        401 | 403 => refused(
            AfterRefusal::Unauthorized,
            "our credentials were refused".to_owned(),
        ),
        429 => refused(
            AfterRefusal::Throttled {
                wait: wait_of(retry_after),
            },
            "throttled".to_owned(),
        ),
        400 if code == Some(CODE_OPTED_OUT) => refused(AfterRefusal::OptedOut, "opted_out".to_owned()),
        // The line's own queue is full; nothing was added to it.
        400 if code == Some(CODE_QUEUE_FULL) => {
            refused(AfterRefusal::Retry, "the line's queue is full".to_owned())
        }
        // An edge that answers in Twilio's place does not speak for Twilio.
        400 | 404 | 405 | 413 | 415 | 422 if code.is_some() => refused(AfterRefusal::GiveUp, meaning(code)),
        _ => unknown("no definite answer"),
    }
}

/// Twilio's own code in an error's body; it stands in both of its error shapes, its own and RFC 9457.
pub(super) fn code_of(body: &[u8]) -> Option<i64> {
    field(body, "code")?.as_i64()
}

fn field(body: &[u8], name: &str) -> Option<Value> {
    object_in(body)?.remove(name)
}

/// For the person who reads why nothing was sent: <https://www.twilio.com/docs/api/errors>.
fn meaning(code: Option<i64>) -> String {
    let meaning = match code {
        Some(21211) => "not a valid number to text",
        Some(21212 | 21606) => "configuration: the line may not send texts from this account",
        Some(21408) => "configuration: texts to this country are not enabled",
        Some(21608) => "configuration: a trial account texts verified numbers only",
        Some(21612) => "no route to this number",
        Some(21614 | 21635) => "a landline, which takes no texts",
        Some(code) => return format!("refused by Twilio with code {code}"),
        None => "refused by Twilio",
    };
    meaning.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(status: u16, body: &str) -> Option<AfterRefusal> {
        match classify(status, None, body.as_bytes()) {
            Outcome::Refused(refusal) => Some(refusal.next),
            _ => None,
        }
    }

    #[test]
    fn only_a_sid_is_acceptance() {
        let sid = "SM00000000000000000000000000000001";
        let accepted = Outcome::Accepted {
            provider_id: sid.to_owned(),
        };
        let body = format!(r#"{{"sid":"{sid}","status":"queued"}}"#);
        assert_eq!(classify(201, None, body.as_bytes()), accepted);
        let cut = &body[..20];
        for body in [
            "",
            "{}",
            r#"{"sid":""}"#,
            r#"{"sid":"SM1"}"#,
            r#"{"sid":"CA00000000000000000000000000000001"}"#,
            r#"["SM00000000000000000000000000000001"]"#,
            cut,
        ] {
            assert!(
                matches!(classify(201, None, body.as_bytes()), Outcome::Unknown { .. }),
                "{body}"
            );
        }
    }

    #[test]
    fn no_answer_but_a_definite_no_allows_another_try() {
        for status in [
            100, 301, 302, 307, 308, 402, 408, 409, 418, 500, 502, 503, 504, 599,
        ] {
            assert!(
                matches!(classify(status, None, br#"{"code":1}"#), Outcome::Unknown { .. }),
                "{status}"
            );
        }
        for body in ["<html>", "{}", "", "[21610]", r#"{"code":"21610"}"#] {
            assert!(
                matches!(classify(400, None, body.as_bytes()), Outcome::Unknown { .. }),
                "an edge, not Twilio"
            );
        }
    }

    #[test]
    fn each_refusal_says_what_may_follow() {
        assert_eq!(next(401, r#"{"code":20003}"#), Some(AfterRefusal::Unauthorized));
        assert_eq!(next(403, ""), Some(AfterRefusal::Unauthorized));
        assert_eq!(next(400, r#"{"code":21610}"#), Some(AfterRefusal::OptedOut));
        for code in [21211, 21212, 21408, 21606, 21608, 21612, 21614, 21635, 99999] {
            assert_eq!(
                next(400, &format!(r#"{{"code":{code},"status":400}}"#)),
                Some(AfterRefusal::GiveUp),
                "{code}"
            );
        }
        assert_eq!(next(400, r#"{"code":21611}"#), Some(AfterRefusal::Retry));
        assert_eq!(next(404, r#"{"code":20404}"#), Some(AfterRefusal::GiveUp));
    }

    #[test]
    fn a_throttle_waits_as_told_within_reason() {
        let wait = |retry_after| match classify(429, retry_after, b"") {
            Outcome::Refused(Refusal {
                next: AfterRefusal::Throttled { wait },
                ..
            }) => wait.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            [wait(Some("0")), wait(Some("30")), wait(Some("soon")), wait(None)],
            [1, 30, 30, 30]
        );
        assert_eq!(wait(Some("1000000000")), 900);
    }
}
