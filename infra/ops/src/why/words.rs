//! How days, moments and reasons are said.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

/// `Tuesday 2026-06-09`.
pub(crate) fn day(day: Date) -> String {
    let name = match day.weekday() {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    };
    format!("{name} {day}")
}

/// `10:00`.
pub(crate) fn time(time: Time) -> String {
    time.strftime("%H:%M").to_string()
}

/// Says moments on a customer's clock, the short way on the day that is spoken of.
pub(crate) struct Clock {
    zone: TimeZone,
    suffix: &'static str,
    day: Date,
}

impl Clock {
    /// The clock of a place, or UTC, and it says so, where there is none.
    pub(crate) fn new(place: Option<&str>, day: Date) -> Self {
        match place.map(TimeZone::get) {
            Some(Ok(zone)) => Self {
                zone,
                suffix: "",
                day,
            },
            _ => Self {
                zone: TimeZone::UTC,
                suffix: " UTC",
                day,
            },
        }
    }

    /// `10:00`, or `2026-06-08 10:00` on another day.
    pub(crate) fn at(&self, moment: Timestamp) -> String {
        let there = moment.to_zoned(self.zone.clone());
        let format = if there.date() == self.day {
            "%H:%M"
        } else {
            "%Y-%m-%d %H:%M"
        };
        format!("{}{}", there.strftime(format), self.suffix)
    }

    /// `on 2026-06-08 at 10:00`, or `at 10:00` on the day itself.
    pub(crate) fn on(&self, moment: Timestamp) -> String {
        let there = moment.to_zoned(self.zone.clone());
        let mut said = String::new();
        if there.date() != self.day {
            let _ = write!(said, "on {} ", there.date());
        }
        let _ = write!(said, "at {}{}", there.strftime("%H:%M"), self.suffix);
        said
    }
}

/// Which call a job is.
pub(crate) fn kind(kind: &str) -> &'static str {
    match kind {
        "welcome_call" => "the welcome call",
        _ => "the daily call",
    }
}

/// What became of a call that was placed, as a clause.
pub(crate) fn result(result: &str, customer_spoke: Option<bool>) -> &'static str {
    match (result, customer_spoke) {
        ("answered", Some(false)) => "it was answered, though nobody said a word",
        ("answered", _) => "it was answered",
        ("no_answer", _) => "nobody answered",
        ("voicemail", _) => "a mailbox answered",
        ("busy", _) => "they were on the telephone",
        ("not_placed", _) => "it broke down before anything could be heard",
        ("failed", _) => "it broke off on Vapi's side",
        _ => "what became of it is unclear",
    }
}

/// Why a call that was owed was not placed, as a clause without its details; `None` for a reason without words.
pub(crate) fn suppression(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "not_paid" => "they did not pay, or not any more",
        "phone_not_validated" => "nobody had found out whether their number is one",
        "calling_disabled" => "calling them was switched off",
        "opted_out" => "they said stop",
        "paused" => "they were paused",
        "timezone_unknown" => "nobody knows what their clock shows",
        "wrong_day" => "their clock had come to show another day than the one that the call was for",
        "outside_hours" => "their clock showed an hour at which nobody is called",
        "welcome_completed" => "their row says that they have had their welcome call",
        "called_today" => "they were called that day, or may have been",
        "phone_called_today" => "somebody with the same number was called that day, or may have been",
        "called_within_ten_hours" => {
            "they, or somebody with their number, were called less than ten hours before"
        }
        "loop" => "their number is one of our own",
        "premium_range" => "their number is of a premium or satellite range",
        "not_on_allow_list" => "this is no production stack, and their number is not on its allow-list",
        "expired" => "it could not be made in its hours",
        "arrived_after_all" => {
            "an earlier request had reached Vapi after all, and a person has to look at it"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_said_on_the_customers_clock() {
        let moment: Timestamp = "2026-06-09T14:00:00Z".parse().expect("a moment");
        let tuesday: Date = "2026-06-09".parse().expect("a day");
        let there = Clock::new(Some("America/Toronto"), tuesday);
        assert_eq!(
            (there.at(moment).as_str(), there.on(moment).as_str()),
            ("10:00", "at 10:00")
        );
        let later = Clock::new(Some("America/Toronto"), tuesday.tomorrow().expect("a day"));
        assert_eq!(later.at(moment), "2026-06-09 10:00");
        assert_eq!(later.on(moment), "on 2026-06-09 at 10:00");
        assert_eq!(Clock::new(None, tuesday).on(moment), "at 14:00 UTC");
        assert_eq!(day(tuesday), "Tuesday 2026-06-09");
    }
}
