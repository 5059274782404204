//! What Twilio says to us, what anybody pretends that it said, and what we answer.

use super::holds;

#[test]
fn a_form_is_read_as_it_was_meant_or_refused() {
    holds("form", 5_000);
}

#[test]
fn what_twilio_signed_is_accepted_and_nothing_that_differs_by_a_character() {
    holds("signature", 3_000);
    holds("signed_body", 3_000);
}

#[test]
fn a_request_is_taken_if_twilio_signed_it_and_only_then() {
    holds("webhook", 2_000);
}

#[test]
fn an_event_says_what_its_form_says() {
    holds("inbound", 5_000);
}

#[test]
fn an_id_is_of_its_kind() {
    holds("sids", 5_000);
}

#[test]
fn a_record_says_what_its_row_says_and_can_be_stored() {
    holds("records", 5_000);
    holds("dates", 2_000);
}

#[test]
fn only_a_definite_answer_is_a_yes_or_a_no() {
    holds("classify", 5_000);
}

#[test]
fn credentials_stay_with_their_host_and_account() {
    holds("next_page", 5_000);
}

#[test]
fn twiml_says_what_it_was_asked_to_say() {
    holds("twiml", 2_000);
}
