//! What the product believes, to be held against what Vapi knows.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::explorer::run::{Ground, Second};

/// Then a person has what no evidence has settled.
const IS_HANDED_OVER_WITHIN: Second = 75 * 60;

/// A call that was owed.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) is_welcome: bool,
    pub(super) customer: String,
    /// The day that a daily call is for.
    pub(super) local_day: Option<String>,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    /// The moment that it was planned for.
    pub(super) planned: Second,
    pub(super) expires: Second,
    pub(super) created: Second,
    /// When it ended.
    pub(super) ended: Option<Second>,
    pub(super) is_projected: bool,
}

/// A permit, and what became of it.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) id: String,
    pub(super) job: String,
    pub(super) customer: String,
    pub(super) phone: String,
    pub(super) state: String,
    pub(super) provider_id: Option<String>,
    pub(super) granted: Second,
    pub(super) settled: Second,
    pub(super) zone: String,
    pub(super) local_day: String,
    pub(super) has_result: bool,
    pub(super) was_asked_for: bool,
    /// Calls of Vapi's that contradict it.
    pub(super) evidence: Vec<String>,
}

impl Attempt {
    /// Whether it takes its day.
    pub(super) fn holds_the_day(&self) -> bool {
        self.state != "refused"
    }
}

/// What the product believes.
pub(super) struct Ledger {
    pub(super) jobs: Vec<Job>,
    /// By id.
    pub(super) attempts: BTreeMap<String, Attempt>,
    /// Every piece of evidence: attempt and Vapi's id.
    pub(super) evidence: Vec<(String, String)>,
}

impl Ledger {
    pub(super) async fn read(ground: &Ground<'_>) -> anyhow::Result<Self> {
        let owner = ground.stage.database.owner();
        let second = |at: Timestamp| ground.second(at);
        let jobs = owner.query(include_str!("sql/jobs.sql"), &[]).await?;
        let jobs = jobs.iter().map(|row| Job {
            id: row.get("id"),
            is_welcome: row.get::<_, &str>("kind") == "welcome_call",
            customer: row.get("customer_id"),
            local_day: row.get("local_day"),
            state: row.get("state"),
            reason: row.get("state_reason"),
            planned: second(row.get("caused_at")),
            expires: second(row.get("expires_at")),
            created: second(row.get("created_at")),
            ended: row.get::<_, Option<Timestamp>>("ended_at").map(second),
            is_projected: row.get("projected"),
        });
        let attempts = owner.query(include_str!("sql/attempts.sql"), &[]).await?;
        let attempts = attempts.iter().map(|row| {
            let granted = second(row.get("granted_at"));
            let settled: Option<Timestamp> = row.get("settled_at");
            Attempt {
                id: row.get("id"),
                job: row.get("job"),
                customer: row.get("customer_id"),
                phone: row.get("phone"),
                state: row.get("state"),
                provider_id: row.get("provider_id"),
                granted,
                settled: settled.map_or(granted + IS_HANDED_OVER_WITHIN, second),
                zone: row.get("timezone"),
                local_day: row.get("local_day"),
                has_result: row.get("has_result"),
                was_asked_for: row.get("was_asked_for"),
                evidence: row.get("evidence"),
            }
        });
        let evidence = owner
            .query(
                "SELECT attempt_id::text, provider_id FROM duplicate_evidence",
                &[],
            )
            .await?;
        Ok(Self {
            jobs: jobs.collect(),
            attempts: attempts.map(|attempt| (attempt.id.clone(), attempt)).collect(),
            evidence: evidence.iter().map(|row| (row.get(0), row.get(1))).collect(),
        })
    }

    pub(super) fn attempts_of<'a>(&'a self, job: &'a Job) -> impl Iterator<Item = &'a Attempt> {
        self.attempts.values().filter(|attempt| attempt.job == job.id)
    }

    /// The attempts at a customer, or at their telephone.
    pub(super) fn attempts_to<'a>(
        &'a self,
        customer: &'a str,
        phone: &'a str,
    ) -> impl Iterator<Item = &'a Attempt> {
        self.attempts
            .values()
            .filter(move |attempt| attempt.customer == customer || attempt.phone == phone)
    }

    /// Those of them that take a day.
    pub(super) fn taking_days_of<'a>(
        &'a self,
        customer: &'a str,
        phone: &'a str,
    ) -> impl Iterator<Item = &'a Attempt> {
        self.attempts_to(customer, phone)
            .filter(|attempt| attempt.holds_the_day())
    }
}
