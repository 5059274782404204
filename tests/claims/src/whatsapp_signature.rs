//! Signatures of webhooks, made by the sandbox, which shares no code with the product.

use local::sandbox_meta;
use secrecy::SecretString;
use shared::providers::whatsapp::{SignatureError, sign, verify};

use crate::draw::Draw;

pub(crate) fn check(input: &[u8]) {
    let mut draw = Draw::new(input);
    let (secret, body) = (draw.text(), draw.text());
    let header = sandbox_meta::sign(&secret, body.as_bytes());
    assert_eq!(
        header,
        sign(body.as_bytes(), &secret.clone().into()),
        "two ways to sign"
    );

    let told = |secret: &str, body: &str, header: &str| {
        let secrets: [SecretString; 2] = ["another secret".into(), secret.into()];
        verify(header, body.as_bytes(), &secrets)
    };
    assert_eq!(told(&secret, &body, &header), Ok(()), "signed and refused");

    let more = draw.character();
    let at = draw.below(header.len());
    for (what, result) in [
        (
            "another secret",
            told(&format!("{secret}x{more}"), &body, &header),
        ),
        ("another body", told(&secret, &format!("{body}{more}"), &header)),
        (
            "a longer signature",
            told(&secret, &body, &format!("{header}{more}")),
        ),
        ("half of it", told(&secret, &body, &header[1..])),
        ("without its scheme", told(&secret, &body, &header[7..])),
        ("another character", told(&secret, &body, &changed(&header, at))),
    ] {
        assert_eq!(result, Err(SignatureError::DoesNotFit), "{what}");
    }
}

/// Another character in one's place.
fn changed(header: &str, at: usize) -> String {
    let other = if header[at..].starts_with('0') { "1" } else { "0" };
    format!("{}{other}{}", &header[..at], &header[at + 1..])
}
