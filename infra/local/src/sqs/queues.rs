//! All queues, and what happens between them: dead letters, and bringing them back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

use super::attributes::QueueAttributes;
use super::message::{Message, State};
use super::queue::{Delivery, Queue, Receive};
use super::refusal::{Code, Refusal, invalid};
use super::{arn, name_in_arn};

#[derive(Debug, Default)]
pub(super) struct Queues {
    by_name: BTreeMap<String, Queue>,
    moves: Vec<Move>,
}

/// A finished move of a dead-letter queue's messages. Here a move is over as soon as it has begun.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub source_arn: String,
    pub destination_arn: Option<String>,
    pub started_at: Timestamp,
    /// How many waited when it began.
    pub waiting: usize,
    pub moved: usize,
    pub failure: Option<&'static str>,
}

/// What a receive came to.
#[derive(Debug)]
pub(super) struct Received {
    pub deliveries: Vec<Delivery>,
    /// How many messages went to the dead-letter queue instead.
    pub buried: usize,
}

impl Queues {
    /// Makes a queue. One that is there already, with the same attributes, is the one that was asked for.
    pub(super) fn create(
        &mut self,
        name: &str,
        attributes: QueueAttributes,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        check_name(name, attributes.fifo)?;
        self.check_redrive(&attributes)?;
        if let Some(queue) = self.by_name.get(name) {
            if *queue.attributes() == attributes {
                return Ok(());
            }
            return Err(Code::QueueNameExists.because(
                "A queue already exists with the same name and a different value for an attribute.",
            ));
        }
        self.by_name
            .insert(name.to_owned(), Queue::new(name, attributes, now));
        Ok(())
    }

    pub(super) fn change_attributes<'a>(
        &mut self,
        name: &str,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let mut attributes = self.queue(name)?.attributes().clone();
        attributes.change(pairs)?;
        self.check_redrive(&attributes)?;
        self.queue_mut(name)?.change_attributes(attributes, now);
        Ok(())
    }

    /// A FIFO queue's dead letters keep their groups, so the queue that takes them is FIFO as well.
    fn check_redrive(&self, attributes: &QueueAttributes) -> Result<(), Refusal> {
        let Some(policy) = &attributes.redrive else {
            return Ok(());
        };
        let target = self.by_name.get(&policy.dead_letter_queue);
        let reason = match target {
            None => "Dead letter target does not exist.",
            Some(target) if target.attributes().fifo != attributes.fifo => {
                "Dead-letter queue must be same type of queue as the source."
            }
            Some(_) => return Ok(()),
        };
        Err(invalid("RedrivePolicy", &arn(&policy.dead_letter_queue), reason))
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<(), Refusal> {
        self.by_name.remove(name).map(drop).ok_or_else(no_such_queue)
    }

    pub(super) fn queue(&self, name: &str) -> Result<&Queue, Refusal> {
        self.by_name.get(name).ok_or_else(no_such_queue)
    }

    pub(super) fn queue_mut(&mut self, name: &str) -> Result<&mut Queue, Refusal> {
        self.by_name.get_mut(name).ok_or_else(no_such_queue)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The queues that give up their messages to this one.
    pub(super) fn dead_letter_sources(&self, name: &str) -> impl Iterator<Item = &str> {
        let gives_up_to = move |queue: &&Queue| {
            queue
                .attributes()
                .redrive
                .as_ref()
                .is_some_and(|policy| policy.dead_letter_queue == name)
        };
        self.by_name.values().filter(gives_up_to).map(Queue::name)
    }

    /// Receives, and buries what has been received too often.
    pub(super) fn receive(&mut self, name: &str, ask: &Receive, now: Timestamp) -> Result<Received, Refusal> {
        let queue = self.queue_mut(name)?;
        let handed_out = queue.receive(ask, now)?;
        let grave = queue
            .attributes()
            .redrive
            .as_ref()
            .map(|policy| policy.dead_letter_queue.clone());
        let buried = handed_out.dead.len();
        // Somebody may have deleted the dead-letter queue; its letters are lost then, as in the service.
        if let Some(grave) = grave.and_then(|grave| self.by_name.get_mut(&grave)) {
            for message in handed_out.dead {
                grave.bury(message, name, now);
            }
        }
        Ok(Received {
            deliveries: handed_out.deliveries,
            buried,
        })
    }

    /// Moves what waits in a dead-letter queue to another queue, or to where each message came from.
    ///
    /// The service moves in the background and as slowly as it is asked to. Here all is moved at once.
    pub(super) fn move_messages(
        &mut self,
        source_arn: &str,
        destination_arn: Option<&str>,
        mut new_id: impl FnMut() -> Uuid,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let not_found = |_| {
            Code::ResourceNotFoundException
                .because("The resource that you specified for the SourceArn parameter doesn't exist.")
        };
        let source = name_in_arn(source_arn).unwrap_or_default();
        self.queue(source).map_err(not_found)?;
        if self.dead_letter_sources(source).next().is_none() {
            return Err(Code::InvalidParameterValue
                .because("Source queue must be configured as a Dead Letter Queue."));
        }
        let destination = destination_arn.map(|arn| name_in_arn(arn).unwrap_or_default());
        if let Some(destination) = destination
            && self.queue(destination).map_err(not_found)?.attributes().fifo
                != self.queue(source)?.attributes().fifo
        {
            return Err(Code::InvalidParameterValue
                .because("Source and destination queues must be of the same type."));
        }

        let names: BTreeSet<String> = self.names().map(str::to_owned).collect();
        let home = |message: &Message| -> Option<String> {
            let home = destination.or(message.dead_letter_source.as_deref())?;
            names.get(home).cloned()
        };
        let letters = self.queue_mut(source)?;
        let waiting = letters
            .messages(now)
            .filter(|(.., state)| *state == State::Waiting)
            .count();
        let taken = letters.take_waiting(|message| home(message).is_some(), now);
        let moved = taken.len();
        for message in taken {
            if let Some(home) = home(&message).and_then(|home| self.by_name.get_mut(&home)) {
                home.revive(message, new_id(), now);
            }
        }
        self.moves.push(Move {
            source_arn: source_arn.to_owned(),
            destination_arn: destination_arn.map(str::to_owned),
            started_at: now,
            waiting,
            moved,
            // What somebody sent to the dead-letter queue directly has no place to go back to.
            failure: (moved < waiting).then_some("CouldNotDetermineMessageSource"),
        });
        Ok(())
    }

    /// The moves out of a queue, the newest first.
    pub(super) fn moves<'a>(&'a self, source_arn: &'a str) -> impl Iterator<Item = &'a Move> {
        self.moves
            .iter()
            .rev()
            .filter(move |done| done.source_arn == source_arn)
    }
}

fn check_name(name: &str, fifo: bool) -> Result<(), Refusal> {
    let stem = if fifo {
        name.strip_suffix(".fifo")
    } else {
        Some(name)
    };
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if stem.is_some_and(|stem| !stem.is_empty() && name.len() <= 80 && stem.bytes().all(is_allowed)) {
        return Ok(());
    }
    Err(Code::InvalidParameterValue.because(if fifo {
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length."
    } else {
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."
    }))
}

fn no_such_queue() -> Refusal {
    Code::QueueDoesNotExist.because("The specified queue does not exist.")
}
