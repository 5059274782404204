//! SQS's JSON protocol: one action a request, named in a header; the request and the answer in the body.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::attributes::{QueueAttributes, REQUEST_BYTES_MAX};
use super::message::{MessageAttribute, NewMessage, md5_of_attributes, md5_of_body};
use super::queue::{Accepted, Delivery, Receive};
use super::refusal::{Code, Refusal, invalid, missing};
use super::{Sqs, arn, path};

/// What an action answers, or why it does not.
type Answer = Result<Value, Refusal>;

/// Performs one action. `origin` is where the caller reaches us, for the queue URLs that it is told.
pub(super) async fn perform(sqs: &Sqs, action: &str, origin: &str, body: &[u8]) -> Answer {
    match action {
        "ChangeMessageVisibility" => change_message_visibility(sqs, &read(body)?),
        "ChangeMessageVisibilityBatch" => change_message_visibility_batch(sqs, read(body)?),
        "CreateQueue" => create_queue(sqs, origin, &read(body)?),
        "DeleteMessage" => delete_message(sqs, &read(body)?),
        "DeleteMessageBatch" => delete_message_batch(sqs, read(body)?),
        "DeleteQueue" => delete_queue(sqs, &read(body)?),
        "GetQueueAttributes" => get_queue_attributes(sqs, &read(body)?),
        "GetQueueUrl" => get_queue_url(sqs, origin, &read(body)?),
        "ListDeadLetterSourceQueues" => list_dead_letter_source_queues(sqs, origin, &read(body)?),
        "ListMessageMoveTasks" => list_message_move_tasks(sqs, &read(body)?),
        "ListQueues" => Ok(list_queues(sqs, origin, &read(body)?)),
        "PurgeQueue" => purge_queue(sqs, &read(body)?),
        "ReceiveMessage" => receive_message(sqs, read(body)?).await,
        "SendMessage" => send_message(sqs, read(body)?),
        "SendMessageBatch" => send_message_batch(sqs, read(body)?),
        "SetQueueAttributes" => set_queue_attributes(sqs, &read(body)?),
        "StartMessageMoveTask" => start_message_move_task(sqs, &read(body)?),
        _ => Err(Code::UnknownOperationException.because(format!("{action} is not served here"))),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Code::SerializationException.because(error.to_string()))
}

/// The queue that a request is about, by the last part of its URL: whichever host the caller knows us by.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct About {
    queue_url: Option<String>,
}

impl About {
    fn queue(&self) -> Result<&str, Refusal> {
        let url = self.queue_url.as_deref().ok_or_else(|| missing("QueueUrl"))?;
        Ok(url.rsplit('/').next().unwrap_or(url))
    }
}

// Queues ---------------------------------------------------------------------------------------------

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateQueue {
    queue_name: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

fn create_queue(sqs: &Sqs, origin: &str, request: &CreateQueue) -> Answer {
    let name = request
        .queue_name
        .as_deref()
        .ok_or_else(|| missing("QueueName"))?;
    let attributes = QueueAttributes::from_pairs(pairs(&request.attributes))?;
    sqs.change(|queues, now| queues.create(name, attributes, now))?;
    Ok(json!({ "QueueUrl": url(origin, name) }))
}

fn delete_queue(sqs: &Sqs, about: &About) -> Answer {
    sqs.change(|queues, _| queues.remove(about.queue()?))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetQueueUrl {
    queue_name: Option<String>,
}

fn get_queue_url(sqs: &Sqs, origin: &str, request: &GetQueueUrl) -> Answer {
    let name = request
        .queue_name
        .as_deref()
        .ok_or_else(|| missing("QueueName"))?;
    sqs.look(|queues, _| queues.queue(name).map(drop))?;
    Ok(json!({ "QueueUrl": url(origin, name) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListQueues {
    #[serde(default)]
    queue_name_prefix: String,
}

fn list_queues(sqs: &Sqs, origin: &str, request: &ListQueues) -> Value {
    let urls: Vec<String> = sqs.look(|queues, _| {
        let names = queues
            .names()
            .filter(|name| name.starts_with(&request.queue_name_prefix));
        names.map(|name| url(origin, name)).collect()
    });
    json!({ "QueueUrls": urls })
}

fn list_dead_letter_source_queues(sqs: &Sqs, origin: &str, about: &About) -> Answer {
    let urls = sqs.look(|queues, _| {
        let name = queues.queue(about.queue()?)?.name();
        Ok(queues
            .dead_letter_sources(name)
            .map(|source| url(origin, source))
            .collect::<Vec<_>>())
    })?;
    // The only list of the protocol that begins with a small letter.
    Ok(json!({ "queueUrls": urls }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetQueueAttributes {
    #[serde(flatten)]
    about: About,
    #[serde(default)]
    attribute_names: Vec<String>,
}

fn get_queue_attributes(sqs: &Sqs, request: &GetQueueAttributes) -> Answer {
    let name = request.about.queue()?;
    let mut attributes = sqs.look(|queues, now| Ok(queues.queue(name)?.described(now)))?;
    attributes.insert("QueueArn".to_owned(), arn(name));
    let wanted = &request.attribute_names;
    attributes.retain(|attribute, _| wanted.iter().any(|wanted| wanted == "All" || wanted == attribute));
    Ok(json!({ "Attributes": attributes }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetQueueAttributes {
    #[serde(flatten)]
    about: About,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

fn set_queue_attributes(sqs: &Sqs, request: &SetQueueAttributes) -> Answer {
    let name = request.about.queue()?;
    sqs.change(|queues, now| queues.change_attributes(name, pairs(&request.attributes), now))?;
    Ok(json!({}))
}

fn purge_queue(sqs: &Sqs, about: &About) -> Answer {
    sqs.change(|queues, now| queues.queue_mut(about.queue()?)?.purge(now))?;
    Ok(json!({}))
}

// Dead letters ---------------------------------------------------------------------------------------

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StartMessageMoveTask {
    source_arn: Option<String>,
    destination_arn: Option<String>,
}

fn start_message_move_task(sqs: &Sqs, request: &StartMessageMoveTask) -> Answer {
    let source = request
        .source_arn
        .as_deref()
        .ok_or_else(|| missing("SourceArn"))?;
    let destination = request.destination_arn.as_deref();
    sqs.change(|queues, now| queues.move_messages(source, destination, Uuid::new_v4, now))?;
    Ok(json!({ "TaskHandle": Uuid::new_v4().to_string() }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListMessageMoveTasks {
    source_arn: Option<String>,
    max_results: Option<usize>,
}

fn list_message_move_tasks(sqs: &Sqs, request: &ListMessageMoveTasks) -> Answer {
    let source = request
        .source_arn
        .as_deref()
        .ok_or_else(|| missing("SourceArn"))?;
    let results: Vec<Value> = sqs.look(|queues, _| {
        let moves = queues.moves(source).take(request.max_results.unwrap_or(1));
        moves
            .map(|done| {
                let mut told = json!({
                    "SourceArn": done.source_arn,
                    "StartedTimestamp": done.started_at.as_millisecond(),
                    "Status": if done.failure.is_some() { "FAILED" } else { "COMPLETED" },
                    "ApproximateNumberOfMessagesMoved": done.moved,
                    "ApproximateNumberOfMessagesToMove": done.waiting,
                });
                tell(&mut told, "DestinationArn", done.destination_arn.clone());
                tell(&mut told, "FailureReason", done.failure);
                told
            })
            .collect()
    });
    Ok(json!({ "Results": results }))
}

// Sending --------------------------------------------------------------------------------------------

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    #[serde(flatten)]
    about: About,
    #[serde(flatten)]
    message: MessageToSend,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MessageToSend {
    #[serde(default)]
    message_body: String,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
    delay_seconds: Option<u64>,
    #[serde(default)]
    message_attributes: BTreeMap<String, MessageAttribute>,
}

impl MessageToSend {
    fn into_message(self) -> Result<NewMessage, Refusal> {
        let delay = self
            .delay_seconds
            .map(|delay| within("DelaySeconds", delay, 0, 900))
            .transpose()?;
        Ok(NewMessage {
            id: Uuid::new_v4(),
            body: self.message_body,
            group: self.message_group_id,
            deduplication_id: self.message_deduplication_id,
            delay: delay.map(Duration::from_secs),
            attributes: self.message_attributes,
        })
    }
}

fn send_message(sqs: &Sqs, request: SendMessage) -> Answer {
    let name = request.about.queue()?.to_owned();
    send(sqs, &name, request.message)
}

fn send(sqs: &Sqs, name: &str, message: MessageToSend) -> Answer {
    let message = message.into_message()?;
    let body = md5_of_body(&message.body);
    let attributes = md5_of_attributes(&message.attributes);
    let (accepted, fifo) = sqs.change(|queues, now| {
        let queue = queues.queue_mut(name)?;
        Ok((queue.send(message, now)?, queue.attributes().fifo))
    })?;
    let Accepted { id, sequence, .. } = accepted;
    let mut told = json!({ "MessageId": id, "MD5OfMessageBody": body });
    tell(&mut told, "MD5OfMessageAttributes", attributes);
    tell(
        &mut told,
        "SequenceNumber",
        fifo.then(|| sequence_number(sequence)),
    );
    Ok(told)
}

fn send_message_batch(sqs: &Sqs, request: Batch<MessageToSend>) -> Answer {
    let name = request.about.queue()?.to_owned();
    sqs.look(|queues, _| queues.queue(&name).map(drop))?;
    let bytes: usize = request
        .entries
        .iter()
        .map(|entry| entry.what.message_body.len())
        .sum();
    if bytes > REQUEST_BYTES_MAX {
        return Err(Code::BatchRequestTooLong.because(format!(
            "Batch requests cannot be longer than {REQUEST_BYTES_MAX} bytes. You have sent {bytes} bytes."
        )));
    }
    request.answer_each(|message| send(sqs, &name, message))
}

// Receiving ------------------------------------------------------------------------------------------

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveMessage {
    #[serde(flatten)]
    about: About,
    max_number_of_messages: Option<u64>,
    visibility_timeout: Option<u64>,
    wait_time_seconds: Option<u64>,
    receive_request_attempt_id: Option<String>,
    /// The older name of the field below.
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

async fn receive_message(sqs: &Sqs, request: ReceiveMessage) -> Answer {
    let name = request.about.queue()?;
    let most = within(
        "MaxNumberOfMessages",
        request.max_number_of_messages.unwrap_or(1),
        1,
        10,
    )?;
    let hidden = request
        .visibility_timeout
        .map(|timeout| within("VisibilityTimeout", timeout, 0, 43_200));
    let wait = request
        .wait_time_seconds
        .map(|wait| within("WaitTimeSeconds", wait, 0, 20))
        .transpose()?;
    let ask = Receive {
        messages_max: usize::try_from(most).expect("it is at most ten"),
        visibility_timeout: hidden.transpose()?.map(Duration::from_secs),
        attempt: request.receive_request_attempt_id.clone(),
    };
    let deliveries = sqs.receive(name, &ask, wait.map(Duration::from_secs)).await?;
    let told: Vec<Value> = deliveries.iter().map(|delivery| request.told(delivery)).collect();
    // An empty receive has no list at all, not an empty one.
    Ok(if told.is_empty() {
        json!({})
    } else {
        json!({ "Messages": told })
    })
}

impl ReceiveMessage {
    fn told(&self, delivery: &Delivery) -> Value {
        let message = &delivery.message;
        let mut told = json!({
            "MessageId": message.id,
            "ReceiptHandle": delivery.receipt.to_string(),
            "Body": message.body,
            "MD5OfBody": md5_of_body(&message.body),
        });

        let mut system = system_attributes(delivery);
        let wanted: BTreeSet<&str> = self
            .attribute_names
            .iter()
            .chain(&self.message_system_attribute_names)
            .map(String::as_str)
            .collect();
        system.retain(|name, _| wanted.contains("All") || wanted.contains(name.as_str()));
        tell(&mut told, "Attributes", (!system.is_empty()).then_some(system));

        let mut attributes = message.attributes.clone();
        attributes.retain(|name, _| {
            self.message_attribute_names
                .iter()
                .any(|wanted| match wanted.strip_suffix(".*") {
                    Some(prefix) => name.starts_with(prefix),
                    None => wanted == "All" || wanted == name,
                })
        });
        tell(
            &mut told,
            "MD5OfMessageAttributes",
            md5_of_attributes(&attributes),
        );
        tell(
            &mut told,
            "MessageAttributes",
            (!attributes.is_empty()).then(|| json!(attributes)),
        );
        told
    }
}

fn system_attributes(delivery: &Delivery) -> Map<String, Value> {
    let message = &delivery.message;
    let mut told = json!({
        "ApproximateReceiveCount": message.receive_count.to_string(),
        "SenderId": "AIDALOCAL",
        "SentTimestamp": message.sent_at.as_millisecond().to_string(),
    });
    let first = message
        .first_received_at
        .map(|at| at.as_millisecond().to_string());
    tell(&mut told, "ApproximateFirstReceiveTimestamp", first);
    tell(
        &mut told,
        "DeadLetterQueueSourceArn",
        message.dead_letter_source.as_deref().map(arn),
    );
    tell(&mut told, "MessageGroupId", message.group.as_deref());
    if message.deduplication_id.is_some() {
        tell(
            &mut told,
            "MessageDeduplicationId",
            message.deduplication_id.as_deref(),
        );
        tell(
            &mut told,
            "SequenceNumber",
            Some(sequence_number(delivery.sequence)),
        );
    }
    match told {
        Value::Object(told) => told,
        _ => unreachable!("it was made as an object"),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteMessage {
    #[serde(flatten)]
    about: About,
    #[serde(flatten)]
    receipt: ReceiptToDelete,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiptToDelete {
    receipt_handle: Option<String>,
}

fn delete_message(sqs: &Sqs, request: &DeleteMessage) -> Answer {
    delete(sqs, request.about.queue()?, &request.receipt)
}

fn delete(sqs: &Sqs, name: &str, receipt: &ReceiptToDelete) -> Answer {
    let receipt = receipt
        .receipt_handle
        .as_deref()
        .ok_or_else(|| missing("ReceiptHandle"))?;
    sqs.change(|queues, now| queues.queue_mut(name)?.delete(receipt, now))?;
    Ok(json!({}))
}

fn delete_message_batch(sqs: &Sqs, request: Batch<ReceiptToDelete>) -> Answer {
    let name = request.about.queue()?.to_owned();
    sqs.look(|queues, _| queues.queue(&name).map(drop))?;
    request.answer_each(|receipt| delete(sqs, &name, &receipt))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeMessageVisibility {
    #[serde(flatten)]
    about: About,
    #[serde(flatten)]
    change: VisibilityToChange,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VisibilityToChange {
    receipt_handle: Option<String>,
    visibility_timeout: Option<u64>,
}

fn change_message_visibility(sqs: &Sqs, request: &ChangeMessageVisibility) -> Answer {
    change_visibility(sqs, request.about.queue()?, &request.change)
}

fn change_visibility(sqs: &Sqs, name: &str, change: &VisibilityToChange) -> Answer {
    let receipt = change
        .receipt_handle
        .as_deref()
        .ok_or_else(|| missing("ReceiptHandle"))?;
    let timeout = change
        .visibility_timeout
        .ok_or_else(|| missing("VisibilityTimeout"))?;
    let timeout = Duration::from_secs(within("VisibilityTimeout", timeout, 0, 43_200)?);
    sqs.change(|queues, now| queues.queue_mut(name)?.change_visibility(receipt, timeout, now))?;
    Ok(json!({}))
}

fn change_message_visibility_batch(sqs: &Sqs, request: Batch<VisibilityToChange>) -> Answer {
    let name = request.about.queue()?.to_owned();
    sqs.look(|queues, _| queues.queue(&name).map(drop))?;
    request.answer_each(|change| change_visibility(sqs, &name, &change))
}

// Batches --------------------------------------------------------------------------------------------

/// Up to ten requests in one, each of which succeeds or fails by itself.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch<T> {
    #[serde(flatten)]
    about: About,
    #[serde(default = "Vec::new")]
    entries: Vec<Entry<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<T> {
    id: String,
    #[serde(flatten)]
    what: T,
}

impl<T> Batch<T> {
    fn answer_each(self, mut answer: impl FnMut(T) -> Answer) -> Answer {
        self.check()?;
        let mut successful = Vec::new();
        let mut failed = Vec::new();
        for Entry { id, what } in self.entries {
            match answer(what) {
                Ok(mut told) => {
                    tell(&mut told, "Id", Some(id));
                    successful.push(told);
                }
                Err(Refusal { code, message }) => failed.push(json!({
                    "Id": id,
                    "Code": code.query_code(),
                    "Message": message,
                    "SenderFault": !code.is_ours(),
                })),
            }
        }
        let mut told = json!({ "Successful": successful });
        tell(&mut told, "Failed", (!failed.is_empty()).then_some(failed));
        Ok(told)
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.entries.is_empty() {
            return Err(Code::EmptyBatchRequest.because("There should be at least one entry in the request."));
        }
        if self.entries.len() > 10 {
            return Err(Code::TooManyEntriesInBatchRequest.because(format!(
                "Maximum number of entries per request are 10. You have sent {}.",
                self.entries.len()
            )));
        }
        let mut seen = BTreeSet::new();
        for Entry { id, .. } in &self.entries {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            if id.is_empty() || id.len() > 80 || !id.bytes().all(is_allowed) {
                return Err(Code::InvalidBatchEntryId.because("A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."));
            }
            if !seen.insert(id) {
                return Err(Code::BatchEntryIdsNotDistinct.because(format!("Id {id} repeated.")));
            }
        }
        Ok(())
    }
}

// What they share ------------------------------------------------------------------------------------

fn pairs(attributes: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    attributes
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
}

fn within(parameter: &str, value: u64, least: u64, most: u64) -> Result<u64, Refusal> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    let reason = format!("Must be >= {least} and <= {most}, if provided.");
    Err(invalid(parameter, &value.to_string(), &reason))
}

/// Adds a field that is left out where there is nothing to say.
fn tell(answer: &mut Value, field: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        answer[field] = value.into();
    }
}

fn sequence_number(sequence: u64) -> String {
    format!("{sequence:020}")
}

fn url(origin: &str, name: &str) -> String {
    format!("{origin}{}", path(name))
}
