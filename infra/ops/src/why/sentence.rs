//! The sentence that says why somebody was, or was not, called on a day.

use jiff::{SignedDuration, Timestamp};

use super::facts::{Attempt, Facts, Job};
use super::rules::{not_paid, rule_against, rule_against_them, zone_unknown};
use super::words::{self, Clock};

/// Longer than the longest call: one without a result is over, and only nobody has said so.
const LONGEST_CALL: SignedDuration = SignedDuration::from_mins(15);
/// The scheduler looks every minute; somebody whose hour came this recently is just being looked at.
const SCHEDULERS_GRACE: SignedDuration = SignedDuration::from_mins(5);
/// For how long after its hour a daily call is still made.
const CATCH_UP: SignedDuration = SignedDuration::from_hours(4);

/// Why the customer was, or was not, called on the day. What the rows cannot tell is said to be unknown.
pub(crate) fn sentence(facts: &Facts) -> String {
    let said = match (attempt_of_the_day(facts), job_of_the_day(facts)) {
        (Some((job, attempt)), _) => attempted(facts, job, attempt),
        (None, Some(job)) => owed(facts, job),
        (None, None) => not_owed(facts),
    };
    let phone = facts.current().masked_phone();
    let phone = phone.map_or_else(|| "no number".to_owned(), |phone| phone.to_string());
    format!("{} ({phone}) {said}.", facts.id)
}

/// The request by which they were called that day, or may have been.
fn attempt_of_the_day(facts: &Facts) -> Option<(&Job, &Attempt)> {
    let attempts = facts
        .jobs
        .iter()
        .flat_map(|job| job.attempts.iter().map(move |attempt| (job, attempt)));
    let rank = |attempt: &Attempt| match attempt.state.as_str() {
        "accepted" => 3,
        "sending" => 2,
        "unknown" | "unresolved" => 1,
        _ if attempt.has_evidence => 1,
        _ => 0,
    };
    attempts
        .filter(|(_, attempt)| attempt.local_day == facts.day && rank(attempt) > 0)
        .max_by_key(|(_, attempt)| rank(attempt))
}

/// What was owed to them for that day, and did not get as far.
fn job_of_the_day(facts: &Facts) -> Option<&Job> {
    let is_daily = |job: &&Job| job.local_day == Some(facts.day);
    let welcome = || facts.jobs.iter().find(|job| job.kind == "welcome_call");
    // One that had its call on an earlier day says nothing of this one.
    let waited = |job: &&Job| job.attempts.iter().all(|attempt| attempt.local_day >= facts.day);
    facts
        .jobs
        .iter()
        .find(is_daily)
        .or_else(|| welcome().filter(waited))
}

fn on_the_day(facts: &Facts) -> String {
    if facts.day == facts.today {
        "today".to_owned()
    } else {
        format!("on {}", words::day(facts.day))
    }
}

fn attempted(facts: &Facts, job: &Job, attempt: &Attempt) -> String {
    let on = on_the_day(facts);
    let at = format!("at {} ({})", words::time(attempt.local_time), attempt.timezone);
    let kind = words::kind(&job.kind);
    let since = facts.now.duration_since(attempt.granted_at);
    let because = attempt
        .reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(" ({reason})"));
    match attempt.state.as_str() {
        "accepted" if attempt.has_evidence => format!(
            "was called {on} {at}, {kind}, and Vapi tells of another call by the same request (duplicate_evidence): a person has to look"
        ),
        state if attempt.has_evidence => format!(
            "was called {on} {at}, {kind}: the ledger counts that request as {state}{because}, and Vapi tells of a call by it (duplicate_evidence)"
        ),
        "accepted" => match &attempt.result {
            Some(result) => {
                let word = attempt.ended_reason.as_ref();
                let word = word.map_or_else(String::new, |word| format!(" (Vapi says {word})"));
                let became = words::result(result, attempt.customer_spoke);
                format!("was called {on} {at}, {kind}: {became}{word}")
            }
            None if since < LONGEST_CALL => format!("is being called now, {kind}: it was placed {at}"),
            None => format!("was called {on} {at}, {kind}; what became of it has not been reported"),
        },
        "sending" if job.lease_until.is_some_and(|until| until > facts.now) => {
            format!("is being called now, {kind}: the request to Vapi was allowed {at}")
        }
        "sending" => format!(
            "may have been called {on} {at}, {kind}: whoever sent the request is gone, and the sweeper will look it up"
        ),
        "unknown" => format!(
            "may have been called {on} {at}, {kind}: the request's outcome is unclear{because} and is looked up with Vapi"
        ),
        _ => format!(
            "may have been called {on} {at}, {kind}: Vapi's records did not say within the hour{because}, and a person has to decide"
        ),
    }
}

fn owed(facts: &Facts, job: &Job) -> String {
    let on = on_the_day(facts);
    let clock = Clock::new(facts.current().timezone.as_deref(), facts.day);
    let kind = words::kind(&job.kind);
    let tried = tried(job, &clock);
    let reason = job.state_reason.as_deref().unwrap_or("no reason is written down");
    match job.state.as_str() {
        "pending" if job.expires_at <= facts.now => format!(
            "was not called {on}: {kind} could be made until {} and was not{tried}; the sweeper has not written that off yet",
            clock.at(job.expires_at)
        ),
        "pending" => {
            let verb = if facts.day == facts.today {
                "has not been called today yet"
            } else {
                "was not called"
            };
            let on = if facts.day == facts.today {
                String::new()
            } else {
                format!(" {on}")
            };
            let held = held_up(facts);
            format!(
                "{verb}{on}: {kind} waits until {}{tried}{held}, and can be made until {}",
                clock.at(job.due_at.max(job.created_at)),
                clock.at(job.expires_at)
            )
        }
        "suppressed" => {
            let at = job.ended_at.unwrap_or(facts.now);
            format!(
                "was not called {on}: {kind} was not made, because {}{tried}",
                suppressed(facts, job, reason, at, &clock)
            )
        }
        "refused" => format!("was not called {on}: Vapi refused {kind} for good{tried}"),
        "dead" => format!("was not called {on}: {kind} was given up ({reason}){tried}"),
        "needs_human" => {
            format!(
                "was not called {on} as far as is known: a person has to decide about {kind} ({reason}){tried}"
            )
        }
        _ if job.local_day == Some(facts.day) || job.ended_at.is_none() => {
            format!("was not called {on}: {kind} is being made, and no request of that day is known{tried}")
        }
        _ => {
            let later = job.attempts.iter().find(|attempt| attempt.local_day > facts.day);
            let later = later.map_or_else(String::new, |attempt| {
                format!(
                    ", and was made on {} at {}",
                    attempt.local_day,
                    words::time(attempt.local_time)
                )
            });
            format!("was not called {on}: {kind} waited{later}")
        }
    }
}

/// What came of the requests that did not reach them.
fn tried(job: &Job, clock: &Clock) -> String {
    let said = job.attempts.iter().filter_map(|attempt| {
        let reason = attempt.reason.as_deref().unwrap_or("without a reason");
        match attempt.state.as_str() {
            "refused" => Some(format!("refused {} ({reason})", clock.on(attempt.granted_at))),
            "absent" => Some(format!(
                "proven not to have reached Vapi {}",
                clock.on(attempt.granted_at)
            )),
            _ => None,
        }
    });
    let said: Vec<_> = said.collect();
    if said.is_empty() {
        String::new()
    } else {
        format!(", after a request was {}", said.join(" and another "))
    }
}

/// What keeps a call waiting that is due.
fn held_up(facts: &Facts) -> String {
    match rule_against(facts, facts.now) {
        Some(rule) => format!(" because {rule}"),
        None => String::new(),
    }
}

/// The reason of a call that a rule ended, with what is known of it.
fn suppressed(facts: &Facts, job: &Job, reason: &str, at: Timestamp, clock: &Clock) -> String {
    let Some(words) = words::suppression(reason) else {
        return format!("of a rule that is written down as “{reason}”");
    };
    let stood = facts.at(at);
    match reason {
        "not_paid" if stood.payment_status != "Paid" => not_paid(facts, stood, at, clock),
        "timezone_unknown" => zone_unknown(stood),
        "opted_out" => match facts.opt_out(stood.phone.as_deref(), at) {
            Some(stop) => format!("{words} {} via {}", clock.on(stop.opted_out_at), stop.source),
            None => words.to_owned(),
        },
        "paused" => match stood.paused_until {
            Some(until) => format!("{words} until {}", clock.at(until)),
            None => words.to_owned(),
        },
        "expired" => format!("{words}: {}", expired(facts, job, clock)),
        "phone_called_today" | "called_within_ten_hours" => {
            let mut others = facts.other_calls.iter().filter(|call| call.granted_at <= at);
            match others.next_back() {
                Some(call) if call.customer_id == facts.id => {
                    format!("{words} ({})", clock.on(call.granted_at))
                }
                Some(call) => format!("{words} ({}, {})", call.customer_id, clock.on(call.granted_at)),
                None => words.to_owned(),
            }
        }
        _ => words.to_owned(),
    }
}

/// Why a call was not made in its hours.
fn expired(facts: &Facts, job: &Job, clock: &Clock) -> String {
    let hours = format!(
        "from {} until {}",
        clock.at(job.due_at.min(job.created_at)),
        clock.at(job.expires_at)
    );
    if job.created_at >= job.expires_at {
        let paused = if facts.was_paused(job.due_at) {
            ", because all calling was paused"
        } else {
            ", and why so late is not known"
        };
        return format!(
            "it was scheduled only {}, when its time ({} until {}) was over{paused}",
            clock.on(job.created_at),
            clock.at(job.due_at),
            clock.at(job.expires_at)
        );
    }
    if facts.was_paused(job.expires_at) {
        return format!("{hours}, while all calling was paused");
    }
    if job.attempts.is_empty() {
        return format!("{hours}, and what held it up is not known");
    }
    hours
}

/// There was no call to be made. Which of the reasons it was, as the rows stood at their hour.
fn not_owed(facts: &Facts) -> String {
    if facts.day > facts.today {
        return still_ahead(facts);
    }
    if facts.created_at >= facts.ends {
        let since = words::day(facts.created_at.to_zoned(zone_of(facts)).date());
        return format!(
            "was not called {}: they became a customer later, on {since}",
            on_the_day(facts)
        );
    }
    let end = facts.now.min(facts.ends);
    let clock = Clock::new(facts.at(end).timezone.as_deref(), facts.day);
    let on = on_the_day(facts);
    let no = |why: String| format!("was not called {on}: {why}");

    let hour = match their_hour(facts, end) {
        Hour::Unknown => return no(rule_against(facts, end).unwrap_or_else(|| zone_unknown(facts.at(end)))),
        Hour::Changed => {
            return no("their hour was changed that day, and none came while it was theirs".to_owned());
        }
        Hour::At(hour) if hour > facts.now => return still_ahead(facts),
        Hour::At(hour) => hour,
    };
    if facts.created_at > hour {
        return no(format!(
            "they became a customer {}, after their hour ({})",
            clock.on(facts.created_at),
            clock.at(hour)
        ));
    }
    if let Some(rule) = rule_against(facts, hour) {
        return no(format!("at their hour ({}) {rule}", clock.at(hour)));
    }
    if !is_their_weekday(facts, hour) {
        return no(format!("{} is not one of their days", words::day(facts.day)));
    }
    if facts.last_call_date == Some(facts.day) {
        return no(
            "the ledger has no call of that day, though their row says that there was one: the system before may have made it"
                .to_owned(),
        );
    }
    let is_in_the_way = |job: &&Job| {
        job.local_day != Some(facts.day)
            && job.created_at <= hour
            && job.ended_at.is_none_or(|ended| ended > hour)
    };
    if let Some(job) = facts.jobs.iter().find(is_in_the_way) {
        let of = job
            .local_day
            .map_or_else(String::new, |day| format!(" of {}", words::day(day)));
        return no(format!(
            "at their hour ({}) {}{of} was not over yet",
            clock.at(hour),
            words::kind(&job.kind)
        ));
    }
    if facts.next_call_day == Some(facts.day) && facts.next_call_at.is_some_and(|next| next > facts.now) {
        return still_ahead(facts);
    }
    unexplained(facts, hour, &clock)
}

/// Nothing was scheduled although it should have been.
fn unexplained(facts: &Facts, hour: Timestamp, clock: &Clock) -> String {
    let since = facts.now.duration_since(hour);
    let ticked = match facts.scheduler_ticked_at {
        Some(at) => format!("the scheduler last ran {}", clock.on(at)),
        None => "whether the scheduler ran is not known".to_owned(),
    };
    if since < SCHEDULERS_GRACE {
        return format!(
            "has not been called today yet: their hour ({}) has just come, and {ticked}",
            clock.at(hour)
        );
    }
    let later = rule_against(facts, (hour + CATCH_UP).min(facts.now));
    if since < CATCH_UP && later.is_none() {
        return format!(
            "has not been called today, although nothing spoke against it at their hour ({}): that is a bug or an outage, which can be made good until {} ({ticked})",
            clock.at(hour),
            clock.at(hour + CATCH_UP)
        );
    }
    let later = later.map_or_else(String::new, |rule| format!("; later that day, {rule}"));
    format!(
        "was not called {}, and nothing was scheduled although nothing that we know spoke against it at their hour ({}): that is a bug or an outage ({ticked}){later}",
        on_the_day(facts),
        clock.at(hour)
    )
}

fn still_ahead(facts: &Facts) -> String {
    let clock = Clock::new(facts.current().timezone.as_deref(), facts.day);
    let is_today = facts.day == facts.today;
    let subject = if is_today {
        "has not been called today".to_owned()
    } else {
        format!(
            "cannot have been called on {}, which is still ahead",
            words::day(facts.day)
        )
    };
    let hour = facts.current().hour.unwrap_or(facts.now);
    if let Some(rule) = rule_against_them(facts, facts.now.max(hour)) {
        return format!("{subject}; as things stand they will not be: {rule}");
    }
    let paused = if facts.was_paused(facts.now) {
        ", if all calling is not paused any more by then"
    } else {
        ""
    };
    let next_here = facts
        .next_call_at
        .filter(|_| facts.next_call_day == Some(facts.day));
    if let (Some(next), Some(true)) = (next_here, facts.welcome_is_owed) {
        return format!(
            "{subject}; their welcome call is planned for {}{paused}",
            clock.at(next.max(facts.now))
        );
    }
    if !is_their_weekday(facts, facts.now) {
        return format!("{subject}; {} is not one of their days", words::day(facts.day));
    }
    let at = next_here.unwrap_or(hour);
    if is_today {
        format!(
            "{subject} yet: their hour is still ahead, at {}{paused}",
            clock.at(at)
        )
    } else {
        format!(
            "{subject}; as things stand they will be called at {}{paused}",
            clock.at(at)
        )
    }
}

/// When their hour came on the day.
enum Hour {
    At(Timestamp),
    /// There was no clock to tell.
    Unknown,
    /// Each came only when it was theirs no more, or not yet.
    Changed,
}

/// The hour as they had it when it came: settings may change in the course of a day.
fn their_hour(facts: &Facts, end: Timestamp) -> Hour {
    let Some(last) = facts.at(end).hour else {
        return Hour::Unknown;
    };
    if last > facts.now {
        return Hour::At(last);
    }
    let holds = |hour: Timestamp| facts.at(hour).hour == Some(hour);
    match facts.at(last).hour {
        Some(_) if holds(last) => Hour::At(last),
        Some(earlier) if holds(earlier) => Hour::At(earlier),
        Some(_) => Hour::Changed,
        // Their clock was not known then; that is the reason.
        None => Hour::At(last),
    }
}

fn is_their_weekday(facts: &Facts, moment: Timestamp) -> bool {
    let weekday = facts.day.weekday().to_monday_one_offset();
    facts.at(moment).call_days.contains(&weekday)
}

fn zone_of(facts: &Facts) -> jiff::tz::TimeZone {
    let place = facts.current().timezone.as_deref();
    place
        .and_then(|place| jiff::tz::TimeZone::get(place).ok())
        .unwrap_or(jiff::tz::TimeZone::UTC)
}

#[cfg(test)]
mod tests;
