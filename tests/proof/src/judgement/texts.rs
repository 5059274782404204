//! Whether everybody who is owed a text has exactly one, by Twilio's own record.

use std::collections::{BTreeMap, BTreeSet};

use local::sandbox::{Call, CallStatus, ReceivedRequest, SentMessage};
use system_tests::World;

use super::{Job, Judgement, Request, judge_end, judge_requests};

/// What a line of a world has its callers told. Nobody rings twice, so that each text is a first one.
const WORDS: &str = "Hi, this is Acme. Sorry we missed your call! Reply here and we will get right back to you. \
                     Reply STOP to opt out.";

/// Judges a world whose every timer has run out. `explains` says of a job that did not end with a text that is
/// known to have arrived whether something in this world is the cause.
pub async fn judge(world: &World, explains: impl Fn(&Job) -> bool) -> Judgement {
    let jobs = jobs_of(world).await;
    let mut judgement = Judgement::default();
    judge_requests(requests_of(world).into_iter(), jobs.iter(), &mut judgement);
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

fn requests_of(world: &World) -> Vec<Request> {
    let requests = world.twilio.requests().into_iter();
    let sends = requests.filter(ReceivedRequest::is_send);
    sends
        .map(|request| Request {
            number: request.number,
            to: request.field("To").map(str::to_owned),
            attempt: request.attempt,
        })
        .collect()
}

/// A job for every missed call and for no other, an end for every job, and the texts that its end says.
fn judge_calls(world: &World, jobs: &[Job], explains: impl Fn(&Job) -> bool, judgement: &mut Judgement) {
    let calls = world.twilio.calls();
    let messages = world.twilio.messages();
    let mut jobs: BTreeMap<&str, &Job> = jobs.iter().map(|job| (job.cause.as_str(), job)).collect();
    for call in calls.iter().filter(|call| call.parent_sid.is_none()) {
        let job = jobs.remove(call.sid.as_str());
        if !is_missed(call, &calls) {
            if let Some(job) = job {
                judgement.object(format!("a job for the answered call {}", job.cause));
            }
            continue;
        }
        judgement.causes += 1;
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
        let sids: Vec<&str> = texts.iter().map(|text| text.sid.as_str()).collect();
        judge_end(job, &sids, &explains, judgement);
    }
    for call in jobs.into_keys() {
        judgement.object(format!("a job for {call}, of which Twilio knows nothing"));
    }
}

/// To the caller, from the line, in its words.
fn judge_texts(call: &Call, texts: &[&SentMessage], judgement: &mut Judgement) {
    for text in texts {
        let says = (text.to.as_str(), text.from.as_str(), text.body.as_str());
        if says != (&call.from, &call.to, WORDS) {
            judgement.object(format!("for call {} there is {text:?}", call.sid));
        }
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
    rows.iter().map(Job::from_row).collect()
}
