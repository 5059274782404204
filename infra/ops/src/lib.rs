//! The operator's tool: bring a database up to date, and say whether it is.
//!
//! Each command reports exactly what it looked at. What only reads says so by its name (`verify`); what
//! writes is safe to run twice (`migrate`).

mod connect;
mod migrate;
mod verify;

pub use connect::connect;
pub use migrate::migrate;
pub use verify::{Finding, catalog, expected_catalog, verify};
