//! The customers of a run: where they live, when they want to be called, and what they pay.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::platform::signature::sign;

use crate::explorer::play::Size;
use crate::explorer::run::Second;
use crate::explorer::stage::{APP_URL, SHOP_SECRET, STRIPE_SECRET};

/// Where customers live. The last three are the furthest apart that two clocks can be.
pub(super) const ZONES: [&str; 9] = [
    "America/Edmonton",
    "America/New_York",
    "America/Los_Angeles",
    "Europe/Berlin",
    "Europe/London",
    "Australia/Lord_Howe",
    "Pacific/Honolulu",
    "Pacific/Auckland",
    "Pacific/Kiritimati",
];
/// When customers want to be called. The first is as early and the last as late as may be.
pub(super) const HOURS: [&str; 6] = ["08:00", "08:30", "10:00", "13:30", "20:00", "20:30"];
const NAMES: [&str; 3] = ["Ann Lee", "Bob Young", "Cleo King"];
const IDS: [&str; 3] = ["ann", "bob", "cleo"];
const PHONES: [&str; 3] = ["+14035550101", "+14035550102", "+14035550103"];

/// Who tells us of somebody's payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Stripe,
    Shop,
}

impl Source {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Shop => "shop",
        }
    }
}

/// A customer as the run begins, or as they will be when they come.
#[derive(Debug, Clone)]
pub(super) struct Customer {
    pub(super) id: &'static str,
    pub(super) phone: &'static str,
    pub(super) zone: &'static str,
    pub(super) call_at: &'static str,
    pub(super) call_days: Vec<i16>,
    pub(super) source: Source,
    /// They come in this run, and are welcomed. The others pay since long ago.
    pub(super) is_new: bool,
    name: &'static str,
}

/// So many of them, who do not all have a telephone of their own.
pub(super) fn customers(rng: &mut Rng, size: Size) -> Vec<Customer> {
    let is_small = size == Size::Small;
    let count = if is_small { 1 } else { rng.usize(1..=3) };
    let mut customers: Vec<Customer> = Vec::new();
    for number in 0..count {
        let shares = number == 1 && rng.u8(0..4) == 0;
        let call_days = match rng.u8(0..6) {
            0 if !is_small => (1..=7).filter(|_| rng.u8(0..3) > 0).collect(),
            _ => (1..=7).collect::<Vec<i16>>(),
        };
        customers.push(Customer {
            id: IDS[number],
            name: NAMES[number],
            phone: PHONES[if shares { 0 } else { number }],
            zone: ZONES[rng.usize(..ZONES.len())],
            // Who shares a telephone is called at the same hour.
            call_at: match customers.last() {
                Some(other) if shares => other.call_at,
                _ => HOURS[rng.usize(..HOURS.len())],
            },
            call_days: if call_days.is_empty() { vec![3] } else { call_days },
            source: if rng.bool() { Source::Stripe } else { Source::Shop },
            is_new: is_small || rng.bool(),
        });
        if shares {
            let zone = customers[0].zone;
            customers[number].zone = zone;
        }
    }
    customers
}

/// What a payment's event says, by what it does to a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Paid,
    Refunded,
    Disputed,
    DisputeWon,
    DisputeLost,
    Ended,
}

/// An event that somebody tells us of a payment.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// Which of the customers, by number.
    pub(super) customer: usize,
    pub(super) source: Source,
    pub(super) id: String,
    /// By the teller's clock.
    pub(super) at: Second,
    pub(super) effect: Effect,
    /// Which of the customer's purchases. A shop knows only one.
    pub(super) purchase: usize,
    /// A zone and an hour that the shop tells besides, in place of the customer's first.
    pub(super) moves_to: Option<(&'static str, &'static str)>,
}

impl Event {
    /// Whether the event says whose payment it is. The others are known by what they are about.
    pub(super) fn names_the_customer(&self) -> bool {
        self.source == Source::Shop || self.effect == Effect::Paid
    }

    /// What the purchase's events have in common, one at least with each of the others.
    pub(super) fn objects(&self, customer: &Customer) -> Vec<String> {
        let purchase = self.purchase_of(customer);
        match (self.source, self.effect) {
            (Source::Shop, _) => vec![customer.id.to_owned()],
            (_, Effect::Paid) => vec![format!("cs_{purchase}"), format!("pi_{purchase}")],
            (_, Effect::Refunded) => vec![format!("ch_{purchase}"), format!("pi_{purchase}")],
            (_, Effect::Ended) => vec![format!("pi_{purchase}")],
            _ => vec![format!("dp_{purchase}"), format!("pi_{purchase}")],
        }
    }

    fn purchase_of(&self, customer: &Customer) -> String {
        format!("{}_{}", customer.id, self.purchase)
    }

    /// The request that tells it, signed now.
    pub(super) fn request(
        &self,
        customer: &Customer,
        begin: Timestamp,
        now: Timestamp,
    ) -> http::Request<Vec<u8>> {
        let at = begin + SignedDuration::from_secs(self.at);
        let (path, header, secret, body) = match self.source {
            Source::Stripe => {
                let body = self.told_by_stripe(customer, at);
                ("stripe", "stripe-signature", STRIPE_SECRET, body)
            }
            Source::Shop => {
                let body = self.told_by_the_shop(customer, at);
                ("customers", "x-switchboard-signature", SHOP_SECRET, body)
            }
        };
        let body = body.to_string().into_bytes();
        let signature = sign(&body, &SecretString::from(secret), now);
        http::Request::post(format!("{APP_URL}/api/webhooks/{path}"))
            .header("content-type", "application/json; charset=utf-8")
            .header(header, signature)
            .body(body)
            .expect("a URL and headers")
    }

    fn told_by_stripe(&self, customer: &Customer, at: Timestamp) -> Value {
        let purchase = self.purchase_of(customer);
        let (payment, dispute) = (format!("pi_{purchase}"), format!("dp_{purchase}"));
        let (kind, object) = match self.effect {
            Effect::Paid => (
                "checkout.session.completed",
                json!({
                    "id": format!("cs_{purchase}"), "object": "checkout.session", "mode": "payment",
                    "status": "complete", "payment_status": "paid", "client_reference_id": customer.id,
                    "payment_intent": payment, "amount_total": 4900, "currency": "cad",
                    "customer_details": { "name": customer.name, "phone": customer.phone },
                    "metadata": { "timezone": customer.zone, "call_at": customer.call_at },
                }),
            ),
            Effect::Refunded => (
                "charge.refunded",
                json!({
                    "id": format!("ch_{purchase}"), "object": "charge", "payment_intent": payment,
                    "amount": 4900, "amount_refunded": 4900, "refunded": true,
                }),
            ),
            Effect::Ended => (
                "customer.subscription.deleted",
                // A subscription's events are tied together by its own id; here that is the payment's.
                json!({ "id": payment, "object": "subscription", "status": "canceled" }),
            ),
            Effect::Disputed => (
                "charge.dispute.created",
                json!({ "id": dispute, "object": "dispute", "payment_intent": payment, "status": "needs_response" }),
            ),
            Effect::DisputeWon | Effect::DisputeLost => {
                let status = if self.effect == Effect::DisputeWon {
                    "won"
                } else {
                    "lost"
                };
                (
                    "charge.dispute.closed",
                    json!({ "id": dispute, "object": "dispute", "payment_intent": payment, "status": status }),
                )
            }
        };
        json!({
            "id": self.id, "object": "event", "api_version": "2026-10-28.endive", "type": kind, "livemode": true,
            "created": at.as_second(), "pending_webhooks": 1, "request": null, "data": { "object": object },
        })
    }

    fn told_by_the_shop(&self, customer: &Customer, at: Timestamp) -> Value {
        let status = match self.effect {
            Effect::Paid | Effect::DisputeWon => "Paid",
            Effect::Refunded | Effect::DisputeLost => "Refunded",
            Effect::Disputed => "Disputed",
            Effect::Ended => "Ended",
        };
        let (zone, call_at) = self.moves_to.unwrap_or((customer.zone, customer.call_at));
        json!({
            "event_id": self.id, "occurred_at": at.to_string(), "id": customer.id, "payment_status": status,
            "name": customer.name, "phone": customer.phone, "timezone": zone, "call_at": call_at,
            "call_days": customer.call_days,
        })
    }
}

/// Whether somebody pays, by the events of theirs that have been told. In a purchase the newest counts, and of one
/// second's what takes the money back; a dispute that was won never was one. An end of something that nobody told us
/// the beginning of ends all that was paid before.
pub(super) fn pays<'a>(told: &(impl Iterator<Item = &'a Event> + Clone)) -> bool {
    let purchases: std::collections::BTreeSet<usize> = told.clone().map(|event| event.purchase).collect();
    let mut last_orphan = None;
    let mut last_paid = None;
    for purchase in purchases {
        let of_it = || told.clone().filter(|event| event.purchase == purchase);
        if !of_it().any(Event::names_the_customer) {
            continue;
        }
        let won = of_it().any(|event| event.source == Source::Stripe && event.effect == Effect::DisputeWon);
        let counted = of_it().filter(|event| match event.effect {
            Effect::Disputed => !won,
            Effect::DisputeWon => event.source == Source::Shop,
            _ => true,
        });
        let is_paid = |event: &Event| {
            event.effect == Effect::Paid || event.source == Source::Shop && event.effect == Effect::DisputeWon
        };
        let Some(newest) = counted.max_by_key(|event| (event.at, !is_paid(event))) else {
            continue;
        };
        if is_paid(newest) {
            last_paid = last_paid.max(Some(newest.at));
        } else if !of_it().any(is_paid) {
            last_orphan = last_orphan.max(Some(newest.at));
        }
    }
    last_paid.is_some_and(|paid| last_orphan.is_none_or(|orphan| paid > orphan))
}
