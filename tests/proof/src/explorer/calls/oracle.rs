//! What must hold at the end of every run, by Vapi's own record of who was called.

use std::collections::BTreeSet;

use jiff::civil::Time;
use local::sandbox_vapi::Call;

use super::Calls;
use super::excuses::{REQUEST, is_excused, is_late};
use super::ledger::{Attempt, Job, Ledger};
use super::owed::overlooked;
use super::placed::{Placed, placed};
use super::script::{HOUR, STOP_WORDS};
use super::sights::{remember, remember_all};
use crate::explorer::run::{Ground, Second};
use crate::explorer::stage::Asked;

const TEN_HOURS: Second = 10 * HOUR;
const MORNING: Time = Time::constant(8, 0, 0, 0);
/// A permit is given until then, and used within seconds.
const EVENING: Time = Time::constant(20, 46, 0, 0);

/// Judges a run that is over.
pub(super) async fn judge(calls: &Calls, ground: &mut Ground<'_>) -> anyhow::Result<()> {
    let ledger = Ledger::read(ground).await?;
    let placed = placed(calls, ground, &ledger);
    let mut wrong = wrong_requests(calls, ground, &ledger, &placed);
    wrong.extend(too_many(calls, ground, &ledger, &placed));
    wrong.extend(alarms(calls, ground, &ledger, &placed));
    wrong.extend(overlooked(calls, ground, &ledger));
    wrong.extend(wrong_rows(calls, ground, &ledger, &placed).await?);
    for job in &ledger.jobs {
        let of_it: Vec<&Placed> = placed
            .iter()
            .filter(|placed| is_of(&ledger, job, &placed.asked))
            .collect();
        let mut complaints = complaints(job, &of_it, &ledger);
        if is_late(calls, ground, job, &of_it, &ledger) {
            complaints.push("called late, for a reason that nothing explains");
        }
        if !is_excused(calls, ground, job, &ledger) {
            complaints.push("not called, for a reason that nothing explains");
        }
        wrong.extend(complaints.into_iter().map(|complaint| {
            let kind = if job.is_welcome { "welcome" } else { "daily" };
            let day = job.local_day.as_deref().unwrap_or("once");
            format!(
                "{} {kind} {day}: {complaint} ({} {:?})",
                job.customer, job.state, job.reason
            )
        }));
        remember(job, &ledger, ground);
    }
    remember_all(calls, ground, &ledger, &placed);
    ground.outcome.jobs = ledger.jobs.len();
    if !wrong.is_empty() || !ground.outcome.violations.is_empty() {
        explain(calls, ground, &ledger);
    }
    ground.outcome.violations.extend(wrong);
    Ok(())
}

/// Adds to the trace what it takes to see why something is held to be wrong.
fn explain(calls: &Calls, ground: &mut Ground<'_>, ledger: &Ledger) {
    for customer in &calls.script.customers {
        for span in calls.history.spans(customer.id, ground.now) {
            ground.note(customer.id, &format!("{span:?}"));
        }
    }
    for job in &ledger.jobs {
        ground.note("ledger", &format!("{job:?}"));
    }
    for attempt in ledger.attempts.values() {
        ground.note("ledger", &format!("{attempt:?}"));
    }
}

/// Whether a request was for this job. A variant without attempts names the job itself.
fn is_of(ledger: &Ledger, job: &Job, asked: &Asked) -> bool {
    let Some(named) = &asked.attempt else { return false };
    *named == job.id
        || ledger
            .attempts
            .get(named)
            .is_some_and(|attempt| attempt.job == job.id)
}

/// One request per permit, none without, and none that was permitted when it must not be.
fn wrong_requests(calls: &Calls, ground: &Ground<'_>, ledger: &Ledger, placed: &[Placed<'_>]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut requested = BTreeSet::new();
    for Placed {
        asked,
        customer,
        left,
        clock,
        ..
    } in placed
    {
        let time = clock.to_datetime(asked.at).time();
        if !(MORNING..EVENING).contains(&time) {
            wrong.push(format!("{} was called at {time}", customer.id));
        }
        let known = asked.attempt.as_ref().and_then(|named| {
            let look = calls.permits.get(named)?;
            Some((ledger.attempts.get(named)?, calls.history.view(*look)))
        });
        let Some((attempt, view)) = known else {
            wrong.push("a request left without a committed attempt".to_owned());
            continue;
        };
        if !requested.insert(&attempt.id) {
            wrong.push("two requests for one permit".to_owned());
        }
        let Some(person) = view.people.get(customer.id) else {
            wrong.push(format!("{} was called before they came", customer.id));
            continue;
        };
        if let Some(what) = person.what_speaks_against_a_call(ground.at(attempt.granted)) {
            wrong.push(format!("a permit for somebody {what}"));
        }
        if view.is_paused {
            wrong.push("a permit while all calling was paused".to_owned());
        }
        if person.zone.as_deref() != Some(attempt.zone.as_str()) {
            wrong.push(format!("a permit by another clock than {}'s", customer.id));
        }
        if asked.person != person.phone {
            wrong.push(format!("not {}'s telephone", customer.id));
        }
        if left - attempt.granted > REQUEST {
            wrong.push("a permit was used too late".to_owned());
        }
    }
    wrong.sort();
    wrong.dedup();
    wrong
}

/// Nobody is called twice on a day, or within ten hours, or welcomed twice.
fn too_many(calls: &Calls, ground: &Ground<'_>, ledger: &Ledger, placed: &[Placed<'_>]) -> Vec<String> {
    let mut wrong = Vec::new();
    let rang: Vec<&Placed> = placed.iter().filter(|placed| !placed.calls.is_empty()).collect();
    for (number, first) in rang.iter().enumerate() {
        for second in &rang[number + 1..] {
            let is_one = first.customer.id == second.customer.id;
            let is_one_phone = first.asked.person == second.asked.person;
            if (is_one || is_one_phone) && first.day() == second.day() {
                wrong.push(format!("two calls to {} on {}", second.customer.id, second.day()));
            }
            if is_one_phone && (second.left - first.left).abs() < TEN_HOURS {
                wrong.push(format!("two calls to {} within ten hours", second.customer.id));
            }
        }
    }
    for customer in &calls.script.customers {
        let welcomes = rang
            .iter()
            .filter(|placed| placed.customer.id == customer.id && placed.is_welcome());
        // What Vapi takes when it has been proven absent is past all help, and somebody hears of it or nobody does.
        let known = welcomes.filter(|placed| !placed.is_ghost(ground, ledger));
        if known.count() > 1 {
            wrong.push(format!("two welcome calls to {}", customer.id));
        }
    }
    wrong
}

/// Whoever hears of a call that the ledger does not hold raises the alarm, and nobody else does.
fn alarms(calls: &Calls, ground: &Ground<'_>, ledger: &Ledger, placed: &[Placed<'_>]) -> Vec<String> {
    let mut wrong = Vec::new();
    let all = ground.stage.vapi.calls();
    for placed in placed {
        let attempt = placed.asked.attempt.as_ref();
        let Some(attempt) = attempt.and_then(|named| ledger.attempts.get(named)) else {
            continue;
        };
        let is_told = |id: &String| attempt.provider_id.as_ref() == Some(id) || attempt.evidence.contains(id);
        for call in &placed.calls {
            let number = all.iter().position(|one| one.id == call.id);
            if number.is_some_and(|number| calls.heard.contains(&number)) && !is_told(&call.id) {
                wrong.push("a call that nobody asked for, and no alarm".to_owned());
            }
        }
        let is_doubled = placed.calls.len() > 1;
        if !attempt.evidence.is_empty() && !is_doubled && !placed.is_ghost(ground, ledger) {
            wrong.push("an alarm without a cause".to_owned());
        }
    }
    let is_known = |(attempt, _): &&(String, String)| ledger.attempts.contains_key(attempt);
    if ledger.evidence.iter().filter(is_known).count() < ledger.evidence.len() {
        wrong.push("an alarm about an attempt that was never made".to_owned());
    }
    wrong
}

/// What stands in the customers' rows is what the ledger says, and what was told is there.
async fn wrong_rows(
    calls: &Calls,
    ground: &Ground<'_>,
    ledger: &Ledger,
    placed: &[Placed<'_>],
) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    let database = &ground.stage.database;
    let rows = database
        .owner()
        .query(include_str!("sql/customers.sql"), &[])
        .await?;
    for row in &rows {
        let id: &str = row.get("id");
        if calls.forgotten.contains(id) {
            continue;
        }
        let accepted = |attempt: &&Attempt| attempt.customer == id && attempt.state == "accepted";
        let last_day = ledger
            .attempts
            .values()
            .filter(accepted)
            .map(|attempt| attempt.local_day.as_str())
            .max();
        let is_welcomed = ledger
            .jobs
            .iter()
            .any(|job| job.customer == id && job.is_welcome && job.state == "accepted");
        if row.get::<_, Option<&str>>("last_call_date") != last_day
            || row.get::<_, bool>("welcome_call_completed") != is_welcomed
        {
            wrong.push(format!("{id}'s row does not say what the ledger says"));
        }
    }
    let told = database
        .owner()
        .query("SELECT source || ' ' || id FROM payment_events", &[])
        .await?;
    let told: BTreeSet<String> = told.iter().map(|row| row.get(0)).collect();
    for number in &calls.acknowledged {
        let event = &calls.script.events[*number];
        if !told.contains(&format!("{} {}", event.source.as_str(), event.id)) {
            wrong.push(format!("{} was acknowledged and is forgotten", event.id));
        }
    }
    for row in database
        .owner()
        .query("SELECT customer_id, payment_status = 'Paid' FROM payment_events JOIN customers ON customers.id = customer_id", &[])
        .await?
    {
        let (id, is_paid): (String, bool) = (row.get(0), row.get(1));
        let reckoned = calls.history.person_at(&id, Second::MAX);
        if reckoned.is_some_and(|person| person.pays != is_paid) {
            wrong.push(format!("{id} pays, or does not, and the row says otherwise"));
        }
    }
    let stopped = database
        .owner()
        .query("SELECT phone::text FROM opt_outs", &[])
        .await?;
    let stopped: BTreeSet<String> = stopped.iter().map(|row| row.get(0)).collect();
    let known: BTreeSet<&String> = ledger
        .attempts
        .values()
        .filter_map(|attempt| attempt.provider_id.as_ref())
        .collect();
    for placed in placed {
        for call in placed.calls.iter().filter(|call| known.contains(&call.id)) {
            let said = call.turns.iter().any(|turn| turn.text == STOP_WORDS);
            if said && !stopped.contains(&call.recipient) {
                wrong.push("somebody said stop in a call, and nobody listened".to_owned());
            }
        }
    }
    for attempt in ledger.attempts.values() {
        if attempt.state == "accepted" && !attempt.has_result {
            wrong.push("nobody ever asked how a call ended".to_owned());
        }
    }
    wrong.sort();
    wrong.dedup();
    Ok(wrong)
}

/// What is wrong with how a job ended, given what Vapi has for it.
fn complaints(job: &Job, placed: &[&Placed<'_>], ledger: &Ledger) -> Vec<&'static str> {
    let state = job.state.as_str();
    let calls: Vec<&Call> = placed.iter().flat_map(|placed| &placed.calls).collect();
    let rang = placed.iter().filter(|placed| !placed.calls.is_empty()).count();
    let attempts: Vec<&Attempt> = ledger.attempts_of(job).collect();
    let accepted: Vec<&Attempt> = attempts
        .iter()
        .filter(|attempt| attempt.state == "accepted")
        .copied()
        .collect();
    let is_absent = attempts.iter().any(|attempt| attempt.state == "absent");
    let refutations = [
        (rang > 1 && !is_absent, "more than one call"),
        (
            ["pending", "in_flight", "unknown"].contains(&state),
            "the job never ended",
        ),
        (
            attempts
                .iter()
                .any(|attempt| ["sending", "unknown"].contains(&attempt.state.as_str())),
            "an attempt never ended",
        ),
        (
            accepted.len() != usize::from(state == "accepted"),
            "job and attempts tell different stories",
        ),
        (
            accepted.iter().any(|attempt| {
                !calls
                    .iter()
                    .any(|call| Some(&call.id) == attempt.provider_id.as_ref())
            }),
            "the ledger says placed, and Vapi has nothing",
        ),
        (
            // What came when it had been proven absent is on another page.
            ["refused", "dead", "suppressed"].contains(&state) && !calls.is_empty() && !is_absent,
            "the ledger says not placed, and Vapi has a call",
        ),
        (
            state != "accepted" && job.reason.is_none(),
            "an end without a reason",
        ),
        (job.ended.is_none(), "an end without a date"),
        (
            state == "accepted" && !job.is_projected,
            "a call that was never copied into the customer's row",
        ),
    ];
    let applies = refutations.into_iter().filter(|(applies, _)| *applies);
    applies.map(|(_, complaint)| complaint).collect()
}
