//! A customer as a shop without Stripe tells us of them: `POST /api/webhooks/customers`.
//!
//! The body is JSON, signed in `X-Switchboard-Signature` with `CUSTOMERS_WEBHOOK_SECRET`, the way that
//! [`crate::platform::signature`] describes:
//!
//! ```json
//! {
//!   "event_id": "order-1207-paid", "occurred_at": "2026-11-21T14:05:00Z",
//!   "id": "cust_42", "payment_status": "Paid",
//!   "name": "Ada", "phone": "+14035550001", "timezone": "America/Edmonton",
//!   "call_at": "09:30", "call_days": [1, 2, 3, 4, 5]
//! }
//! ```
//!
//! `payment_status` is `Paid`, `Unpaid`, `Refunded`, `Disputed` or `Ended`. Fields that we do not know are passed
//! over. An event is known by its `event_id`: sent again it does nothing, so a shop that has no answer sends it
//! again. What is newest by `occurred_at` counts, `Unpaid` too.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{CustomerId, Effect, FieldError, PaymentEvent, Profile, RecordId, Source};

/// How far a shop's clock may be ahead of ours. An event from next year would be the newest for a year.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

const STATUSES: [(&str, Effect); 5] = [
    ("Paid", Effect::Paid),
    ("Unpaid", Effect::NotPaid),
    ("Refunded", Effect::Refunded),
    ("Disputed", Effect::Disputed),
    ("Ended", Effect::Ended),
];

/// What nobody who has paid can be called without.
const NEEDED: [&str; 3] = ["name", "phone", "timezone"];

/// Reads a verified body. Without an event, a time, a customer and a status it is an error that names every field;
/// what else cannot be used stands in the profile's faults, because a refund counts whatever the zone is called.
pub fn read(body: &[u8], now: Timestamp) -> Result<PaymentEvent, Vec<FieldError>> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if !body.is_object() {
        return Err(vec![FieldError::new("body", "not a JSON object")]);
    }
    let mut errors = Vec::new();
    let event_id = required(&body, "event_id", &mut errors, RecordId::parse);
    let occurred_at = required(&body, "occurred_at", &mut errors, |text| time(text, now));
    let id = required(&body, "id", &mut errors, CustomerId::parse);
    let status = required(&body, "payment_status", &mut errors, status);
    let (Some(event_id), Some(created_at), Some(id), Some((kind, effect))) =
        (event_id, occurred_at, id, status)
    else {
        return Err(errors);
    };
    Ok(PaymentEvent {
        source: Source::Shop,
        id: event_id,
        kind: kind.to_owned(),
        created_at,
        objects: vec![RecordId::from(&id)],
        customer: Some(id),
        effect,
        paid: None,
        profile: profile(&body, effect),
    })
}

fn required<'a, T, E: ToString>(
    body: &'a Value,
    field: &'static str,
    errors: &mut Vec<FieldError>,
    parse: impl FnOnce(&'a str) -> Result<T, E>,
) -> Option<T> {
    let read = match body.get(field) {
        None | Some(Value::Null) => Err("missing".to_owned()),
        Some(Value::String(text)) => parse(text).map_err(|error| error.to_string()),
        Some(_) => Err("not text".to_owned()),
    };
    read.map_err(|why| errors.push(FieldError { field, why })).ok()
}

fn time(text: &str, now: Timestamp) -> Result<Timestamp, &'static str> {
    let time: Timestamp = text
        .parse()
        .map_err(|_| "not a time such as 2026-11-21T14:05:00Z")?;
    if time.duration_since(now) > AHEAD_MAX {
        Err("in the future")
    } else if time < Timestamp::UNIX_EPOCH {
        Err("before 1970")
    } else {
        Ok(time)
    }
}

fn status(text: &str) -> Result<(&'static str, Effect), &'static str> {
    let known = STATUSES.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    known
        .copied()
        .ok_or("not one of Paid, Unpaid, Refunded, Disputed, Ended")
}

fn profile(body: &Value, effect: Effect) -> Profile {
    let mut profile = Profile::read(|field| body.get(field));
    if effect == Effect::Paid {
        let is_missing = |field: &&'static str| {
            let value = body.get(*field).unwrap_or(&Value::Null);
            value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
        };
        let missing = NEEDED.into_iter().filter(is_missing);
        profile
            .faults
            .extend(missing.map(|field| FieldError::new(field, "missing")));
    }
    profile
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Phone;

    fn now() -> Timestamp {
        "2026-11-21T14:05:00Z".parse().expect("a time")
    }

    fn good() -> Value {
        json!({
            "event_id": "order-1207-paid", "occurred_at": "2026-11-21T07:05:00-07:00", "id": "cust_42",
            "payment_status": "Paid", "name": "Ada", "phone": "+14035550001", "timezone": "America/Edmonton",
            "call_at": "09:30", "call_days": [1, 2, 3, 4, 5], "plan": "gold",
        })
    }

    fn read_json(body: &Value) -> Result<PaymentEvent, Vec<String>> {
        let errors = |errors: Vec<FieldError>| errors.iter().map(ToString::to_string).collect();
        read(body.to_string().as_bytes(), now()).map_err(errors)
    }

    fn with(field: &str, value: Value) -> Value {
        let mut body = good();
        body[field] = value;
        body
    }

    #[test]
    fn a_shops_word_is_read_like_stripes() {
        let event = read_json(&good()).expect("an event");
        assert_eq!(
            (event.source.as_str(), event.id.as_str(), event.kind.as_str()),
            ("shop", "order-1207-paid", "Paid")
        );
        assert_eq!(event.created_at, now());
        assert_eq!(event.customer, CustomerId::parse("cust_42").ok());
        assert_eq!(event.effect, Effect::Paid);
        assert_eq!(
            event.profile.phone.as_ref().map(Phone::as_str),
            Some("+14035550001")
        );
        assert!(event.profile.faults.is_empty() && event.profile.call_days.is_some());
        for (word, effect) in [
            ("unpaid", Effect::NotPaid),
            ("Refunded", Effect::Refunded),
            ("DISPUTED", Effect::Disputed),
            ("Ended", Effect::Ended),
        ] {
            let event = read_json(&with("payment_status", json!(word))).expect(word);
            assert_eq!(event.effect, effect);
        }
    }

    #[test]
    fn every_field_that_must_be_there_is_named_at_once() {
        assert_eq!(
            read_json(&json!({ "id": null, "event_id": 5, "occurred_at": "yesterday" })),
            Err(vec![
                "event_id: not text".to_owned(),
                "occurred_at: not a time such as 2026-11-21T14:05:00Z".to_owned(),
                "id: missing".to_owned(),
                "payment_status: missing".to_owned(),
            ])
        );
        for (field, value, error) in [
            ("id", "a b", "id: not an id of up to 40 letters, digits and _.:-"),
            (
                "event_id",
                "",
                "event_id: not an id of up to 255 printable characters",
            ),
            (
                "payment_status",
                "Pending",
                "payment_status: not one of Paid, Unpaid, Refunded, Disputed, Ended",
            ),
            (
                "occurred_at",
                "2026-11-21T14:10:01Z",
                "occurred_at: in the future",
            ),
            ("occurred_at", "1969-12-31T23:59:59Z", "occurred_at: before 1970"),
            (
                "occurred_at",
                "2026-11-21T14:05:00",
                "occurred_at: not a time such as 2026-11-21T14:05:00Z",
            ),
        ] {
            let errors = read_json(&with(field, json!(value)));
            assert_eq!(errors, Err(vec![error.to_owned()]), "{value}");
        }
        for body in ["", "null", "[]", "5", "\"id\"", "{", "{}{}", &"[".repeat(100_000)] {
            let errors = read(body.as_bytes(), now()).expect_err("nothing to read");
            assert_eq!(
                errors,
                [FieldError::new("body", "not a JSON object")],
                "{body:.9}"
            );
        }
    }

    #[test]
    fn a_refund_counts_whatever_else_is_wrong_and_a_payment_says_what_is() {
        let mut body = json!({
            "event_id": "e", "occurred_at": "2026-11-21T14:05:00Z", "id": "cust_42", "payment_status": "Refunded",
        });
        let refund = read_json(&body).expect("a refund");
        assert_eq!(
            (refund.effect, refund.profile),
            (Effect::Refunded, Profile::default())
        );
        body["payment_status"] = json!("Paid");
        body["timezone"] = json!("GMT");
        body["phone"] = json!(" ");
        let faults: Vec<_> = read_json(&body).expect("a payment").profile.faults;
        assert_eq!(
            faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "timezone: an offset, which says nothing of summer time",
                "name: missing",
                "phone: missing",
            ]
        );
    }
}
