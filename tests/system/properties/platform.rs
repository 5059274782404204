//! What carries: gateway, schedules, queues, the database's address.

use super::holds;

#[test]
fn what_a_function_is_given_is_what_was_sent() {
    holds("gateway", 2_000);
}

#[test]
fn only_a_schedule_is_a_schedule() {
    holds("tick", 5_000);
}

#[test]
fn a_parked_request_comes_back_as_it_was() {
    holds("parked", 2_000);
}

#[test]
fn a_database_elsewhere_is_reached_over_tls_and_its_password_is_told_to_nobody() {
    holds("database_url", 2_000);
}

#[test]
fn a_schedules_function_runs_for_whoever_holds_its_token_and_for_nobody_else() {
    holds("schedule_token", 2_000);
}
