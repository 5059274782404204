//! Claims about the sandbox, checked through real HTTP.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Behaviour, Customer, SandboxMeta, SandboxMetaConfig, sign};
use crate::sandbox::{SandboxClock, webhooks::client};

fn ann() -> Customer {
    Customer::new("+14155550101", "Ann").known_as("US.13491208655302741918")
}

async fn meta() -> SandboxMeta {
    let noon: Timestamp = "2026-03-08T12:00:00Z".parse().expect("a timestamp");
    SandboxMeta::start(SandboxMetaConfig {
        clock: SandboxClock::standing_at(noon),
        ..SandboxMetaConfig::default()
    })
    .await
    .expect("a free port")
}

fn text(to: &str) -> Value {
    json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": to, "type": "text",
        "text": { "body": "Hello", "preview_url": false }, "biz_opaque_callback_data": "an attempt",
    })
}

async fn post(meta: &SandboxMeta, body: &Value) -> reqwest::Result<(u16, Value)> {
    let response = client()?
        .post(format!(
            "{}/v26.0/{}/messages",
            meta.base_url(),
            meta.phone_number_id()
        ))
        .bearer_auth(meta.access_token())
        .body(body.to_string())
        .send()
        .await?;
    let status = response.status().as_u16();
    Ok((
        status,
        serde_json::from_str(&response.text().await?).unwrap_or_default(),
    ))
}

#[tokio::test]
async fn an_accepted_text_is_answered_in_metas_shape_and_recorded_with_its_attempt() {
    let meta = meta().await;
    let _ = meta.text(&ann(), "Hi");

    let (status, body) = post(&meta, &text("+14155550101")).await.expect("an answer");

    assert_eq!(status, 200);
    let [message] = meta.messages_to(&ann()).try_into().expect("one message");
    assert_eq!(body["messages"][0]["id"], json!(message.id));
    assert_eq!(body["contacts"][0]["wa_id"], "14155550101");
    assert_eq!(
        (message.attempt(), message.text.as_str()),
        (Some("an attempt"), "Hello")
    );
    let report = meta.status(&message.id, "delivered");
    assert_eq!(report.value()["biz_opaque_callback_data"], "an attempt");
    assert_eq!(report.value()["recipient_id"], "14155550101");
    assert_eq!(meta.messages()[0].status, "delivered");
}

#[tokio::test]
async fn a_text_needs_somebody_who_wrote_within_a_day_and_a_template_does_not() {
    let meta = meta().await;
    let code = async |body: &Value| post(&meta, body).await.expect("an answer").1["error"]["code"].clone();
    assert_eq!(code(&text("14155550101")).await, 131_047);
    let _ = meta.text(&ann(), "Hi");
    meta.clock().advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(code(&text("14155550101")).await, Value::Null);
    let by_id = json!({ "messaging_product": "whatsapp", "recipient": "US.13491208655302741918", "text": { "body": "Hi" } });
    assert_eq!(code(&by_id).await, Value::Null);
    assert_eq!(meta.messages_to(&ann()).len(), 2);
    meta.clock().advance(Duration::from_secs(1));
    assert_eq!(code(&text("14155550101")).await, 131_047);
    let template = json!({ "messaging_product": "whatsapp", "to": "14155550101", "type": "template",
        "template": { "name": "hello", "language": { "code": "en_US" } } });
    assert_eq!(code(&template).await, Value::Null);
}

#[tokio::test]
async fn what_the_api_does_not_allow_is_refused() {
    let meta = meta().await;
    meta.open_every_window();
    let refused = async |pointer: &str, value: Value| {
        let mut body = text("14155550101");
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        body.pointer_mut(parent).expect("a place")[name] = value;
        let (status, body) = post(&meta, &body).await.expect("an answer");
        (status, body["error"]["code"].as_i64())
    };
    for (pointer, value, code) in [
        ("/messaging_product", json!("sms"), 100),
        ("/to", json!(null), 100),
        ("/to", json!("ann"), 131_009),
        ("/type", json!("hologram"), 131_051),
        ("/text/body", json!(null), 100),
        ("/text/body", json!(""), 131_009),
        ("/text/body", json!("x".repeat(4_097)), 131_009),
        ("/biz_opaque_callback_data", json!("x".repeat(513)), 131_009),
    ] {
        assert_eq!(
            refused(pointer, value.clone()).await,
            (400, Some(code)),
            "{pointer}: {value}"
        );
    }
    assert!(meta.messages().is_empty());
    meta.rotate_access_token("another");
    let stale = client()
        .expect("a client")
        .post(format!(
            "{}/v26.0/{}/messages",
            meta.base_url(),
            meta.phone_number_id()
        ))
        .bearer_auth("test-whatsapp-access-token")
        .send();
    assert_eq!(stale.await.expect("an answer").status(), 401);
}

#[tokio::test]
async fn what_was_accepted_is_in_the_record_whatever_the_sender_hears() {
    let meta = meta().await;
    for (behaviour, heard, accepted) in [
        (Behaviour::AcceptThen500, Some(500), 1),
        (Behaviour::AcceptThenReset, None, 1),
        (Behaviour::AcceptThenGarbled, Some(200), 1),
        (Behaviour::DoubleAccept, Some(200), 2),
        (Behaviour::Fail500, Some(500), 0),
        (Behaviour::Reset, None, 0),
        (Behaviour::refuse(131_026), Some(400), 0),
    ] {
        meta.forget();
        meta.on_next_send(behaviour.clone());
        let answer = post(&meta, &text("14155550101")).await.ok();
        assert_eq!(answer.map(|(status, _)| status), heard, "{behaviour:?}");
        assert_eq!(meta.messages().len(), accepted, "{behaviour:?}");
    }
}

#[tokio::test]
async fn a_message_can_be_accepted_after_its_sender_has_gone() {
    let meta = meta().await;
    let after = Duration::from_mins(1);
    meta.on_next_send(Behaviour::LateAccept { after });
    let body = text("14155550101");
    let sending = async { post(&meta, &body).await.expect("an answer").0 };
    let waiting = async {
        meta.when(|meta| (meta.held() == 1).then_some(())).await;
        assert!(meta.messages().is_empty());
        meta.clock().advance(after);
    };
    assert_eq!(futures_util::future::join(sending, waiting).await.0, 200);
    assert_eq!(meta.messages().len(), 1);
}

#[tokio::test]
async fn a_message_is_shown_as_read_if_somebody_wrote_it() {
    let meta = meta().await;
    let written = meta.text(&ann(), "Hi").id();
    let show = |id: &str| json!({ "messaging_product": "whatsapp", "status": "read", "message_id": id, "typing_indicator": { "type": "text" } });
    assert_eq!(
        post(&meta, &show(&written)).await.expect("an answer").1,
        json!({ "success": true })
    );
    assert_eq!(post(&meta, &show("wamid.other")).await.expect("an answer").0, 400);
    let shown = meta.shown();
    assert_eq!(
        (shown.len(), shown[0].is_typing, &shown[0].message_id),
        (1, true, &written)
    );
    assert!(meta.messages().is_empty() && !meta.requests()[0].is_send());
}

#[tokio::test]
async fn a_file_is_where_it_is_said_to_be() {
    let meta = meta().await;
    let id = meta.hold_file("image/png", b"not a picture");
    let get = async |url: String| {
        let request = client()
            .expect("a client")
            .get(url)
            .bearer_auth(meta.access_token());
        request
            .send()
            .await
            .expect("an answer")
            .text()
            .await
            .expect("a body")
    };
    let record: Value =
        serde_json::from_str(&get(format!("{}/v26.0/{id}", meta.base_url())).await).expect("JSON");
    assert_eq!(
        (&record["mime_type"], &record["file_size"]),
        (&json!("image/png"), &json!(13))
    );
    assert_eq!(
        get(record["url"].as_str().expect("a URL").to_owned()).await,
        "not a picture"
    );
}

#[tokio::test]
async fn a_webhook_is_signed_over_its_bytes_and_holds_what_it_was_given() {
    let meta = meta().await;
    let updates = [
        meta.text(&ann(), "caf\u{e9} \u{1f44d} https://a.b"),
        meta.text(&ann(), "second"),
        meta.echo(&ann(), "I take over"),
        meta.preference(&ann(), "stop"),
        meta.text(&ann(), "third"),
    ];
    let webhook = meta.webhook(updates);
    let request = webhook.clone().into_request();
    assert_eq!(request.uri(), "http://127.0.0.1:9000/api/webhooks/whatsapp");
    let signature = sign(&meta.app_secret(), request.body());
    assert_eq!(request.headers()["x-hub-signature-256"], signature);
    let sent = String::from_utf8(request.body().clone()).expect("text");
    assert!(sent.contains(r"caf\u00e9 \ud83d\udc4d https:\/\/a.b"), "{sent}");
    let body: Value = serde_json::from_str(&sent).expect("JSON");
    let changes = body["entry"][0]["changes"].as_array().expect("changes");
    let fields: Vec<&str> = changes
        .iter()
        .filter_map(|change| change["field"].as_str())
        .collect();
    assert_eq!(
        fields,
        ["messages", "smb_message_echoes", "user_preferences", "messages"]
    );
    let value = &changes[0]["value"];
    assert_eq!(value["messages"].as_array().map(Vec::len), Some(2));
    assert_eq!(value["contacts"].as_array().map(Vec::len), Some(1));
    assert_eq!(value["messages"][0]["timestamp"], "1772971200");

    let apart = webhook.clone().in_entries_of_their_own().into_request();
    let apart: Value = serde_json::from_slice(apart.body()).expect("JSON");
    assert_eq!(apart["entry"].as_array().map(Vec::len), Some(4));

    let tampered = webhook.smuggling(|body| body["entry"] = json!([])).into_request();
    assert_eq!(tampered.headers()["x-hub-signature-256"], signature);
    assert_ne!(sign(&meta.app_secret(), tampered.body()), signature);
}
