//! Signatures of server messages, made by the sandbox, which shares no code with the product.

use jiff::{SignedDuration, Timestamp};
use local::sandbox_vapi;
use secrecy::SecretString;
use shared::providers::vapi::{SignatureError, sign, verify};

use crate::draw::Draw;

pub(crate) fn check(input: &[u8]) {
    let mut draw = Draw::new(input);
    let (secret, body) = (draw.text(), draw.text());
    let signed_at = Timestamp::from_second(draw.number(1_000_000_000..=4_102_444_800)).expect("a time");
    let timestamp = if draw.flag() {
        signed_at.as_second().to_string()
    } else {
        signed_at.as_millisecond().to_string()
    };
    let signature = sandbox_vapi::sign(&secret, &timestamp, body.as_bytes());
    assert_eq!(
        signature,
        sign(body.as_bytes(), &timestamp, &secret.clone().into()),
        "two ways to sign"
    );

    let apart = SignedDuration::from_secs(draw.number(-300..=300));
    let now = signed_at + apart;
    let told = |secret: &str, timestamp: &str, body: &str, signature: &str| {
        let secrets: [SecretString; 2] = ["another secret".into(), secret.into()];
        verify(body.as_bytes(), timestamp, signature, &secrets, now)
    };
    assert_eq!(
        told(&secret, &timestamp, &body, &signature),
        Ok(()),
        "signed and refused"
    );

    let more = draw.character();
    for (what, result) in [
        (
            "another secret",
            told(&format!("{secret}x{more}"), &timestamp, &body, &signature),
        ),
        (
            "another body",
            told(&secret, &timestamp, &format!("{body}{more}"), &signature),
        ),
        (
            "another time",
            told(&secret, &format!("0{timestamp}"), &body, &signature),
        ),
        (
            "another signature",
            told(&secret, &timestamp, &body, &format!("{signature}{more}")),
        ),
        ("half of it", told(&secret, &timestamp, &body, &signature[1..])),
        (
            "another digit",
            told(&secret, &timestamp, &body, &changed(&signature)),
        ),
    ] {
        assert_eq!(result, Err(SignatureError::DoesNotFit), "{what}");
    }

    let late = SignedDuration::from_secs(draw.number(301..=1_000_000));
    let secrets: [SecretString; 1] = [secret.into()];
    for now in [signed_at + late, signed_at - late] {
        assert_eq!(
            verify(body.as_bytes(), &timestamp, &signature, &secrets, now),
            Err(SignatureError::NotFresh)
        );
    }
}

/// Another digit in the first one's place.
fn changed(signature: &str) -> String {
    let first = if signature.starts_with('0') { "1" } else { "0" };
    format!("{first}{}", &signature[1..])
}
