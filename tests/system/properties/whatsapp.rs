//! What Meta says to us, and what a model does.

use super::holds;

#[test]
fn only_a_definite_answer_is_a_yes_or_a_no() {
    holds("whatsapp_answer", 5_000);
}

#[test]
fn a_person_is_one_person_however_their_number_is_spelled() {
    holds("whatsapp_number", 5_000);
}

#[test]
fn what_meta_signed_is_accepted_and_nothing_else() {
    holds("whatsapp_signature", 3_000);
}

#[test]
fn everything_in_a_webhook_is_read_once_and_can_be_stored() {
    holds("whatsapp_webhook", 5_000);
}

#[test]
fn what_a_model_says_is_sent_whole_or_not_at_all() {
    holds("chat_answer", 5_000);
}

#[test]
fn half_an_answer_of_a_model_is_none() {
    holds("chat_completion", 5_000);
}
