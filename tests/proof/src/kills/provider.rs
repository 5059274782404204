//! Whom the runner asks: the provider that a workflow reaches people through, whose record is the judge.

use std::time::Duration;

use local::sandbox::{Behaviour as TwilioDoes, Events, ReceivedRequest, SandboxEvent, SandboxTwilio};
use local::sandbox_vapi::{Behaviour as VapiDoes, SandboxVapi};

/// One of them.
#[derive(Clone)]
pub(super) enum Provider {
    /// Texts.
    Twilio(SandboxTwilio),
    /// Calls.
    Vapi(SandboxVapi),
}

/// How a request is treated, where only that matters.
#[derive(Debug, Clone)]
pub(super) enum Treatment {
    /// Taken, and said so.
    Accept,
    /// Taken, and the connection cut.
    AcceptThenReset,
    /// Refused, whoever asks again.
    RefuseForGood,
    /// Left waiting, taken or not.
    Hold {
        /// Whether it is taken before the waiting begins.
        accepted: bool,
    },
    /// Left waiting and taken so much later.
    LateAccept {
        /// By the provider's clock.
        after: Duration,
    },
}

/// Whoever waits for somebody to be left waiting.
pub(super) enum Waiting {
    Twilio(Events),
    Vapi(SandboxVapi, u64),
}

impl Provider {
    /// As the report calls it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Twilio(_) => "Twilio",
            Self::Vapi(_) => "Vapi",
        }
    }

    /// The next request for an act towards somebody is treated so.
    pub(super) fn treat_next_to(&self, number: &str, treatment: &Treatment) {
        match self {
            Self::Twilio(twilio) => twilio.on_next_send_to(
                number,
                match *treatment {
                    Treatment::Accept => TwilioDoes::Accept,
                    Treatment::AcceptThenReset => TwilioDoes::AcceptThenReset,
                    Treatment::RefuseForGood => TwilioDoes::refuse(400, 21211),
                    Treatment::Hold { accepted } => TwilioDoes::Hold { accepted },
                    Treatment::LateAccept { after } => TwilioDoes::LateAccept { after },
                },
            ),
            Self::Vapi(vapi) => vapi.on_next_send_to(
                number,
                match *treatment {
                    Treatment::Accept => VapiDoes::Accept,
                    Treatment::AcceptThenReset => VapiDoes::AcceptThenReset,
                    Treatment::RefuseForGood => VapiDoes::refuse(400, "customer.number is not one"),
                    Treatment::Hold { accepted } => VapiDoes::Hold { accepted },
                    Treatment::LateAccept { after } => VapiDoes::LateAccept { after },
                },
            ),
        }
    }

    /// Lets everybody go who is left waiting.
    pub(super) fn release_held(&self) {
        match self {
            Self::Twilio(twilio) => twilio.release_held(),
            Self::Vapi(vapi) => vapi.release_held(),
        }
    }

    /// How many requests for an act came in.
    pub(super) fn sends(&self) -> usize {
        match self {
            Self::Twilio(twilio) => twilio
                .requests()
                .iter()
                .filter(|request| request.is_send())
                .count(),
            Self::Vapi(vapi) => vapi.requests().iter().filter(|request| request.is_send()).count(),
        }
    }

    /// Whether it took what the last of them asked for.
    pub(super) fn took_the_last(&self) -> bool {
        match self {
            Self::Twilio(twilio) => {
                let requests = twilio.requests();
                let last = requests.iter().rev().find(|request| request.is_send());
                let is_of = |number| twilio.messages().iter().any(|message| message.request == number);
                last.is_some_and(|last| is_of(last.number))
            }
            Self::Vapi(vapi) => {
                let requests = vapi.requests();
                let last = requests.iter().rev().find(|request| request.is_send());
                let is_of = |number| vapi.calls().iter().any(|call| call.request == number);
                last.is_some_and(|last| is_of(last.number))
            }
        }
    }

    /// From here on, whoever is left waiting is noticed.
    pub(super) fn waiting(&self) -> Waiting {
        match self {
            Self::Twilio(twilio) => Waiting::Twilio(twilio.events()),
            Self::Vapi(vapi) => Waiting::Vapi(vapi.clone(), vapi.held()),
        }
    }

    /// Until a request for an act towards somebody is left waiting, noticed since `waiting` began.
    pub(super) async fn holds_one_to(&self, waiting: &mut Waiting, number: &str) {
        loop {
            waiting.for_anybody().await;
            let is_theirs = match self {
                Self::Twilio(twilio) => {
                    let requests = twilio.requests();
                    let mut sends = requests.iter().filter(|request| request.is_send());
                    sends.any(|request: &ReceivedRequest| request.field("To") == Some(number))
                }
                Self::Vapi(vapi) => {
                    let requests = vapi.requests();
                    let mut sends = requests.iter().filter(|request| request.is_send());
                    sends.any(|request| request.body["customer"]["number"] == number)
                }
            };
            if is_theirs {
                return;
            }
        }
    }
}

impl Waiting {
    /// Until somebody is left waiting.
    pub(super) async fn for_anybody(&mut self) {
        match self {
            Self::Twilio(events) => {
                let held =
                    |event: &SandboxEvent| matches!(event, SandboxEvent::RequestHeld { .. }).then_some(());
                if events.find(held).await.is_none() {
                    std::future::pending::<()>().await;
                }
            }
            Self::Vapi(vapi, seen) => {
                let before = *seen;
                *seen = vapi
                    .when(|vapi| Some(vapi.held()).filter(|held| *held > before))
                    .await;
            }
        }
    }
}
