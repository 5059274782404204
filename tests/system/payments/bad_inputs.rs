//! What is not signed, and what is signed and not understood.

use serde_json::{Value, json};
use system_tests::{SHOP, SHOP_SECRET, STRIPE, STRIPE_SECRET, World};

use super::{JSON, event, post_as, session, shop, stripe, world};

async fn assert_nothing_was_kept(world: &World) {
    let kept = [
        world.count("customers").await,
        world.count("payment_events").await,
    ];
    assert_eq!(kept, [0, 0]);
}

#[tokio::test]
async fn what_is_not_signed_as_it_should_be_is_refused_and_leaves_nothing() {
    let world = world().await;
    let body = event("evt_1", "checkout.session.completed", 0, session("cust_42", "1")).to_string();
    for target in [STRIPE, SHOP] {
        let ages = "t=1,v1=00";
        for (method, headers, status) in [
            ("POST", vec![JSON], 403),
            (
                "POST",
                vec![
                    JSON,
                    ("stripe-signature", ages),
                    ("x-switchboard-signature", ages),
                ],
                403,
            ),
            ("POST", vec![("content-type", "text/plain")], 415),
            ("POST", vec![], 415),
            ("GET", vec![JSON], 405),
            ("PUT", vec![JSON], 405),
        ] {
            let reply = world.send(method, target, &headers, body.as_str()).await;
            assert_eq!(
                reply.status, status,
                "{method} {target} {headers:?}: {}",
                reply.body
            );
        }
        let large = format!("{body}{}", " ".repeat(1024 * 1024));
        assert_eq!(world.send("POST", target, &[JSON], large).await.status, 413);
    }
    assert_nothing_was_kept(&world).await;
    assert_eq!(world.quarantined().await, [""; 0]);
}

#[tokio::test]
async fn what_stripe_signed_and_nobody_understands_is_quarantined_and_not_asked_for_again() {
    let world = world().await;
    let paid = event("evt_1", "checkout.session.completed", 0, session("cust_42", "1"));
    let without = |pointer: &str| {
        let mut paid = paid.clone();
        *paid.pointer_mut(pointer).expect("a field") = Value::Null;
        paid.to_string()
    };
    let with = |pointer: &str, value: Value| {
        let mut paid = paid.clone();
        *paid.pointer_mut(pointer).expect("a field") = value;
        paid.to_string()
    };
    let mut two = paid.clone();
    two["data"]["object"]["metadata"]["customer_id"] = json!("cust_43");
    let cases = [
        (String::new(), "the body is not JSON"),
        ("{\"id\":".to_owned(), "the body is not JSON"),
        ("[".repeat(10_000), "the body is not JSON"),
        ("null".to_owned(), "object is missing or malformed"),
        (without("/id"), "id is missing or malformed"),
        (with("/id", json!("evt_\u{0}")), "id is missing or malformed"),
        (with("/type", json!(5)), "type is missing or malformed"),
        (with("/created", json!("now")), "created is missing or malformed"),
        (without("/livemode"), "livemode is missing or malformed"),
        (without("/data"), "data.object is missing or malformed"),
        (
            without("/data/object/id"),
            "data.object.id is missing or malformed",
        ),
        (without("/data/object/mode"), "mode is missing or malformed"),
        (
            with("/data/object/payment_status", json!("maybe")),
            "payment_status is missing or malformed",
        ),
        (
            with(
                "/data/object/client_reference_id",
                json!("'; DROP TABLE customers"),
            ),
            "the customer's id is missing or malformed",
        ),
        (
            two.to_string(),
            "client_reference_id and metadata name different customers",
        ),
    ];
    for (body, _) in &cases {
        for _ in 0..2 {
            assert_eq!(
                post_as(&world, STRIPE, STRIPE_SECRET, body).await.status,
                200,
                "{body:.99}"
            );
        }
    }
    let reasons: Vec<String> = cases
        .iter()
        .map(|(_, reason)| format!("stripe: {reason}"))
        .collect();
    assert_eq!(world.quarantined().await, reasons, "once each");
    assert_nothing_was_kept(&world).await;
    // What a person needs is all there.
    let kept = world
        .database
        .one("SELECT convert_from(payload, 'UTF8') FROM quarantined_events ORDER BY id DESC LIMIT 1");
    assert_eq!(kept.await, Some(two.to_string()));
}

#[tokio::test]
async fn what_means_nothing_is_acknowledged_and_not_kept() {
    let world = world().await;
    let mut setup = session("cust_42", "1");
    setup["mode"] = json!("setup");
    for (kind, object) in [
        ("product.created", json!({ "id": 5 })),
        ("refund.created", json!({ "id": "re_1" })),
        (
            "customer.subscription.updated",
            json!({ "id": "sub_1", "status": "active" }),
        ),
        ("checkout.session.completed", setup),
    ] {
        stripe(&world, &event(&format!("evt_{kind}"), kind, 0, object)).await;
    }
    assert_nothing_was_kept(&world).await;
    assert_eq!(world.quarantined().await, [""; 0]);
}

#[tokio::test]
async fn a_shop_is_told_every_field_that_is_wrong() {
    let world = world().await;
    let wrong =
        json!({ "id": "a b", "event_id": 5, "occurred_at": "yesterday", "payment_status": "Pending" });
    let reply = post_as(&world, SHOP, SHOP_SECRET, &wrong.to_string()).await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.json(),
        json!({ "ok": false, "errors": [
            { "field": "event_id", "why": "not text" },
            { "field": "occurred_at", "why": "not a time such as 2026-11-21T14:05:00Z" },
            { "field": "id", "why": "not an id of up to 40 letters, digits and _.:-" },
            { "field": "payment_status", "why": "not one of Paid, Unpaid, Refunded, Disputed, Ended" },
        ] })
    );
    for body in ["", "[]", "{", "\u{0}"] {
        let reply = post_as(&world, SHOP, SHOP_SECRET, body).await;
        assert_eq!(reply.status, 400);
        let errors = json!([{ "field": "body", "why": "not a JSON object" }]);
        assert_eq!(reply.json()["errors"], errors, "{body}");
    }
    assert_nothing_was_kept(&world).await;
    let quarantined = world.quarantined().await;
    assert_eq!(quarantined.len(), 5);
    assert!(
        quarantined[0].starts_with("shop: event_id: not text; occurred_at: "),
        "{quarantined:?}"
    );
}

#[tokio::test]
async fn words_from_outside_stay_words() {
    let world = world().await;
    for (number, hostile) in [
        "'; DROP TABLE customers; --",
        "$1",
        "{1,2}",
        "\\",
        "\"",
        "😀 é",
        "NULL",
    ]
    .iter()
    .enumerate()
    {
        let mut paid = session(&format!("s{number}"), &number.to_string());
        paid["customer_details"]["name"] = json!(hostile);
        paid["metadata"]["timezone"] = json!(hostile);
        stripe(
            &world,
            &event(&format!("evt_{number}"), "checkout.session.completed", 0, paid),
        )
        .await;
        let told = json!({
            "event_id": format!("e{number}"), "occurred_at": "2026-01-01T00:00:00Z", "id": format!("c{number}"),
            "payment_status": "Paid", "name": hostile, "timezone": hostile,
        });
        shop(&world, &told).await;
        let kept = format!(
            "SELECT string_agg(DISTINCT name || timezone_given, ' ') FROM customers WHERE id IN ('s{number}', 'c{number}')"
        );
        assert_eq!(
            world.database.one(&kept).await,
            Some(format!("{hostile}{hostile}"))
        );
    }
}

#[tokio::test]
async fn nobodys_name_number_or_secret_is_logged() {
    let world = world().await;
    let (log, _guard) = crate::logs::Log::begin();
    let paid = event("evt_1", "checkout.session.completed", 0, session("cust_42", "1"));
    for _ in 0..2 {
        stripe(&world, &paid).await;
    }
    let mut nonsense = paid.clone();
    nonsense["data"]["object"]["mode"] = json!(null);
    post_as(&world, STRIPE, STRIPE_SECRET, &nonsense.to_string()).await;
    post_as(&world, STRIPE, "another", &paid.to_string()).await;
    let told = json!({
        "event_id": "e", "occurred_at": "2026-01-01T00:00:00Z", "id": "cust_43", "payment_status": "Paid",
        "name": "Ada Byron", "phone": "403 555 0001", "timezone": "Ada's zone",
    });
    shop(&world, &told).await;
    let mut wrong = told.clone();
    wrong["id"] = json!("Ada Byron +14035550001");
    post_as(&world, SHOP, SHOP_SECRET, &wrong.to_string()).await;
    let said = log.of_the_product();
    for stage in [
        "[STRIPE WEBHOOK] Event recorded",
        "[STRIPE WEBHOOK] Deduplication: event recorded before",
        "[STRIPE WEBHOOK] Quarantined a signed event that cannot be used",
        "[CUSTOMERS WEBHOOK] Event recorded",
        "[CUSTOMERS WEBHOOK] A paying customer cannot be called",
    ] {
        assert!(said.contains(stage), "{stage} is not in\n{said}");
    }
    for secret in [
        "Ada",
        "Byron",
        "ada@example.com",
        STRIPE_SECRET,
        SHOP_SECRET,
        "v1=",
    ] {
        assert!(!said.contains(secret), "{secret} is in\n{said}");
    }
    assert!(!crate::logs::holds_a_number(&said), "{said}");
}
