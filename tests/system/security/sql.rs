//! Words from outside are parameters, and never become part of a statement.

use std::fs;

use serde_json::json;
use system_tests::{
    CALLER, CRON_SECRET, DIAL_RESULT, JOB_RUNNER_TOKEN, LINE, SMS, STATUS, TestDatabase, VOICE, World, form,
};

use super::{SID, root};
use crate::architecture::sources;

/// Texts that break what is put together carelessly, and some that are no text.
const HOSTILE: [&str; 12] = [
    "'; DROP TABLE jobs; --",
    "'); DELETE FROM active_calls; --",
    "' OR '1'='1",
    "\" OR 1=1 --",
    "\\'; SELECT pg_sleep(10); --",
    "$$; DROP SCHEMA public CASCADE; $$",
    "%' UNION SELECT rolpassword FROM pg_authid --",
    "1; COPY jobs TO PROGRAM 'id'",
    "{} [] () NULL DEFAULT now()",
    "\u{0}",
    "\u{fffd}\u{202e}\u{feff}",
    "'';''--\r\n/*",
];

#[test]
fn every_statement_that_is_sent_is_a_file() {
    let mut files = sources("shared/src");
    files.extend(sources("functions"));
    let ways = [
        "simple_query(",
        "query_typed",
        "batch_execute(",
        ".execute(",
        ".prepare(",
        ".query(&",
        " sql:",
        "tokio_postgres::",
        "copy_in(",
    ];
    for (name, code) in &files {
        if name == "shared/src/platform/database.rs" {
            assert_eq!(
                code.matches("simple_query(").count(),
                code.matches("simple_query(\"\")").count(),
                "the only text is none, which asks whether somebody is there"
            );
            assert_eq!(code.matches("query_typed(").count(), 1);
            assert!(code.contains("query_typed(statement.sql, params)"));
            assert_eq!(code.matches("$crate::platform::database::Statement {").count(), 1);
            assert!(code.contains("include_str!(concat!(\"sql/\", $name, \".sql\"))"));
            continue;
        }
        let is_store = name.ends_with("/store.rs");
        for way in ways {
            let is_a_type = is_store && way == "tokio_postgres::" && !code.contains("tokio_postgres::Client");
            assert!(!code.contains(way) || is_a_type, "{name} says {way}");
        }
        for opening in [
            "SELECT ",
            "INSERT INTO ",
            "UPDATE ",
            "DELETE FROM ",
            "WITH ",
            "CREATE ",
            "ALTER ",
        ] {
            assert!(
                !code.contains(&format!("\"{opening}")),
                "{name} has a statement of its own: {opening}"
            );
        }
    }
}

#[test]
fn no_statement_puts_another_one_together() {
    let mut seen = 0;
    for folder in fs::read_dir(root().join("shared/src")).expect("a folder") {
        let Ok(files) = fs::read_dir(folder.expect("an entry").path().join("sql")) else {
            continue;
        };
        for file in files {
            let path = file.expect("an entry").path();
            let text = fs::read_to_string(&path).expect("text");
            let code: String = text
                .lines()
                .map(|line| line.split("--").next().unwrap_or_default())
                .collect::<Vec<_>>()
                .join("\n")
                .to_lowercase();
            for word in [
                "execute",
                "format(",
                "quote_literal",
                "quote_ident",
                "dblink",
                "query_to_xml",
                " like ",
                "do $",
            ] {
                assert!(!code.contains(word), "{} says {word}", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

/// Whoever may make a table could otherwise put it in the way of a function with more rights.
#[tokio::test]
async fn a_function_with_its_owners_rights_says_where_it_looks_and_is_nobody_elses_to_call() {
    let database = TestDatabase::with_running_clock().await;
    let definers = "SELECT string_agg(proname, ', ' ORDER BY proname) FROM pg_proc
                    WHERE prosecdef AND pronamespace = 'public'::regnamespace";
    let known = "guard_attempt, hear_stop_again, heed_reports, join_purchase, keep_change, leave_to_a_person, plan_calls, \
                 project_payment, receive_from_whatsapp, receive_text, take_stop_along, tell_of_failure, wait_for_permits";
    assert_eq!(database.one(definers).await.as_deref(), Some(known));
    let unpinned = "SELECT count(*) FROM pg_proc WHERE prosecdef
                    AND NOT coalesce('search_path=public, pg_temp' = ANY (proconfig), false)";
    assert_eq!(database.one(unpinned).await.as_deref(), Some("0"));
    let callable = "SELECT string_agg(proname, ', ' ORDER BY proname) FROM pg_proc WHERE prosecdef
                    AND has_function_privilege('switchboard_app', oid, 'EXECUTE')";
    // They write the inbox, and nothing else can.
    assert_eq!(
        database.one(callable).await.as_deref(),
        Some("receive_from_whatsapp, receive_text")
    );
}

/// What every door answers, whatever stands in every field; nothing is dropped, nothing is sent.
#[tokio::test]
async fn hostile_words_in_any_field_of_any_door_are_only_words() {
    let world = World::begin().await;
    let fields = [
        "CallSid",
        "From",
        "To",
        "CallStatus",
        "DialCallStatus",
        "DialBridged",
        "ParentCallSid",
        "MessageSid",
        "MessageStatus",
        "ErrorCode",
        "CallerName",
        "Body",
    ];
    let call = [
        ("CallSid", SID),
        ("From", CALLER),
        ("To", LINE),
        ("CallStatus", "ringing"),
    ];
    for words in HOSTILE {
        for field in fields {
            let mut body: Vec<_> = call.into_iter().filter(|(name, _)| *name != field).collect();
            body.push((field, words));
            for target in [VOICE, DIAL_RESULT, STATUS, SMS] {
                let reply = world.post_signed(target, form(&body)).await;
                assert!(
                    matches!(reply.status, 200 | 204),
                    "{target} {field}={words:?}: {reply:?}"
                );
                assert!(
                    !reply.body.contains(words),
                    "{target} {field}={words:?}: {reply:?}"
                );
            }
        }
        // A name, the query, a header, a token, a doorbell, a tick.
        world.post_signed(STATUS, form(&[(words, words)])).await;
        let escaped: String = form_urlencoded::byte_serialize(words.as_bytes()).collect();
        let attempt = format!("{STATUS}?attempt={escaped}");
        let report = form(&[
            ("MessageSid", "SM00000000000000000000000000000001"),
            ("MessageStatus", "sent"),
        ]);
        assert_eq!(world.post_signed(&attempt, report).await.status, 204, "{words:?}");
        let cron = format!("/api/cron/check-missed-calls?token={escaped}");
        assert_eq!(world.send("GET", &cron, &[], "").await.status, 401, "{words:?}");
        let is_header = words.bytes().all(|byte| (b' '..0x7f).contains(&byte));
        if is_header {
            let bearer = format!("Bearer {words}");
            let headers = [("authorization", bearer.as_str()), ("x-vercel-cron", words)];
            let reply = world
                .send("POST", "/api/jobs/run-outbound", &headers, words)
                .await;
            assert_eq!(reply.status, 401, "{words:?}");
            for key in [CRON_SECRET, JOB_RUNNER_TOKEN] {
                let joined = format!("Bearer {key}{words}");
                let headers = [("authorization", joined.as_str())];
                let reply = world.send("POST", "/api/jobs/run-outbound", &headers, "").await;
                assert_eq!(reply.status, 401, "{words:?}");
            }
        }
        let message = json!({ "messageId": words, "body": words, "attributes": { "MessageGroupId": words } });
        let rung = world.invoke("job-runner", json!({ "Records": [message] })).await;
        assert_eq!(
            rung.expect("an answer")["batchItemFailures"],
            json!([]),
            "{words:?}"
        );
        for binary in ["missed-call-poller", "call-scheduler", "job-sweeper", "cleanup"] {
            let event = json!({ "source": words, "detail": words });
            assert_eq!(
                world.invoke(binary, event).await.expect("an answer")["ok"],
                false,
                "{words:?}"
            );
        }
    }
    assert_eq!(world.count("jobs").await, 0);
    assert_eq!(world.sends(), 0);
    assert_eq!(world.count("lines").await, 1);
    let problems = ops::verify(world.database.owner()).await.expect("a database");
    let problems: Vec<_> = problems
        .into_iter()
        .filter_map(|finding| finding.problem)
        .collect();
    // The tests' own clock is the one thing that differs.
    assert_eq!(problems.len(), 1, "{problems:?}");
}
