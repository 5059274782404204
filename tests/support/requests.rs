//! Requests to the gateway as anybody could make them, to the last byte.

use std::time::{Duration, Instant, SystemTime};

use local::sandbox_vapi::ServerMessage;

use crate::World;

/// Where Twilio announces calls.
pub const VOICE: &str = "/api/webhooks/twilio/voice";
/// Where Twilio tells how dialling the owner ended.
pub const DIAL_RESULT: &str = "/api/webhooks/twilio/voice?mode=dial-result";
/// Where Twilio reports on calls and texts.
pub const STATUS: &str = "/api/webhooks/twilio/status";
/// Where Twilio hands over texts.
pub const SMS: &str = "/api/webhooks/twilio/sms";
/// Where Vapi tells of calls.
pub const VAPI: &str = "/api/webhooks/vapi";
/// Where Stripe tells of payments.
pub const STRIPE: &str = "/api/webhooks/stripe";
/// Where Meta tells of WhatsApp.
pub const WHATSAPP: &str = "/api/webhooks/whatsapp";
/// Where a shop without it does.
pub const SHOP: &str = "/api/webhooks/customers";

/// What the gateway answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// How long it took.
    pub elapsed: Duration,
}

impl Reply {
    /// The body, read as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Whether it has somebody dialled, and whom.
    pub fn dials(&self, number: &str) -> bool {
        self.status == 200 && self.body.contains(&format!("<Number>{number}</Number>"))
    }
}

impl World {
    /// Sends a request, exactly so.
    pub async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Reply {
        let method = method.parse::<reqwest::Method>().expect("a method");
        let request = self.client.request(method, format!("{}{target}", self.url));
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        let asked = Instant::now();
        let response = request
            .body(body.into())
            .send()
            .await
            .expect("the gateway answers");
        Reply {
            status: response.status().as_u16(),
            body: response.text().await.expect("a body"),
            elapsed: asked.elapsed(),
        }
    }

    /// Twilio's signature of a form, which it makes over what a lenient reader finds in it.
    pub fn signature_of(&self, target: &str, body: &[u8]) -> String {
        let form: Vec<_> = form_urlencoded::parse(body).into_owned().collect();
        local::sandbox::sign(&self.twilio.auth_token(), &format!("{}{target}", self.url), &form)
    }

    /// A raw body that Twilio signed, on a good or a bad day.
    pub async fn post_signed(&self, target: &str, body: impl Into<Vec<u8>>) -> Reply {
        let body = body.into();
        let signature = self.signature_of(target, &body);
        let headers = [FORM, ("x-twilio-signature", signature.as_str())];
        self.send("POST", target, &headers, body).await
    }

    /// A message of Vapi's, signed now by the clock on the wall, which is the one that signatures are checked by.
    pub async fn vapi_tells(&self, message: ServerMessage) -> Reply {
        let now = shared::platform::gate::Gate::default().now();
        let now = now.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        self.post_as_vapi(message.signed_at(&now.as_secs().to_string()))
            .await
    }

    /// A message that claims to be Vapi's, exactly so.
    pub async fn post_as_vapi(&self, message: ServerMessage) -> Reply {
        let (parts, body) = message.into_request().into_parts();
        let headers: Vec<_> = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
            .collect();
        self.send("POST", VAPI, &headers, body).await
    }

    /// The requests for a text that left us, accepted or not.
    pub fn sends(&self) -> usize {
        self.twilio
            .requests()
            .iter()
            .filter(|request| request.is_send())
            .count()
    }

    /// A number out of the database.
    pub async fn count(&self, what: &str) -> u64 {
        let count = self.database.one(&format!("SELECT count(*) FROM {what}")).await;
        count.expect("a count").parse().expect("a number")
    }
}

/// What Twilio's forms say that they are.
pub const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");

/// A form's body.
pub fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}
