//! What Stripe tells of a subscription, in the shape of its newer API versions.
//!
//! Source: <https://docs.stripe.com/api/events/types>.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::handle::Payer;

/// What one payment is, in the currency's smallest unit.
const PRICE: i64 = 4_900;
const CURRENCY: &str = "cad";
const API_VERSION: &str = "2026-10-28.endive";

/// Somebody's subscription, by the ids of its objects.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    id: String,
    stripe_customer: String,
    /// Whether it goes on.
    pub(super) is_active: bool,
    invoice: String,
    payment_intent: String,
    charge: String,
    dispute: Option<String>,
    /// When anything was told of it last: what happens later happens in a later second, for that is all that an event
    /// says of its time.
    told_at: Option<Timestamp>,
}

fn new_id(kind: &str) -> String {
    format!("{kind}_{}", Uuid::new_v4().simple())
}

impl Subscription {
    /// A new one.
    pub(super) fn new() -> Self {
        Self {
            id: new_id("sub"),
            stripe_customer: new_id("cus"),
            is_active: true,
            invoice: String::new(),
            payment_intent: String::new(),
            charge: String::new(),
            dispute: None,
            told_at: None,
        }
    }

    /// The second in which what happens now happens.
    pub(super) fn next_second(&mut self, now: Timestamp) -> Timestamp {
        let second = jiff::SignedDuration::from_secs(1);
        let next = self.told_at.map_or(now, |last| now.max(last + second));
        self.told_at = Some(next);
        next
    }

    /// The next payment is due and is paid.
    pub(super) fn is_paid(&mut self) {
        self.dispute = None;
        self.invoice = new_id("in");
        self.payment_intent = new_id("pi");
        self.charge = new_id("ch");
    }

    /// `checkout.session.completed`: with it our customer's id and wishes come in, where whoever made the page put them.
    pub(super) fn session(&self, payer: &Payer) -> Value {
        json!({
            "id": new_id("cs"), "object": "checkout.session", "mode": "subscription", "status": "complete",
            "payment_status": "paid", "client_reference_id": payer.id, "customer": self.stripe_customer,
            "subscription": self.id, "invoice": self.invoice, "payment_intent": null,
            "amount_total": PRICE, "currency": CURRENCY,
            "customer_details": { "name": payer.name, "phone": payer.phone, "email": "somebody@example.com" },
            "metadata": {
                "customer_id": payer.id, "name": payer.name, "phone": payer.phone,
                "timezone": payer.timezone, "call_at": payer.call_at,
            },
        })
    }

    /// `invoice.paid`
    pub(super) fn invoice(&self, payer: &Payer) -> Value {
        json!({
            "id": self.invoice, "object": "invoice", "status": "paid", "customer": self.stripe_customer,
            "amount_due": PRICE, "amount_paid": PRICE, "currency": CURRENCY,
            "parent": {
                "type": "subscription_details",
                "subscription_details": { "subscription": self.id, "metadata": { "customer_id": payer.id } },
            },
        })
    }

    /// `invoice_payment.paid`: what ties a charge to its invoice.
    pub(super) fn invoice_payment(&self) -> Value {
        json!({
            "id": new_id("inpay"), "object": "invoice_payment", "status": "paid", "invoice": self.invoice,
            "amount_paid": PRICE, "currency": CURRENCY,
            "payment": { "type": "payment_intent", "payment_intent": self.payment_intent },
        })
    }

    /// `charge.refunded`, all of it.
    pub(super) fn refunded_charge(&self) -> Value {
        json!({
            "id": self.charge, "object": "charge", "status": "succeeded", "payment_intent": self.payment_intent,
            "customer": self.stripe_customer, "amount": PRICE, "amount_refunded": PRICE, "refunded": true,
            "currency": CURRENCY, "metadata": {},
        })
    }

    /// A dispute about the last payment, as it stands: `charge.dispute.created`, `charge.dispute.closed`.
    pub(super) fn dispute(&mut self, status: &str) -> Value {
        let id = self.dispute.get_or_insert_with(|| new_id("du"));
        json!({
            "id": id, "object": "dispute", "status": status, "reason": "general", "charge": self.charge,
            "payment_intent": self.payment_intent, "amount": PRICE, "currency": CURRENCY, "metadata": {},
        })
    }

    /// Whether the bank has been asked about the last payment.
    pub(super) fn is_disputed(&self) -> bool {
        self.dispute.is_some()
    }

    /// `customer.subscription.deleted`
    pub(super) fn ended(&self, payer: &Payer) -> Value {
        json!({
            "id": self.id, "object": "subscription", "status": "canceled", "customer": self.stripe_customer,
            "cancel_at_period_end": false, "metadata": { "customer_id": payer.id },
        })
    }
}

/// An event about one of these objects.
pub(super) fn event(kind: &str, object: &Value, created: Timestamp, is_live: bool) -> Value {
    json!({
        "id": new_id("evt"), "object": "event", "type": kind, "api_version": API_VERSION,
        "created": created.as_second(), "livemode": is_live, "pending_webhooks": 1,
        "request": { "id": null, "idempotency_key": null }, "data": { "object": object },
    })
}
