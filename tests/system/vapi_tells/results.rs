//! How calls went: told in any order, repeatedly, early, late, or never.

use jiff::SignedDuration;
use local::sandbox_vapi::{Behaviour, ReadFault};
use shared::call_events::{self, CallEvent, Teller};
use shared::calls::CallEnd;
use shared::platform::database::Database;
use shared::platform::gate::Gate;
use system_tests::World;

use super::*;

/// Every order of the numbers below `count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1).into_iter();
    let longer = shorter.flat_map(|order| {
        (0..count).map(move |place| {
            let mut longer = order.clone();
            longer.insert(place, count - 1);
            longer
        })
    });
    longer.collect()
}

#[tokio::test]
async fn what_is_known_of_a_call_is_the_same_in_whatever_order_it_is_told() {
    let world = World::begin().await;
    let orders = orders(4);
    assert_eq!(orders.len(), 24);
    let phone = |number: usize| format!("+1403555{:04}", 2_000 + number);
    for number in 0..orders.len() {
        let id = format!("c{number}");
        add_customer(&world, &id, &phone(number)).await;
        owe(&world, &id, Owed::Daily).await;
    }
    world.run_calls().await;
    let application = world.database.application_url().await.into();
    let application = Database::new(&application, None, 1, Gate::default()).expect("a database");
    let connection = application.connection().await.expect("a connection");

    for (number, order) in orders.iter().enumerate() {
        let id = world.calls_to(&phone(number))[0].id.clone();
        let ringing = world.vapi.status_update(&id);
        world.vapi.end_call(&id, "customer-ended-call");
        let ended = world.vapi.status_update(&id);
        let began = world.vapi.clock().now();
        world.vapi.update_call(&id, |call| {
            call.started_at = Some(began);
            call.say("user", "Yes, this is Ann.");
        });
        let reported = world.vapi.end_of_call_report(&id);
        let given_up = CallEvent {
            attempt: None,
            call_id: id.clone(),
            end: Some(CallEnd::unclear()),
            wants_to_stop: false,
        };
        // Each is told twice, in between the others too.
        for step in order.iter().chain(order) {
            let message = match step {
                0 => ringing.clone(),
                1 => ended.clone(),
                2 => reported.clone(),
                _ => {
                    let recorded = call_events::record(&connection, &given_up, Teller::Poll).await;
                    recorded.expect("recorded");
                    continue;
                }
            };
            assert_eq!(world.vapi_tells(message).await.status, 200);
        }
    }

    let rows = "SELECT DISTINCT concat_ws(' ', result, ended_reason, customer_spoke, told_by,
                       started_at IS NOT NULL, ended_at IS NOT NULL) FROM call_results";
    let rows = world.database.owner().query(rows, &[]).await.expect("rows");
    let rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(rows, ["answered customer-ended-call t webhook t t"]);
    assert_eq!(world.count("call_results").await, 24);
    assert_eq!(world.evidence().await, [""; 0]);
    assert_eq!(
        world.count("attempts WHERE next_read_at IS NOT NULL").await,
        0,
        "nobody has to ask"
    );
}

#[tokio::test]
async fn that_somebody_was_called_and_that_they_were_reached_are_two_facts() {
    for (owed, kept) in [(Owed::Welcome, "t 2026-06-10"), (Owed::Daily, "f 2026-06-10")] {
        let world = called(owed).await;
        let placed = "SELECT concat_ws(' ', result, ended_reason) FROM placed_calls";
        assert_eq!(world.database.one(placed).await.as_deref(), Some("pending"));
        world.vapi.end_call(&id(&world), "customer-did-not-answer");
        report(&world).await;
        assert_eq!(
            world.database.one(placed).await.as_deref(),
            Some("no_answer customer-did-not-answer")
        );
        assert_eq!(job(&world).await, "accepted", "they were called all the same");
        let customer = "SELECT concat_ws(' ', welcome_call_completed, last_call_date) FROM customers";
        assert_eq!(world.database.one(customer).await.as_deref(), Some(kept));
        days(&world, 2).await;
        assert_eq!(requests(&world), 1);
    }
}

#[tokio::test]
async fn a_word_that_nobody_knows_leaves_what_was_accepted_accepted() {
    let world = called(Owed::Daily).await;
    world.vapi.end_call(&id(&world), "something-entirely-new");
    report(&world).await;
    assert_eq!(result(&world).await, "unclear something-entirely-new by webhook");
    assert_eq!(job(&world).await, "accepted");
}

/// Vapi tells how a call ended before the runner has heard that it was taken.
#[tokio::test]
async fn an_end_that_is_told_before_our_own_answer_is_stored_counts_once() {
    let world = World::begin().await;
    world.vapi.on_next_send(Behaviour::Hold { accepted: true });
    let telling = async {
        world.vapi.when(|vapi| (vapi.held() == 1).then_some(())).await;
        ann_says(&world, "Yes?");
        report(&world).await;
        assert_eq!(job(&world).await, "accepted", "it is proof");
        let customer = "SELECT last_call_date::text FROM customers";
        assert_eq!(
            world.database.one(customer).await.as_deref(),
            Some("2026-06-10"),
            "copied at once"
        );
        world.vapi.release_held();
    };
    futures_util::join!(call(&world, Owed::Daily), telling);
    minutes(&world, 20).await;
    assert_eq!(
        result(&world).await,
        "answered customer-ended-call spoke by webhook"
    );
    assert_eq!((world.calls_to(ANN).len(), requests(&world)), (1, 1));
    assert_eq!(attempts(&world).await, "accepted");
    assert_eq!(world.evidence().await, [""; 0]);
    assert_eq!(world.vapi.requests().len(), 1, "nobody had to ask");
}

#[tokio::test]
async fn what_is_told_again_and_days_later_changes_nothing() {
    let world = called(Owed::Daily).await;
    ann_says(&world, "Yes?");
    for _ in 0..10 {
        report(&world).await;
        update(&world).await;
    }
    let rows = "SELECT string_agg(row::text, ',' ORDER BY row::text) FROM (
                  SELECT to_jsonb(jobs) AS row FROM jobs UNION ALL SELECT to_jsonb(attempts) FROM attempts
                  UNION ALL SELECT to_jsonb(call_results) FROM call_results) AS rows";
    let before = world.database.one(rows).await;
    days(&world, 3).await;
    report(&world).await;
    assert_eq!(world.database.one(rows).await, before);
    assert_eq!(requests(&world), 1);
}

#[tokio::test]
async fn a_result_that_nobody_tells_is_asked_for() {
    let world = called(Owed::Daily).await;
    minutes(&world, 14).await;
    assert_eq!(
        world.vapi.requests().len(),
        1,
        "not before the longest call is over"
    );
    minutes(&world, 3).await;
    assert_eq!(world.vapi.requests().len(), 2, "it goes on");
    assert_eq!(result(&world).await, "none");
    ann_says(&world, "Yes?");
    minutes(&world, 9).await;
    assert_eq!(result(&world).await, "answered customer-ended-call spoke by poll");
    let asked = world.vapi.requests().len();
    minutes(&world, 60).await;
    assert_eq!(world.vapi.requests().len(), asked, "once is enough");
    report(&world).await;
    assert_eq!(
        result(&world).await,
        "answered customer-ended-call spoke by webhook"
    );
}

#[tokio::test]
async fn a_call_that_vapi_does_not_know_any_more_ends_as_unclear_until_somebody_tells() {
    let world = called(Owed::Daily).await;
    ann_says(&world, "Yes?");
    let told = world.vapi.end_of_call_report(&id(&world));
    world.vapi.forget();
    minutes(&world, 17).await;
    assert_eq!(result(&world).await, "unclear by poll");
    assert_eq!(job(&world).await, "accepted");
    assert_eq!(world.vapi_tells(told).await.status, 200);
    assert_eq!(
        result(&world).await,
        "answered customer-ended-call spoke by webhook"
    );
}

#[tokio::test]
async fn a_call_that_cannot_be_read_for_a_day_ends_as_unclear() {
    for fault in [ReadFault::Refuse(503), ReadFault::Garbled, ReadFault::Reset] {
        let world = called(Owed::Daily).await;
        world.vapi.on_every_read(Some(fault.clone()));
        for _ in 0..23 {
            world.pass(SignedDuration::from_hours(1)).await;
            minutes(&world, 1).await;
        }
        assert_eq!(result(&world).await, "none", "{fault:?}");
        days(&world, 2).await;
        assert_eq!(result(&world).await, "unclear by poll", "{fault:?}");
        let asked = world.vapi.requests().len();
        assert!(asked < 20, "{fault:?}: {asked}");
        days(&world, 1).await;
        assert_eq!(world.vapi.requests().len(), asked, "{fault:?}: given up");
    }
}

/// Only a call that has ended makes room for another.
#[tokio::test]
async fn the_end_of_a_call_makes_room_for_the_next() {
    let world = called(Owed::Daily).await;
    add_customer(&world, "bob", "+14035550102").await;
    world.database.sql("UPDATE calling SET at_a_time = 1").await;
    owe(&world, "bob", Owed::Daily).await;
    minutes(&world, 3).await;
    assert_eq!(world.calls_to("+14035550102").len(), 0);
    update(&world).await;
    minutes(&world, 3).await;
    assert_eq!(world.calls_to("+14035550102").len(), 0, "it goes on");
    ann_says(&world, "Yes?");
    report(&world).await;
    minutes(&world, 2).await;
    assert_eq!(world.calls_to("+14035550102").len(), 1);
}

/// A business without an assistant asks Vapi nothing.
#[tokio::test]
async fn without_an_assistant_nobody_is_asked() {
    let database = system_tests::TestDatabase::new().await;
    let url = database.application_url().await;
    let world = World::without_lines(database, url, |settings| settings.with("VAPI_ASSISTANT_ID", "")).await;
    add_customer(&world, "ann", ANN).await;
    owe(&world, "ann", Owed::Daily).await;
    minutes(&world, 20).await;
    assert_eq!(world.vapi.requests().len(), 0);
}
