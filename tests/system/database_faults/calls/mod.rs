//! The same for calls to customers, where they differ from texts: nobody is called on a guess, nobody who is due is
//! passed over, and what is told of payments and of calls waits in its order.

mod answers;
mod locks;
mod schedules;
mod schemas;

use std::collections::BTreeSet;

use jiff::SignedDuration;
use system_tests::{Cutter, TestDatabase, World, server};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// A world with this many customers who are due in a minute, and whose statements can be caught.
async fn world(customers: usize) -> (World, Cutter) {
    world_with("search_path = public", customers).await
}

/// The same, with a setting of the functions' sessions.
async fn world_with(setting: &str, customers: usize) -> (World, Cutter) {
    let database = TestDatabase::new().await;
    let name = database.name();
    database
        .sql(&format!(
            "ALTER ROLE switchboard IN DATABASE {name} SET {setting};
             UPDATE calling SET paused = false, at_a_time = 1000, per_tick = 1000, welcome_since = '2026-06-01'"
        ))
        .await;
    let cutter = Cutter::before(server().await.port()).await;
    let url = cutter.url_of(&database);
    let world = World::on(database, url).await;
    for number in 0..customers {
        add_customer(&world, number).await;
    }
    // Whoever connects has done so.
    world.tick("call-scheduler").await;
    (world, cutter)
}

/// The `number`th one, of long standing, who is due in a minute.
async fn add_customer(world: &World, number: usize) {
    let (id, phone) = (id(number), phone(number));
    let sql = format!(
        "INSERT INTO customers (id, name, phone, phone_validated, timezone, call_at, payment_status, paid_at, welcome_call_completed)
         VALUES ('{id}', 'Ann Lee', '{phone}', true, 'America/Edmonton',
                 ((switchboard_now() + interval '1 minute') AT TIME ZONE 'America/Edmonton')::time, 'Paid', '2026-05-01', true)"
    );
    world.database.sql(&sql).await;
}

fn id(number: usize) -> String {
    format!("cust_{number}")
}

fn phone(number: usize) -> String {
    format!("+1403556{number:04}")
}

/// A minute in which everybody has a turn, whatever comes of it.
async fn minute(world: &World) {
    world.pass(MINUTE).await;
    let _ = world.try_tick("call-scheduler").await;
    let _ = world.try_tick("job-sweeper").await;
    world.run_calls().await;
}

async fn minutes(world: &World, minutes: usize) {
    for _ in 0..minutes {
        minute(world).await;
    }
}

/// Vapi's record, after everything has had its time: a call each, one request for each, nothing left over.
async fn everybody_is_called_once(world: &World, customers: usize) {
    minutes(world, 24).await;
    for number in 0..customers {
        assert_eq!(world.calls_to(&phone(number)).len(), 1, "{}", id(number));
    }
    let left = "jobs WHERE state <> 'accepted' OR NOT projected";
    assert_eq!(world.count(left).await, 0, "every job ended as accepted");
    assert_eq!(world.parked().len(), 0);
    assert_eq!(world.quarantined().await, [""; 0]);
    assert_eq!(world.evidence().await, [""; 0]);
    let requests = world.vapi.requests().into_iter();
    let asked: Vec<_> = requests
        .filter(local::sandbox_vapi::ReceivedRequest::is_send)
        .map(|request| request.body["name"].as_str().expect("a permit").to_owned())
        .collect();
    let distinct: BTreeSet<_> = asked.iter().collect();
    assert_eq!(distinct.len(), asked.len(), "one permit, one request");
}
