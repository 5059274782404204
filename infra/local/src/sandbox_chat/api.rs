//! The API of both providers: who may ask, what is where, and how it says no.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    handle::{Account, ReceivedRequest},
    model,
    script::{Behaviour, Provider},
};
use crate::sandbox::{
    answers::{garbled, huge},
    connection::Scissors,
};

/// A token is some four characters long.
const CHARS_OF_A_TOKEN: usize = 4;

/// The API as a router.
pub(super) fn router(account: Arc<Account>) -> Router {
    Router::new().fallback(answer).with_state(account)
}

async fn answer(
    State(account): State<Arc<Account>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let provider = match uri.path() {
        "/deepseek/chat/completions" | "/deepseek/v1/chat/completions" => Some(Provider::DeepSeek),
        "/openai/v1/chat/completions" => Some(Provider::OpenAi),
        _ => None,
    };
    let is_good = |provider| {
        let expected = format!("Bearer {}", account.key(provider));
        let given = headers.get(header::AUTHORIZATION);
        given.is_some_and(|given| given.as_bytes() == expected.as_bytes())
    };
    let request = account.receive(ReceivedRequest {
        number: 0,
        at: Timestamp::UNIX_EPOCH,
        provider,
        path: uri.path().to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        authorised: provider.is_some_and(is_good),
    });
    let Some(provider) = provider.filter(|_| method == Method::POST) else {
        return refusal(404, "invalid_request_error", "unknown_url", "Unknown request URL");
    };
    if !request.authorised {
        return refusal(
            401,
            "authentication_error",
            "invalid_api_key",
            "Incorrect API key provided",
        );
    }
    if let Err(why) = check(&request) {
        return refusal(400, "invalid_request_error", "invalid_value", why);
    }
    act(&account, &scissors, &request, provider).await
}

fn refusal(http: u16, kind: &str, code: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(http).unwrap_or(StatusCode::BAD_REQUEST);
    let error = json!({ "message": message, "type": kind, "param": null, "code": code });
    (status, Json(json!({ "error": error }))).into_response()
}

/// Whether a request is one that both would take.
fn check(request: &ReceivedRequest) -> Result<(), &'static str> {
    let body = &request.body;
    if body["model"].as_str().is_none_or(str::is_empty) {
        return Err("you must provide a model parameter");
    }
    let messages = body["messages"]
        .as_array()
        .ok_or("'messages' is a required property")?;
    if messages.is_empty() {
        return Err("[] is too short - 'messages'");
    }
    let is_turn = |turn: &Value| {
        let role = turn["role"].as_str().unwrap_or_default();
        matches!(role, "system" | "user" | "assistant") && turn["content"].is_string()
    };
    if !messages.iter().all(is_turn) {
        return Err("a message has no role or no content");
    }
    let wants_json = body.pointer("/response_format/type") == Some(&json!("json_object"));
    let speaks_of_json = messages
        .iter()
        .filter_map(|turn| turn["content"].as_str())
        .any(|content| content.to_lowercase().contains("json"));
    if wants_json && !speaks_of_json {
        return Err("'messages' must contain the word 'json' in some form");
    }
    Ok(())
}

async fn act(
    account: &Arc<Account>,
    scissors: &Scissors,
    request: &ReceivedRequest,
    provider: Provider,
) -> Response {
    let conversed = || {
        let messages = request.body["messages"].as_array();
        model::converse(messages.map(Vec::as_slice).unwrap_or_default())
    };
    let says = |content: &str| Json(completion(request, content, "stop", None)).into_response();
    match account.behaviour(provider) {
        Behaviour::Converse => says(&conversed()),
        Behaviour::Reply(reply) => says(&model::reply(&reply)),
        Behaviour::HandOver(reason) => says(&model::hand_over(&reason)),
        Behaviour::Say(words) => says(&words),
        Behaviour::End { words, reason } => Json(completion(request, &words, &reason, None)).into_response(),
        Behaviour::Decline => {
            Json(completion(request, "", "stop", Some("I cannot help with that."))).into_response()
        }
        Behaviour::Fail { http, body, headers } => {
            let status = StatusCode::from_u16(http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
            for (name, value) in headers {
                if let Ok(value) = value.parse() {
                    response
                        .headers_mut()
                        .insert(HeaderName::from_static(name), value);
                }
            }
            response
        }
        Behaviour::BlankLines { every } => blank_lines(every),
        Behaviour::BlankLinesThen { lines, reply } => {
            let body = completion(request, &model::reply(&reply), "stop", None);
            json_body(format!("{}{body}", "\n".repeat(lines)).into())
        }
        Behaviour::Hold => {
            let released = account.holding.released();
            account.hold();
            released.await;
            says(&conversed())
        }
        Behaviour::Reset => {
            scissors.cut();
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Behaviour::Garbled => garbled(StatusCode::OK),
        Behaviour::Huge { bytes } => {
            let mut response = huge(bytes);
            *response.status_mut() = StatusCode::OK;
            response
        }
        Behaviour::Redirect { http, to } => {
            let status = StatusCode::from_u16(http).unwrap_or(StatusCode::TEMPORARY_REDIRECT);
            (status, [(header::LOCATION, to)]).into_response()
        }
    }
}

/// A completion as the API shows it.
fn completion(request: &ReceivedRequest, content: &str, reason: &str, refusal: Option<&str>) -> Value {
    let read: usize = ["system", "user", "assistant"]
        .iter()
        .flat_map(|role| request.said_by(role))
        .map(|said| said.chars().count() / CHARS_OF_A_TOKEN + 1)
        .sum();
    let written = content.chars().count() / CHARS_OF_A_TOKEN + 1;
    json!({
        "id": format!("chatcmpl-{}", Uuid::new_v4().simple()),
        "object": "chat.completion",
        "created": request.at.as_second(),
        "model": request.body["model"],
        "choices": [{
            "index": 0,
            "message": {
                "role": "assistant",
                "content": if refusal.is_some() { Value::Null } else { content.into() },
                "refusal": refusal,
            },
            "logprobs": null,
            "finish_reason": reason,
        }],
        "usage": { "prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written },
    })
}

/// A 200 that never says anything, as a busy DeepSeek does.
fn blank_lines(every: Duration) -> Response {
    let lines = stream::unfold((), move |()| async move {
        tokio::time::sleep(every).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b"\n")), ()))
    });
    json_body(Body::from_stream(lines))
}

fn json_body(body: Body) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
