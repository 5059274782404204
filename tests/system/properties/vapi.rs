//! What Vapi says to us, and what may be kept of it.

use super::holds;

#[test]
fn only_a_definite_answer_is_a_yes_or_a_no() {
    holds("vapi_answer", 5_000);
}

#[test]
fn a_message_says_what_it_says_and_can_be_stored() {
    holds("vapi_message", 5_000);
}

#[test]
fn a_credential_is_not_kept_and_everything_else_is() {
    holds("vapi_redact", 5_000);
}

#[test]
fn what_vapi_signed_a_moment_ago_is_accepted_and_nothing_else() {
    holds("vapi_signature", 3_000);
}
