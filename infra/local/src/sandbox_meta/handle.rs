//! The sandbox as its users hold it: start it, script it, and ask what it did.

use std::{io, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Customer, Update, Webhook,
    account::{Account, ReceivedRequest, Record},
    api,
    customer::put,
    media::File,
    message::{SentMessage, Shown, new_id},
    script::{Behaviour, Script},
};
use crate::sandbox::{SandboxClock, server::Server, webhooks::client};

/// How the sandbox is set up.
#[derive(Clone, Debug)]
pub struct SandboxMetaConfig {
    /// What requests to the API are authenticated with.
    pub access_token: String,
    /// What webhooks are signed with.
    pub app_secret: String,
    /// What Meta shows when it asks whether an address is ours.
    pub verify_token: String,
    /// The one number that there is, by Meta's id.
    pub phone_number_id: String,
    /// And as people dial it, digits only.
    pub display_phone_number: String,
    /// Where webhooks go, without a trailing slash.
    pub public_base_url: String,
    /// The port to listen on; 0 takes any.
    pub port: u16,
    /// The clock that dates everything.
    pub clock: SandboxClock,
}

impl Default for SandboxMetaConfig {
    fn default() -> Self {
        Self {
            access_token: "test-whatsapp-access-token".to_owned(),
            app_secret: "test-whatsapp-app-secret".to_owned(),
            verify_token: "test-whatsapp-verify-token".to_owned(),
            phone_number_id: "106540352242922".to_owned(),
            display_phone_number: "15005550006".to_owned(),
            public_base_url: "http://127.0.0.1:9000".to_owned(),
            port: 0,
            clock: SandboxClock::real(),
        }
    }
}

/// A running sandbox. Clones share it; it stops with the last of them.
#[derive(Clone)]
pub struct SandboxMeta {
    account: Arc<Account>,
    server: Arc<Server>,
    verify_token: String,
}

impl SandboxMeta {
    /// Starts listening on a port of the loopback interface.
    pub async fn start(config: SandboxMetaConfig) -> io::Result<Self> {
        let (port, verify_token) = (config.port, config.verify_token.clone());
        let http = client().map_err(io::Error::other)?;
        let account = Arc::new(Account::new(config, http));
        let stopped = Arc::clone(&account);
        let router = api::router(Arc::clone(&account));
        let server = Server::start(port, router, move || stopped.holding.release()).await?;
        Ok(Self {
            account,
            server: Arc::new(server),
            verify_token,
        })
    }

    /// Stops: new connections are refused, held requests let go.
    pub fn shutdown(&self) {
        self.server.stop();
    }

    /// The base URL of the API: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// What requests to the API are authenticated with.
    pub fn access_token(&self) -> String {
        self.account.access_token()
    }

    /// What webhooks are signed with.
    pub fn app_secret(&self) -> String {
        self.account.app_secret()
    }

    /// What Meta shows when it asks whether an address is ours.
    pub fn verify_token(&self) -> &str {
        &self.verify_token
    }

    /// The one number that there is, by Meta's id.
    pub fn phone_number_id(&self) -> &str {
        &self.account.phone_number_id
    }

    /// The clock that dates everything.
    pub fn clock(&self) -> &SandboxClock {
        &self.account.clock
    }

    /// Makes another access token; from now on it alone is good.
    pub fn rotate_access_token(&self, token: impl Into<String>) {
        self.account.set_access_token(token.into());
    }

    /// Signs with another secret from now on.
    pub fn rotate_app_secret(&self, secret: impl Into<String>) {
        self.account.set_app_secret(secret.into());
    }

    /// Forgets every message, request and script, as if it had just started.
    pub fn forget(&self) {
        *self.account.record() = Record::default();
        *self.account.script() = Script::default();
    }
}

/// What it did.
impl SandboxMeta {
    /// Every message of ours that was accepted, in order.
    pub fn messages(&self) -> Vec<SentMessage> {
        self.account.record().messages.clone()
    }

    /// Every message that somebody got or will get, in order.
    pub fn messages_to(&self, customer: &Customer) -> Vec<SentMessage> {
        let mut messages = self.messages();
        messages.retain(|message| customer.addresses().any(|address| *address == message.to));
        messages
    }

    /// Every message that was shown as read, in order.
    pub fn shown(&self) -> Vec<Shown> {
        self.account.record().shown.clone()
    }

    /// Every HTTP request that came in, refused ones included, in order.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.account.record().requests.clone()
    }

    /// How many requests were left waiting, answered by now or not.
    pub fn held(&self) -> u64 {
        self.account.record().held
    }

    /// Waits until `look` finds something, looking again whenever anything happens.
    pub async fn when<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let mut changes = self.account.changes();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            changes.changed().await.expect("the sandbox is ours");
        }
    }
}

/// What it shall do.
impl SandboxMeta {
    /// The next request to send is treated so; further ones queue up behind.
    pub fn on_next_send(&self, behaviour: Behaviour) {
        self.account.script().next.push_back(behaviour);
    }

    /// Every message to somebody is treated so, unless another is queued up.
    pub fn on_every_send_to(&self, customer: &Customer, behaviour: &Behaviour) {
        let mut script = self.account.script();
        for address in customer.addresses() {
            script.towards.insert(address.clone(), behaviour.clone());
        }
    }

    /// Every other request to send is treated so.
    pub fn on_every_send(&self, behaviour: Behaviour) {
        self.account.script().always = behaviour;
    }

    /// Every request to show a message as read is treated so: accepted, held, refused, cut off, or answered with 500.
    pub fn on_every_show(&self, behaviour: Behaviour) {
        self.account.script().shows = behaviour;
    }

    /// Takes texts to people who have not written for a day, which Meta refuses with 131047.
    pub fn open_every_window(&self) {
        self.account.script().window_is_open = true;
    }

    /// Says that every file is there, wherever that is; `None` for the truth.
    pub fn say_that_files_are_at(&self, address: Option<String>) {
        self.account.script().media_address = address;
    }

    /// Lets every held request go.
    pub fn release_held(&self) {
        self.account.holding.release();
    }

    /// Holds a file for whoever asks for it by the id that is returned.
    pub fn hold_file(&self, mime_type: &str, bytes: impl Into<Vec<u8>>) -> String {
        let id = fastrand::u64(10_u64.pow(14)..10_u64.pow(15)).to_string();
        let file = File {
            mime_type: mime_type.to_owned(),
            bytes: bytes.into(),
        };
        self.account.record().files.insert(id.clone(), file);
        id
    }
}

/// What it has to tell, one thing at a time.
impl SandboxMeta {
    /// A customer writes some words.
    pub fn text(&self, customer: &Customer, words: &str) -> Update {
        self.message(customer, "text", json!({ "body": words }))
    }

    /// A customer writes a message of any type; `content` stands under the type's name.
    pub fn message(&self, customer: &Customer, kind: &str, content: Value) -> Update {
        let now = self.account.clock.now();
        let id = new_id();
        let mut record = self.account.record();
        record.written.push(id.clone());
        for address in customer.addresses() {
            record.last_written.insert(address.clone(), now);
        }
        drop(record);
        let mut message = json!({ "id": id, "timestamp": seconds(now), "type": kind });
        put(&mut message, "from", customer.wa_id.as_ref());
        put(&mut message, "from_user_id", customer.user_id.as_ref());
        message[kind] = content;
        Update::new("messages", "messages", message).about(customer)
    }

    /// Somebody of the business writes to a customer in WhatsApp's own app, with which it shares the number.
    pub fn echo(&self, customer: &Customer, words: &str) -> Update {
        let mut echo = json!({
            "id": new_id(),
            "from": self.account.display_phone_number,
            "timestamp": seconds(self.account.clock.now()),
            "type": "text",
            "text": { "body": words },
        });
        put(&mut echo, "to", customer.wa_id.as_ref());
        put(&mut echo, "to_user_id", customer.user_id.as_ref());
        Update::new("smb_message_echoes", "message_echoes", echo).about(customer)
    }

    /// A message of ours has come so far: `sent`, `delivered`, `read` or `played`.
    ///
    /// # Panics
    /// There is no such message.
    pub fn status(&self, id: &str, status: &str) -> Update {
        let now = self.account.clock.now();
        let mut record = self.account.record();
        let message = record.messages.iter_mut().find(|message| message.id == id);
        let message = message.expect("a message of that id");
        status.clone_into(&mut message.status);
        let mut report = json!({ "id": id, "status": status, "timestamp": seconds(now) });
        let name = if message.is_to_user_id {
            "recipient_user_id"
        } else {
            "recipient_id"
        };
        report[name] = message.to.as_str().into();
        put(
            &mut report,
            "biz_opaque_callback_data",
            message.callback_data.as_ref(),
        );
        if matches!(status, "sent" | "delivered") {
            report["pricing"] = json!({ "billable": false, "pricing_model": "PMP", "category": "service",
                "type": "free_customer_service" });
        }
        drop(record);
        self.account.changed();
        Update::new("messages", "statuses", report)
    }

    /// A message of ours will not arrive, for the reason of this code.
    ///
    /// # Panics
    /// There is no such message.
    pub fn failed(&self, id: &str, code: i64) -> Update {
        self.status(id, "failed").with(|report| {
            report["errors"] = json!([{ "code": code, "title": "scripted", "message": "scripted",
                "error_data": { "details": "scripted" } }]);
        })
    }

    /// A customer wants no more marketing (`stop`), or wants it again (`resume`).
    pub fn preference(&self, customer: &Customer, value: &str) -> Update {
        let mut preference = json!({
            "detail": format!("User requested to {value} marketing messages"),
            "category": "marketing_messages",
            "value": value,
            "timestamp": self.account.clock.now().as_second(),
        });
        put(&mut preference, "wa_id", customer.wa_id.as_ref());
        put(&mut preference, "user_id", customer.user_id.as_ref());
        Update::new("user_preferences", "user_preferences", preference).about(customer)
    }

    /// A customer has another id from now on.
    pub fn new_user_id(&self, customer: &Customer, current: &str) -> Update {
        let mut update = json!({
            "detail": "User id has been updated.",
            "user_id": { "previous": customer.user_id, "current": current },
            "timestamp": seconds(self.account.clock.now()),
        });
        put(&mut update, "wa_id", customer.wa_id.as_ref());
        Update::new("user_id_update", "user_id_update", update).about(customer)
    }

    /// A webhook with these in it, in this order.
    pub fn webhook(&self, updates: impl IntoIterator<Item = Update>) -> Webhook {
        Webhook::of(&self.account, updates.into_iter().collect())
    }

    /// A webhook with any body.
    pub fn webhook_saying(&self, body: Value) -> Webhook {
        Webhook::saying(&self.account, body)
    }

    /// The query with which Meta asks whether an address is ours.
    pub fn handshake_query(&self, challenge: &str) -> String {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("hub.mode", "subscribe")
            .append_pair("hub.verify_token", &self.verify_token)
            .append_pair("hub.challenge", challenge)
            .finish()
    }
}

/// Seconds since 1970, as text.
fn seconds(at: Timestamp) -> String {
    at.as_second().to_string()
}
