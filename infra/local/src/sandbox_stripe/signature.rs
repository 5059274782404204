//! The signature of an event, written from its description and from nothing of ours, so that this and the product's own
//! verification check each other.

use jiff::Timestamp;

use crate::sandbox_vapi;

/// The `Stripe-Signature` of a body: the time, and the HMAC-SHA256, under the endpoint's whole secret, of the time, a
/// full stop and the body, in hexadecimal digits. Vapi's is the same without its time.
pub fn sign(secret: &str, at: Timestamp, body: &[u8]) -> String {
    let time = at.as_second().to_string();
    format!("t={time},v1={}", sandbox_vapi::sign(secret, &time, body))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        secret: String,
        t: i64,
        body: String,
        header: String,
    }

    #[test]
    fn a_signature_is_the_one_that_stripe_s_library_makes() {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("../../../../tests/fixtures/stripe_signatures.json"))
                .expect("valid vectors");
        for vector in vectors {
            let at = Timestamp::from_second(vector.t).expect("a time of this century");
            assert_eq!(sign(&vector.secret, at, vector.body.as_bytes()), vector.header);
        }
    }
}
