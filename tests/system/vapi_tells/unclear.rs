//! Whatever Vapi answers, or does not, a customer is called once that day or not at all.

use std::time::Duration;

use jiff::SignedDuration;
use local::sandbox_vapi::{Behaviour, ReadFault};
use serde_json::{Value, json};
use system_tests::World;

use super::*;
use crate::logs::Log;

const NO_EVIDENCE: &str = "needs_human: no evidence within the hour whether it arrived";
const ABSENT: &str = "dead: it never arrived, and its day is over";
const BOTH: [Owed; 2] = [Owed::Welcome, Owed::Daily];

fn accepted_but_unheard() -> [Behaviour; 4] {
    [
        Behaviour::AcceptThenReset,
        Behaviour::AcceptThen500,
        Behaviour::AcceptThenGarbled,
        Behaviour::AcceptThenHuge { bytes: 3_000_000 },
    ]
}

async fn called_as(owed: Owed, behaviour: Behaviour) -> World {
    let world = World::begin().await;
    world.vapi.on_every_send_to(ANN, behaviour);
    call(&world, owed).await;
    world.vapi.on_every_send_to(ANN, Behaviour::Accept);
    world
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_is_settled_by_what_vapi_tells() {
    for owed in BOTH {
        for behaviour in accepted_but_unheard() {
            let world = called_as(owed, behaviour.clone()).await;
            assert!(job(&world).await.starts_with("unknown: "), "{behaviour:?}");
            update(&world).await;
            assert_eq!(job(&world).await, "accepted", "{behaviour:?}: at once");
            days(&world, 3).await;
            assert_eq!(
                (world.calls_to(ANN).len(), requests(&world)),
                (1, 1),
                "{behaviour:?}"
            );
            assert_eq!(world.evidence().await, [""; 0], "{behaviour:?}");
        }
    }
}

#[tokio::test]
async fn a_call_that_nobody_tells_of_is_found_in_vapis_list_with_its_end() {
    for owed in BOTH {
        for behaviour in accepted_but_unheard() {
            let world = called_as(owed, behaviour.clone()).await;
            ann_says(&world, "Please stop calling me.");
            minutes(&world, 3).await;
            assert_eq!(job(&world).await, "accepted", "{behaviour:?}");
            assert_eq!(result(&world).await, "answered customer-ended-call spoke by poll");
            assert_eq!(opt_outs(&world).await, format!("{ANN} by call"));
            days(&world, 3).await;
            assert_eq!(
                (world.calls_to(ANN).len(), requests(&world)),
                (1, 1),
                "{behaviour:?}"
            );
            assert_eq!(world.evidence().await, [""; 0], "{behaviour:?}");
        }
    }
}

#[tokio::test]
async fn a_list_is_read_once_for_all_that_are_due() {
    let world = World::begin().await;
    world.vapi.on_every_send(Behaviour::AcceptThenReset);
    for number in 0..5 {
        let id = format!("c{number}");
        add_customer(&world, &id, &format!("+140355502{number:02}")).await;
        owe(&world, &id, Owed::Daily).await;
    }
    world.run_calls().await;
    assert_eq!((world.vapi.calls().len(), requests(&world)), (5, 5));
    let before = world.vapi.requests().len();
    world.pass(SignedDuration::from_mins(4)).await;
    world.sweep().await;
    assert_eq!(world.count("jobs WHERE state = 'accepted'").await, 5);
    // One page with the calls, and two to see that there are no more.
    assert!(world.vapi.requests().len() - before <= 3);
}

#[tokio::test]
async fn a_daily_call_that_never_arrived_is_not_made_up_for() {
    for behaviour in [Behaviour::Fail500, Behaviour::Reset] {
        let world = called_as(Owed::Daily, behaviour.clone()).await;
        minutes(&world, 14).await;
        assert!(
            job(&world).await.starts_with("unknown: "),
            "{behaviour:?}: not proven yet"
        );
        minutes(&world, 5).await;
        assert_eq!(
            (job(&world).await, attempts(&world).await),
            (ABSENT.to_owned(), "absent".to_owned())
        );
        days(&world, 3).await;
        assert_eq!(
            (world.calls_to(ANN).len(), requests(&world)),
            (0, 1),
            "{behaviour:?}"
        );
    }
}

#[tokio::test]
async fn a_welcome_call_that_never_arrived_is_made_at_the_same_hour_of_the_next_day_and_once() {
    for behaviour in [Behaviour::Fail500, Behaviour::Reset] {
        let world = called_as(Owed::Welcome, behaviour.clone()).await;
        let asked_at = world.vapi.requests()[0].at;
        minutes(&world, 20).await;
        assert_eq!(
            (job(&world).await, attempts(&world).await),
            ("pending".to_owned(), "absent".to_owned())
        );
        world.pass(SignedDuration::from_hours(23)).await;
        minutes(&world, 30).await;
        assert_eq!(requests(&world), 1, "{behaviour:?}: not yet");
        minutes(&world, 20).await;
        let [called] = world.calls_to(ANN).try_into().expect("one call");
        let after = called.created_at.duration_since(asked_at);
        assert!((DAY..DAY + MINUTE * 2).contains(&after), "{after:?}");
        assert_eq!(job(&world).await, "accepted");
        days(&world, 3).await;
        assert_eq!(
            (world.calls_to(ANN).len(), requests(&world)),
            (1, 2),
            "{behaviour:?}"
        );
    }
}

/// The runner has hung up for minutes when Vapi takes the call after all.
#[tokio::test]
async fn a_call_that_vapi_takes_minutes_later_is_not_placed_again() {
    for owed in BOTH {
        let behaviour = Behaviour::LateAccept {
            after: Duration::from_mins(8),
        };
        let world = called_as(owed, behaviour).await;
        assert_eq!(job(&world).await, "unknown: no answer in time");
        minutes(&world, 7).await;
        assert_eq!(world.calls_to(ANN).len(), 0, "and two readings were empty");
        minutes(&world, 20).await;
        assert_eq!(job(&world).await, "accepted");
        days(&world, 3).await;
        assert_eq!((world.calls_to(ANN).len(), requests(&world)), (1, 1));
    }
}

#[tokio::test]
async fn a_list_that_lags_is_waited_for() {
    let world = World::begin().await;
    world.vapi.lag_lists_by(Duration::from_mins(14));
    world.vapi.on_next_send(Behaviour::AcceptThenReset);
    call(&world, Owed::Welcome).await;
    minutes(&world, 13).await;
    assert!(job(&world).await.starts_with("unknown: "));
    minutes(&world, 7).await;
    assert_eq!(job(&world).await, "accepted");
    days(&world, 3).await;
    assert_eq!(requests(&world), 1);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_for_an_hour_proves_nothing_and_a_person_decides() {
    for fault in [
        ReadFault::Refuse(503),
        ReadFault::Garbled,
        ReadFault::Reset,
        ReadFault::Says(json!({})),
        ReadFault::Says(json!([{ "id": "c1" }])),
    ] {
        for behaviour in [Behaviour::AcceptThenReset, Behaviour::Fail500] {
            let world = called_as(Owed::Welcome, behaviour.clone()).await;
            world.vapi.on_every_read(Some(fault.clone()));
            minutes(&world, 62).await;
            assert_eq!(job(&world).await, NO_EVIDENCE, "{fault:?}, {behaviour:?}");
            world.vapi.on_every_read(None);
            days(&world, 2).await;
            assert_eq!(job(&world).await, NO_EVIDENCE, "{fault:?}, {behaviour:?}");
            assert_eq!(
                (requests(&world), attempts(&world).await),
                (1, "unresolved".to_owned())
            );
        }
    }
}

/// Somebody has called Ann by hand, or Vapi has lost our name for the call.
#[tokio::test]
async fn a_call_to_the_same_number_that_names_nobody_is_no_proof_of_absence() {
    let world = called_as(Owed::Daily, Behaviour::AcceptThenReset).await;
    let mut row = world.calls_to(ANN)[0].shown();
    row["name"] = Value::Null;
    row["assistantOverrides"] = Value::Null;
    // Each reading is a page with the call, and one to see that there are no more.
    for _ in 0..5 {
        world.vapi.on_next_read(Some(ReadFault::Says(json!([row]))));
        world.vapi.on_next_read(Some(ReadFault::Says(json!([]))));
    }
    world.vapi.on_every_read(Some(ReadFault::Reset));
    minutes(&world, 62).await;
    assert_eq!(job(&world).await, NO_EVIDENCE);
    update(&world).await;
    assert_eq!(job(&world).await, "accepted", "a late message still settles it");
    assert_eq!(world.evidence().await, [""; 0]);
}

#[tokio::test]
async fn evidence_that_comes_after_the_proof_of_absence_holds_the_job() {
    let world = called_as(Owed::Welcome, Behaviour::AcceptThenReset).await;
    let told = world.vapi.status_update(&id(&world));
    let calls = world.vapi.calls().len();
    // A list that lies.
    world.vapi.on_every_read(Some(ReadFault::Says(json!([]))));
    minutes(&world, 20).await;
    assert_eq!(
        (job(&world).await, attempts(&world).await),
        ("pending".to_owned(), "absent".to_owned())
    );
    let (log, guard) = Log::begin();
    assert_eq!(world.vapi_tells(told).await.status, 200);
    drop(guard);
    assert!(log.of_the_product().contains("contradicts the ledger"));
    assert_eq!(job(&world).await, "needs_human: accepted while absent");
    assert_eq!(world.evidence().await, ["accepted while absent"]);
    days(&world, 3).await;
    assert_eq!((world.vapi.calls().len(), requests(&world)), (calls, 1));
}

#[tokio::test]
async fn two_calls_that_vapi_makes_of_one_request_are_kept_as_evidence_and_somebody_is_woken() {
    let (log, _guard) = Log::begin();
    let world = called_as(Owed::Daily, Behaviour::DoubleAccept).await;
    let calls = world.calls_to(ANN);
    assert_eq!((calls.len(), requests(&world)), (2, 1));
    for call in calls.iter().chain(&calls) {
        assert_eq!(
            world.vapi_tells(world.vapi.status_update(&call.id)).await.status,
            200
        );
    }
    assert_eq!(job(&world).await, "accepted");
    assert_eq!(world.evidence().await, ["accepted while accepted"]);
    let alarm = log.of_the_product();
    let alarm = alarm.lines().find(|line| line.contains("contradicts the ledger"));
    assert!(alarm.is_some_and(|line| line.contains("ERROR")), "{alarm:?}");
    // What was said in either of them counts.
    world.vapi.update_call(&calls[1].id, |call| {
        call.say("user", "Why twice? Stop calling me!");
    });
    world.vapi.end_call(&calls[1].id, "customer-ended-call");
    world
        .vapi_tells(world.vapi.end_of_call_report(&calls[1].id))
        .await;
    assert_eq!(opt_outs(&world).await, format!("{ANN} by call"));
    minutes(&world, 20).await;
    assert_eq!(world.count("call_results").await, 1, "the first goes on");
}

#[tokio::test]
async fn two_calls_of_one_request_in_the_list_settle_it_and_are_evidence() {
    let (log, _guard) = Log::begin();
    let world = called_as(Owed::Daily, Behaviour::AcceptThenReset).await;
    let first = world.calls_to(ANN)[0].shown();
    let mut second = first.clone();
    second["id"] = json!("00000000-0000-4000-8000-00000000000b");
    let later = world.calls_to(ANN)[0].created_at + SignedDuration::from_secs(1);
    second["createdAt"] = json!(format!("{later:.3}"));
    world
        .vapi
        .on_next_read(Some(ReadFault::Says(json!([second, first]))));
    minutes(&world, 3).await;
    let provider_id = world.database.one("SELECT provider_id FROM attempts").await;
    assert_eq!(provider_id, Some(id(&world)));
    assert_eq!(world.evidence().await, ["accepted while accepted"]);
    assert!(log.of_the_product().contains("contradicts the ledger"));
}

#[tokio::test]
async fn two_sweepers_at_once_settle_once() {
    let world = called_as(Owed::Daily, Behaviour::AcceptThenReset).await;
    world.pass(SignedDuration::from_mins(3)).await;
    futures_util::join!(world.sweep(), world.sweep(), update(&world));
    assert_eq!(job(&world).await, "accepted");
    assert_eq!(
        (attempts(&world).await, world.evidence().await),
        ("accepted".to_owned(), vec![])
    );
}
