//! Switchboard as its users see it, on real components.

mod architecture;
mod bad_doorbells;
mod bad_schedules;
mod bad_status_input;
mod bad_voice_input;
mod database_away;
mod ledger;
mod logs;
mod migrations;
mod missed_calls;
mod statements;
mod triggers;
