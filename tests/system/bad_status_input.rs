//! Whatever is posted to the status webhook: what nobody understands is kept, and changes nothing.

use local::sandbox::{Behaviour, Fate, MessageStatus};
use system_tests::{CALLER, DIAL_RESULT, FORM, LINE, STATUS, VOICE, World, form};
use uuid::Uuid;

const SID: &str = "CA00000000000000000000000000000001";
const MESSAGE: &str = "SM00000000000000000000000000000001";

fn call_status(status: &str) -> String {
    form(&[
        ("CallSid", SID),
        ("From", CALLER),
        ("To", LINE),
        ("CallStatus", status),
    ])
}

fn message_status(sid: &str, status: &str) -> String {
    form(&[("MessageSid", sid), ("MessageStatus", status)])
}

/// A missed call whose text Twilio has; its attempt and its id at Twilio.
async fn texted(world: &World) -> (String, String) {
    world.twilio.set_fate(Fate::stuck());
    let fields = [
        ("CallSid", SID),
        ("From", CALLER),
        ("To", LINE),
        ("DialCallStatus", "no-answer"),
    ];
    world.post_signed(DIAL_RESULT, form(&fields)).await;
    world.run_jobs().await;
    let text = world.texts_to(CALLER).pop().expect("a text");
    (text.attempt.expect("an attempt"), text.sid)
}

async fn ledger(world: &World) -> Option<String> {
    let all = "SELECT (SELECT string_agg(job::text, ',') FROM jobs AS job)
                   || (SELECT string_agg(attempt::text, ',') FROM attempts AS attempt)";
    world.database.one(all).await
}

#[tokio::test]
async fn what_twilio_did_not_sign_for_this_url_is_forbidden() {
    let world = World::begin().await;
    let body = call_status("no-answer");
    let elsewhere = world.signature_of(VOICE, body.as_bytes());
    for signature in ["", "AAAA", elsewhere.as_str(), &"A".repeat(10_000)] {
        let headers = [FORM, ("x-twilio-signature", signature)];
        assert_eq!(
            world.send("POST", STATUS, &headers, body.clone()).await.status,
            403
        );
    }
    assert_eq!(
        world.send("POST", STATUS, &[FORM], body.clone()).await.status,
        403
    );
    let good = world.signature_of(STATUS, body.as_bytes());
    let headers = [FORM, ("x-twilio-signature", good.as_str())];
    let other_attempt = format!("{STATUS}?attempt={}", Uuid::from_u128(7));
    assert_eq!(
        world
            .send("POST", &other_attempt, &headers, body.clone())
            .await
            .status,
        403,
        "the query is signed"
    );
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        assert_eq!(
            world.send(method, STATUS, &headers, body.clone()).await.status,
            405,
            "{method}"
        );
    }
    let json = [("content-type", "application/json"), headers[1]];
    assert_eq!(world.send("POST", STATUS, &json, body.clone()).await.status, 415);
    assert_eq!(
        world.post_signed(STATUS, "a".repeat(64 * 1024 + 1)).await.status,
        413
    );
    assert_eq!(world.count("jobs").await, 0);
    assert_eq!(world.quarantined().await, [""; 0]);
}

#[tokio::test]
async fn what_nobody_understands_is_quarantined_with_its_reason() {
    let world = World::begin().await;
    let many = "a=1&".repeat(10_000);
    let cases: [(&[u8], &str); 13] = [
        (b"", "CallSid is missing or malformed"),
        (many.as_bytes(), "the form has too many fields"),
        (b"CallSid=%zz", "the form has a broken escape"),
        (b"CallSid=\xff", "the form is not valid UTF-8"),
        (b"CallSid=%ED%A0%80", "the form is not valid UTF-8"),
        (b"CallSid=%00", "the form has a NUL character"),
        (b"CallSid=CA1&CallSid=CA2", "CallSid is given twice"),
        (b"CallSid='%3B+DROP+TABLE+jobs", "CallSid is missing or malformed"),
        (b"CallSid=CA1&From=%2B1403555123", "From is missing or malformed"),
        (
            b"CallSid=CA1&From=%2B14035550001&To=nobody",
            "To is missing or malformed",
        ),
        (
            b"CallSid=CA1&From=%2B14035550001&To=%2B15875550099",
            "the called number is none of our lines",
        ),
        (
            b"MessageSid=SM1&MessageStatus=sent",
            "MessageSid is missing or malformed",
        ),
        (
            b"MessageSid=SM00000000000000000000000000000001&MessageStatus=SENT'--",
            "MessageStatus is missing or malformed",
        ),
    ];
    for (body, reason) in cases {
        assert_eq!(world.post_signed(STATUS, body).await.status, 204, "{reason}");
        let last = world.quarantined().await.pop();
        assert_eq!(last, Some(format!("twilio_status: {reason}")));
    }
    for table in [
        "active_calls",
        "jobs",
        "attempts",
        "deliveries",
        "duplicate_evidence",
    ] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn no_answer_twice_and_then_completed_is_one_text() {
    let world = World::begin().await;
    for status in ["no-answer", "no-answer", "completed"] {
        assert_eq!(world.post_signed(STATUS, call_status(status)).await.status, 204);
    }
    world.run_jobs().await;
    world.minutes(2).await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
    assert_eq!(world.outcome_of(SID).await, "missed by call_status");
}

#[tokio::test]
async fn an_unknown_status_decides_nothing() {
    let world = World::begin().await;
    for status in [
        "foo",
        "",
        "NO-ANSWER",
        "no-answer; DROP TABLE jobs",
        &"x".repeat(5_000),
    ] {
        assert_eq!(
            world.post_signed(STATUS, call_status(status)).await.status,
            204,
            "{status}"
        );
    }
    world.run_jobs().await;
    assert_eq!(world.outcome_of(SID).await, "");
    assert_eq!(world.count("jobs").await, 0);
}

#[tokio::test]
async fn the_owners_telephone_is_not_a_call_to_us() {
    let world = World::begin().await;
    let leg = format!("{}&ParentCallSid=CA9", call_status("no-answer"));
    assert_eq!(world.post_signed(STATUS, leg).await.status, 204);
    assert_eq!(world.count("active_calls").await, 0);
    assert_eq!(world.quarantined().await, [""; 0], "nor is it anything odd");
}

#[tokio::test]
async fn a_report_for_no_attempt_of_ours_changes_no_attempt() {
    let world = World::begin().await;
    texted(&world).await;
    let before = ledger(&world).await;
    let unknown = Uuid::from_u128(7);
    for query in [
        "?attempt=".to_owned(),
        "?attempt=7".to_owned(),
        "?attempt=%27;%20DROP%20TABLE%20attempts;%20--".to_owned(),
        "?attempt=%00%ff".to_owned(),
        "?a=1&b".to_owned(),
        format!("?attempt={unknown}"),
    ] {
        let target = format!("{STATUS}{query}");
        let reply = world
            .post_signed(&target, message_status(MESSAGE, "delivered"))
            .await;
        assert_eq!(reply.status, 204, "{query}");
    }
    assert_eq!(ledger(&world).await, before);
    assert_eq!(world.evidence().await, ["no such attempt"]);
}

#[tokio::test]
async fn a_report_with_another_messages_id_is_kept_as_evidence() {
    let world = World::begin().await;
    let (attempt, _) = texted(&world).await;
    let before = ledger(&world).await;
    let target = format!("{STATUS}?attempt={attempt}");
    for _ in 0..2 {
        assert_eq!(
            world
                .post_signed(&target, message_status(MESSAGE, "sent"))
                .await
                .status,
            204
        );
    }
    assert_eq!(ledger(&world).await, before);
    assert_eq!(world.evidence().await, ["accepted while accepted"]);
}

#[tokio::test]
async fn the_furthest_status_counts_and_an_unknown_one_does_not() {
    let world = World::begin().await;
    let (attempt, sid) = texted(&world).await;
    let target = format!("{STATUS}?attempt={attempt}");
    for status in ["delivered", "sent", "queued", "teleported"] {
        assert_eq!(
            world
                .post_signed(&target, message_status(&sid, status))
                .await
                .status,
            204,
            "{status}"
        );
        assert_eq!(
            world
                .database
                .one("SELECT delivery FROM missed_calls")
                .await
                .as_deref(),
            Some("delivered")
        );
    }
    let odd = format!("{}&ErrorCode=not-a-number", message_status(&sid, "failed"));
    assert_eq!(world.post_signed(&target, odd).await.status, 204);
}

#[tokio::test]
async fn a_signed_report_replayed_a_hundred_times_changes_nothing() {
    let world = World::begin().await;
    world.twilio.on_next_send(Behaviour::AcceptThenReset);
    let (attempt, sid) = texted(&world).await;
    assert_eq!(world.job_of(SID).await, "unknown: the connection broke");
    let target = format!("{STATUS}?attempt={attempt}");
    for _ in 0..100 {
        world.post_signed(&target, message_status(&sid, "sent")).await;
        world.post_signed(STATUS, call_status("no-answer")).await;
    }
    assert_eq!(
        world.job_of(SID).await,
        "accepted",
        "the report proves that Twilio has it"
    );
    world.minutes(5).await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
    assert_eq!(
        (world.count("deliveries").await, world.evidence().await.len()),
        (1, 0)
    );
    let status = world
        .twilio
        .post_message_status(&sid, MessageStatus::Delivered)
        .await;
    assert_eq!(status.answer().status, 204);
}
