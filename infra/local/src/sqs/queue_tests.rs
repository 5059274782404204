//! The rules of one queue, on values.

use super::super::attributes::RedrivePolicy;
use super::*;

/// A queue and the seconds since it was made.
struct Bench {
    queue: Queue,
    now: Timestamp,
}

impl Bench {
    fn new(attributes: QueueAttributes) -> Self {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        Self {
            queue: Queue::new("q", attributes, now),
            now,
        }
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn send(&mut self, group: &str, id: &str) -> Accepted {
        self.queue.send(message(group, id), self.now).unwrap()
    }

    fn hand_out(&mut self, messages_max: usize) -> HandedOut {
        self.queue
            .receive(
                &Receive {
                    messages_max,
                    ..Receive::default()
                },
                self.now,
            )
            .unwrap()
    }

    fn receive(&mut self, messages_max: usize) -> Vec<Delivery> {
        self.hand_out(messages_max).deliveries
    }

    fn delete(&mut self, delivery: &Delivery) -> Result<(), Refusal> {
        self.queue.delete(&delivery.receipt.to_string(), self.now)
    }

    fn give_back(&mut self, delivery: &Delivery) {
        let receipt = delivery.receipt.to_string();
        self.queue
            .change_visibility(&receipt, Duration::ZERO, self.now)
            .unwrap();
    }
}

/// A message whose body is its deduplication ID.
fn message(group: &str, id: &str) -> NewMessage {
    NewMessage {
        id: Uuid::new_v4(),
        body: id.to_owned(),
        group: Some(group.to_owned()),
        deduplication_id: Some(id.to_owned()),
        delay: None,
        attributes: BTreeMap::new(),
    }
}

fn bodies(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries
        .iter()
        .map(|delivery| delivery.message.body.as_str())
        .collect()
}

#[test]
fn a_duplicate_is_accepted_as_the_message_it_repeats_for_five_minutes_even_after_a_delete() {
    let mut bench = Bench::new(QueueAttributes::fifo());
    let first = bench.send("ada", "job-1");
    let delivery = bench.receive(1).remove(0);
    bench.delete(&delivery).unwrap();

    bench.wait(299);
    assert_eq!(bench.send("ada", "job-1"), first);
    assert_eq!(bodies(&bench.receive(1)), [""; 0]);

    bench.wait(1);
    assert_ne!(bench.send("ada", "job-1").id, first.id);
    assert_eq!(bodies(&bench.receive(1)), ["job-1"]);
}

#[test]
fn a_duplicate_does_not_prolong_the_window() {
    let mut bench = Bench::new(QueueAttributes::fifo());
    bench.send("ada", "job-1");
    bench.wait(200);
    bench.send("ada", "job-1");
    bench.wait(100);
    bench.send("ada", "job-1");
    assert_eq!(bench.receive(10).len(), 2);
}

#[test]
fn each_id_is_forgotten_in_its_own_time() {
    let mut bench = Bench::new(QueueAttributes::fifo());
    bench.send("ada", "early");
    bench.wait(200);
    let late = bench.send("bob", "late");
    bench.wait(100);
    assert_ne!(bench.send("ada", "early").sequence, late.sequence);
    assert_eq!(bench.send("bob", "late"), late);
}

#[test]
fn deduplication_by_group_lets_two_groups_use_one_id() {
    let attributes = QueueAttributes {
        deduplication_scope: Scope::MessageGroup,
        ..QueueAttributes::fifo()
    };
    let mut bench = Bench::new(attributes);
    bench.send("ada", "job-1");
    bench.send("bob", "job-1");
    bench.send("ada", "job-1");
    assert_eq!(bench.receive(10).len(), 2);
}

#[test]
fn content_stands_in_for_a_missing_deduplication_id_only_where_the_queue_says_so() {
    let nameless = NewMessage {
        deduplication_id: None,
        ..message("ada", "same")
    };
    let mut bench = Bench::new(QueueAttributes::fifo());
    let refused = bench.queue.send(nameless.clone(), bench.now).unwrap_err();
    assert_eq!(refused.code, Code::InvalidParameterValue);

    let attributes = QueueAttributes {
        content_based_deduplication: true,
        ..QueueAttributes::fifo()
    };
    let mut bench = Bench::new(attributes);
    let first = bench.queue.send(nameless.clone(), bench.now).unwrap();
    let again = bench
        .queue
        .send(
            NewMessage {
                id: Uuid::new_v4(),
                ..nameless
            },
            bench.now,
        )
        .unwrap();
    assert_eq!(again, first);
}

#[test]
fn a_group_waits_for_its_message_in_flight_and_others_do_not() {
    let mut bench = Bench::new(QueueAttributes::fifo());
    for (group, id) in [("ada", "a1"), ("ada", "a2"), ("bob", "b1")] {
        bench.send(group, id);
    }
    let first = bench.receive(1);
    assert_eq!(bodies(&first), ["a1"]);
    assert_eq!(bodies(&bench.receive(10)), ["b1"]);

    bench.delete(&first[0]).unwrap();
    assert_eq!(bodies(&bench.receive(10)), ["a2"]);
}

#[test]
fn one_receive_may_hand_out_a_whole_group_in_order() {
    let mut bench = Bench::new(QueueAttributes::fifo());
    for id in ["1", "2", "3"] {
        bench.send("ada", id);
    }
    assert_eq!(bodies(&bench.receive(10)), ["1", "2", "3"]);
}

#[test]
fn a_message_given_back_does_not_overtake_the_rest_of_its_batch() {
    let mut bench = Bench::new(QueueAttributes::fifo());
    bench.send("ada", "1");
    bench.send("ada", "2");
    let batch = bench.receive(10);
    bench.give_back(&batch[0]);
    assert_eq!(
        bodies(&bench.receive(10)),
        [""; 0],
        "the second is still in flight"
    );
    bench.give_back(&batch[1]);
    assert_eq!(bodies(&bench.receive(10)), ["1", "2"]);
}

#[test]
fn an_unhandled_message_comes_back_in_its_place_and_counted() {
    let mut bench = Bench::new(QueueAttributes::fifo());
    bench.send("ada", "1");
    bench.send("ada", "2");
    bench.receive(1);
    bench.wait(29);
    assert!(bench.receive(10).is_empty());
    bench.wait(1);
    let back = bench.receive(10);
    assert_eq!(bodies(&back), ["1", "2"]);
    assert_eq!(back[0].message.receive_count, 2);
}

#[test]
fn a_fifo_receipt_is_worth_nothing_once_its_time_is_over() {
    let mut bench = Bench::new(QueueAttributes::fifo());
    bench.send("ada", "1");
    let stale = bench.receive(1).remove(0);
    bench.wait(30);
    assert_eq!(
        bench.delete(&stale).unwrap_err().code,
        Code::InvalidParameterValue
    );
    let current = bench.receive(1).remove(0);
    assert_eq!(
        bench.delete(&stale).unwrap_err().code,
        Code::InvalidParameterValue
    );
    assert_eq!(bench.delete(&current), Ok(()));
    assert_eq!(bench.delete(&current), Ok(()), "to delete twice is to delete");
}

#[test]
fn a_standard_queue_ignores_a_receipt_that_another_receive_has_replaced() {
    let mut bench = Bench::new(QueueAttributes::default());
    bench
        .queue
        .send(
            NewMessage {
                deduplication_id: None,
                ..message("ada", "1")
            },
            bench.now,
        )
        .unwrap();
    let stale = bench.receive(1).remove(0);
    bench.wait(30);
    bench.receive(1);
    assert_eq!(bench.delete(&stale), Ok(()));
    assert_eq!(bench.queue.messages(bench.now).count(), 1);
}

#[test]
fn a_receipt_is_good_in_its_own_queue_only() {
    let mut bench = Bench::new(QueueAttributes::fifo());
    bench.send("ada", "1");
    let receipt = Receipt {
        queue: "another".to_owned(),
        ..bench.receive(1).remove(0).receipt
    };
    let refused = bench.queue.delete(&receipt.to_string(), bench.now).unwrap_err();
    assert_eq!(refused.code, Code::ReceiptHandleIsInvalid);
    let refused = bench.queue.delete("nonsense", bench.now).unwrap_err();
    assert_eq!(refused.code, Code::ReceiptHandleIsInvalid);
}

#[test]
fn a_message_received_too_often_is_given_up_and_frees_its_group() {
    let redrive = RedrivePolicy {
        dead_letter_queue: "dead".to_owned(),
        max_receive_count: 2,
    };
    let mut bench = Bench::new(QueueAttributes {
        redrive: Some(redrive),
        ..QueueAttributes::fifo()
    });
    bench.send("ada", "poison");
    bench.send("ada", "next");
    for _ in 0..2 {
        let delivery = bench.receive(1).remove(0);
        assert_eq!(delivery.message.body, "poison");
        bench.give_back(&delivery);
    }
    let handed_out = bench.hand_out(1);
    assert_eq!(handed_out.dead.len(), 1);
    assert_eq!(handed_out.dead[0].body, "poison");
    assert_eq!(bodies(&handed_out.deliveries), ["next"]);
}

#[test]
fn a_repeated_receive_attempt_gets_the_same_receipts_until_a_message_is_touched() {
    let mut bench = Bench::new(QueueAttributes::fifo());
    bench.send("ada", "1");
    bench.send("ada", "2");
    let ask = Receive {
        messages_max: 10,
        attempt: Some("attempt".to_owned()),
        ..Receive::default()
    };
    let first = bench.queue.receive(&ask, bench.now).unwrap().deliveries;
    bench.wait(29);
    let again = bench.queue.receive(&ask, bench.now).unwrap().deliveries;
    assert_eq!(bodies(&again), ["1", "2"]);
    assert_eq!(again[0].receipt, first[0].receipt);
    bench.wait(29);
    assert_eq!(bench.delete(&first[0]), Ok(()), "the repeat hid them anew");
    assert!(
        bench
            .queue
            .receive(&ask, bench.now)
            .unwrap()
            .deliveries
            .is_empty()
    );
}

#[test]
fn a_receive_attempt_cannot_be_repeated_once_somebody_keeps_a_message_longer() {
    let mut bench = Bench::new(QueueAttributes::fifo());
    bench.send("ada", "1");
    let ask = Receive {
        messages_max: 10,
        attempt: Some("attempt".to_owned()),
        ..Receive::default()
    };
    let receipt = bench.queue.receive(&ask, bench.now).unwrap().deliveries[0]
        .receipt
        .to_string();
    bench
        .queue
        .change_visibility(&receipt, Duration::from_mins(1), bench.now)
        .unwrap();
    assert!(
        bench
            .queue
            .receive(&ask, bench.now)
            .unwrap()
            .deliveries
            .is_empty()
    );
}

#[test]
fn a_delayed_message_is_not_overtaken_by_a_later_one_of_its_group() {
    let mut bench = Bench::new(QueueAttributes {
        delay: Duration::from_mins(1),
        ..QueueAttributes::fifo()
    });
    bench.send("ada", "1");
    bench.queue.change_attributes(QueueAttributes::fifo(), bench.now);
    bench.send("ada", "2");
    bench.send("bob", "3");
    assert_eq!(bodies(&bench.receive(10)), ["3"]);
    bench.wait(60);
    assert_eq!(bodies(&bench.receive(10)), ["1", "2", "3"]);
}

#[test]
fn only_a_standard_queue_delays_one_message() {
    let delayed = NewMessage {
        delay: Some(Duration::from_secs(2)),
        ..message("ada", "1")
    };
    let mut bench = Bench::new(QueueAttributes::fifo());
    let refused = bench.queue.send(delayed.clone(), bench.now).unwrap_err();
    assert_eq!(refused.code, Code::InvalidParameterValue);

    let mut bench = Bench::new(QueueAttributes::default());
    bench
        .queue
        .send(
            NewMessage {
                deduplication_id: None,
                ..delayed
            },
            bench.now,
        )
        .unwrap();
    assert!(bench.receive(1).is_empty());
    assert_eq!(
        bench.queue.next_visible_at(bench.now),
        Some(bench.now + Duration::from_secs(2))
    );
    bench.wait(2);
    assert_eq!(bench.receive(1).len(), 1);
}

#[test]
fn a_purge_forgets_messages_but_not_what_was_accepted() {
    let mut bench = Bench::new(QueueAttributes::fifo());
    bench.send("ada", "1");
    bench.queue.purge(bench.now).unwrap();
    bench.send("ada", "1");
    assert!(bench.receive(1).is_empty());
    assert_eq!(
        bench.queue.purge(bench.now).unwrap_err().code,
        Code::PurgeQueueInProgress
    );
}

#[test]
fn a_message_that_nobody_takes_is_kept_for_the_retention_period() {
    let attributes = QueueAttributes {
        retention: Duration::from_mins(1),
        ..QueueAttributes::fifo()
    };
    let mut bench = Bench::new(attributes);
    bench.send("ada", "1");
    bench.wait(60);
    assert!(bench.receive(1).is_empty());
    assert_eq!(bench.queue.messages(bench.now).count(), 0);
}

#[test]
fn a_message_too_large_for_the_queue_is_refused() {
    let mut bench = Bench::new(QueueAttributes {
        message_bytes_max: 1024,
        ..QueueAttributes::fifo()
    });
    let large = |bytes| NewMessage {
        body: "x".repeat(bytes),
        ..message("ada", "1")
    };
    assert!(bench.queue.send(large(1024), bench.now).is_ok());
    let refused = bench.queue.send(large(1025), bench.now).unwrap_err();
    assert_eq!(refused.code, Code::InvalidParameterValue);
}
