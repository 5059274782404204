//! How Meta asks whether a webhook's address is ours, once, when somebody enters it.
//!
//! `GET …?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…`, unsigned; the answer is the challenge and nothing
//! else: <https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests>.

use secrecy::{ExposeSecret, SecretString};

use crate::platform::secrets::same;

const CHALLENGE_CHARS_MAX: usize = 128;

/// Why a handshake is refused. The asker is never told which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Not exactly one of this parameter, or one that is not what it should be.
    #[error("{0} is missing or malformed")]
    Malformed(&'static str),
    /// Not a token that is valid now.
    #[error("the verify token does not fit")]
    DoesNotFit,
}

/// The challenge to answer with, if the query names a token that is valid now.
pub fn handshake(raw_query: &str, tokens: &[SecretString]) -> Result<String, HandshakeError> {
    let only = |name: &'static str| {
        let mut given = form_urlencoded::parse(raw_query.as_bytes()).filter(|(key, _)| key == name);
        match (given.next(), given.next()) {
            (Some((_, value)), None) => Ok(value),
            _ => Err(HandshakeError::Malformed(name)),
        }
    };
    if only("hub.mode")? != "subscribe" {
        return Err(HandshakeError::Malformed("hub.mode"));
    }
    let given = only("hub.verify_token")?;
    // Every token is compared, so that the time does not tell which one fits.
    let fits = tokens
        .iter()
        .fold(false, |fits, token| same(&given, token.expose_secret()) | fits);
    if !fits {
        return Err(HandshakeError::DoesNotFit);
    }
    let challenge = only("hub.challenge")?;
    // Meta sends digits; whatever it is, it must not be a page.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !(1..=CHALLENGE_CHARS_MAX).contains(&challenge.len()) || !challenge.bytes().all(is_plain) {
        return Err(HandshakeError::Malformed("hub.challenge"));
    }
    Ok(challenge.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(query: &str) -> Result<String, HandshakeError> {
        handshake(query, &["new".into(), "old one".into()])
    }

    #[test]
    fn a_token_that_is_valid_gets_its_challenge_back() {
        for token in ["new", "old+one", "old%20one"] {
            let query = format!("hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1158201444");
            assert_eq!(ask(&query).as_deref(), Ok("1158201444"), "{token}");
        }
        assert_eq!(
            ask("hub%2Echallenge=7&x=1&hub.verify_token=new&hub.mode=subscribe").as_deref(),
            Ok("7")
        );
    }

    #[test]
    fn everything_else_is_refused() {
        let long = "1".repeat(10_000);
        for (mode, token, challenge) in [
            ("unsubscribe", "new", "1"),
            ("", "new", "1"),
            ("subscribe", "", "1"),
            ("subscribe", "New", "1"),
            ("subscribe", "new%00", "1"),
            ("subscribe", "new", ""),
            ("subscribe", "new", "%3Cscript%3E"),
            ("subscribe", "new", &long),
            ("subscribe", "new&hub.verify_token=new", "1"),
            ("subscribe", "new", "1&hub.challenge=2"),
            ("subscribe&hub.mode=subscribe", "new", "1"),
        ] {
            let query = format!("hub.mode={mode}&hub.verify_token={token}&hub.challenge={challenge}");
            assert!(ask(&query).is_err(), "{query:.200}");
        }
        assert!(ask("").is_err());
        assert_eq!(
            handshake("hub.mode=subscribe&hub.verify_token=&hub.challenge=1", &[]),
            Err(HandshakeError::DoesNotFit)
        );
    }
}
