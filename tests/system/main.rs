//! Switchboard as its users see it, on real components.

mod architecture;
mod bad_doorbells;
mod bad_schedules;
mod bad_status_input;
mod bad_voice_input;
mod cold_start;
mod database_away;
mod kills;
mod ledger;
mod local_stack;
mod logs;
mod migrations;
mod missed_calls;
mod pooler;
mod queue_contract;
mod round_trips;
mod sample_events;
mod secrets;
mod statements;
mod template;
mod tls;
mod triggers;
mod twilio_package;
mod unclear;
