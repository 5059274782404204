//! Names of time zones.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::tz;
use shared::customers::{TimeZone, ZoneError};

/// Every name that the IANA database has here.
static IANA: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    tz::db()
        .available()
        .map(|name| name.as_str().to_owned())
        .collect()
});

pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match TimeZone::parse(&text) {
        Ok(zone) => {
            let name = zone.as_str();
            assert!(IANA.contains(name), "{text:?} became {name:?}");
            assert!(can_be_stored(name), "{name:?} is no place");
            assert_eq!(TimeZone::parse(name).as_ref(), Ok(&zone), "read again");
            let padded = format!("\t{} ", text.to_ascii_lowercase());
            assert_eq!(TimeZone::parse(&padded).as_ref(), Ok(&zone), "{padded:?}");
            let has_word = text
                .split(|c: char| !c.is_ascii_alphabetic())
                .any(|word| !word.is_empty());
            assert!(has_word, "{text:?} is a number");
        }
        Err(error) => {
            let is_place = can_be_stored(&text) && !text.starts_with("Etc/");
            assert!(!(is_place && IANA.contains(&*text)), "{text:?}: {error}");
        }
    }
    // An offset is never a place, whatever stands in front of it.
    let minutes = input.iter().fold(0_u16, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u16::from(*byte))
    });
    let (hours, minutes) = (minutes / 60 % 26, minutes % 60);
    for zero in ["", "UTC", "GMT", "gmt", "Etc/GMT", "Z", "Zulu"] {
        for offset in [
            format!("{zero}+{hours}"),
            format!("{zero}-{hours:02}:{minutes:02}"),
        ] {
            assert_eq!(TimeZone::parse(&offset), Err(ZoneError::Offset), "{offset}");
        }
    }
}

/// As the column's rule has it: `^[A-Z][A-Za-z]+(/[A-Z][A-Za-z_-]+){1,2}$`.
fn can_be_stored(name: &str) -> bool {
    let parts: Vec<&[u8]> = name.split('/').map(str::as_bytes).collect();
    matches!(parts.len(), 2 | 3)
        && parts.iter().enumerate().all(|(at, part)| {
            let rest = part.get(1..).unwrap_or_default();
            part.first().is_some_and(u8::is_ascii_uppercase)
                && !rest.is_empty()
                && rest
                    .iter()
                    .all(|byte| byte.is_ascii_alphabetic() || at > 0 && matches!(byte, b'_' | b'-'))
        })
}
