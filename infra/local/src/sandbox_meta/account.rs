//! The business's account at Meta behind the sandbox: its state.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    SandboxMetaConfig,
    media::File,
    message::{SentMessage, Shown},
    script::Script,
};
use crate::sandbox::{SandboxClock, account::lock, holding::Holding};

/// An HTTP request as it came in, refused ones included.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// Counts from one, in the order of arrival.
    pub number: u64,
    /// When, by the sandbox's clock.
    pub at: Timestamp,
    /// The method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The body; `null` if it is not JSON.
    pub body: Value,
    /// Whether it carried a token that is good.
    pub authorised: bool,
}

impl ReceivedRequest {
    /// Whether it asked for a message to be sent.
    pub fn is_send(&self) -> bool {
        self.method == "POST" && self.path.ends_with("/messages") && self.body.get("status").is_none()
    }
}

/// Everything that Meta holds, oldest first.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) requests: Vec<ReceivedRequest>,
    pub(super) messages: Vec<SentMessage>,
    pub(super) shown: Vec<Shown>,
    /// Ids of what customers wrote.
    pub(super) written: Vec<String>,
    /// When somebody wrote last, by each of their names.
    pub(super) last_written: HashMap<String, Timestamp>,
    pub(super) files: HashMap<String, File>,
    /// How many requests were left waiting.
    pub(super) held: u64,
}

/// The state of the account.
pub(super) struct Account {
    pub(super) phone_number_id: String,
    pub(super) display_phone_number: String,
    pub(super) public_base_url: String,
    pub(super) clock: SandboxClock,
    pub(super) http: reqwest::Client,
    access_token: Mutex<String>,
    app_secret: Mutex<String>,
    record: Mutex<Record>,
    script: Mutex<Script>,
    /// Counts what happens.
    changes: watch::Sender<u64>,
    pub(super) holding: Holding,
}

impl Account {
    pub(super) fn new(config: SandboxMetaConfig, http: reqwest::Client) -> Self {
        Self {
            phone_number_id: config.phone_number_id,
            display_phone_number: config.display_phone_number,
            public_base_url: config.public_base_url,
            clock: config.clock,
            http,
            access_token: Mutex::new(config.access_token),
            app_secret: Mutex::new(config.app_secret),
            record: Mutex::default(),
            script: Mutex::default(),
            changes: watch::Sender::new(0),
            holding: Holding::new(),
        }
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        lock(&self.record)
    }

    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        lock(&self.script)
    }

    pub(super) fn access_token(&self) -> String {
        lock(&self.access_token).clone()
    }

    pub(super) fn set_access_token(&self, token: String) {
        *lock(&self.access_token) = token;
    }

    pub(super) fn app_secret(&self) -> String {
        lock(&self.app_secret).clone()
    }

    pub(super) fn set_app_secret(&self, secret: String) {
        *lock(&self.app_secret) = secret;
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Writes a request down before anything is decided about it.
    pub(super) fn receive(&self, request: ReceivedRequest) -> ReceivedRequest {
        let mut record = self.record();
        let request = ReceivedRequest {
            number: record.requests.len() as u64 + 1,
            at: self.clock.now(),
            ..request
        };
        record.requests.push(request.clone());
        drop(record);
        self.changed();
        request
    }

    /// Makes a message of a request: from here on it exists, and a telephone will show it.
    pub(super) fn accept(&self, request: &ReceivedRequest) -> SentMessage {
        let message = SentMessage::of(&request.body, request.number, self.clock.now());
        self.record().messages.push(message.clone());
        self.changed();
        message
    }

    /// Somebody is left waiting.
    pub(super) fn hold(&self) {
        self.record().held += 1;
        self.changed();
    }
}
