//! Webhooks, read a second time from their JSON. The input is a body.

use jiff::Timestamp;
use serde_json::Value;
use shared::Phone;
use shared::providers::whatsapp::{Content, Identity, Item, items, reduced};

const LISTS: [&str; 5] = [
    "messages",
    "statuses",
    "message_echoes",
    "user_preferences",
    "user_id_update",
];
const FIELDS: [&str; 5] = [
    "messages",
    "smb_message_echoes",
    "message_echoes",
    "user_preferences",
    "user_id_update",
];

pub(crate) fn check(input: &[u8]) {
    let said = serde_json::from_str::<Value>(&String::from_utf8_lossy(input)).ok();
    let Ok(items) = items(input) else {
        let is_one = said
            .is_some_and(|said| said["object"] == "whatsapp_business_account" && said["entry"].is_array());
        assert!(!is_one, "a webhook was refused");
        return;
    };
    let said = said.expect("what was read is JSON");
    assert_eq!(said["object"], "whatsapp_business_account");
    let is_listed = |item: &&Item| !matches!(item, Item::Trouble { .. });
    assert_eq!(
        items.iter().filter(is_listed).count(),
        counted(&said),
        "something is lost or made up"
    );
    let mut texts = Vec::new();
    texts_in(&said, &mut texts);
    for item in &items {
        check_item(item, &texts);
    }
    assert_is_storable(&reduced(&said));
}

/// How many things are said.
fn counted(said: &Value) -> usize {
    let entries = said["entry"].as_array().into_iter().flatten();
    entries
        .map(|entry| match &entry["changes"] {
            Value::Array(changes) => changes.iter().map(of_change).sum(),
            _ => 1,
        })
        .sum()
}

fn of_change(change: &Value) -> usize {
    let field = change["field"].as_str().unwrap_or_default();
    let value = &change["value"];
    let number = value["metadata"]["phone_number_id"].as_str().unwrap_or_default();
    let is_blank = number
        .chars()
        .all(|character| character.is_control() || character.is_whitespace());
    if !FIELDS.contains(&field) || !value.is_object() || is_blank {
        return 1;
    }
    let listed: usize = LISTS
        .iter()
        .map(|list| match &value[list] {
            Value::Array(items) => items.len(),
            Value::Null => 0,
            _ => 1,
        })
        .sum();
    let has_trouble = value["errors"].as_array().is_some_and(|errors| {
        errors
            .iter()
            .any(|error| error["code"].as_i64().is_some() || is_number(&error["code"]))
    });
    if listed == 0 && !has_trouble { 1 } else { listed }
}

fn is_number(code: &Value) -> bool {
    code.as_str().is_some_and(|code| code.parse::<i64>().is_ok())
}

fn check_item(item: &Item, texts: &[String]) {
    let is_said = |text: &str| texts.iter().any(|said| said == text);
    match item {
        Item::Message(message) => {
            assert!(is_said(message.id.as_str()), "an id was made up");
            assert_id(message.id.as_str());
            assert_identity(&message.sender.identity, texts);
            assert_words(&message.text, &message.content, texts);
            assert_time(message.sent_at);
            assert_is_storable(&message.raw);
            for line in [&message.sender.name, &message.sender.username]
                .into_iter()
                .flatten()
            {
                assert_line(line);
            }
            let now: Timestamp = "2026-11-21T14:05:00Z".parse().expect("a time");
            assert!(message.written_at(now).is_none_or(|at| at <= now));
        }
        Item::Echo(echo) => {
            assert!(is_said(echo.id.as_str()), "an id was made up");
            assert_id(echo.id.as_str());
            assert_identity(&echo.recipient, texts);
            assert_words(&echo.text, &echo.content, texts);
            assert_time(echo.sent_at);
            assert_is_storable(&echo.raw);
        }
        Item::Status(report) => {
            assert!(is_said(report.id.as_str()), "an id was made up");
            assert_id(report.id.as_str());
            assert_time(report.at);
            let word = report.status.as_str();
            assert!(is_said(word) || word == "unknown", "{word}");
            if let Some(attempt) = report.attempt {
                let is_this = |said: &String| said.eq_ignore_ascii_case(&attempt.to_string());
                assert!(texts.iter().any(is_this), "{attempt} was made up");
            }
            assert!(report.troubles.len() <= 8);
            for trouble in &report.troubles {
                for line in [&trouble.title, &trouble.details].into_iter().flatten() {
                    assert_line(line);
                }
            }
        }
        Item::Preference(preference) => {
            assert_identity(&preference.customer, texts);
            assert_time(preference.at);
        }
        Item::IdentityChange(change) => {
            assert_identity(&change.now, texts);
            assert!(change.now.user_id.is_some());
            assert_time(change.at);
        }
        Item::Trouble { troubles, .. } => assert!(!troubles.is_empty()),
        Item::Other { field } => {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            assert!(
                (1..=64).contains(&field.len()) && field.bytes().all(is_plain),
                "{field}"
            );
        }
        Item::Unreadable(unreadable) => {
            assert!(!unreadable.reason.is_empty());
            assert_is_storable(&unreadable.raw);
        }
    }
}

fn assert_id(id: &str) {
    assert!(
        (1..=255).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()),
        "{id}"
    );
    assert!(!id.contains(['\'', '"', '\\', ';', '<']), "{id}");
}

fn assert_identity(identity: &Identity, texts: &[String]) {
    assert!(!identity.is_nobody());
    if let Some(user) = &identity.user_id {
        assert!(
            texts.iter().any(|said| said == user.as_str()),
            "{user:?} was made up"
        );
    }
    if let Some(wa_id) = &identity.wa_id {
        let is_this = |said: &String| {
            let said: String = said
                .trim()
                .chars()
                .filter(|character| !character.is_control())
                .take(64)
                .collect();
            said == wa_id.as_str()
        };
        assert!(texts.iter().any(is_this), "a number was made up");
        assert_eq!(identity.phone, wa_id.phone());
    }
    if let Some(phone) = &identity.phone {
        assert!(identity.wa_id.is_some());
        assert_eq!(Phone::parse(phone.as_str()).as_ref(), Ok(phone));
    }
}

fn assert_words(words: &str, content: &Content, texts: &[String]) {
    assert!(!words.contains(|character: char| character.is_control() && !"\n\t".contains(character)));
    if matches!(content, Content::Text) {
        assert!(words.chars().count() <= 65_536);
        let longest = texts
            .iter()
            .map(|said| said.chars().count())
            .max()
            .unwrap_or_default();
        assert!(words.chars().count() <= longest, "words were made up");
    }
    if let Some(media) = content.media() {
        let lines = [&media.mime_type, &media.sha256, &media.filename];
        lines.into_iter().flatten().for_each(|line| assert_line(line));
        let is_plain = |id: &String| {
            id.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        assert!(media.id.as_ref().is_none_or(is_plain), "{:?}", media.id);
    }
}

fn assert_line(line: &str) {
    assert!(
        (1..=200).contains(&line.chars().count()) && !line.contains(char::is_control),
        "{line:?}"
    );
}

fn assert_time(at: Option<Timestamp>) {
    assert!(
        at.is_none_or(|at| (1_230_768_000..4_102_444_800).contains(&at.as_second())),
        "{at:?}"
    );
}

fn assert_is_storable(raw: &Value) {
    let written = raw.to_string();
    assert!(written.len() < 200_000, "{}", written.len());
    assert!(
        !written.contains("\\u0000") || written.contains("\\\\u0000"),
        "Postgres keeps no NUL"
    );
}

/// Every text in a value.
fn texts_in(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts_in(value, texts)),
        Value::Object(fields) => fields.values().for_each(|value| texts_in(value, texts)),
        _ => {}
    }
}
