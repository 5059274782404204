//! When a customer wants to be called, on their own clock.

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

/// No call begins before this.
const FIRST: Time = Time::constant(8, 0, 0, 0);
/// Nobody is promised a later one: calls end at a quarter to nine, and a busy minute takes its time.
const LAST: Time = Time::constant(20, 30, 0, 0);

/// A time of day at which somebody may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallAt(Time);

/// Why a text is no [`CallAt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time from 08:00 to 20:30")]
pub struct InvalidCallAt;

impl CallAt {
    /// Reads `HH:MM`, of twenty-four hours.
    pub fn parse(text: &str) -> Result<Self, InvalidCallAt> {
        let (hour, minute) = text.split_once(':').ok_or(InvalidCallAt)?;
        let number = |digits: &str| {
            let is_plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits
                .parse::<i8>()
                .ok()
                .filter(|_| is_plain)
                .ok_or(InvalidCallAt)
        };
        let time = Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| InvalidCallAt)?;
        (FIRST..=LAST)
            .contains(&time)
            .then_some(Self(time))
            .ok_or(InvalidCallAt)
    }

    /// The time of day.
    pub fn time(self) -> Time {
        self.0
    }
}

/// The days of the week on which somebody wants to be called; one at least.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallDays(Vec<i16>);

/// Why numbers are no [`CallDays`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a list of days, 1 for Monday to 7 for Sunday")]
pub struct InvalidCallDays;

impl CallDays {
    /// From numbers, 1 for Monday to 7 for Sunday, in any order.
    pub fn of(days: impl IntoIterator<Item = i64>) -> Result<Self, InvalidCallDays> {
        let day = |day| {
            i16::try_from(day)
                .ok()
                .filter(|day| (1..=7).contains(day))
                .ok_or(InvalidCallDays)
        };
        let mut days = days.into_iter().map(day).collect::<Result<Vec<_>, _>>()?;
        days.sort_unstable();
        days.dedup();
        (!days.is_empty()).then_some(Self(days)).ok_or(InvalidCallDays)
    }

    /// Reads numbers between commas, `1,2,3`: a payment's metadata has nothing but text.
    pub fn parse(text: &str) -> Result<Self, InvalidCallDays> {
        let days = text.split(',').map(|day| day.trim().parse());
        let days: Vec<i64> = days.collect::<Result<_, _>>().map_err(|_| InvalidCallDays)?;
        Self::of(days)
    }

    /// Ascending, each once.
    pub fn as_slice(&self) -> &[i16] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_begins_between_eight_and_half_past_eight() {
        for text in ["08:00", "10:30", "20:30"] {
            let time = CallAt::parse(text).expect(text).time();
            assert_eq!(time.strftime("%H:%M").to_string(), text);
        }
        for text in [
            "",
            ":",
            "10",
            "9:00",
            "07:59",
            "20:31",
            "20:45",
            "23:00",
            "24:00",
            "10:60",
            "+9:00",
            "10:00:00",
            "10:00 ",
            "10:00am",
            "１０:00",
            "é:00",
        ] {
            assert_eq!(CallAt::parse(text), Err(InvalidCallAt), "{text:?}");
        }
    }

    #[test]
    fn days_are_some_of_seven() {
        let days = CallDays::parse("5, 1,5,3").expect("three days");
        assert_eq!(days.as_slice(), [1, 3, 5]);
        assert_eq!(CallDays::of([7]).expect("a day").as_slice(), [7]);
        for text in ["", ",", "0", "8", "1,8", "mon", "1.5", "99999999999999999999"] {
            assert_eq!(CallDays::parse(text), Err(InvalidCallDays), "{text:?}");
        }
        assert_eq!(CallDays::of([]), Err(InvalidCallDays));
        assert_eq!(CallDays::of([1 << 40]), Err(InvalidCallDays));
    }
}
