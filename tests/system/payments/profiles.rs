//! What we know of a customer, by whose word.

use serde_json::{Value, json};
use system_tests::World;

use super::{event, session, shop, standing, stripe, world};

async fn profile(world: &World, customer: &str) -> String {
    let query = format!(
        "SELECT concat_ws('|', coalesce(name, '-'), coalesce(phone, '-'), phone_validated, coalesce(timezone, '-'),
                          coalesce(timezone_given, '-'), to_char(call_at, 'HH24:MI'), array_to_string(call_days, ''))
         FROM customers WHERE id = '{customer}'"
    );
    world.database.one(&query).await.expect("a customer")
}

/// A shop's word of the `day`th of January.
fn word(customer: &str, day: usize, fields: &Value) -> Value {
    let mut word = json!({
        "event_id": format!("{customer}-{day}"), "occurred_at": format!("2026-01-{day:02}T12:00:00Z"),
        "id": customer, "payment_status": "Unpaid",
    });
    let fields = fields.as_object().expect("fields").clone();
    word.as_object_mut().expect("an object").extend(fields);
    word
}

#[tokio::test]
async fn the_newest_word_of_a_shop_about_each_field_stands_whatever_came_last() {
    let world = world().await;
    let words = [
        json!({ "name": "Ada", "phone": "+14035550001", "timezone": "America/Edmonton", "call_at": "09:00" }),
        json!({ "name": "Ada B", "timezone": "America/Toronto", "call_days": [1] }),
        json!({ "phone": "+14035550003", "call_at": "18:00", "timezone": "Mars/Phobos" }),
        json!({ "name": "Ada Byron", "call_days": "2,3", "phone": "nonsense" }),
    ];
    let mut orders = vec![vec![]];
    for count in 0..words.len() {
        let longer = orders.iter().flat_map(|order: &Vec<usize>| {
            (0..=order.len()).map(move |at| {
                let mut order = order.clone();
                order.insert(at, count);
                order
            })
        });
        orders = longer.collect();
    }
    assert_eq!(orders.len(), 24);
    for (number, order) in orders.iter().enumerate() {
        let customer = format!("c{number}");
        for at in order {
            shop(&world, &word(&customer, at + 1, &words[*at])).await;
        }
        assert_eq!(
            profile(&world, &customer).await,
            "Ada Byron|+14035550003|t|-|Mars/Phobos|18:00|23",
            "{order:?}"
        );
    }
}

#[tokio::test]
async fn stripe_fills_what_is_empty_and_takes_nothing_away() {
    let world = world().await;
    let paid = |id: &str, customer: &str, metadata: Value| {
        let mut session = session(customer, id);
        session["metadata"] = metadata;
        event(id, "checkout.session.completed", 0, session)
    };
    // An invoice may come first, which says who and nothing else.
    let invoice =
        json!({ "id": "in_1", "payment_intent": "pi_evt_1", "metadata": { "customer_id": "cust_1" } });
    stripe(&world, &event("evt_0", "invoice.paid", 0, invoice)).await;
    assert_eq!(profile(&world, "cust_1").await, "-|-|f|-|-|10:00|1234567");
    assert_eq!(standing(&world, "cust_1").await, "Paid");
    let chosen = json!({ "timezone": "Mountain", "call_at": "18:30", "call_days": "1,2" });
    stripe(&world, &paid("evt_1", "cust_1", chosen)).await;
    let first = "Ada Byron|+14035550001|t|America/Denver|Mountain|18:30|12";
    assert_eq!(profile(&world, "cust_1").await, first);
    assert_eq!(standing(&world, "cust_1").await, "Paid, to be called");

    let other = json!({
        "name": "Eve", "phone": "+14035550009", "timezone": "Europe/Paris", "call_at": "08:00", "call_days": "7",
    });
    stripe(&world, &paid("evt_2", "cust_1", other.clone())).await;
    assert_eq!(
        profile(&world, "cust_1").await,
        first,
        "whoever pays for somebody does not become them"
    );

    // A shop's word goes over Stripe's, and is not filled over by it.
    let told = json!({ "name": "Ada King", "phone": "+14035550002", "timezone": "somewhere" });
    shop(&world, &word("cust_1", 1, &told)).await;
    let second = "Ada King|+14035550002|t|-|somewhere|18:30|12";
    assert_eq!(profile(&world, "cust_1").await, second);
    stripe(&world, &paid("evt_3", "cust_1", other)).await;
    assert_eq!(profile(&world, "cust_1").await, second);
    assert_eq!(
        standing(&world, "cust_1").await,
        "Paid",
        "and not called on a guess"
    );
}

#[tokio::test]
async fn a_customer_of_the_old_system_keeps_their_own_and_gets_what_is_missing() {
    let world = world().await;
    world
        .database
        .sql(
            "INSERT INTO customers (id, name, phone, timezone_given, call_at) VALUES
               ('cust_1', 'Old', '+14035550001', 'MST', '11:00'), ('cust_2', 'Old', '+14035550007', NULL, '10:00')",
        )
        .await;
    for number in 1..=2 {
        let mut paid = session(&format!("cust_{number}"), &number.to_string());
        paid["metadata"]["call_at"] = json!("12:00");
        stripe(
            &world,
            &event(&format!("evt_{number}"), "checkout.session.completed", 0, paid),
        )
        .await;
    }
    // The number that was not valid turns out to be one; another's is not vouched for.
    assert_eq!(
        profile(&world, "cust_1").await,
        "Old|+14035550001|t|America/Edmonton|America/Edmonton|11:00|1234567"
    );
    assert_eq!(
        profile(&world, "cust_2").await,
        "Old|+14035550007|f|America/Edmonton|America/Edmonton|12:00|1234567"
    );
}

#[tokio::test]
async fn a_payment_counts_whatever_the_rest_of_its_event_is_like() {
    let world = world().await;
    let mut paid = session("cust_1", "1");
    paid["customer_details"] = json!({ "name": "Ada\nByron", "phone": "403 555 0001" });
    paid["metadata"] = json!({ "timezone": "Mars/Phobos", "call_at": "20:31", "call_days": "8" });
    let (log, guard) = crate::logs::Log::begin();
    stripe(&world, &event("evt_1", "checkout.session.completed", 0, paid)).await;
    assert_eq!(standing(&world, "cust_1").await, "Paid");
    assert_eq!(
        profile(&world, "cust_1").await,
        "-|-|f|-|Mars/Phobos|10:00|1234567"
    );
    let said = log.of_the_product();
    assert!(said.contains("A paying customer cannot be called"), "{said}");
    drop(guard);

    let told = json!({
        "payment_status": "Paid", "name": 5, "phone": "", "timezone": "UTC+2", "call_at": "noon", "call_days": [],
    });
    let answer = shop(&world, &word("cust_2", 1, &told)).await;
    assert_eq!(answer["payment_status"], "Paid");
    let warnings: Vec<String> = answer["warnings"]
        .as_array()
        .expect("warnings")
        .iter()
        .map(|warning| format!("{}: {}", warning["field"], warning["why"]).replace('"', ""))
        .collect();
    assert_eq!(
        warnings,
        [
            "name: not text",
            "timezone: an offset, which says nothing of summer time",
            "call_at: not a time from 08:00 to 20:30",
            "call_days: not a list of days, 1 for Monday to 7 for Sunday",
            "phone: missing",
        ]
    );
    for time in ["08:00", "20:30"] {
        let told = json!({ "payment_status": "Paid", "call_at": time });
        shop(&world, &word(&format!("cust_{}", &time[..2]), 1, &told)).await;
    }
    assert_eq!(
        world.count("customers WHERE call_at IN ('08:00', '20:30')").await,
        2
    );
}

#[tokio::test]
async fn a_zone_that_only_we_know_is_none() {
    let world = world().await;
    world
        .database
        .sql(
            "CREATE OR REPLACE FUNCTION is_time_zone(zone text) RETURNS boolean LANGUAGE sql STABLE
               AS 'SELECT zone <> ''America/Edmonton'''",
        )
        .await;
    stripe(
        &world,
        &event("evt_1", "checkout.session.completed", 0, session("cust_1", "1")),
    )
    .await;
    let told = json!({
        "payment_status": "Paid", "name": "Ada", "phone": "+14035550001", "timezone": "America/Edmonton",
    });
    let answer = shop(&world, &word("cust_2", 1, &told)).await;
    assert_eq!(
        answer["warnings"],
        json!([{ "field": "timezone", "why": "not a time zone that the database knows" }])
    );
    for customer in ["cust_1", "cust_2"] {
        assert_eq!(standing(&world, customer).await, "Paid");
        let query =
            format!("SELECT timezone_given FROM customers WHERE id = '{customer}' AND timezone IS NULL");
        assert_eq!(
            world.database.one(&query).await.as_deref(),
            Some("America/Edmonton")
        );
    }
}
