//! Everything that can be reached, and what it says to those who have no key.

use std::collections::BTreeSet;

use local::template::Template;
use system_tests::{CRON_SECRET, FORM, JOB_RUNNER_TOKEN, SHOP, SMS, STATUS, STRIPE, VAPI, VOICE, World};

use super::{SID, assert_nothing_came_of_it, call_form};
use crate::architecture::sources;

/// Every function, and everything that can set it going. What is added is thought about here.
const INVENTORY: [&str; 22] = [
    "call-scheduler by GET /api/calls/process",
    "call-scheduler by rate(1 minute)",
    "cleanup by cron(0 4 ? * SUN *)",
    "cleanup by DELETE /api/cron/cleanup-old-calls",
    "customers-webhook by ANY /api/webhooks/customers",
    "job-runner by CallsQueue",
    "job-runner by MessagesQueue",
    "job-runner by RepliesQueue",
    "job-sweeper by GET /api/cron/run-outbound-jobs",
    "job-sweeper by POST /api/jobs/run-outbound",
    "job-sweeper by rate(1 minute)",
    "missed-call-poller by GET /api/cron/check-missed-calls",
    "missed-call-poller by rate(1 minute)",
    "stripe-webhook by ANY /api/webhooks/stripe",
    "twilio-sms-webhook by ANY /api/webhooks/twilio/sms",
    "twilio-status-webhook by ANY /api/webhooks/twilio/status",
    "twilio-voice-webhook by ANY /api/webhooks/twilio/voice",
    "vapi-webhook by ANY /api/webhooks/vapi",
    "whatsapp-webhook by ANY /api/webhooks/whatsapp",
    "gateway Api",
    "domain ApiDomain",
    "domain ApiDomainMapping",
];
/// The doors that a key opens: method, path, key.
const KEYED: [(&str, &str, &str); 5] = [
    ("GET", "/api/cron/check-missed-calls", CRON_SECRET),
    ("GET", "/api/calls/process", CRON_SECRET),
    ("GET", "/api/cron/run-outbound-jobs", CRON_SECRET),
    ("DELETE", "/api/cron/cleanup-old-calls", CRON_SECRET),
    ("POST", "/api/jobs/run-outbound", JOB_RUNNER_TOKEN),
];
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND",
];
const MEDIA_TYPES: [&str; 8] = [
    FORM.1,
    "Application/X-WWW-Form-URLEncoded",
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded-not",
    "application/x-www-form-urlencoded, application/json",
    "",
];

#[test]
fn everything_that_can_be_reached_is_in_the_inventory() {
    let template = Template::own().expect("template.yaml");
    let mut found = BTreeSet::new();
    for route in &template.routes {
        found.insert(format!("{} by {}", route.function, route.key()));
    }
    for trigger in &template.queue_triggers {
        found.insert(format!("{} by {}", trigger.function, trigger.queue));
    }
    let resources = template.document["Resources"].as_object().expect("resources");
    for (id, resource) in resources {
        let kind = resource["Type"].as_str().expect("a type");
        match kind {
            "AWS::Serverless::Function" => {
                let binary = resource["Metadata"]["BuildProperties"]["Binary"].as_str();
                let binary = binary.expect("a binary");
                assert!(
                    resource["Properties"].get("FunctionUrlConfig").is_none(),
                    "{id} has an address of its own"
                );
                for event in resource["Properties"]["Events"]
                    .as_object()
                    .expect("events")
                    .values()
                {
                    if let Some(expression) = event["Properties"]["ScheduleExpression"].as_str() {
                        found.insert(format!("{binary} by {expression}"));
                    }
                }
            }
            "AWS::Serverless::HttpApi" => {
                let properties = resource["Properties"].as_object().expect("properties");
                assert!(
                    !properties.contains_key("CorsConfiguration"),
                    "{id}: no browser has business here"
                );
                found.insert(format!("gateway {id}"));
            }
            "AWS::ApiGatewayV2::DomainName" | "AWS::ApiGatewayV2::ApiMapping" => {
                found.insert(format!("domain {id}"));
            }
            "AWS::IAM::Role" | "AWS::Logs::LogGroup" | "AWS::SQS::Queue" => {}
            other => panic!("{id}: what can a {other} be reached by?"),
        }
    }
    let inventory: BTreeSet<_> = INVENTORY.iter().map(|entry| (*entry).to_owned()).collect();
    assert_eq!(found, inventory);
}

#[test]
fn who_does_not_speak_with_twilio_is_not_told_of_its_account() {
    let template = Template::own().expect("template.yaml");
    let told = |name: &str| -> BTreeSet<_> {
        let functions = template.functions.iter();
        let told = functions.filter(|function| function.environment.contains_key(name));
        told.map(|function| function.binary.clone()).collect()
    };
    let speaks = ["job-runner", "job-sweeper", "missed-call-poller"].map(str::to_owned);
    assert_eq!(told("TWILIO_ACCOUNT_SID"), speaks.into());
    // Nobody sends what is deployed to another Twilio, nor lets libraries log what they carry.
    for name in ["TWILIO_API_BASE_URL", "RUST_LOG"] {
        assert_eq!(told(name), BTreeSet::new(), "{name}");
    }
}

/// Whoever keeps the gate can lose a permit or hear of it; that is for tests.
#[test]
fn nobody_keeps_the_gate_of_what_is_deployed() {
    let functions = sources("functions");
    assert!(functions.len() >= 12, "{}", functions.len());
    for (name, code) in functions {
        for way in ["with_gate", "kept_by", "Keeper"] {
            assert!(!code.contains(way), "{name} says {way}");
        }
    }
}

#[tokio::test]
async fn without_a_key_every_door_is_shut_and_no_other_is_there() {
    let world = World::begin().await;
    let doors: BTreeSet<_> = KEYED
        .iter()
        .map(|door| door.1)
        .chain([VOICE, STATUS, SMS, VAPI, STRIPE, SHOP])
        .collect();
    for path in &doors {
        for method in METHODS {
            let reply = world.send(method, path, &[FORM], "").await;
            let is_shut = matches!(reply.status, 401 | 403 | 404 | 405 | 415);
            assert!(is_shut, "{method} {path}: {reply:?}");
        }
    }
    let elsewhere = [
        "/",
        "//",
        "/api",
        "/api/",
        "/index.html",
        "/.env",
        "/.git/config",
        "/admin",
        "/health",
        "/debug",
        "/metrics",
        "/api/cron",
        "/api/cron/",
        "/api/cron/check-missed-calls/",
        "/api/cron/check-missed-calls/x",
        "/api/cron/check-missed-calls%00",
        "/api/cron/check-missed-calls;x",
        "/API/CRON/check-missed-calls",
        "/api/cron/../cron/check-missed-calls/..%2f",
        "/api//cron/check-missed-calls",
        "/$default/api/cron/check-missed-calls",
        "/prod/api/cron/check-missed-calls",
        "/api/jobs",
        "/api/jobs/run",
        "/api/webhooks",
        "/api/webhooks/twilio",
        "/api/webhooks/twilio/sms/",
        "/api/webhooks/twilio/mms",
        "/api/webhooks/twilio/voice/",
        "/api/webhooks/twilio/voice/result",
        "/api/webhooks/meta",
        "/api/webhooks/vapi/",
        "/api/webhooks/vapi/x",
        "/2015-03-31/functions/job-runner/invocations",
    ];
    let bearer = format!("Bearer {CRON_SECRET}");
    for path in elsewhere {
        for method in METHODS {
            // Nor does a key help where there is no door.
            for headers in [vec![FORM], vec![("authorization", bearer.as_str())]] {
                let reply = world.send(method, path, &headers, "").await;
                assert_eq!(reply.status, 404, "{method} {path}");
            }
        }
    }
    assert_nothing_came_of_it(&world, "without a key").await;
    assert_eq!(world.twilio.requests().len(), 0, "nothing ran");
}

#[tokio::test]
async fn every_door_takes_its_own_method_and_media_type_and_no_other() {
    let world = World::begin().await;
    let body = call_form(SID, &[("CallStatus", "ringing")]);
    for (path, good) in [(VOICE, 200), (STATUS, 204), (SMS, 200)] {
        let signature = world.signature_of(path, body.as_bytes());
        for method in METHODS {
            for media_type in MEDIA_TYPES {
                let headers = [
                    ("content-type", media_type),
                    ("x-twilio-signature", signature.as_str()),
                ];
                let reply = world.send(method, path, &headers, body.clone()).await;
                let is_form = MEDIA_TYPES[..2].contains(&media_type);
                let expected = match (method, is_form) {
                    ("POST", true) => good,
                    ("POST", false) => 415,
                    _ => 405,
                };
                assert_eq!(reply.status, expected, "{method} {path} {media_type:?}");
            }
        }
    }
    for (own, path, key) in KEYED {
        let bearer = format!("Bearer {key}");
        for method in METHODS {
            for media_type in MEDIA_TYPES {
                let headers = [("content-type", media_type), ("authorization", bearer.as_str())];
                // A body has nothing to say here, whatever it is.
                let reply = world.send(method, path, &headers, "[".repeat(100)).await;
                let expected = if method == own { 200 } else { 404 };
                assert_eq!(reply.status, expected, "{method} {path} {media_type:?}");
            }
        }
    }
}

/// Whatever is refused says no more than it must: a word of ours, or a reference for the log.
#[tokio::test]
async fn an_answer_says_nothing_of_what_is_behind_it() {
    let world = World::begin().await;
    // The pool has to find out about each of these by itself.
    let damages = [
        "ALTER TABLE active_calls RENAME TO elsewhere",
        "ALTER TABLE elsewhere RENAME TO active_calls; REVOKE ALL ON active_calls, jobs, attempts FROM switchboard_app;
         REVOKE ALL ON quarantined_events FROM switchboard_app",
        "DROP SCHEMA public CASCADE",
    ];
    world.sqs.fail_sends(true);
    let mut answers = BTreeSet::new();
    for damage in damages {
        world.database.sql(damage).await;
        let body = call_form(
            SID,
            &[("DialCallStatus", "no-answer"), ("CallStatus", "no-answer")],
        );
        let mut replies = Vec::new();
        for target in [VOICE, STATUS, SMS] {
            replies.push(world.post_signed(target, body.clone()).await);
            replies.push(world.post_signed(target, "CallSid=%zz").await);
            replies.push(world.send("POST", target, &[FORM], body.clone()).await);
        }
        for (method, path, key) in KEYED {
            let bearer = format!("Bearer {key}");
            replies.push(world.send(method, path, &[("authorization", &bearer)], "").await);
            replies.push(world.send(method, path, &[], "").await);
        }
        for reply in replies {
            if reply.status < 400 {
                continue;
            }
            let mut said = reply.json();
            if let Some(reference) = said.get("reference").and_then(|reference| reference.as_str()) {
                assert!(uuid::Uuid::parse_str(reference).is_ok(), "{said}");
                said["reference"] = "…".into();
            }
            answers.insert(format!("{} {said}", reply.status));
        }
    }
    let told: Vec<&str> = answers.iter().map(String::as_str).collect();
    assert_eq!(
        told,
        [
            r#"401 {"error":"Unauthorized","ok":false}"#,
            r#"403 {"error":"forbidden","ok":false}"#,
            r#"500 {"code":"DB_MISMATCH","error":"DB migrations not applied. Run: ops migrate","ok":false}"#,
            r#"500 {"error":"something went wrong on our side","ok":false,"reference":"…"}"#,
        ]
    );
}
