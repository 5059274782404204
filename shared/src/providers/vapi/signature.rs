//! How a server message shows that it comes from Vapi.
//!
//! With an HMAC credential as Vapi makes it: `x-signature` is the hexadecimal HMAC-SHA256, under the shared
//! secret, of `{timestamp}.{body}`, where the timestamp is `x-timestamp` to the letter. The unit of that is not
//! documented, so both seconds and milliseconds are understood. A captured message can be replayed while it is
//! fresh; what makes that harmless is that handling one twice changes nothing.

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::platform::secrets::same;
use crate::platform::signature::mac;

/// How old a message may be, and how far Vapi's clock may be ahead of ours.
const FRESH: SignedDuration = SignedDuration::from_mins(5);
/// In seconds this is the year 5138, in milliseconds 1973.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// Why a request is not Vapi's. The sender is never told which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No proof of who sent it, or more than one of a kind.
    #[error("not exactly one signature and timestamp")]
    NotOne,
    /// Too old, too far in the future, or no time at all.
    #[error("not signed just now")]
    NotFresh,
    /// Not made with any secret that is valid now.
    #[error("the signature does not fit")]
    DoesNotFit,
    /// The secret itself, where only a signature will do.
    #[error("not signed, but with the secret itself")]
    SecretOnly,
}

/// Checks a signature against the secrets that are valid now.
pub fn verify(
    body: &[u8],
    timestamp: &str,
    signature: &str,
    secrets: &[SecretString],
    now: Timestamp,
) -> Result<(), SignatureError> {
    // Every secret is compared, so that the time does not tell which one fits.
    let fits = secrets.iter().fold(false, |fits, secret| {
        same(signature, &sign(body, timestamp, secret)) | fits
    });
    match time_of(timestamp) {
        Some(signed_at) if now.duration_since(signed_at).abs() <= FRESH => {}
        _ => return Err(SignatureError::NotFresh),
    }
    if fits {
        Ok(())
    } else {
        Err(SignatureError::DoesNotFit)
    }
}

/// Signs as Vapi does, for whoever plays Vapi.
pub fn sign(body: &[u8], timestamp: &str, secret: &SecretString) -> String {
    mac(timestamp, body, secret)
}

fn time_of(timestamp: &str) -> Option<Timestamp> {
    if !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: i64 = timestamp.parse().ok()?;
    if count < MILLISECONDS_FROM {
        Timestamp::from_second(count).ok()
    } else {
        Timestamp::from_millisecond(count).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made from the defaults of Vapi's credential schema, by a library that is not ours.
    const SECRET: &str = "vapi_hmac_secret_example";
    const TIMESTAMP: &str = "1760000000";
    const BODY: &str = r#"{"message":{"type":"status-update","status":"ended","endedReason":"customer-did-not-answer","call":{"id":"c1"}}}"#;
    const SIGNATURE: &str = "25c4725488967369b10557588188355d2500e47556c5bf442d88097e390b62b2";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn check(body: &str, timestamp: &str, signature: &str, secret: &str) -> Result<(), SignatureError> {
        let secrets = ["a newer one".into(), secret.into()];
        verify(body.as_bytes(), timestamp, signature, &secrets, at(1_760_000_000))
    }

    #[test]
    fn the_vector_fits_and_nothing_near_it_does() {
        assert_eq!(check(BODY, TIMESTAMP, SIGNATURE, SECRET), Ok(()));
        let wrong = Err(SignatureError::DoesNotFit);
        assert_eq!(check(BODY, TIMESTAMP, SIGNATURE, "another"), wrong);
        assert_eq!(check(&BODY[1..], TIMESTAMP, SIGNATURE, SECRET), wrong);
        assert_eq!(check(BODY, "1760000001", SIGNATURE, SECRET), wrong);
        for index in 0..SIGNATURE.len() {
            let mut flipped = SIGNATURE.to_owned().into_bytes();
            flipped[index] = if flipped[index] == b'0' { b'1' } else { b'0' };
            let flipped = String::from_utf8_lossy(&flipped);
            assert_eq!(check(BODY, TIMESTAMP, &flipped, SECRET), wrong, "byte {index}");
        }
        for signature in ["", "é", &SIGNATURE[1..], &"a".repeat(10_000)] {
            assert_eq!(check(BODY, TIMESTAMP, signature, SECRET), wrong, "{signature}");
        }
    }

    #[test]
    fn a_message_is_fresh_for_five_minutes_either_way_in_either_unit() {
        let fits = |timestamp: &str, now| {
            let secret = SecretString::from(SECRET);
            let signature = sign(BODY.as_bytes(), timestamp, &secret);
            verify(BODY.as_bytes(), timestamp, &signature, &[secret], at(now))
        };
        let signed_at = 1_760_000_000;
        for timestamp in ["1760000000", "1760000000000"] {
            for apart in [-300, 0, 300] {
                assert_eq!(fits(timestamp, signed_at + apart), Ok(()), "{timestamp} {apart}");
            }
            for apart in [-301, 301, 86_400] {
                let stale = Err(SignatureError::NotFresh);
                assert_eq!(fits(timestamp, signed_at + apart), stale, "{timestamp} {apart}");
            }
        }
        for timestamp in [
            "",
            "now",
            "-1760000000",
            "+1760000000",
            " 1760000000",
            "1760000000.0",
            "99999999999999999999",
        ] {
            assert_eq!(
                fits(timestamp, signed_at),
                Err(SignatureError::NotFresh),
                "{timestamp:?}"
            );
        }
    }
}
