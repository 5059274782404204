//! A caller who rings a line, and the owner whose phone rings: what Twilio does in between.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::{join, join_all};
use jiff::Timestamp;

use super::{
    account::{Account, Line, pairs},
    clock::rfc2822,
    events::RingEvent,
    leg::{Leg, resolved},
    record::{Call, CallStatus, Pair},
    ring::{Callback, Heard, Order, Ring, RingReport},
    twiml::{self, Dial, Verb},
    webhooks::{Answer, Delivery, Webhook},
};

/// So many documents in one call are a loop.
const DOCUMENTS_MAX: usize = 8;

/// Plays a call from the first ring to the last callback.
pub(super) async fn play(account: Arc<Account>, ring: Ring) -> RingReport {
    let call = Call::inbound(&ring.caller, &ring.line, account.now());
    account.record().calls.push(call.clone());
    let line = account.line(&ring.line);
    let ringing = RingEvent::Rang {
        caller: ring.caller.clone(),
        line: ring.line.clone(),
    };
    account.ring_event(&call.sid, ringing);
    Player {
        account,
        ring,
        call,
        line,
        began: Instant::now(),
    }
    .play()
    .await
}

struct Player {
    account: Arc<Account>,
    ring: Ring,
    call: Call,
    line: Line,
    began: Instant,
}

/// How far the caller's side has come.
struct Progress {
    heard: Heard,
    /// Whether Twilio has answered the caller.
    answered: bool,
    /// The status that an instruction demands in the end.
    demanded: Option<CallStatus>,
    leg: Option<Leg>,
    action: Option<Delivery>,
    /// An action callback that waits for its turn after or beside the status callback.
    held_action: Option<Webhook>,
}

/// What comes after a verb.
enum Next {
    /// The next verb of the document.
    Verb,
    /// The answer of an action callback takes over; `None` is one that cannot be executed.
    Document(Option<Vec<Verb>>),
    /// Nothing.
    Over,
}

impl Player {
    async fn play(self) -> RingReport {
        let mut progress = Progress {
            heard: Heard::Ringing,
            answered: false,
            demanded: None,
            leg: None,
            action: None,
            held_action: None,
        };
        let (voice, document) = self.announce_call().await;
        self.execute(document, &mut progress).await;
        let status = self.final_status(&progress);
        let ended_at = self.end(status);
        let status_callback = self.post_what_is_left(status, &mut progress).await;
        let ended = RingEvent::Ended {
            heard: progress.heard.clone(),
            status,
        };
        self.account.ring_event(&self.call.sid, ended);
        RingReport {
            call: self.call.sid,
            leg: progress.leg.map(|leg| leg.sid),
            heard: progress.heard,
            status,
            ended_at,
            voice,
            action: progress.action,
            status_callback,
        }
    }

    /// Posts the voice webhook, and asks the fallback URL when that brings no `TwiML`.
    async fn announce_call(&self) -> (Delivery, Option<Vec<Verb>>) {
        let form = self.form(CallStatus::Ringing);
        let webhook = Webhook::new(&self.account, self.line.voice_url.clone(), form.clone());
        let voice = self.deliver(Callback::Voice, webhook).await;
        self.account
            .ring_event(&self.call.sid, RingEvent::VoiceWebhook(voice.clone()));
        let document = match (verbs_of(&voice), &self.line.fallback_url) {
            (None, Some(url)) => verbs_of(&Webhook::new(&self.account, url.clone(), form).await),
            (document, _) => document,
        };
        (voice, document)
    }

    /// Carries out documents until there is nothing left to do.
    async fn execute(&self, mut document: Option<Vec<Verb>>, progress: &mut Progress) {
        for _ in 0..DOCUMENTS_MAX {
            let Some(verbs) = document else { break };
            match self.execute_one(verbs, progress).await {
                Next::Document(next) => document = next,
                Next::Verb | Next::Over => return,
            }
        }
        self.answer(progress);
        progress.heard = Heard::ApplicationError;
    }

    async fn execute_one(&self, verbs: Vec<Verb>, progress: &mut Progress) -> Next {
        for verb in verbs {
            let next = match verb {
                Verb::Hangup => Next::Over,
                Verb::Reject { reason } => {
                    let (heard, status) = match reason.as_str() {
                        "busy" => (Heard::BusyTone, CallStatus::Busy),
                        _ => (Heard::Ringing, CallStatus::NoAnswer),
                    };
                    progress.heard = heard;
                    progress.demanded = Some(status);
                    Next::Over
                }
                Verb::Say(text) => {
                    self.answer(progress);
                    progress.heard = Heard::Said(text);
                    Next::Verb
                }
                Verb::Other(_) => {
                    self.answer(progress);
                    Next::Verb
                }
                Verb::Dial(dial) => self.dial(&dial, progress).await,
            };
            if !matches!(next, Next::Verb) {
                return next;
            }
        }
        Next::Over
    }

    /// Rings the owner and tells us how it went.
    async fn dial(&self, dial: &Dial, progress: &mut Progress) -> Next {
        if !dial.answer_on_bridge {
            self.answer(progress);
        }
        let mut leg = Leg::start(&self.account, &self.call, dial, &self.line.voice_url);
        leg.play(self.ring.outcome, self.ring.rings_for).await;
        if leg.bridged {
            progress.answered = true;
            progress.heard = Heard::Owner {
                number: leg.number.clone(),
            };
        }
        let action = dial
            .action
            .as_ref()
            .map(|action| self.action(action, &leg, progress.answered));
        let abandoned = leg.is_abandoned();
        progress.leg = Some(leg);
        if abandoned {
            // The call is over before anybody is told of it.
            self.end(self.final_status(progress));
        }
        let Some(action) = action else {
            return if abandoned { Next::Over } else { Next::Verb };
        };
        if self.ring.order != Order::ActionThenStatus {
            progress.held_action = Some(action);
            return Next::Over;
        }
        let delivery = self.post_action(action).await;
        let document = verbs_of(&delivery);
        progress.action = Some(delivery);
        // Nobody is there any more to hear what comes next.
        if abandoned {
            Next::Over
        } else {
            Next::Document(document)
        }
    }

    /// Twilio answers the caller, if it has not yet.
    fn answer(&self, progress: &mut Progress) {
        progress.answered = true;
        if let Some(call) = self.account.record().call_mut(&self.call.sid) {
            call.status = CallStatus::InProgress;
        }
    }

    /// The action callback of a Dial.
    fn action(&self, action: &str, leg: &Leg, answered: bool) -> Webhook {
        let status = match leg.is_abandoned() {
            true => self.ring.ends_as.unwrap_or(CallStatus::Completed),
            false if answered => CallStatus::InProgress,
            false => CallStatus::Ringing,
        };
        let mut form = self.form(status);
        form.extend(leg.outcome_form());
        Webhook::new(&self.account, resolved(&self.line.voice_url, action), form)
    }

    async fn post_action(&self, action: Webhook) -> Delivery {
        let delivery = self.deliver(Callback::Action, action).await;
        self.account
            .ring_event(&self.call.sid, RingEvent::ActionCallback(delivery.clone()));
        delivery
    }

    async fn post_status(&self, status: CallStatus) -> Option<Delivery> {
        let url = self.line.status_callback.clone()?;
        let seconds = self.connected_for(status).as_secs();
        let mut form = self.form(status);
        form.extend(pairs(&[
            ("CallDuration", &seconds.to_string()),
            ("Duration", &seconds.div_ceil(60).to_string()),
            ("Timestamp", &rfc2822(self.account.now())),
            ("SequenceNumber", "0"),
            ("CallbackSource", "call-progress-events"),
        ]));
        let delivery = self
            .deliver(Callback::Status, Webhook::new(&self.account, url, form))
            .await;
        self.account
            .ring_event(&self.call.sid, RingEvent::StatusCallback(delivery.clone()));
        Some(delivery)
    }

    /// Posts the status callback, and before or beside it an action callback that waited.
    async fn post_what_is_left(&self, status: CallStatus, progress: &mut Progress) -> Option<Delivery> {
        let Some(action) = progress.held_action.take() else {
            return self.post_status(status).await;
        };
        let (told, acted) = if self.ring.order == Order::AtOnce {
            join(self.post_status(status), self.post_action(action)).await
        } else {
            (self.post_status(status).await, self.post_action(action).await)
        };
        progress.action = Some(acted);
        told
    }

    /// Posts a request as the script has it: lost, late, or several times at once.
    async fn deliver(&self, callback: Callback, webhook: Webhook) -> Delivery {
        if self.ring.loses.contains(&callback) {
            return Delivery::Lost;
        }
        tokio::time::sleep(self.ring.delay_of(callback)).await;
        let copies = vec![webhook; self.ring.copies_of(callback)];
        let mut deliveries = join_all(copies.into_iter().map(IntoFuture::into_future)).await;
        if self.ring.misses_answers.contains(&callback) {
            return Delivery::Failed("the answer was scripted to be lost".to_owned());
        }
        deliveries.swap_remove(0)
    }

    /// How Twilio lists the call in the end. An unanswered call that was never answered by Twilio
    /// either is a `no-answer`; everything else is `completed`, abandoned calls included.
    fn final_status(&self, progress: &Progress) -> CallStatus {
        let abandoned = progress.leg.as_ref().is_some_and(Leg::is_abandoned);
        let usual = if progress.answered || abandoned {
            CallStatus::Completed
        } else {
            CallStatus::NoAnswer
        };
        self.ring.ends_as.or(progress.demanded).unwrap_or(usual)
    }

    /// Closes the call in Twilio's list, once, and says when that was.
    fn end(&self, status: CallStatus) -> Timestamp {
        let now = self.account.now();
        let mut record = self.account.record();
        let Some(call) = record.call_mut(&self.call.sid) else {
            return now;
        };
        if call.ended_at.is_none() {
            *call = call.clone().ended(status, now, self.connected_for(status));
        }
        call.ended_at.unwrap_or(now)
    }

    fn connected_for(&self, status: CallStatus) -> Duration {
        if status == CallStatus::Completed {
            self.began.elapsed()
        } else {
            Duration::ZERO
        }
    }

    fn form(&self, status: CallStatus) -> Vec<Pair> {
        self.account
            .call_form(&self.call.sid, &self.call.from, &self.call.to, status)
    }
}

/// The `TwiML` in an answer, or `None` where the caller would hear an application error.
fn verbs_of(delivery: &Delivery) -> Option<Vec<Verb>> {
    let Delivery::Answered(Answer {
        status: 200..=299,
        content_type,
        body,
        ..
    }) = delivery
    else {
        return None;
    };
    if content_type.starts_with("text/plain") {
        // Text is read aloud, whatever it says.
        return Some(vec![Verb::Say(body.clone())]);
    }
    let is_xml = ["text/xml", "application/xml", "text/html"]
        .iter()
        .any(|kind| content_type.starts_with(kind));
    twiml::parse(body).ok().filter(|_| is_xml)
}
