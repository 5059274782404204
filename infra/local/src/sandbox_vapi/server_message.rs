//! Signed requests from Vapi to us, with the knobs that a forger would turn.

use http::Request;
use jiff::Timestamp;
use serde_json::Value;

use super::signature::sign;

/// How a request shows who sends it.
#[derive(Clone, Debug)]
enum Shows {
    Signature { secret: String },
    Bearer { secret: String },
    VapiSecret { secret: String },
    Nothing,
}

/// A request to us that is about to be sent: take it as it is, or tamper with it first.
#[must_use = "nothing is sent by itself"]
#[derive(Clone, Debug)]
pub struct ServerMessage {
    url: String,
    secret: String,
    timestamp: String,
    body: Value,
    shows: Shows,
    smuggled: Option<Value>,
}

impl ServerMessage {
    pub(super) fn new(url: String, secret: String, at: Timestamp, body: Value) -> Self {
        Self {
            url,
            shows: Shows::Signature {
                secret: secret.clone(),
            },
            secret,
            timestamp: at.as_second().to_string(),
            body,
            smuggled: None,
        }
    }

    /// Changes the body before it is signed.
    pub fn with(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.body);
        self
    }

    /// Changes the body after it is signed.
    pub fn smuggling(mut self, change: impl FnOnce(&mut Value)) -> Self {
        let mut body = self.body.clone();
        change(&mut body);
        self.smuggled = Some(body);
        self
    }

    /// Says that it was signed then, in whatever unit or words.
    pub fn signed_at(mut self, timestamp: &str) -> Self {
        timestamp.clone_into(&mut self.timestamp);
        self
    }

    /// Signs with another secret than the credential's.
    pub fn signed_with(mut self, secret: &str) -> Self {
        self.shows = Shows::Signature {
            secret: secret.to_owned(),
        };
        self
    }

    /// Shows the secret itself as a bearer token, as a credential of that kind does.
    pub fn with_bearer(mut self) -> Self {
        self.shows = Shows::Bearer {
            secret: self.secret.clone(),
        };
        self
    }

    /// Shows the secret itself in `X-Vapi-Secret`, as an inline server secret does.
    pub fn with_vapi_secret(mut self) -> Self {
        self.shows = Shows::VapiSecret {
            secret: self.secret.clone(),
        };
        self
    }

    /// Shows nothing.
    pub fn unsigned(mut self) -> Self {
        self.shows = Shows::Nothing;
        self
    }

    /// The body as it is sent.
    pub fn body(&self) -> Vec<u8> {
        self.smuggled
            .as_ref()
            .unwrap_or(&self.body)
            .to_string()
            .into_bytes()
    }

    /// The request itself.
    ///
    /// # Panics
    /// The URL or a header is none.
    pub fn into_request(self) -> Request<Vec<u8>> {
        let request = Request::post(&self.url)
            .header("content-type", "application/json")
            .header("user-agent", "Vapi/1.0");
        let request = match &self.shows {
            Shows::Signature { secret } => {
                let signature = sign(secret, &self.timestamp, self.body.to_string().as_bytes());
                request
                    .header("x-timestamp", &self.timestamp)
                    .header("x-signature", signature)
            }
            Shows::Bearer { secret } => request.header("authorization", format!("Bearer {secret}")),
            Shows::VapiSecret { secret } => request.header("x-vapi-secret", secret),
            Shows::Nothing => request,
        };
        request.body(self.body()).expect("a URL and headers")
    }
}
