//! The call that a customer is owed: load, decide, grant, place, settle, project.

use std::time::Duration;

use shared::calls::{self, CallFacts, Decision, Kind, Suppression};
use shared::jobs::{self, Grant, Outcome, Settlement};
use shared::platform::database::Connection;
use shared::platform::lambda::Deadline;
use shared::platform::queue::Retry;
use shared::providers::vapi::Call;
use uuid::Uuid;

use super::{Endpoint, attempt, quarantine};

/// Runs the job if it is ready; whatever it ends as, it ends with a reason.
pub(super) async fn run(endpoint: &Endpoint, job: Uuid, deadline: Deadline) -> Result<(), Retry> {
    let connection = endpoint.database.connection().await?;
    let Some(facts) = calls::load_call(&connection, job).await? else {
        return quarantine(endpoint, "no such job", &job.to_string()).await;
    };
    if facts.state != "pending" || facts.due_at > facts.now {
        tracing::info!(job.id = %job, state = facts.state, "[JOB-RUNNER] nothing to do");
        return Ok(());
    }
    tracing::info!(job.id = %job, customer.id = facts.customer_id, kind = facts.kind.as_str(), "✅ [JOB-RUNNER] picked");
    match calls::decide(&facts, |phone| endpoint.reach.includes(phone)) {
        Decision::Call => place(endpoint, connection, job, &facts, deadline).await,
        other => follow(&connection, job, &facts, other).await,
    }
}

async fn place(
    endpoint: &Endpoint,
    connection: Connection,
    job: Uuid,
    facts: &CallFacts,
    deadline: Deadline,
) -> Result<(), Retry> {
    let Some(vapi) = &endpoint.vapi else {
        return Err(anyhow::anyhow!("VAPI_ASSISTANT_ID is not set: nobody can be called").into());
    };
    let granting = jobs::grant(&connection, job, facts.kind.as_str());
    let (grant, asked) = attempt::ask(endpoint, granting, deadline).await?;
    let (permit, attempt_no) = match grant {
        Grant::Permitted { permit, attempt_no } => (permit, attempt_no),
        Grant::NotPending => return Ok(()),
        Grant::Denied(denial) => {
            tracing::info!(job.id = %job, ?denial, "[JOB-RUNNER] the database allows no attempt");
            return follow(&connection, job, facts, calls::heed(denial, facts)).await;
        }
    };
    // A request may take ten seconds, in which somebody else can use it.
    drop(connection);
    let attempt = permit.attempt();
    tracing::info!(job.id = %job, attempt.id = %attempt, customer.id = facts.customer_id, "📞 [JOB-RUNNER] Calling {}", permit.recipient());
    let call = Call {
        customer_id: facts.customer_id.clone(),
        customer_name: facts.name.clone().unwrap_or_default(),
        variables: facts.variables(),
    };
    let outcome = vapi
        .place_call(permit, &call, || asked.is_fresh(endpoint, job))
        .await;
    // The log outlives the database: from here on the answer is written down somewhere.
    tracing::info!(job.id = %job, attempt.id = %attempt, outcome = ?outcome, "provider answered");
    let settlement = attempt::settle(endpoint, attempt, attempt_no, &outcome, deadline).await;
    tell(job, facts, &outcome, settlement.as_ref());
    if settlement.is_some_and(|settlement| settlement.is_accepted()) {
        project(endpoint, job, facts).await;
    }
    Ok(())
}

/// Copies the acceptance into the customer's row. Whatever becomes of that, the call was placed and stays so: the
/// sweeper copies again.
async fn project(endpoint: &Endpoint, job: Uuid, facts: &CallFacts) {
    let projected = match endpoint.database.connection().await {
        Ok(connection) => calls::project_call(&connection, job).await,
        Err(error) => Err(error),
    };
    let customer = &facts.customer_id;
    match projected {
        Ok(Some(row)) if facts.kind == Kind::Welcome && row.welcome_call_completed => {
            tracing::info!(customer.id = customer, job.id = %job, "✅ Verified: welcome_call_completed = true for customer {customer}");
        }
        Ok(Some(row)) if facts.kind == Kind::Daily && row.last_call_date.is_some() => {
            let day = row.last_call_date.unwrap_or_default();
            tracing::info!(customer.id = customer, job.id = %job, "✅ Verified: last_call_date = {day} for customer {customer}");
        }
        failed => {
            let why = failed.err().map(tracing::field::display);
            tracing::error!(customer.id = customer, job.id = %job, error = "Flag update failed", why, "❌ CRITICAL: Flag update FAILED for customer {customer}");
        }
    }
}

async fn follow(
    connection: &Connection,
    job: Uuid,
    facts: &CallFacts,
    decision: Decision,
) -> Result<(), Retry> {
    match decision {
        Decision::Call | Decision::Leave => Ok(()),
        Decision::Wait(wait) => {
            let wait = Duration::try_from(wait).unwrap_or_default();
            Ok(jobs::defer(connection, job, wait).await?)
        }
        Decision::Suppress(reason) => {
            let customer = &facts.customer_id;
            match reason {
                Suppression::WelcomeCompleted => {
                    tracing::warn!(customer.id = customer, job.id = %job, "⚠️ Aborting call - welcome already completed");
                }
                Suppression::CalledToday => {
                    tracing::warn!(customer.id = customer, job.id = %job, "⚠️ Skipping {customer} - already called today");
                }
                _ => {}
            }
            attempt::suppress(connection, job, reason.as_str()).await
        }
    }
}

fn tell(job: Uuid, facts: &CallFacts, outcome: &Outcome, settlement: Option<&Settlement>) {
    let customer = &facts.customer_id;
    match (outcome, settlement) {
        (Outcome::Accepted { provider_id }, Some(Settlement::Accepted { latency_ms, .. })) => {
            tracing::info!(job.id = %job, customer.id = customer, call.id = provider_id, latency_ms, placed = 1, "[JOB-RUNNER] call placed");
        }
        (Outcome::Accepted { provider_id }, Some(Settlement::Contradicted)) => {
            tracing::error!(job.id = %job, customer.id = customer, call.id = provider_id, "Vapi's answer contradicts the ledger: kept as evidence");
        }
        (Outcome::Accepted { provider_id }, _) => {
            tracing::info!(job.id = %job, customer.id = customer, call.id = provider_id, "[JOB-RUNNER] call placed, settled by evidence");
        }
        (Outcome::Refused(refusal), _) => {
            tracing::error!(job.id = %job, customer.id = customer, why = refusal.why, failed = 1, "[JOB-RUNNER] call refused");
        }
        (Outcome::Unknown { why, .. }, _) => {
            tracing::error!(job.id = %job, customer.id = customer, why, unclear = 1, "[JOB-RUNNER] outcome unknown, evidence decides");
        }
    }
}
