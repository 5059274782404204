//! What Meta's answer to one send proves.
//!
//! A 200 means that Meta took the message and not that it arrived; there is no way to ask for it afterwards, so what
//! an answer leaves open only a report about the message can settle. Meta says most things with 400 and a code.

use serde_json::Value;

use super::MessageId;
use super::code::{Meaning, meaning};
use crate::jobs::{AfterRefusal, Outcome, Refusal};
use crate::providers::exchange::{object_in, wait_of};

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
    let error = Error::in_body(body);
    let code = error.as_ref().map(|error| error.code);
    let refused = |next, why: &str| {
        Outcome::Refused(Refusal {
            http_status: Some(status),
            code,
            next,
            why: why.to_owned(),
        })
    };
    let throttled = |wait| AfterRefusal::Throttled {
        wait: retry_after.map_or(wait, |told| wait_of(Some(told))),
    };
    match (status, error) {
        // An edge that answers in Meta's place does not speak for it, except about the door that it keeps.
        (401 | 403, None) => refused(AfterRefusal::Unauthorized, "our credentials were refused"),
        (429, None) => refused(
            AfterRefusal::Throttled {
                wait: wait_of(retry_after),
            },
            "throttled",
        ),
        (400 | 401 | 403 | 404 | 405 | 413 | 415 | 422 | 429, Some(error)) => {
            let (meaning, why) = meaning(error.code);
            match meaning {
                Meaning::Unclear => unknown(why),
                Meaning::Unknown if error.is_transient => unknown(why),
                Meaning::Unknown if status == 429 => refused(throttled(wait_of(None)), "throttled"),
                Meaning::Unknown if status == 401 => {
                    refused(AfterRefusal::Unauthorized, "our credentials were refused")
                }
                Meaning::ChannelClosed => refused(AfterRefusal::Unauthorized, why),
                Meaning::Throttled(wait) => refused(throttled(wait), why),
                Meaning::Later => refused(AfterRefusal::Retry, why),
                Meaning::OptedOut => refused(AfterRefusal::OptedOut, why),
                Meaning::Permanent
                | Meaning::Malformed
                | Meaning::NotBefore(_)
                | Meaning::WindowClosed
                | Meaning::Unknown => refused(AfterRefusal::GiveUp, why),
            }
        }
        _ => unknown("no definite answer"),
    }
}

/// Meta's own error, as `{"error":{"code":…}}`.
struct Error {
    code: i64,
    is_transient: bool,
}

impl Error {
    fn in_body(body: &[u8]) -> Option<Self> {
        let error = object_in(body)?.remove("error")?;
        Some(Self {
            code: error.get("code")?.as_i64()?,
            is_transient: error
                .get("is_transient")
                .and_then(Value::as_bool)
                .unwrap_or_default(),
        })
    }
}

fn id_in(body: &[u8]) -> Option<MessageId> {
    MessageId::parse(object_in(body)?.get("messages")?.get(0)?.get("id")?.as_str()?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn said(code: i64) -> String {
        format!(
            r#"{{"error":{{"message":"(#{code}) no","type":"OAuthException","code":{code},"error_data":{{"messaging_product":"whatsapp","details":"+14155550101"}},"fbtrace_id":"x"}}}}"#
        )
    }

    fn next(status: u16, code: i64) -> Option<AfterRefusal> {
        match classify(status, None, said(code).as_bytes()) {
            Outcome::Refused(refusal) => {
                assert_eq!((refusal.http_status, refusal.code), (Some(status), Some(code)));
                assert!(!refusal.why.contains("4155550101"), "{}", refusal.why);
                Some(refusal.next)
            }
            _ => None,
        }
    }

    fn is_unknown(status: u16, body: &str) -> bool {
        matches!(classify(status, None, body.as_bytes()), Outcome::Unknown { http_status, .. } if http_status == Some(status))
    }

    #[test]
    fn only_a_messages_id_is_acceptance() {
        let body = r#"{"messaging_product":"whatsapp","contacts":[{"input":"1","wa_id":"1"}],"messages":[{"id":"wamid.x==","message_status":"held_for_quality_assessment"}]}"#;
        let accepted = Outcome::Accepted {
            provider_id: "wamid.x==".to_owned(),
        };
        assert_eq!(classify(200, None, body.as_bytes()), accepted);
        for body in [
            "",
            "{}",
            "null",
            r#"{"messages":[]}"#,
            r#"{"messages":[{}]}"#,
            r#"{"messages":[{"id":""}]}"#,
            r#"{"messages":[{"id":"a b"}]}"#,
            r#"{"messages":{"id":"wamid.x"}}"#,
            r#"{"success":true}"#,
            &body[..70],
            &said(131_047),
        ] {
            assert!(is_unknown(200, body), "{body}");
        }
    }

    #[test]
    fn no_answer_but_a_definite_no_allows_another_try() {
        for status in [
            100, 301, 302, 307, 308, 402, 408, 409, 418, 500, 502, 503, 504, 599,
        ] {
            for code in [131_047, 131_016, 190, 4] {
                assert!(is_unknown(status, &said(code)), "{status} {code}");
            }
        }
        for status in [400, 404, 405, 413, 415, 422] {
            for body in [
                "",
                "<html>",
                "{}",
                r#"{"error":"no"}"#,
                r#"{"error":{"message":"no"}}"#,
                r#"{"error":{"code":"131047"}}"#,
                r#"[{"error":{"code":131047}}]"#,
            ] {
                assert!(is_unknown(status, body), "an edge, not Meta: {status} {body}");
            }
        }
        for code in [1, 2, 131_000] {
            for status in [400, 403, 429] {
                assert!(is_unknown(status, &said(code)), "{status} {code}");
            }
        }
        assert!(is_unknown(400, r#"{"error":{"code":77777,"is_transient":true}}"#));
    }

    #[test]
    fn each_code_says_what_may_follow() {
        for code in [
            0, 3, 10, 190, 200, 299, 368, 131_031, 131_037, 131_042, 131_045, 133_010,
        ] {
            for status in [400, 401, 403] {
                assert_eq!(next(status, code), Some(AfterRefusal::Unauthorized), "{code}");
            }
        }
        let giving_up = [
            100, 130_472, 130_497, 131_008, 131_009, 131_026, 131_030, 131_047, 131_049, 131_051, 131_062,
            131_063, 132_000, 132_001, 132_015, 137_000, 77_777,
        ];
        for code in giving_up {
            assert_eq!(next(400, code), Some(AfterRefusal::GiveUp), "{code}");
        }
        assert_eq!(next(400, 131_050), Some(AfterRefusal::OptedOut));
        for code in [131_016, 131_056] {
            assert_eq!(next(400, code), Some(AfterRefusal::Retry), "{code}");
        }
        for (code, wait) in [
            (4, 300),
            (80_007, 300),
            (130_429, 30),
            (131_048, 900),
            (131_057, 300),
        ] {
            let wait = Duration::from_secs(wait);
            for status in [400, 403, 429] {
                assert_eq!(
                    next(status, code),
                    Some(AfterRefusal::Throttled { wait }),
                    "{code}"
                );
            }
        }
        assert_eq!(
            next(429, 77_777),
            Some(AfterRefusal::Throttled {
                wait: Duration::from_secs(30)
            })
        );
        assert_eq!(next(401, 77_777), Some(AfterRefusal::Unauthorized));
    }

    #[test]
    fn the_door_speaks_for_itself_and_waits_have_bounds() {
        for status in [401, 403] {
            assert!(matches!(
                classify(status, None, b"<html>"),
                Outcome::Refused(Refusal {
                    next: AfterRefusal::Unauthorized,
                    ..
                })
            ));
        }
        let wait = |retry_after, body: &str| match classify(429, retry_after, body.as_bytes()) {
            Outcome::Refused(Refusal {
                next: AfterRefusal::Throttled { wait },
                ..
            }) => wait.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            [wait(None, ""), wait(Some("7"), ""), wait(Some("0"), "")],
            [30, 7, 1]
        );
        assert_eq!(wait(Some("1000000000"), &said(4)), 900);
        assert_eq!(wait(Some("7"), &said(4)), 7);
    }
}
