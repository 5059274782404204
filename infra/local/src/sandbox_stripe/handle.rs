//! The sandbox as its users hold it: let somebody pay, and hear what became of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::{Subscription, event};
use super::sign;
use crate::sandbox::account::lock;
use crate::sandbox::webhooks::{client, exchange, reason};
use crate::sandbox::{Delivery, SandboxClock};

/// How the sandbox is set up.
#[derive(Clone, Debug)]
pub struct SandboxStripeConfig {
    /// What events are signed with.
    pub webhook_secret: String,
    /// Where events go, without a trailing slash.
    pub public_base_url: String,
    /// Whether its events say that the money is real.
    pub is_live: bool,
    /// The clock that dates everything.
    pub clock: SandboxClock,
}

/// Somebody who pays, and what they want.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payer {
    /// Our id for them.
    pub id: String,
    /// What they are called.
    pub name: String,
    /// Where they are called.
    pub phone: String,
    /// Where their clock stands.
    pub timezone: String,
    /// When they want to be called, on that clock.
    pub call_at: String,
}

/// What somebody, or their bank, does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Happening {
    /// They subscribe and pay; who has subscribed pays the next invoice.
    Pay,
    /// They have all of their last payment back.
    Refund,
    /// Their bank asks for it back.
    Dispute,
    /// The bank finds that it was right.
    DisputeWon,
    /// The bank takes it.
    DisputeLost,
    /// They end their subscription.
    Unsubscribe,
}

/// They would have to pay first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox knows no {what} of {customer}'s; it forgets when the stack stops")]
pub struct NoSuchPayment {
    customer: String,
    what: &'static str,
}

/// An event that was sent.
#[derive(Debug, Clone)]
pub struct Told {
    /// Such as `invoice.paid`.
    pub kind: &'static str,
    /// What came of it.
    pub delivery: Delivery,
}

/// A Stripe. Clones share it.
#[derive(Clone)]
pub struct SandboxStripe {
    config: Arc<SandboxStripeConfig>,
    payers: Arc<Mutex<HashMap<String, (Payer, Subscription)>>>,
}

impl SandboxStripe {
    /// One where nobody has paid.
    pub fn new(config: SandboxStripeConfig) -> Self {
        Self {
            config: Arc::new(config),
            payers: Arc::default(),
        }
    }

    /// Who has a subscription that goes on, as they wanted it when it began.
    pub fn subscriber(&self, customer: &str) -> Option<Payer> {
        let payers = lock(&self.payers);
        let (payer, subscription) = payers.get(customer)?;
        subscription.is_active.then(|| payer.clone())
    }

    /// Lets something happen, and tells of it as Stripe does: one event after the other, each sent once.
    pub async fn tell(&self, payer: &Payer, what: Happening) -> Result<Vec<Told>, NoSuchPayment> {
        let mut told = Vec::new();
        for (kind, event) in self.happen(payer, what)? {
            let delivery = self.deliver(&event).await;
            told.push(Told { kind, delivery });
        }
        Ok(told)
    }

    /// The events that follow.
    fn happen(&self, payer: &Payer, what: Happening) -> Result<Vec<(&'static str, Value)>, NoSuchPayment> {
        let mut payers = lock(&self.payers);
        let unknown = |what| NoSuchPayment {
            customer: payer.id.clone(),
            what,
        };
        let goes_on = payers
            .get(&payer.id)
            .is_some_and(|(_, subscription)| subscription.is_active);
        let is_new = what == Happening::Pay && !goes_on;
        if is_new {
            payers.insert(payer.id.clone(), (payer.clone(), Subscription::new()));
        }
        let (payer, subscription) = payers.get_mut(&payer.id).ok_or_else(|| unknown("payment"))?;
        let told = match what {
            Happening::Pay => {
                subscription.is_paid();
                let session = is_new.then(|| ("checkout.session.completed", subscription.session(payer)));
                let invoice = ("invoice.paid", subscription.invoice(payer));
                let payment = ("invoice_payment.paid", subscription.invoice_payment());
                session.into_iter().chain([invoice, payment]).collect()
            }
            Happening::Refund => vec![("charge.refunded", subscription.refunded_charge())],
            Happening::Dispute => vec![("charge.dispute.created", subscription.dispute("needs_response"))],
            Happening::DisputeWon | Happening::DisputeLost if !subscription.is_disputed() => {
                return Err(unknown("dispute"));
            }
            Happening::DisputeWon => vec![("charge.dispute.closed", subscription.dispute("won"))],
            Happening::DisputeLost => vec![("charge.dispute.closed", subscription.dispute("lost"))],
            Happening::Unsubscribe if !goes_on => return Err(unknown("subscription")),
            Happening::Unsubscribe => {
                subscription.is_active = false;
                vec![("customer.subscription.deleted", subscription.ended(payer))]
            }
        };
        let created = subscription.next_second(self.config.clock.now());
        let told = told.into_iter();
        Ok(told
            .map(|(kind, object)| (kind, event(kind, &object, created, self.config.is_live)))
            .collect())
    }

    async fn deliver(&self, event: &Value) -> Delivery {
        let body = event.to_string();
        let signature = sign(
            &self.config.webhook_secret,
            self.config.clock.now(),
            body.as_bytes(),
        );
        let exchanged = async {
            let request = client()?
                .post(format!("{}/api/webhooks/stripe", self.config.public_base_url))
                .header("content-type", "application/json; charset=utf-8")
                .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
                .header("stripe-signature", signature)
                .body(body);
            exchange(request).await
        };
        match exchanged.await {
            Ok(answer) => Delivery::Answered(answer),
            Err(error) => Delivery::Failed(reason(&error)),
        }
    }
}
