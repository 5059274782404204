//! Events about payments, from Stripe and from a shop, read a second time from their JSON.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use shared::Phone;
use shared::customers::{Effect, PaymentEvent, Profile, RecordId, Source, shop};
use shared::providers::stripe::{Event, payment_event};

/// What each type of Stripe's may lead to.
const STRIPE: &[(&str, &[Effect])] = &[
    ("checkout.session.completed", &[Effect::Paid, Effect::NotPaid]),
    ("checkout.session.async_payment_succeeded", &[Effect::Paid]),
    ("checkout.session.async_payment_failed", &[Effect::NotPaid]),
    ("checkout.session.expired", &[Effect::NotPaid]),
    ("invoice.paid", &[Effect::Paid]),
    ("invoice.payment_succeeded", &[Effect::Paid]),
    ("invoice.payment_failed", &[Effect::NotPaid]),
    ("invoice_payment.paid", &[Effect::Linked]),
    ("charge.refunded", &[Effect::Refunded, Effect::PartlyRefunded]),
    ("charge.dispute.created", &[Effect::Disputed]),
    (
        "charge.dispute.closed",
        &[Effect::DisputeWon, Effect::DisputeLost],
    ),
    ("customer.subscription.deleted", &[Effect::Ended]),
    ("customer.subscription.updated", &[Effect::Ended, Effect::NotPaid]),
    ("customer.subscription.paused", &[Effect::Ended, Effect::NotPaid]),
];

pub(crate) fn check_stripe(input: &[u8]) {
    let Ok(event) = Event::parse(input) else { return };
    let said: Value = serde_json::from_slice(input).expect("what was read is JSON");
    let object = &said["data"]["object"];
    for is_live in [true, false] {
        let Ok(read) = payment_event(&event, is_live) else {
            assert_eq!(
                said["livemode"], is_live,
                "of another mode, and read all the same"
            );
            continue;
        };
        assert_is_storable(&read, Source::Stripe);
        assert_eq!(said["id"], read.id.as_str());
        assert_eq!(said["type"], read.kind);
        assert_eq!(said["created"], read.created_at.as_second());
        if let Effect::Ignored(_) = read.effect {
            assert_eq!((read.customer, read.objects.len()), (None, 0));
            assert_eq!(read.profile, Profile::default());
            continue;
        }
        assert_eq!(said["livemode"], is_live, "of the other mode");
        let may_be = STRIPE.iter().find(|(kind, _)| *kind == read.kind);
        assert!(
            may_be.is_some_and(|(_, effects)| effects.contains(&read.effect)),
            "{}: {:?}",
            read.kind,
            read.effect
        );
        match read.effect {
            Effect::Refunded => assert_eq!(object["refunded"], true),
            Effect::PartlyRefunded => assert_eq!(object["refunded"], false),
            Effect::Paid if read.kind == "checkout.session.completed" => {
                assert_ne!(trimmed(&object["payment_status"]), Some("unpaid"));
                assert_ne!(trimmed(&object["mode"]), Some("setup"));
            }
            _ => {}
        }
        if let Some(customer) = &read.customer {
            let metadata = [
                &object["metadata"],
                &object["parent"]["subscription_details"]["metadata"],
                &object["subscription_details"]["metadata"],
            ];
            let given = metadata.map(|metadata| &metadata["customer_id"]);
            let mut given = given.into_iter().chain([&object["client_reference_id"]]);
            assert!(
                given.any(|id| trimmed(id) == Some(customer.as_str())),
                "{customer:?}"
            );
        }
        // Each of them stands there, word for word.
        let mut texts = Vec::new();
        texts_in(object, &mut texts);
        for id in &read.objects {
            assert!(texts.contains(&id.as_str()), "{id:?}");
        }
        if let Some(phone) = &read.profile.phone {
            assert!(texts.contains(&phone.as_str()), "{phone:?}");
        }
    }
}

pub(crate) fn check_shop(input: &[u8]) {
    let now: Timestamp = "2026-11-21T14:05:00Z".parse().expect("a time");
    let said = serde_json::from_slice::<Value>(input).unwrap_or_default();
    let read = match shop::read(input, now) {
        Ok(read) => read,
        Err(errors) => {
            assert!(!errors.is_empty(), "refused for no reason");
            for error in errors {
                let is_said = !said.is_object() || shop_fields().contains(&error.field);
                assert!(is_said, "{error}");
            }
            return;
        }
    };
    assert_is_storable(&read, Source::Shop);
    assert_eq!(said["event_id"], read.id.as_str());
    assert_eq!(
        read.customer.as_ref().map(|id| Value::from(id.as_str())).as_ref(),
        Some(&said["id"])
    );
    assert!(
        said["payment_status"]
            .as_str()
            .is_some_and(|word| word.eq_ignore_ascii_case(&read.kind))
    );
    assert!(
        !matches!(
            read.effect,
            Effect::Ignored(_) | Effect::Linked | Effect::PartlyRefunded
        ),
        "a shop does not say that"
    );
    assert!(
        read.created_at <= now + SignedDuration::from_mins(5),
        "{}",
        read.created_at
    );
    if let Some(phone) = &read.profile.phone {
        assert_eq!(trimmed(&said["phone"]), Some(phone.as_str()));
    }
    for fault in &read.profile.faults {
        let is_missing = said[fault.field].is_null() || trimmed(&said[fault.field]) == Some("");
        assert_eq!(fault.why == "missing", is_missing, "{fault}");
    }
}

fn shop_fields() -> [&'static str; 4] {
    ["event_id", "occurred_at", "id", "payment_status"]
}

fn assert_is_storable(event: &PaymentEvent, source: Source) {
    assert_eq!(event.source, source);
    assert!(event.created_at >= Timestamp::UNIX_EPOCH, "{}", event.created_at);
    let ids = event.objects.iter().chain([&event.id]).map(RecordId::as_str);
    for id in ids.chain([event.kind.as_str()]) {
        assert!((1..=255).contains(&id.len()) && !id.contains('\0'), "{id:?}");
    }
    for (at, id) in event.objects.iter().enumerate() {
        assert!(!event.objects[..at].contains(id), "{id:?} twice");
    }
    if let Some(customer) = &event.customer {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-');
        let id = customer.as_str();
        assert!((1..=40).contains(&id.len()) && id.chars().all(is_plain), "{id:?}");
    }
    let profile = &event.profile;
    for text in [&profile.name, &profile.timezone_given].into_iter().flatten() {
        assert!(
            text.chars().count() <= 200 && !text.chars().any(char::is_control),
            "{text:?}"
        );
    }
    if let Some(phone) = &profile.phone {
        assert_eq!(Phone::parse(phone.as_str()).as_ref(), Ok(phone));
    }
    assert!(profile.timezone.is_none() || profile.timezone_given.is_some());
    if !matches!(event.effect, Effect::Ignored(_)) {
        waits_unchanged(event);
    }
    if let Some(call_at) = profile.call_at {
        let time = call_at.time();
        let minutes = i16::from(time.hour()) * 60 + i16::from(time.minute());
        assert!(
            (8 * 60..=20 * 60 + 30).contains(&minutes) && time.second() == 0,
            "{time}"
        );
    }
    if let Some(days) = &profile.call_days {
        let days = days.as_slice();
        assert!(
            !days.is_empty() && days.is_sorted_by(|one, next| one < next),
            "{days:?}"
        );
        assert!(days.iter().all(|day| (1..=7).contains(day)), "{days:?}");
    }
}

/// What waits for the database comes out of the queue as it went in, but for what its sender was told.
fn waits_unchanged(event: &PaymentEvent) {
    let parked = serde_json::to_string(event).expect("it can be written");
    assert!(parked.len() < 64 * 1024, "{}", parked.len());
    let mut read: PaymentEvent = serde_json::from_str(&parked).expect("what was written can be read");
    read.profile.faults.clone_from(&event.profile.faults);
    assert_eq!(read, *event);
}

fn trimmed(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim)
}

/// Every text below a value, without the space around it.
fn texts_in<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text.trim()),
        Value::Array(values) => values.iter().for_each(|value| texts_in(value, texts)),
        Value::Object(fields) => fields.values().for_each(|value| texts_in(value, texts)),
        _ => {}
    }
}
