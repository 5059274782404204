//! Every kind of message has a stated policy: a machine answers it, a person does, or nobody waits for an answer.

use serde_json::{Value, json};

use super::{began, change, hears, message, owed, tells, text, world};

fn file() -> Value {
    json!({ "id": "1013859600285441", "mime_type": "image/jpeg", "sha256": "Zm9v" })
}

fn with_caption() -> Value {
    json!({ "id": "1013859600285441", "mime_type": "image/jpeg", "sha256": "Zm9v", "caption": "Can you mend this?" })
}

#[tokio::test]
async fn each_kind_is_stored_and_treated_as_is_said_of_it() {
    let world = world().await;
    let by_a_person = "suppressed, handed_over: no_machine_can_read_it";
    for (number, (kind, body, expected, read)) in [
        ("text", json!({ "body": "Hi" }), "pending", Some("Hi")),
        ("image", file(), by_a_person, None),
        ("image", with_caption(), "pending", Some("Can you mend this?")),
        ("video", file(), by_a_person, None),
        (
            "audio",
            json!({ "id": "1", "mime_type": "audio/ogg; codecs=opus", "voice": true }),
            by_a_person,
            None,
        ),
        ("document", with_caption(), "pending", Some("Can you mend this?")),
        ("sticker", file(), "nothing", None),
        (
            "location",
            json!({ "latitude": 51.05, "longitude": -114.07, "name": "Home" }),
            "pending",
            Some("Home"),
        ),
        (
            "contacts",
            json!([{ "name": { "formatted_name": "Bob" }, "phones": [{ "phone": "+14155550102" }] }]),
            "pending",
            Some("Bob, +14155550102"),
        ),
        (
            "interactive",
            json!({ "type": "button_reply", "button_reply": { "id": "y", "title": "Yes, please" } }),
            "pending",
            Some("Yes, please"),
        ),
        (
            "button",
            json!({ "payload": "p", "text": "Tomorrow" }),
            "pending",
            Some("Tomorrow"),
        ),
        (
            "reaction",
            json!({ "message_id": "wamid.0", "emoji": "👍" }),
            "nothing",
            Some("👍"),
        ),
        (
            "order",
            json!({ "catalog_id": "1", "product_items": [{ "product_retailer_id": "SODA", "quantity": 2 }] }),
            "suppressed, handed_over: it_is_an_order",
            Some("2 × SODA"),
        ),
        ("unsupported", json!({ "type": "poll" }), by_a_person, None),
        ("hologram", json!({ "of": "me" }), by_a_person, None),
        ("request_welcome", json!({}), "nothing", None),
        ("text", json!({ "body": " \n " }), "nothing", Some(" \n ")),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("kind-{number}");
        hears(
            &world,
            &[message(&id, &format!("1415555{number:04}"), kind, body.clone())],
        )
        .await;
        assert_eq!(owed(&world, &id).await, expected, "{kind}: {body}");
        let query = format!(
            "SELECT coalesce(body, 'nothing') FROM messages WHERE provider_message_id = 'wamid.{id}'"
        );
        assert_eq!(
            world.database.one(&query).await.as_deref(),
            Some(read.unwrap_or("nothing")),
            "{kind}: {body}"
        );
    }
    assert_eq!(world.count("tasks WHERE kind = 'handed_over'").await, 6);
    assert_eq!(world.count("notifications").await, 6);
    let kept = "messages WHERE type = 'unknown' AND raw -> 'hologram' ->> 'of' = 'me'";
    assert_eq!(world.count(kept).await, 1, "what nobody knows is kept as it came");
    assert_eq!(
        world
            .count("messages WHERE media ->> 'id' = '1013859600285441'")
            .await,
        5
    );
}

#[tokio::test]
async fn once_a_person_is_asked_no_machine_answers_in_that_thread() {
    let world = world().await;
    hears(
        &world,
        &[message(
            "1",
            "14155550101",
            "audio",
            json!({ "id": "1", "voice": true }),
        )],
    )
    .await;
    hears(
        &world,
        &[
            text("2", "14155550101", "Are you there?"),
            text("3", "14155550101", "Hello?"),
        ],
    )
    .await;
    for id in ["2", "3"] {
        assert_eq!(owed(&world, id).await, "suppressed, human_has_taken_over");
    }
    assert_eq!(
        world.count("tasks").await,
        1,
        "one task, however often they write"
    );
    hears(&world, &[text("4", "14155550102", "Hello?")]).await;
    assert_eq!(owed(&world, "4").await, "pending", "others are answered");
}

#[tokio::test]
async fn what_was_edited_reads_as_it_is_now_and_what_was_taken_back_is_gone() {
    let world = world().await;
    hears(
        &world,
        &[
            text("1", "14155550101", "Hello"),
            text("2", "14155550101", "My password is 1234"),
        ],
    )
    .await;
    let edit = json!({ "original_message_id": "wamid.1", "message": { "type": "text", "text": { "body": "Hello again" } } });
    hears(
        &world,
        &[
            message("3", "14155550101", "edit", edit),
            message(
                "4",
                "14155550101",
                "revoke",
                json!({ "original_message_id": "wamid.2" }),
            ),
        ],
    )
    .await;
    let thread = "SELECT string_agg(coalesce(body, '(taken back)'), ', ' ORDER BY id) FROM messages";
    assert_eq!(
        world.database.one(thread).await.as_deref(),
        Some("Hello again, (taken back)")
    );
}

#[tokio::test]
async fn what_becomes_of_a_message_may_be_told_before_the_message() {
    let world = world().await;
    let edit = |id: &str, of: &str, words: &str, seconds: i64| {
        let edit = json!({ "original_message_id": format!("wamid.{of}"), "message": { "type": "text", "text": { "body": words } } });
        let mut message = message(id, "14155550101", "edit", edit);
        message["timestamp"] = json!((began().as_second() - seconds).to_string());
        message
    };
    let revoke = |id: &str, of: &str| {
        let revoke = json!({ "original_message_id": format!("wamid.{of}") });
        message(id, "14155550101", "revoke", revoke)
    };
    for told in [
        revoke("10", "1"),
        edit("11", "2", "The newest words", 10),
        edit("12", "2", "Older words", 20),
        edit("13", "3", "Edited first", 10),
        revoke("14", "3"),
        edit("15", "3", "Edited again", 5),
    ] {
        hears(&world, &[told]).await;
    }
    for id in ["1", "2", "3", "4"] {
        hears(&world, &[text(id, "14155550101", "As it was")]).await;
    }
    // And in their own order, after it.
    hears(
        &world,
        &[
            edit("16", "4", "The newest words", 10),
            edit("17", "4", "Older words", 20),
        ],
    )
    .await;
    let thread = "SELECT string_agg(coalesce(body, '(taken back)'), ', ' ORDER BY id) FROM messages";
    assert_eq!(
        world.database.one(thread).await.as_deref(),
        Some("(taken back), The newest words, (taken back), The newest words")
    );
    for (id, expected) in [
        ("1", "suppressed, message_revoked"),
        ("2", "pending"),
        ("3", "suppressed, message_revoked"),
    ] {
        assert_eq!(owed(&world, id).await, expected);
    }
    assert_eq!(world.quarantined().await, [""; 0]);
}

#[tokio::test]
async fn what_is_about_something_else_is_acknowledged_and_kept_out() {
    let world = world().await;
    for field in [
        "account_update",
        "message_template_status_update",
        "calls",
        "history",
        "something_new",
    ] {
        tells(
            &world,
            &[json!({ "field": field, "value": { "anything": [1, 2, 3] } })],
        )
        .await;
    }
    let mut strange = change(
        "messages",
        json!({ "messages": [text("1", "14155550101", "Hello?")] }),
    );
    strange["value"]["metadata"]["phone_number_id"] = json!("1");
    tells(&world, &[strange]).await;
    assert_eq!((world.count("messages").await, world.count("jobs").await), (0, 0));
    assert_eq!(
        world.quarantined().await.len(),
        1,
        "what came to a number that is not ours"
    );
}
