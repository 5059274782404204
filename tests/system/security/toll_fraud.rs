//! What somebody can make this business pay for by ringing it.

use jiff::SignedDuration;
use serde_json::json;
use shared::Phone;
use system_tests::{CALLER, DIAL_RESULT, LINE, World, form};

/// What one number can cost in an hour: one text at once, and one more at each end of a cool-down.
const TEXTS_AN_HOUR: usize = 6;

async fn miss(world: &World, sid: &str, caller: &str) {
    let fields = [
        ("CallSid", sid),
        ("From", caller),
        ("To", LINE),
        ("DialCallStatus", "no-answer"),
    ];
    assert_eq!(world.post_signed(DIAL_RESULT, form(&fields)).await.status, 200);
}

/// What so many more calls leave in the ledger. That a webhook writes exactly this, other tests show.
async fn miss_at_once(world: &World, minute: usize, calls: usize) {
    let owe = format!(
        "INSERT INTO jobs (kind, cause, recipient, line, origin, caused_at, due_at, expires_at)
         SELECT 'missed_call_text', 'CA_{minute}_' || call, '{CALLER}', '{LINE}', 'dial_result', now, now, now + interval '2 hours'
         FROM generate_series(1, {calls}) AS call, switchboard_now() AS now"
    );
    world.database.sql(&owe).await;
}

/// Rings for everything that is due, all at once and each as if it were another person.
async fn answer_all_doorbells(world: &World) {
    let due = "SELECT id::text FROM jobs WHERE state = 'pending' AND due_at <= switchboard_now()";
    let due = world.database.owner().query(due, &[]).await.expect("jobs");
    let records: Vec<_> = due
        .iter()
        .map(|row| row.get::<_, &str>(0))
        .map(|job| {
            let body = json!({ "v": 1, "job": job }).to_string();
            json!({ "messageId": job, "body": body, "attributes": { "MessageGroupId": job } })
        })
        .collect();
    let answer = world.invoke("job-runner", json!({ "Records": records })).await;
    assert_eq!(answer.expect("an answer")["batchItemFailures"], json!([]));
}

#[tokio::test]
async fn a_thousand_missed_calls_of_one_number_in_an_hour_cost_six_texts() {
    let world = World::begin().await;
    for minute in 0..60 {
        miss(&world, &format!("CA_{minute}"), CALLER).await;
        miss_at_once(&world, minute, 15 + usize::from(minute % 3 != 0)).await;
        answer_all_doorbells(&world).await;
        world.pass(SignedDuration::from_mins(1)).await;
    }
    assert_eq!(world.count("jobs").await, 1_000);
    let texts = world.texts_to(CALLER).len();
    assert_eq!((texts, world.sends()), (TEXTS_AN_HOUR, TEXTS_AN_HOUR));
    for _ in 0..3 {
        world.pass(SignedDuration::from_mins(2)).await;
        answer_all_doorbells(&world).await;
    }
    let rest = "jobs WHERE state = 'suppressed' AND state_reason = 'already_texted'";
    let texts = u64::try_from(world.sends()).expect("a few");
    assert_eq!(world.count(rest).await, 1_000 - texts);
    assert!(texts <= 7, "an hour and six minutes: {texts}");
}

#[tokio::test]
async fn a_number_that_earns_somebody_money_is_never_texted() {
    let world = World::begin().await;
    // North America, satellites, shared networks, Britain, Germany, France, Australia.
    let numbers = [
        "+19005550123",
        "+14039765555",
        "+870773111632",
        "+881631512345",
        "+882160001111",
        "+883130123456",
        "+979123456789",
        "+449098790000",
        "+499001234567",
        "+33899123456",
        "+611900654321",
    ];
    for (n, number) in numbers.into_iter().enumerate() {
        let phone = Phone::parse(number).unwrap_or_else(|error| panic!("{number}: {error}"));
        assert!(phone.is_premium(), "{number}");
        let sid = format!("CA_{n}");
        miss(&world, &sid, number).await;
        world.run_jobs().await;
        assert_eq!(world.job_of(&sid).await, "suppressed: premium_range", "{number}");
    }
    assert_eq!(world.sends(), 0);
}
