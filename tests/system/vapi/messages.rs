//! What Vapi tells us, and what anybody pretends that it told.

use lambda_http::{Body, Request};
use local::sandbox::SandboxClock;
use local::sandbox_vapi::{SandboxVapi, SandboxVapiConfig, ServerMessage};
use serde_json::json;
use shared::platform::gate::Gate;
use shared::platform::http::HttpError;
use shared::platform::secrets::Secrets;
use shared::providers::vapi::{
    self, CallRecord, CallResult, Proof, REDACTED, Verified, WebhookError, WebhookVerifier,
};

use super::{CUSTOMER, Ledger, place};

/// Vapi by the clock on the wall, which is the one that signatures are checked by.
async fn vapi() -> SandboxVapi {
    SandboxVapi::start(SandboxVapiConfig {
        clock: SandboxClock::real(),
        ..SandboxVapiConfig::default()
    })
    .await
    .expect("a port")
}

fn verifier(secret: &str, proof: Proof) -> WebhookVerifier {
    let secret = secret.to_owned();
    let secrets = Secrets::of_environment(move |name| match name {
        "VAPI_WEBHOOK_SECRET" => Some(secret.clone()),
        "VAPI_WEBHOOK_SECRET_PREVIOUS" => Some("test-vapi-webhook-secret-previous".to_owned()),
        _ => None,
    });
    WebhookVerifier::new(secrets, proof, Gate::default())
}

fn request_of(message: ServerMessage) -> Request {
    message.into_request().map(Body::from)
}

async fn verified(vapi: &SandboxVapi, message: ServerMessage) -> Result<Verified, HttpError> {
    let verifier = verifier(&vapi.webhook_secret(), Proof::Signature);
    verifier.verify(&request_of(message)).await
}

fn status_of(result: Result<Verified, HttpError>) -> u16 {
    match result {
        Ok(_) => 200,
        Err(HttpError::Refused { status, .. }) => status,
        Err(HttpError::Failed(error)) => panic!("{error:#}"),
    }
}

fn call_in(verified: Verified) -> CallRecord {
    match verified.message {
        Ok(vapi::ServerMessage::Call(call)) => *call,
        other => panic!("{other:?}"),
    }
}

/// Vapi, and a call of ours to the customer.
async fn calling() -> (SandboxVapi, String) {
    let vapi = vapi().await;
    place(&vapi, &Ledger::new().await, CUSTOMER).await;
    let id = vapi.calls()[0].id.clone();
    (vapi, id)
}

#[tokio::test]
async fn a_call_is_followed_from_its_first_ring_to_its_report() {
    let (vapi, id) = calling().await;
    let placed = vapi.calls()[0].clone();
    vapi.update_call(&id, |call| "ringing".clone_into(&mut call.status));
    let ringing = call_in(verified(&vapi, vapi.status_update(&id)).await.expect("Vapi's"));
    assert_eq!((ringing.status.as_str(), ringing.result()), ("ringing", None));
    assert_eq!(ringing.attempt.map(|attempt| attempt.to_string()), placed.name);

    vapi.update_call(&id, |call| call.say("user", "Stop calling me."));
    vapi.end_call(&id, "customer-ended-call");
    let over = call_in(
        verified(&vapi, vapi.end_of_call_report(&id))
            .await
            .expect("Vapi's"),
    );
    assert_eq!(over.id.as_str(), id);
    assert_eq!(over.result(), Some(CallResult::Answered));
    assert_eq!(over.customer_said, "Stop calling me.");
}

#[tokio::test]
async fn a_credential_in_a_message_is_not_kept() {
    let (vapi, id) = calling().await;
    vapi.end_call(&id, "customer-busy");
    let verified = verified(&vapi, vapi.end_of_call_report(&id))
        .await
        .expect("Vapi's");
    let body = verified.body.expect("JSON");
    assert_eq!(body["message"]["phoneNumber"]["twilioAuthToken"], REDACTED);
    assert_eq!(body["message"]["call"]["id"], json!(id));
    let kept = body.to_string();
    for secret in [
        "test-twilio-auth-token",
        "test-server-secret",
        "/control",
        "/listen",
    ] {
        assert!(!kept.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn nobody_but_vapi_is_believed_and_only_now() {
    let (vapi, id) = calling().await;
    let honest = || vapi.status_update(&id);
    let now = vapi.clock().now().as_second();
    for forged in [
        honest().unsigned(),
        honest().signed_with("wrong"),
        honest().signed_with(""),
        honest().smuggling(|body| body["message"]["status"] = json!("ended")),
        honest().signed_at(&(now - 3_600).to_string()),
        honest().signed_at(&(now + 3_600).to_string()),
        honest().signed_at(""),
        honest().signed_at("now"),
        // The secret itself is no signature.
        honest().with_bearer(),
        honest().with_vapi_secret(),
    ] {
        assert_eq!(
            status_of(verified(&vapi, forged.clone()).await),
            401,
            "{forged:?}"
        );
    }
    for fine in [
        honest(),
        honest().signed_at(&vapi.clock().now().as_millisecond().to_string()),
        honest().signed_at(&(now - 200).to_string()),
        honest().signed_with("test-vapi-webhook-secret-previous"),
    ] {
        assert_eq!(status_of(verified(&vapi, fine.clone()).await), 200, "{fine:?}");
    }
}

#[tokio::test]
async fn the_secret_itself_is_enough_only_where_somebody_said_so() {
    let (vapi, id) = calling().await;
    let verifier = verifier(&vapi.webhook_secret(), Proof::SignatureOrSecret);
    let told = async |message| status_of(verifier.verify(&request_of(message)).await);
    let honest = || vapi.status_update(&id);
    assert_eq!(told(honest()).await, 200);
    assert_eq!(told(honest().with_bearer()).await, 200);
    assert_eq!(told(honest().with_vapi_secret()).await, 200);
    assert_eq!(told(honest().unsigned()).await, 401);
    // A signature that does not fit is not made good by anything beside it.
    let mut both = request_of(honest().signed_with("wrong"));
    let secret = vapi.webhook_secret().parse().expect("a header's value");
    both.headers_mut().insert("x-vapi-secret", secret);
    assert_eq!(status_of(verifier.verify(&both).await), 401);
    vapi.rotate_webhook_secret("test-vapi-webhook-secret-rotated");
    assert_eq!(told(honest().with_bearer()).await, 401);
}

#[tokio::test]
async fn what_is_not_a_posted_json_of_a_sensible_size_is_refused_before_anything_else() {
    let (vapi, id) = calling().await;
    let verifier = verifier(&vapi.webhook_secret(), Proof::Signature);
    let honest = || request_of(vapi.status_update(&id));
    let mut got = honest();
    *got.method_mut() = http::Method::GET;
    let mut form = honest();
    let kind = "application/x-www-form-urlencoded"
        .parse()
        .expect("a header's value");
    form.headers_mut().insert("content-type", kind);
    let huge = honest().map(|_| Body::from(vec![b' '; 6 * 1024 * 1024 + 1]));
    for (request, status) in [(got, 405), (form, 415), (huge, 413)] {
        assert_eq!(status_of(verifier.verify(&request).await), status);
    }
    let mut twice = honest();
    let other = "0".parse().expect("a header's value");
    twice.headers_mut().append("x-signature", other);
    assert_eq!(status_of(verifier.verify(&twice).await), 401);
}

#[tokio::test]
async fn a_message_that_says_nothing_to_us_is_vapis_all_the_same() {
    let vapi = vapi().await;
    let request = vapi.message(json!({ "type": "assistant-request", "call": {} }));
    let other = verified(&vapi, request).await.expect("Vapi's");
    assert_eq!(
        other.message,
        Ok(vapi::ServerMessage::Other("assistant-request".to_owned()))
    );
    for (body, missing) in [
        (json!(null), "message.type"),
        (json!({ "type": "status-update" }), "message.call.id"),
    ] {
        let broken = verified(&vapi, vapi.message(body)).await.expect("Vapi's");
        assert_eq!(broken.message, Err(WebhookError::Malformed(missing)));
        assert!(broken.body.is_some());
    }
}
