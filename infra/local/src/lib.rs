//! Switchboard on one machine.

pub mod callers;
pub mod functions;
pub mod gateway;
pub mod invoke;
pub mod postgres;
pub mod runtime_api;
pub mod sandbox;
pub mod sandbox_chat;
pub mod sandbox_meta;
pub mod sandbox_stripe;
pub mod sandbox_vapi;
pub mod settings;
pub mod sqs;
pub mod stack;
pub mod template;
pub mod time_machine;
pub mod triggers;
pub mod week;
pub mod writers;
