//! x
mod queue_contract;
