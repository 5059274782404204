//! Claims about the sandbox, checked through real HTTP.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Behaviour, ReadFault, SandboxVapi, SandboxVapiConfig, sign};
use crate::sandbox::{SandboxClock, webhooks::client};

const CUSTOMER: &str = "+14155550101";

fn noon() -> Timestamp {
    "2026-03-08T12:00:00.123456Z".parse().expect("a timestamp")
}

async fn vapi() -> SandboxVapi {
    SandboxVapi::start(SandboxVapiConfig {
        clock: SandboxClock::standing_at(noon()),
        ..SandboxVapiConfig::default()
    })
    .await
    .expect("a free port")
}

fn order(vapi: &SandboxVapi) -> Value {
    json!({
        "assistantId": vapi.assistant_id(),
        "phoneNumberId": vapi.phone_number_id(),
        "name": "an attempt",
        "customer": { "number": CUSTOMER, "externalId": "cust_42" },
        "assistantOverrides": { "metadata": { "attempt_id": "7f3a" } },
    })
}

async fn post(vapi: &SandboxVapi, body: &Value) -> reqwest::Result<reqwest::Response> {
    client()?
        .post(format!("{}/call", vapi.base_url()))
        .bearer_auth(vapi.api_key())
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
}

async fn get(vapi: &SandboxVapi, path: &str) -> (u16, Value) {
    let request = client()
        .expect("a client")
        .get(format!("{}{path}", vapi.base_url()))
        .bearer_auth(vapi.api_key());
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let body = response.text().await.expect("a body");
    (status, serde_json::from_str(&body).unwrap_or_default())
}

#[tokio::test]
async fn an_accepted_call_is_answered_in_vapi_s_shape_and_recorded_with_its_attempt() {
    let vapi = vapi().await;

    let response = post(&vapi, &order(&vapi)).await.expect("an answer");

    assert_eq!(response.status(), 201);
    let body: Value = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
    let [call] = vapi.calls().try_into().expect("one call");
    assert_eq!(body["id"], json!(call.id));
    assert_eq!(body["createdAt"], "2026-03-08T12:00:00.123Z");
    assert_eq!(body["subscriptionLimits"]["concurrencyBlocked"], false);
    assert_eq!(
        (call.attempt(), call.name.as_deref()),
        (Some("7f3a"), Some("an attempt"))
    );
    assert_eq!((call.request, call.status.as_str()), (1, "queued"));
    let (status, fetched) = get(&vapi, &format!("/call/{}", call.id)).await;
    assert_eq!((status, &fetched["name"]), (200, &body["name"]));
}

#[tokio::test]
async fn a_stranger_gets_401_and_is_recorded() {
    let vapi = vapi().await;
    let request = client()
        .expect("a client")
        .post(format!("{}/call", vapi.base_url()));
    let response = request.bearer_auth("wrong").send().await.expect("an answer");
    assert_eq!(response.status(), 401);
    assert!(vapi.calls().is_empty() && !vapi.requests()[0].authorised);
}

#[tokio::test]
async fn what_the_schema_does_not_allow_is_refused() {
    let vapi = vapi().await;
    let refused = async |pointer: &str, value: Value| {
        let mut body = order(&vapi);
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        body.pointer_mut(parent).expect("a place")[name] = value;
        post(&vapi, &body).await.expect("an answer").status().as_u16()
    };
    for (pointer, value, status) in [
        ("/metadata", json!({}), 400),
        ("/name", json!("x".repeat(41)), 400),
        ("/customer/externalId", json!("x".repeat(41)), 400),
        ("/customer/name", json!("x".repeat(41)), 400),
        ("/customer/number", json!("4155550101"), 400),
        ("/customer/number", json!(null), 400),
        ("/assistantId", json!("another"), 404),
        ("/phoneNumberId", json!("another"), 404),
    ] {
        assert_eq!(
            refused(pointer, value.clone()).await,
            status,
            "{pointer}: {value}"
        );
    }
    assert_eq!(post(&vapi, &json!([])).await.expect("an answer").status(), 400);
    assert!(vapi.calls().is_empty());
}

#[tokio::test]
async fn what_was_accepted_is_in_the_record_whatever_the_sender_hears() {
    let vapi = vapi().await;
    for (behaviour, heard, accepted) in [
        (Behaviour::AcceptThen500, Some(500), 1),
        (Behaviour::AcceptThenReset, None, 1),
        (Behaviour::AcceptThenGarbled, Some(201), 1),
        (Behaviour::DoubleAccept, Some(201), 2),
        (Behaviour::Fail500, Some(500), 0),
        (Behaviour::Reset, None, 0),
        (Behaviour::refuse(400, "Over Concurrency Limit"), Some(400), 0),
    ] {
        vapi.forget();
        vapi.on_next_send(behaviour.clone());
        let answer = post(&vapi, &order(&vapi)).await.ok();
        assert_eq!(
            answer.map(|answer| answer.status().as_u16()),
            heard,
            "{behaviour:?}"
        );
        assert_eq!(vapi.calls().len(), accepted, "{behaviour:?}");
    }
}

#[tokio::test]
async fn a_held_request_waits_until_it_is_let_go() {
    let vapi = vapi().await;
    for (accepted, status) in [(true, 201), (false, 503)] {
        vapi.forget();
        vapi.on_next_send(Behaviour::Hold { accepted });
        let order = order(&vapi);
        let sending = async { post(&vapi, &order).await.expect("an answer").status() };
        let releasing = async {
            vapi.when(|vapi| (vapi.held() == 1).then_some(())).await;
            assert_eq!(vapi.calls().len(), usize::from(accepted));
            vapi.release_held();
        };
        let (answered, ()) = futures_util::future::join(sending, releasing).await;
        assert_eq!(answered, status);
    }
}

#[tokio::test]
async fn a_list_is_newest_first_and_filtered_as_asked() {
    let vapi = vapi().await;
    for _ in 0..4 {
        post(&vapi, &order(&vapi)).await.expect("an answer");
        vapi.clock().advance(Duration::from_mins(1));
    }
    let mut ids: Vec<String> = vapi.calls().into_iter().map(|call| call.id).collect();
    ids.reverse();
    let listed = async |query: &str| -> Vec<String> {
        let (status, rows) = get(&vapi, &format!("/call?{query}")).await;
        assert_eq!(status, 200, "{query}");
        let rows = rows.as_array().expect("a list").iter();
        rows.map(|row| row["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    assert_eq!(listed("").await, ids);
    assert_eq!(listed("limit=2").await, ids[..2]);
    assert_eq!(listed("createdAtLe=2026-03-08T12:01:00.123Z").await, ids[2..]);
    assert_eq!(listed("createdAtLt=2026-03-08T12:01:00.123Z").await, ids[3..]);
    assert_eq!(listed("createdAtGe=2026-03-08T12:02:00.123Z").await, ids[..2]);
    assert_eq!(listed("createdAtGt=2026-03-08T12:02:00.123Z").await, ids[..1]);
    assert_eq!(listed("phoneNumberId=another").await, Vec::<String>::new());
    vapi.cap_lists_at(3);
    assert_eq!(listed("limit=1000").await, ids[..3]);
    vapi.lag_lists_by(Duration::from_mins(2));
    assert_eq!(listed("").await, ids[1..]);
    assert_eq!(get(&vapi, "/call?limit=1001").await.0, 400);
    assert_eq!(get(&vapi, "/call?createdAtGe=yesterday").await.0, 400);
}

#[tokio::test]
async fn reads_fail_as_they_are_told_to() {
    let vapi = vapi().await;
    vapi.on_every_read(Some(ReadFault::Refuse(503)));
    vapi.on_next_read(Some(ReadFault::Garbled));
    vapi.on_next_read(None);
    assert_eq!(get(&vapi, "/call").await, (200, Value::Null));
    assert_eq!(get(&vapi, "/call").await, (200, json!([])));
    assert_eq!(get(&vapi, "/call").await.0, 503);
    assert_eq!(get(&vapi, "/call/unknown").await.0, 503);
    vapi.on_every_read(None);
    assert_eq!(get(&vapi, "/call/unknown").await.0, 404);
}

#[tokio::test]
async fn a_message_is_signed_over_its_time_and_body() {
    let vapi = vapi().await;
    post(&vapi, &order(&vapi)).await.expect("an answer");
    let id = vapi.calls()[0].id.clone();
    vapi.update_call(&id, |call| call.say("user", "Hello?"));
    vapi.end_call(&id, "customer-ended-call");

    let request = vapi.end_of_call_report(&id).into_request();

    assert_eq!(request.uri(), "http://127.0.0.1:9000/api/webhooks/vapi");
    let header = |name: &str| request.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("x-timestamp"), noon().as_second().to_string());
    let signature = sign(&vapi.webhook_secret(), &header("x-timestamp"), request.body());
    assert_eq!(header("x-signature"), signature);
    let body: Value = serde_json::from_slice(request.body()).expect("JSON");
    assert_eq!(body["message"]["artifact"]["transcript"], "User: Hello?\n");
    assert_eq!(body["message"]["endedReason"], "customer-ended-call");

    let tampered = vapi
        .status_update(&id)
        .smuggling(|body| body["message"]["status"] = json!("ringing"));
    let request = tampered.into_request();
    let signature = sign(
        &vapi.webhook_secret(),
        &noon().as_second().to_string(),
        request.body(),
    );
    assert_ne!(request.headers()["x-signature"], signature);
}
