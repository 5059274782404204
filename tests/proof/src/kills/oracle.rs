//! Whether nobody was texted twice and nobody was forgotten, by Twilio's own record.

use std::collections::{BTreeMap, BTreeSet};

use local::sandbox::{Call, CallStatus, ReceivedRequest, SentMessage};
use system_tests::World;

/// What a world ended as.
#[derive(Debug, Default)]
pub struct Judgement {
    /// What should not have happened; empty if all is well.
    pub violations: Vec<String>,
    /// The calls that nobody answered.
    pub missed: u64,
    /// The texts that Twilio took.
    pub texts: u64,
    /// The texts that Twilio took for a call that had one already.
    pub duplicates: u64,
    /// The missed calls that came to no end that says why.
    pub silent_losses: u64,
    /// The attempts that were allowed.
    pub attempts: u64,
    /// The requests for a text that Twilio got.
    pub requests: u64,
    /// How jobs ended.
    pub ends: BTreeMap<String, u64>,
}

impl Judgement {
    /// Adds another world's.
    pub(super) fn add(&mut self, other: Self) {
        self.violations.extend(other.violations);
        self.missed += other.missed;
        self.texts += other.texts;
        self.duplicates += other.duplicates;
        self.silent_losses += other.silent_losses;
        self.attempts += other.attempts;
        self.requests += other.requests;
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
    }

    pub(super) fn object(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }
}

/// A job as the ledger has it. The ledger is believed in nothing but which call an attempt was for.
struct Job {
    call: String,
    state: String,
    reason: Option<String>,
    attempts: Vec<String>,
    provider_id: Option<String>,
}

/// Judges a world whose every timer has run out.
pub(super) async fn judge(world: &World) -> Judgement {
    let jobs = jobs_of(world).await;
    let mut judgement = Judgement::default();
    judge_requests(world, &jobs, &mut judgement);
    judge_calls(world, &jobs, &mut judgement);
    judge_people(world, &mut judgement);
    for note in world.evidence().await {
        judgement.object(format!("evidence that somebody was reached twice: {note}"));
    }
    for bell in world.sqs.messages("messages.fifo") {
        judgement.object(format!("a doorbell that nobody answered: {bell:?}"));
    }
    judgement
}

/// One request for each permit, and none without.
fn judge_requests(world: &World, jobs: &[Job], judgement: &mut Judgement) {
    let committed: BTreeSet<&String> = jobs.iter().flat_map(|job| &job.attempts).collect();
    judgement.attempts = committed.len() as u64;
    let mut used = BTreeSet::new();
    for request in world
        .twilio
        .requests()
        .into_iter()
        .filter(ReceivedRequest::is_send)
    {
        judgement.requests += 1;
        match request.attempt {
            None => judgement.object("a request without a permit"),
            Some(attempt) if !committed.contains(&attempt) => {
                judgement.object(format!("a request whose permit {attempt} was never committed"));
            }
            Some(attempt) if !used.insert(attempt.clone()) => {
                judgement.object(format!("permit {attempt} was used twice"));
            }
            Some(_) => {}
        }
    }
}

/// A job for every missed call and for no other, an end for every job, and the texts that its end says.
fn judge_calls(world: &World, jobs: &[Job], judgement: &mut Judgement) {
    let calls = world.twilio.calls();
    let messages = world.twilio.messages();
    let mut jobs: BTreeMap<&str, &Job> = jobs.iter().map(|job| (job.call.as_str(), job)).collect();
    for call in calls.iter().filter(|call| call.parent_sid.is_none()) {
        let job = jobs.remove(call.sid.as_str());
        if !is_missed(call, &calls) {
            if let Some(job) = job {
                judgement.object(format!("a job for the answered call {}", job.call));
            }
            continue;
        }
        judgement.missed += 1;
        let Some(job) = job else {
            judgement.silent_losses += 1;
            judgement.object(format!("the missed call {} has no job", call.sid));
            continue;
        };
        judge_job(job, &messages, judgement);
    }
    for call in jobs.into_keys() {
        judgement.object(format!("a job for {call}, of which Twilio knows nothing"));
    }
}

fn judge_job(job: &Job, messages: &[SentMessage], judgement: &mut Judgement) {
    let texts: Vec<&SentMessage> = messages
        .iter()
        .filter(|message| {
            message
                .attempt
                .as_ref()
                .is_some_and(|attempt| job.attempts.contains(attempt))
        })
        .collect();
    let taken = texts.len() as u64;
    judgement.texts += taken;
    judgement.duplicates += taken.saturating_sub(1);
    let end = match &job.reason {
        Some(reason) => format!("{}: {reason}", job.state),
        None => job.state.clone(),
    };
    let about = format!("call {} ended as {end:?} with {taken} texts", job.call);
    let holds = match job.state.as_str() {
        "accepted" => taken == 1 && job.provider_id.as_deref() == texts.first().map(|text| text.sid.as_str()),
        "refused" | "dead" | "suppressed" => taken == 0,
        "needs_human" => taken <= 1,
        _ => {
            judgement.silent_losses += 1;
            judgement.object(format!("{about}: no end"));
            taken <= 1
        }
    };
    if !holds {
        judgement.object(about.clone());
    }
    if job.state != "accepted" && job.reason.as_ref().is_none_or(String::is_empty) {
        judgement.silent_losses += 1;
        judgement.object(format!("{about}: no reason"));
    }
    *judgement.ends.entry(end).or_default() += 1;
}

/// Nobody got more texts than they have calls that were missed, whatever our tables say whom they were for.
fn judge_people(world: &World, judgement: &mut Judgement) {
    let calls = world.twilio.calls();
    let missed = |person: &str| {
        let of = |call: &&Call| call.parent_sid.is_none() && call.from == person && is_missed(call, &calls);
        calls.iter().filter(of).count()
    };
    let messages = world.twilio.messages();
    let people: BTreeSet<&str> = messages.iter().map(|message| message.to.as_str()).collect();
    for person in people {
        let texts = world.texts_to(person).len();
        if texts > missed(person) {
            judgement.object(format!(
                "{texts} texts to {person}, who has {} missed calls",
                missed(person)
            ));
        }
    }
}

/// By Twilio's list: nobody was connected.
fn is_missed(call: &Call, calls: &[Call]) -> bool {
    let is_leg = |leg: &&Call| leg.parent_sid.as_ref() == Some(&call.sid);
    !calls
        .iter()
        .filter(is_leg)
        .any(|leg| leg.status == CallStatus::Completed)
}

async fn jobs_of(world: &World) -> Vec<Job> {
    let query = "SELECT job.cause, job.state, job.state_reason,
                        array_remove(array_agg(attempt.id::text), NULL) AS attempts,
                        max(attempt.provider_id) AS provider_id
                 FROM jobs AS job LEFT JOIN attempts AS attempt ON attempt.job_id = job.id
                 GROUP BY job.id";
    let rows = world
        .database
        .owner()
        .query(query, &[])
        .await
        .expect("the ledger");
    rows.iter()
        .map(|row| Job {
            call: row.get("cause"),
            state: row.get("state"),
            reason: row.get("state_reason"),
            attempts: row.get("attempts"),
            provider_id: row.get("provider_id"),
        })
        .collect()
}
