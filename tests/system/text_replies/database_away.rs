//! The database goes away, or its schema is behind: texts wait, and come to the same in the same order.

use jiff::SignedDuration;
use system_tests::{CALLER, SMS, Switch, Wire, World, server};

use super::{hears, hears_form, tasks, text, thread};

const ANOTHER: &str = "+14035550002";

async fn replay(world: &World) {
    for _ in 0..3 {
        world.sweep().await;
        world.pass(SignedDuration::from_mins(4)).await;
    }
    assert_eq!(world.parked().len(), 0);
}

async fn opted_out(world: &World, phone: &str) -> u64 {
    world
        .count(&format!(
            "opt_outs WHERE phone = '{phone}' AND revoked_at IS NULL"
        ))
        .await
}

#[tokio::test]
async fn nothing_is_lost_and_a_persons_texts_keep_their_order_while_the_database_is_away() {
    let switch = Switch::before(server().await.port()).await;
    let world = World::behind(&switch).await;
    switch.set(Wire::Pulled);
    hears(&world, 1, CALLER, "STOP").await;
    hears(&world, 2, CALLER, "START").await;
    hears(&world, 3, ANOTHER, "START").await;
    switch.set(Wire::Silent);
    hears(&world, 4, ANOTHER, "STOP").await;
    hears(&world, 4, ANOTHER, "STOP").await;
    hears_form(&world, "MessageSid=%zz").await;
    // The same text twice is one message of the queue.
    assert_eq!(world.parked().len(), 6, "{:?}", world.parked());
    switch.set(Wire::Plugged);
    replay(&world).await;
    assert_eq!(thread(&world, CALLER).await, "STOP, START");
    assert_eq!(thread(&world, ANOTHER).await, "START, STOP");
    assert_eq!(
        (opted_out(&world, CALLER).await, opted_out(&world, ANOTHER).await),
        (0, 1)
    );
    assert_eq!(
        world.quarantined().await,
        ["twilio_sms: the form has a broken escape"]
    );
    assert_eq!(tasks(&world).await.matches("said_stop").count(), 2);
}

/// A start that waited is older than the stop that came meanwhile.
#[tokio::test]
async fn what_waited_does_not_undo_what_was_said_since() {
    let switch = Switch::before(server().await.port()).await;
    let world = World::behind(&switch).await;
    hears(&world, 1, CALLER, "STOP").await;
    switch.set(Wire::Pulled);
    hears(&world, 2, CALLER, "START").await;
    switch.set(Wire::Plugged);
    world.pass(SignedDuration::from_mins(4)).await;
    let start = "UPDATE opt_outs SET revoked_at = switchboard_now(), revoked_by = 'by hand'";
    world.database.sql(start).await;
    hears(&world, 3, CALLER, "STOP").await;
    replay(&world).await;
    assert_eq!(opted_out(&world, CALLER).await, 1, "they said stop last");
    assert_eq!(thread(&world, CALLER).await, "STOP, START, STOP");
}

#[tokio::test]
async fn a_schema_that_is_behind_takes_nothing_and_loses_nothing() {
    let world = World::begin().await;
    let rename = |from: &str, to: &str| format!("ALTER FUNCTION {from}(jsonb) RENAME TO {to}");
    world.database.sql(&rename("receive_text", "not_yet")).await;
    hears(&world, 1, CALLER, "STOP").await;
    assert_eq!((world.parked().len(), world.count("messages").await), (1, 0));
    assert!(world.try_tick("job-sweeper").await.is_err());
    assert_eq!(world.parked().len(), 1, "it waits for the schema");
    world.database.sql(&rename("not_yet", "receive_text")).await;
    world.pass(SignedDuration::from_mins(4)).await;
    world.sweep().await;
    assert_eq!((world.parked().len(), opted_out(&world, CALLER).await), (0, 1));
}

#[tokio::test]
async fn when_neither_the_database_nor_the_queue_takes_it_twilio_is_told() {
    let switch = Switch::before(server().await.port()).await;
    let world = World::behind(&switch).await;
    switch.set(Wire::Pulled);
    world.sqs.fail_sends(true);
    assert_eq!(
        world.post_signed(SMS, text(1, CALLER, "STOP", &[])).await.status,
        500
    );
    world.sqs.fail_sends(false);
    hears(&world, 1, CALLER, "STOP").await;
    switch.set(Wire::Plugged);
    replay(&world).await;
    assert_eq!(
        (world.count("messages").await, opted_out(&world, CALLER).await),
        (1, 1)
    );
}
