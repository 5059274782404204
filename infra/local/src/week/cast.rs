//! Who plays the week: people in different places, one of them where the clocks are changed, if they are anywhere.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::sandbox_stripe::Payer;

/// Customer, name, telephone, place, hour.
type Person = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const ALWAYS: [Person; 2] = [
    ("ann", "Ann Lee", "+14035550111", "America/Edmonton", "10:00"),
    ("ben", "Ben Okafor", "+442079460122", "Europe/London", "18:30"),
];
/// The first who lives where the clocks are changed within the week plays, else the first.
const ONE_OF: [Person; 8] = [
    ("kim", "Kim Tran", "+61255501133", "Australia/Sydney", "08:15"),
    ("nia", "Nia Brooks", "+12125550133", "America/New_York", "08:15"),
    ("eva", "Eva Brandt", "+493023125133", "Europe/Berlin", "08:15"),
    ("tui", "Tui Parata", "+6498871133", "Pacific/Auckland", "08:15"),
    ("sol", "Sol Rojas", "+56225550133", "America/Santiago", "08:15"),
    ("isa", "Isa Fahmy", "+20225550133", "Africa/Cairo", "08:15"),
    ("noa", "Noa Levi", "+97225550133", "Asia/Jerusalem", "08:15"),
    ("ana", "Ana Reyes", "+5376550133", "America/Havana", "08:15"),
];

/// Who pays at the beginning of a week.
pub(super) fn cast(from: Timestamp, to: Timestamp) -> Vec<Payer> {
    let changes = |person: &&Person| zone(person.3).is_some_and(|zone| change_in(&zone, from, to).is_some());
    let third = ONE_OF.iter().find(changes).unwrap_or(&ONE_OF[0]);
    let people = ALWAYS.iter().chain([third]);
    people
        .map(|(id, name, phone, timezone, call_at)| Payer {
            id: (*id).to_owned(),
            name: (*name).to_owned(),
            phone: (*phone).to_owned(),
            timezone: (*timezone).to_owned(),
            call_at: (*call_at).to_owned(),
        })
        .collect()
}

/// A place's clock.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// A change of clocks: the moment, and how much later a clock shows after it than it would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) at: Timestamp,
    pub(super) by: SignedDuration,
}

/// When clocks in a place are changed, if they are.
pub(super) fn change_in(zone: &TimeZone, from: Timestamp, to: Timestamp) -> Option<Change> {
    zone.following(from)
        .take_while(|transition| transition.timestamp() <= to)
        .map(|transition| {
            let at = transition.timestamp();
            let seconds = |moment| i64::from(zone.to_offset(moment).seconds());
            let by = seconds(at) - seconds(at - SignedDuration::from_secs(1));
            Change {
                at,
                by: SignedDuration::from_secs(by),
            }
        })
        .find(|change| !change.by.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week(from: &str) -> (Timestamp, Timestamp) {
        let from: Timestamp = from.parse().expect("a moment");
        (from, from + SignedDuration::from_hours(7 * 24))
    }

    #[test]
    fn somebody_lives_where_the_clocks_are_changed_if_they_are() {
        for (from, third, by) in [
            ("2026-11-21T12:00:00Z", "kim", None),
            ("2027-03-10T12:00:00Z", "nia", Some(1)),
            ("2027-03-25T12:00:00Z", "eva", Some(1)),
            ("2026-10-20T12:00:00Z", "eva", Some(-1)),
            ("2026-10-01T12:00:00Z", "kim", Some(1)),
        ] {
            let (from, to) = week(from);
            let cast = cast(from, to);
            assert_eq!(cast.len(), 3);
            assert_eq!(cast[2].id, third, "{from}");
            let zone = zone(&cast[2].timezone).expect("a place");
            let change = change_in(&zone, from, to);
            assert_eq!(change.map(|change| change.by.as_hours()), by, "{from}");
        }
    }

    #[test]
    fn nobody_shares_a_telephone_and_every_place_has_a_clock() {
        let everybody: Vec<_> = ALWAYS.iter().chain(&ONE_OF).collect();
        for person in &everybody {
            assert!(zone(person.3).is_some(), "{}", person.3);
            let same = everybody
                .iter()
                .filter(|other| other.2 == person.2 || other.0 == person.0);
            assert_eq!(same.count(), 1, "{}", person.0);
        }
    }
}
