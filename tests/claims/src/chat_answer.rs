//! What a model says. The first line is how long a reply may be, the rest is what it said.

use serde_json::Value;
use shared::providers::chat::{Decision, FailureKind, read};

use crate::lines;

pub(crate) fn check(input: &[u8]) {
    let ([limit], said) = lines::split(input);
    let limit = limit.trim().parse::<usize>().unwrap_or(100).clamp(1, 4_096);
    let said = String::from_utf8_lossy(said);
    let object = serde_json::from_str::<Value>(said.trim())
        .ok()
        .filter(Value::is_object);
    let says = |name: &str| {
        object
            .as_ref()
            .map(|object| object[name].clone())
            .unwrap_or_default()
    };
    match read(&said, limit) {
        Ok(Decision::Reply(reply)) => {
            assert_is_sendable(&reply, limit);
            assert!(!is_yes(&says("handover")), "a person was asked for");
            if let Some(asked) = says("reply").as_str() {
                assert_eq!(reply, cleaned(asked), "another reply");
            }
            // Nobody is sent half an object.
            let is_plain = object.is_none() && cleaned(&said) == reply;
            assert!(!is_plain || !reply.contains(['{', '}']), "{reply}");
        }
        Ok(Decision::HandOver { reason, draft }) => {
            assert!((1..=300).contains(&reason.chars().count()) && !reason.contains(char::is_control));
            if let Some(draft) = draft {
                assert_is_sendable(&draft, limit);
            }
            assert!(
                object.is_none() || is_yes(&says("handover")),
                "nobody asked for a person"
            );
        }
        Err(FailureKind::TooLong) => assert!(said.chars().count() > limit),
        Err(kind) => {
            assert_eq!(kind, FailureKind::Unusable);
            assert!(!is_yes(&says("handover")), "a handover was lost");
        }
    }
}

fn assert_is_sendable(reply: &str, limit: usize) {
    assert!((1..=limit).contains(&reply.chars().count()));
    assert_eq!(reply, reply.trim());
    assert!(!reply.contains(|character: char| character.is_control() && !"\n\t".contains(character)));
}

/// Whether a person is to take over.
fn is_yes(handover: &Value) -> bool {
    match handover {
        Value::Null | Value::Bool(false) => false,
        Value::String(reason) => {
            let nothing = ["", "null", "none", "false", "no", "n/a"];
            !nothing.contains(&reason.trim().to_ascii_lowercase().as_str())
        }
        _ => true,
    }
}

fn cleaned(said: &str) -> String {
    let kept = |character: &char| !character.is_control() || matches!(character, '\n' | '\t');
    said.trim()
        .chars()
        .filter(kept)
        .collect::<String>()
        .trim()
        .to_owned()
}
