//! Numbers that WhatsApp writes in more than one way.
//!
//! In three countries a mobile number has a digit that is written, left out or added depending on who writes, and
//! WhatsApp's ids keep the spelling under which somebody registered years ago:
//!
//! - Brazil put a 9 before the eight digits of every mobile number (2012 to 2016): `55 11 8xxx xxxx` became
//!   `55 11 9 8xxx xxxx`. Fixed lines, which begin with 2 to 5, have none.
//! - Mexico dropped the 1 after its country code in 2019: `52 1 55 …` became `52 55 …`.
//! - Argentina has a 9 after its country code on mobile numbers dialled from abroad: `54 9 11 …`; without it, texts
//!   may still arrive.
//!
//! So one spelling is kept, [`canonical`], and a person is looked for under all of them, [`spellings`].

use crate::Phone;

/// The one spelling that we keep: with Brazil's and Argentina's 9, without Mexico's 1.
pub fn canonical(phone: &Phone) -> Phone {
    canonical_of_digits(&phone.as_str()[1..]).unwrap_or_else(|| phone.clone())
}

/// Every spelling under which the same person may be known, the canonical one first.
pub fn spellings(phone: &Phone) -> Vec<Phone> {
    let first = canonical(phone);
    let digits = &first.as_str()[1..];
    let other = brazilian(digits)
        .map(|(area, number)| format!("+55{area}{number}"))
        .or_else(|| mexican(digits).map(|national| format!("+521{national}")))
        .or_else(|| argentinian(digits).map(|national| format!("+54{national}")));
    // No numbering plan has the older spellings, but other people's books do.
    let other = other.map(Phone::spelled).filter(|other| *other != first);
    let given = Some(phone.clone()).filter(|given| *given != first && Some(given) != other.as_ref());
    [Some(first), other, given].into_iter().flatten().collect()
}

/// The canonical phone of a country code and number; `None` if they are none.
pub(super) fn canonical_of_digits(digits: &str) -> Option<Phone> {
    let changed = brazilian(digits)
        .map(|(area, number)| format!("+55{area}9{number}"))
        .or_else(|| mexican(digits).map(|national| format!("+52{national}")))
        .or_else(|| argentinian(digits).map(|national| format!("+549{national}")));
    let changed = changed.and_then(|changed| Phone::parse(&changed).ok());
    changed.or_else(|| Phone::parse(&format!("+{digits}")).ok())
}

/// Area code and last eight digits of a Brazilian mobile number.
fn brazilian(digits: &str) -> Option<(&str, &str)> {
    let national = all_digits(digits)?.strip_prefix("55")?;
    let (area, number) = national.split_at_checked(2)?;
    let number = match number.len() {
        8 => number,
        9 => number.strip_prefix('9')?,
        _ => return None,
    };
    // Areas are 11 to 99; a mobile number began with 6 to 9 before the ninth digit came.
    let is_area = !area.contains('0');
    (is_area && number.as_bytes()[0] >= b'6').then_some((area, number))
}

/// The ten digits of a Mexican number.
fn mexican(digits: &str) -> Option<&str> {
    let national = all_digits(digits)?.strip_prefix("52")?;
    match national.len() {
        10 => Some(national),
        11 => national.strip_prefix('1'),
        _ => None,
    }
}

/// The ten digits of an Argentinian number, area code included.
fn argentinian(digits: &str) -> Option<&str> {
    let national = all_digits(digits)?.strip_prefix("54")?;
    match national.len() {
        10 => Some(national),
        11 => national.strip_prefix('9'),
        _ => None,
    }
}

fn all_digits(text: &str) -> Option<&str> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(digits: &str) -> Option<String> {
        canonical_of_digits(digits).map(|phone| phone.as_str().to_owned())
    }

    #[test]
    fn one_spelling_is_kept() {
        for (digits, kept) in [
            ("551187654321", "+5511987654321"),
            ("5511987654321", "+5511987654321"),
            // A fixed line in São Paulo.
            ("551132654321", "+551132654321"),
            ("5215512345678", "+525512345678"),
            ("525512345678", "+525512345678"),
            ("541123456789", "+5491123456789"),
            ("5491123456789", "+5491123456789"),
            ("14155550101", "+14155550101"),
            ("442079460958", "+442079460958"),
        ] {
            assert_eq!(shown(digits).as_deref(), Some(kept), "{digits}");
        }
        for nothing in ["", "1", "abc", "+14155550101", "١٤٠٣٥٥٥١٢٣٤", "55", "52155", "é"] {
            assert_eq!(shown(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn somebody_is_known_under_every_spelling() {
        for (given, all) in [
            ("+5511987654321", &["+5511987654321", "+551187654321"][..]),
            ("+525512345678", &["+525512345678", "+5215512345678"]),
            ("+5491123456789", &["+5491123456789", "+541123456789"]),
            ("+14155550101", &["+14155550101"]),
        ] {
            let phone = Phone::parse(given).expect("a number");
            let spelled = spellings(&phone);
            let spelled: Vec<&str> = spelled.iter().map(Phone::as_str).collect();
            assert_eq!(spelled, all);
            for other in all {
                let other = Phone::spelled((*other).to_owned());
                assert_eq!(spellings(&other), spellings(&phone));
                assert_eq!(canonical(&other), phone);
            }
        }
    }
}
