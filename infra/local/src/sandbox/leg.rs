//! The leg of a call that rings the owner.

use std::{sync::Arc, time::Duration};

use super::{
    account::{Account, pairs},
    events::RingEvent,
    record::{Call, CallStatus, Pair},
    ring::Outcome,
    twiml::{Dial, Number},
    webhooks::Webhook,
};

/// How long the phone rings before its owner picks up, or the network says that it cannot ring.
const PICK_UP: Duration = Duration::from_secs(2);
const NETWORK_SAYS: Duration = Duration::from_secs(1);

/// The owner's side of a call.
pub(super) struct Leg {
    pub(super) sid: String,
    pub(super) number: String,
    pub(super) bridged: bool,
    account: Arc<Account>,
    call: Call,
    target: Number,
    document_url: String,
    timeout: Duration,
    status: CallStatus,
    talked: Duration,
}

impl Leg {
    /// Rings the first number of a Dial.
    pub(super) fn start(account: &Arc<Account>, parent: &Call, dial: &Dial, document_url: &str) -> Self {
        let target = dial.numbers.first().cloned().unwrap_or_default();
        let call = Call {
            from: dial.caller_id.clone().unwrap_or_else(|| parent.from.clone()),
            ..parent.leg(&target.number, account.now())
        };
        account.record().calls.push(call.clone());
        let (leg, to, timeout) = (call.sid.clone(), target.number.clone(), dial.timeout);
        account.ring_event(
            &parent.sid,
            RingEvent::OwnerDialled {
                leg: leg.clone(),
                to: to.clone(),
                timeout,
            },
        );
        Self {
            sid: leg,
            number: to,
            bridged: false,
            account: Arc::clone(account),
            call,
            target,
            document_url: document_url.to_owned(),
            timeout,
            status: CallStatus::Ringing,
            talked: Duration::ZERO,
        }
    }

    /// Rings until something happens, and talks if somebody picks up.
    pub(super) async fn play(&mut self, outcome: Outcome, ring_time: Option<Duration>) {
        self.tell("initiated");
        let timeout = ring_time.unwrap_or(self.timeout);
        let soon = |usual: Duration| ring_time.unwrap_or(usual.min(self.timeout));
        let (rings_for, status) = match outcome {
            _ if self.number.is_empty() => (Duration::ZERO, CallStatus::Failed),
            Outcome::Failed => (soon(NETWORK_SAYS), CallStatus::Failed),
            Outcome::Busy => (soon(NETWORK_SAYS), CallStatus::Busy),
            Outcome::Answered { .. } => (soon(PICK_UP), CallStatus::Completed),
            Outcome::Abandoned { after } if after < timeout => (after, CallStatus::Canceled),
            Outcome::Abandoned { .. } | Outcome::NoAnswer => (timeout, CallStatus::NoAnswer),
        };
        self.tell("ringing");
        tokio::time::sleep(rings_for).await;
        if let (Outcome::Answered { talk }, CallStatus::Completed) = (outcome, status) {
            self.talk(talk).await;
        }
        if status == CallStatus::Canceled {
            self.announce(RingEvent::CallerHungUp);
        }
        self.status = status;
        self.tell("completed");
        let now = self.account.now();
        if let Some(call) = self.account.record().call_mut(&self.sid) {
            *call = call.clone().ended(status, now, self.talked);
        }
        self.announce(RingEvent::LegEnded { status });
    }

    /// Whether the caller gave up while it rang.
    pub(super) fn is_abandoned(&self) -> bool {
        self.status == CallStatus::Canceled
    }

    /// What the action callback says about it.
    pub(super) fn outcome_form(&self) -> Vec<Pair> {
        let bridged = if self.bridged { "true" } else { "false" };
        let mut form = pairs(&[
            ("DialCallSid", &self.sid),
            ("DialCallStatus", self.status.as_str()),
            ("DialBridged", bridged),
        ]);
        if self.bridged {
            form.push(("DialCallDuration".to_owned(), self.talked.as_secs().to_string()));
        }
        form
    }

    async fn talk(&mut self, talk: Duration) {
        self.bridged = true;
        self.status = CallStatus::InProgress;
        for sid in [Some(&self.sid), self.call.parent_sid.as_ref()]
            .into_iter()
            .flatten()
        {
            if let Some(call) = self.account.record().call_mut(sid) {
                call.status = CallStatus::InProgress;
            }
        }
        self.announce(RingEvent::OwnerAnswered);
        self.tell("answered");
        tokio::time::sleep(talk).await;
        self.talked = talk;
    }

    fn announce(&self, event: RingEvent) {
        let parent = self.call.parent_sid.as_deref().unwrap_or_default();
        self.account.ring_event(parent, event);
    }

    /// Posts an event of the leg to the number's own status callback, without waiting for it.
    fn tell(&self, event: &str) {
        let Some(url) = &self.target.status_callback else {
            return;
        };
        if !self
            .target
            .status_callback_events
            .iter()
            .any(|wanted| wanted == event)
        {
            return;
        }
        let mut form = self
            .account
            .call_form(&self.sid, &self.call.from, &self.number, self.status);
        form.retain(|(name, _)| name != "Direction");
        form.extend(pairs(&[
            ("Direction", "outbound-dial"),
            (
                "ParentCallSid",
                self.call.parent_sid.as_deref().unwrap_or_default(),
            ),
        ]));
        tokio::spawn(Webhook::new(&self.account, resolved(&self.document_url, url), form).into_future());
    }
}

/// A URL in a document, which may be relative to the document's own.
pub(super) fn resolved(document_url: &str, url: &str) -> String {
    if url.contains("://") {
        return url.to_owned();
    }
    reqwest::Url::parse(document_url)
        .and_then(|base| base.join(url))
        .map_or_else(|_| url.to_owned(), String::from)
}
