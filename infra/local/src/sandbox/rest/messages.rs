//! Messages: create, with everything that can go wrong, fetch and list.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Asked, Refusal,
    page::{self, Days},
};
use crate::sandbox::{
    account::Order,
    answers::{broken, dripping, garbled, huge},
    clock::{later, rfc2822},
    events::SandboxEvent,
    record::{MessageStatus, SentMessage, is_e164},
    script::Behaviour,
};

const BODY_CHARS_MAX: usize = 1_600;
const VALIDITY_SECONDS: std::ops::RangeInclusive<u32> = 1..=36_000;

/// `POST Messages.json`
pub(super) async fn create(asked: &Asked) -> Result<Response, Refusal> {
    let order = checked(asked).inspect_err(|refusal| announce_refusal(asked, refusal.code))?;
    let behaviour = asked.account.script().behaviour_towards(&order.to);
    match behaviour {
        Behaviour::Accept => Ok(created(asked, &accept(asked, &order))),
        Behaviour::AcceptThenReset => {
            accept(asked, &order);
            Ok(asked.reset())
        }
        Behaviour::AcceptThen500 => {
            accept(asked, &order);
            Ok(broken())
        }
        Behaviour::AcceptThenRefuse { http } => {
            accept(asked, &order);
            Err(Refusal::new(http, 20500, "scripted"))
        }
        Behaviour::AcceptThenGarbled => {
            accept(asked, &order);
            Ok(garbled(StatusCode::CREATED))
        }
        Behaviour::AcceptThenHuge { bytes } => {
            accept(asked, &order);
            Ok(huge(bytes))
        }
        Behaviour::AcceptThenDrip { every } => {
            let message = accept(asked, &order);
            Ok(dripping(&json_of(&asked.account.sid, &message), every))
        }
        Behaviour::CallbackFirst => Ok(created(asked, &accept_callback_first(asked, order).await)),
        Behaviour::DoubleAccept => {
            let message = accept(asked, &order);
            accept(asked, &order);
            Ok(created(asked, &message))
        }
        Behaviour::LateAccept { after } => Ok(created(asked, &accept_late(asked, order, after).await)),
        Behaviour::Hold { accepted: true } => {
            let message = accept(asked, &order);
            asked.hold().await;
            Ok(created(asked, &message))
        }
        Behaviour::Hold { accepted: false } => {
            asked.hold().await;
            Err(Refusal::new(503, 20503, "Service unavailable"))
        }
        Behaviour::Refuse {
            http,
            code,
            retry_after,
        } => {
            announce_refusal(asked, code);
            Err(Refusal {
                retry_after,
                ..Refusal::new(http, code, "scripted")
            })
        }
        Behaviour::Fail500 => Ok(broken()),
        Behaviour::Reset => Ok(asked.reset()),
        Behaviour::Redirect { http, to } => {
            let status = StatusCode::from_u16(http).unwrap_or(StatusCode::TEMPORARY_REDIRECT);
            Ok((status, [(header::LOCATION, to)]).into_response())
        }
    }
}

/// `GET Messages/{sid}.json`
pub(super) fn fetch(asked: &Asked, sid: &str) -> Result<Response, Refusal> {
    let record = asked.account.record();
    let message = sid.strip_suffix(".json").and_then(|sid| record.message(sid));
    let message = message.ok_or_else(|| Refusal::not_found(&asked.request.path))?;
    Ok(Json(json_of(&asked.account.sid, message)).into_response())
}

/// `GET Messages.json`
pub(super) fn list(asked: &Asked) -> Result<Response, Refusal> {
    let sent = Days::asked(asked, "DateSent")?;
    let lag = asked.account.script().list_lag;
    let messages = asked.account.record().listed_messages(asked.account.now(), lag);
    let is = |name: &str, value: &str| asked.query(name).is_none_or(|wanted| wanted == value);
    let rows = messages
        .iter()
        .filter(|message| is("To", &message.to) && is("From", &message.from))
        .filter(|message| sent.include(message.sent_at))
        .map(|message| (message.sid.clone(), json_of(&asked.account.sid, message)))
        .collect();
    page::answer(asked, "messages", rows)
}

fn accept(asked: &Asked, order: &Order) -> SentMessage {
    let message = asked.account.accept(order);
    asked
        .account
        .dispatch(&message, asked.account.script().fate_of(&order.to));
    message
}

/// In a task of its own: what was accepted meets its fate, whether or not the sender is still there.
async fn accept_callback_first(asked: &Asked, order: Order) -> SentMessage {
    let account = Arc::clone(&asked.account);
    let accepting = tokio::spawn(async move {
        let message = account.accept(&order);
        let mut fate = account.script().fate_of(&order.to);
        if !fate.statuses.is_empty() {
            let first = fate.statuses.remove(0);
            account.advance_message(&message.sid, first, &fate).await;
        }
        account.dispatch(&message, fate);
        message
    });
    accepting.await.expect("accepting does not panic")
}

/// Accepts in a task of its own: the sender may be gone by then, and it is accepted all the same.
async fn accept_late(asked: &Asked, order: Order, after: Duration) -> SentMessage {
    let account = Arc::clone(&asked.account);
    let moment = later(account.now(), after);
    account.announcer.announce(SandboxEvent::RequestHeld {
        number: asked.request.number,
    });
    let accepting = tokio::spawn(async move {
        account.clock.reaches(moment).await;
        let message = account.accept(&order);
        account.dispatch(&message, account.script().fate_of(&order.to));
        message
    });
    accepting.await.expect("accepting does not panic")
}

/// The order in a request, or why it is none.
fn checked(asked: &Asked) -> Result<Order, Refusal> {
    let bad = |code, message: &str| Refusal::new(400, code, message);
    let to = asked
        .field("To")
        .ok_or_else(|| bad(21604, "A 'To' phone number is required."))?;
    let from = asked
        .field("From")
        .ok_or_else(|| bad(21603, "A 'From' phone number is required."))?;
    let body = asked
        .field("Body")
        .ok_or_else(|| bad(21602, "Message body is required."))?;
    match from {
        "+15005550001" => return Err(bad(21212, "The 'From' number is not a valid phone number.")),
        "+15005550007" => return Err(bad(21606, "The 'From' number is not yours or cannot send texts.")),
        "+15005550008" => return Err(bad(21611, "The 'From' number has exceeded its message queue.")),
        from if !is_e164(from) => return Err(bad(21212, "The 'From' number is not a valid phone number.")),
        _ => {}
    }
    match to {
        "+15005550002" => {
            return Err(bad(
                21612,
                "The 'To' number is not reachable from the 'From' number.",
            ));
        }
        "+15005550003" => return Err(bad(21408, "Permission to send to this region is not enabled.")),
        "+15005550004" => return Err(bad(21610, "Attempt to send to unsubscribed recipient.")),
        "+15005550009" => return Err(bad(21614, "The 'To' number is not a mobile number.")),
        to if to == "+15005550001" || !is_e164(to) => {
            return Err(bad(21211, "The 'To' number is not a valid phone number."));
        }
        _ => {}
    }
    if asked.account.script().opted_out.contains(to) {
        return Err(bad(21610, "Attempt to send to unsubscribed recipient."));
    }
    if body.chars().count() > BODY_CHARS_MAX {
        return Err(bad(21617, "The message body exceeds the 1600 character limit."));
    }
    let status_callback = asked.field("StatusCallback");
    if status_callback.is_some_and(|url| reqwest::Url::parse(url).is_err()) {
        return Err(bad(21609, "The 'StatusCallback' URL is not valid."));
    }
    let validity_period = asked
        .field("ValidityPeriod")
        .map(|seconds| {
            seconds
                .parse()
                .ok()
                .filter(|seconds| VALIDITY_SECONDS.contains(seconds))
        })
        .map(|seconds| seconds.ok_or_else(|| bad(90007, "ValidityPeriod is out of range.")))
        .transpose()?;
    Ok(Order {
        request: asked.request.number,
        to: to.to_owned(),
        from: from.to_owned(),
        body: body.to_owned(),
        status_callback: status_callback.map(str::to_owned),
        validity_period,
    })
}

fn announce_refusal(asked: &Asked, code: u32) {
    let to = asked.field("To").unwrap_or_default().to_owned();
    asked
        .account
        .announcer
        .announce(SandboxEvent::MessageRefused { to, code });
}

/// The answer to a text that was accepted: as it was then, whatever became of it since.
fn created(asked: &Asked, message: &SentMessage) -> Response {
    (StatusCode::CREATED, Json(json_of(&asked.account.sid, message))).into_response()
}

/// How many texts a body makes: 7-bit when it is plain ASCII, else UTF-16.
fn segments(body: &str) -> usize {
    let (units, single, part) = if body.is_ascii() {
        (body.len(), 160, 153)
    } else {
        (body.encode_utf16().count(), 70, 67)
    };
    if units <= single { 1 } else { units.div_ceil(part) }
}

fn json_of(account_sid: &str, message: &SentMessage) -> Value {
    let uri = format!("/2010-04-01/Accounts/{account_sid}/Messages/{}", message.sid);
    let failed = matches!(message.status, MessageStatus::Undelivered | MessageStatus::Failed);
    json!({
        "sid": message.sid,
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "body": message.body,
        "from": message.from,
        "to": message.to,
        "status": message.status.as_str(),
        "direction": "outbound-api",
        "date_created": rfc2822(message.accepted_at),
        "date_sent": message.sent_at.map(rfc2822),
        "date_updated": rfc2822(message.updated_at),
        "error_code": message.error_code,
        "error_message": failed.then_some("the carrier did not say"),
        "messaging_service_sid": null,
        "num_media": "0",
        "num_segments": segments(&message.body).to_string(),
        "price": null,
        "price_unit": "USD",
        "uri": format!("{uri}.json"),
        "subresource_uris": { "media": format!("{uri}/Media.json") },
    })
}
