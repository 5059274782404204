//! What anybody can send to where Vapi tells.

use local::sandbox_vapi::ServerMessage;
use serde_json::{Value, json};
use system_tests::{CALLER, LINE, TestDatabase, VAPI, World};
use uuid::Uuid;

use super::*;
use crate::logs::Log;

/// Everything that is known of calls and of who wants none.
async fn ledger(world: &World) -> String {
    let query = "SELECT concat_ws(E'\n',
        (SELECT string_agg(to_jsonb(jobs)::text, ',' ORDER BY id) FROM jobs),
        (SELECT string_agg(to_jsonb(attempts)::text, ',' ORDER BY id) FROM attempts),
        (SELECT string_agg(to_jsonb(call_results)::text, ',' ORDER BY provider_id) FROM call_results),
        (SELECT string_agg(to_jsonb(opt_outs)::text, ',' ORDER BY id) FROM opt_outs),
        (SELECT string_agg(to_jsonb(duplicate_evidence)::text, ',' ORDER BY id) FROM duplicate_evidence))";
    world.database.one(query).await.expect("a row")
}

/// The end of Ann's call, in which she says stop.
fn stopped(world: &World) -> ServerMessage {
    ann_says(world, "Stop calling me.");
    world.vapi.end_of_call_report(&id(world))
}

#[tokio::test]
async fn nobody_but_vapi_is_believed_and_only_now() {
    let world = called(Owed::Daily).await;
    let honest = stopped(&world);
    let before = ledger(&world).await;
    let now = shared::platform::gate::Gate::default().now();
    let now = now
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let at = |time: u64| honest.clone().signed_at(&time.to_string());
    for forged in [
        at(now).unsigned(),
        at(now).signed_with("wrong"),
        at(now).signed_with(""),
        at(now).smuggling(|body| body["message"]["endedReason"] = json!("voicemail")),
        at(now - 3_600),
        at(now + 3_600),
        honest.clone().signed_at(""),
        honest.clone().signed_at("now"),
        at(now).with_bearer(),
        at(now).with_vapi_secret(),
    ] {
        let reply = world.post_as_vapi(forged.clone()).await;
        assert_eq!(reply.status, 401, "{forged:?}");
        assert!(
            !reply.body.contains("secret") && !reply.body.contains("sign"),
            "{}",
            reply.body
        );
    }
    assert_eq!(ledger(&world).await, before);
    assert_eq!(world.quarantined().await, [""; 0]);
    assert_eq!(world.post_as_vapi(at(now)).await.status, 200);
    assert_ne!(ledger(&world).await, before);
}

#[tokio::test]
async fn the_secret_itself_is_enough_only_where_somebody_said_so() {
    let database = TestDatabase::new().await;
    let url = database.application_url().await;
    let world = World::without_lines(database, url, |settings| {
        settings.with("VAPI_WEBHOOK_AUTH", "secret")
    })
    .await;
    call(&world, Owed::Daily).await;
    let honest = stopped(&world);
    for forged in [honest.clone().unsigned(), honest.clone().signed_with("wrong")] {
        assert_eq!(world.vapi_tells(forged).await.status, 401);
    }
    assert_eq!(opt_outs(&world).await, "nobody");
    assert_eq!(world.post_as_vapi(honest.clone().with_bearer()).await.status, 200);
    assert_eq!(opt_outs(&world).await, format!("{ANN} by call"));
    for fine in [honest.clone(), honest.with_vapi_secret()] {
        assert_eq!(world.vapi_tells(fine).await.status, 200);
    }
}

#[tokio::test]
async fn what_is_not_a_posted_json_of_a_sensible_size_is_refused() {
    let world = World::begin().await;
    let json = ("content-type", "application/json");
    let form = ("content-type", "application/x-www-form-urlencoded");
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        assert_eq!(
            world.send(method, VAPI, &[json], "{}").await.status,
            405,
            "{method}"
        );
    }
    assert_eq!(world.send("POST", VAPI, &[form], "{}").await.status, 415);
    assert_eq!(world.send("POST", VAPI, &[], "{}").await.status, 415);
    assert_eq!(
        world
            .send("POST", VAPI, &[json], vec![b' '; 6 * 1024 * 1024 + 1])
            .await
            .status,
        413
    );
    assert_eq!(world.send("POST", VAPI, &[json], "{}").await.status, 401);
}

#[tokio::test]
async fn a_message_that_nothing_follows_from_is_acknowledged() {
    let world = called(Owed::Daily).await;
    let before = ledger(&world).await;
    for kind in [
        "speech-update",
        "conversation-update",
        "transcript",
        "hang",
        "tool-calls",
        "entirely-new",
        "",
    ] {
        let message =
            json!({ "type": kind, "call": { "id": id(&world) }, "transcript": "User: Stop calling me." });
        let reply = world.vapi_tells(world.vapi.message(message)).await;
        assert_eq!(
            (reply.status, reply.json()),
            (200, json!({ "ok": true })),
            "{kind}"
        );
    }
    let asked = world
        .vapi
        .message(json!({ "type": "assistant-request", "call": {} }));
    let reply = world.vapi_tells(asked).await;
    assert_eq!(reply.status, 200);
    assert!(reply.json()["error"].is_string(), "{}", reply.body);
    assert_eq!(ledger(&world).await, before);
    assert_eq!(world.quarantined().await, [""; 0]);
}

#[tokio::test]
async fn a_call_that_is_none_of_ours_changes_nothing_and_somebody_is_told() {
    let world = called(Owed::Daily).await;
    // A text's attempt is no call's.
    let text = Uuid::new_v4();
    let sql = format!(
        "INSERT INTO jobs (id, kind, cause, recipient, line, origin, caused_at, due_at, expires_at, state, lease_token, lease_until)
         VALUES ('{text}', 'missed_call_text', 'CA1', '{CALLER}', '{LINE}', 'dial_result', switchboard_now(), switchboard_now(),
                 switchboard_now() + interval '2 hours', 'in_flight', gen_random_uuid(), switchboard_now() + interval '1 hour');
         INSERT INTO attempts (job_id, content) VALUES ('{text}', 'hello')"
    );
    world.database.sql(&sql).await;
    let attempt = world
        .database
        .one("SELECT id FROM attempts WHERE channel = 'sms'")
        .await
        .expect("an attempt");
    let before = ledger(&world).await;
    let honest = stopped(&world);
    for name in [json!(null), json!("typed by hand"), json!(7), json!(attempt)] {
        let (log, guard) = Log::begin();
        let strange = honest.clone().with(|body| {
            body["message"]["call"]["id"] = json!("another-call");
            body["message"]["call"]["name"] = name.clone();
            body["message"]["call"]["assistantOverrides"] = Value::Null;
            body["message"]["assistant"] = Value::Null;
        });
        assert_eq!(world.vapi_tells(strange).await.status, 200, "{name}");
        drop(guard);
        assert_eq!(ledger(&world).await, before, "{name}");
        assert!(
            log.of_the_product().contains("names no attempt of ours"),
            "{name}"
        );
    }
    // One that names an attempt that nobody made is kept as evidence.
    let nobodys = Uuid::new_v4();
    let strange = honest.clone().with(|body| {
        body["message"]["call"] = json!({ "id": "another-call", "name": nobodys, "status": "ended" });
        body["message"]["assistant"] = Value::Null;
    });
    assert_eq!(world.vapi_tells(strange).await.status, 200);
    assert_eq!(world.evidence().await, ["no such attempt"]);
    assert_eq!(
        (opt_outs(&world).await.as_str(), world.count("call_results").await),
        ("nobody", 0)
    );
}

#[tokio::test]
async fn what_cannot_be_understood_is_kept_for_a_person_and_acknowledged() {
    let world = called(Owed::Daily).await;
    let before = ledger(&world).await;
    let empty = world.vapi.message(json!(null));
    let broken: [(&str, Value); 8] = [
        ("message is missing or malformed", json!({})),
        ("message is missing or malformed", json!([])),
        ("message is missing or malformed", json!(null)),
        ("message.type is missing or malformed", json!({ "message": "x" })),
        (
            "message.type is missing or malformed",
            json!({ "message": { "type": 7 } }),
        ),
        (
            "message.call.id is missing or malformed",
            json!({ "message": { "type": "status-update" } }),
        ),
        (
            "message.call.id is missing or malformed",
            json!({ "message": { "type": "end-of-call-report", "call": { "id": "../../x" } } }),
        ),
        (
            "message.call.id is missing or malformed",
            json!({ "message": { "type": "status-update", "call": { "id": "x".repeat(65) } } }),
        ),
    ];
    for (_, body) in &broken {
        let message = empty.clone().with(|sent| *sent = body.clone());
        assert_eq!(world.vapi_tells(message).await.status, 200, "{body}");
    }
    let reasons: Vec<_> = broken
        .iter()
        .map(|(reason, _)| format!("vapi: {reason}"))
        .collect();
    assert_eq!(world.quarantined().await, reasons);
    assert_eq!(ledger(&world).await, before);
}

#[tokio::test]
async fn bytes_that_are_no_json_are_kept_only_as_having_come() {
    let world = World::begin().await;
    let secret = world.vapi.webhook_secret();
    let now = shared::platform::gate::Gate::default().now();
    let now = now
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
        .to_string();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)).into_bytes();
    for body in [
        b"".to_vec(),
        b"{\"message\":".to_vec(),
        b"User: Stop calling me.".to_vec(),
        vec![0xff, 0],
        deep,
    ] {
        let signature = local::sandbox_vapi::sign(&secret, &now, &body);
        let headers = [
            ("content-type", "application/json; charset=utf-8"),
            ("x-timestamp", now.as_str()),
            ("x-signature", signature.as_str()),
        ];
        assert_eq!(world.send("POST", VAPI, &headers, body).await.status, 200);
    }
    // What is the same is kept once.
    assert_eq!(world.quarantined().await, ["vapi: the body is not JSON"]);
    let kept = "SELECT sum(length(payload))::text FROM quarantined_events";
    assert_eq!(world.database.one(kept).await.as_deref(), Some("0"));
}

#[tokio::test]
async fn a_transcript_of_megabytes_is_listened_to_as_far_as_anybody_talks() {
    let world = called(Owed::Daily).await;
    ann_says(&world, "Please stop calling me.\u{0}\u{7}");
    world.vapi.update_call(&id(&world), |call| {
        call.say("user", &"blah \u{1f4a9} \u{0} ".repeat(250_000));
    });
    let reply = world.vapi_tells(world.vapi.end_of_call_report(&id(&world)).with(|body| {
        // Said once is enough.
        body["message"]["call"]["artifact"] = Value::Null;
        body["message"]["artifact"]["transcript"] = Value::Null;
    }));
    assert_eq!(reply.await.status, 200);
    assert_eq!(
        result(&world).await,
        "answered customer-ended-call spoke by webhook"
    );
    assert_eq!(opt_outs(&world).await, format!("{ANN} by call"));
}

#[tokio::test]
async fn times_and_words_that_are_none_harm_nobody() {
    let world = called(Owed::Daily).await;
    world.vapi.end_call(&id(&world), "customer-busy");
    let strange = world.vapi.end_of_call_report(&id(&world)).with(|body| {
        body["message"]["startedAt"] = json!("9999999-01-01T00:00:00Z");
        body["message"]["endedAt"] = json!(-1);
        body["message"]["call"]["endedAt"] = json!("yesterday");
        body["message"]["endedReason"] = json!("customer-busy\u{0}".to_owned() + &"x".repeat(10_000));
        body["message"]["artifact"] =
            json!({ "messages": [null, 7, { "role": "user" }, { "role": "user", "message": 7 }] });
    });
    assert_eq!(world.vapi_tells(strange).await.status, 200);
    let kept = "SELECT result || ' ' || length(ended_reason) FROM call_results";
    assert_eq!(world.database.one(kept).await.as_deref(), Some("unclear 200"));
}
