//! The signature of a server message, written from its description and from nothing of ours, so that this and
//! the product's own verification check each other.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The `x-signature` of a body: the HMAC-SHA256, under the credential's secret, of the timestamp, a full stop
/// and the body, in hexadecimal digits.
pub fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(&[timestamp.as_bytes(), b".", body].concat());
    let mut digits = String::new();
    for byte in mac.finalize().into_bytes() {
        write!(digits, "{byte:02x}").expect("a String takes everything");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_that_python_s_library_makes() {
        let body = r#"{"message":{"type":"status-update","status":"ended","endedReason":"customer-did-not-answer","call":{"id":"c1"}}}"#;
        assert_eq!(
            sign("vapi_hmac_secret_example", "1760000000", body.as_bytes()),
            "25c4725488967369b10557588188355d2500e47556c5bf442d88097e390b62b2"
        );
    }
}
