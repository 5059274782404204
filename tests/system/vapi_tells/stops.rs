//! A customer who says stop in a call is called and texted no more.

use std::time::Duration;

use local::sandbox::{Outcome, Ring};
use system_tests::{LINE, World};

use super::*;
use crate::logs::Log;

/// Ann rings the business, and nobody answers.
async fn ann_rings(world: &World) {
    let ring = Ring::new(ANN, LINE, Outcome::NoAnswer).ringing_for(Duration::ZERO);
    world.twilio.ring(ring).await;
    world.run_jobs().await;
}

async fn nobody_reaches_ann(world: &World, about: &str) {
    assert_eq!(opt_outs(world).await, format!("{ANN} by call"), "{about}");
    let calls = requests(world);
    world.pass(DAY).await;
    owe(world, "ann", Owed::Daily).await;
    ann_rings(world).await;
    minutes(world, 5).await;
    assert_eq!(
        (requests(world), world.texts_to(ANN).len()),
        (calls, 0),
        "{about}"
    );
    let suppressed = "SELECT string_agg(DISTINCT state_reason, ', ') FROM jobs WHERE state = 'suppressed'";
    assert_eq!(
        world.database.one(suppressed).await.as_deref(),
        Some("opted_out"),
        "{about}"
    );
}

#[tokio::test]
async fn whoever_says_stop_is_neither_called_nor_texted_any_more() {
    for words in [
        "Please stop calling me.",
        "Who is this?\nTake me off your list!",
        "STOP",
        "Ne m'appelez plus, s'il vous plaît.",
        "If that number is on it, remove it.",
    ] {
        let world = called(Owed::Daily).await;
        ann_says(&world, words);
        report(&world).await;
        nobody_reaches_ann(&world, words).await;
    }
}

#[tokio::test]
async fn a_stop_is_heard_from_whoever_tells_of_it_first() {
    let polled = called(Owed::Daily).await;
    ann_says(&polled, "Do not call me again.");
    minutes(&polled, 17).await;
    nobody_reaches_ann(&polled, "asked for").await;

    let early = called(Owed::Daily).await;
    let id = id(&early);
    let told = early.vapi.status_update(&id).with(|body| {
        body["message"]["artifact"] = serde_json::json!({ "transcript": "User: Stop calling me.\n" });
    });
    assert_eq!(early.vapi_tells(told).await.status, 200);
    nobody_reaches_ann(&early, "while it goes on").await;
}

/// It is a person who wants no more calls, and not a number.
#[tokio::test]
async fn a_stop_goes_along_to_the_number_that_they_have_next() {
    for is_told_before in [true, false] {
        let world = called(Owed::Daily).await;
        ann_says(&world, "Stop calling me.");
        let moves = async || {
            world
                .database
                .sql("UPDATE customers SET phone = '+14035550199' WHERE id = 'ann'")
                .await;
        };
        if is_told_before {
            report(&world).await;
            moves().await;
        } else {
            moves().await;
            report(&world).await;
        }
        let calls = requests(&world);
        world.pass(DAY).await;
        owe(&world, "ann", Owed::Daily).await;
        minutes(&world, 5).await;
        assert_eq!(requests(&world), calls, "told before: {is_told_before}");
    }
}

/// That a call is over is told without a word of it, and what was said comes once, or never.
#[tokio::test]
async fn a_stop_is_heard_though_nobody_reports_more_than_that_the_call_is_over() {
    let world = called(Owed::Daily).await;
    ann_says(&world, "Stop calling me.");
    let told = world.vapi.status_update(&id(&world)).with(|body| {
        let message = body["message"].as_object_mut().expect("a message");
        message.remove("artifact");
        message.retain(|name, _| !["messages", "transcript"].contains(&name.as_str()));
        if let Some(call) = message.get_mut("call").and_then(serde_json::Value::as_object_mut) {
            call.retain(|name, _| !["artifact", "messages", "transcript"].contains(&name.as_str()));
        }
    });
    assert_eq!(world.vapi_tells(told).await.status, 200);
    assert_eq!(opt_outs(&world).await, "nobody", "nothing was said of it yet");
    minutes(&world, 4).await;
    nobody_reaches_ann(&world, "asked for").await;
    assert_eq!(
        result(&world).await,
        "answered customer-ended-call spoke by webhook"
    );
}

#[tokio::test]
async fn whoever_says_nothing_of_the_kind_is_called_on() {
    for words in [
        "Yes, fine. Stop by tomorrow!",
        "I can't stop laughing.",
        "Don't stop.",
        "Call me back later.",
    ] {
        let world = called(Owed::Daily).await;
        ann_says(&world, words);
        report(&world).await;
        assert_eq!(opt_outs(&world).await, "nobody", "{words}");
        world.pass(DAY).await;
        owe(&world, "ann", Owed::Daily).await;
        minutes(&world, 2).await;
        assert_eq!(requests(&world), 2, "{words}");
    }
}

#[tokio::test]
async fn a_mailbox_that_explains_its_keys_has_asked_for_nothing() {
    for (words, stopped) in [
        ("To stop this call press nine.", "nobody".to_owned()),
        ("Stop calling me.", format!("{ANN} by call")),
    ] {
        let world = called(Owed::Daily).await;
        ann_says(&world, words);
        world.vapi.end_call(&id(&world), "voicemail");
        report(&world).await;
        assert_eq!(opt_outs(&world).await, stopped, "{words}");
    }
}

#[tokio::test]
async fn a_stop_that_is_told_again_after_a_change_of_mind_is_an_old_one() {
    let world = called(Owed::Daily).await;
    ann_says(&world, "Stop calling me.");
    report(&world).await;
    world.pass(MINUTE).await;
    world
        .database
        .sql("UPDATE opt_outs SET revoked_at = switchboard_now(), revoked_by = 'START'")
        .await;
    report(&world).await;
    assert_eq!(opt_outs(&world).await, "nobody");
    // In another call it is another stop.
    world.pass(DAY).await;
    owe(&world, "ann", Owed::Daily).await;
    world.run_calls().await;
    let second = world.calls_to(ANN)[1].id.clone();
    world
        .vapi
        .update_call(&second, |call| call.say("user", "Stop calling me."));
    world.vapi.end_call(&second, "customer-ended-call");
    world.vapi_tells(world.vapi.end_of_call_report(&second)).await;
    assert_eq!(opt_outs(&world).await, format!("{ANN} by call"));
}

/// Every row of every table, payloads as the text that they are.
async fn everything_kept(world: &World) -> String {
    let owner = world.database.owner();
    let tables = "SELECT table_name::text FROM information_schema.tables
                  WHERE table_schema = 'public' AND table_type = 'BASE TABLE'";
    let mut kept = String::new();
    for table in owner.query(tables, &[]).await.expect("tables") {
        let table: String = table.get(0);
        let rows = format!("SELECT coalesce(string_agg(\"{table}\"::text, ' '), '') FROM \"{table}\"");
        kept += &owner
            .query_one(&rows, &[])
            .await
            .expect("rows")
            .get::<_, String>(0);
    }
    let payloads =
        "SELECT coalesce(string_agg(convert_from(payload, 'UTF8'), ' '), '') FROM quarantined_events";
    kept + &owner
        .query_one(payloads, &[])
        .await
        .expect("rows")
        .get::<_, String>(0)
}

/// Whatever is said, and whatever credentials a message holds, stay where they are.
#[tokio::test]
async fn no_word_of_a_call_and_no_credential_is_kept_or_logged() {
    let (log, _guard) = Log::begin();
    let world = called(Owed::Daily).await;
    ann_says(&world, "My kitchen is under water. Stop calling me.");
    let id = id(&world);
    update(&world).await;
    report(&world).await;
    let nameless = world
        .vapi
        .end_of_call_report(&id)
        .with(|body| body["message"]["call"]["id"] = 7.into());
    assert_eq!(world.vapi_tells(nameless).await.status, 200);
    assert_eq!(
        world.quarantined().await,
        ["vapi: message.call.id is missing or malformed"]
    );
    let by_another_name = world
        .vapi
        .end_of_call_report(&id)
        .with(|body| body["message"]["type"] = "transcript".into());
    assert_eq!(world.vapi_tells(by_another_name).await.status, 200);
    minutes(&world, 17).await;

    let log = log.of_the_product();
    let kept = everything_kept(&world).await;
    assert!(kept.contains("customer-ended-call"), "{kept}");
    for word in [
        "kitchen",
        "under water",
        "test-twilio-auth-token",
        "test-server-secret",
        "vapi.example",
        "the-vapi-word",
        "the-vapi-key",
    ] {
        assert!(!kept.contains(word), "a table holds {word}");
        assert!(!log.contains(word), "the log says {word}");
    }
    assert!(!log.contains(&ANN[2..]), "the log names a number");
}
