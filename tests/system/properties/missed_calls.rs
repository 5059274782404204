//! Calls, callers and what they are told.

use super::holds;

#[test]
fn a_phone_is_strict_e164_and_printing_it_hides_it() {
    holds("phone", 5_000);
}

#[test]
fn two_sources_never_contradict_each_other_about_a_call() {
    holds("calls", 5_000);
}

#[test]
fn no_text_goes_out_against_a_rule_and_the_first_says_how_to_stop_them() {
    holds("text", 5_000);
}
