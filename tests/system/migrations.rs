//! What an operator can rely on: `migrate` twice or at once, over an old table, and `verify` that notices.

use system_tests::{CALLER, LINE, TestDatabase, World};

async fn migrate(database: &TestDatabase) -> Vec<String> {
    ops::migrate(&database.owner_url().await, None)
        .await
        .expect("the migrations apply")
}

/// What `verify` finds wrong.
async fn problems(database: &TestDatabase) -> Vec<String> {
    let findings = ops::verify(database.owner())
        .await
        .expect("a database to look at");
    assert!(findings.len() > 100, "{}", findings.len());
    let problems = findings
        .into_iter()
        .filter_map(|finding| Some((finding.subject, finding.problem?)));
    problems
        .map(|(subject, problem)| format!("{subject}: {problem}"))
        .collect()
}

#[tokio::test]
async fn the_second_time_there_is_nothing_to_do() {
    let database = TestDatabase::empty().await;
    assert!(!migrate(&database).await.is_empty());
    let schema = ops::catalog(database.owner()).await.expect("a schema");
    assert_eq!(migrate(&database).await, [""; 0]);
    assert_eq!(ops::catalog(database.owner()).await.expect("a schema"), schema);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_at_once_do_what_one_does() {
    let database = TestDatabase::empty().await;
    let (one, two, three, four) = futures_util::join!(
        migrate(&database),
        migrate(&database),
        migrate(&database),
        migrate(&database)
    );
    let mut applied = [one.len(), two.len(), three.len(), four.len()];
    applied.sort_unstable();
    assert_eq!(applied[..3], [0, 0, 0]);
    assert!(applied[3] > 0);
    assert_eq!(problems(&database).await, [""; 0]);
}

#[tokio::test]
async fn the_old_systems_calls_are_kept_adopted_once_and_never_texted_again() {
    let database = TestDatabase::empty().await;
    let handled = "CA00000000000000000000000000000001";
    database
        .sql(&format!(
            "CREATE TABLE active_calls (call_sid text, received_at timestamp, processed boolean, processed_at timestamp);
             CREATE INDEX active_calls_processed ON active_calls (processed);
             INSERT INTO active_calls VALUES
               ('{handled}', '2026-06-09 10:00', true, '2026-06-09 10:01'),
               ('{handled}', '2026-06-09 10:00', true, '2026-06-09 10:02'),
               ('{handled}', '2026-06-09 10:05', false, NULL),
               ('CA00000000000000000000000000000002', NULL, true, NULL),
               ('CA00000000000000000000000000000003', '2026-06-09 10:00', false, NULL),
               ('CA00000000000000000000000000000004', '2026-06-09 10:00', NULL, NULL),
               ('not a call', '2026-06-09 10:00', true, NULL),
               (NULL, NULL, true, NULL), (NULL, NULL, NULL, NULL)"
        ))
        .await;
    migrate(&database).await;
    let one = async |query: &str| database.one(query).await.unwrap_or_default();
    assert_eq!(
        one("SELECT count(*) FROM legacy_active_calls").await,
        "9",
        "every row is kept"
    );
    let adopted = "SELECT string_agg(concat_ws(' ', right(call_sid, 1), outcome, decided_by, processed), ', ' ORDER BY call_sid) FROM active_calls";
    assert_eq!(
        one(adopted).await,
        "1 handled_before legacy t, 2 handled_before legacy t"
    );
    let received =
        format!("SELECT received_at AT TIME ZONE 'UTC' FROM active_calls WHERE call_sid = '{handled}'");
    assert_eq!(one(&received).await, "2026-06-09 10:00:00");
    assert_eq!(
        problems(&database).await,
        [""; 0],
        "an adopted database is like any other"
    );
    assert_eq!(migrate(&database).await, [""; 0]);

    let url = database.application_url().await;
    let world = World::on(database, url).await;
    let missed = [
        ("CallSid", handled),
        ("From", CALLER),
        ("To", LINE),
        ("DialCallStatus", "no-answer"),
    ];
    assert_eq!(world.twilio.post_dial_result(&missed).await.answer().status, 200);
    let over = [
        ("CallSid", handled),
        ("From", CALLER),
        ("To", LINE),
        ("CallStatus", "no-answer"),
    ];
    assert_eq!(world.twilio.post_call_status(&over).await.answer().status, 204);
    world.poll().await;
    world.run_jobs().await;
    assert_eq!((world.count("jobs").await, world.sends()), (0, 0));
}

#[tokio::test]
async fn a_fresh_database_is_what_the_code_was_written_for() {
    let database = TestDatabase::with_running_clock().await;
    assert_eq!(problems(&database).await, [""; 0]);
}

#[tokio::test]
async fn whatever_is_missing_or_different_is_named() {
    let cases = [
        ("ALTER TABLE active_calls DROP COLUMN checked_at", "active_calls.checked_at: MISSING"),
        ("ALTER TABLE lines ALTER COLUMN ring_seconds TYPE integer", "lines.ring_seconds: DIFFERS"),
        ("ALTER TABLE jobs ALTER COLUMN origin DROP NOT NULL", "jobs.origin: DIFFERS"),
        ("DROP INDEX at_most_one_possible_attempt", "index at_most_one_possible_attempt: MISSING"),
        ("ALTER TABLE attempts DROP CONSTRAINT one_text_per_cool_down", "constraint attempts.one_text_per_cool_down: MISSING"),
        ("ALTER TABLE jobs DROP CONSTRAINT one_job_per_cause", "constraint jobs.one_job_per_cause: MISSING"),
        ("ALTER DOMAIN phone DROP CONSTRAINT phone_is_e164", "constraint phone.phone_is_e164: MISSING"),
        ("DROP TRIGGER guard_attempt ON attempts", "trigger attempts.guard_attempt: MISSING"),
        ("ALTER TABLE jobs DISABLE TRIGGER guard_job", "trigger jobs.guard_job: MISSING"),
        (
            "CREATE OR REPLACE FUNCTION switchboard_now() RETURNS timestamptz LANGUAGE sql STABLE
               AS $$SELECT '2026-01-01'::timestamptz$$",
            "function switchboard_now: DIFFERS",
        ),
        ("GRANT EXECUTE ON FUNCTION guard_attempt() TO PUBLIC", "execute guard_attempt: DIFFERS"),
        ("GRANT DELETE ON jobs TO switchboard_app", "grant jobs: DIFFERS"),
        ("GRANT UPDATE (recipient) ON jobs TO switchboard_app", "grant jobs.recipient: DIFFERS"),
        ("REVOKE SELECT ON lines FROM switchboard_app", "grant lines: MISSING"),
        (
            "ALTER TABLE deliveries DROP CONSTRAINT deliveries_channel_fkey;
             ALTER TABLE deliveries ADD CONSTRAINT deliveries_channel_fkey FOREIGN KEY (channel) REFERENCES channels NOT VALID",
            "foreign key deliveries_channel_fkey without orphans: NOT VALIDATED",
        ),
        (
            "SET session_replication_role = replica;
             INSERT INTO deliveries (channel, provider_id, status) VALUES ('pigeon', 'P1', 'sent');
             SET session_replication_role = DEFAULT",
            "foreign key deliveries_channel_fkey without orphans: 1 ORPHANS",
        ),
    ];
    for (damage, expected) in cases {
        let database = TestDatabase::with_running_clock().await;
        database.sql(damage).await;
        let problems = problems(&database).await;
        assert!(
            problems.iter().any(|problem| problem.starts_with(expected)),
            "{damage}: {problems:?}"
        );
    }
}

#[tokio::test]
async fn the_committed_schema_is_the_one_that_the_migrations_make() {
    let database = TestDatabase::with_running_clock().await;
    let made = ops::catalog(database.owner()).await.expect("a schema");
    let committed: Vec<_> = ops::expected_catalog().collect();
    if made != committed {
        let fresh = std::env::temp_dir().join("schema.txt");
        std::fs::write(&fresh, made.join("\n") + "\n").expect("a temporary file");
        panic!(
            "infra/ops/src/schema.txt is not what the migrations make: cp {} infra/ops/src/schema.txt, and read the difference",
            fresh.display()
        );
    }
}

/// What the old table says is kept where it says something; who was not scheduled there is not called here.
#[tokio::test]
async fn who_is_adopted_is_called_as_they_were_and_nobody_else_is() {
    let database = TestDatabase::empty().await;
    let long = "x".repeat(41);
    database
        .sql(&format!(
            "CREATE TABLE customers (id text, name text, phone text, timezone text, payment_status text,
               phone_validated boolean, call_status text, welcome_call_completed boolean, last_call_date date,
               next_call_scheduled_at timestamp, created_at timestamp);
             INSERT INTO customers VALUES
               ('evening', 'A', '+14035550001', 'America/Edmonton', 'Paid', true, 'enabled', true, NULL, '2026-06-11 00:30', '2026-01-01 12:00'),
               ('night', 'B', '+14035550002', 'America/Edmonton', 'paid', true, NULL, true, NULL, '2026-06-11 08:00', '2026-01-01 12:00'),
               ('late', 'C', '+14035550003', 'America/Edmonton', 'Paid', true, 'ENABLED', true, NULL, '2026-06-11 05:00', '2026-01-01 12:00'),
               ('nobody_planned', 'D', '+14035550004', 'America/Edmonton', 'Paid', true, 'enabled', true, NULL, NULL, '2026-01-01 12:00'),
               ('shouted', 'E', '+14035550005', 'America/Edmonton', 'Paid', true, 'Disabled', true, NULL, '2026-06-11 16:00', '2026-01-01 12:00'),
               ('paused', 'F', '+14035550006', 'America/Edmonton', 'Paid', true, 'paused', true, NULL, '2026-06-11 16:00', '2026-01-01 12:00'),
               ('nowhere', 'G', '+14035550007', 'UTC', 'Paid', true, 'enabled', true, NULL, '2026-06-11 16:00', '2026-01-01 12:00'),
               ('{long}', 'H', '+14035550008', 'America/Edmonton', 'Paid', true, 'enabled', true, NULL, '2026-06-11 16:00', '2026-01-01 12:00'),
               ('a blank', 'I', '+14035550009', 'America/Edmonton', 'Paid', true, 'enabled', true, NULL, '2026-06-11 16:00', '2026-01-01 12:00');
             ALTER DATABASE CURRENT_DATABASE_NAME SET timezone = 'America/Edmonton'"
        ).replace("ALTER DATABASE CURRENT_DATABASE_NAME SET timezone = 'America/Edmonton'",
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = %L', current_database(), 'America/Edmonton'); END $$"))
        .await;
    migrate(&database).await;
    let adopted = "SELECT string_agg(concat_ws(' ', id, payment_status, call_status, coalesce(timezone, '?'), call_at,
                          CASE WHEN next_call_scheduled_at IS NULL THEN 'no plan' END), ', ' ORDER BY phone) FROM customers";
    assert_eq!(
        database.one(adopted).await.unwrap_or_default(),
        "evening Paid enabled America/Edmonton 18:30:00, night Paid enabled America/Edmonton 08:00:00, \
         late Paid enabled America/Edmonton 20:30:00, nobody_planned Paid disabled America/Edmonton 10:00:00 no plan, \
         shouted Paid disabled America/Edmonton 10:00:00 no plan, paused Paid disabled America/Edmonton 10:00:00 no plan, \
         nowhere Paid enabled ? 10:00:00 no plan"
    );
    let since = "SELECT DISTINCT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM customers";
    assert_eq!(database.one(since).await.as_deref(), Some("2026-01-01 12:00"));
    let left_out = "SELECT string_agg(right(id, 7), ', ' ORDER BY id) FROM customers_left_out";
    assert_eq!(
        database.one(left_out).await.as_deref(),
        Some("a blank, planned, xxxxxxx"),
        "who is left out is named"
    );
    let found = ops::repair(
        &mut ops::connect(&database.owner_url().await, None)
            .await
            .expect("the database answers"),
        false,
    )
    .await
    .expect("a look");
    let left_out = found
        .iter()
        .filter(|found| found.line.contains("was left out"))
        .count();
    assert_eq!(left_out, 2, "{found:?}");
}
