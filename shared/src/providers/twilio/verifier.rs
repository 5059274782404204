//! From a request to a form that Twilio signed.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use lambda_http::{Request, RequestExt};
use secrecy::SecretString;

use super::form::BODY_BYTES_MAX;
use super::{Form, SignatureError, Signed, WebhookError, verify};
use crate::Phone;
use crate::inbound::{ParkedEvent, Route};
use crate::platform::gate::Gate;
use crate::platform::http::{self, HttpError};
use crate::platform::secrets::Secrets;

/// Verifies what claims to come from Twilio.
pub struct WebhookVerifier {
    public_url: String,
    secrets: Secrets,
    gate: Gate,
}

/// A request that Twilio signed.
#[derive(Debug)]
pub struct Verified {
    /// When we had it, by the wall clock.
    pub heard_at: Timestamp,
    /// The raw query.
    pub query: String,
    /// The raw body.
    pub body: Vec<u8>,
    /// The form in it; signed, but perhaps not one that anybody can use.
    pub form: Result<Form, WebhookError>,
}

impl WebhookVerifier {
    /// `public_url` is the URL that Twilio is configured with, up to the path.
    pub fn new(public_url: String, secrets: Secrets, gate: Gate) -> Self {
        Self {
            public_url,
            secrets,
            gate,
        }
    }

    /// Takes a `POSTed` form of at most 64 KiB with one good signature.
    pub async fn verify(&self, request: &Request) -> Result<Verified, HttpError> {
        http::posted(request, "application/x-www-form-urlencoded", BODY_BYTES_MAX)?;
        let signature = signature_of(request).map_err(http::forbidden)?;
        let heard_at = Timestamp::try_from(self.gate.now()).unwrap_or(Timestamp::UNIX_EPOCH);
        let verified = Verified::of(request, heard_at);
        // A form that does not decode cleanly is verified as a lenient decoder reads it, which is how it
        // was signed; it is quarantined afterwards.
        let lenient =
            Form::of(form_urlencoded::parse(&verified.body).map(|(name, value)| (name.into(), value.into())));
        let form = verified.form.as_ref().unwrap_or(&lenient);
        let check = |tokens: &[SecretString]| {
            let path = request.raw_http_path();
            let signed = Signed::Form(form);
            verify(&self.public_url, path, &verified.query, signed, signature, tokens)
        };
        self.secrets
            .check("TWILIO_AUTH_TOKEN", check)
            .await
            .map_err(http::forbidden)?;
        Ok(verified)
    }
}

fn signature_of(request: &Request) -> Result<&str, SignatureError> {
    let headers = request.headers();
    // Empty means the scheme that we know.
    if headers
        .get("x-twilio-webhooks-signature-settings")
        .is_some_and(|settings| !settings.is_empty())
    {
        return Err(SignatureError::OtherScheme);
    }
    let mut signatures = headers.get_all("x-twilio-signature").iter();
    match (signatures.next(), signatures.next()) {
        // The gateway joins a repeated header with a comma, which base64 never has.
        (Some(signature), None) if !signature.as_bytes().contains(&b',') => {
            signature.to_str().map_err(|_| SignatureError::DoesNotFit)
        }
        _ => Err(SignatureError::NotOne),
    }
}

impl Verified {
    fn of(request: &Request, heard_at: Timestamp) -> Self {
        let body = request.body().as_ref().to_vec();
        Self {
            heard_at,
            query: request.uri().query().unwrap_or_default().to_owned(),
            form: Form::parse(&body).map_err(WebhookError::from),
            body,
        }
    }

    /// The line that was called, as far as it can be read at all.
    pub fn line(&self) -> Option<Phone> {
        let form = self.form.as_ref().ok()?;
        Phone::parse(form.single("To").ok()??).ok()
    }

    /// Who sent a text: theirs keep their order.
    pub fn sender(&self) -> String {
        let from = || self.form.as_ref().ok()?.single("From").ok()?.map(str::to_owned);
        from().unwrap_or_default()
    }

    /// What the request is about: requests of one call keep their order.
    pub fn subject(&self) -> String {
        let sid = |name| self.form.as_ref().ok()?.single(name).ok()?.map(str::to_owned);
        sid("CallSid").or_else(|| sid("MessageSid")).unwrap_or_default()
    }
}

impl ParkedEvent {
    /// A verified request that is to be handled later, as a message.
    pub fn of(route: Route, request: &Verified) -> String {
        let event = Self {
            v: 1,
            route,
            query: request.query.clone(),
            form: BASE64_STANDARD.encode(&request.body),
            heard_at: request.heard_at,
        };
        serde_json::to_string(&event).expect("an event is a JSON object")
    }

    /// The raw form.
    pub fn body(&self) -> Option<Vec<u8>> {
        BASE64_STANDARD.decode(&self.form).ok()
    }
}
