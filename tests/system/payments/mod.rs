//! A payment makes a customer: what Stripe and a shop tell us of payments, in any order and however often, comes to
//! the same standing, and nobody is called from there.

mod bad_inputs;
mod database_away;
mod histories;
mod profiles;
mod races;
mod standings;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::platform::signature::sign;
use system_tests::{Reply, SHOP, SHOP_SECRET, STRIPE, STRIPE_SECRET, TestDatabase, World};

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

/// A world whose customers are all new ones.
async fn world() -> World {
    let world = World::begin().await;
    open(&world).await;
    world
}

async fn open(world: &World) {
    let open = "UPDATE calling SET paused = false, welcome_since = '2020-01-01'";
    world.database.sql(open).await;
}

/// Posts a body as whoever knows the secret signs it now.
async fn post_as(world: &World, target: &str, secret: &str, body: &str) -> Reply {
    let signature = sign(body.as_bytes(), &SecretString::from(secret), Timestamp::now());
    let header = if target == STRIPE {
        "stripe-signature"
    } else {
        "x-switchboard-signature"
    };
    world
        .send("POST", target, &[JSON, (header, &signature)], body)
        .await
}

pub(crate) async fn stripe(world: &World, event: &Value) {
    let reply = post_as(world, STRIPE, STRIPE_SECRET, &event.to_string()).await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (200, r#"{"ok":true}"#),
        "{event}"
    );
}

async fn shop(world: &World, event: &Value) -> Value {
    let reply = post_as(world, SHOP, SHOP_SECRET, &event.to_string()).await;
    assert_eq!(reply.status, 200, "{event}: {}", reply.body);
    reply.json()
}

/// An event of Stripe's, so many seconds after everything began.
pub(crate) fn event(id: &str, kind: &str, seconds: i64, object: Value) -> Value {
    let mut event = json!({
        "id": id, "object": "event", "api_version": "2026-10-28.endive", "type": kind, "livemode": true,
        "created": began().as_second() + seconds, "pending_webhooks": 1, "request": null, "data": {},
    });
    event["data"]["object"] = object;
    event
}

/// Where the clock of a test's database stands at first.
fn began() -> Timestamp {
    "2026-06-10T17:00:00Z".parse().expect("a time")
}

/// A session that somebody has paid.
pub(crate) fn session(customer: &str, payment: &str) -> Value {
    json!({
        "id": format!("cs_{payment}"), "object": "checkout.session", "mode": "payment", "status": "complete",
        "payment_status": "paid", "client_reference_id": customer, "payment_intent": format!("pi_{payment}"),
        "amount_total": 4900, "currency": "cad",
        "customer_details": { "name": "Ada Byron", "phone": "+14035550001", "email": "ada@example.com" },
        "metadata": { "timezone": "America/Edmonton" },
    })
}

pub(crate) fn refund(payment: &str, is_all: bool) -> Value {
    let returned = if is_all { 4900 } else { 1000 };
    json!({
        "id": format!("ch_{payment}"), "object": "charge", "payment_intent": format!("pi_{payment}"),
        "amount": 4900, "amount_refunded": returned, "refunded": is_all,
    })
}

/// What a customer's payments come to, and whether a call is planned.
pub(crate) async fn standing(world: &World, customer: &str) -> String {
    let query = format!(
        "SELECT payment_status || CASE WHEN next_call_scheduled_at IS NULL THEN '' ELSE ', to be called' END
         FROM customers WHERE id = '{customer}'"
    );
    let standing = world.database.one(&query).await;
    standing.unwrap_or_else(|| "no customer".to_owned())
}

/// Whatever was paid: no provider was asked to reach anybody, nothing is owed, no doorbell was rung.
async fn assert_nobody_is_called(world: &World) {
    world.run_jobs().await;
    assert_eq!(world.twilio.requests().len(), 0);
    assert_eq!((world.count("jobs").await, world.count("attempts").await), (0, 0));
    assert_eq!(world.sqs.calls("SendMessage"), 0);
}

#[tokio::test]
async fn a_payment_calls_nobody_and_plans_the_first_call_for_twenty_minutes_later_in_lawful_hours() {
    let world = world().await;
    // In Edmonton it is six hours earlier, in St John's two and a half.
    for (customer, zone, paid_at, called_at) in [
        (
            "noon",
            "America/Edmonton",
            "2026-06-10T17:00:00Z",
            "2026-06-10T17:20:00Z",
        ),
        (
            "night",
            "America/Edmonton",
            "2026-06-11T09:00:00Z",
            "2026-06-11T14:00:00Z",
        ),
        (
            "early",
            "America/Edmonton",
            "2026-06-11T13:39:59Z",
            "2026-06-11T14:00:00Z",
        ),
        (
            "late",
            "America/Edmonton",
            "2026-06-12T02:10:00Z",
            "2026-06-12T02:30:00Z",
        ),
        (
            "too_late",
            "America/Edmonton",
            "2026-06-12T02:10:01Z",
            "2026-06-12T14:00:00Z",
        ),
        (
            "elsewhere",
            "America/St_Johns",
            "2026-06-13T22:41:00Z",
            "2026-06-14T10:30:00Z",
        ),
    ] {
        let paid_at: Timestamp = paid_at.parse().expect("a time");
        world
            .database
            .sql(&format!("UPDATE stopped_clock SET at = '{paid_at}'"))
            .await;
        let mut paid = session(customer, customer);
        paid["metadata"]["timezone"] = json!(zone);
        let seconds = paid_at.duration_since(began()).as_secs();
        stripe(
            &world,
            &event(
                &format!("evt_{customer}"),
                "checkout.session.completed",
                seconds,
                paid,
            ),
        )
        .await;
        let planned: Option<Timestamp> = world
            .database
            .owner()
            .query_one(
                "SELECT next_call_scheduled_at FROM customers WHERE id = $1",
                &[&customer],
            )
            .await
            .expect("a customer")
            .get(0);
        assert_eq!(planned, called_at.parse().ok(), "{customer}");
    }
    assert_nobody_is_called(&world).await;
}

#[tokio::test]
async fn a_shop_is_told_what_its_word_has_led_to() {
    let world = world().await;
    let yesterday = Timestamp::now() - SignedDuration::from_hours(24);
    let yesterday = format!("{}T18:00:00Z", yesterday.strftime("%Y-%m-%d"));
    world
        .database
        .sql(&format!("UPDATE stopped_clock SET at = '{yesterday}'"))
        .await;
    let paid = json!({
        "event_id": "order-1", "occurred_at": yesterday, "id": "cust_42", "payment_status": "Paid",
        "name": "Ada", "phone": "+14035550001", "timezone": "Eastern", "call_at": "09:30",
    });
    let mut expected = json!({
        "ok": true, "new": true, "payment_status": "Paid", "warnings": [],
        "next_call_scheduled_at": yesterday.replace("18:00", "18:20"),
    });
    assert_eq!(shop(&world, &paid).await, expected);
    expected["new"] = json!(false);
    assert_eq!(shop(&world, &paid).await, expected, "sent again");

    let ended = json!({
        "event_id": "order-2", "occurred_at": yesterday.replace("18:00", "18:01"), "id": "cust_42", "payment_status": "Ended",
    });
    let expected = json!({
        "ok": true, "new": true, "payment_status": "Ended", "next_call_scheduled_at": null, "warnings": [],
    });
    assert_eq!(shop(&world, &ended).await, expected);
    assert_nobody_is_called(&world).await;
}

#[tokio::test]
async fn the_same_event_a_second_time_does_nothing() {
    let world = world().await;
    let paid = event("evt_1", "checkout.session.completed", 0, session("cust_42", "1"));
    stripe(&world, &paid).await;
    // Whoever takes their number back does not get it back by a repetition.
    world
        .database
        .sql("UPDATE customers SET phone_validated = false, phone = NULL")
        .await;
    world.pass(SignedDuration::from_mins(1)).await;
    let row = "SELECT customers::text FROM customers";
    let before = world.database.one(row).await;
    let (one, two) = (paid.clone(), paid.clone());
    futures_util::join!(stripe(&world, &one), stripe(&world, &two), stripe(&world, &paid));
    assert_eq!(world.database.one(row).await, before);
    assert_eq!(world.count("payment_events").await, 1);
}

#[tokio::test]
async fn money_of_the_other_mode_is_none() {
    for (stage, counts) in [("production", true), ("preview", false)] {
        let database = TestDatabase::new().await;
        let url = database.application_url().await;
        let world = World::without_lines(database, url, |settings| {
            settings.with("SWITCHBOARD_STAGE", stage)
        })
        .await;
        for is_live in [true, false] {
            let mut paid = event("evt_1", "checkout.session.completed", 0, session("cust_42", "1"));
            paid["livemode"] = json!(is_live);
            let before = world.count("payment_events").await;
            stripe(&world, &paid).await;
            let kept = world.count("payment_events").await - before;
            assert_eq!(kept, u64::from(is_live == counts), "{stage}: {is_live}");
        }
        assert_eq!(world.quarantined().await, [""; 0]);
    }
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_are_good() {
    let database = TestDatabase::new().await;
    let url = database.application_url().await;
    let world = World::without_lines(database, url, |settings| {
        settings
            .with("STRIPE_WEBHOOK_SECRET_PREVIOUS", "the-previous-stripe-word")
            .with("CUSTOMERS_WEBHOOK_SECRET_PREVIOUS", "the-previous-shop-word")
    })
    .await;
    let paid = event("evt_1", "checkout.session.completed", 0, session("cust_42", "1")).to_string();
    let told = json!({
        "event_id": "e", "occurred_at": "2026-01-01T00:00:00Z", "id": "cust_42", "payment_status": "Unpaid",
    })
    .to_string();
    for (target, body, current, previous) in [
        (STRIPE, &paid, STRIPE_SECRET, "the-previous-stripe-word"),
        (SHOP, &told, SHOP_SECRET, "the-previous-shop-word"),
    ] {
        for (secret, status) in [
            (current, 200),
            (previous, 200),
            ("the-word-before", 403),
            (JSON.1, 403),
        ] {
            assert_eq!(
                post_as(&world, target, secret, body).await.status,
                status,
                "{target}: {secret}"
            );
        }
        let other = if target == STRIPE {
            SHOP_SECRET
        } else {
            STRIPE_SECRET
        };
        assert_eq!(
            post_as(&world, target, other, body).await.status,
            403,
            "{target}: the other's"
        );
    }
    // Stripe signs with both at once.
    let now = Timestamp::now();
    let header = |secret: &str| sign(paid.as_bytes(), &SecretString::from(secret), now);
    let (strange, good) = (header("strange"), header(STRIPE_SECRET));
    let both = format!("{strange},{}", good.split_once(',').expect("two items").1);
    let reply = world
        .send(
            "POST",
            STRIPE,
            &[JSON, ("stripe-signature", &both)],
            paid.as_str(),
        )
        .await;
    assert_eq!(reply.status, 200);
}

/// Signs as Stripe does, by its own library.
const SIGNER: &str = r#"
import json, sys
from stripe import WebhookSignature
signed = [WebhookSignature.generate_signature_header(case["body"], case["secret"], case["at"]) for case in json.load(sys.stdin)]
json.dump(signed, sys.stdout)
"#;

#[tokio::test]
async fn what_stripes_own_library_signed_counts_and_nothing_near_it_does() {
    let world = world().await;
    let now = Timestamp::now().as_second();
    let bodies: Vec<String> = (0..4)
        .map(|number| {
            let paid = session(&format!("cust_{number}"), &number.to_string());
            let paid = event(
                &format!("evt_{number}"),
                "checkout.session.completed",
                number,
                paid,
            );
            serde_json::to_string_pretty(&paid).expect("JSON")
        })
        .collect();
    let ages = [0, 240, 400, -400];
    let cases: Vec<Value> = bodies
        .iter()
        .zip(ages)
        .map(|(body, age)| json!({ "body": body, "secret": STRIPE_SECRET, "at": now - age }))
        .collect();
    let headers: Vec<String> = crate::judge::ask(SIGNER, &cases);
    for ((body, age), header) in bodies.iter().zip(ages).zip(&headers) {
        let post = async |body: &str| {
            let headers = [JSON, ("stripe-signature", header.as_str())];
            world.send("POST", STRIPE, &headers, body).await.status
        };
        assert_eq!(post(&format!("{body}\n")).await, 403);
        assert_eq!(post(&body.replace("4900", "0000")).await, 403);
        let is_near = age < 300 && age > -300;
        assert_eq!(post(body).await, if is_near { 200 } else { 403 }, "{age}");
    }
    assert_eq!(world.count("payment_events").await, 2);
}
