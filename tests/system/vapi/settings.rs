//! What a function must be given to speak with Vapi.

use local::settings::Settings;
use shared::ConfigError;

fn settings() -> Settings {
    Settings::new("http://127.0.0.1:9".to_owned())
        .with("VAPI_API_KEY", "test-vapi-key")
        .with("VAPI_ASSISTANT_ID", "an assistant")
        .with("VAPI_PHONE_NUMBER_ID", "a number")
        .with("VAPI_WEBHOOK_SECRET", "test-vapi-webhook-secret")
}

/// The setting that stops a cold start, if one does.
async fn complaint_about(settings: Settings) -> Option<&'static str> {
    let environment = settings.environment().await.expect("settings");
    let name_of = |error| match error {
        ConfigError::Missing(name) | ConfigError::Malformed { name, .. } => name,
    };
    let client = environment.vapi().map(drop).map_err(name_of);
    let webhooks = environment.vapi_webhooks().map(drop).map_err(name_of);
    client.and(webhooks).err()
}

#[tokio::test]
async fn a_missing_or_malformed_setting_is_named() {
    assert_eq!(complaint_about(settings()).await, None);
    for name in ["VAPI_API_KEY", "VAPI_PHONE_NUMBER_ID", "VAPI_WEBHOOK_SECRET"] {
        assert_eq!(complaint_about(settings().with(name, " ")).await, Some(name));
    }
    // A business that calls nobody has no assistant, and then none of the others is missed.
    let nobody = settings()
        .with("VAPI_ASSISTANT_ID", " ")
        .with("VAPI_PHONE_NUMBER_ID", " ")
        .with("VAPI_API_KEY", " ");
    assert_eq!(complaint_about(nobody).await, None);
    for (name, malformed, fine) in [
        (
            "VAPI_API_BASE_URL",
            "http://api.vapi.example",
            "https://api.vapi.example",
        ),
        (
            "VAPI_API_BASE_URL",
            "http://127.vapi.example",
            "http://127.0.0.1:9",
        ),
        ("VAPI_WEBHOOK_AUTH", "none", "secret"),
        ("VAPI_WEBHOOK_AUTH", "HMAC", "hmac"),
    ] {
        assert_eq!(
            complaint_about(settings().with(name, malformed)).await,
            Some(name)
        );
        assert_eq!(complaint_about(settings().with(name, fine)).await, None, "{fine}");
    }
}
