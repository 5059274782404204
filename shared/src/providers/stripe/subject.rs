//! Whom an event is about, and what.

use super::{Event, EventError};
use crate::customers::{CustomerId, Money, Profile, RecordId};

/// Where our customer's id stands: where we put it when they went to pay. Metadata stays with the object that it was
/// given to, so a subscription or a charge has it only if it was given to them as well.
const CUSTOMER: [&str; 4] = [
    "/client_reference_id",
    "/metadata/customer_id",
    "/parent/subscription_details/metadata/customer_id",
    "/subscription_details/metadata/customer_id",
];

/// Where an object names itself and what it belongs to: sessions, invoices, payments of invoices, charges, disputes
/// and subscriptions, of older and newer API versions. Stripe's own customer is not among them: one of those may
/// pay for several of ours.
const OBJECTS: [&str; 8] = [
    "/id",
    "/payment_intent",
    "/charge",
    "/invoice",
    "/subscription",
    // From 2025-03-31 on an invoice has its subscription here,
    "/parent/subscription_details/subscription",
    // and its payments are objects of their own.
    "/payment/payment_intent",
    "/payment/charge",
];

/// Payments of one invoice that are read; one is usual.
const PAYMENTS_MAX: usize = 10;

/// Our customer, where the event says which. An id that cannot be ours is an error: somebody paid, and a person has
/// to find out who.
pub(super) fn customer(event: &Event) -> Result<Option<CustomerId>, EventError> {
    let mut found: Option<CustomerId> = None;
    for id in CUSTOMER.iter().filter_map(|pointer| event.text_at(pointer)) {
        let id = CustomerId::parse(id).map_err(|_| EventError::Malformed("the customer's id"))?;
        if found.as_ref().is_some_and(|other| *other != id) {
            return Err(EventError::TwoCustomers);
        }
        found = Some(id);
    }
    Ok(found)
}

/// The ids by which events of one purchase find each other, the object's own first.
pub(super) fn objects(event: &Event) -> Result<Vec<RecordId>, EventError> {
    let of_payments = (0..PAYMENTS_MAX).flat_map(|index| {
        ["payment_intent", "charge"].map(|kind| format!("/payments/data/{index}/payment/{kind}"))
    });
    let pointers = OBJECTS
        .iter()
        .map(|pointer| (*pointer).to_owned())
        .chain(of_payments);
    if id_at(event, "/id").is_none() {
        return Err(EventError::Malformed("data.object.id"));
    }
    let mut objects = Vec::new();
    for id in pointers.filter_map(|pointer| id_at(event, &pointer)) {
        if !objects.contains(&id) {
            objects.push(id);
        }
    }
    Ok(objects)
}

/// An id, or that of an object which was expanded in its place.
fn id_at(event: &Event, pointer: &str) -> Option<RecordId> {
    let id = event
        .text_at(pointer)
        .or_else(|| event.text_at(&format!("{pointer}/id")))?;
    RecordId::parse(id).ok()
}

/// What a session or an invoice says was paid.
pub(super) fn money(event: &Event) -> Option<Money> {
    let amount = event.at("/amount_total").or_else(|| event.at("/amount_paid"));
    let currency = event.text_at("/currency")?;
    let is_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_lowercase());
    is_code.then_some(Money {
        minor_units: amount?.as_i64()?,
        currency: currency.to_owned(),
    })
}

/// What a session says about the customer: what we wrote into its metadata, else what they typed. Whoever has the
/// link to a payment page can type anything there.
pub(super) fn profile(event: &Event) -> Profile {
    Profile::read(|field| {
        let ours = format!("/metadata/{field}");
        let typed = format!("/customer_details/{field}");
        event
            .text_at(&ours)
            .and_then(|_| event.at(&ours))
            .or_else(|| event.at(&typed))
    })
}
