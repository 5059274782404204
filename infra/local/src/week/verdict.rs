//! Whether somebody was called as promised, by Vapi's record and by nothing of ours.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The scheduler comes every minute, and its doorbell is answered in the next at the latest.
const AT_MOST_LATE: SignedDuration = SignedDuration::from_mins(2);

/// What somebody was promised for the time from `from` to `to`.
#[derive(Debug, Clone)]
pub struct Promise {
    /// Their clock.
    pub zone: TimeZone,
    /// When they want to be called.
    pub call_at: Time,
    /// Whether they have not been welcomed before.
    pub is_new: bool,
    /// Since then somebody looks: they have paid just before, or long ago.
    pub from: Timestamp,
    /// Until then.
    pub to: Timestamp,
}

/// A call that Vapi took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Called {
    /// When it took it.
    pub at: Timestamp,
    /// Whether it is the one that welcomes.
    pub is_welcome: bool,
}

impl Promise {
    fn day(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    /// When they are to be called on a day.
    fn hour_on(&self, day: Date) -> Option<Timestamp> {
        let hour = day.to_datetime(self.call_at).to_zoned(self.zone.clone()).ok()?;
        Some(hour.timestamp())
    }

    /// Judges all calls that they ever had, those before `from` too: what was kept, or what was broken.
    pub fn judge(&self, calls: &[Called]) -> Result<String, String> {
        let mut by_day: BTreeMap<Date, Called> = BTreeMap::new();
        for call in calls {
            let day = self.day(call.at);
            if by_day.insert(day, *call).is_some() {
                return Err(format!("called twice on {}", named(day)));
            }
        }
        let mut welcomes = calls.iter().filter(|call| call.is_welcome);
        let welcome = welcomes.next().filter(|call| call.at >= self.from);
        if welcomes.next().is_some() {
            return Err("welcomed twice".to_owned());
        }
        match (welcome, self.is_new) {
            (None, true) => return Err("never welcomed".to_owned()),
            (Some(_), false) => return Err("welcomed a second time".to_owned()),
            _ => {}
        }
        let welcomed_on = welcome.map(|call| self.day(call.at));
        let is_before = |day: &Date| by_day.get(day).is_some_and(|call| call.at < self.from);
        let mut daily = 0;
        for day in self.day(self.from).series(jiff::ToSpan::days(1)) {
            if day > self.day(self.to) {
                break;
            }
            let hour = self
                .hour_on(day)
                .filter(|hour| *hour > self.from && *hour <= self.to - AT_MOST_LATE);
            let is_owed = welcomed_on.is_none_or(|welcomed| day > welcomed) && !is_before(&day);
            let hour = hour.filter(|_| is_owed);
            let call = by_day
                .get(&day)
                .filter(|call| call.at >= self.from && !call.is_welcome);
            match (hour, call) {
                (None, None) => {}
                (Some(_), None) => return Err(format!("not called on {}", named(day))),
                (Some(hour), Some(call)) => {
                    let late = call.at.duration_since(hour);
                    if late.is_negative() || late > AT_MOST_LATE {
                        let at = call.at.to_zoned(self.zone.clone());
                        return Err(format!("called on {}", at.strftime("%a %d %b at %H:%M")));
                    }
                    daily += 1;
                }
                // At the very end it may have been made or not.
                (None, Some(call)) if call.at > self.to - AT_MOST_LATE => daily += 1,
                (None, Some(_)) => return Err(format!("called on {}, when nothing was owed", named(day))),
            }
        }
        let hour = self.call_at.strftime("%H:%M");
        Ok(if welcome.is_some() {
            format!("one welcome call, then {daily} daily calls, one a day at {hour}")
        } else {
            format!("{daily} daily calls, one a day at {hour}, and no second welcome")
        })
    }
}

fn named(day: Date) -> String {
    day.strftime("%a %d %b").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(moment: &str) -> Timestamp {
        moment.parse().expect("a moment")
    }

    /// A week in New York, over the night in which its clocks are put forward.
    fn promise(is_new: bool) -> Promise {
        Promise {
            zone: TimeZone::get("America/New_York").expect("a place"),
            call_at: jiff::civil::time(8, 15, 0, 0),
            is_new,
            from: at("2027-03-12T15:00:00Z"),
            to: at("2027-03-19T15:00:00Z"),
        }
    }

    fn kept() -> Vec<Called> {
        let daily = (13..=19).map(|day| {
            // In UTC it is an hour earlier from the 14th on.
            let hour = if day == 13 { 13 } else { 12 };
            at(&format!("2027-03-{day}T{hour}:15:30Z"))
        });
        let welcome = at("2027-03-12T15:20:00Z");
        let calls = std::iter::once((welcome, true)).chain(daily.map(|at| (at, false)));
        calls.map(|(at, is_welcome)| Called { at, is_welcome }).collect()
    }

    #[test]
    fn one_welcome_and_one_call_a_day_at_the_hour_is_what_was_promised() {
        assert_eq!(
            promise(true).judge(&kept()),
            Ok("one welcome call, then 7 daily calls, one a day at 08:15".to_owned())
        );
        let mut second = kept();
        second.remove(0);
        // Before the week, on a day whose hour is in it.
        let before = Called {
            at: at("2027-03-12T14:59:00Z"),
            is_welcome: false,
        };
        second.push(before);
        assert_eq!(
            promise(false).judge(&second),
            Ok("7 daily calls, one a day at 08:15, and no second welcome".to_owned())
        );
    }

    #[test]
    fn anything_else_is_broken_and_says_how() {
        type Change = fn(&mut Vec<Called>);
        let changes: [(Change, &str); 7] = [
            (|calls| calls.push(calls[3]), "called twice on Mon 15 Mar"),
            (|calls| calls.retain(|call| !call.is_welcome), "never welcomed"),
            (
                |calls| calls.retain(|call| call.at != at("2027-03-16T12:15:30Z")),
                "not called on Tue 16 Mar",
            ),
            (
                |calls| calls[2].at = at("2027-03-14T13:15:00Z"),
                "called on Sun 14 Mar at 09:15",
            ),
            (
                |calls| calls[5].at = at("2027-03-17T12:14:00Z"),
                "called on Wed 17 Mar at 08:14",
            ),
            (|calls| calls[6].is_welcome = true, "welcomed twice"),
            (Vec::clear, "never welcomed"),
        ];
        for (change, broken) in changes {
            let mut calls = kept();
            change(&mut calls);
            assert_eq!(promise(true).judge(&calls), Err(broken.to_owned()));
        }
        assert_eq!(
            promise(false).judge(&kept()),
            Err("welcomed a second time".to_owned())
        );
    }
}
