//! What must hold at the end of every run, by Twilio's own record of who was texted.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use local::sandbox::SentMessage;

use super::run::{Facts, Outcome};
use super::script::{Scene, Script};
use super::stage::Stage;

/// A line's own, unless its owner changes it.
const COOL_DOWN: SignedDuration = SignedDuration::from_mins(10);

struct Job {
    id: String,
    recipient: Option<String>,
    origin: String,
    state: String,
    reason: Option<String>,
    attempts: i64,
    was_absent: bool,
    was_unknown: bool,
    is_dated: bool,
}

struct Attempt {
    job: String,
    after_stop: bool,
}

/// What the product believes, to be held against what Twilio knows.
struct Ledger {
    /// By the call that caused them.
    jobs: BTreeMap<String, Job>,
    attempts: BTreeMap<String, Attempt>,
    has_two_jobs_for_one_call: bool,
    contradictions: i64,
}

impl Ledger {
    async fn read(stage: &Stage) -> anyhow::Result<Self> {
        let owner = stage.database.owner();
        let jobs = owner.query(include_str!("sql/jobs.sql"), &[]).await?;
        let attempts = owner.query(include_str!("sql/attempts.sql"), &[]).await?;
        let contradictions = owner
            .query_one("SELECT count(*) FROM duplicate_evidence", &[])
            .await?;
        let rows = jobs.len();
        let jobs: BTreeMap<String, Job> = jobs
            .iter()
            .map(|row| {
                let job = Job {
                    id: row.get("id"),
                    recipient: row.get("recipient"),
                    origin: row.get("origin"),
                    state: row.get("state"),
                    reason: row.get("state_reason"),
                    attempts: row.get("attempts"),
                    was_absent: row.get("was_absent"),
                    was_unknown: row.get("was_unknown"),
                    is_dated: row.get("is_dated"),
                };
                (row.get("cause"), job)
            })
            .collect();
        let attempts = attempts.iter().map(|row| {
            let attempt = Attempt {
                job: row.get("job"),
                after_stop: row.get("after_stop"),
            };
            (row.get("id"), attempt)
        });
        Ok(Self {
            has_two_jobs_for_one_call: jobs.len() < rows,
            jobs,
            attempts: attempts.collect(),
            contradictions: contradictions.get(0),
        })
    }

    /// The job that a text was for. A variant without attempts names the job itself.
    fn job_of(&self, text: &SentMessage) -> Option<&str> {
        let named = text.attempt.as_ref()?;
        let by_attempt = self.attempts.get(named).map(|attempt| attempt.job.as_str());
        by_attempt.or_else(|| {
            let job = self.jobs.values().find(|job| job.id == *named)?;
            Some(&job.id)
        })
    }
}

/// Judges a run that is over.
pub(super) async fn judge(
    stage: &Stage,
    script: &Script,
    facts: &Facts,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let ledger = Ledger::read(stage).await?;
    let mut wrong = wrong_requests(stage, &ledger);
    if ledger.has_two_jobs_for_one_call {
        wrong.push("two jobs for one call".to_owned());
    }
    if ledger.contradictions > 0 {
        wrong.push("Twilio contradicts the ledger".to_owned());
    }
    if !facts.line_changed && has_texts_too_close(stage) {
        wrong.push("two texts to one person within the cool-down".to_owned());
    }
    let mut texts: BTreeMap<&str, usize> = BTreeMap::new();
    let sent = stage.twilio.messages();
    for job in sent.iter().filter_map(|text| ledger.job_of(text)) {
        *texts.entry(job).or_default() += 1;
    }
    for (number, scene) in script.scenes.iter().enumerate() {
        let Some(job) = ledger.jobs.get(&scene.call.sid) else {
            if !scene.is_answered {
                wrong.push(format!("call {number} was missed, and nobody ever noticed"));
            }
            continue;
        };
        let count = texts.get(job.id.as_str()).copied().unwrap_or_default();
        let has_been_texted = sent.iter().any(|text| text.to == scene.call.from);
        let complaints = complaints(job, scene, count, facts, has_been_texted);
        wrong.extend(
            complaints
                .into_iter()
                .map(|complaint| format!("call {number}: {complaint}")),
        );
        remember(job, outcome);
    }
    outcome.jobs = ledger.jobs.len();
    outcome.violations.extend(wrong);
    Ok(())
}

/// One request per permit, none without, and none that was permitted after a stop.
fn wrong_requests(stage: &Stage, ledger: &Ledger) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut per_attempt: BTreeMap<String, usize> = BTreeMap::new();
    for request in stage.twilio.requests().iter().filter(|request| request.is_send()) {
        let attempt = request
            .attempt
            .as_ref()
            .filter(|attempt| ledger.attempts.contains_key(*attempt));
        match attempt {
            Some(attempt) => *per_attempt.entry(attempt.clone()).or_default() += 1,
            None => wrong.push("a request left without a committed attempt".to_owned()),
        }
    }
    wrong.dedup();
    if per_attempt.values().any(|count| *count > 1) {
        wrong.push("two requests for one permit".to_owned());
    }
    if per_attempt
        .keys()
        .any(|attempt| ledger.attempts[attempt].after_stop)
    {
        wrong.push("a request after a stop was committed".to_owned());
    }
    wrong
}

/// Whether two requests to one person that became texts left within the line's cool-down.
fn has_texts_too_close(stage: &Stage) -> bool {
    let requests = stage.twilio.requests();
    let mut left: Vec<_> = stage
        .twilio
        .messages()
        .iter()
        .filter_map(|text| {
            let request = requests.iter().find(|request| request.number == text.request)?;
            Some((text.to.clone(), request.at))
        })
        .collect();
    left.sort();
    left.windows(2)
        .any(|pair| pair[0].0 == pair[1].0 && pair[1].1.duration_since(pair[0].1) < COOL_DOWN)
}

/// What is wrong with how a call's job ended, given how many texts Twilio has for it.
fn complaints(
    job: &Job,
    scene: &Scene,
    texts: usize,
    facts: &Facts,
    has_been_texted: bool,
) -> Vec<&'static str> {
    let state = job.state.as_str();
    let refutations = [
        (scene.is_answered, "it was answered, and a text is owed for it"),
        (texts > 1, "more than one text"),
        (
            ["pending", "in_flight", "unknown"].contains(&state),
            "the job never ended",
        ),
        (
            state == "accepted" && texts == 0,
            "the ledger says sent, and Twilio has nothing",
        ),
        (
            ["refused", "dead", "suppressed"].contains(&state) && texts > 0,
            "the ledger says not sent, and Twilio has a text",
        ),
        (
            state != "accepted" && job.reason.is_none(),
            "an end without a reason",
        ),
        (!job.is_dated, "an end without a date"),
        (
            !is_excused(job, scene, facts, has_been_texted),
            "not texted, for a reason that nothing explains",
        ),
    ];
    let applies = refutations.into_iter().filter(|(applies, _)| *applies);
    applies.map(|(_, complaint)| complaint).collect()
}

/// Whether something in the run explains that a missed call was not answered by a text.
fn is_excused(job: &Job, scene: &Scene, facts: &Facts, has_been_texted: bool) -> bool {
    match (job.state.as_str(), job.reason.as_deref().unwrap_or_default()) {
        ("suppressed", "no_caller_id") => !scene.has_number(),
        ("suppressed", "opted_out") => {
            let stopped = job
                .recipient
                .as_ref()
                .is_some_and(|person| facts.stopped.contains(person));
            stopped || facts.refused
        }
        ("suppressed", "already_texted") => has_been_texted,
        ("suppressed", "switched_off") => facts.line_changed,
        ("suppressed", "expired") => facts.delayed,
        ("suppressed", _) => false,
        ("refused", _) => facts.refused,
        ("dead", _) => job.attempts >= 3 || facts.delayed,
        ("needs_human", reason) => reason.starts_with("no evidence"),
        _ => true,
    }
}

fn remember(job: &Job, outcome: &mut Outcome) {
    let is = |state: &str| job.state == state;
    let sights = [
        ("text sent", is("accepted")),
        ("unknown, then accepted", job.was_unknown),
        (
            "sent again after proven absence",
            job.was_absent && job.attempts > 1,
        ),
        ("left to a person", is("needs_human")),
        ("dead", is("dead")),
        ("refused for good", is("refused")),
        ("expired", job.reason.as_deref() == Some("expired")),
        ("suppressed by a rule", is("suppressed")),
        ("found by the poller", job.origin == "poller"),
    ];
    let seen = sights.into_iter().filter(|(_, is_so)| *is_so);
    outcome.seen.extend(seen.map(|(name, _)| name));
}
