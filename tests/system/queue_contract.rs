//! What we rely on SQS for, asked of the stand-in through the real client.
//!
//! The stand-in and this list were written from the same reading of SQS's documents, so the list is put
//! to moto as well, which somebody else wrote: where moto agrees, the reading is not ours alone. The six
//! places where moto is known to differ from the documents are named, and a seventh fails the test.
//!
//! Here time is what is tested, so some of these wait, and long enough for a slow machine to ask what it has to
//! ask meanwhile. All of them run at once.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use aws_sdk_sqs::operation::receive_message::builders::ReceiveMessageFluentBuilder;
use aws_sdk_sqs::operation::send_message::SendMessageOutput;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName,
    QueueAttributeName, SendMessageBatchRequestEntry, SendMessageBatchResultEntry,
};
use futures_util::future::{BoxFuture, join_all};
use local::sqs::{QueueAttributes, Sqs, State};
use system_tests::Moto;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

/// How long a received message stays hidden, in whole seconds.
const HIDDEN: Duration = Duration::from_secs(3);
/// When it surely is visible again.
const VISIBLE_AGAIN: Duration = Duration::from_millis(3300);

#[tokio::test(flavor = "multi_thread")]
async fn the_stand_in_keeps_the_whole_contract() {
    let sqs = Sqs::start().await.unwrap();
    let broken: Vec<String> = verdicts(&client(&sqs.endpoint()))
        .await
        .into_iter()
        .filter_map(|(claim, verdict)| Some(format!("{claim}: {:#}", verdict.err()?)))
        .collect();
    assert!(
        broken.is_empty(),
        "the stand-in differs from SQS:\n{}",
        broken.join("\n")
    );
}

/// What moto 5.2.5 does otherwise than SQS documents it.
const KNOWN_FAULTS_OF_MOTO: [&str; 6] = [
    // It answers a duplicate with a new message ID, though it does not deliver it.
    "a_duplicate_is_the_message_that_it_repeats",
    // Its window ends when the message is deleted, not after five minutes.
    "a_deduplication_id_outlives_its_message",
    // It keeps the attribute and goes on deduplicating over the whole queue.
    "deduplication_by_group_lets_two_groups_use_one_id",
    // It has no such action, and answers 500.
    "dead_letters_can_be_moved_back",
    // It lets the receipt of an earlier receive delete the message.
    "a_stale_receipt_deletes_nothing",
    // It does not know the parameter.
    "a_repeated_receive_attempt_gets_the_same_message",
];

#[tokio::test(flavor = "multi_thread")]
async fn moto_keeps_the_contract_but_for_its_known_faults() {
    let moto = Moto::start().await.unwrap();
    let verdicts = verdicts(&client(moto.endpoint())).await;
    moto.stop().await.unwrap();

    let surprises: Vec<String> = verdicts
        .into_iter()
        .filter_map(
            |(claim, verdict)| match (KNOWN_FAULTS_OF_MOTO.contains(&claim), verdict) {
                (false, Err(error)) => Some(format!("{claim}: {error:#}")),
                (true, Ok(())) => Some(format!("{claim}: moto does this now, take it off the list")),
                _ => None,
            },
        )
        .collect();
    assert!(
        surprises.is_empty(),
        "moto and this list disagree:\n{}",
        surprises.join("\n")
    );
}

// The contract ---------------------------------------------------------------------------------------

/// Puts every claim to a service, all at once.
async fn verdicts(client: &Client) -> Vec<(&'static str, anyhow::Result<()>)> {
    type Check = fn(Client) -> BoxFuture<'static, anyhow::Result<()>>;
    macro_rules! claims {
        ($($claim:ident),* $(,)?) => {
            [$((stringify!($claim), (|client| Box::pin($claim(client))) as Check)),*]
        };
    }
    let claims = claims![
        a_duplicate_is_the_message_that_it_repeats,
        a_deduplication_id_outlives_its_message,
        content_stands_in_for_a_missing_deduplication_id,
        a_message_without_any_deduplication_id_is_refused,
        a_message_without_a_group_is_refused,
        deduplication_by_group_lets_two_groups_use_one_id,
        a_group_keeps_its_order,
        a_group_waits_for_its_message_in_flight,
        a_delete_frees_the_group,
        an_unhandled_message_comes_back_in_its_place_and_counted,
        a_message_given_back_is_there_at_once,
        of_a_batch_only_what_was_not_deleted_comes_back,
        a_message_received_too_often_becomes_a_dead_letter,
        a_fifo_queue_refuses_a_standard_dead_letter_queue,
        dead_letters_can_be_moved_back,
        a_stale_receipt_deletes_nothing,
        a_fifo_queue_refuses_a_delay_per_message,
        a_long_poll_wakes_when_a_message_arrives,
        a_message_tells_its_group_its_order_and_its_history,
        a_batch_of_eleven_is_refused,
        a_queue_counts_what_waits_and_what_is_in_flight,
        a_repeated_receive_attempt_gets_the_same_message,
        a_message_over_a_mebibyte_is_refused,
    ];
    assert_eq!(claims.len(), 23);
    join_all(claims.map(|(claim, check)| {
        let client = client.clone();
        async move { (claim, check(client).await) }
    }))
    .await
}

async fn a_duplicate_is_the_message_that_it_repeats(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, []).await?;
    let first = queue.send("1", "ada", Some("job")).await?;
    let second = queue.send("2", "ada", Some("job")).await?;
    ensure!(bodies(&queue.receive(10).await?) == ["1"]);
    ensure!(
        first.message_id == second.message_id,
        "the duplicate has another message ID"
    );
    Ok(())
}

async fn a_deduplication_id_outlives_its_message(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, []).await?;
    queue.send("1", "ada", Some("job")).await?;
    queue.delete(&queue.receive(1).await?[0]).await?;
    queue.send("2", "ada", Some("job")).await?;
    ensure!(queue.receive(10).await?.is_empty(), "the duplicate was delivered");
    Ok(())
}

async fn content_stands_in_for_a_missing_deduplication_id(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, [("ContentBasedDeduplication", "true".to_owned())]).await?;
    for body in ["1", "1", "2"] {
        queue.send(body, "ada", None).await?;
    }
    ensure!(bodies(&queue.receive(10).await?) == ["1", "2"]);
    Ok(())
}

async fn a_message_without_any_deduplication_id_is_refused(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, []).await?;
    let refused = queue
        .send("1", "ada", None)
        .await
        .err()
        .context("it was accepted")?;
    ensure!(code(&refused) == "InvalidParameterValue", "{refused:#}");
    Ok(())
}

async fn a_message_without_a_group_is_refused(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, [("ContentBasedDeduplication", "true".to_owned())]).await?;
    let sent = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("1")
        .send()
        .await;
    let refused = sent.err().context("it was accepted")?;
    ensure!(refused.code() == Some("MissingParameter"), "{refused:?}");
    Ok(())
}

async fn deduplication_by_group_lets_two_groups_use_one_id(client: Client) -> anyhow::Result<()> {
    let by_group = [
        ("DeduplicationScope", "messageGroup".to_owned()),
        ("FifoThroughputLimit", "perMessageGroupId".to_owned()),
    ];
    let queue = Queue::fifo(client, by_group).await?;
    queue.send("1", "ada", Some("job")).await?;
    queue.send("2", "bob", Some("job")).await?;
    queue.send("3", "ada", Some("job")).await?;
    ensure!(bodies(&queue.receive(10).await?) == ["1", "2"]);
    Ok(())
}

async fn a_group_keeps_its_order(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, []).await?;
    let sent: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    for body in &sent {
        queue.send(body, "ada", Some(body)).await?;
    }
    ensure!(bodies(&queue.receive(10).await?) == sent);
    Ok(())
}

async fn a_group_waits_for_its_message_in_flight(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, []).await?;
    for (body, group) in [("a1", "ada"), ("a2", "ada"), ("b1", "bob")] {
        queue.send(body, group, Some(body)).await?;
    }
    ensure!(bodies(&queue.receive(1).await?) == ["a1"]);
    ensure!(bodies(&queue.receive(10).await?) == ["b1"]);
    Ok(())
}

async fn a_delete_frees_the_group(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, []).await?;
    queue.send("1", "ada", Some("1")).await?;
    queue.send("2", "ada", Some("2")).await?;
    queue.delete(&queue.receive(1).await?[0]).await?;
    ensure!(bodies(&queue.receive(10).await?) == ["2"]);
    Ok(())
}

async fn an_unhandled_message_comes_back_in_its_place_and_counted(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, [soon_visible_again()]).await?;
    queue.send("1", "ada", Some("1")).await?;
    queue.send("2", "ada", Some("2")).await?;
    queue.receive(1).await?;
    ensure!(queue.receive(10).await?.is_empty(), "the group did not wait");
    sleep(VISIBLE_AGAIN).await;
    let back = queue.receive(10).await?;
    ensure!(bodies(&back) == ["1", "2"]);
    ensure!(told(&back[0], &MessageSystemAttributeName::ApproximateReceiveCount) == Some("2"));
    Ok(())
}

async fn a_message_given_back_is_there_at_once(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, []).await?;
    queue.send("1", "ada", Some("1")).await?;
    let received = queue.receive(1).await?;
    let change = queue
        .client
        .change_message_visibility()
        .queue_url(&queue.url)
        .visibility_timeout(0);
    change
        .set_receipt_handle(received[0].receipt_handle.clone())
        .send()
        .await?;
    ensure!(bodies(&queue.receive(10).await?) == ["1"]);
    Ok(())
}

async fn of_a_batch_only_what_was_not_deleted_comes_back(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, [soon_visible_again()]).await?;
    for body in ["1", "2", "3"] {
        queue.send(body, body, Some(body)).await?;
    }
    let received = queue.receive(10).await?;
    let mut deletion = queue.client.delete_message_batch().queue_url(&queue.url);
    for message in received.iter().filter(|message| message.body() != Some("2")) {
        let entry = DeleteMessageBatchRequestEntry::builder()
            .set_id(message.body.clone())
            .set_receipt_handle(message.receipt_handle.clone());
        deletion = deletion.entries(entry.build()?);
    }
    ensure!(deletion.send().await?.successful.len() == 2);
    sleep(VISIBLE_AGAIN).await;
    ensure!(bodies(&queue.receive(10).await?) == ["2"]);
    Ok(())
}

async fn a_message_received_too_often_becomes_a_dead_letter(client: Client) -> anyhow::Result<()> {
    let letters = Queue::fifo(client.clone(), []).await?;
    let queue = Queue::fifo(
        client,
        [soon_visible_again(), dead_letters_to(&letters, 2).await?],
    )
    .await?;
    queue.send("poison", "ada", Some("1")).await?;
    queue.send("next", "ada", Some("2")).await?;
    for _ in 0..2 {
        ensure!(bodies(&queue.receive(1).await?) == ["poison"]);
        sleep(VISIBLE_AGAIN).await;
    }
    // The receive that finds the message worn out buries it, and may hand out the next one.
    queue.receive(1).await?;
    let dead = letters.receive(10).await?;
    ensure!(bodies(&dead) == ["poison"]);
    ensure!(told(&dead[0], &MessageSystemAttributeName::MessageGroupId) == Some("ada"));
    Ok(())
}

async fn a_fifo_queue_refuses_a_standard_dead_letter_queue(client: Client) -> anyhow::Result<()> {
    let letters = Queue::standard(client.clone()).await?;
    let policy = dead_letters_to(&letters, 2).await?;
    let refused = Queue::fifo(client, [policy])
        .await
        .err()
        .context("it was accepted")?;
    // Which code it is, no document says; only that it is the service that refuses.
    ensure!(!code(&refused).is_empty(), "{refused:#}");
    Ok(())
}

async fn dead_letters_can_be_moved_back(client: Client) -> anyhow::Result<()> {
    let letters = Queue::fifo(client.clone(), []).await?;
    let queue = Queue::fifo(
        client,
        [soon_visible_again(), dead_letters_to(&letters, 1).await?],
    )
    .await?;
    queue.send("1", "ada", Some("1")).await?;
    queue.receive(1).await?;
    sleep(VISIBLE_AGAIN).await;
    ensure!(
        queue.receive(1).await?.is_empty(),
        "it was received once too often"
    );
    queue
        .client
        .start_message_move_task()
        .source_arn(letters.arn().await?)
        .send()
        .await?;
    let back = queue
        .receiving(10)
        .wait_time_seconds(5)
        .send()
        .await?
        .messages
        .unwrap_or_default();
    ensure!(bodies(&back) == ["1"]);
    Ok(())
}

async fn a_stale_receipt_deletes_nothing(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, [soon_visible_again()]).await?;
    queue.send("1", "ada", Some("1")).await?;
    let first = queue.receive(1).await?;
    sleep(VISIBLE_AGAIN).await;
    ensure!(queue.receive(1).await?.len() == 1);
    // Whether the service says so or keeps quiet: the message must not be lost.
    drop(queue.delete(&first[0]).await);
    sleep(VISIBLE_AGAIN).await;
    ensure!(queue.receive(1).await?.len() == 1, "the message is gone");
    Ok(())
}

async fn a_fifo_queue_refuses_a_delay_per_message(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, []).await?;
    let send = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("1");
    let answer = send
        .message_group_id("ada")
        .message_deduplication_id("1")
        .delay_seconds(2)
        .send()
        .await;
    let refused = answer.err().context("it was accepted")?;
    ensure!(refused.code() == Some("InvalidParameterValue"), "{refused:?}");
    Ok(())
}

async fn a_long_poll_wakes_when_a_message_arrives(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, []).await?;
    let begun = Instant::now();
    let poll = queue.receiving(1).wait_time_seconds(20).send();
    let arrival = async {
        sleep(Duration::from_millis(500)).await;
        queue.send("1", "ada", Some("1")).await
    };
    let (polled, arrived) = tokio::join!(poll, arrival);
    arrived?;
    ensure!(bodies(&polled?.messages.unwrap_or_default()) == ["1"]);
    ensure!(
        begun.elapsed() < Duration::from_secs(15),
        "it took {:?}, and would have taken 20 s by itself",
        begun.elapsed()
    );
    Ok(())
}

async fn a_message_tells_its_group_its_order_and_its_history(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, []).await?;
    let kind = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("reply")
        .build()?;
    let send = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("1");
    let send = send.message_group_id("ada").message_deduplication_id("job");
    send.message_attributes("kind", kind).send().await?;

    let received = queue.receive(1).await?;
    let message = received.first().context("nothing came")?;
    for (attribute, value) in [
        (MessageSystemAttributeName::MessageGroupId, Some("ada")),
        (MessageSystemAttributeName::MessageDeduplicationId, Some("job")),
        (MessageSystemAttributeName::ApproximateReceiveCount, Some("1")),
        (MessageSystemAttributeName::ApproximateFirstReceiveTimestamp, None),
        (MessageSystemAttributeName::SentTimestamp, None),
        (MessageSystemAttributeName::SequenceNumber, None),
        (MessageSystemAttributeName::SenderId, None),
    ] {
        let told = told(message, &attribute).with_context(|| format!("{attribute} is missing"))?;
        ensure!(value.is_none_or(|value| value == told), "{attribute} is {told}");
    }
    let kind = message
        .message_attributes
        .as_ref()
        .and_then(|attributes| attributes.get("kind"));
    ensure!(kind.and_then(|kind| kind.string_value()) == Some("reply"));
    Ok(())
}

async fn a_batch_of_eleven_is_refused(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, []).await?;
    let mut batch = queue.client.send_message_batch().queue_url(&queue.url);
    for number in 0..11 {
        batch = batch.entries(entry(&number.to_string(), "x")?);
    }
    let refused = batch.send().await.err().context("it was accepted")?;
    let expected = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest";
    ensure!(refused.code() == Some(expected), "{refused:?}");
    Ok(())
}

async fn a_queue_counts_what_waits_and_what_is_in_flight(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, []).await?;
    for body in ["1", "2", "3"] {
        queue.send(body, body, Some(body)).await?;
    }
    queue.receive(1).await?;
    let attributes = queue.attributes().await?;
    let count = |name| attributes.get(&name).map(String::as_str);
    ensure!(count(QueueAttributeName::ApproximateNumberOfMessages) == Some("2"));
    ensure!(count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible) == Some("1"));
    Ok(())
}

async fn a_repeated_receive_attempt_gets_the_same_message(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, []).await?;
    queue.send("1", "ada", Some("1")).await?;
    for _ in 0..2 {
        let attempt = queue.receiving(10).receive_request_attempt_id("attempt");
        ensure!(bodies(&attempt.send().await?.messages.unwrap_or_default()) == ["1"]);
    }
    Ok(())
}

async fn a_message_over_a_mebibyte_is_refused(client: Client) -> anyhow::Result<()> {
    let queue = Queue::fifo(client, []).await?;
    let body = "x".repeat(1024 * 1024 + 1);
    let refused = queue
        .send(&body, "ada", Some("1"))
        .await
        .err()
        .context("it was accepted")?;
    ensure!(code(&refused) == "InvalidParameterValue", "{refused:#}");
    Ok(())
}

// What tests get from the stand-in beyond SQS ---------------------------------------------------------

#[tokio::test]
async fn five_minutes_pass_when_a_test_says_so() {
    let sqs = Sqs::start().await.unwrap();
    let queue = Queue::fifo(client(&sqs.endpoint()), []).await.unwrap();
    queue.send("1", "ada", Some("job")).await.unwrap();
    queue.delete(&queue.receive(1).await.unwrap()[0]).await.unwrap();

    sqs.advance(Duration::from_mins(5));
    queue.send("2", "ada", Some("job")).await.unwrap();
    assert_eq!(bodies(&queue.receive(10).await.unwrap()), ["2"]);
}

#[tokio::test]
async fn a_long_poll_wakes_when_time_makes_a_message_visible() {
    let sqs = Sqs::start().await.unwrap();
    let queue = Queue::fifo(client(&sqs.endpoint()), []).await.unwrap();
    queue.send("1", "ada", Some("1")).await.unwrap();
    queue.receive(1).await.unwrap();

    let poll = tokio::spawn(queue.receiving(1).wait_time_seconds(20).send());
    while sqs.calls("ReceiveMessage") < 2 {
        tokio::task::yield_now().await;
    }
    sqs.advance(Duration::from_secs(30));
    let polled = timeout(Duration::from_secs(5), poll)
        .await
        .expect("it wakes at once")
        .unwrap()
        .unwrap();
    assert_eq!(polled.messages().len(), 1);
}

#[tokio::test]
async fn a_failed_send_leaves_nothing_and_a_lost_answer_leaves_the_message() {
    let sqs = Sqs::start().await.unwrap();
    let url = sqs.create_queue("calls.fifo", QueueAttributes::fifo()).unwrap();
    let queue = Queue {
        client: client(&sqs.endpoint()),
        url,
    };

    sqs.fail_sends(true);
    let refused = queue.send("1", "ada", Some("1")).await.unwrap_err();
    assert_eq!(code(&refused), "ServiceUnavailable");
    assert_eq!(sqs.messages("calls.fifo"), []);

    sqs.fail_sends(false);
    sqs.lose_send_answers(true);
    queue.send("1", "ada", Some("1")).await.unwrap_err();
    sqs.lose_send_answers(false);
    queue.send("1", "ada", Some("1")).await.unwrap();

    let messages = sqs.messages("calls.fifo");
    assert_eq!(messages.len(), 1, "the third send repeats the second");
    assert_eq!(messages[0].group.as_deref(), Some("ada"));
    assert_eq!(messages[0].deduplication_id.as_deref(), Some("1"));
    assert_eq!(
        (messages[0].receive_count, messages[0].state),
        (0, State::Waiting)
    );
    assert_eq!(sqs.calls("SendMessage"), 3);
}

#[tokio::test]
async fn a_sender_that_hangs_up_on_a_stalled_queue_has_sent_nothing() {
    let sqs = Sqs::start().await.unwrap();
    let url = sqs.create_queue("calls.fifo", QueueAttributes::fifo()).unwrap();
    let queue = Queue {
        client: client(&sqs.endpoint()),
        url,
    };

    sqs.stall_sends(Duration::from_mins(1));
    let patience = Duration::from_millis(200);
    assert!(
        timeout(patience, queue.send("1", "ada", Some("1")))
            .await
            .is_err()
    );
    assert_eq!(sqs.messages("calls.fifo"), []);

    sqs.stall_sends(Duration::ZERO);
    queue.send("2", "ada", Some("2")).await.unwrap();
    assert_eq!(sqs.messages("calls.fifo").len(), 1);
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_refused_by_the_name_that_the_client_knows() {
    let sqs = Sqs::start().await.unwrap();
    let queue = Queue {
        client: client(&sqs.endpoint()),
        url: sqs.queue_url("nowhere.fifo"),
    };
    let sent = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("1")
        .send()
        .await;
    assert!(sent.unwrap_err().into_service_error().is_queue_does_not_exist());
}

#[tokio::test]
async fn one_bad_message_of_a_batch_does_not_stop_the_others() {
    let sqs = Sqs::start().await.unwrap();
    let queue = Queue::fifo(client(&sqs.endpoint()), []).await.unwrap();
    let batch = queue.client.send_message_batch().queue_url(&queue.url);
    let entries = [entry("good", "x").unwrap(), entry("bad", "\u{1}").unwrap()];
    let sent = batch.set_entries(Some(entries.into())).send().await.unwrap();
    assert_eq!(
        sent.successful()
            .iter()
            .map(SendMessageBatchResultEntry::id)
            .collect::<Vec<_>>(),
        ["good"]
    );
    let failed = &sent.failed()[0];
    assert_eq!(
        (failed.id(), failed.code(), failed.sender_fault()),
        ("bad", "InvalidMessageContents", true)
    );
}

#[tokio::test]
async fn the_standard_queue_of_parked_events_delays_and_keeps_them() {
    let sqs = Sqs::start().await.unwrap();
    let url = sqs.create_queue("parked", QueueAttributes::default()).unwrap();
    let queue = Queue {
        client: client(&sqs.endpoint()),
        url,
    };
    let send = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("event");
    send.delay_seconds(60).send().await.unwrap();

    assert!(queue.receive(1).await.unwrap().is_empty());
    assert_eq!(sqs.messages("parked")[0].state, State::Delayed);
    sqs.advance(Duration::from_mins(1));
    assert_eq!(bodies(&queue.receive(1).await.unwrap()), ["event"]);
    assert_eq!(sqs.messages("parked")[0].state, State::InFlight);
}

// What the checks speak in ---------------------------------------------------------------------------

/// A queue under test, and the client that talks to it.
struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    async fn fifo(
        client: Client,
        attributes: impl IntoIterator<Item = (&'static str, String)>,
    ) -> anyhow::Result<Self> {
        let mut creation = client
            .create_queue()
            .queue_name(format!("q-{}.fifo", Uuid::new_v4()));
        creation = creation.attributes(QueueAttributeName::FifoQueue, "true");
        for (name, value) in attributes {
            creation = creation.attributes(name.into(), value);
        }
        let url = creation
            .send()
            .await?
            .queue_url
            .context("a queue without a URL")?;
        Ok(Self { client, url })
    }

    async fn standard(client: Client) -> anyhow::Result<Self> {
        let creation = client.create_queue().queue_name(format!("q-{}", Uuid::new_v4()));
        let url = creation
            .send()
            .await?
            .queue_url
            .context("a queue without a URL")?;
        Ok(Self { client, url })
    }

    async fn send(&self, body: &str, group: &str, id: Option<&str>) -> anyhow::Result<SendMessageOutput> {
        let send = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .message_group_id(group);
        Ok(send
            .set_message_deduplication_id(id.map(str::to_owned))
            .send()
            .await?)
    }

    fn receiving(&self, messages_max: i32) -> ReceiveMessageFluentBuilder {
        let receive = self.client.receive_message().queue_url(&self.url);
        let receive = receive
            .max_number_of_messages(messages_max)
            .message_attribute_names("All");
        receive.message_system_attribute_names(MessageSystemAttributeName::All)
    }

    async fn receive(&self, messages_max: i32) -> anyhow::Result<Vec<Message>> {
        Ok(self
            .receiving(messages_max)
            .send()
            .await?
            .messages
            .unwrap_or_default())
    }

    async fn delete(&self, message: &Message) -> anyhow::Result<()> {
        let deletion = self.client.delete_message().queue_url(&self.url);
        deletion
            .set_receipt_handle(message.receipt_handle.clone())
            .send()
            .await?;
        Ok(())
    }

    async fn attributes(&self) -> anyhow::Result<HashMap<QueueAttributeName, String>> {
        let query = self.client.get_queue_attributes().queue_url(&self.url);
        let told = query.attribute_names(QueueAttributeName::All).send().await?;
        Ok(told.attributes.unwrap_or_default())
    }

    async fn arn(&self) -> anyhow::Result<String> {
        self.attributes()
            .await?
            .remove(&QueueAttributeName::QueueArn)
            .context("a queue without an ARN")
    }
}

fn soon_visible_again() -> (&'static str, String) {
    ("VisibilityTimeout", HIDDEN.as_secs().to_string())
}

async fn dead_letters_to(letters: &Queue, receives_max: u32) -> anyhow::Result<(&'static str, String)> {
    let policy = serde_json::json!({
        "deadLetterTargetArn": letters.arn().await?,
        "maxReceiveCount": receives_max.to_string(),
    });
    Ok(("RedrivePolicy", policy.to_string()))
}

fn entry(id: &str, body: &str) -> anyhow::Result<SendMessageBatchRequestEntry> {
    let entry = SendMessageBatchRequestEntry::builder().id(id).message_body(body);
    Ok(entry
        .message_group_id("ada")
        .message_deduplication_id(id)
        .build()?)
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::body).collect()
}

fn told<'m>(message: &'m Message, attribute: &MessageSystemAttributeName) -> Option<&'m str> {
    message.attributes.as_ref()?.get(attribute).map(String::as_str)
}

/// The code of the refusal inside an error of any action.
fn code(error: &anyhow::Error) -> String {
    use aws_sdk_sqs::error::SdkError;
    use aws_sdk_sqs::operation::create_queue::CreateQueueError;
    use aws_sdk_sqs::operation::send_message::SendMessageError;
    let sent = error
        .downcast_ref::<SdkError<SendMessageError>>()
        .and_then(|error| error.code());
    let created = error
        .downcast_ref::<SdkError<CreateQueueError>>()
        .and_then(|error| error.code());
    sent.or(created).unwrap_or_default().to_owned()
}

/// The client that the functions use, without the retries: a contract is asked about once.
fn client(endpoint: &str) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}
