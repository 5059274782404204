//! Ids of calls and messages, and who rings.

use shared::Phone;
use shared::providers::twilio::{CallSid, Caller, MessageSid};

pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let is_call = {
        let rest = text.strip_prefix("CA").unwrap_or_default();
        !rest.is_empty()
            && rest.len() <= 62
            && rest
                .chars()
                .all(|c| matches!(c, '0'..='9' | 'A'..='Z' | 'a'..='z' | '_'))
    };
    match CallSid::parse(&text) {
        Some(sid) => assert!(is_call && sid.as_str() == text, "{text:?} is no CallSid"),
        None => assert!(!is_call, "{text:?} is a CallSid"),
    }
    let is_message = text.len() == 34
        && (text.starts_with("SM") || text.starts_with("MM"))
        && text.chars().skip(2).all(|c| c.is_ascii_hexdigit());
    match MessageSid::parse(&text) {
        Some(sid) => assert!(is_message && sid.as_str() == text, "{text:?} is no MessageSid"),
        None => assert!(!is_message, "{text:?} is a MessageSid"),
    }
    match Caller::parse(&text) {
        Some(Caller::Known(phone)) => assert_eq!(Phone::parse(&text), Ok(phone)),
        Some(Caller::NotAPhone) => assert!(text.contains(':'), "{text:?} has no scheme"),
        // Spelled on a telephone's keys it may look like a number, and is nobody's.
        Some(Caller::Withheld) => {}
        None => assert!(
            !text.trim().is_empty() && Phone::parse(&text).is_err(),
            "{text:?} is somebody"
        ),
    }
}
