//! What must not be kept of a body.
//!
//! Vapi's server messages can hold the telephone number's own credentials (`phoneNumber.twilioAuthToken`), the
//! server's secret and addresses by which a call can be listened to and controlled, and what people said in the call.
//! So nothing of a body is stored or logged before it has passed here.

use serde_json::Value;

/// What stands in the place of a credential, or of what somebody said.
pub const REDACTED: &str = "[redacted]";

/// Parts of a name, without its punctuation and in lower case, that make it a credential's.
const TELLING: [&str; 15] = [
    "secret",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "authkey",
    "accesskey",
    "privatekey",
    "signingkey",
    "authtoken",
    "credential",
    "authorization",
    "bearer",
    "listenurl",
    "controlurl",
];

/// Names, so written, of what people said and what was made of it.
const SPEECH: [&str; 12] = [
    "analysis",
    "artifact",
    "conversation",
    "messages",
    "messagesopenaiformatted",
    "output",
    "performancemetrics",
    "recording",
    "recordingurl",
    "stereorecordingurl",
    "summary",
    "transcript",
];

/// Puts [`REDACTED`] in the place of everything that stands under a credential's name or holds what was said,
/// however deep.
pub fn redact(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                if is_telling(name) {
                    *value = REDACTED.into();
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        _ => {}
    }
}

fn is_telling(name: &str) -> bool {
    let name: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|character| character.to_ascii_lowercase())
        .collect();
    // `promptTokens` is a count.
    name.ends_with("token") || SPEECH.contains(&&*name) || TELLING.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_credential_is_gone_wherever_it_stands() {
        let mut body = json!({ "message": {
            "phoneNumber": {
                "number": "+15005550006",
                "twilioAccountSid": "AC1",
                "twilioAuthToken": "test-token",
                "twilio_api_secret": { "current": "test-secret" },
            },
            "call": { "id": "c1", "monitor": { "listenUrl": "wss://x", "controlUrl": "https://x" } },
            "assistant": { "server": [{ "url": "https://h", "headers": { "X-Api-Key": 7, "Authorization": null } }] },
            "costs": [{ "promptTokens": 12 }],
        }});

        redact(&mut body);

        assert_eq!(
            body,
            json!({ "message": {
                "phoneNumber": {
                    "number": "+15005550006",
                    "twilioAccountSid": "AC1",
                    "twilioAuthToken": REDACTED,
                    "twilio_api_secret": REDACTED,
                },
                "call": { "id": "c1", "monitor": { "listenUrl": REDACTED, "controlUrl": REDACTED } },
                "assistant": { "server": [{ "url": "https://h", "headers": { "X-Api-Key": REDACTED, "Authorization": REDACTED } }] },
                "costs": [{ "promptTokens": 12 }],
            }})
        );
    }

    #[test]
    fn what_was_said_is_gone_and_what_became_of_the_call_is_not() {
        let mut body = json!({ "message": {
            "type": "end-of-call-report",
            "endedReason": "customer-ended-call",
            "transcript": "User: I am ill.",
            "artifact": { "messages": [{ "role": "user", "message": "I am ill." }] },
            "call": { "id": "c1", "messages": [{ "message": "I am ill." }], "analysis": { "summary": "Ill." } },
        }});

        redact(&mut body);

        assert!(!body.to_string().to_lowercase().contains("ill."), "{body}");
        assert_eq!(body["message"]["endedReason"], "customer-ended-call");
        assert_eq!(body["message"]["call"]["id"], "c1");
    }

    #[test]
    fn names_are_known_in_any_spelling() {
        for name in [
            "token",
            "access_token",
            "AuthToken",
            "API-KEY",
            "sipTrunkPassword",
            "x-vapi-secret",
            "privateKey",
        ] {
            assert!(is_telling(name), "{name}");
        }
        for name in [
            "",
            "number",
            "tokens",
            "completionTokens",
            "key",
            "name",
            "endedReason",
        ] {
            assert!(!is_telling(name), "{name}");
        }
    }
}
