//! What went wrong in the system before, as tests of those names.

use system_tests::{TestDatabase, World};

use super::{NEW_YORK, Shop};
use crate::schedulers_at_once::decide_in;

/// 06:00:00 and 06:00:05: the second begins while the first has chosen and not yet committed.
#[tokio::test]
async fn scenario_b_overlapping_schedulers() {
    for first_commits in [true, false] {
        let shop = Shop::open().await;
        for (id, zone) in [("ann", NEW_YORK), ("bob", NEW_YORK)] {
            shop.old_customer(id, zone, "10:00").await;
        }
        shop.at("2026-06-11 14:00:00Z").await;
        let mut first = shop.world.database.as_application().await;
        let transaction = first.transaction().await.expect("a transaction");
        assert_eq!(decide_in(&transaction, 1, 0).await, 1);

        let second = shop.tick_at("2026-06-11 14:00:05Z").await;
        assert_eq!(
            second["daily"], 1,
            "it waits for nobody, and takes whom nobody has"
        );
        if first_commits {
            transaction.commit().await.expect("a commit");
        } else {
            transaction.rollback().await.expect("a rollback");
        }
        let third = shop.tick().await;
        assert_eq!(third["daily"], u8::from(!first_commits), "whom the first let go");
        for id in ["ann", "bob"] {
            assert_eq!(shop.calls_of(id).await, "daily_call 2026-06-11 pending");
        }
    }
}

/// A server may forget the name of a place: it moves to a package that nobody has installed.
#[tokio::test]
async fn one_broken_row_stops_nobody_elses_calls() {
    for broken in [
        "timezone = 'Europe/Gone'",
        "next_call_scheduled_at = '-infinity'",
        "next_call_scheduled_at = '-infinity', timezone = 'Europe/Gone'",
    ] {
        let shop = Shop::open().await;
        for id in ["ann", "bob", "cy"] {
            shop.old_customer(id, NEW_YORK, "10:00").await;
        }
        shop.sql(&format!(
            "ALTER TABLE customers DROP CONSTRAINT timezone_is_a_place;
             ALTER TABLE customers DROP CONSTRAINT IF EXISTS plan_is_a_moment;
             SET session_replication_role = replica;
             UPDATE customers SET {broken} WHERE id = 'bob';
             SET session_replication_role = DEFAULT"
        ))
        .await;
        for _ in 0..2 {
            shop.tick_at("2026-06-11 14:00Z").await;
        }
        for id in ["ann", "cy"] {
            assert_eq!(
                shop.calls_of(id).await,
                "daily_call 2026-06-11 pending",
                "{broken}"
            );
        }
        assert_eq!(shop.calls_of("bob").await, "", "{broken}");
    }
}

/// Their job was there when the server forgot their clock.
#[tokio::test]
async fn whose_clock_the_server_has_forgotten_is_not_called_and_told_of() {
    let shop = Shop::open().await;
    shop.old_customer("bob", NEW_YORK, "10:00").await;
    shop.tick_at("2026-06-11 14:00Z").await;
    shop.sql(
        "ALTER TABLE customers DROP CONSTRAINT timezone_is_a_place;
         UPDATE customers SET timezone = 'Europe/Gone'",
    )
    .await;
    assert_eq!(shop.plan_of("bob").await, "", "nothing can be planned");
    shop.world.sweep().await;
    shop.world.run_calls().await;
    assert_eq!(
        shop.calls_of("bob").await,
        "daily_call 2026-06-11 suppressed timezone_unknown"
    );
    let mut owner = ops::connect(&shop.world.database.owner_url().await, None)
        .await
        .expect("the database answers");
    let found = ops::repair(&mut owner, false).await.expect("a look");
    assert!(
        found.iter().any(|found| found.line.contains("Europe/Gone")),
        "{found:?}"
    );
}

/// Theo stood in the old queue four times, and was called four times.
#[tokio::test]
async fn scenario_d_theo_four_stale_rows_one_call() {
    let database = TestDatabase::empty().await;
    database
        .sql(
            "CREATE TABLE customers (id text PRIMARY KEY, name text, phone text, timezone text, welcome_call_completed boolean,
               payment_status text, phone_validated boolean, call_status text, created_at timestamptz,
               next_call_scheduled_at timestamptz, last_call_date date, updated_at timestamptz);
             INSERT INTO customers VALUES ('theo', 'Theo', '+14035550001', 'America/Edmonton', false, 'Paid', true, NULL,
               '2026-06-09 17:00Z', '2026-06-10 16:00Z', NULL, NULL);
             CREATE TABLE call_queue (id bigint PRIMARY KEY, customer_id text, call_type text, status text, created_at timestamptz);
             INSERT INTO call_queue VALUES (1, 'theo', 'welcome', 'pending', '2026-06-09 17:20Z'),
               (2, 'theo', 'welcome', 'retrying', '2026-06-09 17:35Z'), (3, 'theo', 'welcome', 'pending', '2026-06-09 17:50Z'),
               (4, 'theo', 'daily', 'pending', '2026-06-10 16:00Z')",
        )
        .await;
    ops::migrate(&database.owner_url().await, None)
        .await
        .expect("the migrations apply");
    database.stop_clock().await;
    let url = database.application_url().await;
    let shop = Shop::of(World::on(database, url).await);
    shop.tick_at("2026-06-20 16:00Z").await;
    assert_eq!(shop.calls_of("theo").await, "", "until somebody says so");
    // It was he who should have been welcomed.
    shop.sql("UPDATE calling SET paused = false, welcome_since = '2026-06-01'")
        .await;
    shop.sql("UPDATE customers SET call_at = '11:00'").await;
    for moment in ["17:00", "17:00:05", "17:15", "17:30"] {
        shop.tick_at(&format!("2026-06-21 {moment}Z")).await;
    }
    assert_eq!(shop.calls_of("theo").await, "welcome_call pending");
    assert_eq!(shop.world.sqs.messages("calls.fifo").len(), 1);
    assert_eq!(
        shop.one("SELECT count(*) FROM legacy_call_queue").await,
        "4",
        "kept, and read by nobody"
    );
    assert_eq!(shop.one("SELECT count(*) FROM call_queue").await, "1");

    let stale = |kind: &str, cause: &str, day: &str| {
        format!(
            "INSERT INTO jobs (kind, cause, customer_id, local_day, origin, caused_at, due_at, expires_at)
             VALUES ('{kind}', '{cause}', 'theo', {day}, 'scheduler', switchboard_now(), switchboard_now(),
                     switchboard_now() + interval '1 hour')"
        )
    };
    let refusal = async |insert: String| -> String {
        let application = shop.world.database.as_application().await;
        let error = application
            .batch_execute(&insert)
            .await
            .expect_err("a second one");
        error
            .as_db_error()
            .and_then(|error| error.constraint())
            .unwrap_or_default()
            .to_owned()
    };
    let today = "'2026-06-21'";
    assert_eq!(
        refusal(stale("welcome_call", "theo", "NULL")).await,
        "one_job_per_cause"
    );
    assert_eq!(
        refusal(stale("welcome_call", "again", "NULL")).await,
        "one_welcome_call_ever"
    );
    assert_eq!(
        refusal(stale("daily_call", "theo", today)).await,
        "unique_customer_call_active"
    );
    shop.placed("theo").await;
    assert_eq!(
        refusal(stale("welcome_call", "again", "NULL")).await,
        "one_welcome_call_ever"
    );
    shop.sql(&stale("daily_call", "theo", today)).await;
    shop.placed("theo").await;
    assert_eq!(
        refusal(stale("daily_call", "again", today)).await,
        "one_daily_call_per_day"
    );
}
