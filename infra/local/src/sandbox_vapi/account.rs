//! The organisation at Vapi behind the sandbox: its state.

use std::sync::{Mutex, MutexGuard};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    SandboxVapiConfig,
    call::{Call, Order},
    life::Life,
    script::Script,
};
use crate::sandbox::{SandboxClock, account::lock, holding::Holding, record::Pair};

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
    /// The query, decoded.
    pub query: Vec<Pair>,
    /// The body; `null` if it is not JSON.
    pub body: Value,
    /// Whether it carried the organisation's key.
    pub authorised: bool,
}

impl ReceivedRequest {
    /// Whether it asked for a call to be placed.
    pub fn is_send(&self) -> bool {
        self.method == "POST" && self.path == "/call"
    }
}

/// Everything that Vapi holds, oldest first.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) requests: Vec<ReceivedRequest>,
    pub(super) calls: Vec<Call>,
    /// How many requests were left waiting.
    pub(super) held: u64,
}

/// The state of the organisation.
pub(super) struct Account {
    pub(super) assistant_id: String,
    pub(super) phone_number_id: String,
    pub(super) public_base_url: String,
    pub(super) clock: SandboxClock,
    api_key: Mutex<String>,
    webhook_secret: Mutex<String>,
    record: Mutex<Record>,
    script: Mutex<Script>,
    life: Mutex<Life>,
    /// Counts what happens.
    changes: watch::Sender<u64>,
    pub(super) holding: Holding,
}

impl Account {
    pub(super) fn new(config: SandboxVapiConfig) -> Self {
        Self {
            assistant_id: config.assistant_id,
            phone_number_id: config.phone_number_id,
            public_base_url: config.public_base_url,
            clock: config.clock,
            api_key: Mutex::new(config.api_key),
            webhook_secret: Mutex::new(config.webhook_secret),
            record: Mutex::default(),
            script: Mutex::default(),
            life: Mutex::default(),
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

    pub(super) fn life(&self) -> MutexGuard<'_, Life> {
        lock(&self.life)
    }

    pub(super) fn api_key(&self) -> String {
        lock(&self.api_key).clone()
    }

    pub(super) fn set_api_key(&self, key: String) {
        *lock(&self.api_key) = key;
    }

    pub(super) fn webhook_secret(&self) -> String {
        lock(&self.webhook_secret).clone()
    }

    pub(super) fn set_webhook_secret(&self, secret: String) {
        *lock(&self.webhook_secret) = secret;
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

    /// Makes a call of an order: from here on it exists, and a telephone will ring.
    pub(super) fn accept(&self, order: &Order) -> Call {
        let call = Call::of(order, self.clock.now());
        self.record().calls.push(call.clone());
        self.life().begin(&call, self.clock.now());
        self.changed();
        call
    }

    /// Somebody is left waiting.
    pub(super) fn hold(&self) {
        self.record().held += 1;
        self.changed();
    }
}
