//! The Cloud API: who may ask, what is where, and how it says no.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    account::{Account, ReceivedRequest},
    message::{SentMessage, Shown},
    script::Behaviour,
};
use crate::sandbox::{
    answers::{broken, garbled, huge},
    clock::later,
    connection::Scissors,
};

const TEXT_CHARS_MAX: usize = 4_096;
const CALLBACK_DATA_CHARS_MAX: usize = 512;
/// How long after what they wrote somebody may be sent a text.
const WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// How Meta refuses.
#[derive(Debug)]
struct Refusal {
    http: u16,
    code: i64,
    details: String,
    retry_after: Option<String>,
}

impl Refusal {
    fn new(http: u16, code: i64, details: impl Into<String>) -> Self {
        Self {
            http,
            code,
            details: details.into(),
            retry_after: None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.http).unwrap_or(StatusCode::BAD_REQUEST);
        let body = json!({ "error": {
            "message": format!("(#{}) {}", self.code, self.details),
            "type": "OAuthException",
            "code": self.code,
            "error_data": { "messaging_product": "whatsapp", "details": self.details },
            "fbtrace_id": "AXkYKwbbDDUVG0PWR2zzlfQ",
        } });
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
    base_url: String,
}

impl Asked {
    /// Cuts the connection; what is returned never goes out.
    fn reset(&self) -> Response {
        self.scissors.cut();
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.request.body.pointer(pointer).and_then(Value::as_str)
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
    let expected = format!("Bearer {}", account.access_token());
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let base_url = format!("http://{host}");
    let request = account.receive(ReceivedRequest {
        number: 0,
        at: Timestamp::UNIX_EPOCH,
        method: method.to_string(),
        path: uri.path().to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        authorised: headers
            .get(header::AUTHORIZATION)
            .is_some_and(|given| given.as_bytes() == expected.as_bytes()),
    });
    let asked = Asked {
        account,
        scissors,
        request,
        base_url,
    };
    route(&asked).await.unwrap_or_else(IntoResponse::into_response)
}

async fn route(asked: &Asked) -> Result<Response, Refusal> {
    let request = &asked.request;
    if !request.authorised {
        return Err(Refusal::new(401, 190, "Invalid OAuth access token."));
    }
    let parts: Vec<&str> = request.path.split('/').skip(1).collect();
    match (&*request.method, &parts[..]) {
        ("POST", [version, number, "messages"]) if is_version(version) => {
            if *number != asked.account.phone_number_id {
                return Err(unknown(number));
            }
            if asked.text("/messaging_product") != Some("whatsapp") {
                return Err(missing("messaging_product"));
            }
            match request.body.get("status") {
                Some(_) => show(asked).await,
                None => send(asked).await,
            }
        }
        ("GET", ["files", id]) => {
            let file = asked.account.record().files.get(*id).cloned();
            file.map(super::media::File::served)
                .ok_or_else(|| Refusal::new(404, 100, "no such file"))
        }
        ("GET", [version, id]) if is_version(version) => {
            let address = asked.account.script().media_address.clone();
            let address = address.unwrap_or_else(|| format!("{}/files/{id}", asked.base_url));
            let record = asked.account.record();
            let file = record.files.get(*id).ok_or_else(|| unknown(id))?;
            Ok(Json(file.shown(id, &address)).into_response())
        }
        _ => Err(Refusal::new(400, 2_500, "Unknown path components")),
    }
}

/// `v` and a number with one decimal.
fn is_version(text: &str) -> bool {
    let number = text
        .strip_prefix('v')
        .and_then(|number| number.strip_suffix(".0"));
    number.is_some_and(|number| number.parse::<u8>().is_ok())
}

fn unknown(id: &str) -> Refusal {
    Refusal::new(400, 100, format!("Object with ID '{id}' does not exist"))
}

fn missing(name: &str) -> Refusal {
    Refusal::new(400, 100, format!("The parameter {name} is required."))
}

/// `POST /{version}/{number}/messages` with a status: the ticks turn blue.
async fn show(asked: &Asked) -> Result<Response, Refusal> {
    let account = &asked.account;
    let id = asked.text("/message_id").ok_or_else(|| missing("message_id"))?;
    if asked.text("/status") != Some("read") {
        return Err(Refusal::new(400, 100, "Param status must be one of {READ}"));
    }
    let shows = account.script().shows.clone();
    match shows {
        Behaviour::Accept => {}
        Behaviour::Hold { .. } => {
            let released = account.holding.released();
            account.hold();
            released.await;
        }
        Behaviour::Refuse { http, code, .. } => return Err(Refusal::new(http, code, "scripted")),
        Behaviour::Reset => return Ok(asked.reset()),
        _ => return Ok(broken()),
    }
    let mut record = account.record();
    if !record.written.iter().any(|written| written == id) {
        return Err(Refusal::new(400, 131_009, "Message id was not found"));
    }
    record.shown.push(Shown {
        message_id: id.to_owned(),
        is_typing: asked.text("/typing_indicator/type") == Some("text"),
        at: account.clock.now(),
    });
    drop(record);
    account.changed();
    Ok(Json(json!({ "success": true })).into_response())
}

/// `POST /{version}/{number}/messages`
async fn send(asked: &Asked) -> Result<Response, Refusal> {
    let to = checked(asked)?;
    let account = &asked.account;
    let behaviour = account.script().behaviour(&to);
    let accept = || account.accept(&asked.request);
    let accepted = |message: &SentMessage| Json(message.accepted(&to)).into_response();
    match behaviour {
        Behaviour::Accept => {
            check_window(asked, &to)?;
            Ok(accepted(&accept()))
        }
        Behaviour::AcceptThenReset => {
            accept();
            Ok(asked.reset())
        }
        Behaviour::AcceptThen500 => {
            accept();
            Ok(broken())
        }
        Behaviour::AcceptThenGarbled => {
            accept();
            Ok(garbled(StatusCode::OK))
        }
        Behaviour::AcceptThenHuge { bytes } => {
            accept();
            Ok(huge(bytes))
        }
        Behaviour::DoubleAccept => {
            let message = accept();
            accept();
            Ok(accepted(&message))
        }
        Behaviour::LateAccept { after } => Ok(accepted(&accept_late(asked, after).await)),
        Behaviour::Hold { accepted: is_taken } => {
            let message = is_taken.then(accept);
            let released = account.holding.released();
            account.hold();
            released.await;
            message
                .map(|message| accepted(&message))
                .ok_or_else(|| Refusal::new(503, 2, "Service temporarily unavailable"))
        }
        Behaviour::Refuse {
            http,
            code,
            retry_after,
        } => Err(Refusal {
            retry_after,
            ..Refusal::new(http, code, "scripted")
        }),
        Behaviour::Says { http, body } => {
            let status = StatusCode::from_u16(http).unwrap_or(StatusCode::OK);
            Ok((status, [(header::CONTENT_TYPE, "application/json")], body).into_response())
        }
        Behaviour::Fail500 => Ok(broken()),
        Behaviour::Reset => Ok(asked.reset()),
        Behaviour::Redirect { http, to } => {
            let status = StatusCode::from_u16(http).unwrap_or(StatusCode::TEMPORARY_REDIRECT);
            Ok((status, [(header::LOCATION, to)]).into_response())
        }
    }
}

/// Accepts in a task of its own: the sender may be gone by then, and it is accepted all the same.
async fn accept_late(asked: &Asked, after: Duration) -> SentMessage {
    let account = Arc::clone(&asked.account);
    let request = asked.request.clone();
    let moment = later(account.clock.now(), after);
    account.hold();
    let accepting = tokio::spawn(async move {
        account.clock.reaches(moment).await;
        account.accept(&request)
    });
    accepting.await.expect("accepting does not panic")
}

/// Whom a request goes to, or why it is none: digits without a `+`, or an id.
fn checked(asked: &Asked) -> Result<String, Refusal> {
    let bad = |details: &str| Refusal::new(400, 131_009, details);
    if !asked.request.body.is_object() {
        return Err(Refusal::new(400, 100, "Invalid parameter"));
    }
    let to = match (asked.text("/to"), asked.text("/recipient")) {
        (Some(to), _) => {
            let digits = to.trim_start_matches('+');
            let is_number =
                (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number
                .then(|| digits.to_owned())
                .ok_or_else(|| bad("to is not a phone number"))?
        }
        (None, Some(id)) if id.contains('.') && id.len() <= 140 => id.to_owned(),
        (None, Some(_)) => return Err(bad("recipient is not a business-scoped user id")),
        (None, None) => return Err(missing("to")),
    };
    match asked.text("/type").unwrap_or("text") {
        "text" => {
            let length = asked
                .text("/text/body")
                .ok_or_else(|| missing("text"))?
                .chars()
                .count();
            if !(1..=TEXT_CHARS_MAX).contains(&length) {
                return Err(bad("text.body must be between 1 and 4096 characters long"));
            }
        }
        "template" => {
            asked.text("/template/name").ok_or_else(|| missing("template"))?;
            asked
                .text("/template/language/code")
                .ok_or_else(|| missing("template.language"))?;
        }
        _ => {
            return Err(Refusal::new(
                400,
                131_051,
                "Message type is not currently supported",
            ));
        }
    }
    if asked
        .text("/biz_opaque_callback_data")
        .is_some_and(|data| data.chars().count() > CALLBACK_DATA_CHARS_MAX)
    {
        return Err(bad("biz_opaque_callback_data is too long"));
    }
    Ok(to)
}

/// Whether somebody wrote within a day, so that a text may be sent.
fn check_window(asked: &Asked, to: &str) -> Result<(), Refusal> {
    let account = &asked.account;
    if asked.text("/type") == Some("template") || account.script().window_is_open {
        return Ok(());
    }
    let wrote_at = account.record().last_written.get(to).copied();
    let is_open = wrote_at.is_some_and(|at| account.clock.now().duration_since(at) < WINDOW);
    if is_open {
        Ok(())
    } else {
        Err(Refusal::new(
            400,
            131_047,
            "More than 24 hours have passed since the recipient last replied",
        ))
    }
}
