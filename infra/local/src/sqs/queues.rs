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

    /// Leaves every queue as it was made.
    pub(super) fn forget(&mut self, now: Timestamp) {
        for (name, queue) in &mut self.by_name {
            *queue = Queue::new(name, queue.attributes().clone(), now);
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::attributes::RedrivePolicy;
    use super::super::message::NewMessage;
    use super::*;

    /// A queue `calls.fifo` that gives a message up after one receive, and `dead.fifo` that takes it.
    fn calls_and_dead_letters() -> (Queues, Timestamp) {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let mut queues = Queues::default();
        let redrive = RedrivePolicy {
            dead_letter_queue: "dead.fifo".to_owned(),
            max_receive_count: 1,
        };
        queues.create("dead.fifo", QueueAttributes::fifo(), now).unwrap();
        let attributes = QueueAttributes {
            redrive: Some(redrive),
            ..QueueAttributes::fifo()
        };
        queues.create("calls.fifo", attributes, now).unwrap();
        (queues, now)
    }

    fn send(queues: &mut Queues, name: &str, id: &str, now: Timestamp) -> Uuid {
        let message = NewMessage {
            id: Uuid::new_v4(),
            body: id.to_owned(),
            group: Some("ada".to_owned()),
            deduplication_id: Some(id.to_owned()),
            delay: None,
            attributes: BTreeMap::new(),
        };
        queues.queue_mut(name).unwrap().send(message, now).unwrap().id
    }

    fn receive(queues: &mut Queues, name: &str, now: Timestamp) -> Vec<Message> {
        let ask = Receive {
            messages_max: 10,
            ..Receive::default()
        };
        let deliveries = queues.receive(name, &ask, now).unwrap().deliveries;
        deliveries.into_iter().map(|delivery| delivery.message).collect()
    }

    #[test]
    fn a_dead_letter_keeps_its_identity_age_and_history() {
        let (mut queues, sent_at) = calls_and_dead_letters();
        let id = send(&mut queues, "calls.fifo", "job-1", sent_at);
        receive(&mut queues, "calls.fifo", sent_at);
        let later = sent_at + Duration::from_secs(30);
        assert_eq!(receive(&mut queues, "calls.fifo", later).len(), 0);

        let letters = receive(&mut queues, "dead.fifo", later);
        assert_eq!((letters[0].id, letters[0].sent_at), (id, sent_at));
        assert_eq!(letters[0].receive_count, 2, "receives count over all queues");
        assert_eq!(letters[0].dead_letter_source.as_deref(), Some("calls.fifo"));
    }

    #[test]
    fn a_message_moved_back_is_a_new_one_with_its_whole_life_before_it() {
        let (mut queues, now) = calls_and_dead_letters();
        let id = send(&mut queues, "calls.fifo", "job-1", now);
        receive(&mut queues, "calls.fifo", now);
        let now = now + Duration::from_secs(30);
        receive(&mut queues, "calls.fifo", now);

        queues
            .move_messages(&arn("dead.fifo"), None, Uuid::new_v4, now)
            .unwrap();
        let back = receive(&mut queues, "calls.fifo", now);
        assert_eq!(
            back[0].body, "job-1",
            "what was sent within five minutes is not taken for a duplicate"
        );
        assert_ne!(back[0].id, id);
        assert_eq!((back[0].sent_at, back[0].receive_count), (now, 1));
        assert_eq!(queues.queue("dead.fifo").unwrap().messages(now).count(), 0);
    }

    #[test]
    fn what_was_sent_to_the_dead_letter_queue_itself_moves_only_where_it_is_told_to() {
        let (mut queues, now) = calls_and_dead_letters();
        send(&mut queues, "dead.fifo", "job-1", now);
        let source = arn("dead.fifo");
        queues.move_messages(&source, None, Uuid::new_v4, now).unwrap();
        let failed = queues.moves(&source).next().unwrap();
        assert_eq!((failed.waiting, failed.moved), (1, 0));
        assert_eq!(failed.failure, Some("CouldNotDetermineMessageSource"));

        queues
            .move_messages(&source, Some(&arn("calls.fifo")), Uuid::new_v4, now)
            .unwrap();
        assert_eq!(queues.moves(&source).next().unwrap().failure, None);
        assert_eq!(receive(&mut queues, "calls.fifo", now).len(), 1);
    }

    #[test]
    fn messages_move_out_of_dead_letter_queues_only() {
        let (mut queues, now) = calls_and_dead_letters();
        let mut refused = |source: &str| {
            queues
                .move_messages(source, None, Uuid::new_v4, now)
                .unwrap_err()
                .code
        };
        assert_eq!(refused(&arn("calls.fifo")), Code::InvalidParameterValue);
        assert_eq!(refused(&arn("nowhere.fifo")), Code::ResourceNotFoundException);
    }

    #[test]
    fn a_queue_made_twice_is_the_same_queue_or_refused() {
        let (mut queues, now) = calls_and_dead_letters();
        send(&mut queues, "dead.fifo", "job-1", now);
        queues.create("dead.fifo", QueueAttributes::fifo(), now).unwrap();
        assert_eq!(queues.queue("dead.fifo").unwrap().messages(now).count(), 1);

        let other = QueueAttributes {
            content_based_deduplication: true,
            ..QueueAttributes::fifo()
        };
        assert_eq!(
            queues.create("dead.fifo", other, now).unwrap_err().code,
            Code::QueueNameExists
        );
    }

    #[test]
    fn only_fifo_queues_end_in_fifo() {
        let (mut queues, now) = calls_and_dead_letters();
        for (name, attributes) in [
            ("calls", QueueAttributes::fifo()),
            ("calls.fifo", QueueAttributes::default()),
        ] {
            let refused = queues.create(name, attributes, now).unwrap_err();
            assert_eq!(refused.code, Code::InvalidParameterValue);
        }
    }
}
