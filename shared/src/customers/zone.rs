//! Time zones, from what shops call them.

use serde::{Deserialize, Serialize};

/// A place whose clocks somebody lives by, as the IANA database calls it: `America/Toronto`.
///
/// Never an offset: it is wrong for half of the year, and then somebody is called before eight in the morning. Nor
/// UTC: nobody lives there, and systems say it that were never told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeZone(String);

/// Why a text names no time zone. It is told to whoever can ask the customer, and nothing is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// `UTC-5`, `GMT`, `+02:00`, `UTC`.
    #[error("an offset, which says nothing of summer time")]
    Offset,
    /// Nothing that we know.
    #[error("not a time zone that we know")]
    Unknown,
}

/// `What a shop says = the place that it means`.
const NAMES: &str = include_str!("zones.txt");

impl TimeZone {
    /// Reads an IANA name, or an older one that `zones.txt` has: Windows', Rails', `EST`. Neither case nor an offset
    /// in front of it, as in `(GMT-05:00) Eastern Time (US & Canada)`, matters.
    pub fn parse(text: &str) -> Result<Self, ZoneError> {
        let name = without_offset(text.trim());
        // Before the database, which has a few of these names too, some of them as offsets.
        if let Some(place) = meaning(name) {
            return Ok(Self(place.to_owned()));
        }
        if is_offset(name) {
            return Err(ZoneError::Offset);
        }
        let known = jiff::tz::TimeZone::get(name).map_err(|_| ZoneError::Unknown)?;
        let place = known.iana_name().filter(|name| is_place(name));
        place
            .map(|place| Self(place.to_owned()))
            .ok_or(ZoneError::Unknown)
    }

    /// The IANA name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn meaning(name: &str) -> Option<&'static str> {
    let names = NAMES.lines().filter(|line| !line.starts_with('#'));
    names
        .filter_map(|line| line.split_once(" = "))
        .find_map(|(given, place)| given.eq_ignore_ascii_case(name).then_some(place))
}

/// Without the offset in brackets by which lists of zones are sorted.
fn without_offset(name: &str) -> &str {
    let listed = name.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    match listed {
        Some((offset, name)) if is_offset(offset) => name.trim_start(),
        _ => name,
    }
}

fn is_offset(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let bare = lower.strip_prefix("etc/").unwrap_or(&lower);
    let zero = ["greenwich", "gmt", "universal", "utc", "uct", "zulu", "z"]
        .iter()
        .find_map(|zero| bare.strip_prefix(zero));
    let is_of_a_number = |character: char| character.is_ascii_digit() || "+-\u{2212}:. ".contains(character);
    let says_something = zero.is_some() || bare.bytes().any(|byte| byte.is_ascii_digit());
    says_something && zero.unwrap_or(bare).chars().all(is_of_a_number)
}

/// `Area/Place` or `Area/Region/Place`, which the database holds it to as well.
fn is_place(name: &str) -> bool {
    let is_word = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(|first| first.is_ascii_uppercase())
            && !letters.as_str().is_empty()
            && letters.all(|letter| letter.is_ascii_alphabetic() || "_-".contains(letter))
    };
    (1..=2).contains(&name.matches('/').count()) && name.split('/').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, ZoneError> {
        TimeZone::parse(text).map(|zone| zone.0)
    }

    #[test]
    fn a_name_of_the_iana_database_is_itself() {
        for name in [
            "America/New_York",
            "America/Port-au-Prince",
            "America/Argentina/Buenos_Aires",
            "America/North_Dakota/New_Salem",
            "Asia/Kolkata",
            "Asia/Calcutta",
            "Europe/Kiev",
        ] {
            assert_eq!(parse(name).as_deref(), Ok(name));
            assert_eq!(parse(&format!(" {} ", name.to_lowercase())).as_deref(), Ok(name));
        }
    }

    #[test]
    fn an_older_name_is_the_place_that_it_means() {
        for (given, place) in [
            ("EST", "America/New_York"),
            ("edt", "America/New_York"),
            ("Eastern", "America/New_York"),
            ("US/Eastern", "America/New_York"),
            ("Canada/Eastern", "America/Toronto"),
            ("EST5EDT", "America/New_York"),
            ("Eastern Standard Time", "America/New_York"),
            ("Eastern Time (US & Canada)", "America/New_York"),
            ("(GMT-05:00) Eastern Time (US & Canada)", "America/New_York"),
            ("(UTC-06:00) Saskatchewan", "America/Regina"),
            ("US Mountain Standard Time", "America/Phoenix"),
            ("GMT Standard Time", "Europe/London"),
            ("NST", "America/St_Johns"),
            ("Japan", "Asia/Tokyo"),
        ] {
            assert_eq!(parse(given).as_deref(), Ok(place), "{given}");
        }
    }

    #[test]
    fn what_is_not_certain_is_not_guessed() {
        for offset in [
            "UTC-5",
            "utc+02:00",
            "GMT",
            "GMT-0",
            "gmt +1",
            "Etc/GMT+5",
            "Etc/GMT",
            "Etc/Greenwich",
            "Greenwich",
            "-5",
            "+0530",
            "-05:00",
            "\u{2212}5",
            "5",
            "Z",
            "UTC+25",
            "UTC",
            "utc",
            "Etc/UTC",
            "Etc/UCT",
            "Zulu",
            "Universal",
            "(GMT+00:00) UTC",
        ] {
            assert_eq!(parse(offset), Err(ZoneError::Offset), "{offset:?}");
        }
        for unknown in [
            "",
            " ",
            "()",
            "(UTC-05:00)",
            "Mars/Phobos",
            "IST",
            "BST",
            "America",
            "America/",
            "/",
            "New York",
            "America/New York",
            "Etc/Unknown",
            "Factory",
            "localtime",
            "posixrules",
            "zone.tab",
            "../etc/passwd",
            "posix/America/New_York",
            "right/America/New_York",
            "ABC+5",
            "America/New_York\0",
            "# Windows",
            "EST = America/New_York",
            "é",
            "Ａmerica/New_York",
            &"a".repeat(100_000),
        ] {
            assert_eq!(parse(unknown), Err(ZoneError::Unknown), "{unknown:?}");
        }
    }

    #[test]
    fn every_name_is_in_the_list_once_and_means_a_place() {
        let mut given = Vec::new();
        for line in NAMES
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (name, place) = line.split_once(" = ").expect(line);
            assert_eq!(parse(name).as_deref(), Ok(place), "{line}");
            assert_eq!(parse(place).as_deref(), Ok(place), "{line}");
            assert!(is_place(place), "{line}");
            assert!(jiff::tz::TimeZone::get(place).is_ok(), "{line}");
            given.push(name.to_ascii_lowercase());
        }
        let count = given.len();
        given.sort();
        given.dedup();
        assert_eq!(given.len(), count, "a name is listed twice");
    }
}
