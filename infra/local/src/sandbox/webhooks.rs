//! Signed requests from Twilio to us, with the knobs that a forger would turn.

use std::{
    error::Error,
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use http::Request;
use uuid::Uuid;

use super::{
    account::Account,
    record::{Pair, value_of},
    signature::sign,
};

/// Twilio waits this long for an answer, and no longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Connecting may take this much of it.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// What came of a request to us.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// We answered.
    Answered(Answer),
    /// It was lost on the way: scripted, so nothing was posted.
    Lost,
    /// Twilio got no answer, and this is why.
    Failed(String),
}

impl Delivery {
    /// Our answer.
    ///
    /// # Panics
    /// There is none.
    #[track_caller]
    pub fn answer(&self) -> &Answer {
        match self {
            Self::Answered(answer) => answer,
            Self::Lost => panic!("the request was scripted to be lost"),
            Self::Failed(reason) => panic!("no answer: {reason}"),
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(answer) => write!(f, "{} in {} ms", answer.status, answer.elapsed.as_millis()),
            Self::Lost => f.write_str("lost"),
            Self::Failed(reason) => write!(f, "no answer: {reason}"),
        }
    }
}

/// How we answered a request from Twilio.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type`, or nothing.
    pub content_type: String,
    /// The body.
    pub body: String,
    /// How long Twilio waited for it.
    pub elapsed: Duration,
}

/// With what a request is signed.
#[derive(Clone, Debug)]
enum Signing {
    AccountToken,
    Token(String),
    Nothing,
}

/// A request to us that is about to be posted: `.await` it, or tamper with it first.
#[must_use = "nothing is posted until it is awaited"]
#[derive(Clone)]
pub struct Webhook {
    account: Arc<Account>,
    url: String,
    form: Vec<Pair>,
    signing: Signing,
    smuggled: Vec<Pair>,
    headers: Vec<Pair>,
}

impl Webhook {
    pub(super) fn new(account: &Arc<Account>, url: String, form: Vec<Pair>) -> Self {
        Self {
            account: Arc::clone(account),
            url,
            form,
            signing: Signing::AccountToken,
            smuggled: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Posts to this URL instead of the configured one.
    pub fn at(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Sets a parameter, in place of what it would have been.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.form.retain(|(key, _)| key != name);
        self.form.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets those of `pairs` that are not set yet.
    pub(super) fn with_defaults(mut self, pairs: Vec<Pair>) -> Self {
        for (name, value) in pairs {
            if value_of(&self.form, &name).is_none() {
                self.form.push((name, value));
            }
        }
        self
    }

    /// Leaves a parameter out.
    pub fn without(mut self, name: &str) -> Self {
        self.form.retain(|(key, _)| key != name);
        self
    }

    /// Signs with another token than the account's.
    pub fn signed_with(mut self, token: &str) -> Self {
        self.signing = Signing::Token(token.to_owned());
        self
    }

    /// Leaves the signature out.
    pub fn unsigned(mut self) -> Self {
        self.signing = Signing::Nothing;
        self
    }

    /// Adds a parameter after signing.
    pub fn smuggling(mut self, name: &str, value: &str) -> Self {
        self.smuggled.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The signed request itself, for whoever carries it some other way.
    ///
    /// # Panics
    /// The URL or a header is none.
    pub fn into_request(self) -> Request<Vec<u8>> {
        let url = self.url.split('#').next().unwrap_or_default();
        let token = match &self.signing {
            Signing::AccountToken => Some(self.account.auth_token()),
            Signing::Token(token) => Some(token.clone()),
            Signing::Nothing => None,
        };
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.form.iter().chain(&self.smuggled))
            .finish();
        let mut request = Request::post(url)
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .header("user-agent", "TwilioProxy/1.1")
            .header("accept", "*/*")
            .header("i-twilio-idempotency-token", Uuid::new_v4().to_string());
        if let Some(token) = token {
            request = request.header("x-twilio-signature", sign(&token, url, &self.form));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(body.into_bytes()).expect("a URL and headers")
    }

    /// Posts it by Twilio's rules: a connection that fails is tried once more, nothing else is.
    async fn post(self) -> Delivery {
        let account = Arc::clone(&self.account);
        let (parts, body) = self.into_request().into_parts();
        let request = account
            .http
            .post(account.address_of(&parts.uri.to_string()))
            .headers(parts.headers)
            .body(body);
        let again = request.try_clone().expect("a form can be sent twice");
        match exchange(request).await {
            Err(error) if error.is_connect() => exchange(again).await,
            other => other,
        }
        .map_or_else(|error| Delivery::Failed(reason(&error)), Delivery::Answered)
    }
}

impl IntoFuture for Webhook {
    type Output = Delivery;
    type IntoFuture = Pin<Box<dyn Future<Output = Delivery> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.post())
    }
}

/// Posts a request once, for whoever plays somebody who tells us of things.
pub(crate) async fn deliver(http: &reqwest::Client, request: Request<Vec<u8>>) -> Delivery {
    let (parts, body) = request.into_parts();
    let request = http.post(parts.uri.to_string()).headers(parts.headers).body(body);
    exchange(request)
        .await
        .map_or_else(|error| Delivery::Failed(reason(&error)), Delivery::Answered)
}

/// Sends a request, and waits for all of its answer.
pub(crate) async fn exchange(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let asked = Instant::now();
    let response = request.send().await?;
    let content_type = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    Ok(Answer {
        status: response.status().as_u16(),
        content_type: content_type.unwrap_or_default().to_owned(),
        body: response.text().await?,
        elapsed: asked.elapsed(),
    })
}

/// An error with everything that caused it.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason = format!("{reason}: {error}");
        cause = error.source();
    }
    reason
}

/// The client that plays Twilio's side: every request on its own connection, as from many machines.
pub(crate) fn client() -> reqwest::Result<reqwest::Client> {
    // Somebody else in this process may have installed it already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECT_WITHIN)
        .timeout(ANSWER_WITHIN)
        .build()
}
