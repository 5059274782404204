//! Twilio's request signature, written from its description and from nothing of ours, so that this
//! and the product's own verification check each other.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::record::Pair;

/// The `X-Twilio-Signature` of a form posted to `url`: base64 of the HMAC-SHA1, under the account's
/// token, of the URL followed by every name and value in order of the names.
pub fn sign(auth_token: &str, url: &str, form: &[Pair]) -> String {
    let mut pairs: Vec<&Pair> = form.iter().collect();
    pairs.sort();
    pairs.dedup();
    let mut mac = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(url.as_bytes());
    for (name, value) in pairs {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn pairs(pairs: &[(&str, &str)]) -> Vec<Pair> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn signatures_are_those_that_twilio_s_own_library_makes() {
        let voice = pairs(&[
            ("Digits", "1234"),
            ("CallSid", "CA1234567890ABCDE"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
            ("Caller", "+14158675309"),
        ]);
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(sign("12345", url, &voice), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");

        let text = pairs(&[
            ("Body", "Café ☕ ok 👍 "),
            ("From", "+14155550101"),
            ("MessageSid", "SM00000000000000000000000000000004"),
            ("NumMedia", "0"),
            ("To", "+15005550006"),
        ]);
        let url = "https://api.example.com/twilio/sms";
        assert_eq!(sign(TOKEN, url, &text), "h+mc2l2F1eElfTZVE8tpUowGW5E=");
    }

    #[test]
    fn names_are_sorted_by_code_point() {
        let form = pairs(&[("a", "1"), ("B", "2"), ("Z", "3"), ("_", "4")]);
        assert_eq!(
            sign(TOKEN, "https://api.example.com/x", &form),
            "WdSnO4etPf6H+HZTvRTYtBO0mRg="
        );
    }

    #[test]
    fn a_value_given_twice_counts_once() {
        let form = pairs(&[
            ("Sid", "CA123"),
            ("SidAccount", "AC123"),
            ("Digits", "5678"),
            ("Digits", "1234"),
            ("Digits", "1234"),
        ]);
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(sign("12345", url, &form), "IK+Dwps556ElfBT0I3Rgjkr1wJU=");
    }
}
