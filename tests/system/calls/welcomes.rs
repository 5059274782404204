//! The welcome call is made once, and nothing that passes takes it away.

use jiff::SignedDuration;
use local::sandbox_vapi::Behaviour;
use system_tests::World;

use super::{THEO, called_at, hours, minutes, pays, world};

/// The kinds of the calls that were placed, in order.
async fn kinds(world: &World) -> String {
    let kinds = "SELECT coalesce(string_agg(kind, ', ' ORDER BY granted_at), '') FROM placed_calls";
    world.database.one(kinds).await.unwrap_or_default()
}

#[tokio::test]
async fn no_outage_of_ours_and_no_full_account_costs_anybody_their_welcome() {
    for (http, says) in [
        (401, "Invalid Key"),
        (429, "Too many requests"),
        (400, "Over Concurrency Limit"),
        (404, "Assistant not found"),
        (400, "Daily Outbound Call Limit"),
    ] {
        let world = world().await;
        pays(&world, "theo", THEO).await;
        world.vapi.on_every_send(Behaviour::refuse(http, says));
        hours(&world, 6).await;
        assert_eq!(called_at(&world, THEO), [""; 0], "{says}");
        world.vapi.on_every_send(Behaviour::Accept);
        hours(&world, 24).await;
        assert_eq!(called_at(&world, THEO).len(), 2, "{says}");
        assert_eq!(kinds(&world).await, "welcome_call, daily_call", "{says}");
    }
}

/// The job is there when it begins, and its three days are over before it ends.
#[tokio::test]
async fn what_passes_costs_nobody_their_welcome() {
    let dispute = |effect| {
        format!(
            "INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id)
             VALUES ('stripe', '{effect}', '{effect}', switchboard_now(), '{effect}', '{{du_1,cs_theo}}', NULL)"
        )
    };
    for (begins, ends) in [
        (
            "UPDATE calling SET paused = true".to_owned(),
            "UPDATE calling SET paused = false".to_owned(),
        ),
        (
            "UPDATE customers SET paused_until = switchboard_now() + interval '100 hours'".to_owned(),
            "SELECT".to_owned(),
        ),
        (dispute("disputed"), dispute("dispute_won")),
        (
            "UPDATE customers SET timezone = NULL".to_owned(),
            "UPDATE customers SET timezone = 'America/Edmonton'".to_owned(),
        ),
        (
            "UPDATE customers SET call_status = 'disabled'".to_owned(),
            "UPDATE customers SET call_status = 'enabled'".to_owned(),
        ),
        (
            "INSERT INTO opt_outs (phone, source) SELECT phone, 'sms' FROM customers".to_owned(),
            "UPDATE opt_outs SET revoked_at = switchboard_now(), revoked_by = 'START'".to_owned(),
        ),
    ] {
        let world = world().await;
        pays(&world, "theo", THEO).await;
        world.pass(SignedDuration::from_mins(21)).await;
        world.tick("call-scheduler").await;
        world.database.sql(&begins).await;
        for _ in 0..96 {
            world.pass(SignedDuration::from_mins(59)).await;
            minutes(&world, 1).await;
        }
        assert_eq!(called_at(&world, THEO), [""; 0], "{begins}");
        world.database.sql(&ends).await;
        hours(&world, 28).await;
        let kinds = kinds(&world).await;
        assert!(kinds.starts_with("welcome_call"), "{begins}: {kinds:?}");
        assert_eq!(kinds.matches("welcome_call").count(), 1, "{begins}: {kinds}");
    }
}

/// The number is none, and asking again every day would make it none the less.
#[tokio::test]
async fn a_definite_no_to_the_number_ends_the_welcome() {
    let world = world().await;
    pays(&world, "theo", THEO).await;
    world.vapi.on_every_send(Behaviour::refuse(
        400,
        "customer.number must be a valid phone number",
    ));
    hours(&world, 30).await;
    let welcomes = "SELECT count(*) FROM jobs WHERE kind = 'welcome_call'";
    assert_eq!(world.database.one(welcomes).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_welcome_that_comes_into_the_night_is_made_in_the_morning() {
    let world = world().await;
    pays(&world, "theo", THEO).await;
    world.pass(SignedDuration::from_mins(21)).await;
    world.tick("call-scheduler").await;
    // Nobody runs it while it is day.
    world.pass(SignedDuration::from_hours(13)).await;
    minutes(&world, 1).await;
    assert_eq!(called_at(&world, THEO), [""; 0], "it is night");
    hours(&world, 12).await;
    let called = called_at(&world, THEO);
    assert_eq!(called.len(), 1);
    assert!(called[0].contains(" 14:"), "eight in the morning: {called:?}");
    assert_eq!(kinds(&world).await, "welcome_call");
}
