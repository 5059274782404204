//! What became of everybody, by Twilio's own record.

use std::collections::{BTreeMap, BTreeSet};

use local::sandbox::ReceivedRequest;
use system_tests::World;

/// What became of the people who rang, once nothing can be left to do.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// Calls that nobody answered.
    pub calls: usize,
    /// Texts that Twilio took.
    pub texts: usize,
    /// Texts beyond a call's first.
    pub duplicates: usize,
    /// Calls without a text and without a reason for that.
    pub losses: usize,
    /// Requests for a text that left us.
    pub requests: usize,
    /// Callers who did not hear the owner's telephone ring.
    pub unconnected: usize,
    /// How many jobs ended how.
    pub ends: BTreeMap<String, usize>,
    /// What must not be, in words.
    pub violations: Vec<String>,
}

impl Judgement {
    /// Puts another world's beside it.
    pub fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.texts += other.texts;
        self.duplicates += other.duplicates;
        self.losses += other.losses;
        self.requests += other.requests;
        self.unconnected += other.unconnected;
        self.violations.extend(other.violations);
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
    }

    /// Whether nobody was texted twice, nobody forgotten, and nothing else is wrong.
    pub fn holds(&self) -> bool {
        self.duplicates == 0 && self.losses == 0 && self.unconnected == 0 && self.violations.is_empty()
    }
}

/// How a job stands.
struct Job {
    state: String,
    reason: Option<String>,
}

pub(super) async fn judge(world: &World, unconnected: usize) -> anyhow::Result<Judgement> {
    let mut found = Judgement {
        unconnected,
        ..Judgement::default()
    };
    let jobs = jobs(world).await?;
    // Everybody rang once, so a person's texts are their call's.
    let calls = world.twilio.calls();
    for call in calls.iter().filter(|call| call.parent_sid.is_none()) {
        found.calls += 1;
        let texts = world.texts_to(&call.from).len();
        found.texts += texts;
        found.duplicates += texts.saturating_sub(1);
        let Some(job) = jobs.get(&call.sid) else {
            found.losses += usize::from(texts == 0);
            found.violations.push(format!("{}: no job", call.sid));
            continue;
        };
        let allowed = match job.state.as_str() {
            "accepted" => 1..=1,
            "refused" | "dead" | "suppressed" => 0..=0,
            "needs_human" => 0..=1,
            state => {
                found.violations.push(format!("{}: left {state}", call.sid));
                0..=1
            }
        };
        if !allowed.contains(&texts) {
            found
                .violations
                .push(format!("{}: {} and {texts} texts", call.sid, job.state));
        }
        if job.state != "accepted" && job.reason.is_none() {
            found.losses += usize::from(texts == 0);
            found
                .violations
                .push(format!("{}: {} without a reason", call.sid, job.state));
        }
        let end = job
            .reason
            .as_ref()
            .map_or_else(|| job.state.clone(), |reason| format!("{}: {reason}", job.state));
        *found.ends.entry(end).or_default() += 1;
    }
    requests(world, &mut found).await?;
    for evidence in world.evidence().await {
        found
            .violations
            .push(format!("evidence of a duplicate: {evidence}"));
    }
    for reason in world.quarantined().await {
        found.violations.push(format!("quarantined: {reason}"));
    }
    for queue in ["messages.fifo", "parked-events.fifo"] {
        let left = world.sqs.messages(queue).len();
        if left > 0 {
            found.violations.push(format!("{left} messages left in {queue}"));
        }
    }
    Ok(found)
}

async fn jobs(world: &World) -> anyhow::Result<BTreeMap<String, Job>> {
    let rows = world
        .database
        .owner()
        .query("SELECT cause, state, state_reason FROM jobs", &[])
        .await?;
    let jobs = rows.iter().map(|row| {
        let job = Job {
            state: row.get("state"),
            reason: row.get("state_reason"),
        };
        (row.get("cause"), job)
    });
    Ok(jobs.collect())
}

/// Each request stands for an attempt that was committed, and no attempt for two requests.
async fn requests(world: &World, found: &mut Judgement) -> anyhow::Result<()> {
    let rows = world
        .database
        .owner()
        .query(
            "SELECT id::text AS id, recipient::text AS recipient FROM attempts",
            &[],
        )
        .await?;
    let attempts: BTreeMap<String, String> = rows
        .iter()
        .map(|row| (row.get("id"), row.get("recipient")))
        .collect();
    let mut used = BTreeSet::new();
    for request in world.twilio.requests().iter().filter(|request| request.is_send()) {
        found.requests += 1;
        found.violations.extend(wrong_with(request, &attempts, &mut used));
    }
    Ok(())
}

fn wrong_with(
    request: &ReceivedRequest,
    attempts: &BTreeMap<String, String>,
    used: &mut BTreeSet<String>,
) -> Option<String> {
    let number = request.number;
    let Some(attempt) = &request.attempt else {
        return Some(format!("request {number} names no attempt"));
    };
    if !used.insert(attempt.clone()) {
        return Some(format!("request {number} uses an attempt again"));
    }
    match attempts.get(attempt) {
        None => Some(format!(
            "request {number} is of an attempt that was never committed"
        )),
        Some(recipient) if request.field("To") != Some(recipient) => {
            Some(format!("request {number} is to somebody else"))
        }
        Some(_) => None,
    }
}
