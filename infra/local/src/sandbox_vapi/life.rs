//! Calls that go by themselves, where nobody says how: by the sandbox's clock, so that whoever moves it finds them as
//! far as they would be.

use std::time::Duration;

use jiff::Timestamp;

use super::{Call, SandboxVapi, ServerMessage};
use crate::sandbox::{clock::later, webhooks::client};

/// How long each step takes: until it rings, until somebody answers, until they hang up.
const RINGS_AFTER: Duration = Duration::from_secs(1);
const RINGS_FOR: Duration = Duration::from_secs(3);
const TALKS_FOR: Duration = Duration::from_secs(6);

/// What happens next in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Rings,
    IsAnswered,
    Ends,
}

/// The next step of one call. It stands here until everybody has been told of it.
#[derive(Clone, Debug)]
struct Next {
    at: Timestamp,
    call: String,
    step: Step,
}

/// The steps that are to come.
#[derive(Debug, Default)]
pub(super) struct Life {
    is_lived: bool,
    steps: Vec<Next>,
}

impl Life {
    /// A call begins that goes by itself, if calls do.
    pub(super) fn begin(&mut self, call: &Call, now: Timestamp) {
        if self.is_lived {
            self.steps.push(Next {
                at: later(now, RINGS_AFTER),
                call: call.id.clone(),
                step: Step::Rings,
            });
        }
    }

    /// No call goes on.
    pub(super) fn forget(&mut self) {
        self.steps.clear();
    }

    fn first(&self) -> Option<&Next> {
        self.steps.iter().min_by_key(|next| next.at)
    }

    /// A step is over, and so much later the next one follows.
    fn follow(&mut self, done: &Next, next: Option<(Step, Duration)>, now: Timestamp) {
        self.steps.retain(|step| step.call != done.call);
        self.steps.extend(next.map(|(step, after)| Next {
            at: later(now, after),
            call: done.call.clone(),
            step,
        }));
    }
}

impl SandboxVapi {
    /// Lets every call that is accepted from now on ring, be answered and end, and tells of each step.
    pub async fn live(self) {
        self.account.life().is_lived = true;
        let mut changes = self.account.changes();
        loop {
            let next = self.account.life().first().cloned();
            let Some(next) = next else {
                let _ = changes.changed().await;
                continue;
            };
            tokio::select! {
                biased;
                () = self.clock().reaches(next.at) => self.take(&next).await,
                // Another one may be earlier.
                _ = changes.changed() => {}
            }
        }
    }

    /// When the next step of a call is due, if calls go by themselves and one goes on. A step that is being taken is
    /// due until everybody has been told of it.
    pub fn next_step_at(&self) -> Option<Timestamp> {
        Some(self.account.life().first()?.at)
    }

    async fn take(&self, next: &Next) {
        let id = next.call.as_str();
        let follows = match next.step {
            Step::Rings => {
                self.update_call(id, |call| "ringing".clone_into(&mut call.status));
                deliver(self.status_update(id)).await;
                Some((Step::IsAnswered, RINGS_FOR))
            }
            Step::IsAnswered => {
                let now = self.clock().now();
                self.update_call(id, |call| {
                    "in-progress".clone_into(&mut call.status);
                    call.started_at = Some(now);
                });
                deliver(self.status_update(id)).await;
                Some((Step::Ends, TALKS_FOR))
            }
            Step::Ends => {
                self.update_call(id, |call| {
                    call.say("bot", "Hello! How are you today?");
                    call.say("user", "Fine, thank you.");
                });
                self.end_call(id, "customer-ended-call");
                deliver(self.status_update(id)).await;
                deliver(self.end_of_call_report(id)).await;
                None
            }
        };
        let now = self.clock().now();
        self.account.life().follow(next, follows, now);
        self.account.changed();
    }
}

/// Once, as Vapi does: whoever does not hear it has to ask.
async fn deliver(message: ServerMessage) {
    let (parts, body) = message.into_request().into_parts();
    let Ok(client) = client() else { return };
    let request = client
        .post(parts.uri.to_string())
        .headers(parts.headers)
        .body(body);
    if let Err(error) = request.send().await {
        tracing::warn!(%error, "nobody hears Vapi");
    }
}
