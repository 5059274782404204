//! The sandbox as its users hold it: start it, script it, ring it, and ask what it did.

use std::{io, sync::Arc, time::Duration};

use super::{
    account::{Account, Line, Order, pairs},
    caller,
    clock::SandboxClock,
    events::{Events, SandboxEvent},
    record::{Call, CallStatus, MessageStatus, ReceivedRequest, Record, SentMessage, new_sid, value_of},
    rest,
    ring::{Ring, RingReport},
    script::{Behaviour, Fate, ReadFault, Script},
    server::Server,
    webhooks::Webhook,
};

/// How the sandbox is set up.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// `AC` and 32 hex digits.
    pub account_sid: String,
    /// What requests to the API are authenticated and webhooks are signed with.
    pub auth_token: String,
    /// The address under which the world knows us, without a trailing slash: what is signed.
    pub public_base_url: String,
    /// Where requests to that address really go, when that is somewhere else.
    pub deliver_to: Option<String>,
    /// The port to listen on; 0 takes any.
    pub port: u16,
    /// The clock that dates everything.
    pub clock: SandboxClock,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            account_sid: "AC00000000000000000000000000000001".to_owned(),
            auth_token: "0123456789abcdef0123456789abcdef".to_owned(),
            public_base_url: "http://127.0.0.1:9000".to_owned(),
            deliver_to: None,
            port: 0,
            clock: SandboxClock::real(),
        }
    }
}

/// A running sandbox. Clones share it; it stops with the last of them.
#[derive(Clone)]
pub struct SandboxTwilio {
    account: Arc<Account>,
    server: Arc<Server>,
}

impl SandboxTwilio {
    /// Starts listening on a port of the loopback interface.
    pub async fn start(config: SandboxConfig) -> io::Result<Self> {
        let port = config.port;
        let account = Arc::new(Account::new(config).map_err(io::Error::other)?);
        let stopped = Arc::clone(&account);
        let server = Server::start(port, rest::router(Arc::clone(&account)), move || stopped.stop()).await?;
        Ok(Self {
            account,
            server: Arc::new(server),
        })
    }

    /// Stops: new connections are refused, held requests let go, callbacks no longer posted.
    pub fn shutdown(&self) {
        self.server.stop();
    }

    /// The base URL of the API: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// The account's sid.
    pub fn account_sid(&self) -> &str {
        &self.account.sid
    }

    /// The account's auth token.
    pub fn auth_token(&self) -> String {
        self.account.auth_token()
    }

    /// The clock that dates everything.
    pub fn clock(&self) -> &SandboxClock {
        &self.account.clock
    }

    /// Promotes another auth token: from now on it alone signs and authenticates.
    pub fn rotate_auth_token(&self, token: impl Into<String>) {
        self.account.set_auth_token(token.into());
    }

    /// Sets the address under which the world knows us.
    pub fn set_public_base_url(&self, url: impl Into<String>) {
        self.account.set_public_base_url(url.into());
    }

    /// Sets where requests to that address really go.
    pub fn deliver_to(&self, url: impl Into<String>) {
        self.account.set_deliver_to(Some(url.into()));
    }

    /// Forgets every call, text, request and script, as if it had just started.
    pub fn forget(&self) {
        *self.account.record() = Record::default();
        *self.account.script() = Script::default();
    }

    /// Accepts what a request asked for, however it was answered at the time: late, and without telling.
    /// `None` if the person has said stop by now.
    ///
    /// # Panics
    /// There was no such request, or it was not one for a text.
    pub fn accept_after_all(&self, request: u64) -> Option<SentMessage> {
        let asked = self.requests().into_iter().find(|asked| asked.number == request);
        let asked = asked.expect("a request of that number");
        let field = |name: &str| asked.field(name).expect("a request for a text").to_owned();
        let order = Order {
            request,
            to: field("To"),
            from: field("From"),
            body: field("Body"),
            status_callback: asked.field("StatusCallback").map(str::to_owned),
            validity_period: None,
        };
        let has_stopped = self.account.script().opted_out.contains(&order.to);
        (!has_stopped).then(|| self.account.accept(&order))
    }

    /// Sets up a number. One that is not set up points at the product's own routes.
    pub fn set_line(&self, line: Line) {
        self.account.lines().insert(line.number.clone(), line);
    }

    /// How a number is set up.
    pub fn line(&self, number: &str) -> Line {
        self.account.line(number)
    }
}

/// What it did.
impl SandboxTwilio {
    /// Every text that was accepted, in order.
    pub fn messages(&self) -> Vec<SentMessage> {
        self.account.record().messages.clone()
    }

    /// Every text to `number` that was accepted, in order.
    pub fn messages_to(&self, number: &str) -> Vec<SentMessage> {
        self.account
            .record()
            .messages
            .iter()
            .filter(|message| message.to == number)
            .cloned()
            .collect()
    }

    /// Every HTTP request that came in, refused ones included, in order.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.account.record().requests.clone()
    }

    /// Every call and leg, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.account.record().calls.clone()
    }

    /// A listener for everything that happens from now on.
    pub fn events(&self) -> Events {
        self.account.announcer.listen()
    }

    /// The next thing that happens. To miss nothing, take [`Self::events`] before acting.
    pub async fn next_event(&self) -> Option<SandboxEvent> {
        self.events().next().await
    }

    /// Waits until at least `count` texts have been accepted.
    pub async fn accepted(&self, count: usize) -> Vec<SentMessage> {
        self.when(|sandbox| Some(sandbox.messages()).filter(|messages| messages.len() >= count))
            .await
    }

    /// Waits until `look` finds something, looking again whenever anything happens.
    pub async fn when<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let mut events = self.events();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            events.next().await;
        }
    }
}

/// What it shall do.
impl SandboxTwilio {
    /// The next request to send a text is treated so; further calls queue up behind.
    pub fn on_next_send(&self, behaviour: Behaviour) {
        self.account.script().next.push_back(behaviour);
    }

    /// The next request to send a text to `number` is treated so; further calls queue up behind.
    pub fn on_next_send_to(&self, number: &str, behaviour: Behaviour) {
        self.account
            .script()
            .next_to
            .entry(number.to_owned())
            .or_default()
            .push_back(behaviour);
    }

    /// Every request to send a text to `number` is treated so.
    pub fn on_every_send_to(&self, number: &str, behaviour: Behaviour) {
        self.account
            .script()
            .always_to
            .insert(number.to_owned(), behaviour);
    }

    /// Every request to send a text is treated so.
    pub fn on_every_send(&self, behaviour: Behaviour) {
        self.account.script().always = behaviour;
    }

    /// Whoever has this number sent STOP: texts to it are refused with 21610.
    pub fn opt_out(&self, number: &str) {
        self.account.script().opted_out.insert(number.to_owned());
    }

    /// Whoever has this number sent START.
    pub fn opt_in(&self, number: &str) {
        self.account.script().opted_out.remove(number);
    }

    /// What becomes of every text that is accepted from now on.
    pub fn set_fate(&self, fate: Fate) {
        self.account.script().fate = fate;
    }

    /// What becomes of every text to `number` that is accepted from now on.
    pub fn set_fate_of(&self, number: &str, fate: Fate) {
        self.account.script().fate_of.insert(number.to_owned(), fate);
    }

    /// The next fetch or list fails so; further calls queue up behind.
    pub fn on_next_read(&self, fault: ReadFault) {
        self.account.script().next_read.push_back(fault);
    }

    /// Nothing is in store any more for the next requests, whomever they are for.
    pub fn nothing_next(&self) {
        let mut script = self.account.script();
        script.next.clear();
        script.next_to.clear();
        script.next_read.clear();
    }

    /// Every fetch and list fails so, until it is taken back with `None`.
    pub fn on_every_read(&self, fault: Option<ReadFault>) {
        self.account.script().every_read = fault;
    }

    /// Lists show what is new only after this much time on the sandbox's clock.
    pub fn lag_lists_by(&self, lag: Duration) {
        self.account.script().list_lag = lag;
    }

    /// No page of a list is longer than this, whatever was asked for.
    pub fn cap_pages_at(&self, rows: usize) {
        self.account.script().page_size_max = Some(rows.max(1));
    }

    /// Every list names this as its next page.
    pub fn set_next_page_uri(&self, uri: Option<String>) {
        self.account.script().next_page_uri = uri;
    }

    /// Lets every held request go.
    pub fn release_held(&self) {
        self.account.holding.release();
    }
}

/// What it asks of us.
impl SandboxTwilio {
    /// Plays a call from the first ring to the last callback.
    pub async fn ring(&self, ring: Ring) -> RingReport {
        caller::play(Arc::clone(&self.account), ring).await
    }

    /// Puts a call into Twilio's list as if it had happened, and returns its sid.
    pub fn register_call(&self, call: Call) -> String {
        let sid = call.sid.clone();
        self.account.record().calls.push(call);
        sid
    }

    /// Changes a call in Twilio's list.
    pub fn update_call(&self, sid: &str, change: impl FnOnce(&mut Call)) {
        if let Some(call) = self.account.record().call_mut(sid) {
            change(call);
        }
    }

    /// The voice webhook of a call. What `fields` leave out is filled in as Twilio would; the line is
    /// the one in `To`.
    pub fn post_voice_webhook(&self, fields: &[(&str, &str)]) -> Webhook {
        let line = self.line_in(fields);
        self.voice_request(line.voice_url, fields, CallStatus::Ringing)
    }

    /// The Dial action callback of a call, to the voice URL with `mode=dial-result`.
    pub fn post_dial_result(&self, fields: &[(&str, &str)]) -> Webhook {
        let line = self.line_in(fields);
        let separator = if line.voice_url.contains('?') { '&' } else { '?' };
        let url = format!("{}{separator}mode=dial-result", line.voice_url);
        let missed = pairs(&[("DialCallStatus", "no-answer"), ("DialBridged", "false")]);
        let webhook = self.voice_request(url, fields, CallStatus::InProgress);
        if value_of(&pairs(fields), "DialCallStatus").is_some() {
            webhook
        } else {
            webhook.with_defaults(missed)
        }
    }

    /// The number's status callback of a call.
    pub fn post_call_status(&self, fields: &[(&str, &str)]) -> Webhook {
        let line = self.line_in(fields);
        let url = line
            .status_callback
            .unwrap_or_else(|| self.account.public_url("/api/webhooks/twilio/status"));
        self.voice_request(url, fields, CallStatus::Completed)
    }

    /// The status callback of a text, to the URL that came with it; of a text that was never accepted,
    /// to the product's own route.
    pub fn post_message_status(&self, sid: &str, status: MessageStatus) -> Webhook {
        self.account.message_status_webhook(sid, status)
    }

    /// Somebody texts a number of ours, in words.
    pub fn post_text(&self, from: &str, to: &str, body: &str) -> Webhook {
        let sid = new_sid("SM");
        let form = pairs(&[
            ("ToCountry", "US"),
            ("SmsMessageSid", &sid),
            ("NumMedia", "0"),
            ("SmsSid", &sid),
            ("SmsStatus", "received"),
            ("Body", body),
            ("To", to),
            ("NumSegments", "1"),
            ("MessageSid", &sid),
            ("AccountSid", self.account_sid()),
            ("From", from),
            ("ApiVersion", "2010-04-01"),
        ]);
        Webhook::new(
            &self.account,
            self.account.public_url("/api/webhooks/twilio/sms"),
            form,
        )
    }

    /// Any other form posted to us.
    pub fn post(&self, url: impl Into<String>, fields: &[(&str, &str)]) -> Webhook {
        Webhook::new(&self.account, url.into(), pairs(fields))
    }

    fn line_in(&self, fields: &[(&str, &str)]) -> Line {
        self.account
            .line(value_of(&pairs(fields), "To").unwrap_or("+15005550006"))
    }

    fn voice_request(&self, url: String, fields: &[(&str, &str)], status: CallStatus) -> Webhook {
        let fields = pairs(fields);
        let field = |name, default| value_of(&fields, name).unwrap_or(default);
        let (from, to) = (field("From", "+14155550101"), field("To", "+15005550006"));
        let call = Call::inbound(from, to, self.account.now());
        let filled = self
            .account
            .call_form(field("CallSid", &call.sid), from, to, status);
        Webhook::new(&self.account, url, fields.clone()).with_defaults(filled)
    }
}
