//! What is worth having been seen in a run.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Calls;
use super::excuses::REQUEST;
use super::ledger::{Attempt, Job, Ledger};
use super::people::Customer;
use super::placed::Placed;
use crate::explorer::run::Ground;

/// How a job ended.
pub(super) fn remember(job: &Job, ledger: &Ledger, ground: &mut Ground<'_>) {
    let is = |state: &str| job.state == state;
    let reason = job.reason.as_deref().unwrap_or_default();
    let attempts: Vec<&Attempt> = ledger.attempts_of(job).collect();
    let was = |state: &str| attempts.iter().any(|attempt| attempt.state == state);
    let was_unclear = attempts
        .iter()
        .any(|attempt| attempt.state == "accepted" && attempt.settled - attempt.granted > REQUEST);
    let kept = ["called_today", "phone_called_today", "called_within_ten_hours"];
    for (name, is_so) in [
        ("call placed", is("accepted")),
        ("welcome call placed", is("accepted") && job.is_welcome),
        ("unknown, then accepted", was_unclear),
        (
            "called on another day after proven absence",
            was("absent") && is("accepted"),
        ),
        ("left to a person", is("needs_human")),
        ("dead", is("dead")),
        ("refused for good", is("refused")),
        ("expired", reason == "expired"),
        ("suppressed by a rule", is("suppressed")),
        ("day kept from a second call", kept.contains(&reason)),
        (
            "result asked for",
            attempts.iter().any(|attempt| attempt.was_asked_for),
        ),
    ] {
        if is_so {
            ground.saw(name);
        }
    }
}

/// What happened to everybody.
pub(super) fn remember_all(calls: &Calls, ground: &mut Ground<'_>, ledger: &Ledger, placed: &[Placed<'_>]) {
    let phones: BTreeSet<&str> = calls
        .script
        .customers
        .iter()
        .map(|customer| customer.phone)
        .collect();
    let ghosts = placed.iter().any(|placed| placed.is_ghost(ground, ledger));
    let shifts = |customer: &Customer| {
        let clock = TimeZone::get(customer.zone).expect("a zone");
        let offset = |at: Timestamp| clock.to_offset(at);
        offset(ground.begin) != offset(ground.at(calls.script.lasts))
    };
    let changed = calls.script.customers.iter().any(shifts);
    for (name, is_so) in [
        ("alarm raised", !ledger.evidence.is_empty()),
        ("accepted after it was proven absent", ghosts),
        (
            "two calls for one request",
            placed.iter().any(|placed| placed.calls.len() > 1),
        ),
        (
            "two customers with one telephone",
            phones.len() < calls.script.customers.len(),
        ),
        ("night of changed clocks", changed),
    ] {
        if is_so {
            ground.saw(name);
        }
    }
}
