//! Who somebody is on WhatsApp: a telephone number, an id that means them to this business alone, or both.
//!
//! Customers with a username may hide their number, so neither can be relied on:
//! <https://developers.facebook.com/docs/whatsapp/business-scoped-user-ids>.

use std::fmt;

use serde_json::Value;

use super::number::canonical_of_digits;
use crate::Phone;

const WA_ID_CHARS_MAX: usize = 64;
const USER_ID_CHARS_MAX: usize = 200;

/// A customer as WhatsApp names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Their number, in the one spelling that we keep of it (see [`super::canonical`]); `None` if they hide it, or if
    /// what was sent is no telephone number.
    pub phone: Option<Phone>,
    /// Their number to the letter as it was sent: what an answer goes to.
    pub wa_id: Option<WaId>,
    /// Their business-scoped id.
    pub user_id: Option<UserId>,
}

impl Identity {
    /// Of what was sent; blank is as good as absent.
    pub(super) fn of(wa_id: Option<&Value>, user_id: Option<&Value>) -> Self {
        let wa_id = wa_id.and_then(Value::as_str).and_then(WaId::parse);
        Self {
            phone: wa_id.as_ref().and_then(WaId::phone),
            wa_id,
            user_id: user_id.and_then(Value::as_str).and_then(UserId::parse),
        }
    }

    /// Whether nobody is named.
    pub fn is_nobody(&self) -> bool {
        self.wa_id.is_none() && self.user_id.is_none()
    }

    /// Whether both are certainly the same person.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let same_user = self.user_id.is_some() && self.user_id == other.user_id;
        let same_number = self.wa_id.is_some() && self.wa_id == other.wa_id;
        let same_phone = self.phone.is_some() && self.phone == other.phone;
        same_user || same_number || same_phone
    }

    /// With what another says of the same person and this one does not.
    pub(super) fn or(self, other: Self) -> Self {
        let (phone, wa_id) = match self.wa_id {
            Some(wa_id) => (self.phone, Some(wa_id)),
            None => (other.phone, other.wa_id),
        };
        Self {
            phone,
            wa_id,
            user_id: self.user_id.or(other.user_id),
        }
    }
}

/// A number as WhatsApp writes it, digits without a `+`, or whatever else stood in its place.
///
/// Printing one masks it; [`WaId::as_str`] is the whole.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WaId(String);

impl WaId {
    /// Anything that is not blank; without control characters, and cut to 64 characters.
    pub fn parse(text: &str) -> Option<Self> {
        let text: String = text
            .trim()
            .chars()
            .filter(|character| !character.is_control())
            .take(WA_ID_CHARS_MAX)
            .collect();
        (!text.is_empty()).then_some(Self(text))
    }

    /// As it was sent. Never for a log.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The telephone number that it is, in the spelling that we keep; `None` if it is none.
    pub fn phone(&self) -> Option<Phone> {
        canonical_of_digits(self.0.strip_prefix('+').unwrap_or(&self.0))
    }
}

impl fmt::Debug for WaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.phone() {
            Some(phone) => write!(f, "{phone}"),
            None => f.write_str("***"),
        }
    }
}

/// A business-scoped user id, such as `US.13491208655302741918`: a country, a full stop, and up to 128 letters and
/// digits. It means nobody to another business.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(String);

impl UserId {
    /// Up to 200 letters, digits, full stops, dashes and underscores.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        ((1..=USER_ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_plain))
            .then(|| Self(text.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn identity(wa_id: impl Into<Value>, user_id: impl Into<Value>) -> Identity {
        Identity::of(Some(&wa_id.into()), Some(&user_id.into()))
    }

    #[test]
    fn a_number_is_a_phone_or_kept_as_it_was_sent() {
        let known = identity(json!("14155550101"), json!("US.134"));
        assert_eq!(known.phone.as_ref().map(Phone::as_str), Some("+14155550101"));
        assert_eq!(known.user_id.as_ref().map(UserId::as_str), Some("US.134"));
        for strange in ["12", "0014155550101", "abc", "1415555010112345678"] {
            let kept = identity(json!(strange), json!(null));
            assert_eq!(kept.phone, None, "{strange}");
            assert_eq!(kept.wa_id.as_ref().map(WaId::as_str), Some(strange));
        }
        for nobody in [json!(""), json!(" \0"), json!(null), json!(14_155_550_101_u64)] {
            assert!(identity(nobody.clone(), json!("")).is_nobody(), "{nobody}");
        }
    }

    #[test]
    fn two_names_of_one_person_are_the_same() {
        let by_number = identity(json!("5215512345678"), json!(null));
        let by_both = identity(json!("525512345678"), json!("MX.1"));
        let by_id = identity(json!(null), json!("MX.1"));
        assert!(by_number.is_same_as(&by_both) && by_both.is_same_as(&by_id));
        assert!(!by_number.is_same_as(&by_id) && !Identity::default().is_same_as(&Identity::default()));
        let merged = by_id.or(by_number.clone());
        assert_eq!(
            (merged.phone, merged.user_id),
            (by_number.phone, UserId::parse("MX.1"))
        );
    }

    #[test]
    fn a_printed_number_is_masked() {
        let printed = format!(
            "{:?} {:?}",
            identity(json!("14155550101"), json!(null)),
            WaId::parse("garbage1")
        );
        assert!(
            !printed.contains("4155550101") && !printed.contains("garbage1"),
            "{printed}"
        );
    }
}
