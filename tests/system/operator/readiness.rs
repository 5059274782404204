//! `ops verify`'s report on the call system: four levels, a line each.

use ops::Level;

use super::Callees;

async fn levels(callees: &Callees) -> Vec<Level> {
    let url = callees.database.owner_url().await;
    let mut client = ops::connect(&url, None).await.expect("the database answers");
    // The test's clock is not production's, and `verify` says so.
    let schema: Vec<_> = ops::verify(&client)
        .await
        .expect("a schema")
        .into_iter()
        .filter(|finding| finding.subject != "function switchboard_now")
        .collect();
    let settings = |name: &str| (name == "APP_URL").then(|| "https://switchboard.example".to_owned());
    ops::readiness(&mut client, &schema, settings)
        .await
        .expect("a report")
}

async fn lines(callees: &Callees) -> Vec<String> {
    levels(callees).await.iter().map(Level::line).collect()
}

/// A call system with nothing left to do.
async fn ready() -> Callees {
    let callees = Callees::new().await;
    let name = callees.database.name();
    callees
        .sql(&format!(
            "ALTER ROLE switchboard IN DATABASE {name} SET statement_timeout = '5s';
             ALTER ROLE switchboard IN DATABASE {name} SET lock_timeout = '2000';
             ALTER ROLE switchboard IN DATABASE {name} SET idle_in_transaction_session_timeout = '10s';
             INSERT INTO ticks VALUES ('call-scheduler', switchboard_now())"
        ))
        .await;
    callees
}

#[tokio::test]
async fn a_system_with_nothing_left_to_do_is_ready() {
    let callees = ready().await;
    callees.customer("cust_42", 1).await;
    let levels = levels(&callees).await;
    assert_eq!(
        levels.iter().map(|level| level.name).collect::<Vec<_>>(),
        ["Code", "Database", "Configuration", "Schedules"]
    );
    for level in &levels {
        assert!(
            level.line().starts_with(&format!("✅ {}: READY (", level.name)),
            "{}",
            level.line()
        );
    }
    assert_eq!(
        (ops::percent(&levels), ops::is_sound(&levels)),
        (100, (true, true))
    );
    assert!(
        levels[2].note.contains("no price") && levels[2].note.contains("; 1 of the functions'"),
        "{}",
        levels[2].note
    );
}

#[tokio::test]
async fn each_kind_of_trouble_is_named_at_its_level() {
    let troubles = [
        (0, "❌", "ALTER TABLE ticks DROP COLUMN ticked_at", "objects are not as the code expects: run ops migrate"),
        (
            1,
            "❌",
            "DROP INDEX unique_customer_call_active;
             INSERT INTO jobs (kind, cause, customer_id, local_day, origin, caused_at, due_at, expires_at)
             SELECT 'daily_call', 'twice ' || day, 'cust_42', day, 'scheduler', switchboard_now(), switchboard_now(), switchboard_now() + interval '1 hour'
             FROM unnest('{2026-06-10,2026-06-11}'::date[]) AS day",
            "1 duplicates in call_queue",
        ),
        (1, "❌", "UPDATE customers SET next_call_scheduled_at = NULL", "1 × next_call_scheduled_at wrong: run ops repair"),
        (1, "⚠️", "UPDATE customers SET timezone = NULL, timezone_given = 'Eastern'", "1 × time zones that can be read: run ops repair"),
        (
            1,
            "❌",
            "INSERT INTO duplicate_evidence (attempt_id, provider_id, note) VALUES (gen_random_uuid(), 'c1', 'no such attempt')",
            "1 rows of duplicate_evidence",
        ),
        (
            1,
            "❌",
            "DO $$ BEGIN EXECUTE format('ALTER ROLE switchboard IN DATABASE %I SET statement_timeout = ''1min''', current_database()); END $$",
            "switchboard: statement_timeout is 00:01:00, at most 00:00:05 expected",
        ),
        (2, "⚠️", "UPDATE calling SET paused = true", "all calling is paused: ops preflight, then ops resume"),
        (3, "❌", "UPDATE ticks SET ticked_at = ticked_at - interval '6 minutes'", "call-scheduler does not tick any more"),
        (3, "⚠️", "DELETE FROM ticks", "nothing tells whether call-scheduler has ever run"),
        (3, "❌", "UPDATE stopped_clock SET at = '2026-06-10 14:06+00'", "1 customers are due and nobody has scheduled their calls"),
    ];
    for (level, mark, damage, words) in troubles {
        let callees = ready().await;
        callees.customer("cust_42", 1).await;
        callees.sql(damage).await;
        let lines = match level {
            1 if damage.starts_with("DROP INDEX") => {
                // The schema's own check would say so first.
                let mut client = ops::connect(&callees.database.owner_url().await, None)
                    .await
                    .expect("the database answers");
                let levels = ops::readiness(&mut client, &[], |_| None)
                    .await
                    .expect("a report");
                levels.iter().map(Level::line).collect()
            }
            _ => lines(&callees).await,
        };
        assert!(lines[level].starts_with(mark), "{damage}: {lines:?}");
        assert!(lines[level].contains(words), "{damage}: {lines:?}");
    }
}
