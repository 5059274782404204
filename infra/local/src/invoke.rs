//! A Lambda function, seen from outside: JSON in, JSON out, or an error.
//!
//! Everything that calls a function, be it the gateway, a schedule or a queue, knows this and no more. So the
//! same stack runs the functions' own code in this process, for a quick start and for debugging, or their
//! compiled binaries behind a Runtime API ([`crate::runtime_api`]), for killing them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use lambda_http::request::LambdaRequest;
use lambda_http::tower::ServiceExt;
use lambda_http::{Adapter, Body, Request, Response, service_fn};
use lambda_runtime::{Config, Context, Error, LambdaEvent};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::template::Function;

/// Where everything here pretends to be.
pub const REGION: &str = "us-east-1";
/// Whose it is.
pub const ACCOUNT: &str = "000000000000";

/// A function that can be invoked.
pub trait Invoke: Send + Sync {
    /// Invokes it once. An invocation that has begun goes on when nobody waits for it any more.
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, InvokeError>>;
}

/// Functions by their binary's name.
pub type Functions = HashMap<String, Arc<dyn Invoke>>;

/// Why an invocation has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The function said so.
    #[error("the function failed with {error_type}: {message}")]
    Failed {
        /// What kind of error.
        error_type: String,
        /// In its words.
        message: String,
    },
    /// It panicked.
    #[error("the function panicked: {0}")]
    Panicked(String),
    /// It was not done by its deadline.
    #[error("the function timed out after {0:?}")]
    TimedOut(Duration),
    /// Its process ended in the middle.
    #[error("the function's process died: {0}")]
    Died(String),
    /// Its process never asked for an event.
    #[error("the function did not start: {0}")]
    NotStarted(String),
}

/// The ARN of a function.
pub fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

/// Longer than anybody drives an invocation that has no time limit.
const NEVER: Duration = Duration::from_hours(24);

/// The end of an invocation that begins now, in milliseconds since the epoch.
pub(crate) fn deadline_ms(timeout: Duration) -> u64 {
    let end = SystemTime::now() + timeout;
    let since_epoch = end.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

type Handler = dyn Fn(Value, Context) -> BoxFuture<'static, Result<Value, InvokeError>> + Send + Sync;

/// A function whose code runs in this process, each invocation in a task of its own.
///
/// Unlike on Lambda, two invocations may share what the function built at its start, and what outlives an
/// answer is not frozen.
pub struct InProcess {
    name: String,
    memory: u32,
    timeout: Duration,
    handler: Arc<Handler>,
}

impl InProcess {
    /// A function on `lambda_http`, run through that crate's own adapter: what it is given and what it answers
    /// are what they would be on Lambda. An event that is not HTTP reaches it as a pass-through request.
    pub fn http<F, Answer>(function: &Function, handler: F) -> Self
    where
        F: Fn(Request) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Response<Body>, Error>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        Self::typed(function, move |event: LambdaEvent<LambdaRequest>| {
            let handler = Arc::clone(&handler);
            let service = service_fn(move |request: Request| handler(request));
            Adapter::<'static, _, _>::from(service).oneshot(event)
        })
    }

    /// A function on `lambda_runtime`: one type in, one out.
    pub fn typed<Event, Output, F, Answer>(function: &Function, handler: F) -> Self
    where
        Event: DeserializeOwned,
        Output: Serialize,
        F: Fn(LambdaEvent<Event>) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Output, Error>> + Send + 'static,
    {
        let handler = move |event: Value, context| -> BoxFuture<'static, Result<Value, InvokeError>> {
            // As on Lambda, an event of the wrong form is the function's failure.
            let answer = serde_json::from_value(event).map(|event| handler(LambdaEvent::new(event, context)));
            Box::pin(async move {
                let output = answer.map_err(failed)?.await.map_err(failed)?;
                serde_json::to_value(output).map_err(failed)
            })
        };
        Self {
            name: function.binary.clone(),
            memory: function.memory,
            timeout: function.timeout,
            handler: Arc::new(handler),
        }
    }

    /// One invocation, for whoever drives it to its end: in no task of its own, and without its time limit.
    pub fn begin(&self, event: Value) -> BoxFuture<'static, Result<Value, InvokeError>> {
        let (mut context, handler) = (self.context(), Arc::clone(&self.handler));
        context.deadline = deadline_ms(NEVER);
        Box::pin(async move { handler(event, context).await })
    }

    fn context(&self) -> Context {
        let mut config = Config::default();
        config.function_name.clone_from(&self.name);
        config.memory = i32::try_from(self.memory).unwrap_or(i32::MAX);
        "$LATEST".clone_into(&mut config.version);
        let mut context = Context::default();
        context.request_id = Uuid::new_v4().to_string();
        context.deadline = deadline_ms(self.timeout);
        context.invoked_function_arn = function_arn(&self.name);
        context.env_config = Arc::new(config);
        context
    }
}

impl Invoke for InProcess {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, InvokeError>> {
        let (timeout, context, handler) = (self.timeout, self.context(), Arc::clone(&self.handler));
        // The handler is called inside the task, so that a panic before its first await is caught as well.
        let task = tokio::spawn(async move {
            tokio::time::timeout(timeout, async { handler(event, context).await }).await
        });
        Box::pin(async move {
            match task.await {
                Ok(Ok(result)) => result,
                Ok(Err(_elapsed)) => Err(InvokeError::TimedOut(timeout)),
                Err(error) => Err(InvokeError::Panicked(panic_message(error))),
            }
        })
    }
}

fn failed<E: std::fmt::Display + 'static>(error: E) -> InvokeError {
    InvokeError::Failed {
        error_type: std::any::type_name::<E>().to_owned(),
        message: error.to_string(),
    }
}

fn panic_message(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else {
        return "its task was cancelled".to_owned();
    };
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
    use lambda_http::RequestExt;
    use lambda_http::request::RequestContext;
    use serde_json::json;

    use super::*;

    fn function(timeout: Duration) -> Function {
        Function {
            logical_id: "Fn".to_owned(),
            binary: "fn".to_owned(),
            timeout,
            memory: 128,
            environment: BTreeMap::new(),
        }
    }

    const MINUTE: Duration = Duration::from_mins(1);
    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn an_http_event_is_a_request_and_its_response_an_answer() {
        let echo = InProcess::http(&function(MINUTE), async |request: Request| {
            let path = request.raw_http_path().to_owned();
            Ok(Response::builder()
                .header("x-path", path)
                .body(request.into_body())?)
        });
        let event = json!({
            "version": "2.0", "rawPath": "/a%20b", "rawQueryString": "", "headers": {"host": "h"},
            "requestContext": {"http": {"method": "POST", "path": "/a%20b"}, "stage": "$default", "timeEpoch": 0},
            "body": "aGk=", "isBase64Encoded": true,
        });
        let answer = echo.invoke(event).await.unwrap();
        assert_eq!(answer["statusCode"], 200);
        assert_eq!(answer["headers"]["x-path"], "/a%20b");
        assert_eq!(
            (&answer["body"], &answer["isBase64Encoded"]),
            (&json!("hi"), &json!(false))
        );
    }

    #[tokio::test]
    async fn a_schedule_reaches_an_http_function_as_a_pass_through() {
        let tick = InProcess::http(&function(MINUTE), async |request: Request| {
            assert!(matches!(request.request_context(), RequestContext::PassThrough));
            let left = request
                .lambda_context()
                .deadline()
                .duration_since(SystemTime::now())
                .unwrap();
            assert!(left > Duration::from_secs(50) && left <= MINUTE, "{left:?}");
            Ok(Response::new(Body::from(r#"{"ok":true}"#)))
        });
        assert_eq!(
            tick.invoke(json!({"source": "aws.scheduler"})).await,
            Ok(json!({"ok": true}))
        );
    }

    #[tokio::test]
    async fn a_typed_function_gets_its_type() {
        let queue = InProcess::typed(&function(MINUTE), async |event: LambdaEvent<SqsEvent>| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = event.payload.records[0].message_id.clone().unwrap();
            let mut response = SqsBatchResponse::default();
            response.batch_item_failures.push(failure);
            Ok(response)
        });
        let answer = queue
            .invoke(json!({"Records": [{"messageId": "m1"}]}))
            .await
            .unwrap();
        assert_eq!(answer["batchItemFailures"], json!([{"itemIdentifier": "m1"}]));
        assert!(matches!(
            queue.invoke(json!({"Records": 1})).await,
            Err(InvokeError::Failed { .. })
        ));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told_apart() {
        let ends = |how: &'static str| {
            InProcess::typed(&function(SOON), move |_: LambdaEvent<Value>| async move {
                match how {
                    "late" => std::future::pending().await,
                    "panics" => panic!("as asked"),
                    _ => {}
                }
                Err::<Value, Error>("no".into())
            })
        };
        let outcome = async |how| ends(how).invoke(json!({})).await.unwrap_err();
        assert_eq!(outcome("late").await, InvokeError::TimedOut(SOON));
        assert_eq!(
            outcome("panics").await,
            InvokeError::Panicked("as asked".to_owned())
        );
        assert!(matches!(outcome("fails").await, InvokeError::Failed { message, .. } if message == "no"));
    }
}
