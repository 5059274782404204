//! The answer that somebody's message is owed: load, decide, draft once, grant, send, settle, project.

use std::time::Duration;

use futures_util::future::join;
use shared::jobs::{self, Grant, Outcome, Settlement};
use shared::platform::database::Connection;
use shared::platform::lambda::Deadline;
use shared::platform::queue::Retry;
use shared::providers::chat::{self, Question};
use shared::providers::whatsapp::{self, MessageId, Text};
use shared::replies::{self, ANSWER_CHARS_MAX, Decision, Draft, ReplyFacts, Rules, Suppression};
use uuid::Uuid;

use super::{Endpoint, attempt, quarantine};

/// A model is given so many messages of a conversation at most.
const HISTORY: i64 = 30;
/// A customer waits; and what is left of an invocation must do for sending.
const DRAFTING_TAKES_AT_MOST: Duration = Duration::from_secs(15);
/// In less there is no answer to be had.
const DRAFTING_TAKES_AT_LEAST: Duration = Duration::from_secs(3);

/// Runs the job if it is ready; whatever it ends as, it ends with a reason.
pub(super) async fn run(endpoint: &Endpoint, job: Uuid, deadline: Deadline) -> Result<(), Retry> {
    let connection = endpoint.database.connection().await?;
    let Some(facts) = replies::load_reply(&connection, job).await? else {
        return quarantine(endpoint, "no such job", &job.to_string()).await;
    };
    if facts.state != "pending" || facts.due_at > facts.now {
        tracing::info!(job.id = %job, state = facts.state, "[JOB-RUNNER] nothing to do");
        return Ok(());
    }
    tracing::info!(job.id = %job, conversation.id = facts.conversation, message.id = facts.wamid, "✅ [JOB-RUNNER] picked");
    tracing::info!(job.id = %job, conversation.id = facts.conversation, contact.id = facts.contact, lead.id = facts.lead,
        "✅ [JOB-RUNNER] Conversation loaded");
    let reach = &endpoint.reach;
    match replies::decide(&facts, reach.is_everybody(), |phone| reach.includes(phone)) {
        Decision::Answer => answer(endpoint, connection, job, &facts, deadline).await,
        other => follow(&connection, job, &facts, other).await,
    }
}

async fn answer(
    endpoint: &Endpoint,
    connection: Connection,
    job: Uuid,
    facts: &ReplyFacts,
    deadline: Deadline,
) -> Result<(), Retry> {
    let draft = match &facts.draft {
        Some(draft) => draft.clone(),
        None => match draft(endpoint, &connection, job, facts, deadline).await? {
            Some(draft) => draft,
            None => return Ok(()),
        },
    };
    match draft {
        Draft::Words(words) => send(endpoint, connection, job, facts, words, deadline).await,
        Draft::HandOver(_) => attempt::suppress(&connection, job, "handed_over: a_person_is_needed").await,
    }
}

/// Writes down what is to be said, once; `None` if there was nobody to write it, and it is tried again later.
async fn draft(
    endpoint: &Endpoint,
    connection: &Connection,
    job: Uuid,
    facts: &ReplyFacts,
    deadline: Deadline,
) -> Result<Option<Draft>, Retry> {
    let Some(chat) = &endpoint.chat else {
        return Ok(Some(Draft::HandOver("no model is set up".to_owned())));
    };
    let time = deadline
        .remaining()
        .saturating_sub(attempt::NEEDED + Duration::from_secs(1));
    if time < DRAFTING_TAKES_AT_LEAST {
        return Err(anyhow::anyhow!("too little of the invocation is left to write an answer").into());
    }
    let turns = replies::history(connection, facts.conversation, HISTORY).await?;
    tracing::info!(job.id = %job, message.id = facts.wamid, turns = turns.len(), "✅ [JOB-RUNNER] Inbound message loaded");
    let question = Question {
        instructions: replies::instructions(&endpoint.business, &facts.knowledge),
        turns,
        reply_chars_max: ANSWER_CHARS_MAX,
    };
    tracing::info!(job.id = %job, "🎯 [JOB-RUNNER] orchestrator start");
    let asking = chat.answer(&question, time.min(DRAFTING_TAKES_AT_MOST));
    let (answer, ()) = join(asking, show_read(endpoint.whatsapp.as_ref(), &facts.wamid)).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(unanswered) => return fail(endpoint, connection, job, facts, &unanswered).await,
    };
    let draft = match answer.decision {
        chat::Decision::HandOver { reason, .. } => Draft::HandOver(reason),
        chat::Decision::Reply(words) => {
            let greeting = facts.greeting.as_ref().filter(|_| facts.is_first);
            let greeting = greeting.map(|greeting| greeting.replace("{business}", &endpoint.business));
            let checked = replies::checked(
                &words,
                &Rules {
                    instructions: &question.instructions,
                    conversation: &question.turns,
                    own_hosts: &facts.own_hosts,
                    never_promise: &facts.never_promise,
                    greeting: greeting.as_deref(),
                },
            );
            checked.map_or_else(|doubt| Draft::HandOver(doubt.as_str().to_owned()), Draft::Words)
        }
    };
    tracing::info!(job.id = %job, draft = ?draft, model = answer.model, has_handover = matches!(draft, Draft::HandOver(_)),
        tokens = answer.usage.completion_tokens, "✅ [JOB-RUNNER] orchestrator end");
    Ok(Some(
        replies::record_draft(connection, job, &draft, Some(&answer.model)).await?,
    ))
}

/// A courtesy, while the model writes.
async fn show_read(whatsapp: Option<&whatsapp::Client>, wamid: &str) {
    if let (Some(whatsapp), Some(id)) = (whatsapp, MessageId::parse(wamid)) {
        whatsapp.show_read(&id, true).await;
    }
}

async fn fail(
    endpoint: &Endpoint,
    connection: &Connection,
    job: Uuid,
    facts: &ReplyFacts,
    unanswered: &chat::Unanswered,
) -> Result<Option<Draft>, Retry> {
    let wait = jobs::backoff(facts.failures + 1, endpoint.gate.chance());
    let failed = replies::record_failure(connection, job, wait).await?;
    let (state, failures) = failed.map_or((None, None), |failed| (Some(failed.state), Some(failed.failures)));
    tracing::error!(job.id = %job, why = %unanswered, state, failures, failed = 1, "[JOB-RUNNER] no answer could be written");
    Ok(None)
}

async fn send(
    endpoint: &Endpoint,
    connection: Connection,
    job: Uuid,
    facts: &ReplyFacts,
    words: String,
    deadline: Deadline,
) -> Result<(), Retry> {
    let Some(whatsapp) = &endpoint.whatsapp else {
        return Err(anyhow::anyhow!("WHATSAPP_PHONE_NUMBER_ID is not set: nobody can be answered").into());
    };
    let granting = jobs::grant_reply(&connection, job, &words);
    let (grant, asked) = attempt::ask(endpoint, granting, deadline).await?;
    let (permit, attempt_no) = match grant {
        Grant::Permitted { permit, attempt_no } => (permit, attempt_no),
        Grant::NotPending => return Ok(()),
        Grant::Denied(denial) => {
            tracing::info!(job.id = %job, ?denial, "[JOB-RUNNER] the database allows no attempt");
            return follow(&connection, job, facts, replies::heed(denial)).await;
        }
    };
    // A request may take ten seconds, in which somebody else can use it.
    drop(connection);
    let attempt = permit.attempt();
    let phone = facts.phone.as_ref().map(tracing::field::display);
    tracing::info!(job.id = %job, attempt.id = %attempt, phone, "📤 [JOB-RUNNER] send start");
    let text = Text {
        body: words,
        in_reply_to: None,
    };
    let outcome = whatsapp
        .send_text(permit, &text, || asked.is_fresh(endpoint, job))
        .await;
    // The log outlives the database: from here on the answer is written down somewhere.
    tracing::info!(job.id = %job, attempt.id = %attempt, outcome = ?outcome, "provider answered");
    let settlement = attempt::settle(endpoint, attempt, attempt_no, &outcome, deadline).await;
    tell(job, &outcome, settlement.as_ref());
    if settlement.is_some_and(|settlement| settlement.is_accepted()) {
        project(endpoint, job).await;
    }
    Ok(())
}

/// Copies what was sent into its thread. Whatever becomes of that, it was sent and stays so: the sweeper copies again.
async fn project(endpoint: &Endpoint, job: Uuid) {
    let projected = match endpoint.database.connection().await {
        Ok(connection) => replies::project_reply(&connection, job).await,
        Err(error) => Err(error),
    };
    match projected {
        Ok(Some(row)) => {
            tracing::info!(job.id = %job, conversation.id = row.conversation, message.row = row.message, status = row.status,
                "✅ [JOB-RUNNER] Message row confirmed");
            tracing::info!(job.id = %job, conversation.id = row.conversation, message.id = row.wamid,
                "[OUTBOUND-IDEMPOTENCY] Message record created for Inbox UI");
            tracing::info!(job.id = %job, status = "done", "✅ [JOB-RUNNER] job done");
        }
        Ok(None) => {}
        Err(error) => {
            tracing::error!(job.id = %job, %error, "[OUTBOUND-IDEMPOTENCY] Failed to create Message record (non-critical):");
        }
    }
}

async fn follow(
    connection: &Connection,
    job: Uuid,
    facts: &ReplyFacts,
    decision: Decision,
) -> Result<(), Retry> {
    match decision {
        Decision::Answer | Decision::Leave => Ok(()),
        Decision::Wait(wait) => {
            let wait = Duration::try_from(wait).unwrap_or_default();
            Ok(jobs::defer(connection, job, wait).await?)
        }
        Decision::Suppress(reason) => {
            if reason == Suppression::InvalidPhone {
                tracing::error!(job.id = %job, conversation.id = facts.conversation, error = "INVALID_PHONE: Invalid phone number format",
                    "❌ [JOB-RUNNER] Failed to normalize phone for outbound");
            }
            attempt::suppress(connection, job, reason.as_str()).await?;
            if reason == Suppression::InvalidPhone {
                tracing::info!(job.id = %job, "✅ [JOB-RUNNER] Created follow-up task for invalid phone");
            }
            Ok(())
        }
    }
}

fn tell(job: Uuid, outcome: &Outcome, settlement: Option<&Settlement>) {
    match (outcome, settlement) {
        (Outcome::Accepted { provider_id }, Some(Settlement::Accepted { latency_ms, .. })) => {
            tracing::info!(job.id = %job, message.id = provider_id, latency_ms, success = true, sent = 1, "✅ [JOB-RUNNER] send end");
        }
        (Outcome::Accepted { provider_id }, Some(Settlement::Contradicted)) => {
            tracing::error!(job.id = %job, message.id = provider_id, "WhatsApp's answer contradicts the ledger: kept as evidence");
        }
        (Outcome::Accepted { provider_id }, _) => {
            tracing::info!(job.id = %job, message.id = provider_id, success = true, "✅ [JOB-RUNNER] send end, settled by evidence");
        }
        (Outcome::Refused(refusal), _) => {
            tracing::error!(job.id = %job, why = refusal.why, success = false, failed = 1, "[JOB-RUNNER] send end: refused");
        }
        (Outcome::Unknown { why, .. }, _) => {
            tracing::error!(job.id = %job, why, unclear = 1, "[JOB-RUNNER] send end: outcome unknown, evidence decides");
        }
    }
}
