//! Texts for missed calls.

mod callers;
mod freezes;
mod scene;
mod targets;
mod time_outs;

pub(super) use freezes::freeze;
pub(super) use scene::Scene;
pub(super) use targets::TARGETS;
pub(super) use time_outs::{batch_drips, poller_is_held};
