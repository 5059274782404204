//! The doors through which people and outside schedulers run the scheduled functions.

use serde_json::{Value, json};
use system_tests::{
    CALLER, CRON_SECRET, DIAL_RESULT, JOB_RUNNER_TOKEN, LINE, OWNER, Reply, VOICE, World, form,
};

const POLL: (&str, &str) = ("GET", "/api/cron/check-missed-calls");
const SCHEDULE: (&str, &str) = ("GET", "/api/calls/process");
const SWEEP: (&str, &str) = ("GET", "/api/cron/run-outbound-jobs");
const CLEAN_UP: (&str, &str) = ("DELETE", "/api/cron/cleanup-old-calls");
const RUN_JOBS: (&str, &str) = ("POST", "/api/jobs/run-outbound");
/// Every door with its key, and the other key that does not fit.
const DOORS: [((&str, &str), &str, &str); 5] = [
    (POLL, CRON_SECRET, JOB_RUNNER_TOKEN),
    (SCHEDULE, CRON_SECRET, JOB_RUNNER_TOKEN),
    (SWEEP, CRON_SECRET, JOB_RUNNER_TOKEN),
    (CLEAN_UP, CRON_SECRET, JOB_RUNNER_TOKEN),
    (RUN_JOBS, JOB_RUNNER_TOKEN, CRON_SECRET),
];
const SID: &str = "CA00000000000000000000000000000001";

async fn knock(world: &World, (method, path): (&str, &str), headers: &[(&str, &str)]) -> Reply {
    world.send(method, path, headers, "").await
}

fn assert_opened(reply: &Reply, auth_method: &str) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let body = reply.json();
    assert_eq!(
        (&body["ok"], &body["authMethod"]),
        (&json!(true), &json!(auth_method))
    );
    assert!(
        body["message"]
            .as_str()
            .is_some_and(|message| !message.is_empty()),
        "{body}"
    );
    let milliseconds = body["elapsed"]
        .as_str()
        .expect("a text")
        .strip_suffix("ms")
        .expect("in ms");
    assert!(milliseconds.parse::<u64>().is_ok(), "{body}");
    let id: Vec<&str> = body["requestId"].as_str().expect("an id").split('_').collect();
    assert_eq!((id.len(), id[0]), (3, "cron"), "{body}");
    assert!(
        id[1].len() == 13 && id[1].bytes().all(|byte| byte.is_ascii_digit()),
        "{body}"
    );
    assert!(
        !id[2].is_empty() && id[2].bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{body}"
    );
    body
}

#[tokio::test]
async fn the_right_secret_opens_its_door() {
    let world = World::begin().await;
    for (door, secret, _) in DOORS {
        let bearer = format!("Bearer {secret}");
        assert_opened(
            &knock(&world, door, &[("authorization", &bearer)]).await,
            "bearer",
        );
        let path = format!("{}?token={secret}", door.1);
        assert_opened(&knock(&world, (door.0, &path), &[]).await, "query");
        let with_header = [("authorization", bearer.as_str()), ("x-vercel-cron", "1")];
        assert_opened(&knock(&world, door, &with_header).await, "bearer");
    }
}

#[tokio::test]
async fn the_answers_have_the_keys_that_callers_know() {
    let world = World::begin().await;
    let cron = format!("Bearer {CRON_SECRET}");
    let swept = assert_opened(&knock(&world, SWEEP, &[("authorization", &cron)]).await, "bearer");
    assert_eq!(swept["message"], "Job runner triggered");
    assert_eq!(
        swept["jobRunnerResult"],
        json!({ "ok": true, "processed": 0, "failed": 0 })
    );

    let fields = [
        ("CallSid", SID),
        ("From", CALLER),
        ("To", LINE),
        ("DialCallStatus", "no-answer"),
    ];
    world.post_signed(DIAL_RESULT, form(&fields)).await;
    world
        .database
        .sql("UPDATE stopped_clock SET at = at + interval '8 days'")
        .await;
    let cleaned = assert_opened(
        &knock(&world, CLEAN_UP, &[("authorization", &cron)]).await,
        "bearer",
    );
    assert_eq!(cleaned["deleted"], 1);
}

#[tokio::test]
async fn nothing_else_does() {
    let world = World::begin().await;
    for (door, secret, other) in DOORS {
        let (right, wrong, twice) = (
            format!("Bearer {secret}"),
            format!("Bearer {other}"),
            format!("Bearer Bearer {secret}"),
        );
        let basic = format!("Basic {secret}");
        let lower = format!("bearer{secret}");
        let tries: [&[(&str, &str)]; 12] = [
            &[],
            &[("x-vercel-cron", "1")],
            &[("x-vercel-cron", secret)],
            &[("authorization", "")],
            &[("authorization", "Bearer ")],
            &[("authorization", secret)],
            &[("authorization", &basic)],
            &[("authorization", &lower)],
            &[("authorization", &twice)],
            &[("authorization", &wrong)],
            &[("authorization", &wrong), ("x-vercel-cron", "1")],
            &[("authorization", &right), ("authorization", &right)],
        ];
        for headers in tries {
            let reply = knock(&world, door, headers).await;
            assert_eq!(reply.status, 401, "{door:?} {headers:?}");
            assert_eq!(
                reply.json(),
                json!({ "ok": false, "error": "Unauthorized" }),
                "{door:?} {headers:?}"
            );
        }
        for query in [
            "token=",
            &format!("token={other}"),
            &format!("secret={secret}"),
            &format!("Token={secret}"),
        ] {
            let reply = knock(&world, (door.0, &format!("{}?{query}", door.1)), &[]).await;
            assert_eq!(reply.status, 401, "{door:?} {query}");
        }
        let path = format!("{}?token={secret}", door.1);
        let reply = knock(&world, (door.0, &path), &[("authorization", &wrong)]).await;
        assert_eq!(
            reply.status, 401,
            "{door:?}: a wrong bearer is not made good by the query"
        );
    }
    assert_eq!(world.twilio.requests().len(), 0, "nothing ran");
}

#[tokio::test]
async fn a_door_opens_by_its_own_method_only() {
    let world = World::begin().await;
    for ((method, path), secret, _) in DOORS {
        let bearer = format!("Bearer {secret}");
        for other in ["GET", "POST", "PUT", "DELETE", "PATCH"]
            .into_iter()
            .filter(|other| *other != method)
        {
            let reply = knock(&world, (other, path), &[("authorization", &bearer)]).await;
            assert!(
                matches!(reply.status, 404 | 405),
                "{other} {path}: {}",
                reply.status
            );
        }
    }
    assert_eq!(world.twilio.requests().len(), 0, "nothing ran");
}

#[tokio::test]
async fn a_schema_that_is_behind_is_said_so_and_costs_no_call() {
    let world = World::begin().await;
    let call = [
        ("CallSid", SID),
        ("From", CALLER),
        ("To", LINE),
        ("CallStatus", "ringing"),
    ];
    let warm = [
        ("CallSid", "CA_test_1"),
        ("From", CALLER),
        ("To", LINE),
        ("CallStatus", "ringing"),
    ];
    assert!(world.post_signed(VOICE, form(&warm)).await.dials(OWNER));
    world.database.set_clock_to_the_machines().await;
    world
        .database
        .sql(
            "ALTER TABLE active_calls DROP COLUMN status, DROP COLUMN checked_at, DROP COLUMN processed_at;
             ALTER TABLE jobs DROP COLUMN rung_at;
             ALTER TABLE customers RENAME COLUMN call_days TO weekdays",
        )
        .await;
    for (door, secret, _) in DOORS {
        let bearer = format!("Bearer {secret}");
        let reply = knock(&world, door, &[("authorization", &bearer)]).await;
        assert_eq!(reply.status, 500, "{door:?}");
        let told = json!({
            "ok": false, "code": "DB_MISMATCH", "error": "DB migrations not applied. Run: ops migrate",
        });
        assert_eq!(reply.json(), told, "{door:?}");
    }

    assert!(
        world.post_signed(VOICE, form(&call)).await.dials(OWNER),
        "the caller does not care"
    );
    let result = [&call[..], &[("DialCallStatus", "no-answer")]].concat();
    assert_eq!(world.post_signed(DIAL_RESULT, form(&result)).await.status, 200);
    assert_eq!(world.parked().len(), 2);

    world
        .database
        .sql(
            "ALTER TABLE active_calls ADD COLUMN status text NOT NULL DEFAULT 'ringing', ADD COLUMN checked_at timestamptz,
                                      ADD COLUMN processed_at timestamptz;
             ALTER TABLE jobs ADD COLUMN rung_at timestamptz NOT NULL DEFAULT switchboard_now();
             ALTER TABLE customers ADD COLUMN call_days smallint[] NOT NULL DEFAULT '{1,2,3,4,5,6,7}';
             GRANT INSERT, UPDATE ON active_calls TO switchboard_app;
             GRANT UPDATE ON jobs TO switchboard_app",
        )
        .await;
    world.pass(jiff::SignedDuration::from_mins(1)).await;
    world.sweep().await;
    world.run_jobs().await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
    world.minutes(3).await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
    assert_eq!(world.parked().len(), 0);
}
