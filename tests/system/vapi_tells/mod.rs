//! What comes back from Vapi about calls to customers: how they went, whether they were placed at all, and who wants
//! no more of them. Vapi's own record says who was called.

mod bad_input;
mod kills;
mod outages;
mod results;
mod stops;
mod unclear;

use jiff::SignedDuration;
use system_tests::World;

const ANN: &str = "+14035550101";
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A call that somebody is owed. The world's clock shows 11 in the morning where they live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owed {
    Welcome,
    Daily,
}

/// Nobody but these customers is there, and nobody plans anything for them.
async fn add_customer(world: &World, id: &str, phone: &str) {
    let sql = format!(
        "UPDATE calling SET paused = false, at_a_time = 1000;
         INSERT INTO customers (id, name, phone, phone_validated, timezone, payment_status, paid_at)
         VALUES ('{id}', 'Ann Lee', '{phone}', true, 'America/Edmonton', 'Paid', switchboard_now() - interval '1 day');
         UPDATE customers SET next_call_scheduled_at = NULL"
    );
    world.database.sql(&sql).await;
}

/// Owes a customer a call now, and rings for it.
async fn owe(world: &World, id: &str, owed: Owed) {
    let (kind, cause, day, lasts) = match owed {
        Owed::Welcome => ("welcome_call", format!("'{id}'"), "NULL", "3 days"),
        Owed::Daily => (
            "daily_call",
            format!("'{id} ' || (switchboard_now() AT TIME ZONE 'America/Edmonton')::date"),
            "(switchboard_now() AT TIME ZONE 'America/Edmonton')::date",
            "4 hours",
        ),
    };
    let sql = format!(
        "INSERT INTO jobs (kind, cause, customer_id, local_day, origin, caused_at, due_at, expires_at)
         VALUES ('{kind}', {cause}, '{id}', {day}, 'scheduler', switchboard_now(), switchboard_now(),
                 switchboard_now() + interval '{lasts}')"
    );
    world.database.sql(&sql).await;
    world.pass(SignedDuration::from_secs(16)).await;
    world.sweep().await;
}

/// A customer who is owed a call, and the runner that has had its turn.
async fn called(owed: Owed) -> World {
    let world = World::begin().await;
    call(&world, owed).await;
    world
}

async fn call(world: &World, owed: Owed) {
    add_customer(world, "ann", ANN).await;
    owe(world, "ann", owed).await;
    world.run_calls().await;
}

/// Minutes in which the sweeper sweeps and bells are answered.
async fn minutes(world: &World, minutes: usize) {
    for _ in 0..minutes {
        world.pass(MINUTE).await;
        world.sweep().await;
        world.run_calls().await;
        world.run_jobs().await;
    }
}

/// Days of which only the first minutes are lived, and those of every fourth hour.
async fn days(world: &World, days: i64) {
    for _ in 0..days * 6 {
        world.pass(SignedDuration::from_hours(4) - MINUTE * 2).await;
        minutes(world, 2).await;
    }
}

/// How the only job stands: its state, and why.
async fn job(world: &World) -> String {
    let query = "SELECT concat_ws(': ', state, state_reason) FROM jobs WHERE customer_id IS NOT NULL";
    world.database.one(query).await.expect("a job")
}

/// The states of the attempts, in order.
async fn attempts(world: &World) -> String {
    let query = "SELECT coalesce(string_agg(state, ', ' ORDER BY attempt_no), '') FROM attempts WHERE channel = 'call'";
    world.database.one(query).await.expect("a row")
}

/// What became of the only call, and who told.
async fn result(world: &World) -> String {
    let query = "SELECT concat_ws(' ', result, ended_reason, CASE WHEN customer_spoke THEN 'spoke' END, 'by', told_by)
                 FROM call_results";
    world
        .database
        .one(query)
        .await
        .unwrap_or_else(|| "none".to_owned())
}

/// Who is contacted no more, and why.
async fn opt_outs(world: &World) -> String {
    let query = "SELECT string_agg(phone || ' by ' || source, ', ' ORDER BY id) FROM opt_outs WHERE revoked_at IS NULL";
    world
        .database
        .one(query)
        .await
        .unwrap_or_else(|| "nobody".to_owned())
}

/// The requests to place a call that left us, accepted or not.
fn requests(world: &World) -> usize {
    let requests = world.vapi.requests();
    requests.iter().filter(|request| request.is_send()).count()
}

/// Vapi's id of the first call that Ann got.
fn id(world: &World) -> String {
    world.calls_to(ANN).first().expect("a call").id.clone()
}

/// Ann answers, says this, and hangs up.
fn ann_says(world: &World, words: &str) {
    let (id, now) = (id(world), world.vapi.clock().now());
    world.vapi.update_call(&id, |call| {
        call.started_at = Some(now);
        call.say("bot", "Hello! Say stop if you want no more calls.");
        call.say("user", words);
    });
    world.vapi.end_call(&id, "customer-ended-call");
}

/// Vapi reports the end of Ann's call.
async fn report(world: &World) {
    let reply = world.vapi_tells(world.vapi.end_of_call_report(&id(world))).await;
    assert_eq!((reply.status, reply.json()["ok"].as_bool()), (200, Some(true)));
}

/// Vapi tells how far Ann's call has come.
async fn update(world: &World) {
    let reply = world.vapi_tells(world.vapi.status_update(&id(world))).await;
    assert_eq!((reply.status, reply.json()["ok"].as_bool()), (200, Some(true)));
}
