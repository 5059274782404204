//! The program itself: what it prints and how it exits, as runbooks and scripts know it.

use std::process::Stdio;

use system_tests::{TestDatabase, binary};
use tokio::io::AsyncWriteExt as _;

/// Runs `ops` on a database; what it printed, and whether it succeeded.
async fn ops(database: &TestDatabase, arguments: &[&str], answer: &str) -> (String, bool) {
    let mut child = tokio::process::Command::new(binary("ops"))
        .args(arguments)
        .env_clear()
        .env("DIRECT_URL", database.owner_url().await)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a program");
    let mut stdin = child.stdin.take().expect("piped");
    // Nobody has to read it.
    let _ = stdin.write_all(answer.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await.expect("an end");
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8(said).expect("text"), output.status.success())
}

#[tokio::test]
async fn each_command_exits_as_scripts_expect() {
    let database = TestDatabase::with_running_clock().await;
    database
        .sql("INSERT INTO customers (id, phone, phone_validated, timezone) VALUES ('cust_42', '+14035550001', true, 'America/Toronto')")
        .await;
    let (said, ok) = ops(&database, &["why", "cust_42"], "").await;
    assert!(
        ok && said.starts_with("cust_42 (+1403***0001) ") && said.lines().count() == 1,
        "{said}"
    );
    let (said, ok) = ops(&database, &["why", "cust_42", "2026-06-09"], "").await;
    assert!(ok && said.contains("Tuesday 2026-06-09"), "{said}");
    for command in ["why", "preview", "pause", "resume"] {
        let (said, ok) = ops(&database, &[command, "nobody"], "").await;
        assert!(
            !ok && said.contains("there is no customer nobody"),
            "{command}: {said}"
        );
    }
    let (said, ok) = ops(&database, &["preflight", "--hours", "2"], "").await;
    assert!(
        ok && said.starts_with("0 of 1 customers would be called within 2 hours"),
        "{said}"
    );
    let (said, ok) = ops(&database, &["pause", "--until", "2026-12-01"], "").await;
    assert!(
        !ok && said.contains("<CUSTOMER>"),
        "somebody has to look first: {said}"
    );

    let (said, ok) = ops(&database, &["resume"], "no\n").await;
    assert!(
        !ok && said.contains("0 calls are due at once") && said.contains("nothing was changed"),
        "{said}"
    );
    assert_eq!(
        database.one("SELECT paused FROM calling").await.as_deref(),
        Some("t")
    );
    for (arguments, answer) in [(&["resume"][..], "yes\n"), (&["resume", "--yes"], "")] {
        let (said, ok) = ops(&database, arguments, answer).await;
        assert!(ok && said.contains("calling is on"), "{said}");
        assert_eq!(
            database.one("SELECT paused FROM calling").await.as_deref(),
            Some("f")
        );
        let (said, ok) = ops(&database, &["pause"], "").await;
        assert!(ok && said.starts_with("all calling is paused"), "{said}");
    }
    let (said, ok) = ops(&database, &["repair"], "").await;
    assert!(ok && said.contains("nothing to repair"), "{said}");
}

#[tokio::test]
async fn answering_is_switched_beside_calling_and_never_by_the_way() {
    let database = TestDatabase::with_running_clock().await;
    let switches = async || {
        database
            .one("SELECT concat_ws(' ', calling.paused, replying.paused) FROM calling, replying")
            .await
            .expect("both")
    };
    assert_eq!(switches().await, "t t");
    let (said, ok) = ops(&database, &["resume", "--answers"], "no\n").await;
    assert!(
        !ok && said.contains("0 messages wait for an answer") && said.contains("nothing was changed"),
        "{said}"
    );
    assert_eq!(switches().await, "t t");
    for (arguments, answer) in [
        (&["resume", "--answers"][..], "yes\n"),
        (&["resume", "--answers", "--yes"], ""),
    ] {
        let (said, ok) = ops(&database, arguments, answer).await;
        assert!(ok && said.contains("answering on WhatsApp is on"), "{said}");
        assert_eq!(switches().await, "t f");
        let (said, ok) = ops(&database, &["pause", "--answers"], "").await;
        assert!(
            ok && said.starts_with("answering on WhatsApp is paused"),
            "{said}"
        );
        assert_eq!(switches().await, "t t");
    }
    for mixed in [
        &["pause", "cust_42", "--answers"][..],
        &["resume", "cust_42", "--answers"],
        &["resume", "--answers", "--welcome-since", "2026-06-01"],
        &["pause", "--answers", "--until", "2026-06-01"],
    ] {
        let (said, ok) = ops(&database, mixed, "yes\n").await;
        assert!(
            !ok && (said.contains("--answers") || said.contains("<CUSTOMER>")),
            "{mixed:?}: {said}"
        );
        assert_eq!(switches().await, "t t", "{mixed:?}");
    }
    for nothing in [
        &["take", "42"][..],
        &["take", "42", "--by", "bob@acme.example"],
        &["hand-back", "42"],
        &["retry", "42"],
    ] {
        let (said, ok) = ops(&database, nothing, "").await;
        assert!(!ok && said.contains("❌ there is no "), "{nothing:?}: {said}");
    }
}

#[tokio::test]
async fn verify_keeps_the_lines_that_runbooks_look_for() {
    let database = TestDatabase::with_running_clock().await;
    let name = database.name();
    database
        .sql(&format!(
            "ALTER ROLE switchboard IN DATABASE {name} SET statement_timeout = '5s';
             ALTER ROLE switchboard IN DATABASE {name} SET lock_timeout = '2s';
             ALTER ROLE switchboard IN DATABASE {name} SET idle_in_transaction_session_timeout = '10s'"
        ))
        .await;
    let (said, ok) = ops(&database, &["verify"], "").await;
    assert!(ok, "a pause is no problem: {said}");
    for line in [
        "✅ index unique_customer_call_active: EXISTS",
        "✅ Schema verification PASSED",
        "✅ Code: READY",
        "⚠️ Configuration: all calling is paused",
        "% ready",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("All checks pass"), "{said}");

    database
        .sql("UPDATE calling SET paused = false; INSERT INTO ticks VALUES ('call-scheduler', now())")
        .await;
    let (said, ok) = ops(&database, &["verify"], "").await;
    assert!(
        ok && said.contains("100 % ready") && said.contains("✅ All checks pass, no issues found"),
        "{said}"
    );

    database.sql("DROP INDEX unique_customer_call_active").await;
    let (said, ok) = ops(&database, &["verify"], "").await;
    assert!(
        !ok && said.contains("❌ index unique_customer_call_active: MISSING"),
        "{said}"
    );
    assert!(said.contains("❌ Schema verification FAILED: 1 of "), "{said}");
}
