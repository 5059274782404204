//! SQS FIFO: the doorbell that says a job may be ready, and the park for events that the database could
//! not take.
//!
//! A message carries no truth. Losing one costs a minute, because the sweeper rings again; delivering one
//! twice costs nothing, because the ledger decides.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use anyhow::Context;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::database;
use super::gate::{Gate, Operation};
use super::hex;

/// A webhook awaits its doorbell, because nothing runs after the answer, but not for longer than this.
const SEND_TIMEOUT: Duration = Duration::from_millis(500);

/// The largest message that every queue takes, however long ago it was made.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// What a doorbell says.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Bell {
    /// The form of this message: 1.
    pub v: u8,
    /// The job that may be ready.
    pub job: Uuid,
    /// Whose work it is. Said here, because finding out would be a round trip for every job.
    #[serde(default, skip_serializing_if = "Workflow::is_text")]
    pub kind: Workflow,
}

/// What the work of a job is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Workflow {
    /// A text to somebody whose call was missed. A bell that says nothing else is for one.
    #[default]
    Text,
    /// A call to a customer.
    Call,
    /// An answer in a conversation.
    Reply,
}

impl Workflow {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_text(&self) -> bool {
        *self == Self::Text
    }
}

/// Rings for the jobs of one workflow.
#[derive(Clone)]
pub struct Doorbell {
    client: aws_sdk_sqs::Client,
    queue_url: String,
    kind: Workflow,
    gate: Gate,
}

impl Doorbell {
    /// A doorbell on the FIFO queue of a workflow.
    pub fn new(client: aws_sdk_sqs::Client, queue_url: String, kind: Workflow, gate: Gate) -> Self {
        Self {
            client,
            queue_url,
            kind,
            gate,
        }
    }

    /// Rings for a job, the `number`th time, behind whatever else is due to the same person.
    ///
    /// An error is never the caller's to report: the sweeper rings again within a minute.
    pub async fn ring(&self, job: Uuid, person: &str, number: i32) {
        let sent = self
            .gate
            .pass(Operation::Queue("ring"), self.send(job, person, number))
            .await;
        match sent {
            Ok(()) => tracing::info!(job.id = %job, ring = number, "🚀 [WEBHOOK] Kicked job runner"),
            Err(error) => {
                tracing::warn!(job.id = %job, error = format!("{error:#}"), "doorbell not rung, the sweeper will ring it");
            }
        }
    }

    async fn send(&self, job: Uuid, person: &str, number: i32) -> anyhow::Result<()> {
        let bell = Bell {
            v: 1,
            job,
            kind: self.kind,
        };
        let body = serde_json::to_string(&bell)?;
        let sending = self
            .client
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(body)
            .message_group_id(group_of(person))
            .message_deduplication_id(format!("{job}:{number}"))
            .send();
        tokio::time::timeout(SEND_TIMEOUT, sending)
            .await
            .context("no answer in time")??;
        Ok(())
    }
}

/// The message group of a person: stable, and no telephone number.
pub fn group_of(person: &str) -> String {
    hex(&Sha256::digest(person.as_bytes())[..16])
}

/// Why a message stays in the queue.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct Retry(#[from] anyhow::Error);

impl From<database::Error> for Retry {
    fn from(error: database::Error) -> Self {
        Self(error.into())
    }
}

/// Handles a batch: people beside one another, each person's messages in order.
///
/// After a failure the rest of that person's messages are left for the next delivery, because a FIFO
/// group must not be overtaken; everybody else's go on. A panic fails its own message only.
pub async fn answer<F>(batch: SqsEvent, handle: impl Fn(SqsMessage) -> F) -> SqsBatchResponse
where
    F: Future<Output = Result<(), Retry>>,
{
    let mut people: BTreeMap<String, Vec<SqsMessage>> = BTreeMap::new();
    for message in batch.records {
        let group = message
            .attributes
            .get("MessageGroupId")
            .cloned()
            .unwrap_or_default();
        people.entry(group).or_default().push(message);
    }
    let handle = &handle;
    let in_order = people.into_values().map(|messages| async move {
        let mut left = Vec::new();
        for message in messages {
            let id = message.message_id.clone().unwrap_or_default();
            if left.is_empty() {
                match AssertUnwindSafe(handle(message)).catch_unwind().await {
                    Ok(Ok(())) => continue,
                    Ok(Err(error)) => {
                        tracing::warn!(message.id = id, %error, "message will be delivered again");
                    }
                    Err(_) => tracing::error!(message.id = id, "a message's handling panicked"),
                }
            }
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            left.push(failure);
        }
        left
    });
    let left = futures_util::future::join_all(in_order).await;
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = left.into_iter().flatten().collect();
    response
}

/// Where verified events wait while the database is away.
#[derive(Clone)]
pub struct Park {
    client: aws_sdk_sqs::Client,
    queue_url: String,
    gate: Gate,
}

/// A parked event, as received from the park.
#[derive(Debug)]
pub struct Parked {
    /// What was parked.
    pub body: String,
    receipt: String,
}

impl Park {
    /// A park on a FIFO queue.
    pub fn new(client: aws_sdk_sqs::Client, queue_url: String, gate: Gate) -> Self {
        Self {
            client,
            queue_url,
            gate,
        }
    }

    /// Parks an event; those of one `subject` keep their order. The same event parked twice is replayed
    /// twice, which changes nothing.
    pub async fn park(&self, subject: &str, body: String) -> anyhow::Result<()> {
        anyhow::ensure!(
            body.len() <= MESSAGE_BYTES_MAX,
            "too large for a queue: {} bytes",
            body.len()
        );
        let sending = self
            .client
            .send_message()
            .queue_url(&self.queue_url)
            .message_group_id(group_of(subject))
            .message_deduplication_id(hex(&Sha256::digest(body.as_bytes())))
            .message_body(body)
            .send();
        let sending = Box::pin(async {
            tokio::time::timeout(SEND_TIMEOUT, sending)
                .await
                .context("no answer in time")??;
            Ok(())
        });
        self.gate.pass(Operation::Queue("park"), sending).await
    }

    /// Up to ten parked events, without waiting for more.
    pub async fn receive(&self) -> anyhow::Result<Vec<Parked>> {
        let receiving = async {
            let request = self
                .client
                .receive_message()
                .queue_url(&self.queue_url)
                .max_number_of_messages(10);
            anyhow::Ok(request.send().await?)
        };
        let received = self
            .gate
            .pass(Operation::Queue("receive_parked"), receiving)
            .await?;
        let parked = received.messages.unwrap_or_default().into_iter();
        Ok(parked
            .filter_map(|message| {
                Some(Parked {
                    body: message.body?,
                    receipt: message.receipt_handle?,
                })
            })
            .collect())
    }

    /// Forgets an event that has been replayed.
    pub async fn delete(&self, parked: &Parked) -> anyhow::Result<()> {
        let deleting = async {
            let request = self
                .client
                .delete_message()
                .queue_url(&self.queue_url)
                .receipt_handle(&parked.receipt);
            request.send().await?;
            Ok(())
        };
        self.gate.pass(Operation::Queue("delete_parked"), deleting).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, group: &str) -> SqsMessage {
        let mut message = SqsMessage::default();
        message.message_id = Some(id.to_owned());
        message.body = Some(id.to_owned());
        message
            .attributes
            .insert("MessageGroupId".to_owned(), group.to_owned());
        message
    }

    fn batch(messages: &[(&str, &str)]) -> SqsEvent {
        let mut event = SqsEvent::default();
        event.records = messages.iter().map(|(id, group)| message(id, group)).collect();
        event
    }

    async fn left(messages: &[(&str, &str)], fails: &'static str) -> Vec<String> {
        let response = answer(batch(messages), |message| async move {
            assert!(message.body.as_deref() != Some("panics"), "as asked");
            if message.body.as_deref() == Some(fails) {
                Err(anyhow::anyhow!("no").into())
            } else {
                Ok(())
            }
        })
        .await;
        response
            .batch_item_failures
            .into_iter()
            .map(|failure| failure.item_identifier)
            .collect()
    }

    #[tokio::test]
    async fn a_failure_holds_back_the_rest_of_its_person_and_nobody_else() {
        let messages = [("a1", "ann"), ("a2", "ann"), ("a3", "ann"), ("b1", "bob")];
        assert_eq!(left(&messages, "a2").await, ["a2", "a3"]);
        assert!(left(&messages, "none").await.is_empty());
    }

    #[tokio::test]
    async fn a_panic_is_one_messages_failure() {
        assert_eq!(
            left(&[("panics", "ann"), ("b1", "bob")], "none").await,
            ["panics"]
        );
    }

    #[test]
    fn a_bell_says_whose_work_it_is_and_one_for_a_text_says_nothing() {
        let text = format!(r#"{{"v":1,"job":"{}"}}"#, Uuid::nil());
        let call = format!(r#"{{"v":1,"job":"{}","kind":"call"}}"#, Uuid::nil());
        for (written, kind) in [(text, Workflow::Text), (call, Workflow::Call)] {
            let bell: Bell = serde_json::from_str(&written).unwrap();
            assert_eq!((bell.job, bell.kind), (Uuid::nil(), kind));
            assert_eq!(serde_json::to_string(&bell).unwrap(), written);
        }
    }

    #[test]
    fn a_group_is_stable_and_hides_the_number() {
        assert_eq!(group_of("+14035550001"), group_of("+14035550001"));
        assert_ne!(group_of("+14035550001"), group_of("+14035550002"));
        assert!(!group_of("+14035550001").contains("4035550001"));
    }
}
