//! Switchboard as its users see it, on real components.

mod kills;
mod ledger;
mod local_stack;
mod missed_calls;
mod queue_contract;
mod round_trips;
mod sample_events;
mod template;
mod twilio_package;
mod unclear;
