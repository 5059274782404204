//! Every function's real binary starts and answers the event that it will be sent.
//!
//! How long each takes from its start to its first question for an event is printed, and never judged:
//!
//! ```sh
//! make package ARCH=x86_64
//! export SWITCHBOARD_BINARIES=$PWD/target/x86_64-unknown-linux-gnu/release
//! cargo test -p system-tests --test system cold_start -- --nocapture
//! ```

use std::path::Path;

use jiff::Timestamp;
use local::invoke::Invoke;
use local::sandbox_meta::SandboxMetaConfig;
use local::sandbox_vapi::SandboxVapiConfig;
use local::settings::Settings;
use local::template::Template;
use secrecy::SecretString;
use serde_json::Value;
use shared::platform::signature::sign;
use system_tests::{World, real};

use crate::sample_events::SIGNED_WITH_A_TIME;

/// What the sample events of webhooks are signed for, and with.
const SIGNED_FOR: &str = "https://switchboard.example.com";
const SIGNED_WITH: &str = "0123456789abcdef0123456789abcdef";

fn sample_event(function: &str, settings: &Settings) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events");
    let path = folder.join(function).with_extension("json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut event: Value = serde_json::from_str(&text).expect("an event is JSON");
    if let Some((_, header)) = SIGNED_WITH_A_TIME.iter().find(|(name, _)| *name == function) {
        let name = format!("{}_SECRET", function.to_uppercase().replace('-', "_"));
        let secret = SecretString::from(settings.get(&name).expect("a secret"));
        let body = event["body"].as_str().expect("a body").as_bytes();
        event["headers"][*header] = sign(body, &secret, Timestamp::now()).into();
    }
    event
}

#[tokio::test]
async fn every_binary_starts_and_answers_its_sample_event() {
    let world = World::begin().await;
    world.twilio.rotate_auth_token(SIGNED_WITH);
    let settings = world
        .settings
        .clone()
        .with("APP_URL", SIGNED_FOR)
        .with("TWILIO_AUTH_TOKEN", SIGNED_WITH)
        // A signature of Vapi's lasts five minutes, so its sample shows the secret.
        .with("VAPI_WEBHOOK_AUTH", "secret")
        .with("VAPI_WEBHOOK_SECRET", SandboxVapiConfig::default().webhook_secret)
        .with("WHATSAPP_APP_SECRET", SandboxMetaConfig::default().app_secret);
    for function in Template::own().expect("template.yaml").functions {
        let name = &function.binary;
        let sandbox = real(name, &settings);
        let cold = sandbox.start().await.unwrap_or_else(|error| {
            panic!("{name}: {error}\n{}", sandbox.take_output().join("\n"));
        });
        println!("{name}: ready after {:.1} ms", cold.as_secs_f64() * 1000.0);
        let answer = sandbox.invoke(sample_event(name, &settings)).await;
        let answer = answer.unwrap_or_else(|error| {
            panic!("{name}: {error}\n{}", sandbox.take_output().join("\n"));
        });
        let is_good = match &answer {
            // A webhook's answer, a batch's, and a schedule's.
            Value::Object(fields) if fields.contains_key("statusCode") => answer["statusCode"]
                .as_u64()
                .is_some_and(|status| (200..300).contains(&status)),
            Value::Object(fields) if fields.contains_key("batchItemFailures") => {
                answer["batchItemFailures"] == Value::Array(Vec::new())
            }
            _ => answer["ok"] == true,
        };
        assert!(is_good, "{name}: {answer}\n{}", sandbox.take_output().join("\n"));
        sandbox.kill().await;
    }
}
