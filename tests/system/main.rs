//! The whole of it, tested from outside.

mod sample_events;
mod template;
