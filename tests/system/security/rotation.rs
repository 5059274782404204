//! Secrets change while the business is open: the good are let in all the while, and blank is no secret.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use lambda_http::Request;
use lambda_http::request::LambdaRequest;
use local::sandbox::sign;
use local::settings::Settings;
use serde_json::{Value, json};
use shared::platform::scheduled;
use shared::platform::{http, secrets::Secrets};
use shared::providers::twilio::WebhookVerifier;
use system_tests::{CRON_SECRET, FORM, JOB_RUNNER_TOKEN, VOICE};
use tokio::net::TcpListener;

use super::{SID, call_form};

const PUBLIC: &str = "https://api.example.com";
const OLD: &str = "the-old-twilio-word";
const NEW: &str = "the-new-twilio-word";
const NEWER: &str = "the-newer-twilio-word";

/// Secrets Manager, as far as one secret needs it: its current version and the one before.
#[derive(Clone, Default)]
struct Manager(Arc<Mutex<[Option<String>; 2]>>);

impl Manager {
    /// Starts one with a secret in it; where it is.
    async fn start(secret: &Value) -> (Self, Settings) {
        let manager = Self::default();
        manager.rotate_to(secret);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(tell).with_state(manager.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let settings = Settings::new(endpoint)
            .with("SECRETS_ID", "switchboard/test")
            .with("APP_URL", PUBLIC);
        (manager, settings)
    }

    fn rotate_to(&self, secret: &Value) {
        let mut versions = self.0.lock().expect("no panic");
        let [current, previous] = &mut *versions;
        *previous = current.replace(secret.to_string());
    }
}

async fn tell(State(manager): State<Manager>, body: Bytes) -> (StatusCode, String) {
    let asked: Value = serde_json::from_slice(&body).expect("a question");
    let versions = manager.0.lock().expect("no panic").clone();
    let [current, previous] = versions;
    let told = if asked["VersionStage"] == "AWSPREVIOUS" {
        previous
    } else {
        current
    };
    match told {
        Some(secret) => (
            StatusCode::OK,
            json!({ "Name": "switchboard/test", "SecretString": secret }).to_string(),
        ),
        None => (
            StatusCode::BAD_REQUEST,
            json!({ "__type": "ResourceNotFoundException" }).to_string(),
        ),
    }
}

fn secret(twilio: &str) -> Value {
    json!({ "TWILIO_AUTH_TOKEN": twilio, "CRON_SECRET": CRON_SECRET, "JOB_RUNNER_TOKEN": JOB_RUNNER_TOKEN })
}

fn request(method: &str, path: &str, query: &str, headers: &Value, body: &str) -> Request {
    let event = json!({
        "version": "2.0", "rawPath": path, "rawQueryString": query, "headers": headers,
        "queryStringParameters": form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into_owned(), json!(value)))
            .collect::<serde_json::Map<_, _>>(),
        "requestContext": {
            "http": { "method": method, "path": path }, "stage": "$default", "timeEpoch": 0,
        },
        "body": body, "isBase64Encoded": false,
    });
    serde_json::from_value::<LambdaRequest>(event)
        .expect("an event")
        .into()
}

/// An announced call, signed with `word`.
fn call(word: &str) -> Request {
    let body = call_form(SID, &[("CallStatus", "ringing")]);
    let fields: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let signature = sign(word, &format!("{PUBLIC}{VOICE}"), &fields);
    let headers = json!({ FORM.0: FORM.1, "x-twilio-signature": signature });
    request("POST", VOICE, "", &headers, &body)
}

async fn takes(sandbox: &WebhookVerifier, word: &str) -> bool {
    sandbox.verify(&call(word)).await.is_ok()
}

async fn sandbox(settings: &Settings) -> WebhookVerifier {
    let environment = settings.environment().await.expect("settings");
    environment.twilio_webhooks().expect("a secret")
}

#[tokio::test]
async fn a_rotation_under_load_refuses_no_good_webhook() {
    let (manager, settings) = Manager::start(&secret(OLD)).await;
    let mut refused = Vec::new();
    let mut sandboxes = Vec::new();
    for _ in 0..8 {
        sandboxes.push(sandbox(&settings).await);
    }
    // Each sandbox has its next request as soon as it has answered one; Twilio changes over in the middle.
    let words = [
        (OLD, false),
        (OLD, true),
        (NEW, false),
        (OLD, false),
        (NEW, false),
    ];
    for (word, rotate) in words {
        if rotate {
            manager.rotate_to(&secret(NEW));
        }
        for round in 0..10 {
            let asked = sandboxes.iter().map(|sandbox| takes(sandbox, word));
            let answers = futures_util::future::join_all(asked).await;
            let bad = answers.iter().filter(|taken| !**taken).count();
            if bad > 0 {
                refused.push(format!("{bad} signed with {word} in round {round}"));
            }
        }
    }
    assert_eq!(refused, [""; 0]);
    for sandbox in &sandboxes {
        assert!(!takes(sandbox, "a-stranger's").await);
    }
}

#[tokio::test]
async fn an_old_word_is_worth_nothing_once_the_overlap_is_over() {
    let (manager, settings) = Manager::start(&secret(OLD)).await;
    let warm = sandbox(&settings).await;
    manager.rotate_to(&secret(NEW));
    manager.rotate_to(&secret(NEWER));
    assert!(takes(&warm, NEWER).await, "looked up at once");
    let cold = sandbox(&settings).await;
    for sandbox in [&warm, &cold] {
        assert!(takes(sandbox, NEW).await, "the overlap of the second rotation");
        assert!(takes(sandbox, NEWER).await);
        assert!(!takes(sandbox, OLD).await, "the first one's is over");
    }
}

async fn opens(secrets: &Secrets, headers: &Value, query: &str) -> u16 {
    let request = request("GET", "/api/cron/check-missed-calls", query, headers, "");
    let work = async { Ok(scheduled::Summary::default()) };
    let result = scheduled::run(secrets, "CRON_SECRET", "GET", &request, work).await;
    http::respond(result).status().as_u16()
}

/// The key of everybody who sends none would fit.
#[tokio::test]
async fn a_blank_secret_is_none_and_opens_no_door() {
    for blank in ["", " ", "\t "] {
        let blanked = json!({ "TWILIO_AUTH_TOKEN": blank, "CRON_SECRET": blank, "JOB_RUNNER_TOKEN": blank });
        let (manager, settings) = Manager::start(&blanked).await;
        let environment = settings.environment().await.expect("settings");
        assert!(environment.twilio_webhooks().is_err(), "{blank:?}: no cold start");
        for name in ["CRON_SECRET", "JOB_RUNNER_TOKEN"] {
            assert!(environment.secret(name).is_err(), "{blank:?}: no cold start");
        }

        // As the version before, and as one that somebody blanks while we run.
        manager.rotate_to(&secret(NEW));
        for blanks_again in [false, true] {
            let environment = settings.environment().await.expect("settings");
            let (secrets, sandbox) = (
                environment.secrets(),
                environment.twilio_webhooks().expect("a secret"),
            );
            if blanks_again {
                manager.rotate_to(&blanked);
            }
            let bearer = json!({ "authorization": format!("Bearer {blank}") });
            let token: String = form_urlencoded::byte_serialize(blank.as_bytes()).collect();
            let token = format!("token={token}");
            for (headers, query) in [(&bearer, ""), (&json!({}), token.as_str())] {
                assert_eq!(opens(&secrets, headers, query).await, 401, "{blank:?} {query}");
            }
            assert!(!takes(&sandbox, blank).await, "{blank:?}");
        }
    }
}

#[tokio::test]
async fn a_secret_of_the_environment_that_is_blank_is_none_either() {
    let settings = Settings::new("http://127.0.0.1:9".to_owned())
        .with("APP_URL", PUBLIC)
        .with("TWILIO_AUTH_TOKEN", " ")
        .with("TWILIO_AUTH_TOKEN_PREVIOUS", "")
        .with("CRON_SECRET", "");
    let environment = settings.environment().await.expect("settings");
    assert!(environment.twilio_webhooks().is_err());
    assert!(environment.secret("CRON_SECRET").is_err());
    assert_eq!(opens(&environment.secrets(), &json!({}), "token=").await, 401);
}
