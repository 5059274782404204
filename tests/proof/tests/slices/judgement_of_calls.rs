//! The judge of calls to customers, before what it has to see.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use local::sandbox_vapi::Behaviour;
use proof::judgement::Judgement;
use proof::judgement::calls::{Customer, judge};
use system_tests::World;

const PHONE: &str = "+14035550101";

/// Somebody who is called a minute after the world begins; the telephone is theirs alone.
async fn world() -> World {
    let world = World::begin().await;
    let customer = format!(
        "UPDATE calling SET paused = false, welcome_since = '2026-06-01';
         INSERT INTO customers (id, name, phone, phone_validated, timezone, call_at, payment_status, paid_at, welcome_call_completed)
         VALUES ('ann', 'Ann Lee', '{PHONE}', true, 'America/Edmonton', '11:01', 'Paid', '2026-05-01', true)"
    );
    world.database.sql(&customer).await;
    world.pass(SignedDuration::from_mins(1)).await;
    world
}

/// As the world was told.
fn ann() -> Customer {
    Customer {
        id: "ann".to_owned(),
        phone: PHONE.to_owned(),
        zone: TimeZone::get("America/Edmonton").expect("a zone"),
        is_new: false,
        due: vec![at("2026-06-10T17:01:00Z")],
        over_at: None,
    }
}

fn at(moment: &str) -> Timestamp {
    moment.parse().expect("a time")
}

/// Everything that follows from what is due, and the end of the call.
async fn live(world: &World) {
    world.tick("call-scheduler").await;
    world.run_calls().await;
    for call in world.vapi.calls() {
        world.vapi.end_call(&call.id, "customer-busy");
    }
    world.pass(SignedDuration::from_mins(20)).await;
    world.sweep().await;
}

/// What the judge says where nothing is an excuse; it has to find exactly one fault.
async fn only_fault(world: &World, customer: Customer) -> String {
    let judgement = judge(world, &[customer], |_| false).await;
    assert!(!judgement.holds(), "{judgement:?}");
    let Judgement { mut violations, .. } = judgement;
    assert_eq!(violations.len(), 1, "{violations:?}");
    violations.remove(0)
}

#[tokio::test]
async fn a_call_on_each_day_that_is_owed_one_is_all_that_is_asked() {
    let world = world().await;
    live(&world).await;
    let judgement = judge(&world, &[ann()], |_| false).await;
    assert!(judgement.holds(), "{judgement:?}");
    assert_eq!((judgement.causes, judgement.acts), (1, 1));
}

#[tokio::test]
async fn who_is_due_and_stands_nowhere_is_seen() {
    let world = world().await;
    let fault = only_fault(&world, ann()).await;
    assert_eq!(fault, "ann was owed a call on 2026-06-10, and nobody knows of it");
    let new = Customer {
        is_new: true,
        due: Vec::new(),
        ..ann()
    };
    let fault = only_fault(&world, new).await;
    assert_eq!(fault, "ann was owed a first call, and nobody knows of it");
}

#[tokio::test]
async fn a_job_that_is_left_pending_has_not_ended_and_is_never_excused() {
    let world = world().await;
    world.tick("call-scheduler").await;
    let judgement = judge(&world, &[ann()], |_| true).await;
    assert_eq!(
        (judgement.ended(), judgement.excused, judgement.losses),
        (0, 0, 1)
    );
    assert!(!judgement.holds(), "{judgement:?}");
}

#[tokio::test]
async fn a_second_call_is_seen_whatever_our_tables_say() {
    let world = world().await;
    world.vapi.on_next_send(Behaviour::DoubleAccept);
    live(&world).await;
    let judgement = judge(&world, &[ann()], |_| false).await;
    assert_eq!((judgement.acts, judgement.duplicates), (2, 1));
    let said = |what: &str| judgement.violations.iter().any(|violation| violation == what);
    assert!(said("ann was called twice on 2026-06-10"), "{judgement:?}");
    assert!(
        said(&format!("{PHONE} was called twice on 2026-06-10")),
        "{judgement:?}"
    );
}

#[tokio::test]
async fn a_call_in_the_night_is_seen() {
    let world = world().await;
    live(&world).await;
    let elsewhere = Customer {
        zone: TimeZone::get("Asia/Tokyo").expect("a zone"),
        ..ann()
    };
    let fault = only_fault(&world, elsewhere).await;
    assert!(
        fault.ends_with("was asked for at 02:01:00 and placed at 02:01:00"),
        "{fault}"
    );
}

#[tokio::test]
async fn a_call_to_who_was_not_to_be_called_any_more_is_seen() {
    let world = world().await;
    live(&world).await;
    let over = Customer {
        over_at: Some(at("2026-06-10T17:00:30Z")),
        ..ann()
    };
    let fault = only_fault(&world, over).await;
    assert!(fault.ends_with("who was not to be called any more"), "{fault}");
}

#[tokio::test]
async fn a_welcome_to_somebody_of_long_standing_is_seen() {
    let world = world().await;
    let new = "UPDATE customers SET welcome_call_completed = false, paid_at = '2026-06-10 16:00Z';
               UPDATE customers SET next_call_scheduled_at = switchboard_now()";
    world.database.sql(new).await;
    live(&world).await;
    let fault = only_fault(&world, ann()).await;
    assert_eq!(fault, "ann was welcomed 1 times");
}

#[tokio::test]
async fn a_result_that_nobody_knows_is_seen() {
    let world = world().await;
    world.tick("call-scheduler").await;
    world.run_calls().await;
    let fault = only_fault(&world, ann()).await;
    assert_eq!(fault, "calls whose results nobody knows: 1");
}
