//! Customers are called once to be welcomed and then once a day at most. Vapi's own record is the judge.

mod days;
mod welcomes;

use jiff::{SignedDuration, Timestamp};
use local::sandbox_vapi::Behaviour;
use system_tests::World;

const THEO: &str = "+14035550101";
const ADA: &str = "+14035550102";
/// Half past nine in Edmonton, on a Wednesday.
const WEDNESDAY: &str = "2027-06-09T15:30:00Z";

/// A world in which calling is on, at half past nine in the customers' morning.
async fn world() -> World {
    let world = World::begin().await;
    let wednesday: Timestamp = WEDNESDAY.parse().expect("a time");
    world
        .pass(wednesday.duration_since(world.database.now().await))
        .await;
    world
        .database
        .sql("UPDATE calling SET paused = false, welcome_since = '2027-06-01'")
        .await;
    world
}

/// Somebody in Edmonton who wants to be called at ten, and has paid just now.
async fn pays(world: &World, id: &str, phone: &str) {
    world
        .database
        .sql(&format!(
            "INSERT INTO customers (id, name, phone, phone_validated, timezone)
             VALUES ('{id}', 'Theo Young', '{phone}', true, 'America/Edmonton');
             INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id)
             VALUES ('stripe', 'evt_{id}', 'checkout.session.completed', switchboard_now(), 'paid', '{{cs_{id}}}', '{id}')"
        ))
        .await;
}

/// Somebody who was welcomed long ago and wants to be called at ten.
async fn is_called_daily(world: &World, id: &str, phone: &str) {
    world
        .database
        .sql(&format!(
            "INSERT INTO customers (id, name, phone, phone_validated, timezone)
             VALUES ('{id}', 'Ada King', '{phone}', true, 'America/Edmonton');
             INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id)
             VALUES ('stripe', 'evt_{id}', 'invoice.paid', '2027-01-01', 'paid', '{{in_{id}}}', '{id}')"
        ))
        .await;
}

/// So many minutes, each with its scheduler, its sweeper and whoever's doorbell rings.
async fn minutes(world: &World, count: u32) {
    for _ in 0..count {
        world.pass(SignedDuration::from_mins(1)).await;
        world.tick("call-scheduler").await;
        world.sweep().await;
        world.run_calls().await;
    }
}

/// The same in strides, for spans in which nothing else is to happen.
async fn hours(world: &World, count: u32) {
    for _ in 0..count * 4 {
        world.pass(SignedDuration::from_mins(14)).await;
        minutes(world, 1).await;
    }
}

fn called_at(world: &World, phone: &str) -> Vec<String> {
    let calls = world.vapi.calls_to(phone);
    let at = |at: Timestamp| at.strftime("%m-%d %H:%M").to_string();
    calls.iter().map(|call| at(call.created_at)).collect()
}

async fn jobs(world: &World) -> Vec<(String, String, String)> {
    let rows = world
        .database
        .owner()
        .query(
            "SELECT kind, state, coalesce(state_reason, '') FROM jobs ORDER BY due_at, kind DESC",
            &[],
        )
        .await
        .expect("jobs");
    rows.iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}

fn job(kind: &str, state: &str, reason: &str) -> (String, String, String) {
    (kind.to_owned(), state.to_owned(), reason.to_owned())
}

#[tokio::test]
async fn a_payment_leads_to_a_welcome_after_twenty_minutes_and_to_one_call_a_day() {
    let world = world().await;
    pays(&world, "theo", THEO).await;
    minutes(&world, 19).await;
    assert_eq!(called_at(&world, THEO), [""; 0], "too soon");
    minutes(&world, 2).await;
    assert_eq!(called_at(&world, THEO), ["06-09 15:50"]);
    hours(&world, 73).await;
    let days: Vec<String> = called_at(&world, THEO)
        .into_iter()
        .map(|at| at[..8].to_owned())
        .collect();
    assert_eq!(
        days,
        ["06-09 15", "06-10 16", "06-11 16", "06-12 16"],
        "one a day, at ten"
    );
    let call = world.vapi.calls_to(THEO).pop().expect("a call");
    assert!(call.attempt().is_some(), "it names its attempt");
}

#[tokio::test]
async fn what_is_told_to_the_assistant_is_who_and_why() {
    let world = world().await;
    pays(&world, "theo", THEO).await;
    minutes(&world, 21).await;
    let request = world
        .vapi
        .requests()
        .into_iter()
        .find(local::sandbox_vapi::ReceivedRequest::is_send)
        .expect("a call");
    let body = request.body.to_string();
    for word in [
        "\"first_name\":\"Theo\"",
        "\"call_type\":\"welcome\"",
        "\"externalId\":\"theo\"",
    ] {
        assert!(body.contains(word), "{word} in {body}");
    }
}

/// Until a minute after ten.
async fn until_ten(world: &World) {
    minutes(world, 31).await;
}

#[tokio::test]
async fn whatever_changes_before_the_permit_counts() {
    for (change, reason) in [
        (
            "INSERT INTO opt_outs (phone, source) VALUES ('+14035550101', 'person')",
            "opted_out",
        ),
        (
            "UPDATE customers SET call_status = 'disabled'",
            "calling_disabled",
        ),
        (
            "UPDATE customers SET phone_validated = false",
            "phone_not_validated",
        ),
        ("UPDATE customers SET timezone = NULL", "timezone_unknown"),
        (
            "UPDATE customers SET paused_until = switchboard_now() + interval '1 day'",
            "paused",
        ),
        (
            "UPDATE customers SET timezone = 'Pacific/Honolulu'",
            "outside_hours",
        ),
        ("UPDATE customers SET timezone = 'Asia/Tokyo'", "wrong_day"),
        (
            "UPDATE customers SET last_call_date = '2027-06-09'",
            "called_today",
        ),
        (
            "INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id)
             VALUES ('stripe', 'evt_r', 'charge.refunded', switchboard_now(), 'refunded', '{in_theo}', NULL)",
            "not_paid",
        ),
    ] {
        let world = world().await;
        is_called_daily(&world, "theo", THEO).await;
        world.pass(SignedDuration::from_mins(30)).await;
        world.tick("call-scheduler").await;
        world.database.sql(change).await;
        world.run_calls().await;
        assert_eq!(called_at(&world, THEO), [""; 0], "{change}");
        assert_eq!(
            jobs(&world).await,
            [job("daily_call", "suppressed", reason)],
            "{change}"
        );
    }
}

/// The latest hour that anybody may choose is a quarter of an hour before it is too late.
#[tokio::test]
async fn who_chose_the_last_hour_of_the_evening_is_called_until_it_is_too_late() {
    for (minutes_late, calls) in [(0, 1), (1, 1), (14, 1), (15, 0)] {
        let world = world().await;
        is_called_daily(&world, "theo", THEO).await;
        world.database.sql("UPDATE customers SET call_at = '20:30'").await;
        world.pass(SignedDuration::from_hours(11)).await;
        world.tick("call-scheduler").await;
        world.pass(SignedDuration::from_mins(minutes_late)).await;
        world.run_calls().await;
        assert_eq!(
            called_at(&world, THEO).len(),
            calls,
            "{minutes_late} minutes late"
        );
    }
}

#[tokio::test]
async fn all_calling_stops_and_goes_on_at_a_word() {
    let world = world().await;
    is_called_daily(&world, "theo", THEO).await;
    world.pass(SignedDuration::from_mins(30)).await;
    world.tick("call-scheduler").await;
    world.database.sql("UPDATE calling SET paused = true").await;
    world.run_calls().await;
    minutes(&world, 30).await;
    assert_eq!(called_at(&world, THEO), [""; 0]);
    world.database.sql("UPDATE calling SET paused = false").await;
    minutes(&world, 2).await;
    assert_eq!(
        called_at(&world, THEO).len(),
        1,
        "within its hours it is made after all"
    );
}

#[tokio::test]
async fn runners_at_once_place_one_call() {
    for round in 0..20 {
        let world = world().await;
        is_called_daily(&world, "theo", THEO).await;
        world.pass(SignedDuration::from_mins(30)).await;
        world.tick("call-scheduler").await;
        world.pass(SignedDuration::from_mins(1)).await;
        world.sweep().await;
        let runner = || world.run_calls();
        tokio::join!(
            runner(),
            runner(),
            world.sweep(),
            runner(),
            world.tick("call-scheduler"),
            runner()
        );
        minutes(&world, 3).await;
        assert_eq!(called_at(&world, THEO).len(), 1, "round {round}");
    }
}

#[tokio::test]
async fn a_telephone_of_two_customers_rings_once_a_day() {
    let world = world().await;
    is_called_daily(&world, "theo", THEO).await;
    is_called_daily(&world, "ada", THEO).await;
    until_ten(&world).await;
    hours(&world, 6).await;
    assert_eq!(called_at(&world, THEO).len(), 1);
    let mut ended = jobs(&world).await;
    ended.sort();
    assert_eq!(ended[0], job("daily_call", "accepted", ""));
    // Both rules say no; the database names the first that it comes to.
    assert_eq!(ended[1], job("daily_call", "suppressed", "phone_called_today"));
}

#[tokio::test]
async fn no_more_calls_go_on_than_may() {
    let world = world().await;
    world.database.sql("UPDATE calling SET at_a_time = 2").await;
    for number in 0..5 {
        is_called_daily(&world, &format!("cust_{number}"), &format!("+1403555020{number}")).await;
    }
    until_ten(&world).await;
    assert_eq!(world.vapi.calls().len(), 2, "two at a time");
    minutes(&world, 10).await;
    assert_eq!(
        world.vapi.calls().len(),
        2,
        "they still go on, as far as anybody knows"
    );
    minutes(&world, 30).await;
    assert_eq!(
        world.vapi.calls().len(),
        5,
        "the longest call is over, and everybody was called"
    );
}

#[tokio::test]
async fn a_definite_no_gives_the_day_back_and_anything_else_does_not() {
    let later = |http, message: &str| Behaviour::refuse(http, message);
    for (behaviour, calls, state) in [
        (later(429, "Too many requests"), 1, "accepted"),
        (later(400, "Over Concurrency Limit"), 1, "accepted"),
        (
            later(400, "customer.number must be a valid phone number"),
            0,
            "refused",
        ),
        (Behaviour::AcceptThen500, 1, "accepted"),
        (Behaviour::AcceptThenReset, 1, "accepted"),
        (Behaviour::Fail500, 0, "dead"),
    ] {
        let world = world().await;
        is_called_daily(&world, "theo", THEO).await;
        world.vapi.on_next_send(behaviour.clone());
        until_ten(&world).await;
        hours(&world, 6).await;
        assert_eq!(called_at(&world, THEO).len(), calls, "{behaviour:?}");
        assert_eq!(jobs(&world).await[0].1, state, "{behaviour:?}");
        let sends = world
            .vapi
            .requests()
            .iter()
            .filter(|request| request.is_send())
            .count();
        let is_retried = state == "accepted" && matches!(behaviour, Behaviour::Refuse { .. });
        assert_eq!(sends, if is_retried { 2 } else { 1 }, "{behaviour:?}");
    }
}

#[tokio::test]
async fn refused_credentials_close_the_door_for_everybody_and_cost_nobody_the_day() {
    let world = world().await;
    is_called_daily(&world, "theo", THEO).await;
    is_called_daily(&world, "ada", ADA).await;
    world.vapi.on_every_send(Behaviour::refuse(401, "Invalid Key"));
    until_ten(&world).await;
    minutes(&world, 4).await;
    let refused = world
        .vapi
        .requests()
        .iter()
        .filter(|request| request.is_send())
        .count();
    assert!(
        refused <= 2,
        "two at once at most, and nobody behind them: {refused}"
    );
    world.vapi.on_every_send(Behaviour::Accept);
    hours(&world, 2).await;
    assert_eq!(
        (called_at(&world, THEO).len(), called_at(&world, ADA).len()),
        (1, 1)
    );
}

#[tokio::test]
async fn scenario_a_a_later_error_does_not_undo_the_flag() {
    let world = world().await;
    pays(&world, "theo", THEO).await;
    let flags = "SELECT concat_ws(' ', welcome_call_completed, last_call_date) FROM customers";
    // Whatever is written after the call fails, in the customer's row or anywhere beside it.
    world
        .database
        .sql(
            "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'later error'; END $$;
             CREATE TRIGGER fails BEFORE UPDATE OF last_call_date ON customers FOR EACH ROW EXECUTE FUNCTION fails()",
        )
        .await;
    minutes(&world, 25).await;
    assert_eq!(called_at(&world, THEO).len(), 1);
    assert_eq!(
        world.database.one(flags).await.as_deref(),
        Some("f"),
        "it could not be written"
    );
    assert_eq!(
        jobs(&world).await,
        [job("welcome_call", "accepted", "")],
        "and what was done stays done"
    );
    world.database.sql("DROP TRIGGER fails ON customers").await;
    minutes(&world, 1).await;
    assert_eq!(world.database.one(flags).await.as_deref(), Some("t 2027-06-09"));
    hours(&world, 5).await;
    assert_eq!(called_at(&world, THEO).len(), 1, "nobody is called again for it");
}

#[tokio::test]
async fn scenario_c_an_update_that_changes_nothing_is_noticed() {
    let world = world().await;
    pays(&world, "theo", THEO).await;
    world
        .database
        .sql(
            "CREATE FUNCTION swallows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
             CREATE TRIGGER swallows BEFORE UPDATE OF last_call_date ON customers FOR EACH ROW EXECUTE FUNCTION swallows()",
        )
        .await;
    minutes(&world, 25).await;
    let left = "SELECT count(*)::text FROM jobs WHERE state = 'accepted' AND NOT projected";
    assert_eq!(
        world.database.one(left).await.as_deref(),
        Some("1"),
        "it is not taken for done"
    );
    world.database.sql("DROP TRIGGER swallows ON customers").await;
    minutes(&world, 1).await;
    assert_eq!(world.database.one(left).await.as_deref(), Some("0"));
    assert_eq!(called_at(&world, THEO).len(), 1);
}

#[tokio::test]
async fn scenario_d_without_flags_nobody_is_called_twice() {
    let world = world().await;
    pays(&world, "theo", THEO).await;
    minutes(&world, 25).await;
    // Somebody restores a backup of the customers' rows, and their time comes again and again.
    for _ in 0..4 {
        world
            .database
            .sql(
                "UPDATE customers SET welcome_call_completed = false, last_call_date = NULL,
                                      next_call_scheduled_at = switchboard_now()",
            )
            .await;
        minutes(&world, 3).await;
    }
    assert_eq!(called_at(&world, THEO).len(), 1);
    let again = "INSERT INTO jobs (kind, cause, customer_id, origin, caused_at, due_at, expires_at)
                 VALUES ('welcome_call', 'by hand', 'theo', 'scheduler', switchboard_now(), switchboard_now(), switchboard_now() + interval '1 hour')";
    let refusal = world
        .database
        .owner()
        .batch_execute(again)
        .await
        .expect_err("a second welcome");
    assert!(
        format!("{refusal:?}").contains("one_welcome_call_ever"),
        "{refusal:?}"
    );
}
