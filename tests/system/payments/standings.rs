//! What a customer's payments come to.

use serde_json::{Value, json};
use system_tests::World;

use super::{event, refund, session, shop, standing, stripe, world};

/// The events of one customer's purchases, each with the ids of its own.
struct Story {
    name: &'static str,
    /// Kind, seconds, object; `#` stands for what makes the customer's own ids.
    events: Vec<(&'static str, i64, Value)>,
    comes_to: &'static str,
}

const PAID: &str = "Paid, to be called";

fn story(name: &'static str, comes_to: &'static str, events: Vec<(&'static str, i64, Value)>) -> Story {
    Story {
        name,
        events,
        comes_to,
    }
}

#[expect(clippy::too_many_lines, reason = "a list")]
fn stories() -> Vec<Story> {
    let paid = |seconds| ("checkout.session.completed", seconds, session("#", "#"));
    let invoice = |seconds| {
        (
            "invoice.paid",
            seconds,
            json!({
                "id": "in_#", "parent": { "subscription_details": { "subscription": "sub_#" } },
                "amount_paid": 4900, "currency": "cad",
            }),
        )
    };
    let link = |seconds| {
        (
            "invoice_payment.paid",
            seconds,
            json!({ "id": "inpay_#", "invoice": "in_#", "payment": { "payment_intent": "pi_#" } }),
        )
    };
    let refund_of = |seconds, is_all| ("charge.refunded", seconds, refund("#", is_all));
    let dispute = |kind, seconds, status: &str| {
        (
            kind,
            seconds,
            json!({ "id": "du_#", "charge": "ch_#", "payment_intent": "pi_#", "status": status }),
        )
    };
    let subscription = |seconds, status: &str| {
        (
            "customer.subscription.updated",
            seconds,
            json!({ "id": "sub_#", "status": status }),
        )
    };
    let of_subscription = |seconds| {
        let mut session = session("#", "#");
        session["mode"] = json!("subscription");
        session["payment_intent"] = json!(null);
        session["subscription"] = json!("sub_#");
        session["invoice"] = json!("in_#");
        ("checkout.session.completed", seconds, session)
    };
    let failed = |seconds| {
        (
            "invoice.payment_failed",
            seconds,
            json!({ "id": "in_2_#", "subscription": "sub_#" }),
        )
    };
    vec![
        story(
            "the money of a subscription goes back by a charge that names nobody",
            "Refunded",
            vec![of_subscription(0), invoice(1), link(1), refund_of(60, true)],
        ),
        story(
            "a part of the money goes back",
            PAID,
            vec![paid(0), refund_of(60, false)],
        ),
        story(
            "all of it goes back in two parts",
            "Refunded",
            vec![paid(0), refund_of(60, false), refund_of(61, true)],
        ),
        story(
            "a dispute is won",
            PAID,
            vec![
                paid(0),
                dispute("charge.dispute.created", 60, "needs_response"),
                dispute("charge.dispute.closed", 90, "won"),
            ],
        ),
        story(
            "a dispute goes on",
            "Disputed",
            vec![paid(0), dispute("charge.dispute.created", 60, "needs_response")],
        ),
        story(
            "a dispute is lost",
            "Refunded",
            vec![
                paid(0),
                dispute("charge.dispute.created", 60, "needs_response"),
                dispute("charge.dispute.closed", 90, "lost"),
            ],
        ),
        story(
            "a won dispute lifts itself and no refund",
            "Refunded",
            vec![
                paid(0),
                dispute("charge.dispute.created", 60, "needs_response"),
                refund_of(70, true),
                dispute("charge.dispute.closed", 90, "won"),
            ],
        ),
        story(
            "the next month's invoice is not paid yet",
            PAID,
            vec![of_subscription(0), invoice(1), failed(3600)],
        ),
        story(
            "it never is",
            "Ended",
            vec![
                of_subscription(0),
                invoice(1),
                failed(3600),
                subscription(7200, "unpaid"),
            ],
        ),
        story(
            "they come back",
            PAID,
            vec![
                of_subscription(0),
                subscription(3600, "unpaid"),
                invoice(7200),
                link(7200),
            ],
        ),
        story(
            "what was cancelled is paid to its end, and stays cancelled",
            "Ended",
            vec![
                of_subscription(0),
                (
                    "customer.subscription.deleted",
                    3600,
                    json!({ "id": "sub_#", "status": "canceled" }),
                ),
                invoice(3605),
                link(3605),
            ],
        ),
        story(
            "money that comes and goes in the same second is gone",
            "Refunded",
            vec![paid(0), refund_of(0, true)],
        ),
    ]
}

/// Every order of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1);
    let with_last = |order: &Vec<usize>| -> Vec<Vec<usize>> {
        (0..count)
            .map(|at| {
                let mut order = order.clone();
                order.insert(at, count - 1);
                order
            })
            .collect()
    };
    shorter.iter().flat_map(with_last).collect()
}

#[tokio::test]
async fn the_same_events_come_to_the_same_in_every_order() {
    let world = world().await;
    for (number, story) in stories().iter().enumerate() {
        let orders = orders(story.events.len());
        for (turn, order) in orders.iter().enumerate() {
            let customer = format!("c{number}_{turn}");
            for at in order {
                let (kind, seconds, object) = &story.events[*at];
                let object = object.to_string().replace('#', &customer);
                let object = serde_json::from_str(&object).expect("still JSON");
                stripe(
                    &world,
                    &event(&format!("evt_{customer}_{at}"), kind, *seconds, object),
                )
                .await;
            }
            let told = standing(&world, &customer).await;
            assert_eq!(told, story.comes_to, "{}, as {order:?}", story.name);
            let purchases = format!(
                "(SELECT DISTINCT purchase FROM payment_events WHERE customer_id = '{customer}') AS own"
            );
            assert_eq!(world.count(&purchases).await, 1, "{}, as {order:?}", story.name);
        }
    }
    assert_eq!(world.count("payment_events WHERE customer_id IS NULL").await, 0);
    super::assert_nobody_is_called(&world).await;
}

/// A shop's word on a customer is about the customer, and its newest is the one that counts.
#[tokio::test]
async fn a_shop_that_says_unpaid_after_paid_is_heeded() {
    let told = |id: &str, status: &str, at: &str| {
        json!({ "event_id": id, "id": "cust_42", "occurred_at": at, "payment_status": status,
                "phone": "+14035550001", "timezone": "America/Edmonton" })
    };
    let paid = told("1", "Paid", "2026-06-01T00:00:00Z");
    let unpaid = told("2", "Unpaid", "2026-06-05T00:00:00Z");
    let again = told("3", "Paid", "2026-06-09T00:00:00Z");
    for order in [[&paid, &unpaid], [&unpaid, &paid]] {
        let world = world().await;
        for told in order {
            shop(&world, told).await;
        }
        assert_eq!(standing(&world, "cust_42").await, "Unpaid");
        shop(&world, &again).await;
        assert_eq!(standing(&world, "cust_42").await, PAID);
    }
}

#[tokio::test]
async fn what_names_nobody_waits_for_what_does() {
    let (log, _guard) = crate::logs::Log::begin();
    let world = world().await;
    stripe(&world, &event("evt_1", "charge.refunded", 60, refund("1", true))).await;
    stripe(&world, &event("evt_2", "charge.refunded", 60, refund("2", true))).await;
    assert_eq!(world.count("customers").await, 0);
    assert_eq!(world.count("payment_events WHERE customer_id IS NULL").await, 2);
    let alarm = "Money went back, and nobody has said yet to whom";
    assert_eq!(log.of_the_product().matches(alarm).count(), 2);
    let paid = event("evt_3", "checkout.session.completed", 0, session("cust_42", "1"));
    stripe(&world, &paid).await;
    assert_eq!(standing(&world, "cust_42").await, "Refunded");
    let paid = event(
        "evt_4",
        "checkout.session.completed",
        120,
        session("cust_43", "3"),
    );
    stripe(&world, &paid).await;
    assert_eq!(standing(&world, "cust_43").await, PAID, "another's refund");
    assert_eq!(world.count("payment_events WHERE customer_id IS NULL").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_of_one_purchase_that_come_at_once_are_one_purchase() {
    let world = world().await;
    for round in 0..12 {
        let customer = format!("c{round}");
        let ids = |text: &str| text.replace('#', &customer);
        let invoice = ids(
            r#"{"id":"in_#","subscription":"sub_#","payments":{"data":[{"payment":{"payment_intent":"pi_#"}}]}}"#,
        );
        let dispute = ids(r#"{"id":"du_#","charge":"ch_#","payment_intent":"pi_#","status":"won"}"#);
        let ended = ids(r#"{"id":"sub_#","status":"canceled"}"#);
        let object = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let events = [
            ("checkout.session.completed", 0, session(&customer, &customer)),
            ("invoice.paid", 1, object(&invoice)),
            ("invoice.payment_succeeded", 1, object(&invoice)),
            ("charge.dispute.created", 30, object(&dispute)),
            ("charge.dispute.closed", 40, object(&dispute)),
            ("charge.refunded", 50, refund(&customer, false)),
            ("customer.subscription.deleted", 60, object(&ended)),
        ];
        let events: Vec<Value> = events
            .into_iter()
            .enumerate()
            .map(|(at, (kind, seconds, object))| event(&format!("evt_{round}_{at}"), kind, seconds, object))
            .collect();
        // Each of them twice, and everything at once.
        let at_once = events.iter().chain(&events).map(|event| stripe(&world, event));
        futures_util::future::join_all(at_once).await;
        assert_eq!(standing(&world, &customer).await, "Ended");
        let own = format!("payment_events WHERE customer_id = '{customer}'");
        assert_eq!(world.count(&own).await, 7);
        let purchases = format!("(SELECT DISTINCT purchase FROM {own}) AS own");
        assert_eq!(world.count(&purchases).await, 1, "{round}");
    }
    assert_eq!(world.parked().len(), 0, "nobody waited in vain");
}

#[tokio::test]
async fn who_paid_twice_and_had_one_of_them_back_has_paid() {
    let world = world().await;
    for (number, seconds) in [("1", 0), ("2", 60)] {
        let paid = session("cust_42", number);
        stripe(
            &world,
            &event(
                &format!("evt_{number}"),
                "checkout.session.completed",
                seconds,
                paid,
            ),
        )
        .await;
    }
    stripe(&world, &event("evt_3", "charge.refunded", 120, refund("1", true))).await;
    assert_eq!(standing(&world, "cust_42").await, PAID);
    stripe(&world, &event("evt_4", "charge.refunded", 121, refund("2", true))).await;
    assert_eq!(standing(&world, "cust_42").await, "Refunded");
}

#[tokio::test]
async fn the_end_of_what_nobody_told_us_of_ends_what_was_paid_before() {
    for (kind, object, comes_to) in [
        (
            "charge.refunded",
            json!({ "id": "ch_9", "refunded": true }),
            "Refunded",
        ),
        (
            "customer.subscription.deleted",
            json!({ "id": "sub_9", "status": "canceled" }),
            "Ended",
        ),
        (
            "charge.dispute.created",
            json!({ "id": "du_9", "charge": "ch_9", "status": "needs_response" }),
            "Disputed",
        ),
    ] {
        let world = world().await;
        let paid =
            |id: &str, seconds| event(id, "checkout.session.completed", seconds, session("cust_42", id));
        stripe(&world, &paid("evt_1", 0)).await;
        let mut object = object;
        object["metadata"] = json!({ "customer_id": "cust_42" });
        stripe(&world, &event("evt_2", kind, 60, object)).await;
        assert_eq!(standing(&world, "cust_42").await, comes_to);
        stripe(&world, &paid("evt_3", 60)).await;
        assert_eq!(
            standing(&world, "cust_42").await,
            comes_to,
            "no later than the end"
        );
        stripe(&world, &paid("evt_4", 61)).await;
        assert_eq!(standing(&world, "cust_42").await, PAID);
    }
}

#[tokio::test]
async fn a_payment_that_has_not_come_undoes_none_that_has() {
    let world = world().await;
    let expired = |id: &str, seconds| {
        let mut session = session("cust_42", id);
        session["payment_status"] = json!("unpaid");
        event(id, "checkout.session.expired", seconds, session)
    };
    stripe(&world, &expired("evt_1", 0)).await;
    assert_eq!(standing(&world, "cust_42").await, "Unpaid");
    stripe(
        &world,
        &event("evt_2", "checkout.session.completed", 1, session("cust_42", "1")),
    )
    .await;
    stripe(&world, &expired("evt_3", 60)).await;
    stripe(
        &world,
        &event(
            "evt_4",
            "invoice.payment_failed",
            61,
            json!({ "id": "in_1", "payment_intent": "pi_1" }),
        ),
    )
    .await;
    assert_eq!(standing(&world, "cust_42").await, PAID);
}

async fn count_of(world: &World, what: &str) -> u64 {
    world.count(&format!("payment_events WHERE {what}")).await
}

#[tokio::test]
async fn less_than_the_price_or_other_money_pays_for_nothing_and_its_return_ends_nothing() {
    let world = world().await;
    world
        .database
        .sql("UPDATE calling SET price = 4900, currency = 'cad'")
        .await;
    let paid = |id: &str, seconds, amount: i64, currency: &str| {
        let mut session = session("cust_42", id);
        session["amount_total"] = json!(amount);
        session["currency"] = json!(currency);
        event(id, "checkout.session.completed", seconds, session)
    };
    let (log, _guard) = crate::logs::Log::begin();
    stripe(&world, &paid("short", 0, 4899, "cad")).await;
    stripe(&world, &paid("other", 1, 4900, "jpy")).await;
    assert_eq!(standing(&world, "cust_42").await, "Unpaid");
    let said = log.of_the_product();
    assert_eq!(
        said.matches("Paid with less than the price: it does not count")
            .count(),
        2,
        "{said}"
    );
    stripe(&world, &paid("full", 2, 4900, "cad")).await;
    assert_eq!(standing(&world, "cust_42").await, PAID);
    stripe(
        &world,
        &event("evt_1", "charge.refunded", 60, refund("short", true)),
    )
    .await;
    assert_eq!(
        standing(&world, "cust_42").await,
        PAID,
        "only what counted can be taken back"
    );
    assert_eq!(count_of(&world, "customer_id = 'cust_42'").await, 4);
}

#[tokio::test]
async fn whoever_has_paid_the_price_of_their_day_has_paid() {
    let world = world().await;
    let price = async |cents: i64| {
        world
            .database
            .sql(&format!("UPDATE calling SET price = {cents}, currency = 'cad'"))
            .await;
    };
    let paid = |id: &str, seconds, amount: i64| {
        let mut session = session("cust_42", id);
        session["amount_total"] = json!(amount);
        event(id, "checkout.session.completed", seconds, session)
    };
    price(4900).await;
    stripe(&world, &paid("first", 0, 4900)).await;
    price(5900).await;
    stripe(&world, &paid("second", 1, 4900)).await;
    assert_eq!(standing(&world, "cust_42").await, PAID, "a price was raised");
    stripe(
        &world,
        &event("evt_1", "charge.refunded", 60, refund("first", true)),
    )
    .await;
    assert_eq!(
        standing(&world, "cust_42").await,
        "Refunded",
        "the second was too little"
    );
    price(4900).await;
    stripe(&world, &paid("third", 61, 1)).await;
    assert_eq!(standing(&world, "cust_42").await, PAID, "and now it is enough");
}

#[tokio::test]
async fn two_sources_share_no_purchase() {
    let world = world().await;
    // A shop may call its customer what Stripe calls a payment.
    stripe(
        &world,
        &event(
            "evt_1",
            "charge.refunded",
            0,
            json!({ "id": "ch_1", "payment_intent": "pi_1", "refunded": true }),
        ),
    )
    .await;
    let paid = json!({
        "event_id": "evt_1", "occurred_at": "2026-01-01T00:00:00Z", "id": "pi_1", "payment_status": "Paid",
        "name": "Ada", "phone": "+14035550001", "timezone": "America/Edmonton",
    });
    let answer = super::shop(&world, &paid).await;
    assert_eq!(answer["payment_status"], "Paid");
    assert_eq!(count_of(&world, "customer_id IS NULL").await, 1);
}

#[tokio::test]
async fn a_purchase_of_two_customers_is_said_to_be_one() {
    let world = world().await;
    let (log, _guard) = crate::logs::Log::begin();
    stripe(
        &world,
        &event("evt_1", "checkout.session.completed", 0, session("cust_1", "1")),
    )
    .await;
    let mut other = session("cust_2", "1");
    other["id"] = json!("cs_other");
    stripe(&world, &event("evt_2", "checkout.session.completed", 1, other)).await;
    stripe(&world, &event("evt_3", "charge.refunded", 2, refund("1", true))).await;
    let said = log.of_the_product();
    assert_eq!(
        said.matches("One purchase names two customers").count(),
        2,
        "{said}"
    );
}
