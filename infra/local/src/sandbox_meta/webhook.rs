//! Signed requests from Meta to us, with the knobs that a forger would turn.

use std::{
    fmt::Write as _,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
};

use http::Request;
use serde_json::{Value, json};

use super::{Update, account::Account, signature::sign};
use crate::sandbox::{Delivery, webhooks::deliver};

/// With what a request is signed.
#[derive(Clone, Debug)]
enum Signing {
    AppSecret,
    Secret(String),
    Nothing,
}

/// A request to us that is about to be posted: `.await` it, or tamper with it first.
#[must_use = "nothing is posted until it is awaited"]
#[derive(Clone)]
pub struct Webhook {
    account: Arc<Account>,
    url: String,
    body: Value,
    signing: Signing,
    smuggled: Option<Value>,
    raw: Option<Vec<u8>>,
}

impl Webhook {
    pub(super) fn of(account: &Arc<Account>, updates: Vec<Update>) -> Self {
        let mut changes: Vec<Value> = Vec::new();
        for update in updates {
            let of_field = |change: &Value| change["field"] == update.field;
            if !changes.last().is_some_and(of_field) {
                changes.push(json!({ "field": update.field, "value": {
                    "messaging_product": "whatsapp",
                    "metadata": {
                        "display_phone_number": account.display_phone_number,
                        "phone_number_id": account.phone_number_id,
                    },
                } }));
            }
            let value = &mut changes.last_mut().expect("one was there or was put there")["value"];
            if let Some(contact) = update.contact {
                put_once(value, "contacts", contact);
            }
            put(value, update.list, update.value);
        }
        Self::saying(
            account,
            json!({ "object": "whatsapp_business_account", "entry": [{ "id": "102290129340398", "changes": changes }] }),
        )
    }

    pub(super) fn saying(account: &Arc<Account>, body: Value) -> Self {
        Self {
            account: Arc::clone(account),
            url: format!("{}/api/webhooks/whatsapp", account.public_base_url),
            body,
            signing: Signing::AppSecret,
            smuggled: None,
            raw: None,
        }
    }

    /// Posts to this URL instead of the configured one.
    pub fn at(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Changes the body before it is signed.
    pub fn with(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.body);
        self
    }

    /// Signs and sends these bytes, whatever they are.
    pub fn with_raw(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.raw = Some(body.into());
        self
    }

    /// Gives each change an entry of its own.
    pub fn in_entries_of_their_own(self) -> Self {
        self.with(|body| {
            let changes = body["entry"][0]["changes"].take();
            let changes = changes.as_array().cloned().unwrap_or_default().into_iter();
            body["entry"] = changes
                .map(|change| json!({ "id": "102290129340398", "changes": [change] }))
                .collect();
        })
    }

    /// Changes the body after it is signed.
    pub fn smuggling(mut self, change: impl FnOnce(&mut Value)) -> Self {
        let mut body = self.body.clone();
        change(&mut body);
        self.smuggled = Some(body);
        self
    }

    /// Signs with another secret than the app's.
    pub fn signed_with(mut self, secret: &str) -> Self {
        self.signing = Signing::Secret(secret.to_owned());
        self
    }

    /// Leaves the signature out.
    pub fn unsigned(mut self) -> Self {
        self.signing = Signing::Nothing;
        self
    }

    /// The body as it is sent.
    pub fn body(&self) -> Vec<u8> {
        match &self.smuggled {
            Some(smuggled) => escaped(smuggled).into_bytes(),
            None => self.signed_body(),
        }
    }

    fn signed_body(&self) -> Vec<u8> {
        self.raw
            .clone()
            .unwrap_or_else(|| escaped(&self.body).into_bytes())
    }

    /// The signed request itself, for whoever carries it some other way.
    ///
    /// # Panics
    /// The URL or a header is none.
    pub fn into_request(self) -> Request<Vec<u8>> {
        let secret = match &self.signing {
            Signing::AppSecret => Some(self.account.app_secret()),
            Signing::Secret(secret) => Some(secret.clone()),
            Signing::Nothing => None,
        };
        let mut request = Request::post(&self.url)
            .header("content-type", "application/json")
            .header("user-agent", "facebookexternalua")
            .header("accept", "*/*");
        if let Some(secret) = secret {
            request = request.header("x-hub-signature-256", sign(&secret, &self.signed_body()));
        }
        request.body(self.body()).expect("a URL and headers")
    }

    /// Posts it once. Meta repeats what is not answered with a 2xx, for days: so does whoever awaits a clone.
    async fn post(self) -> Delivery {
        let http = self.account.http.clone();
        deliver(&http, self.into_request()).await
    }
}

impl IntoFuture for Webhook {
    type Output = Delivery;
    type IntoFuture = Pin<Box<dyn Future<Output = Delivery> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.post())
    }
}

fn put(value: &mut Value, list: &str, item: Value) {
    match &mut value[list] {
        Value::Array(items) => items.push(item),
        empty => *empty = json!([item]),
    }
}

fn put_once(value: &mut Value, list: &str, item: Value) {
    let is_there = value[list].as_array().is_some_and(|items| items.contains(&item));
    if !is_there {
        put(value, list, item);
    }
}

/// JSON as Meta writes it: in ASCII, and with slashes escaped.
fn escaped(body: &Value) -> String {
    let mut written = String::new();
    for character in body.to_string().chars() {
        match character {
            '/' => written.push_str("\\/"),
            _ if character.is_ascii() => written.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(written, "\\u{unit:04x}").expect("a String takes everything");
                }
            }
        }
    }
    written
}
