use serde_json::json;

use super::*;
use crate::Phone;
use crate::providers::whatsapp::{Content, DeliveryStatus, MessageId};

const ANN: &str = "14155550101";

fn value(more: Value) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "15005550006", "phone_number_id": "1067" },
    });
    let Value::Object(more) = more else {
        panic!("an object")
    };
    value.as_object_mut().expect("an object").extend(more);
    value
}

fn change(field: &str, more: Value) -> Value {
    json!({ "field": field, "value": value(more) })
}

fn read_all(entries: &[Vec<Value>]) -> Vec<Item> {
    let entries: Vec<Value> = entries
        .iter()
        .map(|changes| json!({ "id": "1", "changes": changes }))
        .collect();
    let body = json!({ "object": "whatsapp_business_account", "entry": entries });
    items(body.to_string().as_bytes()).expect("a webhook")
}

fn read_one(field: &str, more: Value) -> Item {
    let mut found = read_all(&[vec![change(field, more)]]);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn message(more: Value) -> InboundMessage {
    match read_one("messages", more) {
        Item::Message(message) => *message,
        other => panic!("{other:?}"),
    }
}

fn text(id: &str) -> Value {
    json!({ "from": ANN, "id": id, "timestamp": "1760000000", "type": "text", "text": { "body": id } })
}

/// What became of each, in a word.
fn told(items: &[Item]) -> Vec<String> {
    let told = items.iter().map(|item| match item {
        Item::Message(message) => message.id.as_str().to_owned(),
        Item::Status(report) => format!("{} {}", report.id.as_str(), report.status.as_str()),
        Item::Echo(echo) => format!("echo {}", echo.id.as_str()),
        Item::Other { field } => format!("other {field}"),
        Item::Unreadable(unreadable) => format!("unreadable {}", unreadable.reason),
        other => format!("{other:?}"),
    });
    told.collect()
}

#[test]
fn a_message_says_who_wrote_what_and_when() {
    let message = message(json!({
        "contacts": [{ "profile": { "name": "Ann\0", "username": "ann.x" }, "wa_id": ANN, "user_id": "US.134" }],
        "messages": [{
            "from": ANN, "id": "wamid.x==", "timestamp": "1760000000", "type": "image",
            "context": { "from": "15005550006", "id": "wamid.before" },
            "image": { "id": "9", "mime_type": "image/jpeg", "sha256": "a=", "caption": "Look!", "url": "https://lookaside.fbsbx.com/?hash=1" },
        }],
    }));
    assert_eq!(
        (message.phone_number_id.as_str(), message.id.as_str()),
        ("1067", "wamid.x==")
    );
    let sender = &message.sender;
    assert_eq!(
        sender.identity.phone.as_ref().map(Phone::as_str),
        Some("+14155550101")
    );
    assert_eq!(sender.identity.user_id, UserId::parse("US.134"));
    assert_eq!(
        (sender.name.as_deref(), sender.username.as_deref()),
        (Some("Ann"), Some("ann.x"))
    );
    assert_eq!(message.sent_at.map(Timestamp::as_second), Some(1_760_000_000));
    assert_eq!(
        message.in_reply_to.as_ref().map(MessageId::as_str),
        Some("wamid.before")
    );
    assert_eq!(message.text, "Look!");
    let media = message.content.media().expect("a file");
    assert_eq!(
        (media.id.as_deref(), media.mime_type.as_deref()),
        (Some("9"), Some("image/jpeg"))
    );
    assert_eq!(message.raw["image"]["url"], "…", "whoever has it has the file");
}

#[test]
fn everything_in_a_batch_is_read_in_its_order_and_one_bad_item_spoils_nothing() {
    let items = read_all(&[
        vec![
            change(
                "messages",
                json!({ "messages": [text("w1"), text("w 2"), 7, null, text("w3")], "statuses": [
                    { "id": "w4", "status": "sent" }, { "id": "w4" }, { "status": "sent" },
                ] }),
            ),
            change("account_update", json!({ "event": "VERIFIED_ACCOUNT" })),
            json!({ "field": "messages" }),
            json!([]),
        ],
        vec![
            json!({ "field": "messages", "value": { "messages": [text("w5")] } }),
            change("messages", json!({ "messages": [text("w6")] })),
            json!({ "field": "a new one", "value": null }),
        ],
    ]);
    assert_eq!(
        told(&items),
        [
            "w1",
            "unreadable messages.id",
            "unreadable messages.id",
            "unreadable messages.id",
            "w3",
            "w4 sent",
            "unreadable statuses.status",
            "unreadable statuses.id",
            "other account_update",
            "unreadable changes.value",
            "unreadable changes.field",
            "unreadable metadata.phone_number_id",
            "w6",
            "other unknown",
        ]
    );
}

#[test]
fn whoever_hides_their_number_is_known_by_their_id() {
    for from in [json!({}), json!({ "from": "" }), json!({ "from": null })] {
        let mut written =
            json!({ "id": "w1", "from_user_id": "US.134", "type": "text", "text": { "body": "Hi" } });
        written
            .as_object_mut()
            .expect("an object")
            .extend(from.as_object().expect("an object").clone());
        let message = message(json!({
            "contacts": [{ "profile": { "name": "Ann" }, "user_id": "US.134" }, { "wa_id": "14155550199" }],
            "messages": [written],
        }));
        let identity = &message.sender.identity;
        assert_eq!((&identity.phone, &identity.wa_id), (&None, &None));
        assert_eq!(identity.user_id, UserId::parse("US.134"));
        assert_eq!(message.sender.name.as_deref(), Some("Ann"));
    }
    let nobody = json!({ "messages": [{ "id": "w1", "type": "text" }] });
    assert_eq!(
        told(&[read_one("messages", nobody)]),
        ["unreadable messages.from"]
    );
}

#[test]
fn a_name_is_taken_from_the_same_person_alone() {
    let contacts = json!([{ "profile": { "name": "Bob" }, "wa_id": "14155550199", "user_id": "US.9" }]);
    let theirs = message(json!({ "contacts": contacts, "messages": [text("w1")] }));
    assert_eq!((theirs.sender.name, theirs.sender.identity.user_id), (None, None));
    // Brazil's ninth digit.
    let contacts = json!([{ "profile": { "name": "Eva" }, "wa_id": "5511987654321" }]);
    let mut written = text("w1");
    written["from"] = json!("551187654321");
    let hers = message(json!({ "contacts": contacts, "messages": [written] }));
    assert_eq!(hers.sender.name.as_deref(), Some("Eva"));
    assert_eq!(
        hers.sender
            .identity
            .wa_id
            .map(|id| id.as_str().to_owned())
            .as_deref(),
        Some("551187654321")
    );
}

#[test]
fn a_number_that_is_none_is_kept_as_it_was_sent() {
    let mut written = text("w1");
    written["from"] = json!("12\u{0}3");
    let message = message(json!({ "messages": [written] }));
    assert_eq!(message.sender.identity.phone, None);
    assert_eq!(
        message
            .sender
            .identity
            .wa_id
            .map(|id| id.as_str().to_owned())
            .as_deref(),
        Some("123")
    );
}

#[test]
fn troubles_stand_with_their_message_or_alone() {
    let items = read_all(&[vec![change(
        "messages",
        json!({
            "messages": [
                { "from": ANN, "id": "w1", "type": "unsupported", "errors": [{ "code": 131_051, "title": "Unsupported" }] },
                { "from": ANN, "id": "w2", "type": "interactive" },
            ],
            "errors": [{ "code": 131_000, "title": "Something went wrong" }],
        }),
    )]]);
    let [
        Item::Message(first),
        Item::Message(second),
        Item::Trouble { troubles, .. },
    ] = &items[..]
    else {
        panic!("{items:?}");
    };
    assert_eq!(first.troubles[0].code, 131_051);
    assert_eq!((second.content.kind(), second.text.as_str()), ("interactive", ""));
    assert_eq!(troubles[0].code, 131_000);
}

#[test]
fn what_somebody_of_ours_wrote_is_an_echo_and_what_we_wrote_to_ourselves_is_nothing() {
    let echo = read_one(
        "smb_message_echoes",
        json!({
            "contacts": [{ "wa_id": ANN, "user_id": "US.1" }],
            "message_echoes": [{ "from": "15005550006", "to": ANN, "to_user_id": "US.1", "id": "w1",
                "timestamp": "1760000000", "type": "text", "text": { "body": "I take over" } }],
        }),
    );
    let Item::Echo(echo) = echo else {
        panic!("{echo:?}")
    };
    assert_eq!(
        echo.recipient.phone.as_ref().map(Phone::as_str),
        Some("+14155550101")
    );
    assert_eq!(
        (echo.text.as_str(), &echo.content),
        ("I take over", &Content::Text)
    );
    let mut own = text("w1");
    own["from"] = json!("15005550006");
    let own = read_one("messages", json!({ "messages": [own] }));
    assert_eq!(told(&[own]), ["other messages_from_ourselves"]);
    let nobody = json!({ "message_echoes": [{ "id": "w1", "from": "15005550006" }] });
    assert_eq!(
        told(&[read_one("smb_message_echoes", nobody)]),
        ["unreadable message_echoes.to"]
    );
}

#[test]
fn a_report_is_read_beside_its_price() {
    let report = read_one(
        "messages",
        json!({ "statuses": [{ "id": "w1", "status": "read", "timestamp": "1760000000", "recipient_id": ANN,
            "conversation": { "id": "c" }, "pricing": { "billable": true } }] }),
    );
    let Item::Status(report) = report else {
        panic!("{report:?}")
    };
    assert_eq!(
        (report.status, report.phone_number_id.as_str()),
        (DeliveryStatus::Read, "1067")
    );
}

#[test]
fn preferences_and_new_ids_are_items_of_their_own() {
    let preference = |value: &str| {
        let preference = json!({ "wa_id": ANN, "detail": "…", "category": "marketing_messages", "value": value, "timestamp": 1_731_705_721 });
        match read_one("user_preferences", json!({ "user_preferences": [preference] })) {
            Item::Preference(preference) => preference,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(preference("stop").value, PreferenceValue::Stop);
    assert_eq!(preference("resume").value, PreferenceValue::Resume);
    let signup = preference("signup");
    assert_eq!(signup.value, PreferenceValue::Other(Some("signup".to_owned())));
    assert_eq!(signup.at.map(Timestamp::as_second), Some(1_731_705_721));
    assert_eq!(
        signup.customer.phone.as_ref().map(Phone::as_str),
        Some("+14155550101")
    );

    let change = read_one(
        "user_id_update",
        json!({
            "contacts": [{ "wa_id": ANN }],
            "user_id_update": [{ "wa_id": ANN, "user_id": { "previous": "US.1", "current": "US.2" }, "timestamp": "1760000000" }],
        }),
    );
    let Item::IdentityChange(change) = change else {
        panic!("{change:?}")
    };
    assert_eq!(
        (change.before, change.now.user_id),
        (UserId::parse("US.1"), UserId::parse("US.2"))
    );
    assert!(change.now.phone.is_some());
    for (field, list) in [
        ("user_preferences", json!([{}])),
        ("user_id_update", json!([{}, 7])),
    ] {
        let mut more = json!({});
        more[field] = list;
        let items = read_all(&[vec![super::tests::change(field, more)]]);
        assert!(
            items.iter().all(|item| matches!(item, Item::Unreadable(_))),
            "{items:?}"
        );
    }
}

#[test]
fn whoever_only_becomes_somebody_else_is_who_they_become() {
    let system = json!({ "id": "w1", "type": "system",
        "system": { "body": "changed", "user_id": "US.2", "type": "user_changed_user_id" } });
    let message = message(json!({ "messages": [system] }));
    assert_eq!(message.sender.identity.user_id, UserId::parse("US.2"));
}

#[test]
fn a_body_that_is_no_webhook_says_why() {
    for (body, error) in [
        ("", WebhookError::NotJson),
        ("{", WebhookError::NotJson),
        ("{}", WebhookError::Malformed("object")),
        ("[]", WebhookError::Malformed("object")),
        ("null", WebhookError::Malformed("object")),
        ("\"x\"", WebhookError::Malformed("object")),
        (r#"{"object":"page","entry":[]}"#, WebhookError::OtherObject),
        (
            r#"{"object":"whatsapp_business_account"}"#,
            WebhookError::Malformed("entry"),
        ),
        (
            r#"{"object":"whatsapp_business_account","entry":{}}"#,
            WebhookError::Malformed("entry"),
        ),
    ] {
        assert_eq!(items(body.as_bytes()), Err(error), "{body}");
    }
    assert_eq!(items("[".repeat(10_000).as_bytes()), Err(WebhookError::NotJson));
    assert_eq!(items(b"\xff\xfe"), Err(WebhookError::NotJson));
}

#[test]
fn nothing_is_said_and_nothing_is_wrong() {
    assert_eq!(read_all(&[]), []);
    assert_eq!(read_all(&[vec![]]), []);
    for nothing in [json!({}), json!({ "messages": [] }), json!({ "contacts": [] })] {
        assert_eq!(told(&[read_one("messages", nothing)]), ["other messages"]);
    }
    let strange = json!({ "holograms": [{}] });
    assert_eq!(
        told(&[read_one("messages", strange)]),
        ["unreadable changes.value"]
    );
}

#[test]
fn no_printed_item_holds_what_was_said_or_by_whom() {
    let items = read_all(&[vec![change(
        "messages",
        json!({
            "contacts": [{ "profile": { "name": "Ann Secretive" }, "wa_id": ANN }],
            "messages": [
                { "from": ANN, "id": "w1", "type": "text", "text": { "body": "my confession" } },
                { "from": ANN, "id": "w 1", "type": "text", "text": { "body": "my confession" } },
            ],
            "message_echoes": [{ "to": ANN, "id": "w2", "type": "text", "text": { "body": "my confession" } }],
        }),
    )]]);
    let printed = format!("{items:?}");
    for secret in ["Secretive", "confession", ANN] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
