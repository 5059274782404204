//! Requests that claim to come from Twilio. The lines are the method, the target, the content type, the
//! signature (`-` for the right one) and another header's value; the rest is the body.

use std::sync::LazyLock;

use local::sandbox;
use shared::platform::gate::Gate;
use shared::platform::secrets::Secrets;
use shared::providers::twilio::{Form, WebhookVerifier};

use crate::gateway::{request, through_the_gateway, wait_for};
use crate::lines;

const PUBLIC_URL: &str = "https://switchboard.example.com";
const TOKENS: [(&str, &str); 2] = [
    ("TWILIO_AUTH_TOKEN", "test-token"),
    ("TWILIO_AUTH_TOKEN_PREVIOUS", "previous-token"),
];
const BODY_BYTES_MAX: usize = 64 * 1024;

static VERIFIER: LazyLock<WebhookVerifier> = LazyLock::new(|| {
    let token = |name: &str| {
        let found = TOKENS.iter().find(|(known, _)| *known == name);
        found.map(|(_, token)| (*token).to_owned())
    };
    WebhookVerifier::new(
        PUBLIC_URL.to_owned(),
        Secrets::of_environment(token),
        Gate::default(),
    )
});

pub(crate) fn check(input: &[u8]) {
    let ([method, target, content_type, given, scheme], body) = lines::split(input);
    let Some(bare) = request("POST", &target, &[], body) else {
        return;
    };
    let (path, query) = (bare.uri().path(), bare.uri().query().unwrap_or_default());
    let question_mark = if query.is_empty() { "" } else { "?" };
    let url = format!("{PUBLIC_URL}{path}{question_mark}{query}");
    let fields: Vec<_> = form_urlencoded::parse(body).into_owned().collect();
    let right = TOKENS.map(|(_, token)| sandbox::sign(token, &url, &fields));
    let signature = if given == "-" {
        right[0].as_str()
    } else {
        given.as_str()
    };

    let headers = [
        ("content-type", content_type.as_str()),
        ("x-twilio-signature", signature),
        ("x-twilio-webhooks-signature-settings", scheme.as_str()),
    ];
    let Some(sent) = request(&method, &target, &headers, body) else {
        return;
    };
    let Some(arrived) = through_the_gateway(sent) else {
        return;
    };
    let is_form = content_type.split(';').next().is_some_and(|kind| {
        kind.trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    let is_twilios = method == "POST"
        && is_form
        && content_type.is_ascii()
        && body.len() <= BODY_BYTES_MAX
        && scheme.is_empty()
        && right.iter().any(|right| right == signature);
    match wait_for(VERIFIER.verify(&arrived)) {
        Ok(verified) => {
            assert!(is_twilios, "{url} is not signed by {signature:?}");
            assert_eq!((verified.query.as_str(), verified.body.as_slice()), (query, body));
            assert_eq!(verified.form.ok(), Form::parse(body).ok());
        }
        Err(refusal) => assert!(!is_twilios, "{url} is signed and refused: {refusal:?}"),
    }
}
