//! Server messages, and rows of Vapi's lists. The input is JSON.

use serde_json::Value;
use shared::Phone;
use shared::providers::vapi::{CallRecord, ServerMessage, call_record, server_message};

pub(crate) fn check(input: &[u8]) {
    let Ok(body) = serde_json::from_str::<Value>(&String::from_utf8_lossy(input)) else {
        return;
    };
    if let Some(call) = call_record(&body) {
        assert_eq!(body["id"], call.id.as_str());
        assert_says_what_was_said(&call, &body);
    }
    match server_message(&body) {
        Ok(ServerMessage::Call(call)) => {
            let message = &body["message"];
            assert_eq!(message["call"]["id"], call.id.as_str());
            match message["type"].as_str() {
                Some("end-of-call-report") => assert!(call.has_ended()),
                kind => assert_eq!(kind, Some("status-update")),
            }
            assert_says_what_was_said(&call, &body);
        }
        Ok(ServerMessage::Other(kind)) => {
            assert!(
                !["status-update", "end-of-call-report"].contains(&kind.as_str())
                    || body["message"]["type"] != kind.as_str()
            );
            assert!(kind.len() <= 64 && kind.bytes().all(|byte| byte.is_ascii_graphic()));
        }
        Err(_) => {}
    }
}

fn assert_says_what_was_said(call: &CallRecord, body: &Value) {
    let texts = texts_in(body);
    let is_said = |text: &str| texts.iter().any(|said| said.eq_ignore_ascii_case(text));
    if let Some(attempt) = call.attempt {
        assert!(is_said(&attempt.to_string()), "{attempt} was made up");
    }
    if let Some(phone) = &call.recipient {
        assert!(is_said(phone.as_str()) && Phone::parse(phone.as_str()).is_ok());
    }
    for line in call.customer_said.lines() {
        let is_part = |said: &&str| said.replace(char::is_control, " ").contains(line);
        assert!(texts.iter().any(is_part), "{line:?} was made up");
    }
    let kept = [
        Some(call.id.as_str()),
        Some(call.status.as_str()),
        call.customer_id.as_deref(),
        call.ended_reason.as_deref(),
    ];
    for text in kept.into_iter().flatten() {
        assert!(!text.is_empty() && !text.contains(char::is_control) && text.chars().count() <= 200);
    }
    assert!(call.customer_said.len() <= 64 * 1024 && !call.customer_said.contains('\0'));
    assert_eq!(call.result().is_some(), call.has_ended());
}

/// Every text in a value, and every line of one that has several.
fn texts_in(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts_in).collect(),
        Value::Object(values) => values.values().flat_map(texts_in).collect(),
        _ => Vec::new(),
    }
}
