//! Customers who write to the business on WhatsApp, and the thread that comes of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::callers::{new_caller, streamed};
use crate::sandbox::Delivery;
use crate::sandbox_meta::{Customer, SandboxMeta};
use crate::time_machine::Stillness;

/// An answer takes some seconds, and is on the telephone a second later. A model that fails three times takes longer.
const ENDS_WITHIN: Duration = Duration::from_mins(3);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A message to write.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Letter {
    /// What it says.
    pub words: String,
    /// Who writes, in E.164; somebody new if nobody is named.
    pub sender: Option<String>,
    /// What they call themselves.
    pub name: String,
}

/// What the writers need of the stack.
pub struct Writers {
    /// WhatsApp's sandbox.
    pub meta: SandboxMeta,
    /// The database, to show the thread.
    pub database: Client,
    /// Nobody moves the clock while somebody waits for an answer.
    pub stillness: Stillness,
}

/// The route for the command line; it is no part of the product.
pub fn router(writers: Writers) -> Router {
    Router::new()
        .route("/_local/write", post(write))
        .with_state(Arc::new(writers))
}

type Lines = mpsc::UnboundedSender<String>;

async fn write(State(writers): State<Arc<Writers>>, Json(letter): Json<Letter>) -> Response {
    let (lines, response) = streamed();
    tokio::spawn(async move {
        let _held = writers.stillness.hold().await;
        let said = writers.converse(letter, &lines).await;
        let _ = lines.send(said.unwrap_or_else(|error| format!("✗  {error:#}")));
    });
    response
}

impl Writers {
    /// Writes, waits for what comes of it and shows the thread; how it ended.
    async fn converse(&self, letter: Letter, lines: &Lines) -> anyhow::Result<String> {
        let Letter { words, sender, name } = letter;
        let is_paused = self
            .database
            .query_typed_one("SELECT paused FROM replying", &[])
            .await?;
        if is_paused.get("paused") {
            let _ = lines.send("ops resume --answers".to_owned());
            let _ = lines.send(format!("  {}", ops::resume_answers(&self.database).await?));
        }
        let number = sender.unwrap_or_else(new_caller);
        let message = self.meta.text(&Customer::new(&number, &name), &words);
        let wamid = message.id();
        let _ = lines.send(format!("✉  {name} ({number}) writes: “{words}”"));
        let began = Instant::now();
        let delivery = self.meta.webhook([message]).await;
        let _ = lines.send(format!("→  WhatsApp tells Switchboard: {delivery}"));
        ensure!(
            matches!(delivery, Delivery::Answered(_)),
            "nobody heard it; look at the stack's log"
        );
        let end = loop {
            if let Some(end) = self.end_of(&wamid).await? {
                break end;
            }
            ensure!(
                began.elapsed() < ENDS_WITHIN,
                "nothing more happened; look at the stack's log"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        };
        for line in self.thread_of(&wamid).await? {
            let _ = lines.send(format!("   {line}"));
        }
        Ok(format!("✓  {end}"))
    }

    /// What became of a message, once that is over.
    async fn end_of(&self, wamid: &str) -> anyhow::Result<Option<String>> {
        let query = "SELECT CASE
                       WHEN message.left_because IS NOT NULL THEN 'nobody has to answer it: ' || message.left_because
                       WHEN job.state = 'accepted' AND answer.status IN ('DELIVERED', 'READ', 'FAILED')
                         THEN 'answered, ' || to_char(extract(epoch FROM answer.sent_at - message.sent_at), 'FM990.0')
                              || ' s after it was written; the answer is ' || answer.status
                       WHEN job.state IN ('suppressed', 'refused', 'dead', 'needs_human')
                         THEN 'no machine answers it, ' || job.state || ': ' || job.state_reason END
                     FROM messages AS message
                     LEFT JOIN jobs AS job ON job.message_id = message.id
                     LEFT JOIN attempts AS attempt ON attempt.job_id = job.id AND attempt.state = 'accepted'
                     LEFT JOIN messages AS answer ON answer.attempt_id = attempt.id
                     WHERE message.channel = 'WHATSAPP' AND message.provider_message_id = $1";
        let row = self
            .database
            .query_typed_opt(query, &[(&wamid, Type::TEXT)])
            .await?;
        Ok(row.and_then(|row| row.get(0)))
    }

    /// The thread that a message stands in, as its inbox would show it, and what a person is asked to do.
    async fn thread_of(&self, wamid: &str) -> anyhow::Result<Vec<String>> {
        let query = "WITH thread AS (SELECT conversation_id AS id FROM messages
                                     WHERE channel = 'WHATSAPP' AND provider_message_id = $1)
                     SELECT line FROM (
                       SELECT message.sent_at AS at, to_char(message.sent_at, 'HH24:MI:SS') || '  '
                              || rpad(CASE author WHEN 'customer' THEN coalesce(contact.name, 'customer') ELSE author END, 10)
                              || coalesce(body, '(' || type || ')')
                              || CASE direction WHEN 'OUTBOUND' THEN '  [' || status || ']' ELSE '' END AS line
                       FROM messages AS message JOIN thread ON thread.id = message.conversation_id
                       JOIN contacts AS contact ON contact.id = message.contact_id
                       UNION ALL
                       SELECT 'infinity', 'for a person: ' || title || coalesce(' (' || detail || ')', '')
                       FROM tasks JOIN thread ON thread.id = tasks.conversation_id WHERE done_at IS NULL) AS shown
                     ORDER BY at, line";
        let rows = self
            .database
            .query_typed(query, &[(&wamid, Type::TEXT)])
            .await
            .context("the thread cannot be read")?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}
