//! What people write on WhatsApp: every message is stored once, matched to a person, and owed one answer or none.
//!
//! Nobody is answered from here. What is seen is what stands in the inbox, and the job with the bell that rings for it.

mod at_once;
mod bad_input;
mod database_away;
mod kinds;
mod people;
mod statuses;
mod wishes;

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::providers::whatsapp::sign;
use system_tests::{Reply, WHATSAPP, WHATSAPP_NUMBER, WHATSAPP_SECRET, WHATSAPP_TOKEN, World};

use crate::logs::Log;

const JSON: (&str, &str) = ("content-type", "application/json");

/// A business that answers on WhatsApp.
async fn world() -> World {
    let world = World::begin().await;
    open(&world).await;
    world
}

async fn open(world: &World) {
    world.database.sql("UPDATE replying SET paused = false").await;
}

/// Posts a body as Meta signs it.
async fn post(world: &World, body: &str) -> Reply {
    let signature = sign(body.as_bytes(), &SecretString::from(WHATSAPP_SECRET));
    world
        .send(
            "POST",
            WHATSAPP,
            &[JSON, ("x-hub-signature-256", &signature)],
            body,
        )
        .await
}

/// Meta tells of changes, in one request.
async fn tells(world: &World, changes: &[Value]) {
    let reply = post(world, &envelope(changes).to_string()).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"ok":true}"#));
}

/// Meta tells of messages that came to the business, in one request.
async fn hears(world: &World, messages: &[Value]) {
    tells(
        world,
        &[change(
            "messages",
            json!({ "messages": messages, "contacts": contacts_of(messages) }),
        )],
    )
    .await;
}

fn envelope(changes: &[Value]) -> Value {
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "102290129340398", "changes": changes }] })
}

fn change(field: &str, mut value: Value) -> Value {
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] = json!({ "display_phone_number": "15550783881", "phone_number_id": WHATSAPP_NUMBER });
    json!({ "field": field, "value": value })
}

fn contacts_of(messages: &[Value]) -> Value {
    let contacts = messages.iter().filter_map(|message| {
        let from = message.get("from")?;
        Some(json!({ "profile": { "name": format!("Friend {from}") }, "wa_id": from }))
    });
    contacts.collect()
}

/// Somebody writes a line, at the moment at which a test's clock begins.
fn text(id: &str, from: &str, body: &str) -> Value {
    message(id, from, "text", json!({ "body": body }))
}

fn message(id: &str, from: &str, kind: &str, body: Value) -> Value {
    let mut message = json!({
        "from": from, "id": format!("wamid.{id}"), "timestamp": began().as_second().to_string(), "type": kind,
    });
    message[kind] = body;
    message
}

fn began() -> Timestamp {
    "2026-06-10T17:00:00Z".parse().expect("a time")
}

/// What is owed for a message: the job's state and reason.
async fn owed(world: &World, id: &str) -> String {
    let query = format!(
        "SELECT concat_ws(', ', state, state_reason) FROM jobs WHERE kind = 'whatsapp_reply' AND cause = 'wamid.{id}'"
    );
    world
        .database
        .one(&query)
        .await
        .unwrap_or_else(|| "nothing".to_owned())
}

#[tokio::test]
async fn a_message_stands_in_the_inbox_and_is_owed_one_answer() {
    let world = world().await;
    let (log, _guard) = Log::begin();
    hears(&world, &[text("1", "14155550101", "Hello, are you open?")]).await;
    let inbox = "SELECT concat_ws(' | ', contact.name, contact.phone, conversation.channel, lead.status, message.direction, message.type,
                        message.body, message.status, to_char(message.sent_at AT TIME ZONE 'UTC', 'HH24:MI:SS'),
                        conversation.last_inbound_at = message.sent_at, conversation.last_message_at = message.sent_at)
                 FROM messages AS message
                 JOIN conversations AS conversation ON conversation.id = message.conversation_id
                 JOIN contacts AS contact ON contact.id = conversation.contact_id
                 JOIN leads AS lead ON lead.id = conversation.lead_id";
    assert_eq!(
        world.database.one(inbox).await.as_deref(),
        Some(
            "Friend \"14155550101\" | +14155550101 | WHATSAPP | open | INBOUND | text | Hello, are you open? | RECEIVED | 17:00:00 | t | t"
        )
    );
    assert_eq!(owed(&world, "1").await, "pending");
    assert_eq!(world.sqs.messages("replies.fifo").len(), 1, "one bell");
    let text = log.text();
    for stage in [
        "[WEBHOOK] INBOUND-ENTRY",
        "✅ [WEBHOOK] AUTO-MATCH pipeline completed",
        "✅ [WEBHOOK] Job enqueued",
        "🚀 [WEBHOOK] Kicked job runner",
    ] {
        assert!(text.contains(stage), "{stage}");
    }
    for said in ["Hello, are you open?", "14155550101", "Friend"] {
        assert!(!text.contains(said), "{said} stands in the log");
    }
}

#[tokio::test]
async fn a_message_that_is_told_again_is_the_same_message() {
    let world = world().await;
    let one = text("1", "14155550101", "Hello?");
    hears(&world, &[one.clone(), one.clone()]).await;
    {
        let (log, _guard) = Log::begin();
        hears(&world, std::slice::from_ref(&one)).await;
        assert!(log.text().contains(r#""was_duplicate":true"#));
    }
    let again = std::iter::repeat_n(std::slice::from_ref(&one), 8).map(|one| hears(&world, one));
    futures_util::future::join_all(again).await;
    assert_eq!((world.count("messages").await, world.count("jobs").await), (1, 1));
    assert_eq!(
        world.sqs.messages("replies.fifo").len(),
        1,
        "nobody is rung for twice"
    );
}

#[tokio::test]
async fn everything_in_a_batch_is_taken_and_what_cannot_be_spoils_nothing_else() {
    let world = world().await;
    let mut messages: Vec<Value> = (0..50)
        .map(|number| text(&format!("{number}"), &format!("1415555{number:04}"), "Hello?"))
        .collect();
    messages[7] = json!({ "id": "wamid.bad", "type": "text", "text": { "body": "Who am I?" } });
    messages[31] = json!("no message at all");
    messages[32]["timestamp"] = json!("soon");
    let (first, second) = messages.split_at(20);
    let change_of = |messages: &[Value]| {
        change(
            "messages",
            json!({ "messages": messages, "contacts": contacts_of(messages) }),
        )
    };
    let mut body = envelope(&[
        change_of(first),
        json!({ "field": "account_update", "value": {} }),
    ]);
    body["entry"]
        .as_array_mut()
        .expect("a list")
        .push(json!({ "id": "2", "changes": [change_of(second)] }));
    assert_eq!(post(&world, &body.to_string()).await.status, 200);
    assert_eq!(
        (world.count("messages").await, world.count("jobs").await),
        (47, 47)
    );
    assert_eq!(
        world.quarantined().await.len(),
        3,
        "{:?}",
        world.quarantined().await
    );
    assert_eq!(world.sqs.messages("replies.fifo").len(), 47);
}

#[tokio::test]
async fn who_asks_with_the_right_word_is_told_that_the_address_is_ours() {
    let world = world().await;
    let ask = |query: String| {
        let world = &world;
        async move { world.send("GET", &format!("{WHATSAPP}?{query}"), &[], "").await }
    };
    let good = format!("hub.mode=subscribe&hub.verify_token={WHATSAPP_TOKEN}&hub.challenge=1158201444");
    let reply = ask(good.clone()).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "1158201444"));
    for bad in [
        good.replace(WHATSAPP_TOKEN, "another"),
        good.replace("subscribe", "unsubscribe"),
        good.replace("1158201444", "%3Cscript%3E"),
        good.replace("&hub.challenge=1158201444", ""),
        String::new(),
    ] {
        assert_eq!(ask(bad.clone()).await.status, 403, "{bad}");
    }
}
