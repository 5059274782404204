//! Switchboard on one machine.

pub mod postgres;
