//! Calls to customers.

mod customers;
mod freezes;
mod outside;
mod scene;
mod targets;
mod time_outs;

pub(super) use freezes::freeze;
pub(super) use scene::Scene;
pub(super) use targets::TARGETS;
pub(super) use time_outs::{batch_is_held, sweeper_is_held};
