//! Whether every customer is called as they are owed and as the law allows, by Vapi's own record.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use local::sandbox_vapi::{Call, ReceivedRequest};
use system_tests::World;

use super::{Job, Judgement, Request, judge_end, judge_requests};

/// Nobody is called again sooner, whatever their clock is set to in between.
const BETWEEN_CALLS: SignedDuration = SignedDuration::from_hours(10);

/// Somebody who is to be called, as the world was told, and not as our tables have it.
#[derive(Debug)]
pub struct Customer {
    /// Our id for them.
    pub id: String,
    /// Their number, which another customer may have as well.
    pub phone: String,
    /// The clock that they live by.
    pub zone: TimeZone,
    /// Whether a first call is owed to them.
    pub is_new: bool,
    /// The moments at which daily calls are due.
    pub due: Vec<Timestamp>,
    /// From when on nobody may call them any more.
    pub over_at: Option<Timestamp>,
}

/// A job of the ledger, with what it is for.
struct CallJob {
    job: Job,
    is_welcome: bool,
    local_day: Option<Date>,
    caused_at: Timestamp,
    ended_at: Option<Timestamp>,
}

impl CallJob {
    /// Whether it answers for the daily call that is due then: it is for that day, or stood for the customer's only
    /// call at that moment.
    fn answers_for(&self, customer: &Customer, due: Timestamp) -> bool {
        let stood = self.caused_at <= due && self.ended_at.is_none_or(|ended| ended >= due);
        let is_of_day = self.local_day == Some(day_of(customer, due));
        self.job.recipient == customer.id && (is_of_day || self.is_welcome && stood)
    }
}

/// A call that Vapi placed, with the moment at which we asked for it.
struct Placed {
    call: Call,
    asked_at: Timestamp,
}

impl Placed {
    fn is_welcome(&self) -> bool {
        self.call.overrides["variableValues"]["call_type"] == "welcome"
    }
}

/// Judges a world whose every timer has run out. `explains` says of a job that did not end with a call that is known
/// to have been placed whether something in this world is the cause.
pub async fn judge(world: &World, customers: &[Customer], explains: impl Fn(&Job) -> bool) -> Judgement {
    let jobs = jobs_of(world).await;
    let placed = placed_by(world);
    let mut judgement = Judgement::default();
    let ledger = jobs.iter().map(|job| &job.job);
    judge_requests(requests_of(world).into_iter(), ledger, &mut judgement);
    for CallJob { job, .. } in &jobs {
        judgement.causes += 1;
        let is_of_job = |placed: &&Placed| {
            let attempt = placed.call.attempt();
            attempt.is_some_and(|attempt| job.attempts.iter().any(|ours| ours == attempt))
        };
        let calls: Vec<&str> = placed
            .iter()
            .filter(is_of_job)
            .map(|placed| placed.call.id.as_str())
            .collect();
        judge_end(job, &calls, &explains, &mut judgement);
    }
    for customer in customers {
        let theirs = |placed: &&Placed| placed.call.customer_id.as_deref() == Some(&customer.id);
        let calls: Vec<&Placed> = placed.iter().filter(theirs).collect();
        judge_customer(customer, &calls, &mut judgement);
        judge_what_is_due(customer, &calls, &jobs, &mut judgement);
        let on_their_phone = |placed: &&Placed| placed.call.recipient == customer.phone;
        let calls: Vec<&Placed> = placed.iter().filter(on_their_phone).collect();
        judge_days(&customer.phone, customer, &calls, &mut judgement);
    }
    judge_what_is_left(world, &mut judgement).await;
    judgement
}

/// On the telephone that is theirs, in lawful hours, welcomed once, and never after they are not to be called.
fn judge_customer(customer: &Customer, calls: &[&Placed], judgement: &mut Judgement) {
    judge_days(&customer.id, customer, calls, judgement);
    let welcomes = calls.iter().filter(|call| call.is_welcome()).count();
    if welcomes > usize::from(customer.is_new) {
        judgement.object(format!("{} was welcomed {welcomes} times", customer.id));
    }
    for Placed { call, asked_at } in calls {
        let about = format!("the call {} to {}", call.id, customer.id);
        if call.recipient != customer.phone {
            judgement.object(format!("{about} went to {}", call.recipient));
        }
        let clock = |at: &Timestamp| at.to_zoned(customer.zone.clone()).time();
        let (asked, placed) = (clock(asked_at), clock(&call.created_at));
        let hour = |hour, minute| Time::constant(hour, minute, 0, 0);
        if asked < hour(8, 0) || asked >= hour(20, 45) || placed >= hour(21, 0) {
            judgement.object(format!("{about} was asked for at {asked} and placed at {placed}"));
        }
        if customer.over_at.is_some_and(|over| *asked_at > over) {
            judgement.object(format!("{about}, who was not to be called any more"));
        }
    }
}

/// One a day, and ten hours apart.
fn judge_days(whom: &str, customer: &Customer, calls: &[&Placed], judgement: &mut Judgement) {
    let mut days = BTreeSet::new();
    for call in calls {
        let day = day_of(customer, call.asked_at);
        if !days.insert(day) {
            judgement.object(format!("{whom} was called twice on {day}"));
        }
    }
    for pair in calls.windows(2) {
        let apart = pair[1].asked_at.duration_since(pair[0].asked_at);
        if apart < BETWEEN_CALLS {
            judgement.object(format!("{whom} was called again after {apart:#}"));
        }
    }
}

/// Everything that is due is a call, or a job that ended; whether as it should is judged with the jobs.
fn judge_what_is_due(customer: &Customer, calls: &[&Placed], jobs: &[CallJob], judgement: &mut Judgement) {
    let mut forgets = |what: String| {
        judgement.causes += 1;
        judgement.losses += 1;
        judgement.object(format!("{} was owed {what}, and nobody knows of it", customer.id));
    };
    let is_theirs = |job: &&CallJob| job.is_welcome && job.job.recipient == customer.id;
    if customer.is_new && !jobs.iter().any(|job| is_theirs(&job)) {
        forgets("a first call".to_owned());
    }
    for due in &customer.due {
        let day = day_of(customer, *due);
        let is_called = calls.iter().any(|call| day_of(customer, call.asked_at) == day);
        if !is_called && !jobs.iter().any(|job| job.answers_for(customer, *due)) {
            forgets(format!("a call on {day}"));
        }
    }
}

/// Nothing goes on, nobody waits for anything.
async fn judge_what_is_left(world: &World, judgement: &mut Judgement) {
    for note in world.evidence().await {
        judgement.object(format!("evidence that somebody was reached twice: {note}"));
    }
    for bell in world.sqs.messages("calls.fifo") {
        judgement.object(format!("a doorbell that nobody answered: {bell:?}"));
    }
    for reason in world.quarantined().await {
        if reason != "job_runner: not a doorbell" {
            judgement.object(format!("quarantined: {reason}"));
        }
    }
    for (what, rows) in [
        (
            "calls whose results nobody knows",
            "attempts WHERE channel = 'call' AND state = 'accepted'
             AND NOT EXISTS (SELECT FROM call_results WHERE call_results.provider_id = attempts.provider_id)",
        ),
        (
            "calls that do not stand in their customers' rows",
            "jobs WHERE customer_id IS NOT NULL AND state = 'accepted' AND NOT projected",
        ),
    ] {
        let count = world.count(rows).await;
        if count > 0 {
            judgement.object(format!("{what}: {count}"));
        }
    }
    let parked = world.parked().len();
    if parked > 0 {
        judgement.object(format!("{parked} events are left parked"));
    }
}

fn day_of(customer: &Customer, at: Timestamp) -> Date {
    at.to_zoned(customer.zone.clone()).date()
}

fn requests_of(world: &World) -> Vec<Request> {
    let requests = world.vapi.requests().into_iter();
    let sends = requests.filter(ReceivedRequest::is_send);
    let text = |request: &ReceivedRequest, pointer| {
        let text = request.body.pointer(pointer)?.as_str()?;
        Some(text.to_owned())
    };
    sends
        .map(|request| Request {
            number: request.number,
            attempt: text(&request, "/assistantOverrides/metadata/attempt_id"),
            to: text(&request, "/customer/externalId"),
        })
        .collect()
}

/// In the order in which they were asked for.
fn placed_by(world: &World) -> Vec<Placed> {
    let requests = world.vapi.requests();
    let asked_at = |call: &Call| {
        let request = requests.iter().find(|request| request.number == call.request);
        request.expect("the request that it came from").at
    };
    let mut placed: Vec<Placed> = world
        .vapi
        .calls()
        .into_iter()
        .map(|call| Placed {
            asked_at: asked_at(&call),
            call,
        })
        .collect();
    placed.sort_by_key(|placed| placed.asked_at);
    placed
}

async fn jobs_of(world: &World) -> Vec<CallJob> {
    let query = "SELECT job.cause, job.customer_id AS recipient, job.state, job.state_reason, job.kind = 'welcome_call' AS is_welcome,
                        job.local_day, job.caused_at, job.ended_at,
                        array_remove(array_agg(attempt.id::text), NULL) AS attempts,
                        max(attempt.provider_id) AS provider_id
                 FROM jobs AS job LEFT JOIN attempts AS attempt ON attempt.job_id = job.id
                 WHERE job.customer_id IS NOT NULL
                 GROUP BY job.id";
    let rows = world
        .database
        .owner()
        .query(query, &[])
        .await
        .expect("the ledger");
    rows.iter()
        .map(|row| CallJob {
            job: Job::from_row(row),
            is_welcome: row.get("is_welcome"),
            local_day: row.get("local_day"),
            caused_at: row.get("caused_at"),
            ended_at: row.get("ended_at"),
        })
        .collect()
}
