//! Every minute: whatever was left lying is brought to an end.
//!
//! Vanished workers' attempts become unknown, unknown ones are looked up with the provider, jobs whose
//! time is over end, parked events are replayed, the results of calls are asked for where nobody told them,
//! customers' rows are brought up to date with the ledger, and the doorbell is rung again for what is due. Each step
//! stands alone: one that fails delays no other, and two sweepers at once do nothing twice.

mod call_results;
mod reconcile;
mod replay;
mod unknown_calls;

use std::time::{Duration, SystemTime};

use lambda_http::{Request, RequestExt};
use serde_json::json;
use shared::environment::DefaultLine;
use shared::platform::database::{self, Database};
use shared::platform::gate::Gate;
use shared::platform::queue::{Doorbell, Park, Workflow};
use shared::platform::scheduled::{self, Summary};
use shared::platform::{http, secrets::Secrets};
use shared::providers::{twilio, vapi};
use shared::{ConfigError, Environment};
use shared::{calls, jobs, replies};
use uuid::Uuid;

/// How long a step that waits for others takes up new work; the function's time limit is a minute, and the
/// next minute goes on.
const STEP_TAKES: Duration = Duration::from_secs(20);

/// Everything this function may touch.
pub struct Endpoint {
    database: Database,
    twilio: twilio::Client,
    vapi: Option<vapi::Client>,
    texts: Doorbell,
    calls: Doorbell,
    replies: Doorbell,
    park: Park,
    secrets: Secrets,
    default_line: Option<DefaultLine>,
    gate: Gate,
}

impl Endpoint {
    /// Asks for this function's settings.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        environment.secret("CRON_SECRET")?;
        environment.secret("JOB_RUNNER_TOKEN")?;
        Ok(Self {
            database: environment.database()?,
            twilio: environment.twilio()?,
            vapi: environment.vapi()?,
            texts: environment.messages_doorbell()?,
            calls: environment.calls_doorbell()?,
            replies: environment.replies_doorbell()?,
            park: environment.park()?,
            secrets: environment.secrets(),
            default_line: environment.default_line()?,
            gate: environment.gate(),
        })
    }

    /// Whether a step has had its time.
    fn is_late(&self, started: SystemTime) -> bool {
        self.gate.has_passed(STEP_TAKES, started)
    }
}

/// Runs once. The job route has a token of its own; the schedule and the cron route do the same.
pub async fn handle(endpoint: &Endpoint, request: Request) -> http::Result {
    let (secret, method) = if request.raw_http_path().ends_with("/api/jobs/run-outbound") {
        ("JOB_RUNNER_TOKEN", "POST")
    } else {
        ("CRON_SECRET", "GET")
    };
    scheduled::run(
        &endpoint.secrets,
        secret,
        method,
        &request,
        Box::pin(sweep(endpoint)),
    )
    .await
}

async fn sweep(endpoint: &Endpoint) -> anyhow::Result<Summary> {
    endpoint.secrets.keep_fresh().await;
    let mut failed = Vec::new();
    let mut count = |step: &'static str, result: anyhow::Result<usize>| {
        result.unwrap_or_else(|error| {
            tracing::error!(step, error = format!("{error:#}"), "a step of the sweep failed");
            failed.push(error.context(step));
            0
        })
    };
    // What only the database answers comes first; what waits for others has the rest of the time.
    let rescued = count("rescue", rescue(endpoint).await);
    let expired = count("expire", expire(endpoint).await);
    let rung = count("ring", ring(endpoint).await);
    let projected = count("project", project(endpoint).await);
    let left = count("leave to a person", leave_unclear(endpoint).await);
    let replayed = count("replay", replay::replay_parked(endpoint).await);
    let reconciled = count("reconcile", reconcile::settle_by_evidence(endpoint).await);
    let found = count("find calls", unknown_calls::settle_by_evidence(endpoint).await);
    let heard = count("ask for results", call_results::ask(endpoint).await);

    let reconciled = reconciled + found;
    let processed = rescued + replayed + reconciled + heard + expired + rung + projected + left;
    let failures = failed.len();
    // A step that failed makes the run fail, after the others have had their turn.
    if let Some(error) = failed.into_iter().next() {
        return Err(error);
    }
    let counts = json!({
        "jobRunnerResult": { "ok": true, "processed": processed, "failed": failures },
        "rescued": rescued, "replayed": replayed, "reconciled": reconciled, "expired": expired, "rung": rung,
        "projected": projected, "heard": heard,
    });
    Ok(Summary::new("Job runner triggered", counts))
}

async fn rescue(endpoint: &Endpoint) -> anyhow::Result<usize> {
    let rescued = jobs::rescue(&endpoint.database.connection().await?).await?;
    if rescued > 0 {
        tracing::warn!(rescued, "attempts of vanished workers are unknown now");
    }
    Ok(rescued)
}

/// Answers of which nobody told whether they arrived. There is no list to look them up in.
async fn leave_unclear(endpoint: &Endpoint) -> anyhow::Result<usize> {
    let connection = endpoint.database.connection().await?;
    let left = replies::leave_unclear(&connection, jobs::SWEEP_LIMIT).await?;
    if left > 0 {
        tracing::error!(
            left,
            "answers that may or may not have arrived are left to a person"
        );
    }
    Ok(left)
}

async fn expire(endpoint: &Endpoint) -> anyhow::Result<usize> {
    let expired = jobs::expire(&endpoint.database.connection().await?).await?;
    if expired > 0 {
        tracing::error!(expired, "jobs were not done in time");
    }
    Ok(expired)
}

/// Copies into customers' rows and into threads what a runner could not copy, or did not live to.
async fn project(endpoint: &Endpoint) -> anyhow::Result<usize> {
    let connection = endpoint.database.connection().await?;
    let mut projected = 0;
    for job in calls::unprojected(&connection, jobs::SWEEP_LIMIT).await? {
        let row = calls::project_call(&connection, job)
            .await
            .map(|row| row.is_some());
        projected += copied(job, row, "a call does not stand in its customer's row")?;
    }
    for job in replies::unprojected(&connection, jobs::SWEEP_LIMIT).await? {
        let row = replies::project_reply(&connection, job)
            .await
            .map(|row| row.is_some());
        projected += copied(job, row, "an answer does not stand in its thread")?;
    }
    Ok(projected)
}

/// How many that makes. One that the database refuses is told of, and keeps no other waiting.
fn copied(job: Uuid, row: Result<bool, database::Error>, failure: &str) -> Result<usize, database::Error> {
    match row {
        Ok(is_there) => Ok(usize::from(is_there)),
        Err(error) if error.is_outage() => Err(error),
        Err(error) => {
            tracing::error!(job.id = %job, %error, "{failure}");
            Ok(0)
        }
    }
}

async fn ring(endpoint: &Endpoint) -> anyhow::Result<usize> {
    let due = jobs::ring_due(&endpoint.database.connection().await?).await?;
    for bell in &due {
        let doorbell = match bell.workflow {
            Workflow::Text => &endpoint.texts,
            Workflow::Call => &endpoint.calls,
            Workflow::Reply => &endpoint.replies,
        };
        doorbell.ring(bell.job, &bell.person, bell.number).await;
    }
    Ok(due.len())
}

/// The database is away or behind: the rest of this step would fail alike.
fn is_outage(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<database::Error>()
        .is_some_and(database::Error::is_outage)
}
