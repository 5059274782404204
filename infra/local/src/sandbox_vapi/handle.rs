//! The sandbox as its users hold it: start it, script it, and ask what it did.

use std::{io, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    account::{Account, ReceivedRequest, Record},
    api,
    call::{Call, written},
    script::{Behaviour, ReadFault, Script},
    server_message::ServerMessage,
};
use crate::sandbox::{SandboxClock, server::Server};

/// How the sandbox is set up.
#[derive(Clone, Debug)]
pub struct SandboxVapiConfig {
    /// What requests to the API are authenticated with.
    pub api_key: String,
    /// What server messages are signed with.
    pub webhook_secret: String,
    /// The one assistant that there is.
    pub assistant_id: String,
    /// The one telephone number that there is.
    pub phone_number_id: String,
    /// Where server messages go, without a trailing slash.
    pub public_base_url: String,
    /// The port to listen on; 0 takes any.
    pub port: u16,
    /// The clock that dates everything.
    pub clock: SandboxClock,
}

impl Default for SandboxVapiConfig {
    fn default() -> Self {
        Self {
            api_key: "test-vapi-key".to_owned(),
            webhook_secret: "test-vapi-webhook-secret".to_owned(),
            assistant_id: "a0000000-0000-4000-8000-000000000001".to_owned(),
            phone_number_id: "b0000000-0000-4000-8000-000000000001".to_owned(),
            public_base_url: "http://127.0.0.1:9000".to_owned(),
            port: 0,
            clock: SandboxClock::real(),
        }
    }
}

/// A running sandbox. Clones share it; it stops with the last of them.
#[derive(Clone)]
pub struct SandboxVapi {
    pub(super) account: Arc<Account>,
    server: Arc<Server>,
}

impl SandboxVapi {
    /// Starts listening on a port of the loopback interface.
    pub async fn start(config: SandboxVapiConfig) -> io::Result<Self> {
        let port = config.port;
        let account = Arc::new(Account::new(config));
        let stopped = Arc::clone(&account);
        let router = api::router(Arc::clone(&account));
        let server = Server::start(port, router, move || stopped.holding.release()).await?;
        Ok(Self {
            account,
            server: Arc::new(server),
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
    pub fn api_key(&self) -> String {
        self.account.api_key()
    }

    /// What server messages are signed with.
    pub fn webhook_secret(&self) -> String {
        self.account.webhook_secret()
    }

    /// The one assistant that there is.
    pub fn assistant_id(&self) -> &str {
        &self.account.assistant_id
    }

    /// The one telephone number that there is.
    pub fn phone_number_id(&self) -> &str {
        &self.account.phone_number_id
    }

    /// The clock that dates everything.
    pub fn clock(&self) -> &SandboxClock {
        &self.account.clock
    }

    /// Makes another API key; from now on it alone is good.
    pub fn rotate_api_key(&self, key: impl Into<String>) {
        self.account.set_api_key(key.into());
    }

    /// Signs with another secret from now on.
    pub fn rotate_webhook_secret(&self, secret: impl Into<String>) {
        self.account.set_webhook_secret(secret.into());
    }

    /// Forgets every call, request and script, as if it had just started.
    pub fn forget(&self) {
        *self.account.record() = Record::default();
        *self.account.script() = Script::default();
        self.account.life().forget();
    }
}

/// What it did.
impl SandboxVapi {
    /// Every call that was accepted, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.account.record().calls.clone()
    }

    /// Every call to `number` that was accepted, in order.
    pub fn calls_to(&self, number: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.recipient == number);
        calls
    }

    /// Every HTTP request that came in, refused ones included, in order.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.account.record().requests.clone()
    }

    /// How many requests were left waiting, answered by now or not.
    pub fn held(&self) -> u64 {
        self.account.record().held
    }

    /// Accepts what a request asked for, however it was answered then: it had only taken long.
    ///
    /// # Panics
    /// There was no such request, or it was not one for a call.
    pub fn accept_after_all(&self, request: u64) -> Call {
        let asked = self.requests().into_iter().find(|asked| asked.number == request);
        api::accept_after_all(&self.account, &asked.expect("a request of that number"))
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
impl SandboxVapi {
    /// The next request to place a call is treated so; further ones queue up behind.
    pub fn on_next_send(&self, behaviour: Behaviour) {
        self.account.script().next.push_back(behaviour);
    }

    /// The next request to call `number` is treated so; further ones queue up behind.
    pub fn on_next_send_to(&self, number: &str, behaviour: Behaviour) {
        self.account
            .script()
            .next_to
            .entry(number.to_owned())
            .or_default()
            .push_back(behaviour);
    }

    /// Forgets what was queued up for requests that have not come.
    pub fn nothing_next(&self) {
        let mut script = self.account.script();
        script.next.clear();
        script.next_to.clear();
        script.next_read.clear();
    }

    /// Every request to call `number` is treated so, unless another is queued up.
    pub fn on_every_send_to(&self, number: &str, behaviour: Behaviour) {
        self.account.script().towards.insert(number.to_owned(), behaviour);
    }

    /// Every other request to place a call is treated so.
    pub fn on_every_send(&self, behaviour: Behaviour) {
        self.account.script().always = behaviour;
    }

    /// The next fetch or list fails so, or with `None` does not; further ones queue up behind.
    pub fn on_next_read(&self, fault: Option<ReadFault>) {
        self.account.script().next_read.push_back(fault);
    }

    /// Every fetch and list fails so, until it is taken back with `None`.
    pub fn on_every_read(&self, fault: Option<ReadFault>) {
        self.account.script().every_read = fault;
    }

    /// Lists show what is new only after this much time on the sandbox's clock.
    pub fn lag_lists_by(&self, lag: Duration) {
        self.account.script().list_lag = lag;
    }

    /// No list is longer than this, whatever was asked for.
    pub fn cap_lists_at(&self, rows: usize) {
        self.account.script().list_rows_max = Some(rows.max(1));
    }

    /// Lets every held request go.
    pub fn release_held(&self) {
        self.account.holding.release();
    }

    /// Lets a call go on.
    ///
    /// # Panics
    /// There is no such call.
    pub fn update_call(&self, id: &str, change: impl FnOnce(&mut Call)) {
        let mut record = self.account.record();
        let call = record.calls.iter_mut().find(|call| call.id == id);
        change(call.expect("a call of that id"));
        drop(record);
        self.account.changed();
    }

    /// Ends a call now, for this reason.
    ///
    /// # Panics
    /// There is no such call.
    pub fn end_call(&self, id: &str, reason: &str) {
        let now = self.account.clock.now();
        self.update_call(id, |call| {
            "ended".clone_into(&mut call.status);
            call.ended_at = Some(now);
            call.ended_reason = Some(reason.to_owned());
        });
    }
}

/// What it tells us.
impl SandboxVapi {
    /// The `status-update` of a call as it is now.
    ///
    /// # Panics
    /// There is no such call.
    pub fn status_update(&self, id: &str) -> ServerMessage {
        let call = self.call(id);
        self.message(self.about(
            &call,
            json!({
                "type": "status-update",
                "status": call.status,
                "endedReason": call.ended_reason,
            }),
        ))
    }

    /// The `end-of-call-report` of a call as it is now.
    ///
    /// # Panics
    /// There is no such call.
    pub fn end_of_call_report(&self, id: &str) -> ServerMessage {
        let call = self.call(id);
        self.message(self.about(
            &call,
            json!({
                "type": "end-of-call-report",
                "endedReason": call.ended_reason,
                "startedAt": call.started_at.map(written),
                "endedAt": call.ended_at.map(written),
                "artifact": call.artifact(),
                "analysis": {},
            }),
        ))
    }

    /// Any other server message; what is given stands under `message`.
    pub fn message(&self, message: Value) -> ServerMessage {
        ServerMessage::new(
            format!("{}/api/webhooks/vapi", self.account.public_base_url),
            self.account.webhook_secret(),
            self.account.clock.now(),
            Value::from_iter([("message", message)]),
        )
    }

    fn call(&self, id: &str) -> Call {
        let found = self.calls().into_iter().find(|call| call.id == id);
        found.expect("a call of that id")
    }

    /// What stands beside every message: the call, and the number with the credentials that Vapi holds for it.
    fn about(&self, call: &Call, mut message: Value) -> Value {
        message["timestamp"] = self.account.clock.now().as_millisecond().into();
        message["call"] = call.shown();
        message["customer"] = json!({ "number": call.recipient });
        message["assistant"] = json!({
            "id": call.assistant_id,
            "metadata": call.overrides["metadata"],
            "server": { "secret": "test-server-secret" },
        });
        message["phoneNumber"] = json!({
            "id": call.phone_number_id,
            "provider": "twilio",
            "twilioAccountSid": "AC00000000000000000000000000000001",
            "twilioAuthToken": "test-twilio-auth-token",
        });
        message
    }
}
