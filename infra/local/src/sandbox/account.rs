//! The Twilio account behind the sandbox: its state, and what it does with a text it accepted.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    SandboxConfig,
    clock::SandboxClock,
    events::{Announcer, RingEvent, SandboxEvent},
    holding::Holding,
    record::{CallStatus, MessageStatus, Pair, Record, SentMessage, attempt_in, new_sid},
    script::{Fate, Script},
    webhooks::{self, Webhook},
};

/// One of our numbers, as it is set up at Twilio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The number.
    pub number: String,
    /// Where its calls are announced.
    pub voice_url: String,
    /// Where they are announced when that fails.
    pub fallback_url: Option<String>,
    /// Where their ends are told.
    pub status_callback: Option<String>,
}

/// A text that somebody wants sent, checked.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) request: u64,
    pub(super) to: String,
    pub(super) from: String,
    pub(super) body: String,
    pub(super) status_callback: Option<String>,
    pub(super) validity_period: Option<u32>,
}

/// The state of the account.
pub(super) struct Account {
    pub(super) sid: String,
    pub(super) clock: SandboxClock,
    pub(super) http: reqwest::Client,
    pub(super) announcer: Announcer,
    auth_token: Mutex<String>,
    public_base_url: Mutex<String>,
    deliver_to: Mutex<Option<String>>,
    lines: Mutex<HashMap<String, Line>>,
    record: Mutex<Record>,
    script: Mutex<Script>,
    pub(super) holding: Holding,
    stopped: watch::Sender<bool>,
}

/// A lock that outlives the panic of a failed test.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Account {
    pub(super) fn new(config: SandboxConfig) -> reqwest::Result<Self> {
        Ok(Self {
            sid: config.account_sid,
            clock: config.clock,
            http: webhooks::client()?,
            announcer: Announcer::new(),
            auth_token: Mutex::new(config.auth_token),
            public_base_url: Mutex::new(config.public_base_url),
            deliver_to: Mutex::new(config.deliver_to),
            lines: Mutex::default(),
            record: Mutex::default(),
            script: Mutex::default(),
            holding: Holding::new(),
            stopped: watch::Sender::new(false),
        })
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        lock(&self.record)
    }

    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        lock(&self.script)
    }

    pub(super) fn lines(&self) -> MutexGuard<'_, HashMap<String, Line>> {
        lock(&self.lines)
    }

    pub(super) fn auth_token(&self) -> String {
        lock(&self.auth_token).clone()
    }

    pub(super) fn set_auth_token(&self, token: String) {
        *lock(&self.auth_token) = token;
    }

    pub(super) fn set_public_base_url(&self, url: String) {
        *lock(&self.public_base_url) = url;
    }

    pub(super) fn set_deliver_to(&self, url: Option<String>) {
        *lock(&self.deliver_to) = url;
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A URL of ours as the world knows it.
    pub(super) fn public_url(&self, path: &str) -> String {
        format!("{}{path}", lock(&self.public_base_url).trim_end_matches('/'))
    }

    /// Where a request to `url` really goes.
    pub(super) fn address_of(&self, url: &str) -> String {
        let public = self.public_url("");
        match (&*lock(&self.deliver_to), url.strip_prefix(&public)) {
            (Some(address), Some(path)) => format!("{}{path}", address.trim_end_matches('/')),
            _ => url.to_owned(),
        }
    }

    /// How a number is set up; one that nobody set up points at the product's own routes.
    pub(super) fn line(&self, number: &str) -> Line {
        self.lines().get(number).cloned().unwrap_or_else(|| Line {
            number: number.to_owned(),
            voice_url: self.public_url("/api/webhooks/twilio/voice"),
            fallback_url: None,
            status_callback: Some(self.public_url("/api/webhooks/twilio/status")),
        })
    }

    pub(super) fn stop(&self) {
        self.stopped.send_replace(true);
        self.holding.release();
    }

    pub(super) async fn stopped(&self) {
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }

    pub(super) fn ring_event(&self, call: &str, event: RingEvent) {
        self.announcer.announce(SandboxEvent::Ring {
            call: call.to_owned(),
            event,
        });
    }

    /// Makes a message of an order: from here on the text exists.
    pub(super) fn accept(&self, order: &Order) -> SentMessage {
        let now = self.now();
        let message = SentMessage {
            sid: new_sid("SM"),
            request: order.request,
            to: order.to.clone(),
            from: order.from.clone(),
            body: order.body.clone(),
            attempt: order.status_callback.as_deref().and_then(attempt_in),
            status_callback: order.status_callback.clone(),
            validity_period: order.validity_period,
            accepted_at: now,
            sent_at: None,
            updated_at: now,
            status: MessageStatus::Queued,
            error_code: None,
        };
        self.record().messages.push(message.clone());
        self.announcer.announce(SandboxEvent::MessageAccepted {
            sid: message.sid.clone(),
            to: message.to.clone(),
            attempt: message.attempt.clone(),
        });
        message
    }

    /// Lets a message meet its fate, in the background.
    pub(super) fn dispatch(self: &Arc<Self>, message: &SentMessage, fate: Fate) {
        let (account, sid) = (Arc::clone(self), message.sid.clone());
        tokio::spawn(async move {
            let meet_fate = async {
                for status in &fate.statuses {
                    tokio::time::sleep(fate.pace).await;
                    account.advance_message(&sid, *status, &fate).await;
                }
            };
            tokio::select! {
                () = meet_fate => {}
                () = account.stopped() => {}
            }
        });
    }

    /// Moves a message to `status` and tells its sender.
    pub(super) async fn advance_message(self: &Arc<Self>, sid: &str, status: MessageStatus, fate: &Fate) {
        let Some(message) = self.move_message(sid, status, fate.error_code) else {
            return;
        };
        if message.status_callback.is_none() {
            return;
        }
        for _ in 0..fate.callbacks {
            let delivery = self.message_status_webhook(sid, status).await;
            self.announcer.announce(SandboxEvent::MessageStatusPosted {
                sid: sid.to_owned(),
                status,
                delivery,
            });
        }
    }

    fn move_message(&self, sid: &str, status: MessageStatus, error_code: Option<u32>) -> Option<SentMessage> {
        let now = self.now();
        let mut record = self.record();
        let message = record.message_mut(sid)?;
        message.status = status;
        message.updated_at = now;
        if status.has_left() {
            message.sent_at.get_or_insert(now);
        }
        if matches!(status, MessageStatus::Undelivered | MessageStatus::Failed) {
            message.error_code = error_code;
        }
        let message = message.clone();
        drop(record);
        self.announcer.announce(SandboxEvent::MessageMoved {
            sid: message.sid.clone(),
            to: message.to.clone(),
            status,
        });
        Some(message)
    }

    /// The status callback of a message; of one that is not ours, to the product's own route.
    pub(super) fn message_status_webhook(self: &Arc<Self>, sid: &str, status: MessageStatus) -> Webhook {
        let message = self.record().message(sid).cloned();
        let url = message
            .as_ref()
            .and_then(|message| message.status_callback.clone());
        let mut form = pairs(&[
            ("AccountSid", &self.sid),
            ("ApiVersion", "2010-04-01"),
            ("MessageSid", sid),
            ("MessageStatus", status.as_str()),
            ("SmsSid", sid),
            ("SmsStatus", status.as_str()),
        ]);
        if let Some(message) = message {
            form.extend(pairs(&[("To", &message.to), ("From", &message.from)]));
            if let Some(code) = message.error_code {
                form.push(("ErrorCode".to_owned(), code.to_string()));
            }
        }
        if status == MessageStatus::Delivered {
            let done = self.now().strftime("%y%m%d%H%M").to_string();
            form.push(("RawDlrDoneDate".to_owned(), done));
        }
        let url = url.unwrap_or_else(|| self.public_url("/api/webhooks/twilio/status"));
        Webhook::new(self, url, form)
    }

    /// The parameters that every voice request has.
    pub(super) fn call_form(&self, sid: &str, from: &str, to: &str, status: CallStatus) -> Vec<Pair> {
        pairs(&[
            ("AccountSid", &self.sid),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", sid),
            ("CallStatus", status.as_str()),
            ("Called", to),
            ("Caller", from),
            ("Direction", "inbound"),
            ("From", from),
            ("FromCity", ""),
            ("FromCountry", "US"),
            ("FromState", ""),
            ("FromZip", ""),
            ("To", to),
        ])
    }
}

/// Owned pairs.
pub(super) fn pairs(pairs: &[(&str, &str)]) -> Vec<Pair> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
