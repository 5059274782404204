//! The doorbell rings: one job may be ready to become one act.
//!
//! A message carries no truth, so handling one twice, late or out of order changes nothing. A message that
//! cannot be read is quarantined and done with: it would only block its person.

mod attempt;
mod call;
mod missed_call_text;
mod reply;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use shared::environment::{DefaultLine, Reach};
use shared::missed_calls::{self, Wording};
use shared::platform::database::Database;
use shared::platform::gate::Gate;
use shared::platform::lambda::Deadline;
use shared::platform::queue::{self, Bell, Retry, Workflow};
use shared::platform::secrets::Secrets;
use shared::providers::{chat, twilio, vapi, whatsapp};
use shared::{ConfigError, Environment, Phone};

/// Everything this function may touch.
pub struct Endpoint {
    database: Database,
    twilio: twilio::Client,
    vapi: Option<vapi::Client>,
    whatsapp: Option<whatsapp::Client>,
    chat: Option<chat::Client>,
    business: String,
    secrets: Secrets,
    reach: Reach,
    app_url: String,
    default_line: Option<DefaultLine>,
    gate: Gate,
}

impl Endpoint {
    /// Asks for this function's settings.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            database: environment.database()?,
            twilio: environment.twilio()?,
            vapi: environment.vapi()?,
            whatsapp: environment.whatsapp()?,
            chat: environment.chat()?,
            business: environment.business_name()?,
            secrets: environment.secrets(),
            reach: environment.reach()?,
            app_url: environment.app_url()?,
            default_line: environment.default_line()?,
            gate: environment.gate(),
        })
    }
}

impl Endpoint {
    /// Whether a number is the line that only the settings know, or where it forwards to.
    fn is_of_default_line(&self, number: &Phone) -> bool {
        let default = self.default_line.as_ref().map(|default| &default.settings);
        default.is_some_and(|line| line.number == *number || line.forward_to == *number)
    }

    /// The words of a line that only the settings know.
    fn wording_of_default_line(&self, line: &Phone) -> Option<Wording> {
        let default = self
            .default_line
            .as_ref()
            .filter(|default| default.settings.number == *line)?;
        Some(default.wording.clone())
    }
}

/// Answers which messages must be delivered again.
pub async fn handle(endpoint: &Endpoint, batch: SqsEvent, deadline: Deadline) -> SqsBatchResponse {
    tracing::info!(
        jobs = batch.records.len(),
        "📦 [JOB-RUNNER] Processing {} job(s)",
        batch.records.len()
    );
    endpoint.secrets.keep_fresh().await;
    queue::answer(batch, |message| run(endpoint, message, deadline)).await
}

async fn run(endpoint: &Endpoint, message: SqsMessage, deadline: Deadline) -> Result<(), Retry> {
    let body = message.body.unwrap_or_default();
    match serde_json::from_str::<Bell>(&body) {
        Ok(bell) if bell.v == 1 => {
            // The bell is done with either way. Left in the queue it would come back after the visibility
            // timeout and hold up its person until then; the sweeper rings again within a minute or so.
            let done = match bell.kind {
                Workflow::Text => missed_call_text::run(endpoint, bell.job, deadline).await,
                Workflow::Call => call::run(endpoint, bell.job, deadline).await,
                Workflow::Reply => reply::run(endpoint, bell.job, deadline).await,
            };
            if let Err(error) = done {
                tracing::warn!(job.id = %bell.job, %error, "[JOB-RUNNER] not now, the sweeper will ring again");
            }
            Ok(())
        }
        _ => quarantine(endpoint, "not a doorbell", &body).await,
    }
}

async fn quarantine(endpoint: &Endpoint, reason: &str, body: &str) -> Result<(), Retry> {
    tracing::error!(reason, "[JOB-RUNNER] quarantined a message that cannot be used");
    let connection = endpoint.database.connection().await?;
    missed_calls::quarantine(&connection, "job_runner", reason, body.as_bytes()).await?;
    Ok(())
}
