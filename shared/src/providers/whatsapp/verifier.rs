//! From a request to what Meta said in it.

use jiff::Timestamp;
use lambda_http::Request;
use secrecy::SecretString;

use super::handshake::handshake;
use super::signature::{SignatureError, verify};
use super::webhook::{Item, WebhookError, items};
use crate::platform::gate::Gate;
use crate::platform::http::{self, HttpError};
use crate::platform::secrets::Secrets;

/// Meta's own limit to what it sends at once.
const BODY_BYTES_MAX: usize = 3 * 1024 * 1024;
const APP_SECRET: &str = "WHATSAPP_APP_SECRET";
const VERIFY_TOKEN: &str = "WHATSAPP_VERIFY_TOKEN";

/// Verifies what claims to come from Meta.
pub struct WebhookVerifier {
    secrets: Secrets,
    gate: Gate,
}

/// A request that Meta signed.
#[derive(Debug)]
pub struct Verified {
    /// When we had it, by the wall clock.
    pub heard_at: Timestamp,
    /// What it says, in its order; signed, but perhaps nothing that anybody can use.
    pub items: Result<Vec<Item>, WebhookError>,
    /// The raw body.
    pub body: Vec<u8>,
}

impl WebhookVerifier {
    /// With the secrets that are valid as `WHATSAPP_APP_SECRET` and `WHATSAPP_VERIFY_TOKEN`.
    pub fn new(secrets: Secrets, gate: Gate) -> Self {
        Self { secrets, gate }
    }

    /// Takes `POSTed` JSON of at most 3 MiB with one good signature.
    pub async fn verify(&self, request: &Request) -> Result<Verified, HttpError> {
        http::posted(request, "application/json", BODY_BYTES_MAX)?;
        let header = header_of(request).map_err(http::forbidden)?;
        let heard_at = Timestamp::try_from(self.gate.now()).unwrap_or(Timestamp::UNIX_EPOCH);
        let body = request.body().as_ref();
        self.secrets
            .check(APP_SECRET, |valid| verify(header, body, valid))
            .await
            .map_err(http::forbidden)?;
        Ok(Verified {
            heard_at,
            items: items(body),
            body: body.to_vec(),
        })
    }

    /// The challenge to answer a `GET` with.
    pub async fn challenge(&self, request: &Request) -> Result<String, HttpError> {
        let query = request.uri().query().unwrap_or_default();
        let check = |tokens: &[SecretString]| handshake(query, tokens);
        self.secrets
            .check(VERIFY_TOKEN, check)
            .await
            .map_err(http::forbidden)
    }
}

fn header_of(request: &Request) -> Result<&str, SignatureError> {
    // A gateway that joins repeated headers makes one of two, which is no signature either.
    let mut given = request.headers().get_all("x-hub-signature-256").iter();
    match (given.next(), given.next()) {
        (Some(header), None) => header.to_str().map_err(|_| SignatureError::DoesNotFit),
        _ => Err(SignatureError::NotOne),
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::Body;

    use super::super::sign;
    use super::*;

    const BODY: &str = r#"{"object":"whatsapp_business_account","entry":[]}"#;

    fn verifier() -> WebhookVerifier {
        let secrets = Secrets::of_environment(|name| match name {
            "WHATSAPP_APP_SECRET" => Some("current".to_owned()),
            "WHATSAPP_APP_SECRET_PREVIOUS" => Some("previous".to_owned()),
            "WHATSAPP_VERIFY_TOKEN" => Some("token".to_owned()),
            _ => None,
        });
        WebhookVerifier::new(secrets, Gate::default())
    }

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut request = ::http::Request::builder().method("POST");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::Text(BODY.to_owned())).expect("a request")
    }

    async fn status(request: Request) -> u16 {
        match verifier().verify(&request).await {
            Ok(verified) => {
                assert_eq!(verified.body, BODY.as_bytes());
                assert!(verified.items.is_ok_and(|items| items.is_empty()));
                200
            }
            Err(HttpError::Refused { status, .. }) => status,
            Err(HttpError::Failed(error)) => panic!("{error:#}"),
        }
    }

    #[tokio::test]
    async fn json_with_one_signature_of_a_valid_secret_is_taken() {
        let json = ("content-type", "application/json");
        let signed = |secret: &str| sign(BODY.as_bytes(), &secret.into());
        for secret in ["current", "previous"] {
            let taken = request(&[json, ("x-hub-signature-256", &signed(secret))]);
            assert_eq!(status(taken).await, 200, "{secret}");
        }
        let (good, other) = (signed("current"), signed("other"));
        let signature = ("x-hub-signature-256", good.as_str());
        let older = ("x-hub-signature", good.as_str());
        for (headers, refusal) in [
            (&[json][..], 403),
            (&[json, ("x-hub-signature-256", other.as_str())], 403),
            (&[json, signature, signature], 403),
            (&[json, older], 403),
            (&[signature], 415),
            (&[("content-type", "text/plain"), signature], 415),
        ] {
            assert_eq!(status(request(headers)).await, refusal, "{headers:?}");
        }
        let mut large = request(&[json, signature]);
        *large.body_mut() = Body::Binary(vec![b' '; BODY_BYTES_MAX + 1]);
        assert_eq!(status(large).await, 413);
    }

    #[tokio::test]
    async fn a_handshake_is_answered_to_whoever_has_the_token() {
        let ask = async |token: &str| {
            let query = format!("hub.mode=subscribe&hub.verify_token={token}&hub.challenge=42");
            let mut request = request(&[]);
            *request.uri_mut() = format!("https://h/?{query}").parse().expect("a URI");
            verifier().challenge(&request).await.ok()
        };
        assert_eq!(ask("token").await.as_deref(), Some("42"));
        assert_eq!(ask("current").await, None);
    }
}
