//! Who tells us things: Stripe, until it is heard, and Vapi, once.

use std::sync::Mutex;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use local::sandbox_vapi::{Call, ServerMessage};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::platform::signature::sign;
use system_tests::{STRIPE, STRIPE_SECRET, World};

use super::customers::{Customer, Fate};

/// What somebody says who wants no more calls.
const STOP: &str = "Stop calling me.";

/// An event of Stripe's, told again in every step until it is heard.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) customer: String,
    pub(super) at: Timestamp,
    pub(super) is_refund: bool,
    pub(super) event: Value,
    /// When the step was in which we said that we have it.
    pub(super) heard_at: Mutex<Option<Timestamp>>,
}

impl Told {
    fn new(customer: &Customer, at: Timestamp, is_refund: bool, object: &Value) -> Self {
        let (kind, id) = if is_refund {
            ("charge.refunded", format!("evt_refund_{}", customer.id))
        } else {
            ("checkout.session.completed", format!("evt_paid_{}", customer.id))
        };
        let event = json!({
            "id": id, "object": "event", "api_version": "2026-10-28.endive", "type": kind, "livemode": true,
            "created": at.as_second(), "pending_webhooks": 1, "request": null, "data": { "object": object },
        });
        Self {
            customer: customer.id.clone(),
            at,
            is_refund,
            event,
            heard_at: Mutex::default(),
        }
    }

    pub(super) fn heard_at(&self) -> Option<Timestamp> {
        *self.heard_at.lock().expect("no panic")
    }

    /// Tells it now.
    pub(super) async fn tell(&self, world: &World) {
        let body = self.event.to_string();
        let signature = sign(
            body.as_bytes(),
            &SecretString::from(STRIPE_SECRET),
            Timestamp::now(),
        );
        let headers = [
            ("content-type", "application/json; charset=utf-8"),
            ("stripe-signature", signature.as_str()),
        ];
        let now = world.vapi.clock().now();
        if world.send("POST", STRIPE, &headers, body).await.status == 200 {
            self.heard_at.lock().expect("no panic").get_or_insert(now);
        }
    }
}

/// What Stripe has to tell of a customer.
pub(super) fn payments_of(customer: &Customer) -> Vec<Told> {
    let id = &customer.id;
    let paid = customer.paid_at.map(|at| {
        let session = json!({
            "id": format!("cs_{id}"), "object": "checkout.session", "mode": "payment", "status": "complete",
            "payment_status": "paid", "client_reference_id": id, "payment_intent": format!("pi_{id}"),
            "amount_total": 4900, "currency": "cad", "metadata": customer.metadata(),
        });
        Told::new(customer, at, false, &session)
    });
    let refunded = customer.refunded_at.map(|at| {
        let charge = json!({
            "id": format!("ch_{id}"), "object": "charge", "payment_intent": format!("pi_{id}"),
            "amount": 4900, "amount_refunded": 4900, "refunded": true, "metadata": { "customer_id": id },
        });
        Told::new(customer, at, true, &charge)
    });
    paid.into_iter().chain(refunded).collect()
}

/// Calls go on, and Vapi tells of them.
pub(super) struct Telephones {
    /// Calls that have ended, with the moment and whether we were told.
    ended: Vec<(String, Timestamp, bool)>,
    announced: Vec<String>,
}

impl Telephones {
    pub(super) fn new() -> Self {
        Self {
            ended: Vec::new(),
            announced: Vec::new(),
        }
    }

    /// When whoever has this number first said stop, and whether we were told of it; `None` if nobody did.
    pub(super) fn stopped_at(&self, phone: &str, world: &World) -> Option<(Timestamp, bool)> {
        let calls = world.vapi.calls_to(phone);
        let says_stop = |id: &str| {
            let call = calls.iter().find(|call| call.id == id);
            call.is_some_and(|call| call.turns.iter().any(|turn| turn.text == STOP))
        };
        let mut ended = self.ended.iter();
        let (_, at, is_heard) = ended.find(|(id, ..)| says_stop(id))?;
        Some((*at, *is_heard))
    }

    /// Every call goes as it is to go by now; nobody tells twice of what nobody heard.
    pub(super) async fn go_on(&mut self, world: &World, fate_of: impl Fn(&Call) -> Fate) {
        let now = world.vapi.clock().now();
        let mut telling = Vec::new();
        for call in world.vapi.calls() {
            let fate = fate_of(&call);
            if self.ended.iter().any(|(id, ..)| *id == call.id) {
                continue;
            }
            if fate.is_announced && !self.announced.contains(&call.id) {
                self.announced.push(call.id.clone());
                telling.push((call.id.clone(), vec![world.vapi.status_update(&call.id)], false));
            }
            if now < call.created_at + SignedDuration::from_mins(fate.lasts) {
                continue;
            }
            end(world, &call, fate, now);
            let mut messages: Vec<ServerMessage> = Vec::new();
            for _ in 0..fate.reports {
                messages.push(world.vapi.end_of_call_report(&call.id));
            }
            if fate.is_announced {
                messages.push(world.vapi.status_update(&call.id));
            }
            self.ended.push((call.id.clone(), now, false));
            telling.push((call.id.clone(), messages, fate.reports > 0));
        }
        let telling = telling.into_iter().map(async |(id, messages, is_report)| {
            let mut is_heard = false;
            for message in messages {
                is_heard |= world.vapi_tells(message).await.status == 200 && is_report;
            }
            (id, is_heard)
        });
        for (id, is_heard) in join_all(telling).await {
            for ended in self.ended.iter_mut().filter(|(ended, ..)| *ended == id) {
                ended.2 |= is_heard;
            }
        }
    }
}

fn end(world: &World, call: &Call, fate: Fate, now: Timestamp) {
    world.vapi.update_call(&call.id, |call| {
        if fate.ended_reason == "customer-ended-call" || fate.says_stop {
            call.started_at = Some(now);
            call.say("bot", "Hello! Say stop if you want no more calls.");
            let said = if fate.says_stop { STOP } else { "Fine, thank you." };
            call.say("user", said);
        }
    });
    let reason = if fate.says_stop {
        "customer-ended-call"
    } else {
        fate.ended_reason
    };
    world.vapi.end_call(&call.id, reason);
}
