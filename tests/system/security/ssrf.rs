//! Nobody makes us ask for an address of theirs: not a request, not an answer, not the environment.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use jiff::SignedDuration;
use local::sandbox::{Callback, Outcome, Ring};
use system_tests::{
    CALLER, DIAL_RESULT, FakeTwilio, LINE, OWNER, STATUS, TestDatabase, VOICE, World, form, real,
};
use tokio::net::TcpListener;

use super::call_form;

fn lost_call() -> Ring {
    Ring::new(CALLER, LINE, Outcome::NoAnswer)
        .ringing_for(Duration::ZERO)
        .losing(Callback::Action)
        .losing(Callback::Status)
}

#[tokio::test]
async fn no_address_that_a_request_brings_is_asked() {
    let canary = FakeTwilio::start().await;
    let world = World::begin().await;
    let address = canary.url();
    let fields = [
        "MediaUrl0",
        "RecordingUrl",
        "TranscriptionUrl",
        "StatusCallback",
        "Url",
        "ApiVersion",
        "CallerName",
        "action",
    ];
    for field in fields {
        let more = [
            (field, address),
            ("CallStatus", "no-answer"),
            ("DialCallStatus", "no-answer"),
        ];
        let sid = format!("CA_{field}");
        for target in [VOICE, DIAL_RESULT, STATUS] {
            let reply = world.post_signed(target, call_form(&sid, &more)).await;
            assert!(!reply.body.contains(address), "{target} {field}: {reply:?}");
        }
        let report = [
            ("MessageSid", "SM00000000000000000000000000000001"),
            ("MessageStatus", "sent"),
        ];
        let report = form(&[&report[..], &[(field, address)]].concat());
        world.post_signed(STATUS, report).await;
    }
    let headers = [
        ("host", address.trim_start_matches("http://")),
        ("x-forwarded-host", address),
        ("referer", address),
        ("x-original-url", address),
        ("forwarded", "host=evil.example"),
    ];
    world.send("POST", VOICE, &headers, "").await;
    world.run_jobs().await;
    world.minutes(2).await;
    assert!(!world.texts_to(CALLER).is_empty(), "it was a day like any other");
    assert_eq!(canary.asked(), [""; 0]);
}

#[tokio::test]
async fn a_list_is_read_at_twilio_however_its_next_page_is_spelled() {
    let canary = FakeTwilio::start().await;
    let world = World::begin().await;
    world.twilio.ring(lost_call()).await;
    world.pass(SignedDuration::from_mins(1)).await;
    let port = canary.url().rsplit(':').next().expect("a port").to_owned();
    let ours = world.twilio.base_url();
    let ours = ours.trim_start_matches("http://");
    let path = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Calls.json";
    let strangers = [
        format!("http://127.0.0.1:{port}{path}"),
        format!("http://2130706433:{port}{path}"),
        format!("http://0x7f000001:{port}{path}"),
        format!("http://0177.0.0.1:{port}{path}"),
        format!("http://127.1:{port}{path}"),
        format!("http://localhost:{port}{path}"),
        format!("http://LOCALHOST.:{port}{path}"),
        format!("http://[::ffff:127.0.0.1]:{port}{path}"),
        format!("http://{ours}@127.0.0.1:{port}{path}"),
        format!("http://{ours}%40127.0.0.1:{port}{path}"),
        format!("http://{ours}#@127.0.0.1:{port}{path}"),
        format!("http://{ours}\\@127.0.0.1:{port}{path}"),
        format!("//127.0.0.1:{port}{path}"),
        format!("\\\\127.0.0.1:{port}{path}"),
        format!("/\\127.0.0.1:{port}{path}"),
        format!("http:\\\\127.0.0.1:{port}{path}"),
        format!("ht\ttp://127.0.0.1:{port}{path}"),
        format!(" http://127.0.0.1:{port}{path}"),
        format!("HTTP://127.0.0.1:{port}{path}"),
        format!("ftp://127.0.0.1:{port}{path}"),
        format!("gopher://127.0.0.1:{port}{path}"),
        format!("data:application/json,{{}}#{path}"),
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/".to_owned(),
        "http://[fd00:ec2::254]/latest/meta-data".to_owned(),
        "/2010-04-01/Accounts/AC00000000000000000000000000000001/../AC00000000000000000000000000000002/Calls.json".to_owned(),
        "/2010-04-01/Accounts/AC00000000000000000000000000000001/%2e%2e/AC00000000000000000000000000000002/Calls.json".to_owned(),
        "/2010-04-01/Accounts/AC00000000000000000000000000000001".to_owned(),
        "Messages.json".to_owned(),
        String::new(),
    ];
    for stranger in &strangers {
        world.twilio.set_next_page_uri(Some(stranger.clone()));
        let before = world.twilio.requests().len();
        let summary = world.poll().await;
        assert_eq!(canary.asked(), [""; 0], "{stranger}");
        let asked = world.twilio.requests().len() - before;
        assert!(asked <= 3, "{stranger}: {asked} requests");
        assert_eq!(
            world.count("provider_watermarks").await,
            0,
            "{stranger}: {summary}"
        );
    }
    world.twilio.set_next_page_uri(None);
    world.minutes(2).await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
}

/// A Twilio that sends everybody elsewhere.
async fn redirecting(status: u16, to: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let status = StatusCode::from_u16(status).expect("a status");
    let router = Router::new()
        .fallback(move || async move { (status, [("location", to), ("refresh", "0".to_owned())]) });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    for status in [300, 301, 302, 303, 305, 307, 308] {
        let canary = FakeTwilio::start().await;
        let database = TestDatabase::new().await;
        let line = format!(
            "INSERT INTO lines (number, forward_to, business_name) VALUES ('{LINE}', '{OWNER}', 'Acme')"
        );
        database.sql(&line).await;
        let url = database.application_url().await;
        let elsewhere = redirecting(status, canary.url().to_owned()).await;
        let world = World::without_lines(database, url, |settings| {
            settings.with("TWILIO_API_BASE_URL", elsewhere)
        })
        .await;
        let missed = call_form("CA1", &[("DialCallStatus", "no-answer")]);
        world.post_signed(DIAL_RESULT, missed).await;
        world.post_signed(VOICE, call_form("CA2", &[])).await;
        world.run_jobs().await;
        world.minutes(3).await;
        assert_eq!(canary.asked(), [""; 0], "{status}");
        assert!(
            world.job_of("CA1").await.starts_with("unknown"),
            "{status}: it proves nothing"
        );
    }
}

/// Credentials go to Twilio and to nobody in between.
#[tokio::test]
async fn a_proxy_that_the_environment_names_is_not_asked() {
    let canary = FakeTwilio::start().await;
    let world = World::begin().await;
    let names = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    let settings = names.iter().fold(world.settings.clone(), |settings, name| {
        settings.with(name, canary.url())
    });
    let poller = real("missed-call-poller", &settings);
    let runner = real("job-runner", &settings);
    world.replace("missed-call-poller", Arc::new(poller.clone()));
    world.replace("job-runner", Arc::new(runner.clone()));
    world.twilio.ring(lost_call()).await;
    world.minutes(1).await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
    assert_eq!(canary.asked(), [""; 0]);
    poller.kill().await;
    runner.kill().await;
}
