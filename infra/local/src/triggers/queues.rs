//! Lambda's event source mapping for SQS.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::stopped;
use crate::invoke::{ACCOUNT, Invoke, REGION};
use crate::template::QueueTrigger;

/// How long the queue may keep a poller waiting, and so how long a stop may take. A message ends the wait, so
/// a longer one would make nothing faster.
const WAIT_SECS: i32 = 1;
/// After an error, so that an absent queue is not asked without a pause.
const PAUSE: Duration = Duration::from_secs(1);

/// A queue and whoever takes its messages.
pub(super) struct Source {
    pub(super) client: aws_sdk_sqs::Client,
    pub(super) url: String,
    pub(super) trigger: QueueTrigger,
    pub(super) function: Arc<dyn Invoke>,
}

/// One of the pollers: a batch at a time, until it is stopped. The queue itself sees to it that no two of them
/// hold messages of one group.
///
/// It is never stopped between a receive and its deletes: messages received and dropped would be invisible
/// for minutes to whoever comes next.
pub(super) async fn poll(source: Arc<Source>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() && stop.has_changed().is_ok() {
        if let Err(error) = source.take_batch().await {
            tracing::error!(
                queue = source.trigger.queue,
                error = format!("{error:#}"),
                "polling failed"
            );
            tokio::select! {
                () = stopped(&mut stop) => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

impl Source {
    async fn take_batch(&self) -> anyhow::Result<()> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(self.trigger.batch_size.into())
            .wait_time_seconds(WAIT_SECS)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await?;
        let messages = received.messages.unwrap_or_default();
        if messages.is_empty() {
            return Ok(());
        }
        let (queue, function) = (&self.trigger.queue, &self.trigger.function);
        let answer = match self.function.invoke(event(&messages, &self.arn())).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(queue, function, %error, "a batch failed, and comes again");
                return Ok(());
            }
        };
        match kept(&messages, &answer, self.trigger.partial_batch) {
            Ok(kept) => self.delete(messages, &kept).await,
            Err(error) => {
                tracing::error!(queue, function, %error, "a batch's answer is none, so all of it comes again");
                Ok(())
            }
        }
    }

    async fn delete(&self, messages: Vec<Message>, kept: &BTreeSet<String>) -> anyhow::Result<()> {
        let done = messages.into_iter().filter(|message| !kept.contains(id(message)));
        let entries = done
            .enumerate()
            .map(|(n, message)| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(n.to_string());
                entry.set_receipt_handle(message.receipt_handle).build()
            })
            .collect::<Result<Vec<_>, _>>()?;
        if entries.is_empty() {
            return Ok(());
        }
        let deleting = self
            .client
            .delete_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries));
        let deleted = deleting.send().await.context("deleting what is done")?;
        for failure in deleted.failed() {
            tracing::error!(
                queue = self.trigger.queue,
                code = failure.code(),
                "a message that is done was not deleted"
            );
        }
        Ok(())
    }

    fn arn(&self) -> String {
        let name = self.url.rsplit('/').next().unwrap_or_default();
        format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
    }
}

fn id(message: &Message) -> &str {
    message.message_id().unwrap_or_default()
}

fn event(messages: &[Message], queue_arn: &str) -> Value {
    let records: Vec<_> = messages
        .iter()
        .map(|message| record(message, queue_arn))
        .collect();
    json!({ "Records": records })
}

fn record(message: &Message, queue_arn: &str) -> Value {
    let attributes = message.attributes().into_iter().flatten();
    let attributes: Map<String, Value> = attributes
        .map(|(name, value)| (name.as_str().to_owned(), value.clone().into()))
        .collect();
    let message_attributes = message.message_attributes().into_iter().flatten();
    let message_attributes: Map<String, Value> = message_attributes
        .map(|(name, value)| {
            let value = json!({
                "stringValue": value.string_value(),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value.data_type(),
            });
            (name.clone(), value)
        })
        .collect();
    json!({
        "messageId": message.message_id(),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "attributes": attributes,
        "messageAttributes": message_attributes,
        "md5OfBody": message.md5_of_body(),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    })
}

/// Which messages stay in the queue after an answer; an error if it names one that was not in the batch, or is
/// no answer at all, and then all of them stay.
fn kept(messages: &[Message], answer: &Value, partial_batch: bool) -> anyhow::Result<BTreeSet<String>> {
    if !partial_batch || answer.is_null() {
        return Ok(BTreeSet::new());
    }
    let answer = answer.as_object().context("the answer is no object")?;
    let failures = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return Ok(BTreeSet::new()),
        Some(failures) => failures.as_array().context("batchItemFailures is no list")?,
    };
    failures
        .iter()
        .map(|failure| {
            let failed = failure["itemIdentifier"]
                .as_str()
                .filter(|failed| !failed.is_empty());
            let failed = failed.context("a failure has no itemIdentifier")?;
            ensure!(
                messages.iter().any(|message| id(message) == failed),
                "the batch has no {failed}"
            );
            Ok(failed.to_owned())
        })
        .collect()
}

#[cfg(test)]
#[path = "queues_tests.rs"]
mod tests;
