//! Every minute: who is due gets the job of a call. Nobody is called from here.
//!
//! Customers are taken a batch at a time, so that no transaction is long, and each batch is one statement that two
//! schedulers at once share without waiting for each other. Doorbells ring beside that: one that fails or is slow
//! keeps nobody waiting, because the sweeper rings again.

use std::time::{Duration, SystemTime};

use futures_util::stream::{self, StreamExt};
use lambda_http::Request;
use serde_json::json;
use shared::calls::{self, Due, Scheduled};
use shared::platform::database::Database;
use shared::platform::gate::Gate;
use shared::platform::queue::Doorbell;
use shared::platform::scheduled::{self, Summary};
use shared::platform::{http, secrets::Secrets};
use shared::{ConfigError, Environment};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use uuid::Uuid;

/// Customers decided for in one transaction.
const BATCH: i64 = 100;
/// Doorbells rung beside one another.
const RINGS_AT_ONCE: usize = 16;
/// How long a run takes up new work; the function's time limit is a minute, and the next minute goes on.
const RUN_TAKES: Duration = Duration::from_secs(40);

/// Everything this function may touch.
pub struct Endpoint {
    database: Database,
    doorbell: Doorbell,
    secrets: Secrets,
    gate: Gate,
}

impl Endpoint {
    /// Asks for this function's settings.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        environment.secret("CRON_SECRET")?;
        Ok(Self {
            database: environment.database()?,
            doorbell: environment.calls_doorbell()?,
            secrets: environment.secrets(),
            gate: environment.gate(),
        })
    }

    /// Whether a run has had its time.
    fn is_late(&self, started: SystemTime) -> bool {
        self.gate.has_passed(RUN_TAKES, started)
    }
}

/// What a run came to.
#[derive(Debug, Default)]
struct Tally {
    welcome: i64,
    daily: i64,
    already_owed: i64,
    skipped: i64,
}

/// A bell to ring for somebody's job.
struct Ring {
    job: Uuid,
    customer: String,
}

/// Runs once.
pub async fn handle(endpoint: &Endpoint, request: Request) -> http::Result {
    scheduled::run(
        &endpoint.secrets,
        "CRON_SECRET",
        "GET",
        &request,
        Box::pin(run(endpoint)),
    )
    .await
}

async fn run(endpoint: &Endpoint) -> anyhow::Result<Summary> {
    endpoint.secrets.keep_fresh().await;
    let started = endpoint.gate.now();
    let (to_ring, rings) = mpsc::unbounded_channel();
    let (tally, ()) = futures_util::join!(
        schedule(endpoint, started, to_ring),
        ring(endpoint, started, rings)
    );
    let tally = tally?;
    let counts = json!({
        "welcome": tally.welcome, "daily": tally.daily, "skipped": tally.skipped, "alreadyOwed": tally.already_owed,
    });
    Ok(Summary::new("Calls scheduled", counts))
}

/// Batch after batch, until nobody is due, as many calls are created as one run may, or the time is over.
async fn schedule(
    endpoint: &Endpoint,
    started: SystemTime,
    to_ring: UnboundedSender<Ring>,
) -> anyhow::Result<Tally> {
    let connection = endpoint.database.connection().await?;
    let mut tally = Tally::default();
    while !endpoint.is_late(started) {
        let batch = calls::schedule(&connection, BATCH, tally.created()).await?;
        let is_last = batch.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        for scheduled in batch {
            tally.count(&scheduled);
            if let Some(job) = scheduled.decision.job() {
                // Whoever rings listens until we are done.
                let _ = to_ring.send(Ring {
                    job,
                    customer: scheduled.customer,
                });
            }
        }
        if is_last {
            break;
        }
    }
    calls::record_tick(&connection).await?;
    Ok(tally)
}

/// Rings while there is time; for the rest the sweeper does.
async fn ring(endpoint: &Endpoint, started: SystemTime, rings: UnboundedReceiver<Ring>) {
    let rings = stream::unfold(rings, async |mut rings| Some((rings.recv().await?, rings)));
    rings
        .for_each_concurrent(RINGS_AT_ONCE, async |ring| {
            if !endpoint.is_late(started) {
                endpoint.doorbell.ring(ring.job, &ring.customer, 1).await;
            }
        })
        .await;
}

impl Tally {
    fn created(&self) -> i64 {
        self.welcome + self.daily
    }

    fn count(&mut self, Scheduled { customer, decision }: &Scheduled) {
        let why = match decision {
            Due::WelcomeCall(job) => {
                self.welcome += 1;
                tracing::info!(customer.id = customer, job.id = %job, "[Call Scheduler] welcome call owed");
                return;
            }
            Due::DailyCall(job) => {
                self.daily += 1;
                tracing::info!(customer.id = customer, job.id = %job, "[Call Scheduler] daily call owed");
                return;
            }
            // It takes nobody's place among the calls of this run.
            Due::Missed => {
                self.skipped += 1;
                "too late already"
            }
            Due::AlreadyOwed => {
                self.already_owed += 1;
                "that call is in the ledger already"
            }
            Due::CalledToday => {
                self.skipped += 1;
                "already called today"
            }
            Due::WelcomeCallCompleted => {
                self.skipped += 1;
                "welcome call already completed"
            }
            Due::NotTheirHour => {
                self.skipped += 1;
                "no welcome call is owed any more"
            }
            Due::OptedOut => {
                self.skipped += 1;
                "opted out"
            }
        };
        tracing::info!(customer.id = customer, "⚠️ Skipping {customer} - {why}");
    }
}
