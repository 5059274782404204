//! Whatever rings at the runner: a message carries no truth, so none of them can send anything twice.

use jiff::SignedDuration;
use serde_json::{Value, json};
use system_tests::{CALLER, DIAL_RESULT, LINE, World, form};
use uuid::Uuid;

const SID: &str = "CA00000000000000000000000000000001";

/// A message as the event source mapping hands it over.
fn message(id: usize, group: &str, body: impl Into<Value>) -> Value {
    json!({
        "messageId": format!("message-{id}"),
        "receiptHandle": "r",
        "body": body.into(),
        "attributes": { "MessageGroupId": group, "ApproximateReceiveCount": "1", "SentTimestamp": "0" },
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:messages.fifo",
        "awsRegion": "us-east-1",
    })
}

fn bell(job: &str) -> String {
    json!({ "v": 1, "job": job }).to_string()
}

/// Delivers a batch; which messages stay in the queue.
async fn deliver(world: &World, messages: &[Value]) -> Vec<String> {
    let answer = world
        .invoke("job-runner", json!({ "Records": messages }))
        .await
        .expect("an answer");
    answer["batchItemFailures"]
        .as_array()
        .expect("a partial batch answer")
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().expect("an id").to_owned())
        .collect()
}

/// A missed call whose doorbell hangs in the queue; its job.
async fn owed(world: &World, sid: &str, caller: &str) -> String {
    let fields = [
        ("CallSid", sid),
        ("From", caller),
        ("To", LINE),
        ("DialCallStatus", "no-answer"),
    ];
    world.post_signed(DIAL_RESULT, form(&fields)).await;
    let job = format!("SELECT id FROM jobs WHERE cause = '{sid}'");
    world.database.one(&job).await.expect("a job")
}

#[tokio::test]
async fn what_is_no_doorbell_is_quarantined_and_done_with() {
    let world = World::begin().await;
    let job = owed(&world, SID, CALLER).await;
    let bodies = [
        String::new(),
        "not JSON".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "{\"v\":1,\"job\":".to_owned(),
        json!({ "v": 1 }).to_string(),
        json!({ "job": job }).to_string(),
        json!({ "v": 2, "job": job }).to_string(),
        json!({ "v": 0, "job": job }).to_string(),
        json!({ "v": 256, "job": job }).to_string(),
        json!({ "v": "1", "job": job }).to_string(),
        json!({ "v": 1, "job": job, "to": "+19005550123" }).to_string(),
        json!({ "v": 1, "job": "'; DROP TABLE jobs; --" }).to_string(),
        json!({ "v": 1, "job": 7 }).to_string(),
        format!("{{\"v\":1,\"job\":\"{job}\",\"job\":\"{}\"}}", Uuid::from_u128(7)),
        "[".repeat(10_000),
        "x".repeat(256 * 1024),
        "\u{0}\u{202e}🛑".to_owned(),
    ];
    let messages: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| message(n, "ann", body.as_str()))
        .collect();
    assert_eq!(
        deliver(&world, &messages).await,
        [""; 0],
        "none of them is ever of use"
    );
    assert_eq!(
        world.quarantined().await,
        vec!["job_runner: not a doorbell"; bodies.len()]
    );
    assert_eq!(world.sends(), 0);

    let bodiless = json!({ "messageId": "message-0", "attributes": {} });
    assert_eq!(deliver(&world, &[bodiless]).await, [""; 0]);
    assert_eq!(
        world.quarantined().await.len(),
        bodies.len(),
        "the same again is kept once"
    );
}

#[tokio::test]
async fn an_unknown_job_is_quarantined() {
    let world = World::begin().await;
    let unknown = Uuid::from_u128(7).to_string();
    assert_eq!(
        deliver(&world, &[message(0, "ann", bell(&unknown))]).await,
        [""; 0]
    );
    assert_eq!(world.quarantined().await, ["job_runner: no such job"]);
    assert_eq!(world.sends(), 0);
}

#[tokio::test]
async fn a_job_that_is_not_waiting_is_left_alone() {
    let states = [
        "in_flight",
        "unknown",
        "accepted",
        "refused",
        "suppressed",
        "dead",
        "needs_human",
    ];
    let world = World::begin().await;
    for (n, state) in states.iter().enumerate() {
        let insert = format!(
            "INSERT INTO jobs (kind, cause, recipient, line, origin, state, state_reason, caused_at, due_at, expires_at,
                               lease_token, lease_until, ended_at)
             SELECT 'missed_call_text', 'CA{n}', '{CALLER}', '{LINE}', 'poller', '{state}', 'as it is', now, now,
                    now + interval '2 hours', CASE WHEN '{state}' = 'in_flight' THEN gen_random_uuid() END,
                    CASE WHEN '{state}' = 'in_flight' THEN now + interval '2 minutes' END,
                    CASE WHEN '{state}' NOT IN ('in_flight', 'unknown') THEN now END
             FROM switchboard_now() AS now"
        );
        world.database.sql(&insert).await;
    }
    let not_due = format!(
        "INSERT INTO jobs (kind, cause, recipient, line, origin, caused_at, due_at, expires_at)
         SELECT 'missed_call_text', 'CA9', '{CALLER}', '{LINE}', 'poller', now, now + interval '1 second', now + interval '2 hours'
         FROM switchboard_now() AS now"
    );
    world.database.sql(&not_due).await;
    let all = "SELECT string_agg(job::text, ',' ORDER BY cause) FROM jobs AS job";
    let before = world.database.one(all).await;
    let ids = world
        .database
        .owner()
        .query("SELECT id::text FROM jobs", &[])
        .await
        .expect("jobs");
    let messages: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(n, row)| message(n, &n.to_string(), bell(row.get(0))))
        .collect();
    assert_eq!(messages.len(), states.len() + 1);
    assert_eq!(deliver(&world, &messages).await, [""; 0]);
    assert_eq!(world.database.one(all).await, before);
    assert_eq!(world.sends(), 0);
}

#[tokio::test]
async fn one_job_in_many_messages_is_one_permit() {
    for same_group in [true, false] {
        let world = World::begin().await;
        let job = owed(&world, SID, CALLER).await;
        let messages: Vec<_> = (0..5)
            .map(|n| {
                message(
                    n,
                    if same_group {
                        "ann".to_owned()
                    } else {
                        n.to_string()
                    }
                    .as_str(),
                    bell(&job),
                )
            })
            .collect();
        let (one, two) = futures_util::join!(deliver(&world, &messages), deliver(&world, &messages));
        assert_eq!(one.len() + two.len(), 0);
        assert_eq!((world.texts_to(CALLER).len(), world.sends()), (1, 1));
        assert_eq!(world.count("attempts").await, 1);
        assert_eq!(world.job_of(SID).await, "accepted");
    }
}

#[tokio::test]
async fn a_message_that_came_a_thousand_times_is_like_any_other() {
    let world = World::begin().await;
    let job = owed(&world, SID, CALLER).await;
    let mut message = message(0, "ann", bell(&job));
    message["attributes"]["ApproximateReceiveCount"] = "1000".into();
    for _ in 0..3 {
        assert_eq!(deliver(&world, std::slice::from_ref(&message)).await, [""; 0]);
    }
    assert_eq!(world.sends(), 1);
    message["attributes"] = json!({ "ApproximateReceiveCount": "many", "Unheard": "of" });
    assert_eq!(deliver(&world, &[message]).await, [""; 0]);
    assert_eq!(world.sends(), 1);
}

#[tokio::test]
async fn a_poisoned_message_delays_nobody() {
    let world = World::begin().await;
    let other = "+14035550002";
    let mine = owed(&world, SID, CALLER).await;
    let theirs = owed(&world, "CA00000000000000000000000000000002", other).await;
    // Somebody broke this job by hand: reading it fails, whatever is tried.
    let broken = owed(&world, "CA00000000000000000000000000000003", "+14035550003").await;
    world.database.sql("ALTER TABLE jobs DISABLE TRIGGER USER").await;
    let break_it = format!("UPDATE jobs SET expires_at = 'infinity' WHERE id = '{broken}'");
    world.database.sql(&break_it).await;
    let batch = [
        message(0, "ann", "{"),
        message(1, "ann", bell(&mine)),
        message(2, "mallory", bell(&broken)),
        message(3, "mallory", bell(&Uuid::from_u128(7).to_string())),
        message(4, "bob", bell(&theirs)),
    ];
    assert_eq!(
        deliver(&world, &batch).await,
        ["message-2", "message-3"],
        "only what is behind the poison in its own group stays"
    );
    assert_eq!(world.texts_to(CALLER).len(), 1);
    assert_eq!(world.texts_to(other).len(), 1);
}

#[tokio::test]
async fn a_doorbell_that_is_late_finds_its_text_out_of_date() {
    let world = World::begin().await;
    let job = owed(&world, SID, CALLER).await;
    world.pass(SignedDuration::from_hours(2)).await;
    assert_eq!(deliver(&world, &[message(0, "ann", bell(&job))]).await, [""; 0]);
    assert_eq!(world.job_of(SID).await, "suppressed: expired");
    assert_eq!(world.sends(), 0);
}
