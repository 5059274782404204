//! Verified forms, in our words. The first line is the query of our URL, the rest is the form.

use shared::inbound::{Event, Route};
use shared::missed_calls::{CallStatus, DialStatus};
use shared::providers::twilio::{Caller, Form, IncomingCall};
use shared::stop::{Stop, asks_in_writing};
use shared::text_replies::{Meaning, meaning_of};
use uuid::Uuid;

use crate::lines;

pub(crate) fn check(input: &[u8]) {
    let ([query], body) = lines::split(input);
    let Ok(form) = Form::parse(body) else { return };
    for route in [Route::Voice, Route::Status, Route::Sms] {
        let Ok(event) = Event::read(route, &query, &form) else {
            continue;
        };
        match event {
            Event::IncomingCall(call) => {
                assert!(route == Route::Voice && !Event::is_dial_result(&query));
                assert_says(&form, &call);
            }
            Event::DialResult(result) => {
                assert!(route == Route::Voice && query.contains("mode"));
                assert_says(&form, &result.call);
                let word = value(&form, "DialCallStatus").expect("a result says how it ended");
                match &result.dial_status {
                    DialStatus::Other(kept) => assert!(kept.chars().count() <= 32 && !kept.contains('\0')),
                    known => assert_eq!(known.as_str(), word),
                }
                let bridged = value(&form, "DialBridged");
                assert_eq!(
                    result.bridged.map(|bridged| bridged.to_string()).as_deref(),
                    bridged.filter(|word| ["true", "false"].contains(word))
                );
            }
            Event::CallStatus(report) => {
                assert!(route == Route::Status && value(&form, "MessageStatus").is_none());
                assert_says(&form, &report.call);
                let parent = value(&form, "ParentCallSid").unwrap_or_default();
                assert_eq!(report.is_leg, !parent.is_empty());
            }
            Event::MessageStatus(report) => {
                assert_eq!(route, Route::Status);
                assert_eq!(value(&form, "MessageSid"), Some(report.message_sid.as_str()));
                assert_eq!(value(&form, "MessageStatus"), Some(report.status.as_str()));
                if let Some(code) = report.error_code {
                    let said = value(&form, "ErrorCode").expect("a code was given");
                    assert_eq!(said.trim_start_matches('+').parse(), Ok(code));
                }
                assert_eq!(report.attempt, attempt(&query));
            }
            Event::IncomingText(text) => {
                assert_eq!(route, Route::Sms);
                assert_eq!(value(&form, "MessageSid"), Some(text.message_sid.as_str()));
                assert_eq!(value(&form, "From").map(str::trim), Some(text.from.as_str()));
                assert_eq!(value(&form, "Body").unwrap_or_default(), text.body);
                if let Some(phone) = &text.sender {
                    assert_eq!(phone.as_str(), text.from);
                }
                for (number, file) in text.files.iter().enumerate() {
                    let name = format!("MediaUrl{number}");
                    let mut fields = form.fields().iter();
                    let given = fields.find(|(field, _)| *field == name).map(|(_, url)| url);
                    assert_eq!(given, Some(&file.url));
                }
                // Whatever was written means one thing, and a stop is never overheard for what Twilio says of it.
                let meaning = meaning_of(&text);
                if asks_in_writing(&text.body) == Stop::Yes {
                    assert_eq!(meaning, Meaning::Stop);
                }
            }
        }
    }
}

/// Everything in it stands in the form, once.
fn assert_says(form: &Form, call: &IncomingCall) {
    assert_eq!(value(form, "CallSid"), Some(call.call_sid.as_str()));
    assert_eq!(value(form, "To"), Some(call.line.as_str()));
    if let Caller::Known(phone) = &call.caller {
        assert_eq!(value(form, "From"), Some(phone.as_str()));
    }
    let word = value(form, "CallStatus").unwrap_or_default();
    match &call.status {
        CallStatus::Other(kept) => assert!(kept.chars().count() <= 32 && !kept.contains('\0')),
        CallStatus::InProgress => assert!(["in-progress", "answered"].contains(&word)),
        known => assert_eq!(known.as_str(), word),
    }
}

/// The value that a field has wherever it is given.
fn value<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    let mut values = form
        .fields()
        .iter()
        .filter(|(field, _)| field == name)
        .map(|(_, value)| value.as_str());
    let first = values.next();
    assert!(values.all(|other| Some(other) == first), "{name} is ambiguous");
    first
}

/// The one that our own URL named; what is no id names none.
fn attempt(query: &str) -> Option<Uuid> {
    let (_, id) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "attempt")?;
    id.parse().ok()
}
