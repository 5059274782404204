use std::collections::VecDeque;
use std::sync::Mutex;

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::*;
use crate::invoke::InvokeError;

/// A queue that hands out its batches once, in order, and notes what is deleted.
#[derive(Default)]
struct Queue {
    batches: Mutex<VecDeque<Value>>,
    deleted: Mutex<Vec<String>>,
}

async fn answer(State(queue): State<Arc<Queue>>, headers: HeaderMap, body: String) -> String {
    let request: Value = serde_json::from_str(&body).unwrap();
    match headers["x-amz-target"].to_str().unwrap() {
        "AmazonSQS.ReceiveMessage" => {
            assert_eq!(request["MaxNumberOfMessages"], 5);
            assert_eq!(request["MessageSystemAttributeNames"], json!(["All"]));
            let Some(batch) = queue.batches.lock().unwrap().pop_front() else {
                tokio::time::sleep(Duration::from_millis(1)).await;
                return "{}".to_owned();
            };
            json!({ "Messages": batch }).to_string()
        }
        "AmazonSQS.DeleteMessageBatch" => {
            let entries = request["Entries"].as_array().unwrap();
            let handles = entries
                .iter()
                .map(|entry| entry["ReceiptHandle"].as_str().unwrap().to_owned());
            queue.deleted.lock().unwrap().extend(handles);
            let successful: Vec<_> = entries.iter().map(|entry| json!({ "Id": entry["Id"] })).collect();
            json!({ "Successful": successful, "Failed": [] }).to_string()
        }
        other => panic!("{other}"),
    }
}

/// Answers as it was told to, in order.
struct Function {
    answers: Mutex<VecDeque<Result<Value, InvokeError>>>,
    events: mpsc::UnboundedSender<Value>,
}

impl Invoke for Function {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, InvokeError>> {
        self.events.send(event).unwrap();
        let answer = self.answers.lock().unwrap().pop_front().unwrap();
        Box::pin(async { answer })
    }
}

fn batch(names: &[&str]) -> Value {
    let message = |name: &&str| {
        json!({
            "MessageId": format!("id-{name}"), "ReceiptHandle": format!("handle-{name}"), "Body": name,
            "MD5OfBody": "not checked", "Attributes": { "MessageGroupId": "g", "ApproximateReceiveCount": "1" },
        })
    };
    names.iter().map(message).collect()
}

/// What is deleted, and the events, of batches that are answered so.
async fn played(rounds: Vec<(Value, Result<Value, InvokeError>)>) -> (Vec<String>, Vec<Value>) {
    let count = rounds.len();
    let (batches, answers) = rounds.into_iter().unzip();
    let queue = Arc::new(Queue {
        batches: Mutex::new(batches),
        deleted: Mutex::default(),
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(Arc::clone(&queue));
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });

    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .endpoint_url(&endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let (sender, mut events) = mpsc::unbounded_channel();
    let trigger = QueueTrigger {
        queue: "Queue".to_owned(),
        function: "fn".to_owned(),
        batch_size: 5,
        maximum_concurrency: 1,
        partial_batch: true,
    };
    let source = Source {
        client: aws_sdk_sqs::Client::from_conf(config),
        url: format!("{endpoint}/{ACCOUNT}/messages.fifo"),
        trigger,
        function: Arc::new(Function {
            answers: Mutex::new(answers),
            events: sender,
        }),
    };
    let stop = watch::Sender::new(false);
    let polling = tokio::spawn(poll(Arc::new(source), stop.subscribe()));
    let mut seen = Vec::new();
    while seen.len() < count {
        seen.push(events.recv().await.unwrap());
    }
    // In the middle of the last batch: its deletes are still made.
    stop.send_replace(true);
    polling.await.unwrap();
    serving.abort();
    let deleted = queue.deleted.lock().unwrap().clone();
    (deleted, seen)
}

#[tokio::test]
async fn what_did_not_fail_is_deleted_and_nothing_else() {
    let failures =
        json!({ "batchItemFailures": [{ "itemIdentifier": "id-b" }, { "itemIdentifier": "id-c" }] });
    let (deleted, events) = played(vec![(batch(&["a", "b", "c"]), Ok(failures))]).await;
    assert_eq!(deleted, ["handle-a"]);
    let event: aws_lambda_events::sqs::SqsEvent = serde_json::from_value(events[0].clone()).unwrap();
    let record = &event.records[1];
    assert_eq!(record.message_id.as_deref(), Some("id-b"));
    assert_eq!(record.body.as_deref(), Some("b"));
    assert_eq!(record.attributes["MessageGroupId"], "g");
    assert_eq!(
        record.event_source_arn.as_deref(),
        Some("arn:aws:sqs:us-east-1:000000000000:messages.fifo")
    );
}

#[tokio::test]
async fn a_batch_that_failed_is_kept_whole_and_the_next_one_taken() {
    let (deleted, _) = played(vec![
        (batch(&["a", "b"]), Err(InvokeError::TimedOut(Duration::ZERO))),
        (batch(&["c"]), Ok(json!("nonsense"))),
        (batch(&["d"]), Ok(json!({ "batchItemFailures": [] }))),
    ])
    .await;
    assert_eq!(deleted, ["handle-d"]);
}

#[test]
fn an_answer_is_read_as_lambda_reads_it() {
    let messages = ["id-a", "id-b"].map(|id| Message::builder().message_id(id).build());
    let kept = |answer: Value| kept(&messages, &answer, true).ok().map(Vec::from_iter);
    for all_done in [
        json!(null),
        json!({}),
        json!({ "batchItemFailures": null }),
        json!({ "batchItemFailures": [] }),
    ] {
        assert_eq!(kept(all_done), Some(vec![]));
    }
    assert_eq!(
        kept(json!({ "batchItemFailures": [{ "itemIdentifier": "id-b" }] })),
        Some(vec!["id-b".to_owned()])
    );
    for none_done in [
        json!({ "batchItemFailures": [{ "itemIdentifier": "" }] }),
        json!({ "batchItemFailures": [{ "itemIdentifier": null }] }),
        json!({ "batchItemFailures": [{ "itemIdentifier": "id-b" }, { "itemIdentifier": "id-z" }] }),
        json!({ "batchItemFailures": [{}] }),
        json!({ "batchItemFailures": "id-b" }),
        json!([]),
    ] {
        assert_eq!(kept(none_done), None);
    }
}

#[test]
fn without_partial_batches_any_answer_is_success() {
    let messages = [Message::builder().message_id("id-a").build()];
    let answer = json!({ "batchItemFailures": [{ "itemIdentifier": "id-a" }] });
    assert!(kept(&messages, &answer, false).unwrap().is_empty());
}
