//! Twilio's REST API: who may ask, what is where, and how it says no.

mod calls;
mod messages;
mod page;

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    account::Account,
    answers::garbled,
    connection::Scissors,
    events::SandboxEvent,
    record::{ReceivedRequest, attempt_in, decoded, value_of},
    script::ReadFault,
};

/// How Twilio refuses.
#[derive(Debug)]
struct Refusal {
    http: u16,
    code: u32,
    message: String,
    retry_after: Option<String>,
}

impl Refusal {
    fn new(http: u16, code: u32, message: impl Into<String>) -> Self {
        Self {
            http,
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    fn not_found(path: &str) -> Self {
        Self::new(404, 20404, format!("The requested resource {path} was not found"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.http).unwrap_or(StatusCode::BAD_REQUEST);
        let more_info = format!("https://www.twilio.com/docs/errors/{}", self.code);
        let body = json!({
            "code": self.code,
            "message": self.message,
            "more_info": more_info,
            "status": self.http,
        });
        let mut response = (status, Json(body)).into_response();
        if let Some(retry_after) = self.retry_after.and_then(|value| value.parse().ok()) {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after);
        }
        response
    }
}

/// A request that may go on.
struct Asked {
    account: Arc<Account>,
    scissors: Scissors,
    request: ReceivedRequest,
}

impl Asked {
    /// The first value of a query parameter that says something.
    fn query(&self, name: &str) -> Option<&str> {
        value_of(&self.request.query, name).filter(|value| !value.is_empty())
    }

    /// The first value of a form field that says something.
    fn field(&self, name: &str) -> Option<&str> {
        self.request.field(name).filter(|value| !value.is_empty())
    }

    /// Keeps the request waiting until everybody who waits is let go.
    async fn hold(&self) {
        let released = self.account.holding.released();
        self.account.announcer.announce(SandboxEvent::RequestHeld {
            number: self.request.number,
        });
        released.await;
    }

    /// Cuts the connection; what is returned never goes out.
    fn reset(&self) -> Response {
        self.scissors.cut();
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

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
    let authorised = is_authorised(&account, &headers);
    let request = receive(&account, &method, &uri, &body, authorised);
    if !authorised {
        return Refusal::new(401, 20003, "Authenticate").into_response();
    }
    let asked = Asked {
        account,
        scissors,
        request,
    };
    route(&asked, &method)
        .await
        .unwrap_or_else(IntoResponse::into_response)
}

async fn route(asked: &Asked, method: &Method) -> Result<Response, Refusal> {
    let path = asked.request.path.clone();
    let resource = path
        .strip_prefix(&format!("/2010-04-01/Accounts/{}/", asked.account.sid))
        .ok_or_else(|| Refusal::not_found(&path))?;
    if method == Method::GET
        && let Some(response) = read_fault(asked).await
    {
        return Ok(response);
    }
    match (
        method.as_str(),
        resource.split_once('/').unwrap_or((resource, "")),
    ) {
        ("POST", ("Messages.json", "")) => messages::create(asked).await,
        ("GET", ("Messages.json", "")) => messages::list(asked),
        ("GET", ("Messages", sid)) => messages::fetch(asked, sid),
        ("GET", ("Calls.json", "")) => calls::list(asked),
        ("GET", ("Calls", sid)) => calls::fetch(asked, sid),
        _ => Err(Refusal::not_found(&path)),
    }
}

/// Writes the request down before anything is decided about it.
fn receive(account: &Account, method: &Method, uri: &Uri, body: &[u8], authorised: bool) -> ReceivedRequest {
    let form = decoded(body);
    let mut record = account.record();
    let request = ReceivedRequest {
        number: record.requests.len() as u64 + 1,
        at: account.now(),
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: decoded(uri.query().unwrap_or_default().as_bytes()),
        attempt: value_of(&form, "StatusCallback").and_then(attempt_in),
        form,
        authorised,
    };
    record.requests.push(request.clone());
    drop(record);
    account.announcer.announce(SandboxEvent::RequestArrived {
        number: request.number,
        method: request.method.clone(),
        path: request.path.clone(),
        attempt: request.attempt.clone(),
    });
    request
}

fn is_authorised(account: &Account, headers: &HeaderMap) -> bool {
    let expected = format!("{}:{}", account.sid, account.auth_token());
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|value| STANDARD.decode(value).ok())
        .is_some_and(|credentials| credentials == expected.as_bytes())
}

async fn read_fault(asked: &Asked) -> Option<Response> {
    let fault = asked.account.script().read_fault()?;
    Some(match fault {
        ReadFault::Refuse { http, code } => Refusal::new(http, code, "scripted").into_response(),
        ReadFault::Garbled => garbled(StatusCode::OK),
        ReadFault::Reset => asked.reset(),
        ReadFault::Hold => {
            asked.hold().await;
            Refusal::new(503, 20503, "Service unavailable").into_response()
        }
    })
}
