//! Requests, from the gateway to a function. The first line is the method, the second the target, the third
//! the content type, the rest is the body.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use futures_util::future::BoxFuture;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::tower::ServiceExt;
use lambda_http::{Request, RequestExt};
use local::invoke::{Invoke, InvokeError};
use local::template::{Route, Template};
use serde_json::{Value, json};
use shared::platform::scheduled::is_tick;

use crate::lines;

/// The API's own name: the gateway knows by it whose requests they are.
const HOST: &str = "switchboard.example.com";

pub(crate) fn check(input: &[u8]) {
    let ([method, target, content_type], body) = lines::split(input);
    let headers = [("content-type", content_type.as_str()), ("x-sent", "as it is")];
    let Some(sent) = request(&method, &target, &headers, body) else {
        return;
    };
    let (path, query) = (
        sent.uri().path().to_owned(),
        sent.uri().query().unwrap_or_default().to_owned(),
    );
    let Some(given) = through_the_gateway(sent) else {
        return;
    };
    assert_eq!(given.method().as_str(), method);
    assert_eq!(given.raw_http_path(), path);
    assert_eq!(
        given.uri().query().unwrap_or_default(),
        query,
        "what a signature covers"
    );
    assert_eq!(given.body().as_ref(), body);
    assert_eq!(given.headers()["x-sent"], "as it is");
    assert!(matches!(given.request_context(), RequestContext::ApiGatewayV2(_)));
    assert!(!is_tick(&given), "a stranger plays the schedule");
}

/// A request, if there can be such a one.
pub(crate) fn request(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<axum::http::Request<Body>> {
    let mut request = axum::http::Request::builder()
        .method(method)
        .uri(target)
        .header("host", HOST);
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_vec())).ok()?;
    request.uri().path().starts_with('/').then_some(request)
}

/// What a function gets of a request; `None` if the gateway itself answers it.
pub(crate) fn through_the_gateway(request: axum::http::Request<Body>) -> Option<Request> {
    let catcher = Arc::new(Catcher::default());
    let functions = [("f".to_owned(), Arc::clone(&catcher) as Arc<dyn Invoke>)];
    let router = local::gateway::router(&everything_to("f"), functions.into()).expect("it is served");
    wait_for(router.oneshot(request)).expect("a router never fails");
    let event = catcher.0.lock().expect("never poisoned").take()?;
    let text = event.to_string();
    let request: LambdaRequest = serde_json::from_str(&text).expect("the gateway's events can be read");
    Some(request.into())
}

/// Waits on this thread.
pub(crate) fn wait_for<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// Keeps the event that it is invoked with.
#[derive(Default)]
struct Catcher(Mutex<Option<Value>>);

impl Invoke for Catcher {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, InvokeError>> {
        *self.0.lock().expect("never poisoned") = Some(event);
        Box::pin(async { Ok(json!({ "statusCode": 200 })) })
    }
}

fn everything_to(function: &str) -> Template {
    Template {
        functions: Vec::new(),
        routes: vec![Route {
            method: "ANY".to_owned(),
            path: "/{proxy+}".to_owned(),
            function: function.to_owned(),
        }],
        schedules: Vec::new(),
        queue_triggers: Vec::new(),
        queues: Vec::new(),
        document: json!(BTreeMap::<String, Value>::new()),
    }
}
