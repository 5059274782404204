//! The engine's decisions.

use super::holds;

#[test]
fn absence_is_proven_or_not_claimed_and_one_message_is_enough_against_it() {
    holds("reconcile", 5_000);
}

#[test]
fn waits_have_bounds_and_nothing_follows_a_definite_end() {
    holds("retry", 5_000);
}

#[test]
fn a_bell_is_what_says_exactly_what_a_bell_says() {
    holds("doorbell", 5_000);
}
