//! What we ask of Meta besides sending, by its own record.

use std::time::{Duration, Instant};

use local::sandbox_meta::{Behaviour, Customer, SandboxMeta, SandboxMetaConfig};
use local::settings::Settings;
use shared::providers::ReadError;
use shared::providers::whatsapp::{Client, Item, MessageId, items};
use system_tests::FakeTwilio;

async fn meta() -> (SandboxMeta, Client) {
    let meta = SandboxMeta::start(SandboxMetaConfig::default())
        .await
        .expect("Meta");
    let settings = Settings::new("http://127.0.0.1:9".to_owned())
        .with("WHATSAPP_ACCESS_TOKEN", meta.access_token())
        .with("WHATSAPP_PHONE_NUMBER_ID", meta.phone_number_id())
        .with("WHATSAPP_API_BASE_URL", meta.base_url());
    let environment = settings.environment().await.expect("settings");
    let client = environment.whatsapp().expect("well formed").expect("a number");
    (meta, client)
}

#[tokio::test]
async fn a_message_is_shown_as_read_and_nobody_waits_for_it() {
    let (meta, client) = meta().await;
    let written = meta.text(&Customer::new("+14035550001", "Ann"), "Hi");
    let id = MessageId::parse(&written.id()).expect("an id");
    client.show_read(&id, true).await;
    let shown = meta.shown();
    assert_eq!((shown.len(), shown[0].is_typing), (1, true));
    assert_eq!(shown[0].message_id, id.as_str());

    for behaviour in [
        Behaviour::Hold { accepted: true },
        Behaviour::Reset,
        Behaviour::Fail500,
    ] {
        meta.on_every_show(behaviour.clone());
        let begun = Instant::now();
        client.show_read(&id, false).await;
        assert!(begun.elapsed() < Duration::from_secs(3), "{behaviour:?}");
    }
    meta.shutdown();
    client.show_read(&id, false).await;
}

#[tokio::test]
async fn a_file_is_fetched_from_meta_and_from_nowhere_else() {
    let (meta, client) = meta().await;
    let id = meta.hold_file("image/png", b"not a picture");
    let picture = meta.message(
        &Customer::new("+14035550001", "Ann"),
        "image",
        serde_json::json!({ "id": id, "mime_type": "image/png", "sha256": "x" }),
    );
    let found = items(&meta.webhook([picture]).body()).expect("a webhook");
    let [Item::Message(message)] = &found[..] else {
        panic!("{found:?}")
    };
    let media = message
        .content
        .media()
        .and_then(|media| media.id.clone())
        .expect("a file");
    let file = client.media(&media, 1_000).await.expect("a file");
    assert_eq!(
        (file.mime_type.as_deref(), &file.bytes[..]),
        (Some("image/png"), &b"not a picture"[..])
    );

    assert!(
        matches!(client.media(&media, 5).await, Err(ReadError::Unreadable(_))),
        "too long"
    );
    assert!(matches!(client.media("1", 1_000).await, Err(ReadError::NotFound)));
    assert!(matches!(
        client.media("../1", 1_000).await,
        Err(ReadError::NotFound)
    ));

    let canary = FakeTwilio::start().await;
    for elsewhere in [
        canary.url().to_owned(),
        format!("{}/files/1", canary.url()),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "https://lookaside.fbsbx.com.example.com/".to_owned(),
        format!(
            "{}@{}",
            meta.base_url(),
            canary.url().trim_start_matches("http://")
        ),
        "file:///etc/passwd".to_owned(),
        String::new(),
    ] {
        meta.say_that_files_are_at(Some(elsewhere.clone()));
        let fetched = client.media(&media, 1_000).await;
        assert!(
            matches!(fetched, Err(ReadError::Unreadable(_))),
            "{elsewhere}: {fetched:?}"
        );
    }
    assert_eq!(canary.asked(), [""; 0]);
}

#[tokio::test]
async fn a_business_without_a_number_has_no_client() {
    let environment = Settings::new("http://127.0.0.1:9".to_owned())
        .environment()
        .await
        .expect("settings");
    assert!(environment.whatsapp().expect("well formed").is_none());
}
