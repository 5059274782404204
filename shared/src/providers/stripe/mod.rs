//! Stripe: what it tells us of payments, in our words.
//!
//! Events are verified by [`crate::environment::Environment::stripe_webhooks`], read by [`Event::parse`], and
//! [`payment_event`] says what follows from one. They come at least once, in any order, for up to three days; the
//! shape of their objects is that of the API version at which the endpoint was made, old or new.

mod effect;
mod event;
mod subject;

pub use effect::{effect, payment_event};
pub use event::{Event, EventError};
