//! Switchboard on one machine.

pub mod gateway;
pub mod invoke;
pub mod runtime_api;
pub mod template;
pub mod triggers;
