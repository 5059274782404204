//! What is remembered about customers and their payments.

use jiff::Timestamp;
use tokio_postgres::types::Type;

use super::{CallAt, CallDays, CustomerId, PaymentEvent, RecordId, TimeZone};
use crate::Phone;
use crate::platform::database::{Connection, Error};
use crate::statement;

/// What recording an event changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Nobody had told us before.
    pub is_new: bool,
    /// It gave a place that is none to this database, so it is not known where their clock stands.
    pub zone_is_unknown: bool,
}

/// How things stand after an event about a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whom it is about, by its own word or by that of an event of the same purchase; `None` as long as nobody said.
    pub customer: Option<String>,
    /// What all of their payments come to: `Paid`, or why not.
    pub payment_status: Option<String>,
    /// When they are called next, if they can be.
    pub next_call_at: Option<Timestamp>,
    /// The rule by which they cannot be called, though they pay and nobody switched their calls off.
    pub hindrance: Option<String>,
    /// It was less than the price, or other money, and so does not count.
    pub is_short: bool,
    /// Its purchase was made by two customers, as far as we were told.
    pub is_of_two: bool,
}

/// Remembers an event, and what it says about its customer. A second time changes nothing.
pub async fn record_payment(database: &Connection, event: &PaymentEvent) -> Result<Recorded, Error> {
    let profile = &event.profile;
    let objects: Vec<&str> = event.objects.iter().map(RecordId::as_str).collect();
    let row = database
        .row(
            statement!("record_payment"),
            &[
                (&event.source.as_str(), Type::TEXT),
                (&event.id.as_str(), Type::TEXT),
                (&event.kind, Type::TEXT),
                (&event.created_at, Type::TIMESTAMPTZ),
                (&event.effect.as_str(), Type::TEXT),
                (&objects, Type::TEXT_ARRAY),
                (&event.customer.as_ref().map(CustomerId::as_str), Type::TEXT),
                (&event.paid.as_ref().map(|paid| paid.minor_units), Type::INT8),
                (&event.paid.as_ref().map(|paid| &paid.currency), Type::TEXT),
                (&profile.name, Type::TEXT),
                (&profile.phone.as_ref().map(Phone::as_str), Type::TEXT),
                (&profile.timezone.as_ref().map(TimeZone::as_str), Type::TEXT),
                (&profile.timezone_given, Type::TEXT),
                (&profile.call_at.map(CallAt::time), Type::TIME),
                (
                    &profile.call_days.as_ref().map(CallDays::as_slice),
                    Type::INT2_ARRAY,
                ),
            ],
        )
        .await?;
    Ok(Recorded {
        is_new: row.get("is_new"),
        zone_is_unknown: row.get("zone_is_unknown"),
    })
}

/// How things stand after an event that was recorded. What follows from one is seen by the next statement only.
pub async fn standing(database: &Connection, event: &PaymentEvent) -> Result<Standing, Error> {
    let params = [
        (&event.source.as_str() as _, Type::TEXT),
        (&event.id.as_str() as _, Type::TEXT),
    ];
    let row = database.row(statement!("standing"), &params).await?;
    Ok(Standing {
        customer: row.get("customer_id"),
        payment_status: row.get("payment_status"),
        next_call_at: row.get("next_call_scheduled_at"),
        hindrance: row.get("hindrance"),
        is_short: row.get("is_short"),
        is_of_two: row.get("is_of_two"),
    })
}
