//! Vapi's API: who may ask, what is where, and how it says no.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    account::{Account, ReceivedRequest},
    call::{Call, Order},
    script::{Behaviour, ReadFault},
};
use crate::sandbox::{
    answers::{broken, garbled, huge},
    clock::later,
    connection::Scissors,
    record::{decoded, is_e164, value_of},
};

/// What a request to place a call may say.
const PROPERTIES: [&str; 18] = [
    "assistant",
    "assistantId",
    "assistantOverrides",
    "assistantVersion",
    "customer",
    "customerId",
    "customers",
    "name",
    "phoneNumber",
    "phoneNumberId",
    "schedulePlan",
    "squad",
    "squadId",
    "squadOverrides",
    "transport",
    "workflow",
    "workflowId",
    "workflowOverrides",
];
const NAME_CHARS_MAX: usize = 40;
const ROWS_DEFAULT: usize = 100;
const ROWS_MAX: usize = 1_000;

/// How Vapi refuses.
#[derive(Debug)]
struct Refusal {
    http: u16,
    message: Value,
    retry_after: Option<String>,
}

impl Refusal {
    fn new(http: u16, message: impl Into<Value>) -> Self {
        Self {
            http,
            message: message.into(),
            retry_after: None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.http).unwrap_or(StatusCode::BAD_REQUEST);
        let body = json!({
            "statusCode": self.http,
            "message": self.message,
            "error": status.canonical_reason(),
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
    fn query(&self, name: &str) -> Option<&str> {
        value_of(&self.request.query, name)
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
    let expected = format!("Bearer {}", account.api_key());
    let request = account.receive(ReceivedRequest {
        number: 0,
        at: Timestamp::UNIX_EPOCH,
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: decoded(uri.query().unwrap_or_default().as_bytes()),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        authorised: headers
            .get(header::AUTHORIZATION)
            .is_some_and(|given| given.as_bytes() == expected.as_bytes()),
    });
    let asked = Asked {
        account,
        scissors,
        request,
    };
    route(&asked).await.unwrap_or_else(IntoResponse::into_response)
}

async fn route(asked: &Asked) -> Result<Response, Refusal> {
    let request = &asked.request;
    if !request.authorised {
        return Err(Refusal::new(401, "Invalid Key."));
    }
    if request.is_send() {
        return create(asked).await;
    }
    let is_known = request.path == "/call" || request.path.starts_with("/call/");
    if request.method != "GET" || !is_known {
        return Err(Refusal::new(
            404,
            format!("Cannot {} {}", request.method, request.path),
        ));
    }
    let fault = asked.account.script().read_fault();
    match (fault, request.path.strip_prefix("/call/")) {
        (Some(ReadFault::Refuse(http)), _) => Err(Refusal::new(http, "scripted")),
        (Some(ReadFault::Garbled), _) => Ok(garbled(StatusCode::OK)),
        (Some(ReadFault::Says(said)), _) => Ok(Json(said).into_response()),
        (Some(ReadFault::Reset), _) => Ok(asked.reset()),
        (Some(ReadFault::Hold), _) => {
            let released = asked.account.holding.released();
            asked.account.hold();
            released.await;
            Err(Refusal::new(503, "Service Unavailable"))
        }
        (None, Some(id)) => fetch(asked, id),
        (None, None) => list(asked),
    }
}

/// `POST /call`
async fn create(asked: &Asked) -> Result<Response, Refusal> {
    let account = &asked.account;
    let order = checked(account, &asked.request)?;
    let behaviour = account.script().behaviour(&order.recipient);
    match behaviour {
        Behaviour::Accept => Ok(created(&account.accept(&order), false)),
        Behaviour::AcceptBlocked => Ok(created(&account.accept(&order), true)),
        Behaviour::AcceptThenReset => {
            account.accept(&order);
            Ok(asked.reset())
        }
        Behaviour::AcceptThen500 => {
            account.accept(&order);
            Ok(broken())
        }
        Behaviour::AcceptThenGarbled => {
            account.accept(&order);
            Ok(garbled(StatusCode::CREATED))
        }
        Behaviour::AcceptThenHuge { bytes } => {
            account.accept(&order);
            Ok(huge(bytes))
        }
        Behaviour::DoubleAccept => {
            let call = account.accept(&order);
            account.accept(&order);
            Ok(created(&call, false))
        }
        Behaviour::LateAccept { after } => Ok(created(&accept_late(account, order, after).await, false)),
        Behaviour::AcceptThenRefuse { http } => {
            account.accept(&order);
            Err(Refusal::new(http, "scripted"))
        }
        Behaviour::Hold { accepted } => {
            let call = accepted.then(|| account.accept(&order));
            let released = account.holding.released();
            account.hold();
            released.await;
            call.map(|call| created(&call, false))
                .ok_or_else(|| Refusal::new(503, "Service Unavailable"))
        }
        Behaviour::Refuse {
            http,
            message,
            retry_after,
        } => Err(Refusal {
            retry_after,
            ..Refusal::new(http, message)
        }),
        Behaviour::Fail500 => Ok(broken()),
        Behaviour::Reset => Ok(asked.reset()),
        Behaviour::Redirect { http, to } => {
            let status = StatusCode::from_u16(http).unwrap_or(StatusCode::TEMPORARY_REDIRECT);
            Ok((status, [(header::LOCATION, to)]).into_response())
        }
    }
}

/// Accepts in a task of its own: the sender may be gone by then, and it is accepted all the same.
async fn accept_late(account: &Arc<Account>, order: Order, after: Duration) -> Call {
    let moment = later(account.clock.now(), after);
    account.hold();
    let account = Arc::clone(account);
    let accepting = tokio::spawn(async move {
        account.clock.reaches(moment).await;
        account.accept(&order)
    });
    accepting.await.expect("accepting does not panic")
}

/// Accepts a request that was answered otherwise before.
pub(super) fn accept_after_all(account: &Account, request: &ReceivedRequest) -> Call {
    let order = checked(account, request).expect("a request for a call");
    account.accept(&order)
}

/// The order in a request, or why it is none.
fn checked(account: &Account, request: &ReceivedRequest) -> Result<Order, Refusal> {
    let body = &request.body;
    let bad = |why: String| Refusal::new(400, json!([why]));
    let properties = body
        .as_object()
        .ok_or_else(|| bad("the body is not an object".to_owned()))?;
    if let Some(name) = properties
        .keys()
        .find(|name| !PROPERTIES.contains(&name.as_str()))
    {
        return Err(bad(format!("property {name} should not exist")));
    }
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    for pointer in ["/name", "/customer/name", "/customer/externalId"] {
        if text(pointer).is_some_and(|text| text.chars().count() > NAME_CHARS_MAX) {
            let name = pointer[1..].replace('/', ".");
            return Err(bad(format!(
                "{name} must be shorter than or equal to 40 characters"
            )));
        }
    }
    for (pointer, known) in [
        ("/assistantId", &account.assistant_id),
        ("/phoneNumberId", &account.phone_number_id),
    ] {
        if text(pointer).as_ref() != Some(known) {
            return Err(Refusal::new(404, format!("{} does not exist", &pointer[1..])));
        }
    }
    let recipient = text("/customer/number")
        .filter(|number| is_e164(number))
        .ok_or_else(|| bad("customer.number must be a valid phone number in the E.164 format".to_owned()))?;
    Ok(Order {
        request: request.number,
        name: text("/name"),
        recipient,
        customer_id: text("/customer/externalId"),
        customer_name: text("/customer/name"),
        assistant_id: account.assistant_id.clone(),
        phone_number_id: account.phone_number_id.clone(),
        overrides: body["assistantOverrides"].clone(),
    })
}

/// The answer to a call that was accepted.
fn created(call: &Call, is_blocked: bool) -> Response {
    let mut body = call.shown();
    body["subscriptionLimits"] = json!({
        "concurrencyBlocked": is_blocked,
        "concurrencyLimit": 10,
        "remainingConcurrentCalls": if is_blocked { 0 } else { 9 },
    });
    (StatusCode::CREATED, Json(body)).into_response()
}

/// `GET /call/{id}`
fn fetch(asked: &Asked, id: &str) -> Result<Response, Refusal> {
    let record = asked.account.record();
    let call = record.calls.iter().find(|call| call.id == id);
    let call = call.ok_or_else(|| Refusal::new(404, "Couldn't Find Call"))?;
    Ok(Json(call.shown()).into_response())
}

/// `GET /call`: newest first; of two of one instant the one recorded last comes first.
fn list(asked: &Asked) -> Result<Response, Refusal> {
    let bad = |name: &str| Refusal::new(400, json!([format!("{name} is not what it should be")]));
    let time = |name: &str| {
        asked
            .query(name)
            .map(|text| text.parse::<Timestamp>().map_err(|_| bad(name)))
            .transpose()
    };
    let (least, above) = (time("createdAtGe")?, time("createdAtGt")?);
    let (most, below) = (time("createdAtLe")?, time("createdAtLt")?);
    let limit = asked
        .query("limit")
        .map(|text| text.parse::<usize>().map_err(|_| bad("limit")))
        .transpose()?
        .unwrap_or(ROWS_DEFAULT);
    if limit > ROWS_MAX {
        return Err(bad("limit"));
    }
    let (lag, rows_max) = {
        let script = asked.account.script();
        (script.list_lag, script.list_rows_max.unwrap_or(ROWS_MAX))
    };
    let now = asked.account.clock.now();
    let is = |name: &str, value: &str| asked.query(name).is_none_or(|wanted| wanted == value);
    let mut calls: Vec<Call> = asked.account.record().calls.iter().rev().cloned().collect();
    calls.retain(|call| {
        let at = call.created_at;
        later(at, lag) <= now
            && least.is_none_or(|least| at >= least)
            && above.is_none_or(|above| at > above)
            && most.is_none_or(|most| at <= most)
            && below.is_none_or(|below| at < below)
            && is("id", &call.id)
            && is("assistantId", &call.assistant_id)
            && is("phoneNumberId", &call.phone_number_id)
    });
    calls.sort_by_key(|call| std::cmp::Reverse(call.created_at));
    let rows: Vec<Value> = calls.iter().take(limit.min(rows_max)).map(Call::shown).collect();
    Ok(Json(rows).into_response())
}
