//! Somebody else holds what a statement needs: a migration, an operator, a forgotten session.

use std::time::Duration;

use jiff::SignedDuration;
use local::postgres::connect;
use system_tests::World;
use tokio_postgres::Client;

use super::{caller, everybody_gets_one_text, misses, world, world_with};

/// A session that has done `statement` and not ended its transaction.
pub(super) async fn holding(world: &World, statement: &str) -> Client {
    let session = connect(&world.database.owner_url().await)
        .await
        .expect("the database answers");
    session
        .batch_execute(&format!("BEGIN; {statement}"))
        .await
        .expect("a lock");
    session
}

pub(super) async fn let_go(session: Client) {
    session.batch_execute("ROLLBACK").await.expect("its end");
}

/// Until this many sessions wait for a lock.
pub(super) async fn waiting(world: &World, count: u64) {
    let waiting = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
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
async fn callers_do_not_wait_for_a_locked_table() {
    // As `infra/README.md` has an operator set it.
    let (world, _cutter) = world_with("lock_timeout = '2s'").await;
    let session = holding(&world, "LOCK TABLE active_calls").await;
    // More of them at once than a function has connections.
    let callers: Vec<String> = (1..=4).map(caller).collect();
    let rings = callers.iter().map(|caller| misses(&world, caller));
    futures_util::future::join_all(rings).await;
    assert_eq!(world.parked().len(), 12, "three events a call");
    let_go(session).await;
    world.minutes(4).await;
    for caller in &callers {
        assert_eq!(world.texts_to(caller).len(), 1, "{caller}");
    }
    everybody_gets_one_text(&world, 4).await;
}

#[tokio::test]
async fn a_grant_that_waits_too_long_for_its_job_is_not_given() {
    let (world, _cutter) = world_with("lock_timeout = '500ms'").await;
    misses(&world, &caller(1)).await;
    let session = holding(&world, "SELECT FROM jobs FOR UPDATE").await;
    world.run_jobs().await;
    assert_eq!(world.texts_to(&caller(1)).len(), 0);
    assert_eq!(world.count("attempts").await, 1, "the first caller's");
    // Meanwhile the sweeper passes by what it cannot have.
    world.pass(SignedDuration::from_mins(1)).await;
    assert_eq!(world.sweep().await["rung"], 0);
    let_go(session).await;
    world.minutes(1).await;
    assert_eq!(world.texts_to(&caller(1)).len(), 1);
    everybody_gets_one_text(&world, 1).await;
}

/// Without a time-out of the server's own, it carries out what nobody waits for any more.
#[tokio::test]
async fn a_grant_that_comes_after_its_runner_gave_up_is_never_used() {
    let (world, _cutter) = world().await;
    misses(&world, &caller(1)).await;
    let session = holding(&world, "SELECT FROM jobs FOR UPDATE").await;
    world.run_jobs().await;
    assert_eq!(world.texts_to(&caller(1)).len(), 0);
    let_go(session).await;
    let committed = async {
        while world.count("attempts").await < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), committed)
        .await
        .expect("the grant is committed after all");
    world.minutes(10).await;
    assert_eq!(world.texts_to(&caller(1)).len(), 0, "not proven absent yet");
    everybody_gets_one_text(&world, 1).await;
    let attempts = "SELECT string_agg(state, ', ' ORDER BY granted_at) FROM attempts";
    let attempts = world.database.one(attempts).await;
    assert_eq!(attempts.as_deref(), Some("accepted, absent, accepted"));
}

/// The real thing: two sessions wait for each other, and ours is the one that the server gives up.
#[tokio::test]
async fn settling_that_loses_a_deadlock_is_done_again() {
    let (world, mut cutter) = world().await;
    let call = misses(&world, &caller(1)).await.call;
    cutter.catch("settle_accepted");
    let deadlock = async {
        let mut settling = cutter.caught().await;
        let other = holding(
            &world,
            "SET LOCAL deadlock_timeout = '1min'; SELECT FROM jobs WHERE state = 'in_flight' FOR UPDATE",
        )
        .await;
        settling.send(usize::MAX).await;
        waiting(&world, 1).await;
        let waits = async {
            let attempt = "UPDATE attempts SET reads = reads WHERE state = 'sending'";
            other
                .batch_execute(attempt)
                .await
                .expect("the other one gave way");
            let_go(other).await;
        };
        let lost = async {
            let answer = settling.answer().await;
            let said = String::from_utf8_lossy(&answer);
            assert!(said.contains("C40P01"), "{said}");
            settling.tell(&answer).await;
            settling.go_on();
        };
        futures_util::join!(waits, lost);
    };
    futures_util::join!(world.run_jobs(), deadlock);
    assert_eq!(world.job_of(&call).await, "accepted");
    everybody_gets_one_text(&world, 1).await;
}

/// The real thing again: under a stricter isolation a row that changed in between cannot be changed.
#[tokio::test]
async fn a_grant_whose_job_changed_meanwhile_is_tried_again() {
    let (world, mut cutter) = world_with("default_transaction_isolation = 'repeatable read'").await;
    misses(&world, &caller(1)).await;
    cutter.catch("grant");
    let change = async {
        let mut granting = cutter.caught().await;
        let other = holding(
            &world,
            "UPDATE jobs SET rings = rings + 1 WHERE state = 'pending'",
        )
        .await;
        granting.send(usize::MAX).await;
        waiting(&world, 1).await;
        other.batch_execute("COMMIT").await.expect("its end");
        let answer = granting.answer().await;
        let said = String::from_utf8_lossy(&answer);
        assert!(said.contains("C40001"), "{said}");
        granting.tell(&answer).await;
        granting.go_on();
    };
    futures_util::join!(world.run_jobs(), change);
    assert_eq!(world.texts_to(&caller(1)).len(), 0);
    assert_eq!(world.count("attempts").await, 1, "the first caller's");
    world.minutes(1).await;
    assert_eq!(world.texts_to(&caller(1)).len(), 1);
    everybody_gets_one_text(&world, 1).await;
}
