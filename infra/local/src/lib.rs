//! Switchboard on one machine.

pub mod invoke;
pub mod runtime_api;
pub mod template;
