//! `ops repair`: finds what the system before left and what does not follow from the ledger; once it is applied there is
//! nothing left to find.

use ops::Subject;
use system_tests::TestDatabase;
use tokio_postgres::Client;

use super::Callees;

async fn connect(database: &TestDatabase) -> Client {
    ops::connect(&database.owner_url().await, None)
        .await
        .expect("the database answers")
}

async fn repair(database: &TestDatabase, apply: bool) -> Vec<String> {
    let found = ops::repair(&mut connect(database).await, apply)
        .await
        .expect("a look");
    found
        .iter()
        .map(|repair| format!("{}: {}", repair.subject.name(), repair.line))
        .collect()
}

/// A database of the system before us, brought up to date.
async fn migrated() -> TestDatabase {
    let database = TestDatabase::with_running_clock().await;
    database
        .sql(
            "DROP OWNED BY switchboard_app; DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC;
             CREATE TABLE customers (id text PRIMARY KEY, name text, phone text, timezone text, payment_status text,
               phone_validated boolean, call_status text, welcome_call_completed boolean, last_call_date date,
               next_call_scheduled_at timestamp, created_at timestamp DEFAULT now());
             INSERT INTO customers VALUES
               ('theo', 'Theo', '+14035550001', 'Eastern', 'Paid', true, NULL, false, NULL, '2026-01-02 15:00'),
               ('mars', 'Mar', '+14035550002', 'Mars/Phobos', 'Paid', true, NULL, true, '2026-01-01', '2026-01-02 15:00');
             CREATE TYPE queue_status AS ENUM ('pending', 'retrying', 'completed', 'failed');
             CREATE TABLE call_queue (id serial PRIMARY KEY, customer_id text REFERENCES customers, call_type text,
               status queue_status, created_at timestamp);
             INSERT INTO call_queue (customer_id, call_type, status, created_at) VALUES
               ('theo', 'welcome', 'pending', '2026-01-02'), ('theo', 'welcome', 'retrying', '2026-01-01'),
               ('theo', 'welcome', 'pending', NULL), ('theo', 'welcome', 'completed', '2025-12-31'),
               ('theo', 'welcome', 'failed', '2025-12-30'), ('theo', 'daily', 'pending', '2026-01-01'),
               ('mars', 'daily', 'pending', '2026-01-01')",
        )
        .await;
    ops::migrate(&database.owner_url().await, None)
        .await
        .expect("the migrations apply");
    database
}

#[tokio::test]
async fn what_the_old_system_left_is_put_right_once_and_nothing_is_deleted() {
    let database = migrated().await;
    let queue = "SELECT string_agg(concat_ws(' ', id, status), ', ' ORDER BY id) FROM legacy_call_queue";
    let before = database.one(queue).await;
    let expected = [
        "duplicates in legacy_call_queue: row 1 (theo, welcome): duplicate of row 2, the oldest → failed",
        "duplicates in legacy_call_queue: row 3 (theo, welcome): duplicate of row 2, the oldest → failed",
        "time zones that can be read: theo: “Eastern” → America/New_York",
    ];
    assert_eq!(repair(&database, false).await, expected);
    assert_eq!(database.one(queue).await, before, "a dry run changes nothing");
    assert_eq!(
        database
            .one("SELECT timezone FROM customers WHERE id = 'theo'")
            .await,
        None
    );

    assert_eq!(repair(&database, true).await, expected);
    assert_eq!(
        database.one(queue).await.as_deref(),
        Some("1 failed, 2 retrying, 3 failed, 4 completed, 5 failed, 6 pending, 7 pending")
    );
    let kept = "SELECT string_agg(concat_ws(' ', id, duplicate_of), ', ' ORDER BY id) FROM legacy_call_queue WHERE duplicate_of IS NOT NULL";
    assert_eq!(database.one(kept).await.as_deref(), Some("1 2, 3 2"));
    let planned =
        "SELECT timezone || ' ' || (next_call_scheduled_at > now()) FROM customers WHERE id = 'theo'";
    assert_eq!(
        database.one(planned).await.as_deref(),
        Some("America/New_York true")
    );
    for apply in [false, true] {
        assert_eq!(repair(&database, apply).await, [""; 0], "the second time");
    }
}

#[tokio::test]
async fn rows_that_do_not_follow_from_the_ledger_are_made_to() {
    let callees = Callees::new().await;
    for (number, id) in [
        "welcomed",
        "called",
        "refunded",
        "unplanned",
        "overplanned",
        "passed_over",
    ]
    .into_iter()
    .enumerate()
    {
        callees.customer(id, u32::try_from(number).expect("small")).await;
    }
    callees
        .sql("UPDATE calling SET welcome_since = '2026-01-01 00:00+00'")
        .await;
    callees
        .sql("UPDATE customers SET next_call_scheduled_at = plan_of(customers) WHERE id = 'welcomed'")
        .await;
    assert_eq!(callees.schedule().await, ["welcomed: welcome_call"]);
    let welcome = callees.grant("welcomed").await.expect("allowed");
    callees.accepted(welcome).await;
    callees
        .sql("UPDATE calling SET welcome_since = '2026-06-01 00:00+00'")
        .await;
    callees.at("2026-06-10 14:00+00").await;
    callees.schedule().await;
    let call = callees.grant("called").await.expect("allowed");
    callees.accepted(call).await;
    for id in ["refunded", "unplanned", "overplanned", "passed_over"] {
        callees.suppress(id, "expired").await;
    }
    callees
        .payment("refunded", "refunded", "2026-06-10 14:00+00")
        .await;
    assert_eq!(
        repair(&callees.database, false).await,
        [""; 0],
        "all of it follows"
    );

    // What the runner has not written down yet is not wrong yet.
    callees
        .sql("UPDATE customers SET last_call_date = '2026-06-01' WHERE id = 'called'")
        .await;
    assert_eq!(repair(&callees.database, false).await, [""; 0]);
    callees.at("2026-06-10 15:00+00").await;
    callees
        .sql(
            "UPDATE customers SET welcome_call_completed = false WHERE id = 'welcomed';
             UPDATE customers SET payment_status = 'Paid' WHERE id = 'refunded';
             UPDATE customers SET next_call_scheduled_at = NULL WHERE id = 'unplanned';
             UPDATE customers SET call_status = 'disabled' WHERE id = 'overplanned';
             UPDATE customers SET next_call_scheduled_at = '2026-06-11 14:00+00' WHERE id = 'overplanned';
             UPDATE customers SET next_call_scheduled_at = '2026-07-01 14:00+00' WHERE id = 'passed_over'",
        )
        .await;
    let expected = [
        "payment_status: refunded: Paid (first paid 2026-05-01) → Refunded (first paid 2026-05-01)",
        "welcome_call_completed: welcomed: false → true",
        "last_call_date: called: 2026-06-01 → 2026-06-10",
        "next_call_scheduled_at: overplanned: 2026-06-11T14:00:00Z → none",
        "next_call_scheduled_at: passed_over: 2026-07-01T14:00:00Z → 2026-06-11T14:00:00Z",
        "next_call_scheduled_at: unplanned: none → 2026-06-11T14:00:00Z",
    ];
    assert_eq!(repair(&callees.database, false).await, expected);
    assert_eq!(repair(&callees.database, true).await, expected);
    for apply in [false, true] {
        assert_eq!(repair(&callees.database, apply).await, [""; 0], "the second time");
    }
}

#[tokio::test]
async fn what_might_call_somebody_twice_is_left_to_a_person() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    callees
        .sql("UPDATE customers SET welcome_call_completed = true, last_call_date = '2026-06-10' WHERE id = 'cust_42'")
        .await;
    let row = callees.one("SELECT customers::text FROM customers").await;
    let found = repair(&callees.database, true).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found
            .iter()
            .all(|line| line.starts_with(Subject::Contradictions.name())),
        "{found:?}"
    );
    assert_eq!(callees.one("SELECT customers::text FROM customers").await, row);
}

/// What is wrong was looked up before the refund was committed, and is put right after.
#[tokio::test]
async fn a_refund_that_is_committed_during_a_repair_is_not_overwritten() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    callees
        .sql("UPDATE customers SET payment_status = 'Unpaid' WHERE id = 'cust_42'")
        .await;
    let refunds = callees.database.as_application().await;
    refunds
        .batch_execute(
            "BEGIN;
             INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id)
             VALUES ('shop', 'back', 'Refunded', '2026-06-10 12:00+00', 'refunded', '{order of cust_42}', 'cust_42')",
        )
        .await
        .expect("a refund");
    let commit = async {
        while callees.one(super::switches::WAITING).await != "1" {
            tokio::task::yield_now().await;
        }
        refunds.batch_execute("COMMIT").await.expect("a commit");
    };
    tokio::join!(repair(&callees.database, true), commit);
    assert_eq!(
        callees.one("SELECT payment_status FROM customers").await,
        "Refunded"
    );
}
