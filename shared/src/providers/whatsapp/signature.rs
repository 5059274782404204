//! How a webhook shows that it comes from Meta.
//!
//! `X-Hub-Signature-256` is `sha256=` and, in lower-case hexadecimal digits, the HMAC-SHA256 of the raw body under
//! the secret of the app. Meta escapes what it sends (`\u00e9`, `\/`), so a body that was parsed and written again
//! has another signature. No time is signed: what somebody captured can be replayed for ever, and what makes that
//! harmless is that handling a message twice changes nothing.
//!
//! Source: <https://developers.facebook.com/docs/graph-api/webhooks/getting-started#validate-payloads>.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::platform::hex;
use crate::platform::secrets::same;

/// Why a body is not Meta's. The sender is never told which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No signature, or more than one. The older `X-Hub-Signature`, of SHA-1, is none.
    #[error("not exactly one signature")]
    NotOne,
    /// Not made with any secret that is valid now.
    #[error("the signature does not fit")]
    DoesNotFit,
}

/// Checks a signature against the secrets that are valid now.
pub fn verify(header: &str, body: &[u8], secrets: &[SecretString]) -> Result<(), SignatureError> {
    // Every secret is compared, so that the time does not tell which one fits.
    let fits = secrets
        .iter()
        .fold(false, |fits, secret| same(header, &sign(body, secret)) | fits);
    if fits {
        Ok(())
    } else {
        Err(SignatureError::DoesNotFit)
    }
}

/// Signs as Meta does, for whoever plays Meta.
pub fn sign(body: &[u8], secret: &SecretString) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(body);
    format!("sha256={}", hex(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by Python's own library.
    const SECRET: &str = "meta_app_secret_example";
    const VECTORS: [(&str, &str); 2] = [
        (
            r#"{"object":"whatsapp_business_account","entry":[]}"#,
            "sha256=f5933bdaba66b42c6b98843d4afefc0434be5e077f3c9d91d3d8399357ab4916",
        ),
        (
            r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[{"type":"text","text":{"body":"caf\u00e9 \ud83d\udc4d https:\/\/a.b"}}]}}]}]}"#,
            "sha256=5fe4d1c3d2e2f4fed0f9efa5be4d34deac5da11abf0361b7a84ef00e16085b17",
        ),
    ];

    fn check(body: &str, header: &str, secret: &str) -> Result<(), SignatureError> {
        verify(header, body.as_bytes(), &["a newer one".into(), secret.into()])
    }

    #[test]
    fn the_vectors_fit_and_nothing_near_them_does() {
        let wrong = Err(SignatureError::DoesNotFit);
        for (body, header) in VECTORS {
            assert_eq!(check(body, header, SECRET), Ok(()));
            assert_eq!(check(&format!("{body} "), header, SECRET), wrong);
            assert_eq!(check(body, header, "another"), wrong);
            assert_eq!(check(body, &header.to_uppercase(), SECRET), wrong);
            assert_eq!(check(body, &header[7..], SECRET), wrong);
            assert_eq!(check(body, &format!("{header},{header}"), SECRET), wrong);
            assert_eq!(check(body, "", SECRET), wrong);
            for index in 0..header.len() {
                let mut flipped = header.as_bytes().to_vec();
                flipped[index] = if flipped[index] == b'0' { b'1' } else { b'0' };
                let flipped = String::from_utf8(flipped).expect("ASCII");
                assert_eq!(check(body, &flipped, SECRET), wrong, "byte {index}");
            }
            assert_eq!(verify(header, body.as_bytes(), &[]), wrong);
        }
    }

    #[test]
    fn what_was_parsed_and_written_again_is_another_body() {
        let (body, header) = VECTORS[1];
        let written = serde_json::from_str::<serde_json::Value>(body)
            .expect("JSON")
            .to_string();
        assert_eq!(check(&written, header, SECRET), Err(SignatureError::DoesNotFit));
    }
}
