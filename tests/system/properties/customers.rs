//! Customers: what shops and Stripe tell us of them.

use super::holds;

#[test]
fn a_time_zone_is_a_place_that_is_certain_and_never_an_offset() {
    holds("zone", 5_000);
}

#[test]
fn what_was_signed_is_accepted_for_five_minutes_and_nothing_else_ever() {
    holds("timed_signature", 3_000);
}

#[test]
fn an_event_leads_to_no_more_than_its_type_and_its_object_say() {
    holds("stripe_event", 5_000);
}

#[test]
fn what_a_shop_says_of_a_customer_is_what_we_read() {
    holds("shop_event", 5_000);
}
