//! The event that API Gateway makes of a request: an HTTP API's payload format 2.0.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::http::header::{COOKIE, HOST, HeaderMap, HeaderName, USER_AGENT};
use axum::http::request::Parts;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::routes::Match;
use crate::invoke::ACCOUNT;

/// What arrives as text. Everything else is base64, a form's body too.
const TEXT_TYPES: [&str; 3] = ["application/json", "application/javascript", "application/xml"];
/// They concern one connection, which ends at the gateway.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Where a request came from and when.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) source_ip: IpAddr,
    pub(super) at: Timestamp,
    pub(super) request_id: String,
}

/// The event of a request on a route. What is not there is missing, not null.
pub(super) fn event(route: &Match<'_>, parts: &Parts, body: &[u8], arrival: &Arrival) -> Value {
    let raw_path = parts.uri.path();
    let raw_query = parts.uri.query().unwrap_or_default();
    let host = header(&parts.headers, HOST.as_str()).unwrap_or_default();
    let domain = host.split(':').next().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route.route.key(),
        "rawPath": raw_path,
        "rawQueryString": raw_query,
        "headers": headers(parts, &host, body.len(), arrival),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split('.').next(),
            "http": {
                "method": parts.method.as_str(),
                "path": raw_path,
                "protocol": format!("{:?}", parts.version),
                "sourceIp": arrival.source_ip.to_string(),
                "userAgent": header(&parts.headers, USER_AGENT.as_str()).unwrap_or_default(),
            },
            "requestId": arrival.request_id,
            "routeKey": route.route.key(),
            "stage": "$default",
            "time": arrival.at.to_zoned(TimeZone::UTC).strftime("%d/%b/%Y:%H:%M:%S %z").to_string(),
            "timeEpoch": arrival.at.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !raw_query.is_empty() {
        event["queryStringParameters"] = query(raw_query).into();
    }
    if !route.path_parameters.is_empty() {
        event["pathParameters"] = json!(route.path_parameters);
    }
    match text(&parts.headers, body) {
        _ if body.is_empty() => {}
        Some(text) => event["body"] = text.into(),
        None => {
            event["body"] = BASE64_STANDARD.encode(body).into();
            event["isBase64Encoded"] = true.into();
        }
    }
    event
}

/// Lower-case names, values joined with commas, cookies apart, and what the gateway adds.
fn headers(parts: &Parts, host: &str, body_length: usize, arrival: &Arrival) -> Map<String, Value> {
    let mut headers: Map<String, Value> = parts
        .headers
        .keys()
        .map(HeaderName::as_str)
        .filter(|name| *name != COOKIE && !HOP_BY_HOP.contains(name))
        .filter_map(|name| Some((name.to_owned(), header(&parts.headers, name)?.into())))
        .collect();
    let mut add = |name: &str, value: String| headers.insert(name.to_owned(), value.into());
    if body_length > 0 {
        add("content-length", body_length.to_string());
    }
    let before = header(&parts.headers, "x-forwarded-for").map(|before| format!("{before}, "));
    add(
        "x-forwarded-for",
        format!("{}{}", before.unwrap_or_default(), arrival.source_ip),
    );
    add("x-forwarded-proto", "http".to_owned());
    add(
        "x-forwarded-port",
        host.rsplit_once(':').map_or("80", |(_, port)| port).to_owned(),
    );
    let trace = format!(
        "Root=1-{:08x}-{:024x}",
        arrival.at.as_second(),
        fastrand::u128(..) >> 32
    );
    add("x-amzn-trace-id", trace);
    headers
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let values = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let cookies = values.flat_map(|value| value.split(';')).map(str::trim);
    cookies
        .filter(|cookie| !cookie.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Decoded, the values of a repeated name joined with commas: not what a signature was made over.
fn query(raw: &str) -> Map<String, Value> {
    let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
        query
            .entry(name.into_owned())
            .or_default()
            .push(value.into_owned());
    }
    query
        .into_iter()
        .map(|(name, values)| (name, values.join(",").into()))
        .collect()
}

fn text<'a>(headers: &HeaderMap, body: &'a [u8]) -> Option<&'a str> {
    let content_type = header(headers, "content-type")?.to_ascii_lowercase();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let is_text = media_type.starts_with("text/") || TEXT_TYPES.contains(&media_type);
    is_text.then(|| std::str::from_utf8(body).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use axum::http::request::Builder;

    use super::*;
    use crate::template::Route;

    #[track_caller]
    fn of(request: Builder, body: &[u8]) -> Value {
        let route = Route {
            method: "ANY".to_owned(),
            path: "/a/{id}".to_owned(),
            function: "f".to_owned(),
        };
        let path_parameters = BTreeMap::from([("id".to_owned(), "b c".to_owned())]);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let arrival = Arrival {
            source_ip: [203, 0, 113, 7].into(),
            at: "2026-10-09T10:00:00Z".parse().unwrap(),
            request_id: "id=".to_owned(),
        };
        event(
            &Match {
                route: &route,
                path_parameters,
            },
            &parts,
            body,
            &arrival,
        )
    }

    #[test]
    fn the_raw_path_and_query_are_untouched() {
        let event = of(Request::get("http://h/a/b%20c?x=1&y=a%2Bb&x=%32&z"), b"");
        assert_eq!(event["rawPath"], "/a/b%20c");
        assert_eq!(event["rawQueryString"], "x=1&y=a%2Bb&x=%32&z");
        assert_eq!(
            event["queryStringParameters"],
            json!({ "x": "1,2", "y": "a+b", "z": "" })
        );
        assert_eq!(event["pathParameters"], json!({ "id": "b c" }));
        assert_eq!(event["routeKey"], "ANY /a/{id}");
    }

    #[test]
    fn headers_are_lower_case_and_joined_and_cookies_apart() {
        let request = Request::get("/a/b")
            .header("Host", "api.example.com:9000")
            .header("X-Twice", "one")
            .header("x-twice", "two")
            .header("Cookie", "a=1; b=2")
            .header("Cookie", "c=3")
            .header("Connection", "keep-alive")
            .header("X-Forwarded-For", "198.51.100.1");
        let event = of(request, b"");
        let headers = &event["headers"];
        assert_eq!(headers["x-twice"], "one,two");
        assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
        assert!(headers.get("cookie").is_none() && headers.get("connection").is_none());
        assert_eq!(headers["x-forwarded-for"], "198.51.100.1, 203.0.113.7");
        assert_eq!(headers["x-forwarded-port"], "9000");
        assert_eq!(event["requestContext"]["domainName"], "api.example.com");
        assert_eq!(event["requestContext"]["domainPrefix"], "api");
    }

    #[test]
    fn a_form_is_base64_and_json_is_text() {
        let body = |content_type: Option<&str>, body: &[u8]| {
            let request = Request::post("/a/b");
            let event = of(
                content_type
                    .into_iter()
                    .fold(request, |r, t| r.header("content-type", t)),
                body,
            );
            (event["body"].clone(), event["isBase64Encoded"].clone())
        };
        assert_eq!(
            body(Some("application/x-www-form-urlencoded"), b"a=b"),
            (json!("YT1i"), json!(true))
        );
        assert_eq!(
            body(Some("Application/JSON; charset=utf-8"), b"{}"),
            (json!("{}"), json!(false))
        );
        assert_eq!(
            body(Some("text/plain"), "é".as_bytes()),
            (json!("é"), json!(false))
        );
        assert_eq!(body(Some("text/plain"), b"\xff"), (json!("/w=="), json!(true)));
        assert_eq!(body(None, b"a"), (json!("YQ=="), json!(true)));
        assert_eq!(body(Some("application/json"), b""), (Value::Null, json!(false)));
    }

    #[test]
    fn what_is_not_there_is_missing() {
        let event = of(Request::get("/a/b"), b"");
        for absent in ["body", "cookies", "queryStringParameters", "stageVariables"] {
            assert!(event.get(absent).is_none(), "{absent}");
        }
        assert_eq!(event["rawQueryString"], "");
    }

    #[test]
    fn the_context_tells_when_and_whence() {
        let context =
            &of(Request::put("/a/b").header("user-agent", "TwilioProxy/1.1"), b"")["requestContext"];
        assert_eq!(context["time"], "09/Oct/2026:10:00:00 +0000");
        assert_eq!(context["timeEpoch"], 1_791_540_000_000_i64);
        assert_eq!(
            context["http"],
            json!({
                "method": "PUT", "path": "/a/b", "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7", "userAgent": "TwilioProxy/1.1",
            })
        );
        assert_eq!(
            (&context["stage"], &context["requestId"]),
            (&json!("$default"), &json!("id="))
        );
    }

    #[test]
    fn the_functions_side_understands_it() {
        let event = of(
            Request::post("/a/b?x=1").header("content-type", "application/x-www-form-urlencoded"),
            b"a=b",
        );
        let request: lambda_http::request::LambdaRequest = serde_json::from_value(event).unwrap();
        let request = lambda_http::Request::from(request);
        assert_eq!(&**request.body(), b"a=b");
        let context = lambda_http::RequestExt::request_context(&request);
        assert!(matches!(
            context,
            lambda_http::request::RequestContext::ApiGatewayV2(_)
        ));
    }
}
