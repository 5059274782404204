//! What must hold at the end of every run, by Twilio's own record of who was texted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use local::sandbox::SentMessage;

use super::Texts;
use super::script::{MUCH_LATER, NAMES, NO_TEXTS, OTHER_NAME, SHORT_COOL_DOWN, Scene};
use crate::explorer::fate::Fate;
use crate::explorer::play::Workflow;
use crate::explorer::run::{Facts, Ground, Outcome, Second, Span};
use crate::explorer::stage::{LINE, Stage};

/// A line's own, unless its owner changes it.
const COOL_DOWN: SignedDuration = SignedDuration::from_mins(10);
/// What the owner changes it to.
const CHANGED_COOL_DOWN: SignedDuration = SignedDuration::from_mins(1);
/// After this a text is of no use any more.
const EXPIRES: Second = 2 * 3600;
/// When nothing stands in the way, a text has left by then, whatever was lost before.
const IS_SENT_WITHIN: Second = 25 * 60;
/// A request is on its way for no longer.
const REQUEST: Second = 60;
/// Then a person has what no evidence has settled.
const IS_HANDED_OVER_WITHIN: Second = 75 * 60;

struct Job {
    id: String,
    recipient: Option<String>,
    origin: String,
    state: String,
    reason: Option<String>,
    /// When it ended.
    ended: Option<Second>,
    attempts: i64,
    last_granted: Option<Second>,
    was_absent: bool,
    was_unknown: bool,
}

struct Attempt {
    job: String,
    state: String,
    provider_id: Option<String>,
    after_stop: bool,
    /// For how long it was unclear whether it had arrived, if it was.
    unclear: Option<Span>,
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
    async fn read(stage: &Stage, begin: Timestamp) -> anyhow::Result<Self> {
        let owner = stage.database.owner();
        let jobs = owner.query(include_str!("sql/jobs.sql"), &[]).await?;
        let attempts = owner.query(include_str!("sql/attempts.sql"), &[]).await?;
        let contradictions = owner
            .query_one("SELECT count(*) FROM duplicate_evidence", &[])
            .await?;
        let rows = jobs.len();
        let second = |at: Option<Timestamp>| at.map(|at| at.duration_since(begin).as_secs());
        let jobs: BTreeMap<String, Job> = jobs
            .iter()
            .map(|row| {
                let job = Job {
                    id: row.get("id"),
                    recipient: row.get("recipient"),
                    origin: row.get("origin"),
                    state: row.get("state"),
                    reason: row.get("state_reason"),
                    ended: second(row.get("ended_at")),
                    attempts: row.get("attempts"),
                    last_granted: second(row.get("last_granted_at")),
                    was_absent: row.get("was_absent"),
                    was_unknown: row.get("was_unknown"),
                };
                (row.get("cause"), job)
            })
            .collect();
        let attempts = attempts.iter().map(|row| {
            let granted = second(row.get("granted_at")).unwrap_or_default();
            let settled = second(row.get("settled_at")).unwrap_or(granted + IS_HANDED_OVER_WITHIN);
            let attempt = Attempt {
                job: row.get("job"),
                state: row.get("state"),
                provider_id: row.get("provider_id"),
                after_stop: row.get::<_, bool>("after_stop") || row.get("after_refusal"),
                unclear: row.get::<_, bool>("was_unknown").then_some((granted, settled)),
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

    fn attempts_of(&self, job: &Job) -> impl Iterator<Item = &String> {
        let attempts = self.attempts.iter();
        attempts
            .filter(|(_, attempt)| attempt.job == job.id)
            .map(|(id, _)| id)
    }

    /// When it was unclear if a text had reached this person. Until it is clear there is no other.
    fn unclear(&self, person: Option<&String>) -> Vec<Span> {
        let jobs: Vec<&str> = self
            .jobs
            .values()
            .filter(|job| job.recipient.as_ref() == person)
            .map(|job| job.id.as_str())
            .collect();
        self.attempts
            .values()
            .filter(|attempt| jobs.contains(&attempt.job.as_str()))
            .filter_map(|attempt| attempt.unclear)
            .collect()
    }

    /// Whether job and attempts tell the same story, and name the texts that Twilio has.
    fn disagreement(&self, job: &Job, texts: &[&Sent]) -> Option<&'static str> {
        let attempts = self.attempts.values().filter(|attempt| attempt.job == job.id);
        let mut accepted = Vec::new();
        for attempt in attempts {
            match attempt.state.as_str() {
                "sending" | "unknown" => return Some("an attempt never ended"),
                "accepted" => accepted.extend(&attempt.provider_id),
                _ => {}
            }
        }
        if accepted.len() != usize::from(job.state == "accepted") {
            return Some("job and attempts tell different stories");
        }
        let is_known = |sid: &&String| texts.iter().any(|text| text.message.sid == **sid);
        (!accepted.iter().all(is_known)).then_some("it was another text that was accepted")
    }
}

/// Judges a run that is over.
pub(super) async fn judge(texts: &Texts, ground: &mut Ground<'_>) -> anyhow::Result<()> {
    let (stage, script, facts) = (&*ground.stage, &texts.script, &ground.facts);
    let ledger = Ledger::read(stage, ground.begin).await?;
    let mut wrong = wrong_requests(stage, &ledger);
    if ledger.has_two_jobs_for_one_call {
        wrong.push("two jobs for one call".to_owned());
    }
    if ledger.contradictions > 0 {
        wrong.push("Twilio contradicts the ledger".to_owned());
    }
    let is_door_shut: bool = stage
        .database
        .owner()
        .query_one("SELECT bool_or(breaker_open) FROM channels", &[])
        .await?
        .get(0);
    let sent = sent(stage, ground.begin);
    if has_texts_too_close(&sent, texts) {
        wrong.push("two texts to one person within the cool-down".to_owned());
    }
    wrong.extend(wrong_words(&sent, texts));
    // An accepted text proves our credentials, however it became known.
    let was_proven = |refused| sent.iter().any(|text| text.message.request > refused);
    if is_door_shut && facts.last_unauthorized.is_some_and(was_proven) {
        wrong.push("closed for credentials that have been accepted since".to_owned());
    }
    let mut by_job: BTreeMap<&str, Vec<&Sent>> = BTreeMap::new();
    for text in &sent {
        if let Some(job) = ledger.job_of(&text.message) {
            by_job.entry(job).or_default().push(text);
        }
    }
    for (number, scene) in script.scenes.iter().enumerate() {
        let Some(job) = ledger.jobs.get(&scene.call.sid) else {
            if !scene.is_answered {
                wrong.push(format!("call {number} was missed, and nobody ever noticed"));
            }
            continue;
        };
        let sent_for_it = by_job.get(job.id.as_str()).map_or(&[][..], Vec::as_slice);
        let mut complaints = complaints(job, scene, sent_for_it);
        complaints.extend(ledger.disagreement(job, sent_for_it));
        if is_late(job, scene, sent_for_it, facts, &ledger) {
            complaints.push("texted late, for a reason that nothing explains");
        }
        if !is_excused(job, scene, texts, facts, &ledger, &sent) {
            complaints.push("not texted, for a reason that nothing explains");
        }
        wrong.extend(
            complaints
                .into_iter()
                .map(|complaint| format!("call {number}: {complaint} ({} {:?})", job.state, job.reason)),
        );
        remember(job, &mut ground.outcome);
    }
    for cause in ledger.jobs.keys() {
        if !script.scenes.iter().any(|scene| scene.call.sid == *cause) {
            wrong.push("a text is owed for a call that nobody made".to_owned());
        }
    }
    ground.outcome.jobs = ledger.jobs.len();
    ground.outcome.violations.extend(wrong);
    Ok(())
}

/// A text, and when the request for it left us.
struct Sent {
    message: SentMessage,
    left: Second,
}

fn sent(stage: &Stage, begin: Timestamp) -> Vec<Sent> {
    let requests = stage.twilio.requests();
    let mut sent: Vec<Sent> = stage
        .twilio
        .messages()
        .into_iter()
        .map(|message| {
            let request = requests
                .iter()
                .find(|request| request.number == message.request)
                .expect("Twilio has no text that nobody asked for");
            let left = request.at.duration_since(begin).as_secs();
            Sent { message, left }
        })
        .collect();
    sent.sort_by_key(|text| text.left);
    sent
}

/// One request per permit, none without, and none that was permitted after a stop.
fn wrong_requests(stage: &Stage, ledger: &Ledger) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut per_attempt: BTreeMap<String, usize> = BTreeMap::new();
    for request in stage.asked(Workflow::Texts) {
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

/// Whether two requests to one person that became texts left within the cool-down that the line had at the first.
fn has_texts_too_close(sent: &[Sent], texts: &Texts) -> bool {
    let is_short = |at: Second| {
        texts
            .line_changes
            .iter()
            .any(|(when, change)| *change == SHORT_COOL_DOWN && *when <= at)
    };
    sent.iter().enumerate().any(|(number, first)| {
        let cool_down = if is_short(first.left) {
            CHANGED_COOL_DOWN
        } else {
            COOL_DOWN
        };
        sent[number + 1..].iter().any(|second| {
            second.message.to == first.message.to && second.left - first.left < cool_down.as_secs()
        })
    })
}

/// A text comes from the line, in the line's words, and the first one says how to have no more.
fn wrong_words(sent: &[Sent], texts: &Texts) -> Vec<String> {
    let mut wrong = Vec::new();
    let has_other_name = texts.line_changes.iter().any(|(_, change)| *change == OTHER_NAME);
    let names = &NAMES[..if has_other_name { 2 } else { 1 }];
    for (number, text) in sent.iter().enumerate() {
        let message = &text.message;
        let (words, notice) = match message.body.strip_suffix(" Reply STOP to opt out.") {
            Some(words) => (words, true),
            None => (message.body.as_str(), false),
        };
        let are_ours = names.iter().any(|name| {
            words == format!("Hi, this is {name}. Sorry we missed your call! Reply here and we will get right back to you.")
        });
        let is_first = sent[..number]
            .iter()
            .all(|earlier| earlier.message.to != message.to);
        if message.from != LINE || !are_ours || (is_first && !notice) {
            wrong.push(format!(
                "not the line's text: {} {:?}",
                message.from, message.body
            ));
        }
    }
    wrong
}

/// What is wrong with how a call's job ended, given what Twilio has for it.
fn complaints(job: &Job, scene: &Scene, texts: &[&Sent]) -> Vec<&'static str> {
    let state = job.state.as_str();
    let refutations = [
        (scene.is_answered, "it was answered, and a text is owed for it"),
        (texts.len() > 1, "more than one text"),
        (
            texts.iter().any(|text| text.message.to != scene.call.from),
            "somebody else was texted",
        ),
        (
            ["pending", "in_flight", "unknown"].contains(&state),
            "the job never ended",
        ),
        (
            state == "accepted" && texts.is_empty(),
            "the ledger says sent, and Twilio has nothing",
        ),
        (
            ["refused", "dead", "suppressed"].contains(&state) && !texts.is_empty(),
            "the ledger says not sent, and Twilio has a text",
        ),
        (
            state != "accepted" && job.reason.is_none(),
            "an end without a reason",
        ),
        (job.ended.is_none(), "an end without a date"),
    ];
    let applies = refutations.into_iter().filter(|(applies, _)| *applies);
    applies.map(|(_, complaint)| complaint).collect()
}

/// Whether something that concerned this call, at its time, explains that it was not answered by a text.
fn is_excused(
    job: &Job,
    scene: &Scene,
    texts: &Texts,
    facts: &Facts,
    ledger: &Ledger,
    sent: &[Sent],
) -> bool {
    let ended = job.ended.unwrap_or(MUCH_LATER);
    let is_among = |people: &BTreeSet<String>| job.recipient.as_ref().is_some_and(|one| people.contains(one));
    let until = ended.min(scene.ends_at + EXPIRES);
    let unclear = ledger.unclear(job.recipient.as_ref());
    let was_hindered = facts.longest_calm(scene.ends_at, until, &unclear) < IS_SENT_WITHIN;
    match (job.state.as_str(), job.reason.as_deref().unwrap_or_default()) {
        ("suppressed", "no_caller_id") => !scene.has_number(),
        ("suppressed", "opted_out") => is_among(&texts.stopped),
        ("suppressed", "already_texted") => sent.iter().any(|text| {
            text.message.to == scene.call.from && (0..COOL_DOWN.as_secs()).contains(&(ended - text.left))
        }),
        ("suppressed", "switched_off") => texts
            .line_changes
            .iter()
            .any(|(at, change)| *change == NO_TEXTS && *at <= ended),
        ("suppressed", "expired") => was_hindered,
        ("suppressed", _) => false,
        ("refused", _) => {
            is_among(&texts.stopped_at_twilio) || facts.answered_by(Fate::BadNumber, ledger.attempts_of(job))
        }
        ("dead", _) => job.attempts >= 3 || was_hindered,
        // What made it unclear explains nothing: something must have kept the answer from being found.
        ("needs_human", _) => {
            let granted = job.last_granted.unwrap_or(scene.ends_at);
            facts.were_unread(granted + REQUEST, ended)
        }
        _ => true,
    }
}

/// Whether a text left so late that nothing explains it.
fn is_late(job: &Job, scene: &Scene, texts: &[&Sent], facts: &Facts, ledger: &Ledger) -> bool {
    let unclear = ledger.unclear(job.recipient.as_ref());
    texts
        .iter()
        .any(|text| facts.longest_calm(scene.ends_at, text.left, &unclear) >= IS_SENT_WITHIN)
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
