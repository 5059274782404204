//! Vapi's own records: the evidence about a call that nobody is sure of.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use local::sandbox_vapi::{ReadFault, SandboxVapi};
use serde_json::{Value, json};
use shared::providers::ReadError;
use shared::providers::vapi::{CallId, CallListing, CallRecord, CallResult};

use super::{CUSTOMER, Ledger, OTHER_CUSTOMER, client, noon, place, vapi};

/// Everything within half an hour of noon.
async fn listed(vapi: &SandboxVapi) -> Result<CallListing, ReadError> {
    let half_an_hour = SignedDuration::from_mins(30);
    client(vapi)
        .calls_since(noon() - half_an_hour, noon() + half_an_hour)
        .await
}

fn ids<'a>(ids: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    ids.into_iter().map(str::to_owned).collect()
}

/// Calls placed by somebody else on the same number, `apart` from one to the next; their ids.
async fn crowd(vapi: &SandboxVapi, count: usize, apart: Duration) -> BTreeSet<String> {
    let http = shared::platform::http_client::for_reading().expect("a client");
    for index in 0..count {
        let body = json!({
            "assistantId": vapi.assistant_id(),
            "phoneNumberId": vapi.phone_number_id(),
            "customer": { "number": format!("+1403556{index:04}") },
        });
        let placed = http
            .post(format!("{}/call", vapi.base_url()))
            .bearer_auth(vapi.api_key())
            .json(&body)
            .send()
            .await
            .expect("an answer");
        assert_eq!(placed.status(), 201);
        vapi.clock().advance(apart);
    }
    ids(vapi.calls().iter().map(|call| call.id.as_str()))
}

fn row(id: &str, created_at: &str) -> Value {
    json!({ "id": id, "status": "queued", "createdAt": created_at })
}

#[tokio::test]
async fn a_call_is_found_by_the_attempt_that_it_was_placed_for() {
    let (vapi, ledger) = (vapi().await, Ledger::new().await);
    let (attempt, _) = place(&vapi, &ledger, CUSTOMER).await;
    let (other, _) = place(&vapi, &ledger, OTHER_CUSTOMER).await;

    let listing = listed(&vapi).await.expect("a list");

    assert!(listing.complete);
    let found = |attempt| {
        let found = listing.calls.iter().find(|call| call.attempt == Some(attempt));
        found.expect("it is listed").recipient.clone().expect("a number")
    };
    assert_eq!(found(attempt).as_str(), CUSTOMER);
    assert_eq!(found(other).as_str(), OTHER_CUSTOMER);
    assert_eq!(listing.calls[0].customer_id.as_deref(), Some("cust_42"));
}

#[tokio::test]
async fn an_empty_list_is_complete_after_one_request() {
    let vapi = vapi().await;
    let listing = listed(&vapi).await.expect("a list");
    assert!(listing.complete && listing.calls.is_empty());
    let [request] = vapi.requests().try_into().expect("one request");
    let asked = |name: &str| {
        let found = request.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    assert_eq!(asked("phoneNumberId"), vapi.phone_number_id());
    assert_eq!(asked("createdAtGe"), "2026-06-10T16:30:00Z");
    assert_eq!(asked("createdAtLe"), "2026-06-10T17:30:00Z");
}

#[tokio::test]
async fn every_call_is_listed_once_however_few_come_at_a_time() {
    for rows in [1, 2, 7, 1_000] {
        let vapi = vapi().await;
        vapi.cap_lists_at(rows);
        let placed = crowd(&vapi, 12, Duration::from_secs(1)).await;

        let listing = listed(&vapi).await.expect("a list");

        assert_eq!(listing.calls.len(), placed.len(), "{rows} at a time");
        assert_eq!(ids(listing.calls.iter().map(|call| call.id.as_str())), placed);
        // With one row at a time it cannot be told from the list whether one instant holds another.
        assert_eq!(listing.complete, rows > 1, "{rows} at a time");
    }
}

#[tokio::test]
async fn calls_of_one_instant_are_all_there_or_the_list_is_not_complete() {
    for (count, is_complete) in [(1, true), (49, true), (50, false), (60, false)] {
        let vapi = vapi().await;
        let placed = crowd(&vapi, count, Duration::ZERO).await;
        let listing = listed(&vapi).await.expect("a list");
        assert_eq!(listing.complete, is_complete, "{count}");
        if is_complete {
            assert_eq!(ids(listing.calls.iter().map(|call| call.id.as_str())), placed);
        }
    }
}

#[tokio::test]
async fn a_list_that_lags_shows_nothing_yet() {
    let (vapi, ledger) = (vapi().await, Ledger::new().await);
    vapi.lag_lists_by(Duration::from_mins(2));
    place(&vapi, &ledger, CUSTOMER).await;
    assert!(listed(&vapi).await.expect("a list").calls.is_empty());
    vapi.clock().advance(Duration::from_mins(2));
    assert_eq!(listed(&vapi).await.expect("a list").calls.len(), 1);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_never_called_complete() {
    let vapi = vapi().await;
    crowd(&vapi, 3, Duration::from_secs(1)).await;
    for fault in [
        ReadFault::Refuse(500),
        ReadFault::Refuse(404),
        ReadFault::Garbled,
        ReadFault::Reset,
    ] {
        vapi.on_next_read(Some(fault.clone()));
        assert!(listed(&vapi).await.is_err(), "{fault:?}");
        vapi.on_next_read(None);
        vapi.on_next_read(Some(fault.clone()));
        let cut_short = listed(&vapi).await.expect("a first page");
        assert_eq!(
            (cut_short.calls.len(), cut_short.complete),
            (3, false),
            "{fault:?}"
        );
    }
    let early = row("c1", "2026-06-10T16:59:00Z");
    let late = row("c2", "2026-06-10T17:01:00Z");
    for said in [
        // No id, no date, another order, another shape.
        json!([{ "status": "queued", "createdAt": "2026-06-10T17:00:00Z" }]),
        json!([{ "id": "c1", "status": "queued" }]),
        json!([early, late]),
        json!([late, "x"]),
    ] {
        vapi.on_next_read(Some(ReadFault::Says(said.clone())));
        vapi.on_next_read(Some(ReadFault::Says(json!([]))));
        assert!(!listed(&vapi).await.expect("a list").complete, "{said}");
        vapi.forget();
    }
    for said in [json!({}), json!(null), json!({ "results": [] })] {
        vapi.on_next_read(Some(ReadFault::Says(said.clone())));
        assert!(listed(&vapi).await.is_err(), "{said}");
    }
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let vapi = vapi().await;
    for page in 0..100_i64 {
        let at: Timestamp = noon() - SignedDuration::from_secs(page);
        vapi.on_next_read(Some(ReadFault::Says(json!([row(
            &format!("c{page}"),
            &at.to_string()
        )]))));
    }
    let listing = listed(&vapi).await.expect("a list");
    assert!(!listing.complete && vapi.requests().len() < 100);
}

#[tokio::test]
async fn what_a_body_says_leads_nowhere_else() {
    let (here, elsewhere) = (vapi().await, vapi().await);
    let mut lure = row("c1", "2026-06-10T17:00:00Z");
    for name in ["next", "nextPage", "url", "monitor", "links"] {
        lure[name] = elsewhere.base_url().into();
    }
    here.on_next_read(Some(ReadFault::Says(json!([lure]))));
    here.on_every_read(Some(ReadFault::Says(json!([]))));
    listed(&here).await.expect("a list");
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn one_call_can_be_asked_for_and_says_how_it_ended() {
    let (vapi, ledger) = (vapi().await, Ledger::new().await);
    let (attempt, _) = place(&vapi, &ledger, CUSTOMER).await;
    let id = vapi.calls()[0].id.clone();
    let asked = async || -> Result<Option<CallRecord>, ReadError> {
        client(&vapi).call(&CallId::parse(&id).expect("an id")).await
    };
    let going_on = asked().await.expect("an answer").expect("a call");
    assert_eq!((going_on.attempt, going_on.result()), (Some(attempt), None));

    vapi.update_call(&id, |call| {
        call.started_at = Some(noon());
        call.say("bot", "Hello, Ann!");
        call.say("user", "Please stop calling me.");
    });
    vapi.end_call(&id, "customer-ended-call");

    let over = asked().await.expect("an answer").expect("a call");
    assert_eq!(over.result(), Some(CallResult::Answered));
    assert_eq!(over.customer_said, "Please stop calling me.");
    assert_eq!((over.started_at, over.ended_at), (Some(noon()), Some(noon())));

    for said in [json!({}), row("another", "2026-06-10T17:00:00Z"), json!([])] {
        vapi.on_next_read(Some(ReadFault::Says(said.clone())));
        assert!(asked().await.is_err(), "{said}");
    }
    let unknown = CallId::parse("unknown").expect("an id");
    assert!(client(&vapi).call(&unknown).await.expect("an answer").is_none());
}
