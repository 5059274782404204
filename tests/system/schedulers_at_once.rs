//! Many schedulers at once, and by which ways their statement finds its rows.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;
use shared::calls::{self, Due};
use shared::platform::database::Database;
use system_tests::{TestDatabase, World};
use tokio::task::JoinSet;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

const SCHEDULE: &str = include_str!("../../shared/src/calls/sql/schedule_calls.sql");
const SCHEDULERS: usize = 20;

/// Customers of long standing: the first `due` are due at noon UTC, the others a day later. The triggers that would
/// plan each of them stay out of it.
fn people(due: u64, all: u64) -> String {
    format!(
        "SET session_replication_role = replica;
         UPDATE calling SET paused = false, per_tick = 10000;
         UPDATE stopped_clock SET at = '2026-06-11 12:00Z';
         INSERT INTO customers (id, phone, phone_validated, timezone, call_at, payment_status, paid_at, next_call_scheduled_at)
         SELECT 'c' || n, '+' || (14030000000 + n), true, 'Atlantic/Reykjavik', '12:00', 'Paid', '2026-05-01',
                timestamptz '2026-06-11 12:00Z' + CASE WHEN n > {due} THEN interval '1 day' ELSE '0' END
         FROM generate_series(1, {all}) AS n;
         INSERT INTO jobs (kind, cause, customer_id, origin, state, caused_at, due_at, expires_at, ended_at, projected)
         SELECT 'welcome_call', id, id, 'scheduler', 'accepted', paid_at, paid_at, paid_at + interval '3 days', paid_at, true
         FROM customers;
         SET session_replication_role = DEFAULT;
         ANALYZE customers, jobs"
    )
}

/// What a scheduler does in one transaction, for one that is stopped in its midst; how many it decided for.
pub(crate) async fn decide_in(transaction: &Transaction<'_>, limit: i64, created: i64) -> usize {
    let params = [(&limit as _, Type::INT8), (&created as _, Type::INT8)];
    let decided = transaction.query_typed(SCHEDULE, &params).await;
    decided.expect("the product's own statement").len()
}

/// Batch after batch until nobody is due that somebody else does not have.
async fn run(database: Database) -> Vec<String> {
    let connection = database.connection().await.expect("a connection");
    let mut taken = Vec::new();
    loop {
        let batch = calls::schedule(&connection, 100, 0)
            .await
            .expect("no error, no deadlock");
        if batch.is_empty() {
            return taken;
        }
        for scheduled in batch {
            assert!(matches!(scheduled.decision, Due::DailyCall(_)), "{scheduled:?}");
            taken.push(scheduled.customer);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_schedulers_at_once_give_everybody_who_is_due_one_job() {
    let due = 100_000;
    let world = World::begin().await;
    world.database.sql(&people(due, due + 1_000)).await;
    let environment = world.settings.environment().await.expect("settings");
    let mut schedulers = JoinSet::new();
    let began = Instant::now();
    for _ in 0..SCHEDULERS {
        schedulers.spawn(run(environment.database().expect("a pool")));
    }
    let taken: Vec<Vec<String>> = schedulers.join_all().await;
    println!("{due} customers in {:.1} s", began.elapsed().as_secs_f64());
    let busy = taken.iter().filter(|taken| !taken.is_empty()).count();
    assert!(busy > 1, "they did not meet");
    let everybody: BTreeSet<&String> = taken.iter().flatten().collect();
    assert_eq!(
        (everybody.len() as u64, taken.iter().flatten().count() as u64),
        (due, due)
    );
    let jobs = "jobs WHERE kind = 'daily_call' AND state = 'pending'";
    assert_eq!(world.count(jobs).await, due);
    let left = "customers WHERE next_call_scheduled_at <= switchboard_now()";
    assert_eq!(world.count(left).await, 0);
}

/// After a day without a scheduler two of them begin together: the first decides for yesterday, commits, and whoever
/// it decided for is due again, for today. The second began before that and knows nothing of the first one's job.
#[tokio::test]
async fn a_scheduler_that_began_before_another_committed_takes_nobodys_day_away() {
    let world = World::begin().await;
    let database = &world.database;
    database.sql(&people(1, 1)).await;
    database
        .sql("UPDATE stopped_clock SET at = '2026-06-12 13:00Z'")
        .await;
    let mut first = database.as_application().await;
    let transaction = first.transaction().await.expect("a transaction");
    assert_eq!(decide_in(&transaction, 100, 0).await, 1);

    // From here on, who asks for the time waits until we let go, and so has begun and seen nothing yet.
    database
        .sql(
            "CREATE OR REPLACE FUNCTION switchboard_now() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
             BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN (SELECT at FROM public.stopped_clock); END $$;
             SELECT pg_advisory_lock(1)",
        )
        .await;
    let second = world.tick("call-scheduler");
    let meanwhile = async {
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        while database.one(waiting).await.as_deref() == Some("0") {
            tokio::task::yield_now().await;
        }
        transaction.commit().await.expect("a commit");
        database.sql("SELECT pg_advisory_unlock(1)").await;
    };
    let (second, ()) = futures_util::join!(second, meanwhile);
    assert_eq!((&second["daily"], &second["alreadyOwed"]), (&0.into(), &1.into()));

    world.sweep().await;
    assert_eq!(world.tick("call-scheduler").await["daily"], 1);
    let jobs = "SELECT string_agg(concat_ws(' ', local_day, state), ', ' ORDER BY local_day) FROM jobs WHERE kind = 'daily_call'";
    assert_eq!(
        database.one(jobs).await.as_deref(),
        Some("2026-06-11 suppressed, 2026-06-12 pending")
    );
}

#[tokio::test]
async fn a_tick_reads_who_is_due_and_looks_everything_else_up() {
    let database = TestDatabase::new().await;
    database.sql(&people(2_000, 20_000)).await;
    // Statistics that know of nobody due, as in the morning, and those that do, as in an hour of an outage.
    for statistics in ["SELECT", "ANALYZE customers, jobs"] {
        let plan = explain(&database).await;
        let mut parts = Vec::new();
        flatten(&plan["Plan"], &mut parts);
        parts.retain(|part| part["Actual Loops"] != 0);
        let names = |key: &str, of: &[&Value]| -> BTreeSet<String> {
            of.iter()
                .filter_map(|part| part[key].as_str())
                .map(str::to_owned)
                .collect()
        };
        for index in ["customers_due", "customers_key", "unique_customer_call_active"] {
            assert!(names("Index Name", &parts).contains(index), "{index}: {plan:#}");
        }
        let read: Vec<&Value> = parts
            .iter()
            .copied()
            .filter(|part| part["Node Type"] == "Seq Scan")
            .collect();
        let read = names("Relation Name", &read);
        // One row, and none at all.
        assert!(
            read.iter()
                .all(|table| ["calling", "opt_outs"].contains(&table.as_str())),
            "{read:?}"
        );
        assert!(!plan.to_string().contains("hashed SubPlan"), "{plan:#}");
        for part in &parts {
            let number = |key: &str| part[key].as_f64().unwrap_or_default();
            assert!(
                number("Actual Rows") + number("Rows Removed by Filter") <= 100.0,
                "{part:#}"
            );
        }
        database.sql(statistics).await;
    }
}

async fn explain(database: &TestDatabase) -> Value {
    let params = [(&100_i64 as _, Type::INT8), (&0_i64 as _, Type::INT8)];
    let explain = format!("EXPLAIN (ANALYZE, FORMAT JSON) {SCHEDULE}");
    let rows = database
        .owner()
        .query_typed(&explain, &params)
        .await
        .expect("a plan");
    rows[0].get::<_, Value>(0)[0].take()
}

fn flatten<'a>(plan: &'a Value, parts: &mut Vec<&'a Value>) {
    parts.push(plan);
    for part in plan["Plans"].as_array().into_iter().flatten() {
        flatten(part, parts);
    }
}
