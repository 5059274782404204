//! What speaks against calling somebody at a moment, in words.

use jiff::Timestamp;

use super::facts::{Facts, Version};
use super::words::Clock;

/// The first rule against calling them at `moment`, as the database's `rule_against_calling` has them, as a clause
/// with what is known of it; `None` if there is none. What follows from other calls is not among these.
pub(crate) fn rule_against(facts: &Facts, moment: Timestamp) -> Option<String> {
    if facts.was_paused(moment) {
        return Some(said_of(facts, moment, "all calling is paused", "all calling was paused").to_owned());
    }
    rule_against_them(facts, moment)
}

/// The same, whether or not all calling is paused.
pub(crate) fn rule_against_them(facts: &Facts, moment: Timestamp) -> Option<String> {
    let stood = facts.at(moment);
    let clock = Clock::new(stood.timezone.as_deref(), facts.day);
    if stood.payment_status != "Paid" {
        return Some(not_paid(facts, stood, moment, &clock));
    }
    if !stood.phone_validated {
        return Some(
            match stood.phone {
                Some(_) => "nobody has found out whether their number is one (phone_validated is false)",
                None => "no telephone number of theirs is known",
            }
            .to_owned(),
        );
    }
    if stood.call_status == "disabled" {
        let off = "calling them is switched off (call_status is disabled)";
        return Some(said_of(facts, moment, off, "calling them was switched off (call_status)").to_owned());
    }
    if let Some(stop) = facts.opt_out(stood.phone.as_deref(), moment) {
        return Some(format!(
            "they said stop {} via {}",
            clock.on(stop.opted_out_at),
            stop.source
        ));
    }
    if stood.timezone.is_none() {
        return Some(zone_unknown(stood));
    }
    let paused_until = stood.paused_until.filter(|until| *until > moment);
    let are = said_of(facts, moment, "are", "were");
    paused_until.map(|until| format!("they {are} paused until {}", clock.at(until)))
}

/// What is so is said otherwise than what was.
fn said_of(facts: &Facts, moment: Timestamp, now: &'static str, then: &'static str) -> &'static str {
    if moment < facts.now { then } else { now }
}

pub(super) fn zone_unknown(stood: &Version) -> String {
    match &stood.timezone_given {
        Some(given) => {
            format!(
                "nobody knows what their clock shows (timezone_given is “{given}”, no place that we know)"
            )
        }
        None => "nobody knows what their clock shows (no time zone was given)".to_owned(),
    }
}

pub(super) fn not_paid(facts: &Facts, stood: &Version, moment: Timestamp, clock: &Clock) -> String {
    // What we had heard by then.
    let latest = |effects: &[&str]| {
        let mut heard = facts
            .payments
            .iter()
            .filter(|event| event.received_at <= moment && effects.contains(&event.effect.as_str()));
        heard.next_back().map(|event| clock.on(event.created_at))
    };
    let did = said_of(facts, moment, "do", "did");
    let dated = |word: &str, effects: &[&str]| match latest(effects) {
        Some(on) => format!("they {did} not pay any more: {word} {on}"),
        None => format!("they {did} not pay any more: {word}, and when is not known"),
    };
    match stood.payment_status.as_str() {
        "Refunded" => dated("the money went back", &["refunded", "dispute_lost"]),
        "Disputed" => dated("their bank asked for the money back", &["disputed"]),
        "Ended" => dated("their subscription ended", &["ended"]),
        _ => match facts.paid_at.filter(|paid_at| *paid_at > moment) {
            Some(paid_at) => format!("they had not paid yet (they did {})", clock.on(paid_at)),
            None => said_of(facts, moment, "they have not paid", "they had not paid").to_owned(),
        },
    }
}
