//! A database that is there and does not do what it is asked: it is read-only, locked, full, too busy, or of
//! another version. Callers are connected all the while, nothing is sent on a guess, nothing is forgotten.

mod answers;
mod calls;
mod connections;
mod locks;
mod read_only;
mod schemas;

use std::collections::BTreeSet;
use std::time::Duration;

use local::sandbox::{Fate, Heard, Outcome, Ring, RingReport};
use system_tests::{Cutter, LINE, TestDatabase, World, server};

/// Whoever waits for this database to answer, or for its locks, waits so long at least. The webhook's own limits
/// leave room for a machine that is slow.
const THE_DATABASE_TAKES: Duration = Duration::from_secs(2);

/// A world whose statements can be caught. What is parked is dated by the machine's clock, so its own stands
/// there too. Its line has been rung once, so that its settings are known.
async fn world() -> (World, Cutter) {
    world_with("search_path = public").await
}

/// The same, with a setting of the functions' sessions.
async fn world_with(setting: &str) -> (World, Cutter) {
    let database = TestDatabase::of(server().await).await;
    let name = database.name();
    database
        .sql(&format!(
            "ALTER ROLE switchboard IN DATABASE {name} SET {setting}"
        ))
        .await;
    let cutter = Cutter::before(server().await.port()).await;
    let url = cutter.url_of(&database);
    let world = World::on(database, url).await;
    // What settles a text is its answer alone, or Twilio's list.
    world.twilio.set_fate(Fate::delivered().without_callbacks());
    misses(&world, &caller(0)).await;
    world.run_jobs().await;
    (world, cutter)
}

/// The `number`th person.
fn caller(number: usize) -> String {
    format!("+1403555{number:04}")
}

/// Somebody rings, hears the owner's telephone, and nobody picks up.
async fn misses(world: &World, caller: &str) -> RingReport {
    let ring = Ring::new(caller, LINE, Outcome::NoAnswer).ringing_for(Duration::ZERO);
    let report = world.twilio.ring(ring).await;
    assert_eq!(report.heard, Heard::Ringing, "{caller} is connected");
    let elapsed = report.voice.answer().elapsed;
    assert!(elapsed < THE_DATABASE_TAKES, "{caller}: {elapsed:?}");
    report
}

/// Twilio's record, after everything has had its time: a text each, one request for each, nothing left over.
async fn everybody_gets_one_text(world: &World, callers: usize) {
    world.minutes(22).await;
    for number in 0..=callers {
        let caller = caller(number);
        assert_eq!(world.texts_to(&caller).len(), 1, "{caller}");
    }
    let jobs = "jobs WHERE state <> 'accepted'";
    assert_eq!(world.count(jobs).await, 0, "every job ended as accepted");
    assert_eq!(world.parked().len(), 0);
    assert_eq!(world.quarantined().await, [""; 0]);
    assert_eq!(world.evidence().await, [""; 0]);
    let requests = world.twilio.requests().into_iter();
    let attempts: Vec<_> = requests
        .filter(local::sandbox::ReceivedRequest::is_send)
        .map(|request| request.attempt.expect("none without a permit"))
        .collect();
    let distinct: BTreeSet<_> = attempts.iter().collect();
    assert_eq!(distinct.len(), attempts.len(), "one permit, one request");
}

/// Everybody finds out that their connections are gone, each at the cost of an error.
async fn find_out(world: &World) {
    for function in ["job-sweeper", "missed-call-poller"] {
        let _ = world.try_tick(function).await;
    }
    world.run_jobs().await;
}
