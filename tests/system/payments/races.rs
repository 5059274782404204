//! Events of one purchase that come at the same moment do not wait for each other.
//!
//! An event that names a customer writes their row and then takes its turn among all events; one that names nobody
//! has its turn and then writes that row. Without a turn that comes before everything else each can have what the
//! other waits for, and Postgres gives one of them up.

use std::time::Duration;

use serde_json::{Value, json};
use shared::customers::{self, PaymentEvent};
use shared::platform::database::Database;
use shared::providers::stripe::{Event, payment_event};
use system_tests::World;
use tokio::task::JoinSet;

use super::{event, refund, session, standing, stripe, world};

/// Who records at once, as sandboxes do: each with a connection of its own.
const AT_ONCE: usize = 8;
const CUSTOMERS: usize = 40;

/// Until this many wait for their turn among all events.
async fn waiting(world: &World, count: u64) {
    let waiting = "pg_locks WHERE locktype = 'advisory' AND NOT granted
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let wait = async {
        while world.count(waiting).await < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), wait)
        .await
        .expect("somebody waits");
}

#[tokio::test]
async fn whoever_waits_for_their_turn_has_nothing_that_another_needs() {
    let world = world().await;
    let paid = event("evt_1", "checkout.session.completed", 0, session("cust_42", "1"));
    stripe(&world, &paid).await;
    // It has its turn first and writes the customer's row; it names only the payment.
    let refunded = event("evt_2", "charge.refunded", 60, refund("1", true));
    let again = event(
        "evt_3",
        "checkout.session.completed",
        120,
        session("cust_42", "2"),
    );
    world
        .database
        .sql("SELECT pg_advisory_lock(hashtext('payment_events'))")
        .await;
    let one_after_the_other = async {
        waiting(&world, 1).await;
        let second = stripe(&world, &again);
        let let_go = async {
            waiting(&world, 2).await;
            world
                .database
                .sql("SELECT pg_advisory_unlock(hashtext('payment_events'))")
                .await;
        };
        futures_util::join!(second, let_go);
    };
    futures_util::join!(stripe(&world, &refunded), one_after_the_other);
    // Whoever is given up is told again, by way of the park.
    assert_eq!(world.parked().len(), 0, "nobody was given up");
    assert_eq!(standing(&world, "cust_42").await, "Paid, to be called");
}

/// What Stripe tells of one purchase within a second, only some of which says whose it is.
fn burst(customer: usize) -> Vec<Value> {
    let (id, payment) = (format!("cust_{customer}"), format!("{customer}"));
    let told = |name: &str, kind: &str, seconds, object| {
        event(&format!("evt_{name}_{customer}"), kind, seconds, object)
    };
    let part = json!({
        "id": format!("ch_{payment}"), "object": "charge", "payment_intent": format!("pi_{payment}"),
        "amount": 4900, "amount_refunded": 100, "refunded": false, "metadata": { "customer_id": id },
    });
    vec![
        told("paid", "checkout.session.completed", 0, session(&id, &payment)),
        told(
            "late",
            "checkout.session.async_payment_succeeded",
            1,
            session(&id, &payment),
        ),
        told("part", "charge.refunded", 2, part),
        told("all", "charge.refunded", 3, refund(&payment, true)),
    ]
}

fn read(event: &Value) -> PaymentEvent {
    let event = Event::parse(event.to_string().as_bytes()).expect("an event");
    payment_event(&event, true).expect("one that counts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bursts_of_events_about_the_same_people_give_nobody_up() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let world = world().await;
    let mut events: Vec<PaymentEvent> = (0..CUSTOMERS)
        .flat_map(|customer| burst(customer).iter().map(read).collect::<Vec<_>>())
        .collect();
    // Neighbours stay neighbours: they are to meet.
    let mut rng = fastrand::Rng::with_seed(seed);
    for near in events.chunks_mut(AT_ONCE) {
        rng.shuffle(near);
    }
    let environment = world.settings.environment().await.expect("settings");
    let mut recording = JoinSet::new();
    for first in 0..AT_ONCE {
        let database: Database = environment.database().expect("a pool");
        let own: Vec<PaymentEvent> = events.iter().skip(first).step_by(AT_ONCE).cloned().collect();
        recording.spawn(async move {
            let connection = database.connection().await.expect("a connection");
            for event in own {
                let recorded = customers::record_payment(&connection, &event).await;
                recorded.unwrap_or_else(|error| panic!("{event:?}: {error}"));
            }
        });
    }
    recording.join_all().await;
    assert_eq!(world.count("payment_events").await, events.len() as u64);
    for customer in 0..CUSTOMERS {
        let id = format!("cust_{customer}");
        assert_eq!(standing(&world, &id).await, "Refunded", "{id}");
    }
}
