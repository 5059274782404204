//! Switchboard as its users see it, on real components.

mod cold_start;
mod kills;
mod ledger;
mod local_stack;
mod missed_calls;
mod pooler;
mod queue_contract;
mod round_trips;
mod sample_events;
mod secrets;
mod template;
mod tls;
mod twilio_package;
mod unclear;
