//! Queues, and the functions that take from them.

use std::collections::BTreeSet;

use local::template::Queue;

use super::{events, resources, template};

fn seconds(queue: &Queue, attribute: &str) -> u64 {
    queue
        .attribute(attribute)
        .unwrap_or_else(|| panic!("{} has no {attribute}", queue.logical_id))
        .parse()
        .unwrap()
}

#[test]
fn a_batch_is_answered_message_by_message() {
    let template = template();
    let mut mappings = 0;
    for (place, kind, properties) in events(&template) {
        if kind == "SQS" {
            mappings += 1;
            let types = &properties["FunctionResponseTypes"];
            assert_eq!(*types, serde_json::json!(["ReportBatchItemFailures"]), "{place}");
            assert!(
                properties["MaximumBatchingWindowInSeconds"].is_null(),
                "{place}: FIFO queues have none"
            );
        }
    }
    assert_eq!(mappings, template.queue_triggers.len());
    for trigger in &template.queue_triggers {
        let queue = template.queue(&trigger.queue).unwrap();
        assert!(
            queue.is_fifo() && (1..=10).contains(&trigger.batch_size),
            "{}",
            trigger.queue
        );
        assert!(
            (2..=1000).contains(&trigger.maximum_concurrency),
            "{}",
            trigger.queue
        );
        let timeout = template.function(&trigger.function).unwrap().timeout.as_secs();
        let visibility = seconds(queue, "VisibilityTimeout");
        assert!(
            visibility >= 6 * timeout,
            "{}: {visibility} s for a function of {timeout} s",
            trigger.queue
        );
    }
}

#[test]
fn a_fifo_queue_is_one_by_name_and_by_nature() {
    let template = template();
    let names: BTreeSet<_> = template.queues.iter().map(|queue| queue.name.as_str()).collect();
    assert_eq!(names.len(), template.queues.len(), "no name twice");
    for (id, queue) in resources(&template, "AWS::SQS::Queue") {
        let name = queue["QueueName"]["Fn::Sub"].as_str().unwrap();
        assert!(
            name.starts_with("${AWS::StackName}-"),
            "{id}: two stacks would meet"
        );
    }
    for queue in &template.queues {
        let id = &queue.logical_id;
        assert_eq!(
            queue.is_fifo(),
            queue.name.rsplit('.').next() == Some("fifo"),
            "{id}"
        );
        assert_eq!(queue.attribute("SqsManagedSseEnabled"), Some("true"), "{id}");
        if queue.is_fifo() && queue.dead_letters.is_some() {
            assert_eq!(
                queue.attribute("DeduplicationScope"),
                Some("messageGroup"),
                "{id}"
            );
            assert_eq!(
                queue.attribute("FifoThroughputLimit"),
                Some("perMessageGroupId"),
                "{id}"
            );
        }
    }
}

#[test]
fn every_queue_has_dead_letters_of_its_kind() {
    let template = template();
    let collecting: BTreeSet<_> = template
        .queues
        .iter()
        .filter_map(|queue| Some(queue.dead_letters.as_ref()?.queue.as_str()))
        .chain(["ScheduleDeadLetters"])
        .collect();
    for queue in &template.queues {
        let id = &queue.logical_id;
        match &queue.dead_letters {
            None => {
                assert!(
                    collecting.contains(id.as_str()),
                    "{id} loses what cannot be taken"
                );
                assert_eq!(
                    seconds(queue, "MessageRetentionPeriod"),
                    14 * 24 * 60 * 60,
                    "{id}"
                );
            }
            Some(dead_letters) => {
                let collector = template.queue(&dead_letters.queue).unwrap();
                assert_eq!(collector.is_fifo(), queue.is_fifo(), "{id}");
                assert!(collector.dead_letters.is_none(), "{id}");
                // Throttled deliveries count.
                assert!(dead_letters.max_receive_count >= 5, "{id}");
                // A message keeps its age when it moves.
                let (before, after) = (
                    seconds(queue, "MessageRetentionPeriod"),
                    seconds(collector, "MessageRetentionPeriod"),
                );
                assert!(after >= before, "{id}");
            }
        }
    }
}
