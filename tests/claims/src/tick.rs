//! Events that are not HTTP. The input is one, as Lambda hands it over.

use lambda_http::Request;
use lambda_http::request::LambdaRequest;
use serde_json::Value;
use shared::platform::scheduled::is_tick;

pub(crate) fn check(input: &[u8]) {
    let Ok(event) = serde_json::from_slice::<LambdaRequest>(input) else {
        return;
    };
    // What is HTTP was made by the gateway, and is another claim's.
    if !matches!(event, LambdaRequest::PassThrough(_)) {
        return;
    }
    let request = Request::from(event);
    // What is passed through unread may hold a number that no `Value` can.
    let said: Value = serde_json::from_slice(input).unwrap_or_default();
    let source = said.as_object().and_then(|event| event.get("source")?.as_str());
    let is_schedule = matches!(source, Some("aws.scheduler" | "aws.events"));
    assert_eq!(is_tick(&request), is_schedule, "{source:?}");
}
