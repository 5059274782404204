//! Bodies that may hold credentials. The input is JSON.

use serde_json::Value;
use shared::providers::vapi::{REDACTED, redact};

/// Names under which Vapi's schema has something secret.
const SECRETS: [&str; 9] = [
    "twilioAuthToken",
    "twilioApiSecret",
    "twilioApiKey",
    "secret",
    "password",
    "authPassword",
    "Authorization",
    "token",
    "controlUrl",
];
/// And, in small letters, what it has of people's words.
const SPEECH: [&str; 12] = [
    "transcript",
    "messages",
    "messagesopenaiformatted",
    "conversation",
    "output",
    "summary",
    "analysis",
    "artifact",
    "recording",
    "recordingurl",
    "stereorecordingurl",
    "performancemetrics",
];
const MARK: &str = "what nobody may keep";

pub(crate) fn check(input: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(input) else {
        return;
    };
    for name in SECRETS {
        let mut secretive = value.clone();
        hide_in(&mut secretive, name);
        redact(&mut secretive);
        assert!(
            !secretive.to_string().contains(MARK),
            "{name} was kept: {secretive}"
        );
    }
    let mut redacted = value.clone();
    redact(&mut redacted);
    assert_same_but_for_secrets("", &value, &redacted);
    let mut again = redacted.clone();
    redact(&mut again);
    assert_eq!(again, redacted);
}

/// Puts a secret of that name into every object there is.
fn hide_in(value: &mut Value, name: &str) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| hide_in(value, name)),
        Value::Object(object) => {
            object.values_mut().for_each(|value| hide_in(value, name));
            object.insert(name.to_owned(), serde_json::json!([{ "deep": MARK }]));
        }
        _ => {}
    }
}

/// `name` is what the values stand under.
fn assert_same_but_for_secrets(name: &str, before: &Value, after: &Value) {
    match (before, after) {
        (before, after) if after == REDACTED && before != after => {
            let name = name.to_lowercase();
            let telling = [
                "secret",
                "pass",
                "key",
                "token",
                "auth",
                "credential",
                "bearer",
                "url",
            ];
            let name = without_punctuation(&name);
            assert!(
                SPEECH.contains(&&*name) || telling.iter().any(|part| name.contains(part)),
                "{name} is no secret"
            );
        }
        (Value::Array(before), Value::Array(after)) => {
            assert_eq!(before.len(), after.len());
            for (before, after) in before.iter().zip(after) {
                assert_same_but_for_secrets(name, before, after);
            }
        }
        (Value::Object(before), Value::Object(after)) => {
            assert!(before.keys().eq(after.keys()));
            for (name, after) in after {
                let is_secret = SECRETS.iter().any(|secret| secret.eq_ignore_ascii_case(name));
                assert!(!is_secret || after == REDACTED, "{name} was kept");
                assert_same_but_for_secrets(name, &before[name], after);
            }
        }
        (before, after) => assert_eq!(before, after),
    }
}

fn without_punctuation(name: &str) -> String {
    name.split(|character: char| !character.is_ascii_alphanumeric())
        .collect()
}
