//! The database goes away, or its schema is behind: what was signed waits for it, and comes to the same.

use jiff::SignedDuration;
use serde_json::{Value, json};
use system_tests::{Reply, SHOP, SHOP_SECRET, STRIPE, STRIPE_SECRET, Switch, Wire, World, server};

use super::{event, open, post_as, refund, session, standing};

async fn world_behind(switch: &Switch) -> World {
    let world = World::behind(switch).await;
    open(&world).await;
    world
}

async fn post(world: &World, event: &Value) -> Reply {
    post_as(world, STRIPE, STRIPE_SECRET, &event.to_string()).await
}

fn told(id: &str, day: u8, fields: &Value) -> String {
    let mut told = json!({
        "event_id": id, "occurred_at": format!("2026-01-{day:02}T12:00:00Z"), "id": "cust_42",
        "payment_status": "Paid", "name": "Ada", "phone": "+14035550002", "timezone": "America/Toronto",
    });
    let fields = fields.as_object().expect("fields").clone();
    told.as_object_mut().expect("an object").extend(fields);
    told.to_string()
}

/// As many bytes as an invoice with hundreds of lines has.
fn long_invoice() -> Value {
    let lines: Vec<Value> = (0..3000)
        .map(|line| json!({ "id": format!("il_{line}"), "description": "A line of a very long invoice ".repeat(8) }))
        .collect();
    let invoice = json!({
        "id": "in_1", "payment_intent": "pi_1", "amount_paid": 4900, "currency": "cad", "lines": { "data": lines },
    });
    event("evt_invoice", "invoice.paid", 1, invoice)
}

#[tokio::test]
async fn what_was_told_while_the_database_was_away_counts_when_it_is_back() {
    let switch = Switch::before(server().await.port()).await;
    let world = world_behind(&switch).await;
    switch.set(Wire::Pulled);
    let long = long_invoice();
    assert!(long.to_string().len() > 700_000);
    let paid = event("evt_1", "checkout.session.completed", 0, session("cust_42", "1"));
    for event in [
        &event("evt_2", "charge.refunded", 60, refund("1", false)),
        &long,
        &paid,
    ] {
        let reply = post(&world, event).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"ok":true}"#));
    }
    switch.set(Wire::Silent);
    assert_eq!(post(&world, &paid).await.status, 200, "once more");
    // Ignored events and wrong signatures need no database.
    assert_eq!(
        post(&world, &event("evt_3", "product.created", 0, json!({})))
            .await
            .status,
        200
    );
    assert_eq!(
        post_as(&world, STRIPE, "another", &paid.to_string()).await.status,
        403
    );
    switch.set(Wire::Pulled);
    let older = told("e1", 1, &json!({ "name": "Old", "call_at": "18:00" }));
    for body in [told("e2", 2, &json!({ "timezone": "nowhere" })), older] {
        let reply = post_as(&world, SHOP, SHOP_SECRET, &body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(reply.json()["parked"], true);
        let warnings = reply.json()["warnings"].as_array().expect("a list").len();
        assert_eq!(warnings, usize::from(body.contains("nowhere")));
    }
    assert_eq!((world.parked().len(), world.count("customers").await), (6, 0));

    switch.set(Wire::Plugged);
    world.pass(SignedDuration::from_mins(1)).await;
    assert_eq!(world.sweep().await["replayed"], 6);
    assert_eq!(
        (world.parked().len(), world.count("payment_events").await),
        (0, 5)
    );
    assert_eq!(standing(&world, "cust_42").await, "Paid");
    let profile = "SELECT concat_ws('|', name, phone, timezone_given, call_at) FROM customers";
    assert_eq!(
        world.database.one(profile).await.as_deref(),
        Some("Ada|+14035550002|nowhere|18:00:00")
    );
    assert_eq!(world.count("jobs").await, 0);
    assert_eq!(world.quarantined().await, [""; 0]);
}

#[tokio::test]
async fn what_nobody_understands_waits_too_as_far_as_a_queue_takes_it() {
    let switch = Switch::before(server().await.port()).await;
    let world = world_behind(&switch).await;
    switch.set(Wire::Pulled);
    let mut unread = event("evt_1", "checkout.session.completed", 0, session("cust_42", "1"));
    unread["data"]["object"]["mode"] = json!(null);
    assert_eq!(post(&world, &unread).await.status, 200);
    assert_eq!(
        post_as(&world, SHOP, SHOP_SECRET, "{\"id\":\u{0}").await.status,
        400
    );
    unread["padding"] = json!("x".repeat(200 * 1024));
    let reply = post(&world, &unread).await;
    assert_eq!(reply.status, 503, "Stripe keeps it for us");
    assert_eq!(
        reply.json(),
        json!({ "ok": false, "error": "not now: send it again" })
    );
    assert_eq!(world.parked().len(), 2);
    switch.set(Wire::Plugged);
    world.pass(SignedDuration::from_mins(1)).await;
    assert_eq!(world.sweep().await["replayed"], 2);
    let mut quarantined = world.quarantined().await;
    quarantined.sort();
    assert_eq!(
        quarantined,
        [
            "shop: body: not a JSON object",
            "stripe: mode is missing or malformed"
        ]
    );
    let kept = "SELECT convert_from(payload, 'UTF8')::jsonb ->> 'id' FROM quarantined_events WHERE source = 'stripe'";
    assert_eq!(world.database.one(kept).await.as_deref(), Some("evt_1"));
    assert_eq!(world.count("payment_events").await, 0);
}

#[tokio::test]
async fn what_can_be_kept_nowhere_is_asked_for_again() {
    let switch = Switch::before(server().await.port()).await;
    let world = world_behind(&switch).await;
    switch.set(Wire::Pulled);
    world.sqs.fail_sends(true);
    let paid = event("evt_1", "checkout.session.completed", 0, session("cust_42", "1"));
    assert_eq!(post(&world, &paid).await.status, 503);
    let reply = post_as(&world, SHOP, SHOP_SECRET, &told("e1", 1, &json!({}))).await;
    assert_eq!(reply.status, 503);
    for word in ["postgres", "refused", "sqs"] {
        assert!(!reply.body.contains(word), "{}", reply.body);
    }
    assert_eq!(
        post_as(&world, SHOP, SHOP_SECRET, "[]").await.status,
        400,
        "that is the shop's to mend"
    );
    switch.set(Wire::Plugged);
    assert_eq!(post(&world, &paid).await.status, 200);
    assert_eq!(standing(&world, "cust_42").await, "Paid, to be called");
}

#[tokio::test]
async fn what_the_schema_cannot_keep_yet_waits_for_the_migration() {
    for (take, give) in [
        (
            "TABLE payment_events RENAME COLUMN kind TO missing",
            "TABLE payment_events RENAME COLUMN missing TO kind",
        ),
        (
            "TABLE customers RENAME COLUMN told_at TO missing",
            "TABLE customers RENAME COLUMN missing TO told_at",
        ),
        (
            "TABLE payment_events RENAME TO missing",
            "TABLE missing RENAME TO payment_events",
        ),
        (
            "FUNCTION is_time_zone RENAME TO missing",
            "FUNCTION missing RENAME TO is_time_zone",
        ),
    ] {
        let world = super::world().await;
        world.database.sql(&format!("ALTER {take}")).await;
        let paid = event("evt_1", "checkout.session.completed", 0, session("cust_42", "1"));
        assert_eq!(post(&world, &paid).await.status, 200, "{take}");
        let reply = post_as(
            &world,
            SHOP,
            SHOP_SECRET,
            &told("e1", 1, &json!({ "payment_status": "Unpaid" })),
        )
        .await;
        assert_eq!(reply.json()["parked"], true, "{take}");
        assert_eq!(world.parked().len(), 2, "{take}");
        world.database.sql(&format!("ALTER {give}")).await;
        world.pass(SignedDuration::from_mins(5)).await;
        world.sweep().await;
        assert_eq!(standing(&world, "cust_42").await, "Paid, to be called", "{take}");
        assert_eq!(
            (world.parked().len(), world.count("payment_events").await),
            (0, 2),
            "{take}"
        );
    }
}
