//! Signatures that carry their own time: `t=<seconds>,v1=<hexadecimal digits>`.
//!
//! v1 is the HMAC-SHA256 of the time, a full stop and the raw body, under the whole secret. So Stripe signs its
//! events (`Stripe-Signature`; the `whsec_` of its secrets is part of the key), and so a shop without Stripe is
//! asked to. The time is signed too: what somebody captured can be replayed for five minutes, and that is
//! harmless because handling an event twice changes nothing.
//!
//! Source: <https://docs.stripe.com/webhooks/signature>, and Stripe's own library as it behaves. Where that is
//! more generous, this is not: it takes the first of several times, and any time that lies ahead.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::hex;
use super::secrets::same;

/// How far the time of a signature may be from ours, either way.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Why a body is not its sender's. The sender is never told which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No signature header, or more than one.
    #[error("not exactly one signature")]
    NotOne,
    /// No list of `name=value`, or one without exactly one time in seconds since 1970.
    #[error("the signature header is malformed")]
    Malformed,
    /// Not made with any secret that is valid now, or by another scheme.
    #[error("the signature does not fit")]
    DoesNotFit,
    /// It fits, and is older than [`TOLERANCE`].
    #[error("the signature is too old")]
    TooOld,
    /// It fits, and lies further ahead than [`TOLERANCE`].
    #[error("the signature is from the future")]
    TooEarly,
}

/// Checks a signature against the secrets that are valid now.
///
/// One that fits is enough: while a secret is replaced, Stripe signs with the old one and with the new one.
pub fn verify(
    header: &str,
    body: &[u8],
    secrets: &[SecretString],
    now: Timestamp,
) -> Result<(), SignatureError> {
    let header = Header::parse(header)?;
    let mut fits = false;
    for secret in secrets {
        let expected = mac(header.time, body, secret);
        // All are compared, so that the time it takes does not tell which one fits.
        for given in &header.signatures {
            fits |= same(given, &expected);
        }
    }
    let age = now.duration_since(header.signed_at);
    if !fits {
        Err(SignatureError::DoesNotFit)
    } else if age > TOLERANCE {
        Err(SignatureError::TooOld)
    } else if age < -TOLERANCE {
        Err(SignatureError::TooEarly)
    } else {
        Ok(())
    }
}

/// Signs as Stripe does, for whoever plays Stripe or a shop.
pub fn sign(body: &[u8], secret: &SecretString, at: Timestamp) -> String {
    let time = at.as_second().to_string();
    format!("t={time},v1={}", mac(&time, body, secret))
}

/// What a header says, unverified.
struct Header<'a> {
    /// As it is signed.
    time: &'a str,
    signed_at: Timestamp,
    /// Those of v1.
    signatures: Vec<&'a str>,
}

impl<'a> Header<'a> {
    fn parse(text: &'a str) -> Result<Self, SignatureError> {
        let (mut times, mut signatures) = (Vec::new(), Vec::new());
        for item in text.split(',') {
            match item.split_once('=').ok_or(SignatureError::Malformed)? {
                ("t", time) => times.push(time),
                ("v1", signature) => signatures.push(signature),
                // Other schemes prove nothing: v0 is for Stripe's tests.
                _ => {}
            }
        }
        let [time] = times[..] else {
            return Err(SignatureError::Malformed);
        };
        // A sign or a space would be read as well, and is not what anybody signs.
        let is_plain = time.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = time.parse::<i64>().ok().filter(|_| is_plain);
        Ok(Self {
            time,
            signed_at: seconds
                .and_then(|seconds| Timestamp::from_second(seconds).ok())
                .ok_or(SignatureError::Malformed)?,
            signatures,
        })
    }
}

/// The HMAC-SHA256 of time, full stop and body under the whole secret, in lower-case hexadecimal digits: others are
/// another signature.
pub(crate) fn mac(time: &str, body: &[u8], secret: &SecretString) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    for part in [time.as_bytes(), b".", body] {
        mac.update(part);
    }
    hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        secret: String,
        t: i64,
        body: String,
        header: String,
    }

    fn vectors() -> Vec<Vector> {
        serde_json::from_str(include_str!("../../../tests/fixtures/stripe_signatures.json"))
            .expect("valid vectors")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("a time of this century")
    }

    fn check(vector: &Vector, header: &str) -> Result<(), SignatureError> {
        verify(
            header,
            vector.body.as_bytes(),
            &[vector.secret.as_str().into()],
            at(vector.t),
        )
    }

    #[test]
    fn stripes_own_vectors_fit_and_nothing_near_them_does() {
        for vector in vectors() {
            let name = &vector.name;
            assert_eq!(check(&vector, &vector.header), Ok(()), "{name}");
            let signed = sign(
                vector.body.as_bytes(),
                &vector.secret.as_str().into(),
                at(vector.t),
            );
            assert_eq!(signed, vector.header, "{name}");

            let refused = |body: &str, secret: &str| {
                verify(&vector.header, body.as_bytes(), &[secret.into()], at(vector.t))
            };
            let without_prefix = vector.secret.trim_start_matches("whsec_");
            for (body, secret) in [
                (vector.body.as_str(), "whsec_another"),
                (vector.body.as_str(), without_prefix),
                (format!("{}\n", vector.body).as_str(), vector.secret.as_str()),
                (format!(" {}", vector.body).as_str(), vector.secret.as_str()),
            ] {
                assert_eq!(
                    refused(body, secret),
                    Err(SignatureError::DoesNotFit),
                    "{name}: {body}"
                );
            }
            let digits = vector.header.find("v1=").expect("a signature") + 3;
            for index in digits..vector.header.len() {
                let mut flipped = vector.header.clone().into_bytes();
                flipped[index] = if flipped[index] == b'0' { b'1' } else { b'0' };
                let flipped = String::from_utf8(flipped).expect("ASCII");
                assert_eq!(
                    check(&vector, &flipped),
                    Err(SignatureError::DoesNotFit),
                    "{name}: byte {index}"
                );
            }
        }
    }

    #[test]
    fn a_signature_lives_for_five_minutes_either_way() {
        let vector = &vectors()[0];
        let at_age = |age: f64| {
            let age = SignedDuration::try_from_secs_f64(age).expect("some minutes");
            verify(
                &vector.header,
                vector.body.as_bytes(),
                &[vector.secret.as_str().into()],
                at(vector.t) + age,
            )
        };
        for age in [0.0, 300.0, -300.0] {
            assert_eq!(at_age(age), Ok(()), "{age}");
        }
        for age in [300.001, 301.0, 1e9] {
            assert_eq!(at_age(age), Err(SignatureError::TooOld), "{age}");
        }
        for age in [-300.001, -301.0, -1e9] {
            assert_eq!(at_age(age), Err(SignatureError::TooEarly), "{age}");
        }
    }

    #[test]
    fn any_of_several_signatures_and_of_several_secrets_may_fit() {
        let vectors = vectors();
        let (new, old) = (&vectors[0], &vectors[1]);
        assert_eq!((new.name.as_str(), old.name.as_str()), ("S1", "S1old"));
        let signature = |vector: &Vector| vector.header.split_once(',').expect("two items").1.to_owned();
        let both = format!("t={},{},{}", new.t, signature(old), signature(new));
        for vector in [new, old] {
            assert_eq!(check(vector, &both), Ok(()), "{}", vector.name);
        }
        let secrets = ["whsec_next".into(), old.secret.as_str().into()];
        assert_eq!(
            verify(&old.header, old.body.as_bytes(), &secrets, at(old.t)),
            Ok(())
        );
        assert_eq!(
            verify(&old.header, old.body.as_bytes(), &[], at(old.t)),
            Err(SignatureError::DoesNotFit)
        );
    }

    #[test]
    fn only_a_plain_header_with_one_time_and_lower_case_digits_counts() {
        let vector = &vectors()[0];
        let (time, v1) = vector.header.split_once(',').expect("two items");
        let digits = v1.trim_start_matches("v1=");
        for header in [format!("{v1},{time}"), format!("{time},v0=1,{v1},v1=,v2=new,=")] {
            assert_eq!(check(vector, &header), Ok(()), "{header}");
        }
        for header in [
            format!("{time},v1={}", digits.to_uppercase()),
            format!("{time},v0={digits}"),
            format!("{time}, {v1}"),
            format!("{time},v1= {digits}"),
            format!("{time},v1={}", &digits[1..]),
            format!("{time},v1={digits}0"),
            format!("{time},v1={digits}=1"),
            time.to_owned(),
            "t=1760000001,v1=".to_owned() + digits,
            "t=01760000000,v1=".to_owned() + digits,
        ] {
            assert_eq!(
                check(vector, &header),
                Err(SignatureError::DoesNotFit),
                "{header}"
            );
        }
        for header in [
            String::new(),
            v1.to_owned(),
            digits.to_owned(),
            format!("{time},{v1},v1"),
            format!("{time},{v1},"),
            format!("t=,{v1}"),
            format!("t,{v1}"),
            format!("t=+1760000000,{v1}"),
            format!("t=1760000000.0,{v1}"),
            format!("t=-1,{v1}"),
            format!("t=99999999999999999999,{v1}"),
            format!("t=9223372036854775807,{v1}"),
            format!("{time},{time},{v1}"),
            format!(" {time},{v1}"),
            "é".repeat(5_000),
        ] {
            assert_eq!(check(vector, &header), Err(SignatureError::Malformed), "{header}");
        }
    }
}
