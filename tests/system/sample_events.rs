//! `tests/fixtures/events` holds an event for every function, of the kind that the template sends it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aws_lambda_events::sqs::SqsEvent;
use jiff::Timestamp;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Request, RequestExt};
use local::template::Template;
use serde_json::Value;
use shared::platform::signature::verify;

/// Webhooks whose signatures live for five minutes, and where those stand.
pub(crate) const SIGNED_WITH_A_TIME: [(&str, &str); 2] = [
    ("stripe-webhook", "stripe-signature"),
    ("customers-webhook", "x-switchboard-signature"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events")
}

fn event(function: &str) -> Value {
    let path = folder().join(function).with_extension("json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_function_has_one_and_no_other_has() {
    let files = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let events = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let events = events.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    let template = Template::own().unwrap();
    let functions = template.functions.iter().map(|function| function.binary.clone());
    assert_eq!(events.collect::<BTreeSet<_>>(), functions.collect());
}

#[test]
fn a_function_with_a_queue_gets_a_batch() {
    for trigger in Template::own().unwrap().queue_triggers {
        let batch: SqsEvent = serde_json::from_value(event(&trigger.function)).unwrap();
        assert!(!batch.records.is_empty());
        for record in batch.records {
            assert!(record.message_id.is_some() && record.attributes.contains_key("MessageGroupId"));
        }
    }
}

#[test]
fn a_function_with_a_schedule_gets_a_tick() {
    for schedule in Template::own().unwrap().schedules {
        let event = event(&schedule.function);
        assert_eq!(event["source"], "aws.scheduler");
        assert!(
            event["resources"][0]
                .as_str()
                .unwrap()
                .ends_with(&format!("/{}", schedule.name))
        );
        let request: LambdaRequest = serde_json::from_value(event).unwrap();
        assert!(matches!(
            Request::from(request).request_context(),
            RequestContext::PassThrough
        ));
    }
}

#[test]
fn a_webhook_of_twilios_gets_a_form_on_its_route() {
    let template = Template::own().unwrap();
    let webhooks = template
        .routes
        .iter()
        .filter(|route| route.path.starts_with("/api/webhooks/twilio/"));
    for route in webhooks {
        let event = event(&route.function);
        assert_eq!(event["routeKey"], route.key());
        assert_eq!(event["isBase64Encoded"], true, "as forms are");
        let request: LambdaRequest = serde_json::from_value(event).unwrap();
        let request = Request::from(request);
        assert_eq!(request.raw_http_path(), route.path);
        assert!(request.headers().contains_key("x-twilio-signature"));
        let fields: Vec<_> = form_urlencoded::parse(request.body())
            .map(|(name, _)| name.into_owned())
            .collect();
        let is_about = |field: &String| field == "CallSid" || field == "MessageSid";
        assert!(fields.iter().any(is_about), "{fields:?}");
    }
}

#[test]
fn vapis_webhook_gets_a_call_and_the_sandboxes_secret() {
    let template = Template::own().unwrap();
    let mut routes = template.routes.iter();
    let route = routes.find(|route| route.function == "vapi-webhook").unwrap();
    let event = event(&route.function);
    assert_eq!(event["routeKey"], route.key());
    let request: LambdaRequest = serde_json::from_value(event).unwrap();
    let request = Request::from(request);
    assert_eq!(request.raw_http_path(), route.path);
    let secret = local::sandbox_vapi::SandboxVapiConfig::default().webhook_secret;
    assert_eq!(request.headers()["x-vapi-secret"], secret);
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let message = shared::providers::vapi::server_message(&body).unwrap();
    assert!(matches!(message, shared::providers::vapi::ServerMessage::Call(call) if call.attempt.is_some()));
}

#[test]
fn a_webhook_of_payments_gets_json_that_was_signed_when_it_was_sent() {
    for (function, header) in SIGNED_WITH_A_TIME {
        let event = event(function);
        assert_eq!(event["isBase64Encoded"], false, "as JSON is");
        let sent_at = event["requestContext"]["timeEpoch"].as_i64().unwrap();
        let sent_at = Timestamp::from_millisecond(sent_at).unwrap();
        let request: LambdaRequest = serde_json::from_value(event).unwrap();
        let request = Request::from(request);
        assert_eq!(
            request.headers()["content-type"],
            "application/json; charset=utf-8"
        );
        let header = request.headers()[header].to_str().unwrap();
        assert_eq!(verify(header, request.body(), &["local".into()], sent_at), Ok(()));
    }
}

#[test]
fn whatsapps_webhook_gets_a_message_that_the_sandbox_signed() {
    let template = Template::own().unwrap();
    let mut routes = template.routes.iter();
    let route = routes.find(|route| route.function == "whatsapp-webhook").unwrap();
    let event = event(&route.function);
    assert_eq!(event["routeKey"], route.key());
    let request: LambdaRequest = serde_json::from_value(event).unwrap();
    let request = Request::from(request);
    assert_eq!(request.raw_http_path(), route.path);
    let secret = local::sandbox_meta::SandboxMetaConfig::default().app_secret;
    let signature = shared::providers::whatsapp::sign(request.body(), &secret.into());
    assert_eq!(request.headers()["x-hub-signature-256"], signature);
    let items = shared::providers::whatsapp::items(request.body()).unwrap();
    assert!(matches!(
        &items[..],
        [shared::providers::whatsapp::Item::Message(_)]
    ));
}
