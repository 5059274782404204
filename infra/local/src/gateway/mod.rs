//! A stand-in for an API Gateway HTTP API.
//!
//! Functions are given the event that AWS would have given them, byte for byte where a signature depends on
//! it: an in-between that is kinder than the real one hides the mistakes that only the real one shows.

mod answer;
mod event;
mod routes;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use self::answer::{gateway_error, response};
use self::event::{Arrival, event};
use self::routes::Routes;
use crate::invoke::{Functions, Invoke, InvokeError};
use crate::template::Template;

/// What Lambda takes as an event. A body in base64 counts as long as that is.
const BODY_BYTES_MAX: usize = 6 * 1024 * 1024;
/// What an integration may take, however long the function may.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

struct Gateway {
    routing: Routing,
    functions: Functions,
}

/// The template's routes: which function a request goes to, and as what event.
pub struct Routing(Routes);

impl Routing {
    /// Of the template's routes.
    pub fn new(template: &Template) -> anyhow::Result<Self> {
        Ok(Self(Routes::new(&template.routes)?))
    }

    /// The function's binary and the event of a request; `None` where no route leads.
    pub fn event(&self, parts: &Parts, body: &[u8]) -> Option<(&str, Value)> {
        let route = self.0.find(parts.method.as_str(), parts.uri.path())?;
        let source = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let arrival = Arrival {
            source_ip: source.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |source| source.ip()),
            at: Timestamp::now(),
            request_id: request_id(),
        };
        Some((&route.route.function, event(&route, parts, body, &arrival)))
    }
}

/// Serves the template's routes. Refuses to, if a function is not there.
///
/// To know where requests come from, serve it with `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn router(template: &Template, functions: Functions) -> anyhow::Result<Router> {
    for route in &template.routes {
        let served = functions.contains_key(&route.function);
        ensure!(
            served,
            "template.yaml leads {} to {}, which is not served",
            route.key(),
            route.function
        );
    }
    let routing = Routing::new(template)?;
    Ok(Router::new()
        .fallback(serve)
        .with_state(Arc::new(Gateway { routing, functions })))
}

async fn serve(State(gateway): State<Arc<Gateway>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let is_routed = gateway
        .routing
        .0
        .find(parts.method.as_str(), parts.uri.path())
        .is_some();
    if !is_routed {
        return gateway_error(StatusCode::NOT_FOUND, "Not Found");
    }
    let too_large = || gateway_error(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return too_large();
    };
    let Some((name, event)) = gateway.routing.event(&parts, &body) else {
        return gateway_error(StatusCode::NOT_FOUND, "Not Found");
    };
    if event["body"]
        .as_str()
        .is_some_and(|body| body.len() > BODY_BYTES_MAX)
    {
        return too_large();
    }
    invoke(name, gateway.functions[name].as_ref(), event).await
}

async fn invoke(name: &str, function: &dyn Invoke, event: Value) -> Response<Body> {
    let unavailable = || gateway_error(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
    let failed = || gateway_error(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    match tokio::time::timeout(INTEGRATION_TIMEOUT, function.invoke(event)).await {
        Ok(Ok(answer)) => response(answer).unwrap_or_else(|error| {
            tracing::error!(
                function = name,
                error = format!("{error:#}"),
                "the function's answer is none"
            );
            failed()
        }),
        Ok(Err(error)) => {
            tracing::error!(function = name, %error, "the function has no answer");
            if matches!(error, InvokeError::TimedOut(_)) {
                unavailable()
            } else {
                failed()
            }
        }
        Err(_elapsed) => {
            tracing::error!(function = name, "the function took longer than the gateway waits");
            unavailable()
        }
    }
}

/// As the real ones look.
fn request_id() -> String {
    let bytes: [u8; 11] = std::array::from_fn(|_| fastrand::u8(..));
    BASE64_STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use futures_util::future::BoxFuture;
    use lambda_http::tower::ServiceExt;
    use serde_json::json;

    use super::*;

    /// Does what the body says.
    struct Obedient;

    impl Invoke for Obedient {
        fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, InvokeError>> {
            Box::pin(async move {
                match event["body"].as_str() {
                    Some("time out") => Err(InvokeError::TimedOut(Duration::ZERO)),
                    Some("die") => Err(InvokeError::Died("signal: 9".to_owned())),
                    Some("nonsense") => Ok(json!({ "statusCode": "no" })),
                    _ => Ok(json!({ "statusCode": 200, "body": event["routeKey"] })),
                }
            })
        }
    }

    fn gateway() -> Router {
        let template = Template::own().unwrap();
        let names = template.functions.iter().map(|function| function.binary.clone());
        let functions = names
            .map(|name| (name, Arc::new(Obedient) as Arc<dyn Invoke>))
            .collect();
        router(&template, functions).unwrap()
    }

    async fn ask(method: &str, path: &str, body: impl Into<Body>) -> (u16, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "text/plain");
        let response = gateway()
            .oneshot(request.body(body.into()).unwrap())
            .await
            .unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    const VOICE: &str = "/api/webhooks/twilio/voice";

    #[tokio::test]
    async fn the_templates_routes_are_served_and_no_others() {
        assert_eq!(ask("POST", VOICE, "").await, (200, format!("ANY {VOICE}")));
        assert_eq!(ask("PUT", VOICE, "").await, (200, format!("ANY {VOICE}")));
        let not_found = (404, r#"{"message":"Not Found"}"#.to_owned());
        assert_eq!(ask("GET", "/", "").await, not_found);
        assert_eq!(
            ask("GET", "/api/jobs/run-outbound", "").await,
            not_found,
            "POST it is"
        );
    }

    #[tokio::test]
    async fn a_functions_end_is_the_gateways_answer() {
        let failed = (500, r#"{"message":"Internal Server Error"}"#.to_owned());
        assert_eq!(ask("POST", VOICE, "die").await, failed);
        assert_eq!(ask("POST", VOICE, "nonsense").await, failed);
        let unavailable = (503, r#"{"message":"Service Unavailable"}"#.to_owned());
        assert_eq!(ask("POST", VOICE, "time out").await, unavailable);
    }

    #[tokio::test]
    async fn a_body_may_be_so_long() {
        let too_large = (413, r#"{"message":"Request Entity Too Large"}"#.to_owned());
        assert_eq!(ask("POST", VOICE, vec![b'a'; BODY_BYTES_MAX]).await.0, 200);
        assert_eq!(
            ask("POST", VOICE, vec![b'a'; BODY_BYTES_MAX + 1]).await,
            too_large
        );
        // Not text, so base64, which is longer.
        assert_eq!(
            ask("POST", VOICE, vec![0xff; BODY_BYTES_MAX / 4 * 3 + 3]).await,
            too_large
        );
    }

    #[test]
    fn a_route_to_nothing_is_refused() {
        let error = router(&Template::own().unwrap(), Functions::new())
            .unwrap_err()
            .to_string();
        assert!(error.contains("which is not served"), "{error}");
    }
}
