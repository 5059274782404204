//! A Stripe to pay with: people subscribe, get their money back, complain to their bank and leave, and each time it
//! tells what the real one would tell, signed as the real one signs.
//!
//! Its money is as good as any: events are of the mode, live or test, that the stack counts. It sends each event once;
//! the real one goes on for three days where nobody takes it.

mod event;
mod handle;
mod signature;

pub use handle::{Happening, NoSuchPayment, Payer, SandboxStripe, SandboxStripeConfig, Told};
pub use signature::sign;
