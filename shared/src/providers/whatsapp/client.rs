//! What we ask of WhatsApp: to send one message, to show that one was read, and for a file.

use std::time::Duration;

use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::MessageId;
use super::classify::classify;
use crate::jobs::{Address, Outcome, Permit};
use crate::platform::gate::{Gate, Operation, Severed};
use crate::platform::http_client;
use crate::providers::exchange::{parse_base, send_once};

/// The newest version of the Graph API that the `pywa` package 4.5.0 supports (17.0 to 26.0); each lives for two
/// years: <https://developers.facebook.com/docs/graph-api/guides/versioning>.
pub const API_VERSION: &str = "v26.0";
/// What WhatsApp takes in one text.
pub const TEXT_CHARS_MAX: usize = 4_096;

/// An answer to a send is a few hundred bytes.
const SEND_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Nobody's answer waits longer than this for blue ticks.
const SHOWING_TAKES_AT_MOST: Duration = Duration::from_millis(1_500);

/// The Cloud API, for one number of the business.
pub struct Client {
    pub(super) base: Url,
    pub(super) phone_number_id: String,
    access_token: Box<dyn Fn() -> SecretString + Send + Sync>,
    sending: reqwest::Client,
    pub(super) reading: reqwest::Client,
    pub(super) downloading: reqwest::Client,
    pub(super) gate: Gate,
}

/// A text, which may be sent within 24 hours of what they wrote.
#[derive(Clone)]
pub struct Text {
    /// Its words, at most [`TEXT_CHARS_MAX`].
    pub body: String,
    /// The message that it is shown beneath.
    pub in_reply_to: Option<MessageId>,
}

/// A message that Meta has approved, which may be sent at any time.
#[derive(Clone)]
pub struct Template {
    /// What it is called at Meta.
    pub name: String,
    /// Such as `en_US`.
    pub language: String,
    /// What stands in place of `{{1}}`, `{{2}}` and so on in its body.
    pub body_parameters: Vec<String>,
    /// The message that it is shown beneath.
    pub in_reply_to: Option<MessageId>,
}

impl Client {
    /// For one number; the token is asked for at every request, so that a rotated one counts at once.
    pub fn new(
        base_url: &str,
        phone_number_id: String,
        access_token: impl Fn() -> SecretString + Send + Sync + 'static,
        gate: Gate,
    ) -> anyhow::Result<Self> {
        let base = parse_base(base_url)?;
        Ok(Self {
            downloading: http_client::for_downloads(&base)?,
            base,
            phone_number_id,
            access_token: Box::new(access_token),
            sending: http_client::for_side_effects()?,
            reading: http_client::for_reading()?,
            gate,
        })
    }

    /// Which of the business's numbers it sends from: Meta's id of it.
    pub fn phone_number_id(&self) -> &str {
        &self.phone_number_id
    }

    /// Sends one text, once; uses the permit up. WhatsApp has no idempotency key and no list of what was sent, so
    /// what the answer does not prove is unknown until a report names the attempt.
    ///
    /// `still_good` is asked at the last moment, for the process may have been frozen since the permit was given:
    /// one that is too old is not used any more. What remains is the time that connecting takes.
    pub async fn send_text(
        &self,
        permit: Permit<Address>,
        text: &Text,
        still_good: impl Fn() -> bool,
    ) -> Outcome {
        let content = json!({
            "type": "text",
            "text": { "body": text.body, "preview_url": false },
        });
        self.send(permit, text.in_reply_to.as_ref(), content, still_good)
            .await
    }

    /// Sends one template, once; uses the permit up. As [`Client::send_text`].
    pub async fn send_template(
        &self,
        permit: Permit<Address>,
        template: &Template,
        still_good: impl Fn() -> bool,
    ) -> Outcome {
        let parameters: Vec<Value> = template
            .body_parameters
            .iter()
            .map(|text| json!({ "type": "text", "text": text }))
            .collect();
        let mut content = json!({
            "type": "template",
            "template": { "name": template.name, "language": { "code": template.language } },
        });
        if !parameters.is_empty() {
            content["template"]["components"] = json!([{ "type": "body", "parameters": parameters }]);
        }
        self.send(permit, template.in_reply_to.as_ref(), content, still_good)
            .await
    }

    async fn send(
        &self,
        permit: Permit<Address>,
        in_reply_to: Option<&MessageId>,
        mut body: Value,
        still_good: impl Fn() -> bool,
    ) -> Outcome {
        body["messaging_product"] = "whatsapp".into();
        body["recipient_type"] = "individual".into();
        // Whom the database chose, and nobody else.
        let recipient = permit.recipient();
        body[if recipient.is_number() { "to" } else { "recipient" }] = recipient.as_str().into();
        if let Some(id) = in_reply_to {
            body["context"] = json!({ "message_id": id.as_str() });
        }
        // Given back in every report about the message.
        body["biz_opaque_callback_data"] = json!(permit.attempt());
        let request = self
            .authorised(self.sending.post(self.resource(&["messages"])))
            .json(&body);
        send_once(
            &self.gate,
            "send_whatsapp",
            request,
            SEND_ANSWER_BYTES_MAX,
            still_good,
            classify,
        )
        .await
    }

    /// Shows the customer that their message was read and, with `is_typing`, that an answer is on its way (for 25 s
    /// or until it comes). A courtesy: takes a second and a half at most, and its failure is nobody's.
    pub async fn show_read(&self, message: &MessageId, is_typing: bool) {
        let mut body = json!({
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": message.as_str(),
        });
        if is_typing {
            body["typing_indicator"] = json!({ "type": "text" });
        }
        let request = self
            .authorised(self.sending.post(self.resource(&["messages"])))
            .timeout(SHOWING_TAKES_AT_MOST)
            .json(&body);
        // It reaches nobody but as a tick, and saying it twice shows one.
        let shown = self.gate.pass(Operation::Read("show_read"), async {
            Ok::<_, Severed>(request.send().await.map(|answer| answer.status()))
        });
        match shown.await {
            Ok(Ok(status)) if status.is_success() => {}
            Ok(Ok(status)) => tracing::warn!(status = status.as_u16(), "a message was not shown as read"),
            Ok(Err(_)) | Err(_) => tracing::warn!("a message was not shown as read: no answer"),
        }
    }

    /// `/{version}/{phone_number_id}/…`, each part as it is.
    fn resource(&self, parts: &[&str]) -> Url {
        let mut path = vec![API_VERSION, &self.phone_number_id];
        path.extend(parts);
        self.at(&path)
    }

    pub(super) fn at(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("an http URL has a path")
            .pop_if_empty()
            .extend(path);
        url
    }

    pub(super) fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth((self.access_token)().expose_secret())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use uuid::Uuid;

    use super::*;

    const ANN: &str = "14155550101";
    const ACCEPTED: &str = r#"{"messages":[{"id":"wamid.x=="}]}"#;

    /// A Meta that answers everything alike, and the requests that it had.
    async fn meta(status: u16, body: &'static str) -> (Client, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = String::new();
                let mut buffer = [0; 4096];
                // Head and body may come apart; each of ours ends with its object.
                while !request.ends_with('}') {
                    let read = stream.read(&mut buffer).await.unwrap_or_default();
                    if read == 0 {
                        break;
                    }
                    request.push_str(&String::from_utf8_lossy(&buffer[..read]));
                }
                heard.lock().expect("no panic").push(request);
                let answer = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let client = Client::new(&base, "1067".to_owned(), || "the token".into(), Gate::default());
        (client.expect("a client"), asked)
    }

    fn permit(address: &str) -> Permit<Address> {
        Permit::of_a_test(Uuid::from_u128(7), Address::of_a_test(address))
    }

    fn text() -> Text {
        Text {
            body: "Hello \u{1f44d}".to_owned(),
            in_reply_to: MessageId::parse("wamid.before"),
        }
    }

    /// The head's first line, and the body.
    fn parts(request: &str) -> (String, Value) {
        let (head, body) = request.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains("authorization: Bearer the token"), "{head}");
        let line = head.lines().next().expect("a line").to_owned();
        (line, serde_json::from_str(body).expect("JSON"))
    }

    #[tokio::test]
    async fn a_text_says_whom_it_is_for_what_it_answers_and_which_attempt_it_is() {
        for (name, value) in [("to", ANN), ("recipient", "US.134")] {
            let (client, asked) = meta(200, ACCEPTED).await;
            let outcome = client.send_text(permit(value), &text(), || true).await;
            assert_eq!(
                outcome,
                Outcome::Accepted {
                    provider_id: "wamid.x==".to_owned()
                }
            );
            let asked = asked.lock().expect("no panic").clone();
            let (line, body) = parts(&asked[0]);
            assert_eq!(line, format!("POST /{API_VERSION}/1067/messages HTTP/1.1"));
            let mut expected = json!({
                "messaging_product": "whatsapp", "recipient_type": "individual", "type": "text",
                "text": { "body": "Hello \u{1f44d}", "preview_url": false },
                "context": { "message_id": "wamid.before" },
                "biz_opaque_callback_data": Uuid::from_u128(7),
            });
            expected[name] = value.into();
            assert_eq!((asked.len(), body), (1, expected));
        }
    }

    #[tokio::test]
    async fn a_template_says_its_name_and_what_stands_in_it() {
        let (client, asked) = meta(200, ACCEPTED).await;
        let template = Template {
            name: "missed_call".to_owned(),
            language: "en_US".to_owned(),
            body_parameters: vec!["Ann".to_owned()],
            in_reply_to: None,
        };
        let outcome = client.send_template(permit(ANN), &template, || true).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }));
        let asked = asked.lock().expect("no panic").clone();
        let (_, body) = parts(&asked[0]);
        assert_eq!(
            body["template"],
            json!({ "name": "missed_call", "language": { "code": "en_US" },
                "components": [{ "type": "body", "parameters": [{ "type": "text", "text": "Ann" }] }] })
        );
        assert!(body.get("context").is_none());
    }

    #[tokio::test]
    async fn nothing_leaves_too_late() {
        let (client, asked) = meta(200, ACCEPTED).await;
        let late = client.send_text(permit(ANN), &text(), || false).await;
        assert_eq!(late, Outcome::not_sent());
        assert_eq!(asked.lock().expect("no panic").len(), 0);
    }

    #[tokio::test]
    async fn a_redirect_and_a_failure_are_answers_and_nothing_is_sent_again() {
        for status in [307, 500, 503] {
            let (client, asked) = meta(status, "").await;
            let outcome = client.send_text(permit(ANN), &text(), || true).await;
            assert!(matches!(outcome, Outcome::Unknown { http_status, .. } if http_status == Some(status)));
            assert_eq!(asked.lock().expect("no panic").len(), 1);
        }
    }

    #[tokio::test]
    async fn blue_ticks_are_nobodys_failure() {
        let message = MessageId::parse("wamid.x").expect("an id");
        for status in [200, 400, 500] {
            let (client, asked) = meta(status, r#"{"success":true}"#).await;
            client.show_read(&message, true).await;
            let asked = asked.lock().expect("no panic").clone();
            let (_, body) = parts(&asked[0]);
            assert_eq!(
                (&body["status"], &body["message_id"]),
                (&json!("read"), &json!("wamid.x"))
            );
        }
    }
}
