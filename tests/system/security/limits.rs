//! How much of a request is read, and that nothing in it can make it more.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use system_tests::{CALLER, CRON_SECRET, DIAL_RESULT, FORM, JOB_RUNNER_TOKEN, STATUS, VOICE, World, form};

use super::{SID, assert_nothing_came_of_it, call_form};

const LIMIT: usize = 64 * 1024;
/// A missed call of [`SID`], compressed.
const COMPRESSED: &str = "H4sIAAAAAAAC/3NOzMkJzkyxdXY0wA8M1dyK8nNtVY2cDE0MjE1NTcFiIflgEVMLc4iImZpLZmKOM8jQksSS0mLbvHzdxLzi8tQiNWyCAD5GBxp+AAAA";

fn missed() -> String {
    call_form(
        SID,
        &[("DialCallStatus", "no-answer"), ("CallStatus", "no-answer")],
    )
}

#[tokio::test]
async fn a_form_is_read_up_to_64_kib_and_not_a_byte_further() {
    for target in [VOICE, DIAL_RESULT, STATUS] {
        let world = World::begin().await;
        let padded = |length: usize| {
            let body = missed();
            format!("{body}&Pad={}", "x".repeat(length - body.len() - "&Pad=".len()))
        };
        // The unsigned one is not even looked at.
        let unsigned = world.send("POST", target, &[FORM], padded(LIMIT + 1)).await;
        assert_eq!(unsigned.status, 413, "{target}");
        assert_eq!(
            world.post_signed(target, padded(LIMIT + 1)).await.status,
            413,
            "{target}"
        );
        assert_nothing_came_of_it(&world, target).await;
        assert_eq!(world.count("active_calls").await, 0, "{target}");
        assert!(matches!(
            world.post_signed(target, padded(LIMIT)).await.status,
            200 | 204
        ));
        assert_eq!(world.count("active_calls").await, 1, "{target}");
    }
}

#[tokio::test]
async fn two_hundred_fields_are_a_form_and_one_more_is_not() {
    let world = World::begin().await;
    let with = |fields: usize| {
        let body = missed();
        let more = fields - body.split('&').count();
        body + &"&x=1".repeat(more)
    };
    assert_eq!(world.post_signed(STATUS, with(201)).await.status, 204);
    assert_eq!(
        world.quarantined().await,
        ["twilio_status: the form has too many fields"]
    );
    assert_nothing_came_of_it(&world, "201 fields").await;
    assert_eq!(world.post_signed(STATUS, with(200)).await.status, 204);
    assert_eq!(world.count("jobs").await, 1);
}

#[tokio::test]
async fn a_hundred_thousand_fields_are_counted_by_nobody() {
    let world = World::begin().await;
    let many = "a&".repeat(100_000);
    for target in [VOICE, DIAL_RESULT, STATUS] {
        assert_eq!(
            world.post_signed(target, many.clone()).await.status,
            413,
            "{target}"
        );
        // As many as there is room for.
        let full = world.send("POST", target, &[FORM], "&".repeat(LIMIT)).await;
        assert_eq!(full.status, 403, "{target}");
    }
    assert_eq!(world.quarantined().await, [""; 0]);
    assert_nothing_came_of_it(&world, "many fields").await;
}

/// What nobody decompresses cannot grow.
#[tokio::test]
async fn what_comes_compressed_stays_compressed() {
    let world = World::begin().await;
    let compressed = BASE64_STANDARD.decode(COMPRESSED).expect("base64");
    assert!(compressed.starts_with(&[0x1f, 0x8b]));
    for target in [VOICE, DIAL_RESULT, STATUS] {
        for encoding in ["gzip", "deflate", "br", "gzip, gzip"] {
            let of_the_form = world.signature_of(target, missed().as_bytes());
            let headers = [
                FORM,
                ("content-encoding", encoding),
                ("x-twilio-signature", of_the_form.as_str()),
            ];
            let reply = world.send("POST", target, &headers, compressed.clone()).await;
            assert_eq!(
                reply.status, 403,
                "{target} {encoding}: its form is not looked for"
            );
            let of_the_bytes = world.signature_of(target, &compressed);
            let headers = [
                headers[0],
                headers[1],
                ("x-twilio-signature", of_the_bytes.as_str()),
            ];
            let reply = world.send("POST", target, &headers, compressed.clone()).await;
            assert!(
                matches!(reply.status, 200 | 204),
                "{target} {encoding}: kept as it is"
            );
        }
    }
    let reasons = world.quarantined().await;
    assert!(
        reasons.len() == 2
            && reasons
                .iter()
                .all(|reason| reason.ends_with("the form is not valid UTF-8")),
        "{reasons:?}"
    );
    assert_nothing_came_of_it(&world, "compressed").await;
}

#[tokio::test]
async fn what_is_deep_reaches_no_parser() {
    let world = World::begin().await;
    for deep in ["[".repeat(10_000), "{\"a\":".repeat(10_000)] {
        for media_type in ["application/json", FORM.1] {
            for target in [VOICE, DIAL_RESULT, STATUS] {
                let headers = [("content-type", media_type)];
                let reply = world.send("POST", target, &headers, deep.clone()).await;
                assert!(matches!(reply.status, 403 | 415), "{target}: {reply:?}");
            }
        }
        // People's routes have a key and no body.
        for (method, path, key) in [
            ("GET", "/api/cron/run-outbound-jobs", CRON_SECRET),
            ("POST", "/api/jobs/run-outbound", JOB_RUNNER_TOKEN),
        ] {
            let bearer = format!("Bearer {key}");
            let headers = [("content-type", "application/json"), ("authorization", &bearer)];
            assert_eq!(world.send(method, path, &headers, deep.clone()).await.status, 200);
        }
        // A tick that is too deep to be read is none.
        let passed_on = serde_json::json!({ "source": deep });
        assert_eq!(
            world.invoke("cleanup", passed_on).await.expect("an answer")["ok"],
            false
        );
    }
    assert_nothing_came_of_it(&world, "deep").await;
}

#[tokio::test]
async fn a_header_and_a_query_are_as_long_as_the_gateway_lets_them_be() {
    let world = World::begin().await;
    let long = "A".repeat(8_000);
    let query = format!("{STATUS}?attempt={long}");
    let report = form(&[
        ("MessageSid", "SM00000000000000000000000000000001"),
        ("MessageStatus", "sent"),
    ]);
    assert_eq!(world.post_signed(&query, report).await.status, 204);
    let bearer = format!("Bearer {long}");
    for headers in [
        [("authorization", bearer.as_str())],
        [("x-vercel-cron", long.as_str())],
    ] {
        let reply = world
            .send("GET", "/api/cron/check-missed-calls", &headers, "")
            .await;
        assert_eq!(reply.status, 401);
    }
    let call = form(&[("CallSid", SID), ("From", CALLER), ("To", &long)]);
    assert_eq!(world.post_signed(DIAL_RESULT, call).await.status, 200);
    assert_eq!(world.count("active_calls").await, 0);
}
