//! One queue: what is in it, who holds what, and what it remembers.
//!
//! Everything here is a decision over values. `now` is given, nothing waits, and a queue that is told
//! the same things at the same times always does the same, so its rules can be tested without a clock.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::attributes::{QueueAttributes, Scope};
use super::message::{Message, NewMessage, State, hex};
use super::receipt::{Receipt, Sequence};
use super::refusal::{Code, Refusal, invalid, missing};

/// How long a FIFO queue remembers a deduplication ID or a receive attempt.
pub(super) const DEDUPLICATION_WINDOW: Duration = Duration::from_mins(5);

const PURGE_INTERVAL: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Queue {
    name: String,
    attributes: QueueAttributes,
    created_at: Timestamp,
    modified_at: Timestamp,
    purged_at: Option<Timestamp>,
    last_sequence: Sequence,
    messages: BTreeMap<Sequence, Message>,
    /// The messages that somebody has received and not yet deleted or given back. Some of them may have
    /// become visible again by the passing of time.
    held: BTreeSet<Sequence>,
    accepted: HashMap<DeduplicationKey, Accepted>,
    /// The keys of `accepted`, the oldest first: what to forget next.
    accepted_in_order: VecDeque<DeduplicationKey>,
    attempts: HashMap<String, Attempt>,
}

/// The group is there only where the queue's scope is the group.
type DeduplicationKey = (Option<String>, String);

/// What a sender is told: also the second time it sends the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    pub id: Uuid,
    pub sequence: Sequence,
    at: Timestamp,
}

/// What a receiver asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Receive {
    pub messages_max: usize,
    pub visibility_timeout: Option<Duration>,
    pub attempt: Option<String>,
}

/// What a receive did.
#[derive(Debug, Default)]
pub(super) struct HandedOut {
    pub deliveries: Vec<Delivery>,
    /// Messages that have been received too often: they are out of this queue, and somebody must put
    /// them into the dead-letter queue.
    pub dead: Vec<Message>,
}

/// A message on its way to a receiver.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub message: Message,
    pub sequence: Sequence,
    pub receipt: Receipt,
}

/// A receive that its caller may repeat, because it never saw the answer.
#[derive(Debug)]
struct Attempt {
    at: Timestamp,
    sequences: Vec<Sequence>,
}

impl Queue {
    pub(super) fn new(name: &str, attributes: QueueAttributes, now: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            attributes,
            created_at: now,
            modified_at: now,
            purged_at: None,
            last_sequence: 0,
            messages: BTreeMap::new(),
            held: BTreeSet::new(),
            accepted: HashMap::new(),
            accepted_in_order: VecDeque::new(),
            attempts: HashMap::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn attributes(&self) -> &QueueAttributes {
        &self.attributes
    }

    pub(super) fn change_attributes(&mut self, attributes: QueueAttributes, now: Timestamp) {
        self.attributes = attributes;
        self.modified_at = now;
    }

    /// Takes a message in. One that was accepted before is not taken in again, and its sender cannot tell.
    pub(super) fn send(&mut self, message: NewMessage, now: Timestamp) -> Result<Accepted, Refusal> {
        message.check()?;
        if message.bytes() > self.attributes.message_bytes_max {
            return Err(Code::InvalidParameterValue.because(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
                self.attributes.message_bytes_max
            )));
        }
        let key = if self.attributes.fifo {
            Some(self.deduplication_key(&message)?)
        } else {
            None
        };
        if let (None, Some(id)) = (&key, &message.deduplication_id) {
            return Err(invalid("MessageDeduplicationId", id, WRONG_QUEUE_TYPE));
        }

        self.forget_accepted(now);
        if let Some(accepted) = key.as_ref().and_then(|key| self.accepted.get(key)) {
            return Ok(*accepted);
        }

        let id = message.id;
        let sequence = self.append(Message {
            id,
            body: message.body,
            group: message.group,
            deduplication_id: key.as_ref().map(|(_, id)| id.clone()),
            attributes: message.attributes,
            sent_at: now,
            first_received_at: None,
            receive_count: 0,
            dead_letter_source: None,
            visible_at: now + message.delay.unwrap_or(self.attributes.delay),
            receives_here: 0,
            attempt: None,
        });
        let accepted = Accepted {
            id,
            sequence,
            at: now,
        };
        if let Some(key) = key {
            self.accepted_in_order.push_back(key.clone());
            self.accepted.insert(key, accepted);
        }
        Ok(accepted)
    }

    fn forget_accepted(&mut self, now: Timestamp) {
        while let Some(oldest) = self.accepted_in_order.front()
            && self.accepted[oldest].at + DEDUPLICATION_WINDOW <= now
        {
            self.accepted.remove(oldest);
            self.accepted_in_order.pop_front();
        }
    }

    /// The rules that only FIFO queues have for what is sent.
    fn deduplication_key(&self, message: &NewMessage) -> Result<DeduplicationKey, Refusal> {
        let group = message.group.as_ref().ok_or_else(|| missing("MessageGroupId"))?;
        // Only the queue can hold messages back: a delay of its own could put one behind its successors.
        if let Some(delay) = message.delay {
            return Err(invalid(
                "DelaySeconds",
                &delay.as_secs().to_string(),
                WRONG_QUEUE_TYPE,
            ));
        }
        let id = match &message.deduplication_id {
            Some(id) => id.clone(),
            None if self.attributes.content_based_deduplication => hex(&Sha256::digest(&message.body)),
            None => {
                return Err(Code::InvalidParameterValue.because(
                    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
                ));
            }
        };
        let per_group = self.attributes.deduplication_scope == Scope::MessageGroup;
        Ok((per_group.then(|| group.clone()), id))
    }

    fn append(&mut self, message: Message) -> Sequence {
        self.last_sequence += 1;
        self.messages.insert(self.last_sequence, message);
        self.last_sequence
    }

    /// Keeps a message that another queue has given up. It is as old as it was, so that its retention
    /// goes on from when it was first sent, and it may be here more than once.
    pub(super) fn bury(&mut self, message: Message, source: &str, now: Timestamp) {
        self.append(Message {
            dead_letter_source: Some(source.to_owned()),
            visible_at: now,
            receives_here: 0,
            attempt: None,
            ..message
        });
    }

    /// Takes back a message that was given up: with another ID and age, it has its whole life before it.
    pub(super) fn revive(&mut self, message: Message, id: Uuid, now: Timestamp) {
        self.append(Message {
            id,
            sent_at: now,
            first_received_at: None,
            receive_count: 0,
            dead_letter_source: None,
            visible_at: now,
            receives_here: 0,
            attempt: None,
            ..message
        });
    }

    /// Hands out what may be had now, and hides it for a while.
    ///
    /// In a FIFO queue nobody gets a message of a group while another of the same group is in flight, and
    /// a group's messages come in the order in which they were accepted.
    pub(super) fn receive(&mut self, ask: &Receive, now: Timestamp) -> Result<HandedOut, Refusal> {
        if let (Some(attempt), false) = (&ask.attempt, self.attributes.fifo) {
            return Err(invalid("ReceiveRequestAttemptId", attempt, WRONG_QUEUE_TYPE));
        }
        let hidden_until = now
            + ask
                .visibility_timeout
                .unwrap_or(self.attributes.visibility_timeout);
        if let Some(repeated) = self.receive_again(ask, hidden_until, now) {
            return Ok(HandedOut {
                deliveries: repeated,
                dead: Vec::new(),
            });
        }

        self.held.retain(|sequence| {
            self.messages
                .get(sequence)
                .is_some_and(|message| message.visible_at > now)
        });
        let mut blocked: BTreeSet<String> = BTreeSet::new();
        if self.attributes.fifo {
            blocked.extend(
                self.held
                    .iter()
                    .filter_map(|sequence| self.messages[sequence].group.clone()),
            );
        }
        let receives_max = self
            .attributes
            .redrive
            .as_ref()
            .map(|policy| policy.max_receive_count);
        let mut chosen = Vec::new();
        let mut dead = Vec::new();
        let mut expired = Vec::new();
        for (&sequence, message) in &self.messages {
            if chosen.len() == ask.messages_max {
                break;
            }
            let group = message.group.as_ref().filter(|_| self.attributes.fifo);
            if group.is_some_and(|group| blocked.contains(group)) {
                continue;
            }
            if message.is_older_than(self.attributes.retention, now) {
                expired.push(sequence);
            } else if message.visible_at > now {
                // In flight, or delayed: then those behind it in its group wait for it.
                blocked.extend(group.cloned());
            } else if receives_max.is_some_and(|most| message.receives_here >= most) {
                dead.push(sequence);
            } else {
                chosen.push(sequence);
            }
        }

        for sequence in expired {
            self.remove(sequence);
        }
        let dead = dead
            .into_iter()
            .filter_map(|sequence| self.remove(sequence))
            .collect();
        if let (Some(id), false) = (&ask.attempt, chosen.is_empty()) {
            self.attempts.insert(
                id.clone(),
                Attempt {
                    at: now,
                    sequences: chosen.clone(),
                },
            );
        }
        for sequence in &chosen {
            let message = self
                .messages
                .get_mut(sequence)
                .expect("it was just chosen from these");
            message.first_received_at.get_or_insert(now);
            message.receive_count += 1;
            message.receives_here += 1;
            message.visible_at = hidden_until;
            message.attempt.clone_from(&ask.attempt);
        }
        self.held.extend(&chosen);
        Ok(HandedOut {
            deliveries: self.deliveries(&chosen),
            dead,
        })
    }

    /// The same messages under the same receipts, for a receiver that lost the answer to its attempt, as
    /// long as none of them has been touched since. They are hidden anew.
    fn receive_again(
        &mut self,
        ask: &Receive,
        hidden_until: Timestamp,
        now: Timestamp,
    ) -> Option<Vec<Delivery>> {
        self.attempts
            .retain(|_, attempt| now < attempt.at + DEDUPLICATION_WINDOW);
        let id = ask.attempt.as_ref()?;
        let sequences = self.attempts.get(id)?.sequences.clone();
        let untouched = sequences.iter().all(|sequence| {
            let message = self.messages.get(sequence);
            message.is_some_and(|message| message.attempt.as_ref() == Some(id) && message.visible_at > now)
        });
        if !untouched {
            return None;
        }
        for sequence in &sequences {
            self.messages
                .get_mut(sequence)
                .expect("it was just seen")
                .visible_at = hidden_until;
        }
        Some(self.deliveries(&sequences))
    }

    fn deliveries(&self, sequences: &[Sequence]) -> Vec<Delivery> {
        let deliver = |&sequence: &Sequence| {
            let message = self.messages[&sequence].clone();
            let receipt = Receipt {
                queue: self.name.clone(),
                sequence,
                message: message.id,
                receive: message.receives_here,
            };
            Delivery {
                message,
                sequence,
                receipt,
            }
        };
        sequences.iter().map(deliver).collect()
    }

    /// Forgets a message that its receiver has handled.
    ///
    /// To delete twice is to delete. A receipt that no longer holds its message deletes nothing: a FIFO
    /// queue says so, a standard queue does not.
    pub(super) fn delete(&mut self, receipt: &str, now: Timestamp) -> Result<(), Refusal> {
        let receipt = self.read(receipt)?;
        let Some(message) = self.messages.get(&receipt.sequence) else {
            return Ok(());
        };
        let is_last = message.receives_here == receipt.receive;
        if self.attributes.fifo && !(is_last && message.visible_at > now) {
            return Err(expired_receipt(&receipt));
        }
        if is_last {
            self.remove(receipt.sequence);
        }
        Ok(())
    }

    /// Hides a message for longer, or gives it back.
    pub(super) fn change_visibility(
        &mut self,
        receipt: &str,
        timeout: Duration,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let receipt = self.read(receipt)?;
        let fifo = self.attributes.fifo;
        let Some(message) = self.messages.get_mut(&receipt.sequence) else {
            let reason = "Message does not exist or is not available for visibility timeout change.";
            return Err(invalid("ReceiptHandle", &receipt.to_string(), reason));
        };
        if message.receives_here != receipt.receive || message.visible_at <= now {
            let not_in_flight =
                || Code::MessageNotInflight.because("The message referred to isn't in flight.");
            return Err(if fifo {
                expired_receipt(&receipt)
            } else {
                not_in_flight()
            });
        }
        message.visible_at = now + timeout;
        message.attempt = None;
        Ok(())
    }

    fn read(&self, receipt: &str) -> Result<Receipt, Refusal> {
        let read = receipt
            .parse()
            .ok()
            .filter(|receipt: &Receipt| receipt.queue == self.name);
        read.ok_or_else(|| {
            Code::ReceiptHandleIsInvalid
                .because(format!("The input receipt handle \"{receipt}\" is invalid."))
        })
    }

    fn remove(&mut self, sequence: Sequence) -> Option<Message> {
        self.held.remove(&sequence);
        self.messages.remove(&sequence)
    }

    /// Empties the queue. What it remembers against duplicates stays.
    pub(super) fn purge(&mut self, now: Timestamp) -> Result<(), Refusal> {
        if self.purged_at.is_some_and(|at| now < at + PURGE_INTERVAL) {
            return Err(Code::PurgeQueueInProgress.because(format!(
                "Only one PurgeQueue operation on {} is allowed every 60 seconds.",
                self.name
            )));
        }
        self.purged_at = Some(now);
        self.messages.clear();
        self.held.clear();
        Ok(())
    }

    /// Takes out the messages that nobody holds and that have somewhere to go.
    pub(super) fn take_waiting(
        &mut self,
        has_somewhere_to_go: impl Fn(&Message) -> bool,
        now: Timestamp,
    ) -> Vec<Message> {
        let goes = |message: &Message, state| state == State::Waiting && has_somewhere_to_go(message);
        let sequences: Vec<Sequence> = self
            .messages(now)
            .filter_map(|(sequence, message, state)| goes(message, state).then_some(sequence))
            .collect();
        sequences
            .into_iter()
            .filter_map(|sequence| self.remove(sequence))
            .collect()
    }

    /// What is in the queue, in order.
    pub(super) fn messages(&self, now: Timestamp) -> impl Iterator<Item = (Sequence, &Message, State)> {
        let kept = self
            .messages
            .iter()
            .filter(move |(_, message)| !message.is_older_than(self.attributes.retention, now));
        kept.map(move |(&sequence, message)| (sequence, message, message.state(now)))
    }

    /// When a message that is hidden now becomes visible: the next moment at which waiting could pay
    /// although nobody sends anything.
    pub(super) fn next_visible_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.messages
            .values()
            .map(|message| message.visible_at)
            .filter(|at| *at > now)
            .min()
    }

    /// Everything that `GetQueueAttributes` tells of a queue but its ARN.
    pub(super) fn described(&self, now: Timestamp) -> BTreeMap<String, String> {
        let mut told = self.attributes.described();
        let count = |wanted| {
            self.messages(now)
                .filter(|(_, _, state)| *state == wanted)
                .count()
                .to_string()
        };
        told.extend(
            [
                ("ApproximateNumberOfMessages", count(State::Waiting)),
                ("ApproximateNumberOfMessagesDelayed", count(State::Delayed)),
                ("ApproximateNumberOfMessagesNotVisible", count(State::InFlight)),
                ("CreatedTimestamp", self.created_at.as_second().to_string()),
                ("LastModifiedTimestamp", self.modified_at.as_second().to_string()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        told
    }
}

const WRONG_QUEUE_TYPE: &str = "The request include parameter that is not valid for this queue type.";

fn expired_receipt(receipt: &Receipt) -> Refusal {
    invalid(
        "ReceiptHandle",
        &receipt.to_string(),
        "The receipt handle has expired.",
    )
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
