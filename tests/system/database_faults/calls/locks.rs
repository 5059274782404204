//! Somebody else holds a customer's row, or all of them: an operator, a migration, a forgotten session.

use serde_json::json;

use super::super::locks::{holding, let_go};
use super::{MINUTE, everybody_is_called_once, id, minute, minutes, phone, world, world_with};
use crate::payments::{event, refund, session, standing, stripe};

const WAITS: &str = "lock_timeout = '500ms'";

#[tokio::test]
async fn the_scheduler_passes_by_a_customer_whose_row_is_held() {
    let (world, _cutter) = world(3).await;
    let session = holding(&world, "SELECT FROM customers WHERE id = 'cust_1' FOR UPDATE").await;
    world.pass(MINUTE).await;
    assert_eq!(world.tick("call-scheduler").await["daily"], 2);
    world.run_calls().await;
    assert_eq!(world.calls_to(&phone(1)).len(), 0);
    let_go(session).await;
    assert_eq!(world.tick("call-scheduler").await["daily"], 1);
    everybody_is_called_once(&world, 3).await;
}

#[tokio::test]
async fn a_scheduler_that_waits_too_long_for_the_table_fails_and_the_next_one_goes_on() {
    let (world, _cutter) = world_with(WAITS, 3).await;
    let session = holding(&world, "LOCK TABLE customers").await;
    world.pass(MINUTE).await;
    let ticked = world.try_tick("call-scheduler").await;
    assert!(ticked.is_err(), "{ticked:?}");
    assert_eq!(world.count("jobs").await, 0);
    let_go(session).await;
    everybody_is_called_once(&world, 3).await;
}

/// The permit reads the row that a refund or a stop would write, so it waits for whoever does.
#[tokio::test]
async fn a_grant_that_waits_too_long_for_its_customer_is_not_given() {
    let (world, _cutter) = world_with(WAITS, 1).await;
    world.pass(MINUTE).await;
    world.tick("call-scheduler").await;
    let session = holding(&world, "SELECT FROM customers FOR UPDATE").await;
    world.run_calls().await;
    assert_eq!(world.vapi.calls().len(), 0);
    assert_eq!(world.count("attempts").await, 0);
    let_go(session).await;
    minute(&world).await;
    assert_eq!(world.calls_to(&phone(0)).len(), 1);
    everybody_is_called_once(&world, 1).await;
}

#[tokio::test]
async fn a_call_is_placed_and_settled_while_its_customers_row_is_held_against_writers() {
    let (world, _cutter) = world_with(WAITS, 1).await;
    world.pass(MINUTE).await;
    world.tick("call-scheduler").await;
    let session = holding(&world, "SELECT FROM customers FOR SHARE").await;
    world.run_calls().await;
    let jobs = "SELECT state || ' ' || projected FROM jobs";
    assert_eq!(world.database.one(jobs).await.as_deref(), Some("accepted false"));
    let_go(session).await;
    minute(&world).await;
    assert_eq!(world.database.one(jobs).await.as_deref(), Some("accepted true"));
    everybody_is_called_once(&world, 1).await;
}

/// Events about somebody whose row is held wait, and come to the same as if they had not had to.
#[tokio::test]
async fn what_stripe_tells_of_a_held_customer_waits_in_its_order() {
    let (world, _cutter) = world_with(WAITS, 0).await;
    let paid = |payment: &str, seconds| {
        let session = session(&id(0), payment);
        event(
            &format!("evt_{payment}"),
            "checkout.session.completed",
            seconds,
            session,
        )
    };
    stripe(&world, &paid("1", 0)).await;
    let held = holding(&world, "SELECT FROM customers FOR UPDATE").await;
    stripe(&world, &paid("2", 1)).await;
    stripe(&world, &event("evt_3", "charge.refunded", 2, refund("1", true))).await;
    // Who is not named here is not known before the second event is.
    let mut named = refund("2", true);
    named["metadata"] = json!({ "customer_id": id(0) });
    stripe(&world, &event("evt_4", "charge.refunded", 3, named)).await;
    assert_eq!(world.parked().len(), 3);
    assert_eq!(standing(&world, &id(0)).await, "Paid, to be called");
    let_go(held).await;
    minutes(&world, 5).await;
    assert_eq!(world.parked().len(), 0);
    assert_eq!(standing(&world, &id(0)).await, "Refunded");
    let order = "SELECT string_agg(id, ' ' ORDER BY xmin::text::int8) FROM payment_events";
    let order = world.database.one(order).await;
    assert_eq!(order.as_deref(), Some("evt_1 evt_2 evt_3 evt_4"));
    assert_eq!(world.quarantined().await, [""; 0]);
}
