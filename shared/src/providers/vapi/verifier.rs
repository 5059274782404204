//! From a request to a message that Vapi sent.

use jiff::Timestamp;
use lambda_http::Request;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::redact::redact;
use super::signature::{SignatureError, verify};
use super::webhooks::{ServerMessage, WebhookError, server_message};
use crate::platform::gate::Gate;
use crate::platform::http::{self, HttpError};
use crate::platform::secrets::{Secrets, same};

/// What an invocation can hold; a report with a long transcript has some megabytes.
const BODY_BYTES_MAX: usize = 6 * 1024 * 1024;
const SETTING: &str = "VAPI_WEBHOOK_SECRET";

/// What a sender has to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A signature over body and time, and nothing less.
    Signature,
    /// A signature, or where there is none the secret itself, as a bearer token or in `X-Vapi-Secret`: for an
    /// account whose credential cannot sign. Whoever sees one such request can send others.
    SignatureOrSecret,
}

/// Verifies what claims to come from Vapi.
pub struct WebhookVerifier {
    secrets: Secrets,
    proof: Proof,
    gate: Gate,
}

/// A request that Vapi sent.
#[derive(Debug)]
pub struct Verified {
    /// When we had it, by the wall clock.
    pub heard_at: Timestamp,
    /// What it says; Vapi's, but perhaps nothing that anybody can use.
    pub message: Result<ServerMessage, WebhookError>,
    /// Its body as it may be kept, without credentials. `None` if it is not JSON: what cannot be read cannot
    /// be cleared of them either.
    pub body: Option<Value>,
}

/// What a request shows.
#[derive(Clone, Copy)]
enum Shown<'a> {
    Signature { timestamp: &'a str, signature: &'a str },
    Secret(&'a str),
}

impl WebhookVerifier {
    /// With the secrets that are valid as `VAPI_WEBHOOK_SECRET`.
    pub fn new(secrets: Secrets, proof: Proof, gate: Gate) -> Self {
        Self { secrets, proof, gate }
    }

    /// Takes `POSTed` JSON of at most 6 MiB with one good proof.
    pub async fn verify(&self, request: &Request) -> Result<Verified, HttpError> {
        http::posted(request, "application/json", BODY_BYTES_MAX)?;
        let heard_at = Timestamp::try_from(self.gate.now()).unwrap_or(Timestamp::UNIX_EPOCH);
        let body = request.body().as_ref();
        let shown = shown_in(request, self.proof).map_err(unauthorized)?;
        let check = |secrets: &[SecretString]| match shown {
            Shown::Signature { timestamp, signature } => {
                verify(body, timestamp, signature, secrets, heard_at)
            }
            Shown::Secret(given) => is_one_of(given, secrets),
        };
        self.secrets.check(SETTING, check).await.map_err(unauthorized)?;
        Ok(Verified::of(body, heard_at))
    }
}

impl Verified {
    fn of(body: &[u8], heard_at: Timestamp) -> Self {
        // What is not text in it was said by somebody and changes nothing.
        let mut body = serde_json::from_str::<Value>(&String::from_utf8_lossy(body)).ok();
        let message = body
            .as_ref()
            .ok_or(WebhookError::NotJson)
            .and_then(server_message);
        body.iter_mut().for_each(redact);
        Self {
            heard_at,
            message,
            body,
        }
    }
}

/// A signature decides alone; without one, the secret counts where it may.
fn shown_in(request: &Request, proof: Proof) -> Result<Shown<'_>, SignatureError> {
    if request.headers().contains_key("x-signature") {
        let timestamp = only(request, "x-timestamp")?.ok_or(SignatureError::NotOne)?;
        let signature = only(request, "x-signature")?.ok_or(SignatureError::NotOne)?;
        return Ok(Shown::Signature { timestamp, signature });
    }
    let bearer = only(request, "authorization")?.map(|value| value.strip_prefix("Bearer ").unwrap_or(value));
    let ((Some(given), None) | (None, Some(given))) = (bearer, only(request, "x-vapi-secret")?) else {
        return Err(SignatureError::NotOne);
    };
    match proof {
        Proof::Signature => Err(SignatureError::SecretOnly),
        Proof::SignatureOrSecret => Ok(Shown::Secret(given)),
    }
}

/// The value of a header that may be given once. The gateway joins a repeated one with a comma, which none of
/// ours has.
fn only<'a>(request: &'a Request, name: &str) -> Result<Option<&'a str>, SignatureError> {
    let mut values = request.headers().get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) if !value.as_bytes().contains(&b',') => {
            value.to_str().map(Some).map_err(|_| SignatureError::DoesNotFit)
        }
        _ => Err(SignatureError::NotOne),
    }
}

/// Every secret is compared, so that the time does not tell which one fits.
fn is_one_of(given: &str, secrets: &[SecretString]) -> Result<(), SignatureError> {
    let fits = secrets
        .iter()
        .fold(false, |fits, secret| same(given, secret.expose_secret()) | fits);
    if fits {
        Ok(())
    } else {
        Err(SignatureError::DoesNotFit)
    }
}

/// 401, for whatever reason; which one is for the log alone.
fn unauthorized(error: SignatureError) -> HttpError {
    tracing::warn!(%error, "refused a message that is not Vapi's");
    http::unauthorized()
}
