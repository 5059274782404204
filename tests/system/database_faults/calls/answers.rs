//! The server answers with an error of its own in place of what was asked, at each statement on a customer's way.

use super::super::answers::{TROUBLES, refuse};
use super::{MINUTE, add_customer, everybody_is_called_once, id, minute, phone, world};
use crate::payments::{event, session, standing, stripe};

/// In each minute somebody else is due, and one statement on their way meets another trouble.
async fn every_trouble_at(statement: &str) {
    let (world, mut cutter) = world(0).await;
    for (number, trouble) in TROUBLES.into_iter().enumerate() {
        add_customer(&world, number).await;
        world.pass(MINUTE).await;
        cutter.catch(statement);
        let everything = async {
            let _ = world.try_tick("call-scheduler").await;
            world.run_calls().await;
        };
        futures_util::join!(everything, refuse(&mut cutter, trouble));
        let expected = match statement {
            // The answer is settled in a second try, and what follows from it waits for the sweeper.
            "settle_accepted" | "project_call" => 1,
            _ => 0,
        };
        let calls = world.calls_to(&phone(number)).len();
        assert_eq!(calls, expected, "{statement}: {trouble:?}");
        assert!(!cutter.let_be(), "it was met");
    }
    everybody_is_called_once(&world, TROUBLES.len()).await;
    let attempts = "attempts WHERE attempt_no > 1";
    assert_eq!(
        world.count(attempts).await,
        0,
        "a refused statement costs no attempt"
    );
}

#[tokio::test]
async fn who_is_due_waits_for_a_scheduler_that_can() {
    every_trouble_at("schedule_calls").await;
}

#[tokio::test]
async fn a_call_that_cannot_be_read_waits() {
    every_trouble_at("load_call").await;
}

#[tokio::test]
async fn nobody_is_called_without_a_grant() {
    every_trouble_at("grant").await;
}

#[tokio::test]
async fn vapis_answer_that_cannot_be_kept_is_kept_in_a_second_try() {
    every_trouble_at("settle_accepted").await;
}

#[tokio::test]
async fn a_call_stands_in_its_customers_row_in_the_end() {
    every_trouble_at("project_call").await;
}

#[tokio::test]
async fn a_payment_that_cannot_be_recorded_is_kept_for_later() {
    let (world, mut cutter) = world(0).await;
    for (number, trouble) in TROUBLES.into_iter().enumerate() {
        let paid = session(&id(number), &number.to_string());
        let paid = event(&format!("evt_{number}"), "checkout.session.completed", 0, paid);
        cutter.catch("record_payment");
        futures_util::join!(stripe(&world, &paid), refuse(&mut cutter, trouble));
        assert_eq!(world.parked().len(), 1, "{trouble:?}");
        // The park is emptied only into a database that can, and shows it again when it could not.
        cutter.catch("record_payment");
        let (swept, ()) = futures_util::join!(world.try_tick("job-sweeper"), refuse(&mut cutter, trouble));
        assert!(swept.is_err(), "{trouble:?}: {swept:?}");
        assert_eq!(world.parked().len(), 1, "{trouble:?}");
        world.pass(MINUTE * 4).await;
        world.sweep().await;
        assert_eq!(world.parked().len(), 0, "{trouble:?}");
        assert_eq!(
            standing(&world, &id(number)).await,
            "Paid, to be called",
            "{trouble:?}"
        );
    }
    assert_eq!(world.quarantined().await, [""; 0]);
}

#[tokio::test]
async fn how_a_call_ended_is_kept_for_later() {
    let (world, mut cutter) = world(TROUBLES.len()).await;
    minute(&world).await;
    for (number, trouble) in TROUBLES.into_iter().enumerate() {
        let call = world.calls_to(&phone(number)).remove(0).id;
        world.vapi.end_call(&call, "customer-busy");
        let told = world.vapi_tells(world.vapi.end_of_call_report(&call));
        cutter.catch("record_result");
        let (reply, ()) = futures_util::join!(told, refuse(&mut cutter, trouble));
        assert_eq!(reply.status, 200, "{trouble:?}");
        assert_eq!(world.parked().len(), 1, "{trouble:?}");
        world.sweep().await;
        assert_eq!(world.parked().len(), 0, "{trouble:?}");
        let result =
            format!("SELECT result || ' by ' || told_by FROM call_results WHERE provider_id = '{call}'");
        let result = world.database.one(&result).await;
        assert_eq!(result.as_deref(), Some("busy by webhook"), "{trouble:?}");
    }
    everybody_is_called_once(&world, TROUBLES.len()).await;
}
