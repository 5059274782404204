//! `ops preflight`: it counts what would then come true.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::Callees;

/// Customers of every kind, with what is to be said of each.
async fn everybody(callees: &Callees) -> BTreeMap<&'static str, u64> {
    let changes: [(&str, &str); 14] = [
        ("plain", ""),
        ("east", "timezone = 'Asia/Kolkata', call_at = '18:15'"),
        ("south", "timezone = 'Australia/Lord_Howe', call_at = '20:30'"),
        ("late", "call_at = '20:00'"),
        ("sunday", "call_days = '{7}'"),
        ("zoneless", "timezone = NULL, timezone_given = 'Eastern'"),
        ("offset", "timezone = NULL, timezone_given = 'UTC-5'"),
        ("unvalidated", "phone_validated = false"),
        ("disabled", "call_status = 'disabled'"),
        ("paused", "paused_until = '2026-07-01 00:00+00'"),
        ("back_soon", "paused_until = '2026-06-10 16:00+00'"),
        ("sharing", "phone = '+14035550000', call_at = '09:00'"),
        ("called", "last_call_date = '2026-06-10'"),
        ("unpaid", "payment_status = 'Unpaid'"),
    ];
    for (number, (id, change)) in changes.into_iter().enumerate() {
        callees.customer(id, u32::try_from(number).expect("small")).await;
        if !change.is_empty() {
            callees
                .sql(&format!("UPDATE customers SET {change} WHERE id = '{id}'"))
                .await;
        }
    }
    callees.customer("stopped", 50).await;
    callees
        .sql("INSERT INTO opt_outs (phone, source) VALUES ('+14035550050', 'sms')")
        .await;
    callees
        .sql(
            "INSERT INTO customers (id, phone, phone_validated, timezone, timezone_given)
             VALUES ('new', '+14035550060', true, 'America/Toronto', 'America/Toronto')",
        )
        .await;
    callees.payment("new", "paid", "2026-06-10 12:00+00").await;
    BTreeMap::from([
        ("only_who_pays_is_called", 1),
        ("phone_is_validated", 1),
        ("calling_is_enabled", 1),
        ("nobody_after_stop", 1),
        ("clock_is_known", 2),
        ("nobody_while_paused", 1),
        ("one_call_per_phone_day", 1),
        ("not_in_these_hours", 3),
    ])
}

#[tokio::test]
async fn what_is_counted_comes_true() {
    let callees = Callees::new().await;
    let against = everybody(&callees).await;
    ops::pause_all(callees.owner()).await.expect("a pause");
    let before = callees
        .one("SELECT md5(string_agg(customers::text, '' ORDER BY id)) FROM customers")
        .await;
    let counted = ops::preflight(callees.owner(), 24, None).await.expect("a count");
    let after = callees
        .one("SELECT md5(string_agg(customers::text, '' ORDER BY id)) FROM customers")
        .await;
    assert_eq!(before, after, "it changes nothing");
    assert!(counted.is_paused);
    assert_eq!(counted.customers, 16);
    assert_eq!(
        counted
            .against
            .iter()
            .map(|(rule, number)| (rule.as_str(), *number))
            .collect::<BTreeMap<_, _>>(),
        against
    );
    assert_eq!((counted.shared_phones, counted.sharing_customers), (1, 2));
    let report = counted.lines().join("\n");
    assert!(
        report.contains("“Eastern”: America/New_York: ops repair can set it"),
        "{report}"
    );
    assert!(report.contains("“UTC-5”: an offset"), "{report}");
    assert!(!report.contains("+14035550000"), "numbers are masked: {report}");

    // Then let it come true, minute by minute as far as minutes matter here.
    ops::resume_all(callees.owner(), None).await.expect("calling");
    let mut welcome = 0;
    let mut called = BTreeMap::new();
    let begins = callees.now().await;
    for quarter in 0..96 {
        let now = begins + SignedDuration::from_mins(quarter * 15);
        callees.at(&now.to_string()).await;
        for decision in callees.schedule().await {
            let (id, decision) = decision.split_once(": ").expect("a decision");
            if !decision.ends_with("_call") {
                continue;
            }
            match callees.grant(id).await {
                Ok(attempt) => {
                    callees.accepted(attempt).await;
                    welcome += u64::from(decision == "welcome_call");
                    *called.entry(id.to_owned()).or_insert(0_u64) += 1;
                    callees.ended(attempt, "answered", "customer-ended-call").await;
                    callees
                        .sql("UPDATE attempts SET next_read_at = NULL WHERE state = 'accepted'")
                        .await;
                }
                Err(rule) => {
                    assert_eq!(
                        (id, rule.as_str()),
                        ("plain", "one_call_per_phone_day"),
                        "the telephone was called at nine"
                    );
                    callees.suppress(id, "phone_called_today").await;
                }
            }
        }
    }
    let number = u64::try_from(called.len()).expect("few");
    assert_eq!(counted.called, number, "{called:?}");
    let by_hour: u64 = counted.by_utc_hour.values().map(|calls| calls.total()).sum();
    assert_eq!(by_hour, called.values().sum::<u64>(), "{called:?}");
    let welcomes: u64 = counted.by_local_hour.values().map(|calls| calls.welcome).sum();
    assert_eq!((welcomes, welcome), (1, 1));
}

#[tokio::test]
async fn what_has_been_due_for_hours_is_due_at_once_and_the_rest_stays_passed_over() {
    let callees = Callees::new().await;
    callees.customer("nine", 1).await;
    callees.customer("eleven", 2).await;
    callees.sql("UPDATE customers SET call_at = '09:00' WHERE id = 'nine'; UPDATE customers SET call_at = '11:00' WHERE id = 'eleven'").await;
    ops::pause_all(callees.owner()).await.expect("a pause");
    callees.at("2026-06-10 17:30+00").await;
    let counted = ops::preflight(callees.owner(), 1, None).await.expect("a count");
    assert_eq!(
        (counted.due_now.daily, counted.due_now.welcome, counted.called),
        (1, 0, 1)
    );
    // Somebody who paid long ago is new to a cut-off that lies before that.
    let since = "2026-01-01T00:00:00Z".parse().expect("a moment");
    let counted = ops::preflight(callees.owner(), 1, Some(since))
        .await
        .expect("a count");
    assert_eq!((counted.due_now.daily, counted.due_now.welcome), (0, 2));
}
