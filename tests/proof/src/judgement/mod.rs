//! Whether everybody has what they are owed exactly once, by the provider's own record.
//!
//! A cause is what something is owed for: a call that nobody answered, a customer's day. An act is what somebody
//! gets: a text, a call.

pub mod calls;
pub mod texts;

use std::collections::{BTreeMap, BTreeSet};

/// What became of everybody, once nothing can be left to do.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// What something was owed for.
    pub causes: usize,
    /// Of missed calls, those whose callers did not hear the owner's telephone ring either.
    pub unconnected: usize,
    /// What the provider took.
    pub acts: usize,
    /// Of them, those for a cause that had one already.
    pub duplicates: usize,
    /// Causes without an act, for a reason that was kept and that something in the world explains.
    pub excused: usize,
    /// Causes without an act, and without such a reason.
    pub losses: usize,
    /// Attempts that were allowed.
    pub attempts: usize,
    /// Requests for an act that the provider got.
    pub requests: usize,
    /// How many jobs ended how. One that is left pending has not ended.
    pub ends: BTreeMap<String, usize>,
    /// What should not have happened, in words.
    pub violations: Vec<String>,
}

impl Judgement {
    /// Adds another world's.
    pub fn add(&mut self, other: Self) {
        self.causes += other.causes;
        self.unconnected += other.unconnected;
        self.acts += other.acts;
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

    /// Whether every cause has one act or an excuse, and nothing else is wrong.
    pub fn holds(&self) -> bool {
        self.acts == self.owed()
            && self.duplicates == 0
            && self.losses == 0
            && self.ended() == self.causes
            && self.violations.is_empty()
    }

    /// The acts that there have to be.
    pub fn owed(&self) -> usize {
        self.causes - self.excused
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

/// A job as the ledger has it. The ledger is believed in nothing but which cause an attempt was for.
#[derive(Debug)]
pub struct Job {
    cause: String,
    /// Whom it would reach: a telephone number, or a customer.
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

    fn from_row(row: &tokio_postgres::Row) -> Self {
        Self {
            cause: row.get("cause"),
            recipient: row.get("recipient"),
            state: row.get("state"),
            reason: row.get("state_reason"),
            attempts: row.get("attempts"),
            provider_id: row.get("provider_id"),
        }
    }
}

/// A request for an act, as the provider got it.
struct Request {
    number: u64,
    attempt: Option<String>,
    to: Option<String>,
}

/// One request for each permit, to whom it was for, and none without.
fn judge_requests<'a>(
    requests: impl Iterator<Item = Request>,
    jobs: impl Iterator<Item = &'a Job>,
    judgement: &mut Judgement,
) {
    let recipients: BTreeMap<&String, &String> = jobs
        .flat_map(|job| job.attempts.iter().map(|attempt| (attempt, &job.recipient)))
        .collect();
    judgement.attempts = recipients.len();
    let mut used = BTreeSet::new();
    for Request { number, attempt, to } in requests {
        judgement.requests += 1;
        let Some(attempt) = attempt else {
            judgement.object(format!("request {number} names no permit"));
            continue;
        };
        match recipients.get(&attempt) {
            None => judgement.object(format!(
                "request {number} is of a permit that was never committed"
            )),
            Some(recipient) if to.as_ref() != Some(recipient) => {
                judgement.object(format!("request {number} is to somebody else"));
            }
            Some(_) => {}
        }
        if !used.insert(attempt.clone()) {
            judgement.object(format!("request {number} uses permit {attempt} again"));
        }
    }
}

/// As many acts, of which these are the provider's ids, as the job's end says; none only for a reason that is kept
/// and explained.
fn judge_end(job: &Job, acts: &[&str], explains: impl Fn(&Job) -> bool, judgement: &mut Judgement) {
    let about = format!(
        "the job for {} ended as {:?} with {} acts",
        job.cause,
        job.end(),
        acts.len()
    );
    judgement.acts += acts.len();
    judgement.duplicates += acts.len().saturating_sub(1);
    let (has_ended, is_true) = match job.state.as_str() {
        "accepted" => (
            true,
            acts.len() == 1 && job.provider_id.as_deref() == acts.first().copied(),
        ),
        "refused" | "dead" | "suppressed" => (true, acts.is_empty()),
        "needs_human" => (true, acts.len() <= 1),
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
    if acts.is_empty() {
        judgement.excused += usize::from(is_excused);
        judgement.losses += usize::from(!is_excused);
    }
}
