//! The database goes away while Vapi tells: nothing of it is lost, and nothing is kept that must not be.

use serde_json::{Value, json};
use system_tests::{Switch, TestDatabase, Wire, World, server};

use super::*;

/// A customer who has been called, and a database that can be taken away.
async fn called_behind(switch: &Switch) -> World {
    let database = TestDatabase::new().await;
    let url = switch.url_of(&database);
    let world = World::on(database, url).await;
    call(&world, Owed::Daily).await;
    world
}

async fn tell_everything(world: &World) {
    update(world).await;
    ann_says(world, "My kitchen is under water. Stop calling me.");
    report(world).await;
    let nameless = world
        .vapi
        .end_of_call_report(&id(world))
        .with(|body| body["message"]["call"]["id"] = json!(7));
    assert_eq!(world.vapi_tells(nameless).await.status, 200);
}

async fn assert_everything_was_heard(world: &World) {
    assert_eq!(world.parked().len(), 0);
    assert_eq!(
        result(world).await,
        "answered customer-ended-call spoke by webhook"
    );
    assert_eq!(opt_outs(world).await, format!("{ANN} by call"));
    assert_eq!(
        world.quarantined().await,
        ["vapi: message.call.id is missing or malformed"]
    );
    assert_eq!(world.evidence().await, [""; 0]);
}

#[tokio::test]
async fn what_is_told_while_the_database_is_away_is_kept_without_a_word_of_it_and_replayed() {
    for wire in [Wire::Pulled, Wire::Silent] {
        let switch = Switch::before(server().await.port()).await;
        let world = called_behind(&switch).await;
        switch.set(wire);
        tell_everything(&world).await;
        assert_eq!(world.parked().len(), 3, "{wire:?}");
        let kept = world.parked().iter().map(Value::to_string).collect::<String>();
        for word in ["kitchen", "Stop", "test-twilio-auth-token", "test-server-secret"] {
            assert!(!kept.contains(word), "{wire:?}: {word} in {kept}");
        }
        switch.set(Wire::Plugged);
        minutes(&world, 1).await;
        assert_everything_was_heard(&world).await;
    }
}

#[tokio::test]
async fn what_is_told_to_a_schema_that_is_behind_waits_for_it() {
    let world = called(Owed::Daily).await;
    world
        .database
        .sql("ALTER TABLE call_results RENAME TO later")
        .await;
    update(&world).await;
    ann_says(&world, "Stop calling me.");
    report(&world).await;
    assert_eq!(world.parked().len(), 2);
    world
        .database
        .sql("ALTER TABLE later RENAME TO call_results")
        .await;
    minutes(&world, 1).await;
    assert_eq!(world.parked().len(), 0);
    assert_eq!(opt_outs(&world).await, format!("{ANN} by call"));
}

/// Nobody knew whether the call was placed, and then nobody could be told.
#[tokio::test]
async fn proof_that_was_parked_settles_what_was_unclear() {
    let switch = Switch::before(server().await.port()).await;
    let database = TestDatabase::new().await;
    let url = switch.url_of(&database);
    let world = World::on(database, url).await;
    world
        .vapi
        .on_next_send(local::sandbox_vapi::Behaviour::AcceptThenReset);
    world
        .vapi
        .on_every_read(Some(local::sandbox_vapi::ReadFault::Reset));
    call(&world, Owed::Welcome).await;
    switch.set(Wire::Pulled);
    ann_says(&world, "Yes?");
    report(&world).await;
    switch.set(Wire::Plugged);
    assert!(job(&world).await.starts_with("unknown: "));
    minutes(&world, 2).await;
    assert_eq!(job(&world).await, "accepted");
    let customer = "SELECT welcome_call_completed FROM customers";
    assert_eq!(world.database.one(customer).await.as_deref(), Some("t"));
}

#[tokio::test]
async fn with_the_park_away_too_vapi_is_told_to_try_again() {
    let switch = Switch::before(server().await.port()).await;
    let world = called_behind(&switch).await;
    ann_says(&world, "Yes?");
    switch.set(Wire::Pulled);
    world.sqs.fail_sends(true);
    let told = world.vapi.end_of_call_report(&id(&world));
    let reply = world.vapi_tells(told.clone()).await;
    assert_eq!((reply.status, reply.json()["ok"].as_bool()), (500, Some(false)));
    world.sqs.fail_sends(false);
    switch.set(Wire::Plugged);
    assert_eq!(world.vapi_tells(told).await.status, 200);
    assert_eq!(
        result(&world).await,
        "answered customer-ended-call spoke by webhook"
    );
}

/// The copy in the customer's row is not worth a message's life.
#[tokio::test]
async fn a_customers_row_that_cannot_be_written_delays_no_message() {
    let world = World::begin().await;
    world
        .vapi
        .on_next_send(local::sandbox_vapi::Behaviour::AcceptThenReset);
    call(&world, Owed::Daily).await;
    world
        .database
        .sql("REVOKE UPDATE ON customers FROM switchboard_app")
        .await;
    ann_says(&world, "Yes?");
    report(&world).await;
    assert_eq!(
        (job(&world).await.as_str(), world.parked().len()),
        ("accepted", 0)
    );
    world
        .database
        .sql("GRANT UPDATE (welcome_call_completed, last_call_date, updated_at) ON customers TO switchboard_app")
        .await;
    minutes(&world, 1).await;
    let customer = "SELECT last_call_date::text FROM customers";
    assert_eq!(world.database.one(customer).await.as_deref(), Some("2026-06-10"));
}
