//! `ops why`: each way in which somebody comes to be called, or not to be.

use super::Callees;

#[tokio::test]
async fn a_call_is_told_from_its_permit_to_its_result() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    assert_eq!(
        callees.why("cust_42", None).await,
        "has not been called today yet: their hour is still ahead, at 10:00."
    );
    callees.at("2026-06-10 14:00+00").await;
    assert_eq!(callees.schedule().await, ["cust_42: daily_call"]);
    assert!(
        callees
            .why("cust_42", None)
            .await
            .contains("the daily call waits until 10:00")
    );

    let attempt = callees.grant("cust_42").await.expect("allowed");
    assert_eq!(
        callees.why("cust_42", None).await,
        "is being called now, the daily call: the request to Vapi was allowed at 10:00 (America/Toronto)."
    );
    callees.accepted(attempt).await;
    assert!(
        callees
            .why("cust_42", None)
            .await
            .starts_with("is being called now")
    );
    callees
        .ended(attempt, "no_answer", "customer-did-not-answer")
        .await;
    callees.at("2026-06-10 15:00+00").await;
    let became =
        "10:00 (America/Toronto), the daily call: nobody answered (Vapi says customer-did-not-answer).";
    assert_eq!(
        callees.why("cust_42", None).await,
        format!("was called today at {became}")
    );
    callees.at("2026-06-12 15:00+00").await;
    assert_eq!(
        callees.why("cust_42", Some("2026-06-10")).await,
        format!("was called on Wednesday 2026-06-10 at {became}")
    );
    let whole = ops::why(callees.owner(), "cust_42", None)
        .await
        .expect("a sentence");
    assert!(whole.expect("a customer").starts_with("cust_42 (+1403***0001) "));
    assert_eq!(
        ops::why(callees.owner(), "nobody", None)
            .await
            .expect("an answer"),
        None
    );
}

#[tokio::test]
async fn an_unclear_outcome_is_never_told_as_certain() {
    let callees = Callees::new().await;
    for (number, id) in ["gone", "unknown"].into_iter().enumerate() {
        callees.customer(id, u32::try_from(number).expect("small")).await;
    }
    callees.at("2026-06-10 14:00+00").await;
    callees.schedule().await;
    callees.grant("gone").await.expect("allowed");
    let unknown = callees.grant("unknown").await.expect("allowed");
    callees.unknown(unknown).await;
    let said = callees.why("unknown", None).await;
    assert!(
        said.starts_with("may have been called today at 10:00") && said.contains("unclear (timeout)"),
        "{said}"
    );
    callees.at("2026-06-10 14:03+00").await;
    let said = callees.why("gone", None).await;
    assert!(said.contains("whoever sent the request is gone"), "{said}");
    callees.sweep().await;
    let said = callees.why("gone", None).await;
    assert!(
        said.contains("unclear (worker gone) and is looked up with Vapi"),
        "{said}"
    );
}

#[tokio::test]
async fn a_call_that_a_rule_or_vapi_refused_is_told_with_the_reason() {
    let callees = Callees::new().await;
    for (number, id) in ["refused", "stopped", "late", "first", "second"]
        .into_iter()
        .enumerate()
    {
        callees.customer(id, u32::try_from(number).expect("small")).await;
    }
    callees
        .sql("UPDATE customers SET phone = '+14035550003' WHERE id = 'second'")
        .await;
    callees.at("2026-06-10 14:00+00").await;
    assert_eq!(callees.schedule().await.len(), 5);

    let attempt = callees.grant("refused").await.expect("allowed");
    callees.refused(attempt, "not a number that Vapi calls").await;
    assert_eq!(
        callees.why("refused", None).await,
        "was not called today: Vapi refused the daily call for good, after a request was refused at 10:00 (not a number that Vapi calls)."
    );

    callees.sql("INSERT INTO opt_outs (phone, source) SELECT phone, 'whatsapp' FROM customers WHERE id = 'stopped'").await;
    assert_eq!(
        callees.grant("stopped").await,
        Err("nobody_after_stop".to_owned())
    );
    callees.suppress("stopped", "opted_out").await;
    assert_eq!(
        callees.why("stopped", None).await,
        "was not called today: the daily call was not made, because they said stop at 10:00 via whatsapp."
    );

    let first = callees.grant("first").await.expect("allowed");
    callees.accepted(first).await;
    assert_eq!(
        callees.grant("second").await,
        Err("one_call_per_phone_day".to_owned())
    );
    callees.suppress("second", "phone_called_today").await;
    let said = callees.why("second", None).await;
    assert!(
        said.ends_with(
            "somebody with the same number was called that day, or may have been (first, at 10:00)."
        ),
        "{said}"
    );

    callees.at("2026-06-10 18:30+00").await;
    let said = callees.why("late", None).await;
    assert!(
        said.contains("the sweeper has not written that off yet"),
        "{said}"
    );
    callees.sweep().await;
    let said = callees.why("late", None).await;
    assert!(
        said.ends_with(
            "it could not be made in its hours: from 10:00 until 14:00, and what held it up is not known."
        ),
        "{said}"
    );
}

#[tokio::test]
async fn what_stood_at_their_hour_is_told_after_it_has_been_put_right() {
    let callees = Callees::new().await;
    let settings = [
        (
            "refunded",
            "",
            "they did not pay any more: the money went back on 2026-06-09 at 16:00",
        ),
        (
            "unvalidated",
            "phone_validated = false",
            "phone_validated is false",
        ),
        (
            "disabled",
            "call_status = 'disabled'",
            "calling them was switched off",
        ),
        (
            "paused",
            "paused_until = '2026-06-11 04:00+00'",
            "they were paused until 2026-06-11 00:00",
        ),
        (
            "weekly",
            "call_days = '{1}'",
            "Wednesday 2026-06-10 is not one of their days",
        ),
        ("stopped", "", "they said stop on 2026-06-09 at 16:00 via sms"),
    ];
    callees.at("2026-06-09 20:00+00").await;
    for (number, (id, change, _)) in settings.iter().enumerate() {
        callees.customer(id, u32::try_from(number).expect("small")).await;
        if !change.is_empty() {
            callees
                .sql(&format!("UPDATE customers SET {change} WHERE id = '{id}'"))
                .await;
        }
    }
    callees
        .payment("refunded", "refunded", "2026-06-09 20:00+00")
        .await;
    callees
        .sql("INSERT INTO opt_outs (phone, source) SELECT phone, 'sms' FROM customers WHERE id = 'stopped'")
        .await;
    callees.at("2026-06-10 14:00+00").await;
    assert_eq!(callees.schedule().await, ["stopped: opted_out"]);

    callees.at("2026-06-11 13:00+00").await;
    callees
        .sql(
            "UPDATE customers SET phone_validated = true, call_status = 'enabled', paused_until = NULL, call_days = '{1,2,3,4,5,6,7}';
             UPDATE opt_outs SET revoked_at = switchboard_now(), revoked_by = 'START'",
        )
        .await;
    callees.payment("refunded", "paid", "2026-06-11 13:00+00").await;
    for (id, _, words) in settings {
        let said = callees.why(id, Some("2026-06-10")).await;
        assert!(
            said.starts_with("was not called on Wednesday 2026-06-10: "),
            "{said}"
        );
        assert!(said.contains(words), "{id}: {said}");
    }
}

#[tokio::test]
async fn a_pause_of_all_calling_explains_its_days_when_it_is_over() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    ops::pause_all(callees.owner()).await.expect("a pause");
    callees.at("2026-06-10 14:00+00").await;
    assert_eq!(callees.schedule().await, [""; 0]);
    callees.at("2026-06-10 14:30+00").await;
    assert_eq!(
        callees.why("cust_42", None).await,
        "was not called today: at their hour (10:00) all calling was paused."
    );
    callees.at("2026-06-12 13:00+00").await;
    ops::resume_all(callees.owner(), None).await.expect("calling");
    callees.schedule().await;
    callees.sweep().await;
    for day in ["2026-06-10", "2026-06-11"] {
        let said = callees.why("cust_42", Some(day)).await;
        assert!(said.contains("all calling was paused"), "{day}: {said}");
    }
}

#[tokio::test]
async fn an_unknown_clock_is_told_as_it_was_given() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    callees
        .sql("UPDATE customers SET timezone = NULL, timezone_given = 'UTC-5' WHERE id = 'cust_42'")
        .await;
    assert_eq!(
        callees.why("cust_42", None).await,
        "was not called today: nobody knows what their clock shows (timezone_given is “UTC-5”, no place that we know)."
    );
}

#[tokio::test]
async fn the_welcome_call_takes_the_place_of_the_days_other_call() {
    let callees = Callees::new().await;
    callees
        .sql(
            "INSERT INTO customers (id, phone, phone_validated, timezone, timezone_given)
             VALUES ('new', '+14035550001', true, 'America/Toronto', 'America/Toronto')",
        )
        .await;
    callees.payment("new", "paid", "2026-06-10 12:00+00").await;
    assert_eq!(
        callees.why("new", None).await,
        "has not been called today; their welcome call is planned for 08:20."
    );
    callees.at("2026-06-10 12:20+00").await;
    assert_eq!(callees.schedule().await, ["new: welcome_call"]);
    let attempt = callees.grant("new").await.expect("allowed");
    callees.accepted(attempt).await;
    callees.ended(attempt, "answered", "customer-ended-call").await;
    callees.at("2026-06-10 14:00+00").await;
    assert_eq!(callees.schedule().await, ["new: called_today"]);
    assert_eq!(
        callees.why("new", None).await,
        "was called today at 08:20 (America/Toronto), the welcome call: it was answered (Vapi says customer-ended-call)."
    );
    assert_eq!(
        callees.why("new", Some("2026-06-09")).await,
        "was not called on Tuesday 2026-06-09: they became a customer later, on Wednesday 2026-06-10."
    );
}

#[tokio::test]
async fn what_nothing_explains_is_called_a_bug_or_an_outage() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    callees
        .sql("INSERT INTO ticks VALUES ('call-scheduler', switchboard_now())")
        .await;
    callees.at("2026-06-10 14:01+00").await;
    let said = callees.why("cust_42", None).await;
    assert!(
        said.contains("their hour (10:00) has just come, and the scheduler last ran at 08:00"),
        "{said}"
    );
    callees.at("2026-06-10 16:00+00").await;
    let said = callees.why("cust_42", None).await;
    assert!(
        said.contains("that is a bug or an outage, which can be made good until 14:00"),
        "{said}"
    );
    callees.at("2026-06-12 13:00+00").await;
    for day in ["2026-06-10", "2026-06-11"] {
        let said = callees.why("cust_42", Some(day)).await;
        assert!(
            said.contains("nothing was scheduled although nothing that we know spoke against it"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn the_words_for_a_rule_are_given_where_the_database_has_the_rule() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    // Each damage on top of the one before: the database names the first rule that it meets.
    let damages = [
        (
            "paused_until = '2026-06-12 00:00+00'",
            "nobody_while_paused",
            "they are paused until",
        ),
        (
            "timezone = NULL",
            "clock_is_known",
            "nobody knows what their clock shows",
        ),
        ("call_status = 'disabled'", "calling_is_enabled", "switched off"),
        (
            "phone_validated = false",
            "phone_is_validated",
            "phone_validated is false",
        ),
    ];
    for (damage, rule, words) in damages {
        callees
            .sql(&format!("UPDATE customers SET {damage} WHERE id = 'cust_42'"))
            .await;
        let named = callees
            .one("SELECT rule_against_calling(customers, switchboard_now(), NULL) FROM customers")
            .await;
        assert_eq!(named, rule);
        let said = callees.why("cust_42", None).await;
        assert!(said.contains(words), "{rule}: {said}");
    }
    callees
        .payment("cust_42", "refunded", "2026-06-10 12:00+00")
        .await;
    assert!(
        callees
            .why("cust_42", None)
            .await
            .contains("the money went back at 12:00 UTC")
    );
    ops::pause_all(callees.owner()).await.expect("a pause");
    assert!(callees.why("cust_42", None).await.contains("all calling"));
}

/// A no that was none: the ledger has a refusal, and Vapi tells of the call.
#[tokio::test]
async fn a_call_that_only_evidence_knows_of_is_told_and_keeps_its_day() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    callees.customer("cust_7", 1).await;
    callees.at("2026-06-10 14:00+00").await;
    callees.schedule().await;
    let attempt = callees.grant("cust_42").await.expect("allowed");
    callees.refused(attempt, "refused by Vapi").await;
    let said = callees.why("cust_42", None).await;
    assert!(said.starts_with("was not called today"), "{said}");
    callees
        .sql(&format!(
            "INSERT INTO duplicate_evidence (attempt_id, provider_id, note) VALUES ('{attempt}', 'c1', 'after a refusal')"
        ))
        .await;
    let said = callees.why("cust_42", None).await;
    assert!(
        said.starts_with("was called today") && said.contains("the ledger counts that request as refused"),
        "{said}"
    );
    callees.at("2026-06-10 14:01+00").await;
    assert_eq!(
        callees.grant("cust_7").await,
        Err("one_call_per_customer_day".to_owned()),
        "the telephone rang"
    );
}
