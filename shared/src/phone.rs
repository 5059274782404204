//! Telephone numbers as we store and dial them.

use std::fmt;

/// A valid telephone number in E.164 form: `+`, country code, national number, digits only.
///
/// Printing one (`Display` and `Debug`) masks it, so that no log line can hold a person's number;
/// [`Phone::as_str`] is the whole number, for a provider or the database.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phone(String);

/// Why a text is not a telephone number that we can dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid E.164 telephone number")]
pub struct InvalidPhone;

impl Phone {
    /// Accepts strict E.164 only: national spellings, spaces, other digits than ASCII's and numbers
    /// that no numbering plan can have are refused, never guessed at.
    pub fn parse(text: &str) -> Result<Self, InvalidPhone> {
        let digits = text.strip_prefix('+').ok_or(InvalidPhone)?;
        if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(InvalidPhone);
        }
        // Which ranges are in use changes every month; what a number must look like does not. A North
        // American one has ten digits, and neither its area code nor its exchange begins with 0 or 1.
        let is_plausible = match digits.strip_prefix('1') {
            Some(national) => {
                national.len() == 10 && [0, 3].iter().all(|at| national.as_bytes()[*at] >= b'2')
            }
            None => phonenumber::parse(None, text)
                .is_ok_and(|number| number.format().mode(phonenumber::Mode::E164).to_string() == text),
        };
        if !is_plausible {
            return Err(InvalidPhone);
        }
        Ok(Self(text.to_owned()))
    }

    /// A number that Switchboard itself stored, which the database checked on its way in.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// Another spelling of a number, as other people's books have it and no numbering plan: to be looked up, never
    /// dialled.
    pub fn spelled(text: String) -> Self {
        Self(text)
    }

    /// The whole number. Never for a log.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether texting or calling it costs the caller a premium, or reaches a satellite or shared
    /// network: the ranges that toll fraud uses.
    pub fn is_premium(&self) -> bool {
        const SATELLITE_AND_SHARED: [&str; 7] = ["+870", "+878", "+881", "+882", "+883", "+888", "+979"];
        // The 900 area code and the 976 exchange of North America: not every plan lists them as premium.
        SATELLITE_AND_SHARED
            .iter()
            .chain(&["+1900"])
            .any(|prefix| self.0.starts_with(prefix))
            || (self.0.starts_with("+1") && self.0.get(5..8) == Some("976"))
            || phonenumber::parse(None, &self.0).is_ok_and(|number| {
                matches!(
                    number.number_type(&phonenumber::metadata::DATABASE),
                    phonenumber::Type::PremiumRate | phonenumber::Type::SharedCost
                )
            })
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.0))
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.0))
    }
}

/// A telephone number as a log may show it: `+1403***0001`. Three characters stay hidden at least, and of a
/// short number the end goes first.
fn masked(number: &str) -> String {
    const HEAD: usize = 5;
    const HIDDEN: usize = 3;
    let characters: Vec<char> = number.chars().collect();
    let tail_length = characters.len().saturating_sub(HEAD + HIDDEN).min(4);
    if tail_length == 0 {
        return "***".to_owned();
    }
    let head: String = characters[..HEAD].iter().collect();
    let tail: String = characters[characters.len() - tail_length..].iter().collect();
    format!("{head}***{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strict_e164_of_an_assigned_range_is_a_phone() {
        for number in [
            "+14035550001",
            "+19245550142",
            "+442079460958",
            "+6421123456",
            "+19005550123",
        ] {
            assert!(Phone::parse(number).is_ok(), "{number}");
        }
        for text in [
            "",
            "+",
            "4035551234",
            "+1403555123",
            "+0012345678",
            "+1 (403) 555-1234",
            "+１４０３５５５１２３４",
            "+١٤٠٣٥٥٥١٢٣٤",
            "sip:bob@example.com",
            "client:alice",
            "anonymous",
            "+14035550001 ",
        ] {
            assert_eq!(Phone::parse(text), Err(InvalidPhone), "{text}");
        }
    }

    #[test]
    fn premium_and_satellite_ranges_are_known() {
        for number in [
            "+19005550123",
            "+8821612345678",
            "+881612345678",
            "+979123456789",
            "+14039765555",
        ] {
            assert!(Phone::stored(number.to_owned()).is_premium(), "{number}");
        }
        assert!(!Phone::stored("+14035550001".to_owned()).is_premium());
    }

    #[test]
    fn a_printed_number_is_masked() {
        let phone = Phone::parse("+14035550001").expect("a valid number");
        assert_eq!(format!("{phone} {phone:?}"), "+1403***0001 +1403***0001");
        assert_eq!(masked("short"), "***");
        let short = ["+1234567", "+12345678", "+6421123456"].map(masked);
        assert_eq!(short, ["***", "+1234***8", "+6421***456"]);
    }
}
