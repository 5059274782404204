//! Claims about the sandbox, checked through real HTTP.

mod calls;
mod lists;
mod sends;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{
    SandboxConfig, SandboxTwilio,
    record::{Pair, value_of},
    sign,
    webhooks::client,
};

pub(super) const CALLER: &str = "+14155550101";
pub(super) const OWNER: &str = "+14155550199";
pub(super) const LINE: &str = "+15005550006";

/// A sandbox, somebody who uses its API, and somebody who answers its webhooks.
pub(super) struct World {
    pub(super) twilio: SandboxTwilio,
    pub(super) us: Us,
    http: reqwest::Client,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(SandboxConfig::default()).await
    }

    pub(super) async fn with(config: SandboxConfig) -> Self {
        let us = Us::start().await;
        let twilio = SandboxTwilio::start(config).await.expect("a free port");
        twilio.set_public_base_url(&us.base_url);
        Self {
            twilio,
            us,
            http: client().expect("a client"),
        }
    }

    fn url(&self, resource: &str) -> String {
        format!(
            "{}/2010-04-01/Accounts/{}/{resource}",
            self.twilio.base_url(),
            self.twilio.account_sid()
        )
    }

    pub(super) async fn get(&self, resource: &str) -> (u16, Value) {
        self.get_url(&self.url(resource)).await
    }

    /// The page that a list names as its next.
    pub(super) async fn get_next(&self, page: &Value) -> Option<Value> {
        let uri = page["next_page_uri"].as_str()?;
        Some(self.get_url(&format!("{}{uri}", self.twilio.base_url())).await.1)
    }

    async fn get_url(&self, url: &str) -> (u16, Value) {
        let request = self
            .http
            .get(url)
            .basic_auth(self.twilio.account_sid(), Some(self.twilio.auth_token()));
        let response = request.send().await.expect("an answer");
        (
            response.status().as_u16(),
            response.json().await.unwrap_or(Value::Null),
        )
    }

    /// Sends a text whose status callback carries the attempt id `7f3a`.
    pub(super) async fn send_text(&self, to: &str) -> reqwest::Result<reqwest::Response> {
        let callback = format!("{}/status?attempt=7f3a", self.us.base_url);
        self.send_form(&[
            ("To", to),
            ("From", LINE),
            ("Body", "Sorry we missed you"),
            ("StatusCallback", &callback),
        ])
        .await
    }

    pub(super) async fn send_form(&self, form: &[(&str, &str)]) -> reqwest::Result<reqwest::Response> {
        self.http
            .post(self.url("Messages.json"))
            .basic_auth(self.twilio.account_sid(), Some(self.twilio.auth_token()))
            .timeout(Duration::from_secs(5))
            .form(form)
            .send()
            .await
    }

    /// The status and the error code with which a text is refused.
    pub(super) async fn refusal_of(&self, form: &[(&str, &str)]) -> (u16, u64) {
        let response = self.send_form(form).await.expect("an answer");
        let status = response.status().as_u16();
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["status"], status);
        (status, body["code"].as_u64().expect("a code"))
    }

    /// The webhooks that we got, by path and query.
    pub(super) fn received(&self, path: &str) -> Vec<Received> {
        let received = self.us.shared.received.lock().expect("no panic");
        received
            .iter()
            .filter(|webhook| webhook.path == path)
            .cloned()
            .collect()
    }
}

/// Our side: answers every path as told, and keeps what came.
pub(super) struct Us {
    pub(super) base_url: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, (u16, String)>>,
    received: Mutex<Vec<Received>>,
}

/// A webhook as it came in.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) signature: Option<String>,
    pub(super) form: Vec<Pair>,
}

impl Received {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        value_of(&self.form, name)
    }

    pub(super) fn is_signed(&self, token: &str, base_url: &str) -> bool {
        self.signature.as_deref() == Some(&sign(token, &format!("{base_url}{}", self.path), &self.form))
    }
}

impl Us {
    async fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let base_url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new()
            .fallback(keep_and_answer)
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
        Self {
            base_url,
            shared,
            task,
        }
    }

    /// From now on this path (with its query) is answered so.
    pub(super) fn answers(&self, path: &str, status: u16, body: impl Into<String>) {
        self.shared
            .answers
            .lock()
            .expect("no panic")
            .insert(path.to_owned(), (status, body.into()));
    }
}

impl Drop for Us {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep_and_answer(
    State(us): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let signature = headers
        .get("x-twilio-signature")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let form = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    us.received.lock().expect("no panic").push(Received {
        path: path.clone(),
        signature,
        form,
    });
    let answer = us.answers.lock().expect("no panic").get(&path).cloned();
    let (status, body) = answer.unwrap_or((200, "<Response/>".to_owned()));
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "text/xml")], body).into_response()
}
