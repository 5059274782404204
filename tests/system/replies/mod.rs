//! Who is answered on WhatsApp, with what words, and how often: by Meta's own record.

mod drafts;
mod outcomes;
mod people;
mod silences;

use local::sandbox_chat::{Behaviour as Says, Provider};
use local::sandbox_meta::{Customer, SentMessage, Update};
use serde_json::json;
use system_tests::{WHATSAPP, World};

/// Whoever waits for somebody else in this database.
const WAITING: &str = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// Ann, who writes to the business.
pub(super) fn ann() -> Customer {
    Customer::new("+14155550101", "Ann")
}

/// A business that answers on WhatsApp.
pub(super) async fn world() -> World {
    let world = World::begin().await;
    world
        .database
        .sql("UPDATE replying SET paused = false, knowledge = 'We open at nine.', own_hosts = '{acme.example}',
                                  never_promise = '{free of charge}'")
        .await;
    world
}

/// Meta tells of this, in one request.
pub(super) async fn hears(world: &World, updates: impl IntoIterator<Item = Update>) {
    let (parts, body) = world.meta.webhook(updates).into_request().into_parts();
    let headers: Vec<(&str, &str)> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
        .collect();
    let reply = world.send("POST", WHATSAPP, &headers, body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

/// Somebody writes, and everything that follows at once.
pub(super) async fn writes(world: &World, customer: &Customer, words: &str) {
    hears(world, [world.meta.text(customer, words)]).await;
    settle(world).await;
}

/// Whoever has finished writing is answered.
async fn settle(world: &World) {
    world.pass(jiff::SignedDuration::from_secs(5)).await;
    world.run_replies().await;
}

/// The words that somebody got, in order.
fn words_to(world: &World, customer: &Customer) -> Vec<String> {
    let messages: Vec<SentMessage> = world.meta.messages_to(customer);
    messages.into_iter().map(|message| message.text).collect()
}

/// What became of every answer: state and reason, in the order in which they were owed.
pub(super) async fn fates(world: &World) -> Vec<String> {
    let query = "SELECT string_agg(concat_ws(', ', state, state_reason), '; ' ORDER BY message_id) FROM jobs WHERE kind = 'whatsapp_reply'";
    let fates = world.database.one(query).await.unwrap_or_default();
    fates.split("; ").map(str::to_owned).collect()
}

/// What people are asked to do.
pub(super) async fn tasks(world: &World) -> String {
    let query = "SELECT string_agg(kind, ' ' ORDER BY id) FROM tasks";
    world.database.one(query).await.unwrap_or_default()
}

/// The thread as the inbox shows it.
async fn thread(world: &World) -> String {
    let query = "SELECT string_agg(author || ': ' || body || ' (' || status || ')', ' | ' ORDER BY sent_at, id) FROM messages";
    world.database.one(query).await.unwrap_or_default()
}

fn replies(world: &World, words: &str) {
    world
        .chat
        .on_next(Provider::DeepSeek, Says::Reply(words.to_owned()));
}

#[tokio::test]
async fn a_message_is_answered_once_and_both_stand_in_the_thread() {
    let world = world().await;
    replies(&world, "We open at nine.");
    writes(&world, &ann(), "Hello, when do you open?").await;
    assert_eq!(words_to(&world, &ann()), ["We open at nine."]);
    for _ in 0..3 {
        world.minutes(1).await;
        world.run_replies().await;
    }
    assert_eq!(words_to(&world, &ann()).len(), 1);
    assert_eq!(fates(&world).await, ["accepted"]);
    assert_eq!(
        thread(&world).await,
        "customer: Hello, when do you open? (RECEIVED) | machine: We open at nine. (SENT)"
    );
    let dates = "SELECT (last_outbound_at = sent_at AND last_message_at = sent_at)::text
                 FROM conversations JOIN messages ON conversation_id = conversations.id WHERE direction = 'OUTBOUND'";
    assert_eq!(world.database.one(dates).await.as_deref(), Some("true"));
    let shown = world.meta.shown();
    assert!(
        shown.iter().any(|shown| shown.is_typing),
        "blue ticks, and somebody who types"
    );
}

#[tokio::test]
async fn what_is_told_and_rung_many_times_is_answered_once() {
    let world = world().await;
    let told = world.meta.text(&ann(), "Hello?");
    for _ in 0..5 {
        hears(&world, [told.clone(), told.clone()]).await;
    }
    world.pass(jiff::SignedDuration::from_secs(5)).await;
    let job = world
        .database
        .one("SELECT id::text FROM jobs")
        .await
        .expect("a job");
    let bell = json!({ "v": 1, "job": job, "kind": "reply" }).to_string();
    let event = json!({ "Records": [{ "messageId": "m", "body": bell, "attributes": { "MessageGroupId": "g" }, "eventSource": "aws:sqs" }] });
    let runners = (0..6).map(|_| world.invoke("job-runner", event.clone()));
    futures_util::future::join_all(runners).await;
    world.run_replies().await;
    assert_eq!(world.meta.messages().len(), 1);
    assert_eq!(fates(&world).await, ["accepted"]);
}

#[tokio::test]
async fn several_quick_messages_get_one_answer_to_the_last() {
    let world = world().await;
    replies(&world, "All three: yes.");
    let lines = ["Hi", "Are you open tomorrow?", "And on Sunday?"];
    for line in lines {
        hears(&world, [world.meta.text(&ann(), line)]).await;
        world.pass(jiff::SignedDuration::from_secs(1)).await;
        world.run_replies().await;
    }
    settle(&world).await;
    world.minutes(2).await;
    world.run_replies().await;
    assert_eq!(words_to(&world, &ann()), ["All three: yes."]);
    assert_eq!(
        fates(&world).await,
        [
            "suppressed, answered_later",
            "suppressed, answered_later",
            "accepted"
        ]
    );
    let asked = world.chat.requests();
    assert_eq!(
        asked.last().map(|asked| asked.said_by("user")),
        Some(lines.map(str::to_owned).to_vec())
    );
}

#[tokio::test]
async fn a_conversation_goes_on_with_what_was_said_before() {
    let world = world().await;
    replies(&world, "We open at nine.");
    writes(&world, &ann(), "When do you open?").await;
    world.pass(jiff::SignedDuration::from_mins(1)).await;
    replies(&world, "And close at five.");
    writes(&world, &ann(), "And close?").await;
    assert_eq!(
        words_to(&world, &ann()),
        ["We open at nine.", "And close at five."]
    );
    let asked = world.chat.requests().pop().expect("a request");
    assert_eq!(asked.said_by("assistant"), ["We open at nine."]);
    assert_eq!(asked.said_by("user"), ["When do you open?", "And close?"]);
    assert!(
        asked.said_by("system")[0].contains("We open at nine."),
        "the business's knowledge"
    );
}

#[tokio::test]
async fn nobody_is_answered_while_answering_is_paused_and_nobody_is_forgotten() {
    let world = World::begin().await;
    writes(&world, &ann(), "Hello?").await;
    world.minutes(3).await;
    world.run_replies().await;
    assert_eq!((world.meta.messages().len(), world.chat.requests().len()), (0, 0));
    world.database.sql("UPDATE replying SET paused = false").await;
    world.minutes(3).await;
    world.run_replies().await;
    assert_eq!(words_to(&world, &ann()).len(), 1);
}

#[tokio::test]
async fn who_waits_for_an_hour_gets_a_person() {
    let world = World::begin().await;
    writes(&world, &ann(), "Hello?").await;
    world.pass(jiff::SignedDuration::from_mins(61)).await;
    world.sweep().await;
    assert_eq!(fates(&world).await, ["suppressed, expired"]);
    assert_eq!(tasks(&world).await, "not_answered");
}
