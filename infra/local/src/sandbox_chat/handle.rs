//! The sandbox as its users hold it: start it, script it, and ask what it was told.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    api,
    script::{Behaviour, Provider, Script},
};
use crate::sandbox::{SandboxClock, account::lock, holding::Holding, server::Server};

/// How the sandbox is set up.
#[derive(Clone, Debug)]
pub struct SandboxChatConfig {
    /// What requests to DeepSeek are authenticated with.
    pub deepseek_key: String,
    /// What requests to `OpenAI` are authenticated with.
    pub openai_key: String,
    /// The port to listen on; 0 takes any.
    pub port: u16,
    /// The clock that dates everything.
    pub clock: SandboxClock,
}

impl Default for SandboxChatConfig {
    fn default() -> Self {
        Self {
            deepseek_key: "test-deepseek-key".to_owned(),
            openai_key: "test-openai-key".to_owned(),
            port: 0,
            clock: SandboxClock::real(),
        }
    }
}

/// An HTTP request as it came in, refused ones included.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// Counts from one, in the order of arrival.
    pub number: u64,
    /// When, by the sandbox's clock.
    pub at: Timestamp,
    /// Who was asked; `None` at a path that nobody has.
    pub provider: Option<Provider>,
    /// The path without the query.
    pub path: String,
    /// The body; `null` if it is not JSON.
    pub body: Value,
    /// Whether it carried the provider's key.
    pub authorised: bool,
}

impl ReceivedRequest {
    /// The words of the conversation by one role: `system`, `user` or `assistant`.
    pub fn said_by(&self, role: &str) -> Vec<String> {
        let turns = self.body["messages"].as_array().into_iter().flatten();
        turns
            .filter(|turn| turn["role"] == role)
            .filter_map(|turn| turn["content"].as_str().map(str::to_owned))
            .collect()
    }
}

/// The state of both providers.
pub(super) struct Account {
    pub(super) clock: SandboxClock,
    keys: Mutex<[String; 2]>,
    requests: Mutex<Vec<ReceivedRequest>>,
    scripts: Mutex<[Script; 2]>,
    held: Mutex<u64>,
    /// Counts what happens.
    changes: watch::Sender<u64>,
    pub(super) holding: Holding,
}

impl Account {
    pub(super) fn key(&self, provider: Provider) -> String {
        lock(&self.keys)[provider as usize].clone()
    }

    pub(super) fn behaviour(&self, provider: Provider) -> Behaviour {
        self.script()[provider as usize].behaviour()
    }

    fn script(&self) -> MutexGuard<'_, [Script; 2]> {
        lock(&self.scripts)
    }

    /// Writes a request down before anything is decided about it.
    pub(super) fn receive(&self, request: ReceivedRequest) -> ReceivedRequest {
        let mut requests = lock(&self.requests);
        let request = ReceivedRequest {
            number: requests.len() as u64 + 1,
            at: self.clock.now(),
            ..request
        };
        requests.push(request.clone());
        drop(requests);
        self.changes.send_modify(|count| *count += 1);
        request
    }

    /// Somebody is left waiting.
    pub(super) fn hold(&self) {
        *lock(&self.held) += 1;
        self.changes.send_modify(|count| *count += 1);
    }
}

/// A running sandbox. Clones share it; it stops with the last of them.
#[derive(Clone)]
pub struct SandboxChat {
    account: Arc<Account>,
    server: Arc<Server>,
}

impl SandboxChat {
    /// Starts listening on a port of the loopback interface.
    pub async fn start(config: SandboxChatConfig) -> io::Result<Self> {
        let account = Arc::new(Account {
            clock: config.clock,
            keys: Mutex::new([config.deepseek_key, config.openai_key]),
            requests: Mutex::default(),
            scripts: Mutex::default(),
            held: Mutex::default(),
            changes: watch::Sender::new(0),
            holding: Holding::new(),
        });
        let stopped = Arc::clone(&account);
        let router = api::router(Arc::clone(&account));
        let server = Server::start(config.port, router, move || stopped.holding.release()).await?;
        Ok(Self {
            account,
            server: Arc::new(server),
        })
    }

    /// Stops: new connections are refused, held requests let go.
    pub fn shutdown(&self) {
        self.server.stop();
    }

    /// The base URL of a provider's API.
    pub fn base_url(&self, provider: Provider) -> String {
        let path = match provider {
            Provider::DeepSeek => "/deepseek",
            Provider::OpenAi => "/openai/v1",
        };
        format!("{}{path}", self.server.base_url())
    }

    /// What requests to a provider are authenticated with.
    pub fn key(&self, provider: Provider) -> String {
        self.account.key(provider)
    }

    /// Makes another key; from now on it alone is good.
    pub fn rotate_key(&self, provider: Provider, key: impl Into<String>) {
        lock(&self.account.keys)[provider as usize] = key.into();
    }

    /// Forgets every request and script, as if it had just started.
    pub fn forget(&self) {
        lock(&self.account.requests).clear();
        *self.account.script() = Default::default();
    }

    /// Every HTTP request that came in, refused ones included, in order.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        lock(&self.account.requests).clone()
    }

    /// Every request to one provider, in order.
    pub fn requests_to(&self, provider: Provider) -> Vec<ReceivedRequest> {
        let mut requests = self.requests();
        requests.retain(|request| request.provider == Some(provider));
        requests
    }

    /// How many requests were left waiting, answered by now or not.
    pub fn held(&self) -> u64 {
        *lock(&self.account.held)
    }

    /// Waits until `look` finds something, looking again whenever anything happens.
    pub async fn when<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let mut changes = self.account.changes.subscribe();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            changes.changed().await.expect("the sandbox is ours");
        }
    }

    /// The next request to a provider is answered so; further ones queue up behind.
    pub fn on_next(&self, provider: Provider, behaviour: Behaviour) {
        self.account.script()[provider as usize].next.push_back(behaviour);
    }

    /// Every other request to a provider is answered so.
    pub fn on_every(&self, provider: Provider, behaviour: Behaviour) {
        self.account.script()[provider as usize].always = behaviour;
    }

    /// Lets every held request go.
    pub fn release_held(&self) {
        self.account.holding.release();
    }
}
