//! Whether everybody who is owed a text has exactly one, by Twilio's own record.

use std::collections::{BTreeMap, BTreeSet};

use local::sandbox::{Call, CallStatus, ReceivedRequest, SentMessage};
use system_tests::World;

/// What a line of a world has its callers told. Nobody rings twice, so that each text is a first one.
const WORDS: &str = "Hi, this is Acme. Sorry we missed your call! Reply here and we will get right back to you. \
                     Reply STOP to opt out.";

/// What became of the people who rang, once nothing can be left to do.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// Calls that nobody answered.
    pub missed: usize,
    /// Of their callers, those who did not hear the owner's telephone ring either.
    pub unconnected: usize,
    /// Texts that Twilio took.
    pub texts: usize,
    /// Of them, those for a call that had one already.
    pub duplicates: usize,
    /// Missed calls without a text, for a reason that was kept and that something in the world explains.
    pub excused: usize,
    /// Missed calls without a text, and without such a reason.
    pub losses: usize,
    /// Attempts that were allowed.
    pub attempts: usize,
    /// Requests for a text that Twilio got.
    pub requests: usize,
    /// How many jobs ended how. One that is left pending has not ended.
    pub ends: BTreeMap<String, usize>,
    /// What should not have happened, in words.
    pub violations: Vec<String>,
}

impl Judgement {
    /// Adds another world's.
    pub fn add(&mut self, other: Self) {
        self.missed += other.missed;
        self.unconnected += other.unconnected;
        self.texts += other.texts;
        self.duplicates += other.duplicates;
        self.excused += other.excused;
        self.losses += other.losses;
        self.attempts += other.attempts;
        self.requests += other.requests;
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        self.violations.extend(other.violations);
    }

    /// Whether every missed call has one text or an excuse, and nothing else is wrong.
    pub fn holds(&self) -> bool {
        self.texts == self.owed()
            && self.duplicates == 0
            && self.losses == 0
            && self.ended() == self.missed
            && self.violations.is_empty()
    }

    /// The texts that there have to be.
    pub fn owed(&self) -> usize {
        self.missed - self.excused
    }

    /// The jobs that came to an end.
    pub fn ended(&self) -> usize {
        self.ends.values().sum()
    }

    /// Something is wrong that the judge does not look at.
    pub fn object(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }
}

/// A job as the ledger has it. The ledger is believed in nothing but which call an attempt was for.
pub struct Job {
    call: String,
    /// Whom it would reach.
    pub recipient: String,
    /// How it stands.
    pub state: String,
    reason: Option<String>,
    /// The attempts that were allowed for it.
    pub attempts: Vec<String>,
    provider_id: Option<String>,
}

impl Job {
    /// Its state, with the reason where there is one.
    pub fn end(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{}: {reason}", self.state),
            None => self.state.clone(),
        }
    }

    fn has_a_reason(&self) -> bool {
        self.reason.as_ref().is_some_and(|reason| !reason.is_empty())
    }
}

/// Judges a world whose every timer has run out. `explains` says of a job that did not end with a text that is
/// known to have arrived whether something in this world is the cause.
pub async fn judge(world: &World, explains: impl Fn(&Job) -> bool) -> Judgement {
    let jobs = jobs_of(world).await;
    let mut judgement = Judgement::default();
    judge_requests(world, &jobs, &mut judgement);
    judge_calls(world, &jobs, explains, &mut judgement);
    judge_people(world, &mut judgement);
    for note in world.evidence().await {
        judgement.object(format!("evidence that somebody was reached twice: {note}"));
    }
    for bell in world.sqs.messages("messages.fifo") {
        judgement.object(format!("a doorbell that nobody answered: {bell:?}"));
    }
    judgement
}

/// One request for each permit, to whom it was for, and none without.
fn judge_requests(world: &World, jobs: &[Job], judgement: &mut Judgement) {
    let recipients: BTreeMap<&String, &String> = jobs
        .iter()
        .flat_map(|job| job.attempts.iter().map(|attempt| (attempt, &job.recipient)))
        .collect();
    judgement.attempts = recipients.len();
    let mut used = BTreeSet::new();
    for request in world.twilio.requests().iter().filter(|request| request.is_send()) {
        judgement.requests += 1;
        let ReceivedRequest { number, attempt, .. } = request;
        let Some(attempt) = attempt else {
            judgement.object(format!("request {number} names no permit"));
            continue;
        };
        if !used.insert(attempt) {
            judgement.object(format!("request {number} uses permit {attempt} again"));
        }
        match recipients.get(attempt) {
            None => judgement.object(format!(
                "request {number} is of a permit that was never committed"
            )),
            Some(recipient) if request.field("To") != Some(recipient) => {
                judgement.object(format!("request {number} is to somebody else"));
            }
            Some(_) => {}
        }
    }
}

/// A job for every missed call and for no other, an end for every job, and the texts that its end says.
fn judge_calls(world: &World, jobs: &[Job], explains: impl Fn(&Job) -> bool, judgement: &mut Judgement) {
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
        judgement.unconnected += usize::from(legs(call, &calls).next().is_none());
        let Some(job) = job else {
            judgement.losses += 1;
            judgement.object(format!("the missed call {} has no job", call.sid));
            continue;
        };
        let is_of_job = |message: &&SentMessage| {
            let attempt = message.attempt.as_ref();
            attempt.is_some_and(|attempt| job.attempts.contains(attempt))
        };
        let texts: Vec<&SentMessage> = messages.iter().filter(is_of_job).collect();
        judge_texts(call, &texts, judgement);
        judge_end(job, &texts, &explains, judgement);
    }
    for call in jobs.into_keys() {
        judgement.object(format!("a job for {call}, of which Twilio knows nothing"));
    }
}

/// At most one, to the caller, from the line, in its words.
fn judge_texts(call: &Call, texts: &[&SentMessage], judgement: &mut Judgement) {
    judgement.texts += texts.len();
    judgement.duplicates += texts.len().saturating_sub(1);
    for text in texts {
        let says = (text.to.as_str(), text.from.as_str(), text.body.as_str());
        if says != (&call.from, &call.to, WORDS) {
            judgement.object(format!("for call {} there is {text:?}", call.sid));
        }
    }
}

/// As many texts as the job's end says; none only for a reason that is kept and explained.
fn judge_end(job: &Job, texts: &[&SentMessage], explains: impl Fn(&Job) -> bool, judgement: &mut Judgement) {
    let about = format!(
        "call {} ended as {:?} with {} texts",
        job.call,
        job.end(),
        texts.len()
    );
    let (has_ended, is_true) = match job.state.as_str() {
        "accepted" => (
            true,
            texts.len() == 1 && job.provider_id.as_ref() == texts.first().map(|text| &text.sid),
        ),
        "refused" | "dead" | "suppressed" => (true, texts.is_empty()),
        "needs_human" => (true, texts.len() <= 1),
        _ => (false, false),
    };
    if has_ended {
        *judgement.ends.entry(job.end()).or_default() += 1;
    }
    if !is_true {
        judgement.object(about.clone());
    }
    let is_excused = has_ended && job.state != "accepted" && job.has_a_reason() && explains(job);
    if job.state != "accepted" && !is_excused {
        judgement.object(format!("{about}, which nothing explains"));
    }
    if texts.is_empty() {
        judgement.excused += usize::from(is_excused);
        judgement.losses += usize::from(!is_excused);
    }
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
    !legs(call, calls).any(|leg| leg.status == CallStatus::Completed)
}

/// The telephones that were rung for a call.
fn legs<'a>(call: &'a Call, calls: &'a [Call]) -> impl Iterator<Item = &'a Call> {
    calls
        .iter()
        .filter(|leg| leg.parent_sid.as_ref() == Some(&call.sid))
}

async fn jobs_of(world: &World) -> Vec<Job> {
    let query = "SELECT job.cause, job.recipient::text, job.state, job.state_reason,
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
            recipient: row.get("recipient"),
            state: row.get("state"),
            reason: row.get("state_reason"),
            attempts: row.get("attempts"),
            provider_id: row.get("provider_id"),
        })
        .collect()
}
