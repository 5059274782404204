//! Who was owed a call, by their own clock and by what was known of them, whether or not the product noticed.

use jiff::civil::{DateTime, Time};
use jiff::tz::{Disambiguation, TimeZone};
use jiff::{Timestamp, ToSpan};

use super::Calls;
use super::ledger::Ledger;
use super::script::{DAY, HOUR};
use super::view::Person;
use crate::explorer::run::{Ground, Second};

/// When nothing stands in the way, a call has been placed by then, whatever was lost before.
pub(super) const IS_PLACED_WITHIN: Second = 25 * 60;
/// For so long after it was due nothing must have changed.
const WINDOW: Second = HOUR;
const MORNING: Time = Time::constant(8, 0, 0, 0);
const EVENING: Time = Time::constant(20, 30, 0, 0);

/// The instant at which a clock shows a time of a day. Where it is passed over, as much later as the clock is put
/// forward; where it comes twice, the second: that is how the database reads it.
pub(super) fn instant(at: DateTime, clock: &TimeZone) -> Timestamp {
    let zoned = clock.to_ambiguous_zoned(at).disambiguate(Disambiguation::Later);
    zoned.expect("a time of this century").timestamp()
}

/// That moment, or the next morning if it is at night.
fn lawful(at: Timestamp, clock: &TimeZone) -> Timestamp {
    let local = clock.to_datetime(at);
    if local.time() < MORNING {
        instant(local.date().to_datetime(MORNING), clock)
    } else if local.time() <= EVENING {
        at
    } else {
        let tomorrow = local.date().tomorrow().expect("a day of this century");
        instant(tomorrow.to_datetime(MORNING), clock)
    }
}

/// The hour that somebody has chosen, on the next of their days.
fn next_hour(after: Timestamp, person: &Person, clock: &TimeZone) -> Timestamp {
    let today = clock.to_datetime(after).date();
    let days = (0..8).map(|ahead| today.saturating_add(ahead.days()));
    let chosen = days.filter(|day| {
        person
            .call_days
            .contains(&i16::from(day.weekday().to_monday_one_offset()))
    });
    let mut hours = chosen.map(|day| instant(day.to_datetime(person.call_at), clock));
    hours.find(|hour| *hour > after).expect("a day of a week")
}

/// What was owed and never noticed.
pub(super) fn overlooked(calls: &Calls, ground: &Ground<'_>, ledger: &Ledger) -> Vec<String> {
    let mut overlooked = Vec::new();
    for customer in &calls.script.customers {
        for (from, until, person) in calls.history.spans(customer.id, ground.now) {
            if customer.is_new && !calls.forgotten.contains(customer.id) {
                overlooked.extend(welcome(calls, ground, ledger, customer.id, (from, until, person)));
            }
            overlooked.extend(daily(calls, ground, ledger, customer.id, (from, until, person)));
        }
    }
    overlooked
}

type Stretch<'a> = (Second, Second, &'a Person);

/// Whether nothing kept the product from seeing to what was due then.
fn was_calm(calls: &Calls, ground: &Ground<'_>, due: Second) -> bool {
    !calls.history.was_paused(due, due + WINDOW)
        && ground.facts.longest_calm(due, due + WINDOW, &[]) >= IS_PLACED_WITHIN
}

fn welcome(
    calls: &Calls,
    ground: &Ground<'_>,
    ledger: &Ledger,
    id: &str,
    (from, until, person): Stretch<'_>,
) -> Option<String> {
    let clock = person.clock()?;
    // The first payment that was told in this stretch or before it.
    let paid = calls.script.events.iter().filter(|event| {
        calls.script.customers[event.customer].id == id && event.effect == super::people::Effect::Paid
    });
    let paid = paid.map(|event| event.at).max()?;
    let looked_at = (paid + 20 * 60).max(from);
    // Whoever takes a stop back is looked at again at the hour of their next call.
    let has_stopped = calls
        .history
        .was(id, (paid, looked_at), |person| person.has_stopped);
    let at = if has_stopped {
        next_hour(ground.at(looked_at), person, &clock)
    } else {
        lawful(ground.at(looked_at), &clock)
    };
    let due = ground.second(at);
    let is_theirs = |job: &&super::ledger::Job| job.customer == id;
    let has_job = ledger.jobs.iter().filter(is_theirs).any(|job| {
        // A daily job that lives keeps the welcome waiting.
        job.is_welcome && job.created <= due + WINDOW || job.ended.is_none_or(|ended| ended >= due)
    });
    let day = clock.to_datetime(at).date().to_string();
    let is_day_taken = ledger
        .taking_days_of(id, &person.phone)
        .any(|attempt| attempt.local_day >= day && attempt.granted <= due + WINDOW);
    let is_owed = due + WINDOW < until
        && due > from
        && person.may_be_called(at)
        && !has_job
        && !is_day_taken
        && was_calm(calls, ground, due);
    is_owed.then(|| format!("{id} was owed a welcome call at second {due}, and nobody ever noticed"))
}

fn daily(
    calls: &Calls,
    ground: &Ground<'_>,
    ledger: &Ledger,
    id: &str,
    (from, until, person): Stretch<'_>,
) -> Vec<String> {
    let Some(clock) = person.clock() else {
        return Vec::new();
    };
    let mut overlooked = Vec::new();
    let mut day = clock.to_datetime(ground.at(from)).date();
    let last = clock.to_datetime(ground.at(until)).date();
    while day <= last {
        let at = instant(day.to_datetime(person.call_at), &clock);
        let due = ground.second(at);
        let is_chosen = person
            .call_days
            .contains(&i16::from(day.weekday().to_monday_one_offset()));
        let is_owed = from + 60 < due
            && due + WINDOW < until
            && is_chosen
            && person.may_be_called(at)
            && is_welcomed(calls, ledger, id, due)
            && !is_seen_to(ledger, id, person, due, &day.to_string())
            && was_calm(calls, ground, due);
        if is_owed {
            overlooked.push(format!(
                "{id} was owed a call at second {due}, and nobody ever noticed"
            ));
        }
        day = day.saturating_add(1.day());
    }
    overlooked
}

/// Whether the daily calls have begun.
fn is_welcomed(calls: &Calls, ledger: &Ledger, id: &str, due: Second) -> bool {
    let is_new = calls
        .script
        .customers
        .iter()
        .any(|customer| customer.id == id && customer.is_new);
    let is_over = |job: &super::ledger::Job| {
        job.customer == id && job.is_welcome && job.ended.is_some_and(|ended| ended < due)
    };
    !is_new || ledger.jobs.iter().any(is_over)
}

/// Whether that day's call is in the ledger, or something there stands against it.
fn is_seen_to(ledger: &Ledger, id: &str, person: &Person, due: Second, day: &str) -> bool {
    let by_job = ledger.jobs.iter().filter(|job| job.customer == id).any(|job| {
        let lives = job.created <= due + WINDOW && job.ended.is_none_or(|ended| ended >= due - 60);
        job.local_day.as_deref() == Some(day) || lives
    });
    by_job
        || ledger.taking_days_of(id, &person.phone).any(|attempt| {
            // Of two clocks the further one has shown that day already.
            let is_close = (due - 2 * DAY..due + WINDOW).contains(&attempt.granted);
            is_close && (attempt.local_day.as_str() >= day || attempt.granted > due - 10 * HOUR)
        })
}
