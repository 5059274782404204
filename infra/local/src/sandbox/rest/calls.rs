//! Calls: fetch and list.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Asked, Refusal,
    page::{self, Days},
};
use crate::sandbox::{clock::rfc2822, record::Call};

/// `GET Calls/{sid}.json`
pub(super) fn fetch(asked: &Asked, sid: &str) -> Result<Response, Refusal> {
    let record = asked.account.record();
    let call = sid.strip_suffix(".json").and_then(|sid| record.call(sid));
    let call = call.ok_or_else(|| Refusal::not_found(&asked.request.path))?;
    Ok(Json(json_of(&asked.account.sid, call)).into_response())
}

/// `GET Calls.json`
pub(super) fn list(asked: &Asked) -> Result<Response, Refusal> {
    let started = Days::asked(asked, "StartTime")?;
    let ended = Days::asked(asked, "EndTime")?;
    let lag = asked.account.script().list_lag;
    let calls = asked.account.record().listed_calls(asked.account.now(), lag);
    let is = |name: &str, value: &str| asked.query(name).is_none_or(|wanted| wanted == value);
    let rows = calls
        .iter()
        .filter(|call| is("To", &call.to) && is("From", &call.from) && is("Status", call.status.as_str()))
        .filter(|call| is("ParentCallSid", call.parent_sid.as_deref().unwrap_or_default()))
        .filter(|call| started.include(call.started_at) && ended.include(call.ended_at))
        .map(|call| (call.sid.clone(), json_of(&asked.account.sid, call)))
        .collect();
    page::answer(asked, "calls", rows)
}

fn json_of(account_sid: &str, call: &Call) -> Value {
    let uri = format!("/2010-04-01/Accounts/{account_sid}/Calls/{}", call.sid);
    json!({
        "sid": call.sid,
        "account_sid": account_sid,
        "parent_call_sid": call.parent_sid,
        "api_version": "2010-04-01",
        "from": call.from,
        "from_formatted": call.from,
        "to": call.to,
        "to_formatted": call.to,
        "status": call.status.as_str(),
        "direction": call.direction,
        "start_time": call.started_at.map(rfc2822),
        "end_time": call.ended_at.map(rfc2822),
        "date_created": rfc2822(call.created_at),
        "date_updated": rfc2822(call.ended_at.unwrap_or(call.created_at)),
        "duration": call.duration.map(|duration| duration.as_secs().to_string()),
        "answered_by": null,
        "annotation": null,
        "caller_name": null,
        "forwarded_from": null,
        "group_sid": null,
        "phone_number_sid": null,
        "price": null,
        "price_unit": "USD",
        "queue_time": "0",
        "trunk_sid": null,
        "uri": format!("{uri}.json"),
        "subresource_uris": { "recordings": format!("{uri}/Recordings.json") },
    })
}
