//! What follows from an event.
//!
//! Source: <https://docs.stripe.com/api/events/types>, <https://docs.stripe.com/checkout/fulfillment>.

use super::subject::{customer, money, objects, profile};
use super::{Event, EventError};
use crate::customers::{Effect, PaymentEvent, Profile, Source};

/// What an event says of a payment, and of whose. `is_live` is whether our money is real.
pub fn payment_event(event: &Event, is_live: bool) -> Result<PaymentEvent, EventError> {
    let effect = effect(event, is_live)?;
    // What is ignored may be about anything.
    let (customer, objects) = match effect {
        Effect::Ignored(_) => (None, Vec::new()),
        _ => (customer(event)?, objects(event)?),
    };
    let is_paid = effect == Effect::Paid;
    let is_checkout = event.kind.starts_with("checkout.session.");
    Ok(PaymentEvent {
        source: Source::Stripe,
        id: event.id.clone(),
        kind: event.kind.clone(),
        created_at: event.created_at,
        customer,
        objects,
        effect,
        paid: money(event).filter(|_| is_paid),
        profile: if is_paid && is_checkout {
            profile(event)
        } else {
            Profile::default()
        },
    })
}

/// What an event says of a payment. An error means that it is of a kind that counts, and is not understood.
pub fn effect(event: &Event, is_live: bool) -> Result<Effect, EventError> {
    if event.is_live != is_live {
        return Ok(Effect::Ignored("it is of the other mode, live or test"));
    }
    match event.kind.as_str() {
        "checkout.session.completed" => checkout(event),
        // Invoices that were paid elsewhere are paid too; of most there are both events.
        "checkout.session.async_payment_succeeded" | "invoice.paid" | "invoice.payment_succeeded" => {
            Ok(Effect::Paid)
        }
        // Stripe goes on trying to collect an invoice; when it gives up, the subscription's status says so.
        "checkout.session.async_payment_failed" | "checkout.session.expired" | "invoice.payment_failed" => {
            Ok(Effect::NotPaid)
        }
        "invoice_payment.paid" => Ok(Effect::Linked),
        "charge.refunded" => refund(event),
        "charge.dispute.created" => Ok(Effect::Disputed),
        "charge.dispute.closed" => end_of_dispute(event),
        "customer.subscription.deleted" => Ok(Effect::Ended),
        "customer.subscription.updated" | "customer.subscription.paused" => subscription(event),
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => Ok(
            Effect::Ignored("only the charge says whether all of it went back"),
        ),
        _ => Ok(Effect::Ignored("nothing follows from its type")),
    }
}

/// A session is complete before the money of a slow payment has come.
fn checkout(event: &Event) -> Result<Effect, EventError> {
    match event.text_at("/mode") {
        Some("payment" | "subscription") => {}
        Some("setup") => return Ok(Effect::Ignored("it keeps a card for later, and pays nothing")),
        _ => return Err(EventError::Malformed("mode")),
    }
    match event.text_at("/payment_status") {
        Some("paid" | "no_payment_required") => Ok(Effect::Paid),
        Some("unpaid") => Ok(Effect::NotPaid),
        _ => Err(EventError::Malformed("payment_status")),
    }
}

/// The event is the same when a part of the money goes back.
fn refund(event: &Event) -> Result<Effect, EventError> {
    match event.at("/refunded").and_then(serde_json::Value::as_bool) {
        Some(true) => Ok(Effect::Refunded),
        Some(false) => Ok(Effect::PartlyRefunded),
        None => Err(EventError::Malformed("refunded")),
    }
}

fn end_of_dispute(event: &Event) -> Result<Effect, EventError> {
    match event.text_at("/status") {
        // A warning asks before a dispute; closed, it never became one.
        Some("won" | "warning_closed") => Ok(Effect::DisputeWon),
        Some("lost") => Ok(Effect::DisputeLost),
        Some("prevented") => Ok(Effect::Ignored("if money went back, the charge says so")),
        _ => Err(EventError::Malformed("status")),
    }
}

fn subscription(event: &Event) -> Result<Effect, EventError> {
    match event.text_at("/status") {
        // Paused: a trial ended, and nobody had said how to pay.
        Some("canceled" | "unpaid" | "paused") => Ok(Effect::Ended),
        Some("incomplete_expired") => Ok(Effect::NotPaid),
        Some("active" | "trialing" | "past_due" | "incomplete") => {
            Ok(Effect::Ignored("the subscription goes on"))
        }
        _ => Err(EventError::Malformed("status")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Phone;
    use crate::customers::CustomerId;

    fn event(kind: &str, object: Value) -> Event {
        let mut event = json!({
            "id": "evt_1", "object": "event", "type": kind, "created": 1_760_000_000, "livemode": false, "data": {},
        });
        event["data"]["object"] = object;
        Event::parse(event.to_string().as_bytes()).expect("an event")
    }

    fn effect_of(kind: &str, object: Value) -> Result<Effect, EventError> {
        effect(&event(kind, object), false)
    }

    fn read(kind: &str, object: Value) -> PaymentEvent {
        payment_event(&event(kind, object), false).expect("a payment's event")
    }

    fn session(payment_status: &str) -> Value {
        json!({
            "id": "cs_1", "object": "checkout.session", "mode": "payment", "payment_status": payment_status,
            "client_reference_id": "cust_42", "payment_intent": "pi_1", "subscription": null, "invoice": null,
        })
    }

    #[test]
    fn a_session_is_paid_when_the_money_has_come() {
        let kind = "checkout.session.completed";
        for (status, effect) in [
            ("paid", Effect::Paid),
            ("no_payment_required", Effect::Paid),
            ("unpaid", Effect::NotPaid),
        ] {
            assert_eq!(effect_of(kind, session(status)), Ok(effect), "{status}");
        }
        assert_eq!(
            effect_of("checkout.session.async_payment_succeeded", session("paid")),
            Ok(Effect::Paid)
        );
        for kind in [
            "checkout.session.async_payment_failed",
            "checkout.session.expired",
        ] {
            assert_eq!(effect_of(kind, session("unpaid")), Ok(Effect::NotPaid), "{kind}");
        }
        let mut setup = session("no_payment_required");
        setup["mode"] = json!("setup");
        assert!(matches!(effect_of(kind, setup), Ok(Effect::Ignored(_))));
        for field in ["mode", "payment_status"] {
            for other in [json!(null), json!("new"), json!(5), json!({ "id": "paid" })] {
                let mut session = session("paid");
                session[field] = other;
                assert_eq!(effect_of(kind, session), Err(EventError::Malformed(field)));
            }
        }
    }

    #[test]
    fn only_all_of_the_money_is_a_refund() {
        let kind = "charge.refunded";
        let charge = |refunded: Value| json!({ "id": "ch_1", "amount": 5000, "refunded": refunded });
        assert_eq!(effect_of(kind, charge(json!(true))), Ok(Effect::Refunded));
        assert_eq!(effect_of(kind, charge(json!(false))), Ok(Effect::PartlyRefunded));
        assert_eq!(
            effect_of(kind, charge(json!("true"))),
            Err(EventError::Malformed("refunded"))
        );
        let refund = json!({ "id": "re_1", "amount": 5000, "charge": "ch_1", "status": "succeeded" });
        assert!(matches!(
            effect_of("refund.created", refund),
            Ok(Effect::Ignored(_))
        ));
    }

    #[test]
    fn a_dispute_ends_one_way_or_the_other() {
        let dispute = |status: &str| json!({ "id": "du_1", "charge": "ch_1", "status": status });
        assert_eq!(
            effect_of("charge.dispute.created", dispute("needs_response")),
            Ok(Effect::Disputed)
        );
        for (status, effect) in [
            ("won", Ok(Effect::DisputeWon)),
            ("warning_closed", Ok(Effect::DisputeWon)),
            ("lost", Ok(Effect::DisputeLost)),
            ("settled", Err(EventError::Malformed("status"))),
        ] {
            assert_eq!(
                effect_of("charge.dispute.closed", dispute(status)),
                effect,
                "{status}"
            );
        }
    }

    #[test]
    fn a_subscription_ends_when_nobody_pays_for_it_any_more() {
        let subscription = |status: &str| json!({ "id": "sub_1", "status": status });
        assert_eq!(
            effect_of("customer.subscription.deleted", subscription("canceled")),
            Ok(Effect::Ended)
        );
        let kind = "customer.subscription.updated";
        for status in ["canceled", "unpaid", "paused"] {
            assert_eq!(
                effect_of(kind, subscription(status)),
                Ok(Effect::Ended),
                "{status}"
            );
        }
        assert_eq!(
            effect_of(kind, subscription("incomplete_expired")),
            Ok(Effect::NotPaid)
        );
        for status in ["active", "trialing", "past_due", "incomplete"] {
            let effect = effect_of(kind, subscription(status));
            assert!(matches!(effect, Ok(Effect::Ignored(_))), "{status}");
        }
        assert_eq!(
            effect_of(kind, subscription("new")),
            Err(EventError::Malformed("status"))
        );
    }

    #[test]
    fn what_is_of_the_other_mode_or_of_another_type_is_ignored_whatever_it_holds() {
        let object = json!({ "id": 5, "metadata": { "customer_id": "not an id" } });
        for (kind, is_live) in [("invoice.paid", true), ("product.created", false)] {
            let ignored = payment_event(&event(kind, object.clone()), is_live).expect("nothing to read");
            assert!(matches!(ignored.effect, Effect::Ignored(_)), "{kind}");
            assert_eq!((ignored.customer, ignored.objects.len()), (None, 0));
            assert_eq!(ignored.profile, Profile::default());
        }
    }

    #[test]
    fn a_customer_is_known_by_an_id_that_we_gave_and_by_nothing_else() {
        let ours = CustomerId::parse("cust_42").ok();
        let kind = "invoice.paid";
        for object in [
            json!({ "id": "o", "client_reference_id": "cust_42" }),
            json!({ "id": "o", "metadata": { "customer_id": "cust_42" }, "client_reference_id": null }),
            json!({ "id": "o", "metadata": { "customer_id": "cust_42" }, "client_reference_id": "cust_42" }),
            json!({ "id": "o", "parent": { "subscription_details": { "metadata": { "customer_id": "cust_42" } } } }),
            json!({ "id": "o", "subscription_details": { "metadata": { "customer_id": "cust_42" } } }),
        ] {
            assert_eq!(read(kind, object.clone()).customer, ours, "{object}");
        }
        for object in [
            json!({ "id": "o", "customer": "cust_42", "customer_email": "ada@example.com" }),
            json!({ "id": "o", "customer_details": { "phone": "+14035550001", "email": "ada@example.com" } }),
            json!({ "id": "o", "metadata": "cust_42", "client_reference_id": 42, "parent": [] }),
            json!({ "id": "o", "metadata": { "customer_id": " " } }),
        ] {
            assert_eq!(read(kind, object.clone()).customer, None, "{object}");
        }
        let two = json!({ "id": "o", "metadata": { "customer_id": "a" }, "client_reference_id": "b" });
        assert_eq!(
            payment_event(&event(kind, two), false),
            Err(EventError::TwoCustomers)
        );
        let odd = json!({ "id": "o", "client_reference_id": "a".repeat(41) });
        assert_eq!(
            payment_event(&event(kind, odd), false),
            Err(EventError::Malformed("the customer's id"))
        );
    }

    #[test]
    fn events_of_one_purchase_share_an_object() {
        let ids = |event: &PaymentEvent| -> Vec<String> {
            event.objects.iter().map(|id| id.as_str().to_owned()).collect()
        };
        let objects = |kind: &str, object: Value| ids(&read(kind, object));
        assert_eq!(
            objects("checkout.session.completed", session("paid")),
            ["cs_1", "pi_1"]
        );
        let charge = json!({ "id": "ch_1", "payment_intent": { "id": "pi_1" }, "refunded": true });
        assert_eq!(objects("charge.refunded", charge), ["ch_1", "pi_1"]);
        let dispute = json!({ "id": "du_1", "charge": "ch_1", "payment_intent": "pi_1" });
        assert_eq!(
            objects("charge.dispute.created", dispute),
            ["du_1", "pi_1", "ch_1"]
        );

        let old =
            json!({ "id": "in_1", "subscription": "sub_1", "charge": "ch_1", "payment_intent": "pi_1" });
        assert_eq!(
            objects("invoice.payment_succeeded", old),
            ["in_1", "pi_1", "ch_1", "sub_1"]
        );
        let new = json!({
            "id": "in_1", "parent": { "subscription_details": { "subscription": "sub_1" } },
            "payments": { "data": [{ "payment": { "payment_intent": "pi_1" } }, { "payment": { "charge": "ch_1" } }, 5] },
        });
        assert_eq!(objects("invoice.paid", new), ["in_1", "sub_1", "pi_1", "ch_1"]);
        let payment = json!({ "id": "inpay_1", "invoice": "in_1", "payment": { "payment_intent": "pi_1" } });
        let payment = read("invoice_payment.paid", payment);
        assert_eq!(payment.effect, Effect::Linked);
        assert_eq!(ids(&payment), ["inpay_1", "in_1", "pi_1"]);
        let ended = json!({ "id": "sub_1", "status": "canceled" });
        assert_eq!(objects("customer.subscription.deleted", ended), ["sub_1"]);

        for id in [json!(null), json!(""), json!("a b"), json!(5), json!("\0")] {
            let nameless = event("invoice.paid", json!({ "id": id, "subscription": "sub_1" }));
            assert_eq!(
                payment_event(&nameless, false),
                Err(EventError::Malformed("data.object.id"))
            );
        }
    }

    #[test]
    fn how_much_was_paid_is_what_the_session_or_the_invoice_says() {
        let paid = |kind: &str, amounts: Value| {
            let mut object = session("paid");
            for (name, value) in amounts.as_object().expect("fields") {
                object[name] = value.clone();
            }
            let paid = read(kind, object).paid;
            paid.map(|money| (money.minor_units, money.currency))
        };
        let cad = |minor_units: i64| Some((minor_units, "cad".to_owned()));
        let (checkout, invoice) = ("checkout.session.completed", "invoice.paid");
        assert_eq!(
            paid(checkout, json!({ "amount_total": 4900, "currency": "cad" })),
            cad(4900)
        );
        assert_eq!(
            paid(invoice, json!({ "amount_paid": 0, "currency": "cad" })),
            cad(0)
        );
        for amounts in [
            json!({}),
            json!({ "amount_total": 4900 }),
            json!({ "amount_total": null, "currency": "cad" }),
            json!({ "amount_total": "4900", "currency": "cad" }),
            json!({ "amount_total": 49.5, "currency": "cad" }),
            json!({ "amount_total": 4900, "currency": "CAD $" }),
        ] {
            assert_eq!(paid(checkout, amounts.clone()), None, "{amounts}");
        }
        let amounts = json!({ "amount_total": 4900, "currency": "cad" });
        assert_eq!(paid("checkout.session.expired", amounts), None, "it was not paid");
    }

    #[test]
    fn what_we_wrote_about_a_customer_counts_before_what_they_typed() {
        let mut paid = session("paid");
        paid["customer_details"] =
            json!({ "name": "Ada Typed", "phone": "+14035550001", "email": "ada@example.com" });
        paid["metadata"] = json!({ "name": "Ada", "phone": "", "timezone": "Eastern", "call_at": "09:00" });
        let kind = "checkout.session.completed";
        let profile = read(kind, paid.clone()).profile;
        assert_eq!(profile.name.as_deref(), Some("Ada"));
        assert_eq!(profile.phone.as_ref().map(Phone::as_str), Some("+14035550001"));
        assert_eq!(
            profile.timezone.map(|zone| zone.as_str().to_owned()).as_deref(),
            Some("America/New_York")
        );
        assert!(profile.call_at.is_some() && profile.faults.is_empty());

        paid["customer_details"]["phone"] = json!("0405 5550001");
        let profile = read(kind, paid.clone()).profile;
        assert_eq!(profile.phone, None);
        assert_eq!(profile.faults.len(), 1);
        for nonsense in [json!(null), json!(5), json!([]), json!({ "phone": 5 })] {
            paid["customer_details"] = nonsense.clone();
            paid["metadata"] = nonsense;
            let read = read(kind, paid.clone());
            assert_eq!((read.effect, read.profile.phone), (Effect::Paid, None));
        }
    }
}
