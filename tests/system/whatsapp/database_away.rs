//! The database goes away, or its schema is behind: what was told waits, and comes to the same in the same order.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use system_tests::{Switch, Wire, World, server};

use super::{change, envelope, hears, message, open, owed, post, text};

/// Somebody writes a line, by the machine's clock.
fn now(id: &str, from: &str, words: &str) -> Value {
    let mut message = text(id, from, words);
    message["timestamp"] = json!(Timestamp::now().as_second().to_string());
    message
}

async fn world_behind(switch: &Switch) -> World {
    let world = World::behind(switch).await;
    open(&world).await;
    world
}

#[tokio::test]
async fn nothing_is_lost_or_answered_on_a_guess_while_the_database_is_away() {
    let switch = Switch::before(server().await.port()).await;
    let world = world_behind(&switch).await;
    switch.set(Wire::Pulled);
    hears(
        &world,
        &[
            now("1", "14155550101", "First"),
            now("2", "14155550102", "Hello?"),
            now("3", "14155550101", "Second"),
        ],
    )
    .await;
    switch.set(Wire::Silent);
    hears(&world, &[now("4", "14155550101", "STOP")]).await;
    assert_eq!(
        post(&world, "{}").await.status,
        200,
        "what makes no sense waits too"
    );
    assert_eq!(world.parked().len(), 4, "a message for each person and request");
    switch.set(Wire::Plugged);
    for _ in 0..3 {
        world.sweep().await;
        world.pass(SignedDuration::from_mins(4)).await;
    }
    assert_eq!(world.parked().len(), 0);
    let thread = "SELECT string_agg(body, ', ' ORDER BY messages.id) FROM messages JOIN contacts ON contacts.id = contact_id WHERE phone = '+14155550101'";
    assert_eq!(
        world.database.one(thread).await.as_deref(),
        Some("First, Second, STOP")
    );
    assert_eq!(owed(&world, "4").await, "suppressed, said_stop");
    assert_eq!(owed(&world, "2").await.as_str(), "pending");
    assert_eq!(world.count("quarantined_events").await, 1);
}

#[tokio::test]
async fn what_somebody_makes_of_a_message_waits_behind_it() {
    let switch = Switch::before(server().await.port()).await;
    let world = world_behind(&switch).await;
    switch.set(Wire::Pulled);
    let changed = |id: &str, kind: &str, body: Value| {
        let mut change = message(id, "14155550101", kind, body);
        change["timestamp"] = json!(Timestamp::now().as_second().to_string());
        change
    };
    let edit = json!({ "original_message_id": "wamid.1", "message": { "type": "text", "text": { "body": "STOP" } } });
    hears(
        &world,
        &[
            now("1", "14155550101", "Hello?"),
            now("2", "14155550101", "My password is 1234"),
            changed("3", "edit", edit),
            changed("4", "revoke", json!({ "original_message_id": "wamid.2" })),
        ],
    )
    .await;
    assert_eq!(world.parked().len(), 1, "all of it is one person's");
    switch.set(Wire::Plugged);
    for _ in 0..3 {
        world.sweep().await;
        world.pass(SignedDuration::from_mins(4)).await;
    }
    let thread = "SELECT string_agg(coalesce(body, '(taken back)'), ', ' ORDER BY id) FROM messages";
    assert_eq!(
        world.database.one(thread).await.as_deref(),
        Some("STOP, (taken back)")
    );
    assert_eq!(world.count("opt_outs WHERE revoked_at IS NULL").await, 1);
    assert_eq!(world.count("quarantined_events").await, 0);
}

#[tokio::test]
async fn a_schema_that_is_behind_takes_nothing_and_loses_nothing() {
    let world = super::world().await;
    let rename = |from: &str, to: &str| format!("ALTER TABLE conversations RENAME COLUMN {from} TO {to}");
    world.database.sql(&rename("deleted_at", "not_yet")).await;
    hears(&world, &[text("1", "14155550101", "Hello?")]).await;
    assert_eq!((world.parked().len(), world.count("messages").await), (1, 0));
    assert!(world.try_tick("job-sweeper").await.is_err());
    assert_eq!(world.parked().len(), 1, "it waits for the schema");
    world.database.sql(&rename("not_yet", "deleted_at")).await;
    world.pass(SignedDuration::from_mins(4)).await;
    world.sweep().await;
    assert_eq!(
        (world.parked().len(), owed(&world, "1").await),
        (0, "pending".to_owned())
    );
}

#[tokio::test]
async fn a_large_batch_is_parked_in_pieces_that_a_queue_takes() {
    let switch = Switch::before(server().await.port()).await;
    let world = world_behind(&switch).await;
    switch.set(Wire::Pulled);
    let long = "x".repeat(30_000);
    let messages: Vec<_> = (0..50)
        .map(|number| text(&format!("{number}"), "14155550101", &long))
        .collect();
    let body = envelope(&[change("messages", json!({ "messages": messages }))]).to_string();
    assert!(body.len() > 1_000_000);
    assert_eq!(post(&world, &body).await.status, 200);
    assert!(world.parked().len() > 5);
    switch.set(Wire::Plugged);
    for _ in 0..8 {
        world.sweep().await;
        world.pass(SignedDuration::from_mins(4)).await;
    }
    let in_order = "SELECT bool_and(provider_message_id = 'wamid.' || (number - 1))::text
                    FROM (SELECT provider_message_id, row_number() OVER (ORDER BY id) AS number FROM messages) AS numbered";
    assert_eq!(world.database.one(in_order).await.as_deref(), Some("true"));
    assert_eq!(world.count("messages").await, 50);
}

#[tokio::test]
async fn when_neither_the_database_nor_the_queue_takes_it_meta_is_told_to_try_again() {
    let switch = Switch::before(server().await.port()).await;
    let world = world_behind(&switch).await;
    switch.set(Wire::Pulled);
    world.sqs.fail_sends(true);
    let body = envelope(&[change(
        "messages",
        json!({ "messages": [text("1", "14155550101", "Hello?")] }),
    )]);
    assert!(post(&world, &body.to_string()).await.status >= 500);
}
