//! Switchboard on one machine.

pub mod postgres;
pub mod sandbox;
