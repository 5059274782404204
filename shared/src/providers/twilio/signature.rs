//! `X-Twilio-Signature`.
//!
//! base64(HMAC-SHA1(auth token, URL + sorted parameters)), where the URL is the public one that Twilio
//! requested, to the letter: it is rebuilt from our own configuration and the raw path and query, never
//! from a header that the sender chose. Nothing in it expires, so a captured request can be replayed for
//! ever; what makes that harmless is that handling one twice changes nothing.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Form;
use crate::platform::hex;

/// What a request's signature covers.
#[derive(Debug, Clone, Copy)]
pub enum Signed<'a> {
    /// The URL and the form's fields.
    Form(&'a Form),
    /// The URL, which holds the body's SHA-256 as `bodySHA256`.
    Body(&'a [u8]),
}

/// Why a request is not Twilio's. The sender is never told which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No signature, or more than one.
    #[error("not exactly one signature")]
    NotOne,
    /// Signed by a scheme that we have not opted in to.
    #[error("signed by another scheme")]
    OtherScheme,
    /// A body other than a form without the hash that would cover it.
    #[error("the body is not covered by the signature")]
    BodyNotCovered,
    /// Not made with any token that is valid now.
    #[error("the signature does not fit")]
    DoesNotFit,
}

/// Checks a signature against the tokens that are valid now.
///
/// `public_url` is scheme, host and, if it has one, port, without a slash at its end; `path` and `query`
/// are the raw ones. Twilio signs with or without a default port, so both spellings count.
pub fn verify(
    public_url: &str,
    path: &str,
    query: &str,
    signed: Signed<'_>,
    signature: &str,
    tokens: &[SecretString],
) -> Result<(), SignatureError> {
    if let Signed::Body(body) = signed
        && !covers(query, body)
    {
        return Err(SignatureError::BodyNotCovered);
    }
    let rest = after_host(path, query, signed);
    // An undecodable signature is compared all the same, so that it costs what a wrong one costs.
    let given = BASE64_STANDARD
        .decode(signature.get(..64).unwrap_or(signature))
        .unwrap_or_default();
    let mut fits = false;
    for base in spellings(public_url) {
        for token in tokens {
            let expected = mac(token, &format!("{base}{rest}"));
            fits |= bool::from(expected.as_slice().ct_eq(&given));
        }
    }
    if fits {
        Ok(())
    } else {
        Err(SignatureError::DoesNotFit)
    }
}

/// Signs as Twilio does, for whoever plays Twilio.
pub fn sign(public_url: &str, path: &str, query: &str, signed: Signed<'_>, token: &SecretString) -> String {
    let rest = after_host(path, query, signed);
    BASE64_STANDARD.encode(mac(token, &format!("{public_url}{rest}")))
}

/// What is signed behind scheme, host and port: path, query and, for a form, its fields.
fn after_host(path: &str, query: &str, signed: Signed<'_>) -> String {
    let question_mark = if query.is_empty() { "" } else { "?" };
    let fields = match signed {
        Signed::Form(form) => canonical(form),
        Signed::Body(_) => String::new(),
    };
    format!("{path}{question_mark}{query}{fields}")
}

fn mac(token: &SecretString, text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha1>::new_from_slice(token.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Names in code point order, each with its values sorted and without repetition.
fn canonical(form: &Form) -> String {
    let mut fields: Vec<&(String, String)> = form.fields().iter().collect();
    fields.sort_unstable();
    fields.dedup();
    fields
        .into_iter()
        .flat_map(|(name, value)| [name.as_str(), value.as_str()])
        .collect()
}

/// The URL as configured and, where the port is the scheme's own, with or without it; a URL with another
/// port may be signed without one as well.
fn spellings(public_url: &str) -> Vec<String> {
    let (scheme, rest) = public_url.split_once("://").unwrap_or(("https", public_url));
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let default_port = if scheme == "http" { "80" } else { "443" };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => (host, port),
        _ => (authority, default_port),
    };
    vec![
        format!("{scheme}://{host}{path}"),
        format!("{scheme}://{host}:{port}{path}"),
    ]
}

/// What `bodySHA256` says of a body.
pub fn body_hash(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

fn covers(query: &str, body: &[u8]) -> bool {
    let hash = body_hash(body);
    let mut given = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "bodySHA256");
    match (given.next(), given.next()) {
        (Some((_, given)), None) => given.as_bytes().ct_eq(hash.as_bytes()).into(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        token: String,
        url: String,
        #[serde(default)]
        form: Vec<(String, String)>,
        json_body: Option<String>,
        algorithm: String,
        signature: String,
    }

    fn vectors() -> Vec<Vector> {
        serde_json::from_str(include_str!("../../../../tests/fixtures/twilio_signatures.json"))
            .expect("valid vectors")
    }

    /// `https://host`, `/path`, `query`
    fn split(url: &str) -> (&str, &str, &str) {
        let host_end = url[8..].find('/').expect("a path") + 8;
        let (base, tail) = url.split_at(host_end);
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        (base, path, query)
    }

    fn check(vector: &Vector, url: &str, token: &str, signature: &str) -> Result<(), SignatureError> {
        let (base, path, query) = split(url);
        let form = Form::of(vector.form.clone());
        let signed = vector
            .json_body
            .as_ref()
            .map_or(Signed::Form(&form), |body| Signed::Body(body.as_bytes()));
        verify(base, path, query, signed, signature, &[token.into()])
    }

    #[test]
    fn twilios_own_vectors_fit_and_nothing_near_them_does() {
        for vector in vectors() {
            let name = &vector.name;
            let fits = check(&vector, &vector.url, &vector.token, &vector.signature);
            if vector.algorithm == "HMAC_SHA256" {
                assert_eq!(
                    fits,
                    Err(SignatureError::DoesNotFit),
                    "{name}: the newer scheme is not ours"
                );
                continue;
            }
            assert_eq!(fits, Ok(()), "{name}");
            let refused =
                |url: &str, token: &str, signature: &str| check(&vector, url, token, signature).is_err();
            assert!(
                refused(&vector.url, "another token", &vector.signature),
                "{name}: another token"
            );
            let (base, path, query) = split(&vector.url);
            assert!(
                refused(
                    &format!("{base}{path}/?{query}"),
                    &vector.token,
                    &vector.signature
                ),
                "{name}: a slash more"
            );
            assert!(
                refused(
                    &format!("{base}{path}?{query}&x=1"),
                    &vector.token,
                    &vector.signature
                ),
                "{name}: a parameter more"
            );
            assert!(
                refused(
                    &vector.url.to_uppercase().replace("HTTPS", "https"),
                    &vector.token,
                    &vector.signature
                ),
                "{name}: upper case"
            );
            for index in 0..vector.signature.len() - 1 {
                let mut flipped = vector.signature.clone().into_bytes();
                flipped[index] = if flipped[index] == b'A' { b'B' } else { b'A' };
                assert!(
                    refused(&vector.url, &vector.token, &String::from_utf8_lossy(&flipped)),
                    "{name}: byte {index}"
                );
            }
        }
    }

    #[test]
    fn every_field_counts_and_their_order_does_not() {
        let vector = vectors()
            .into_iter()
            .find(|vector| vector.name == "V2")
            .expect("V2");
        let (base, path, query) = split(&vector.url);
        let check = |fields: Vec<(String, String)>| {
            verify(
                base,
                path,
                query,
                Signed::Form(&Form::of(fields)),
                &vector.signature,
                &[vector.token.as_str().into()],
            )
        };
        let mut reversed = vector.form.clone();
        reversed.reverse();
        assert_eq!(check(reversed), Ok(()));
        for index in 0..vector.form.len() {
            let mut fewer = vector.form.clone();
            fewer.remove(index);
            assert!(check(fewer).is_err());
            let mut trimmed = vector.form.clone();
            trimmed[index].1.push(' ');
            assert!(check(trimmed).is_err());
        }
    }

    #[test]
    fn both_tokens_of_a_rotation_are_valid() {
        let vector = &vectors()[0];
        let (base, path, query) = split(&vector.url);
        let tokens = ["a newer one".into(), vector.token.as_str().into()];
        let form = Form::of(vector.form.clone());
        assert_eq!(
            verify(base, path, query, Signed::Form(&form), &vector.signature, &tokens),
            Ok(())
        );
    }

    #[test]
    fn a_port_counts_as_twilio_counts_it() {
        let named = |name: &str| {
            vectors()
                .into_iter()
                .find(|vector| vector.name == name)
                .expect("a vector")
        };
        let (without, default, other) = (named("V4a"), named("V4b"), named("V4c"));
        let fits = |base: &str, vector: &Vector| {
            let (_, path, query) = split(&vector.url);
            let form = Form::of(vector.form.clone());
            verify(
                base,
                path,
                query,
                Signed::Form(&form),
                &vector.signature,
                &[vector.token.as_str().into()],
            )
            .is_ok()
        };
        let (plain, odd) = ("https://api.example.com", "https://api.example.com:8443");
        assert_eq!(
            [fits(plain, &without), fits(plain, &default), fits(plain, &other)],
            [true, true, false]
        );
        assert_eq!(
            [fits(odd, &without), fits(odd, &default), fits(odd, &other)],
            [true, false, true]
        );
    }

    #[test]
    fn a_body_that_the_url_does_not_cover_is_refused() {
        let vector = vectors()
            .into_iter()
            .find(|vector| vector.name == "V8")
            .expect("V8");
        let (base, path, query) = split(&vector.url);
        let body = format!("{} ", vector.json_body.as_ref().expect("a body"));
        let tokens = [vector.token.as_str().into()];
        let check = |query, body: &str| {
            verify(
                base,
                path,
                query,
                Signed::Body(body.as_bytes()),
                &vector.signature,
                &tokens,
            )
        };
        assert_eq!(check(query, &body), Err(SignatureError::BodyNotCovered));
        assert_eq!(check("", body.trim_end()), Err(SignatureError::BodyNotCovered));
    }

    #[test]
    fn an_absurd_signature_is_merely_wrong() {
        let form = Form::default();
        for signature in ["", "not base64!", "é", &"A".repeat(10_000)] {
            let result = verify(
                "https://h",
                "/p",
                "",
                Signed::Form(&form),
                signature,
                &["token".into()],
            );
            assert_eq!(result, Err(SignatureError::DoesNotFit));
        }
    }
}
