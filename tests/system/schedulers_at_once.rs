//! Many schedulers at once, and by which ways their statement finds its rows.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;
use shared::calls::{self, Due};
use shared::platform::database::Database;
use system_tests::{TestDatabase, World};
use tokio::task::JoinSet;
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
         SELECT 'c' || n, '+' || (14030000000 + n), true, 'UTC', '12:00', 'Paid', '2026-05-01',
                timestamptz '2026-06-11 12:00Z' + CASE WHEN n > {due} THEN interval '1 day' ELSE '0' END
         FROM generate_series(1, {all}) AS n;
         INSERT INTO jobs (kind, cause, customer_id, origin, state, caused_at, due_at, expires_at, ended_at, projected)
         SELECT 'welcome_call', id, id, 'scheduler', 'accepted', paid_at, paid_at, paid_at + interval '3 days', paid_at, true
         FROM customers;
         SET session_replication_role = DEFAULT;
         ANALYZE customers, jobs"
    )
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
            assert!(
                matches!(scheduled.decision, Due::DailyCall(_)),
                "{scheduled:?}"
            );
            taken.push(scheduled.customer);
        }
    }
}

/// `SWITCHBOARD_DUE` has it done with more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_schedulers_at_once_give_everybody_who_is_due_one_job() {
    let due = std::env::var("SWITCHBOARD_DUE").map_or(10_000, |due| due.parse().expect("a number"));
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

#[tokio::test]
async fn a_tick_reads_who_is_due_and_looks_everything_else_up() {
    let database = TestDatabase::new().await;
    database.sql(&people(2_000, 20_000)).await;
    // Statistics that know of nobody due, as in the morning, and those that do, as in an hour of an outage.
    for statistics in ["SELECT", "ANALYZE customers, jobs"] {
        let plan = explain(&database).await;
        let mut parts = Vec::new();
        flatten(&plan["Plan"], &mut parts);
        let names =
            |key: &str| -> BTreeSet<&str> { parts.iter().filter_map(|part| part[key].as_str()).collect() };
        assert_eq!(
            names("Index Name"),
            BTreeSet::from([
                "customers_due",
                "customers_key",
                "one_welcome_call_ever",
                "unique_customer_call_active",
            ])
        );
        let read = parts.iter().filter(|part| part["Node Type"] == "Seq Scan");
        let read: BTreeSet<_> = read.filter_map(|part| part["Relation Name"].as_str()).collect();
        // One row, and none at all.
        assert_eq!(read, BTreeSet::from(["calling", "opt_outs"]));
        assert!(!plan.to_string().contains("hashed SubPlan"), "{plan:#}");
        for part in &parts {
            if part["Node Type"] == "Index Scan" {
                let rows = part["Actual Rows"].as_f64().unwrap_or_default()
                    + part["Rows Removed by Filter"].as_f64().unwrap_or_default();
                assert!(rows <= 100.0, "{part:#}");
            }
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
