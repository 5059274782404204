//! What explains that somebody was not called, or late.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::Calls;
use super::ledger::{Job, Ledger};
use super::owed::{IS_PLACED_WITHIN, instant};
use super::placed::Placed;
use super::script::{DAY, HOUR};
use super::view::Person;
use crate::explorer::fate::Fate;
use crate::explorer::run::{Ground, Second, Span};

const TEN_HOURS: Second = 10 * HOUR;
/// A request is on its way for no longer.
pub(super) const REQUEST: Second = 60;
const MORNING: Time = Time::constant(8, 0, 0, 0);
/// The last permit of an evening is given before then.
const LAST_PERMIT: Time = Time::constant(20, 45, 0, 0);

/// When this customer had another call on its way, or one of which nobody knew: until that is over there is no other.
fn unclear(ledger: &Ledger, job: &Job) -> Vec<Span> {
    let attempts = ledger
        .attempts
        .values()
        .filter(|attempt| attempt.customer == job.customer)
        .map(|attempt| (attempt.granted, attempt.settled));
    let others = ledger
        .jobs
        .iter()
        .filter(|other| other.customer == job.customer && other.id != job.id)
        .map(|other| (other.created, other.ended.unwrap_or(Second::MAX)));
    attempts.chain(others).collect()
}

/// When nobody could have called this customer, whatever worked: at night, when somebody had tried to call their
/// telephone on that day or less than ten hours ago, and while they were not to be called at all.
fn closed(calls: &Calls, ground: &Ground<'_>, job: &Job, ledger: &Ledger, until: Second) -> Vec<Span> {
    let mut closed = Vec::new();
    for (from, to, person) in calls.history.spans(&job.customer, until) {
        let Some(clock) = person.clock().filter(|_| person.may_be_called(ground.at(from))) else {
            closed.push((from, to));
            continue;
        };
        let day_of = |at: Second| clock.to_datetime(ground.at(at)).date();
        let begins = |day: Date, time: Time| ground.second(instant(day.to_datetime(time), &clock));
        let mut day = day_of(from);
        while begins(day, Time::midnight()) < to {
            closed.push((begins(day, Time::midnight()), begins(day, MORNING)));
            closed.push((
                begins(day, LAST_PERMIT),
                begins(day.saturating_add(1.day()), Time::midnight()),
            ));
            day = day.saturating_add(1.day());
        }
        let taken = ledger.taking_days_of(&job.customer, &person.phone);
        closed.extend(taken.map(|attempt| {
            let claimed: Option<Date> = attempt.local_day.parse().ok();
            let day = claimed.max(Some(day_of(attempt.granted))).expect("a day");
            let day_ends = begins(day.saturating_add(1.day()), Time::midnight());
            (
                attempt.granted.max(from),
                day_ends.max(attempt.granted + TEN_HOURS).min(to),
            )
        }));
    }
    closed.retain(|(from, to)| from < to);
    closed
}

/// Whether something that concerned this customer, at that time, explains that they were not called.
pub(super) fn is_excused(calls: &Calls, ground: &Ground<'_>, job: &Job, ledger: &Ledger) -> bool {
    let ended = job.ended.unwrap_or(ground.now);
    let life = (job.created - 1, ended);
    let was = |is_so: &dyn Fn(&Person) -> bool| calls.history.was(&job.customer, life, is_so);
    let until = ended.min(job.expires);
    let room = if calls.script.at_a_time == 1 { 2 } else { 1 };
    let besides = [unclear(ledger, job), closed(calls, ground, job, ledger, until)].concat();
    let was_hindered = ground.facts.longest_calm(job.planned, until, &besides) < IS_PLACED_WITHIN * room
        || calls.history.was_paused(life.0.min(job.planned), ended);
    let person = calls.history.person_at(&job.customer, ended);
    let phone = person.map(|person| person.phone.clone()).unwrap_or_default();
    let day_of = |at: Second| {
        let clock = person.and_then(Person::clock)?;
        Some(clock.to_datetime(ground.at(at)).date().to_string())
    };
    let moved = calls.history.spans(&job.customer, ended);
    let moved = moved
        .iter()
        .filter(|(from, until, _)| *from <= ended && *until >= job.planned - DAY)
        .map(|(_, _, person)| (&person.zone, &person.call_at))
        .collect::<BTreeSet<_>>()
        .len()
        > 1;
    let is_day_taken = || {
        ledger.attempts_to(&job.customer, &phone).any(|attempt| {
            let is_close = (ended - TEN_HOURS..=ended).contains(&attempt.granted);
            // Of two clocks either may show the day, then or now.
            let today = day_of(ended);
            let by_theirs = TimeZone::get(&attempt.zone).ok();
            let by_theirs = by_theirs.map(|clock| clock.to_datetime(ground.at(ended)).date().to_string());
            let is_today = Some(&attempt.local_day) == today.as_ref()
                || Some(&attempt.local_day) == by_theirs.as_ref()
                || day_of(attempt.granted) == today;
            // One that was refused took its day until that was known.
            let held = attempt.holds_the_day() || attempt.settled >= job.planned;
            attempt.job != job.id && attempt.granted <= ended && held && (is_close || is_today)
        })
    };
    match (job.state.as_str(), job.reason.as_deref().unwrap_or_default()) {
        ("suppressed", "not_paid") => was(&|person| !person.pays),
        ("suppressed", "opted_out") => was(&|person| person.has_stopped),
        ("suppressed", "calling_disabled") => was(&|person| person.is_disabled),
        ("suppressed", "timezone_unknown") => was(&|person| person.zone.is_none()),
        ("suppressed", "paused") => was(&|person| {
            person
                .paused_until
                .is_some_and(|until| ground.second(until) >= job.planned)
        }),
        ("suppressed", "wrong_day") => moved,
        ("suppressed", "outside_hours") => moved || was_hindered && is_night(calls, ground, job, ended),
        ("suppressed", "called_today" | "phone_called_today" | "called_within_ten_hours") => is_day_taken(),
        ("suppressed", "expired") => was_hindered,
        ("suppressed", "arrived_after_all") => ledger
            .attempts_of(job)
            .any(|attempt| !attempt.evidence.is_empty()),
        ("suppressed", _) => false,
        ("refused", _) => ground.facts.answered_by(
            Fate::BadNumber,
            ledger.attempts_of(job).map(|attempt| &attempt.id),
        ),
        ("dead", _) => {
            ledger.attempts_of(job).count() >= 3
                || was_hindered
                || ledger.attempts_of(job).any(|attempt| attempt.state == "absent")
        }
        ("needs_human", reason) if reason.starts_with("accepted while") => ledger
            .attempts_of(job)
            .any(|attempt| !attempt.evidence.is_empty()),
        // What made it unclear explains nothing: something must have kept the answer from being found.
        ("needs_human", _) => ledger
            .attempts_of(job)
            .filter(|attempt| attempt.granted <= ended)
            .any(|attempt| ground.facts.were_unread(attempt.granted + REQUEST, ended)),
        _ => true,
    }
}

/// Whether nobody may be called at that time, by the customer's clock.
fn is_night(calls: &Calls, ground: &Ground<'_>, job: &Job, at: Second) -> bool {
    let person = calls.history.person_at(&job.customer, at);
    let clock = person.and_then(Person::clock);
    clock.is_some_and(|clock| !(MORNING..LAST_PERMIT).contains(&clock.to_datetime(ground.at(at)).time()))
}

/// Whether a call was placed so late that nothing explains it.
pub(super) fn is_late(
    calls: &Calls,
    ground: &Ground<'_>,
    job: &Job,
    placed: &[&Placed<'_>],
    ledger: &Ledger,
) -> bool {
    let Some(first) = placed.iter().map(|placed| placed.left).min() else {
        return false;
    };
    let is_crowded = calls.script.at_a_time == 1;
    let may_wait = job.is_welcome
        && (calls.history.was(&job.customer, (job.created, first), |person| {
            !person.may_be_called(ground.at(first))
        }) || ledger
            .taking_days_of(&job.customer, &placed[0].asked.person)
            .any(|attempt| attempt.granted < first)
            || calls.history.spans(&job.customer, first).len() > 1);
    !is_crowded
        && !may_wait
        && !calls.history.was_paused(job.planned, first)
        && ground
            .facts
            .longest_calm(job.planned, first, &unclear_before(ledger, job, first))
            >= IS_PLACED_WITHIN
}

fn unclear_before(ledger: &Ledger, job: &Job, before: Second) -> Vec<Span> {
    let mut spans = unclear(ledger, job);
    spans.retain(|(from, _)| *from < before);
    spans
}
