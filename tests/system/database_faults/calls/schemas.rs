//! Code and schema are of different versions, as they are for a while in every deployment.

use super::super::schemas::Thing;
use super::{MINUTE, add_customer, everybody_is_called_once, id, minute, phone, world};
use crate::payments::{event, refund, session, standing, stripe};

#[tokio::test]
async fn nobody_is_owed_or_called_what_the_schema_cannot_keep() {
    for thing in [
        Thing::Column("customers", "next_call_scheduled_at"),
        Thing::Column("customers", "call_days"),
        Thing::Column("jobs", "local_day"),
        Thing::Column("calling", "per_tick"),
        Thing::Column("attempts", "spacing"),
        Thing::Table("calling"),
        Thing::Table("opt_outs"),
        Thing::Function("at_local_time"),
        Thing::Function("rule_against_calling"),
        Thing::Function("switchboard_now"),
    ] {
        let (world, _cutter) = world(2).await;
        world.pass(MINUTE).await;
        let (take, give) = thing.missing();
        world.database.sql(&take).await;
        let _ = world.try_tick("call-scheduler").await;
        let _ = world.try_tick("job-sweeper").await;
        world.run_calls().await;
        assert_eq!(world.vapi.calls().len(), 0, "{thing:?}");
        assert_eq!(world.quarantined().await, [""; 0], "{thing:?}");
        world.database.sql(&give).await;
        everybody_is_called_once(&world, 2).await;
    }
}

/// What is told while the schema is behind waits for the migration, and is then told in the same order: somebody pays,
/// is called, and has their money back.
#[tokio::test]
async fn what_is_told_to_an_old_schema_is_replayed_in_its_order() {
    let (world, _cutter) = world(1).await;
    minute(&world).await;
    let call = world.calls_to(&phone(0)).remove(0).id;
    for thing in [
        Thing::Table("payment_events"),
        Thing::Column("call_results", "ended_reason"),
    ] {
        world.database.sql(&thing.missing().0).await;
    }
    let paid = session(&id(1), "1");
    stripe(&world, &event("evt_1", "checkout.session.completed", 0, paid)).await;
    world.vapi_tells(world.vapi.status_update(&call)).await;
    stripe(&world, &event("evt_2", "charge.refunded", 60, refund("1", false))).await;
    world.vapi.end_call(&call, "customer-busy");
    let reply = world.vapi_tells(world.vapi.end_of_call_report(&call)).await;
    assert_eq!(reply.status, 200);
    stripe(&world, &event("evt_3", "charge.refunded", 120, refund("1", true))).await;
    assert_eq!(world.parked().len(), 5);
    assert_eq!(world.count("customers").await, 1, "nobody is half there");

    // The one that is still missing holds nothing up but what is for it.
    let swept = world.try_tick("job-sweeper").await;
    assert!(swept.is_err(), "{swept:?}");
    assert_eq!(world.parked().len(), 5);
    for thing in [
        Thing::Table("payment_events"),
        Thing::Column("call_results", "ended_reason"),
    ] {
        world.database.sql(&thing.missing().1).await;
    }
    // Until the queue shows again what it had handed out.
    world.pass(MINUTE * 4).await;
    world.sweep().await;
    assert_eq!(world.parked().len(), 0);
    assert_eq!(standing(&world, &id(1)).await, "Refunded");
    let order = "SELECT string_agg(id, ' ' ORDER BY xmin::text::int8) FROM payment_events";
    let order = world.database.one(order).await;
    assert_eq!(order.as_deref(), Some("evt_1 evt_2 evt_3"));
    let result = "SELECT result || ' by ' || told_by FROM call_results";
    assert_eq!(
        world.database.one(result).await.as_deref(),
        Some("busy by webhook")
    );
    everybody_is_called_once(&world, 1).await;
}

/// What a later version's migration may do while this one runs (`migrations/README.md`).
#[tokio::test]
async fn calls_go_on_under_a_schema_that_is_ahead() {
    let (world, _cutter) = world(1).await;
    world
        .database
        .sql(
            "ALTER TABLE customers ADD COLUMN language text NOT NULL DEFAULT 'en', ADD COLUMN email text;
             ALTER TABLE payment_events ADD COLUMN invoice text;
             ALTER TABLE calling ADD COLUMN assistant text;
             ALTER TABLE call_results ADD COLUMN summary text;
             ALTER TABLE jobs ADD COLUMN priority integer NOT NULL DEFAULT 0;
             ALTER TABLE attempts ADD COLUMN cost numeric;
             CREATE INDEX customers_by_language ON customers (language)",
        )
        .await;
    add_customer(&world, 1).await;
    minute(&world).await;
    let paid = session(&id(2), "1");
    stripe(&world, &event("evt_1", "checkout.session.completed", 0, paid)).await;
    assert_eq!(standing(&world, &id(2)).await, "Paid, to be called");
    let call = world.calls_to(&phone(0)).remove(0).id;
    world.vapi.end_call(&call, "customer-busy");
    world.vapi_tells(world.vapi.end_of_call_report(&call)).await;
    assert_eq!((world.parked().len(), world.count("call_results").await), (0, 1));
    everybody_is_called_once(&world, 2).await;
}
