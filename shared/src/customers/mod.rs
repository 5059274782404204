//! Customers: who pays, and how they want to be called.
//!
//! Stripe tells us of payments, or a shop of its own customers; both are read into the same [`PaymentEvent`], so
//! that what follows is decided once. Whoever pays is called at the hour that they chose, on their own clock: a
//! zone that is not certain is no zone, and nobody is called on a guess.

mod hours;
mod payment;
mod profile;
pub mod shop;
mod store;
mod zone;

pub use hours::{CallAt, CallDays, InvalidCallAt, InvalidCallDays};
pub use payment::{
    CustomerId, Effect, InvalidCustomerId, InvalidRecordId, Money, PaymentEvent, RecordId, Source,
};
pub use profile::{FieldError, Profile};
pub use store::{Recorded, Standing, record_payment, standing};
pub use zone::{TimeZone, ZoneError};
