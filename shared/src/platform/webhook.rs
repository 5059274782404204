//! From a request to JSON that its sender signed, with the time at which it did.

use jiff::Timestamp;
use lambda_http::Request;

use super::gate::Gate;
use super::http::{self, HttpError};
use super::secrets::Secrets;
use super::signature::{SignatureError, verify};

/// Stripe's largest events, invoices with hundreds of lines, have some hundred kilobytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Verifies what claims to come from somebody who shares a secret with us.
pub struct Verifier {
    header: &'static str,
    secret: &'static str,
    secrets: Secrets,
    gate: Gate,
}

/// A request that its sender signed.
#[derive(Debug)]
pub struct Verified {
    /// When we had it, by the wall clock.
    pub heard_at: Timestamp,
    /// The raw body; signed, but perhaps nothing that anybody can use.
    pub body: Vec<u8>,
}

impl Verifier {
    /// For signatures in the header `header`, made with the secret of the name `secret`.
    pub fn new(header: &'static str, secret: &'static str, secrets: Secrets, gate: Gate) -> Self {
        Self {
            header,
            secret,
            secrets,
            gate,
        }
    }

    /// Takes `POSTed` JSON of at most a mebibyte with one good signature.
    pub async fn verify(&self, request: &Request) -> Result<Verified, HttpError> {
        http::posted(request, "application/json", BODY_BYTES_MAX)?;
        let header = self.header_of(request).map_err(http::forbidden)?;
        let heard_at = Timestamp::try_from(self.gate.now()).unwrap_or(Timestamp::UNIX_EPOCH);
        let body = request.body().as_ref();
        self.secrets
            .check(self.secret, |valid| verify(header, body, valid, heard_at))
            .await
            .map_err(http::forbidden)?;
        Ok(Verified {
            heard_at,
            body: body.to_vec(),
        })
    }

    fn header_of<'a>(&self, request: &'a Request) -> Result<&'a str, SignatureError> {
        // A gateway that joins repeated headers makes one of two times, which is no signature either.
        let mut given = request.headers().get_all(self.header).iter();
        match (given.next(), given.next()) {
            (Some(header), None) => header.to_str().map_err(|_| SignatureError::DoesNotFit),
            _ => Err(SignatureError::NotOne),
        }
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::Body;
    use secrecy::SecretString;

    use super::super::signature::sign;
    use super::*;

    const BODY: &str = r#"{"id":"evt_1"}"#;

    fn verifier() -> Verifier {
        let secrets = Secrets::of_environment(|name| match name {
            "STRIPE_WEBHOOK_SECRET" => Some("whsec_test".to_owned()),
            "STRIPE_WEBHOOK_SECRET_PREVIOUS" => Some("whsec_previous".to_owned()),
            _ => None,
        });
        Verifier::new(
            "stripe-signature",
            "STRIPE_WEBHOOK_SECRET",
            secrets,
            Gate::default(),
        )
    }

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut request = ::http::Request::builder().method("POST");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::Text(BODY.to_owned())).expect("a request")
    }

    fn signed_now(secret: &str) -> String {
        let now = Timestamp::try_from(Gate::default().now()).expect("a time of this century");
        sign(BODY.as_bytes(), &SecretString::from(secret), now)
    }

    async fn status(request: Request) -> u16 {
        match verifier().verify(&request).await {
            Ok(verified) => {
                assert_eq!(verified.body, BODY.as_bytes());
                200
            }
            Err(HttpError::Refused { status, .. }) => status,
            Err(HttpError::Failed(error)) => panic!("{error:#}"),
        }
    }

    #[tokio::test]
    async fn json_with_one_signature_of_a_valid_secret_is_taken() {
        let json = ("content-type", "application/json; charset=utf-8");
        for secret in ["whsec_test", "whsec_previous"] {
            let signature = signed_now(secret);
            let taken = request(&[json, ("stripe-signature", &signature)]);
            assert_eq!(status(taken).await, 200, "{secret}");
        }
        let good = signed_now("whsec_test");
        let (other, twice) = (signed_now("whsec_other"), format!("{good},{good}"));
        let signature = ("stripe-signature", good.as_str());
        let form = ("content-type", "application/x-www-form-urlencoded");
        for (headers, refusal) in [
            (&[json][..], 403),
            (&[json, ("stripe-signature", other.as_str())], 403),
            (&[json, ("stripe-signature", twice.as_str())], 403),
            (&[json, signature, signature], 403),
            (&[signature], 415),
            (&[form, signature], 415),
        ] {
            assert_eq!(status(request(headers)).await, refusal, "{headers:?}");
        }
        let mut got = request(&[json, signature]);
        *got.method_mut() = ::http::Method::GET;
        assert_eq!(status(got).await, 405);
        let mut large = request(&[json, signature]);
        *large.body_mut() = Body::Binary(vec![b' '; BODY_BYTES_MAX + 1]);
        assert_eq!(status(large).await, 413);
    }
}
