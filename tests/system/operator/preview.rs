//! `ops preview`: what it promises is what the scheduler then does.

use jiff::Timestamp;

use super::Callees;

async fn preview(callees: &Callees, id: &str) -> Vec<String> {
    let lines = ops::preview(callees.owner(), id).await.expect("a preview");
    lines.expect("a customer")
}

/// The instants that a preview names.
fn instants(lines: &[String]) -> Vec<Timestamp> {
    let words = lines.iter().flat_map(|line| line.split_whitespace());
    words
        .filter(|word| word.ends_with('Z'))
        .filter_map(|word| word.parse().ok())
        .collect()
}

#[tokio::test]
async fn seven_calls_are_listed_across_a_change_of_the_clocks() {
    let callees = Callees::new().await;
    callees.at("2026-10-30 12:00+00").await;
    callees.customer("cust_42", 1).await;
    insta::assert_snapshot!(preview(&callees, "cust_42").await.join("\n"), @"
    cust_42 (+1403***0001), America/Toronto
    Friday 2026-10-30 10:00 -04:00   2026-10-30T14:00:00Z   daily
    Saturday 2026-10-31 10:00 -04:00   2026-10-31T14:00:00Z   daily
    Sunday 2026-11-01 10:00 -05:00   2026-11-01T15:00:00Z   daily   the clocks were changed in between
    Monday 2026-11-02 10:00 -05:00   2026-11-02T15:00:00Z   daily
    Tuesday 2026-11-03 10:00 -05:00   2026-11-03T15:00:00Z   daily
    Wednesday 2026-11-04 10:00 -05:00   2026-11-04T15:00:00Z   daily
    Thursday 2026-11-05 10:00 -05:00   2026-11-05T15:00:00Z   daily
    ");
    assert_eq!(
        ops::preview(callees.owner(), "nobody").await.expect("an answer"),
        None
    );
}

/// Lets the schedule tick until the seven calls that were promised are over.
async fn keeps_its_promise(callees: &Callees, id: &str) {
    let promised = instants(&preview(callees, id).await);
    assert_eq!(promised.len(), 7, "{promised:?}");
    let mut kept = Vec::new();
    let mut now = callees.now().await;
    while now <= promised[6] {
        callees.at(&now.to_string()).await;
        if callees
            .schedule()
            .await
            .iter()
            .any(|decision| decision.ends_with("_call"))
        {
            let attempt = callees.grant(id).await.expect("allowed");
            callees.accepted(attempt).await;
            kept.push(now);
        }
        now += jiff::SignedDuration::from_mins(10);
    }
    assert_eq!(kept, promised, "{id}");
}

#[tokio::test]
async fn the_scheduler_keeps_to_what_was_promised_to_an_old_customer() {
    let callees = Callees::new().await;
    callees.customer("old", 1).await;
    callees
        .sql("UPDATE customers SET call_days = '{1,3,5}', call_at = '11:30' WHERE id = 'old'")
        .await;
    keeps_its_promise(&callees, "old").await;
}

#[tokio::test]
async fn the_scheduler_keeps_to_what_was_promised_to_a_new_customer() {
    let callees = Callees::new().await;
    callees
        .sql(
            "INSERT INTO customers (id, phone, phone_validated, timezone, timezone_given)
             VALUES ('new', '+14035550002', true, 'Asia/Kolkata', 'Asia/Kolkata')",
        )
        .await;
    callees.payment("new", "paid", "2026-06-10 12:00+00").await;
    keeps_its_promise(&callees, "new").await;
}

#[tokio::test]
async fn without_calls_the_reason_is_given() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    callees.customer("cust_7", 1).await;
    assert_eq!(
        preview(&callees, "cust_42").await.last().map(String::as_str),
        Some("the same telephone is cust_7's: whoever is first on a day is called, and nobody else")
    );
    ops::pause_all(callees.owner()).await.expect("a pause");
    let paused = preview(&callees, "cust_42").await;
    assert!(
        paused[1].starts_with("all calling is paused") && instants(&paused).len() == 7,
        "{paused:?}"
    );
    callees
        .sql("UPDATE customers SET call_status = 'disabled' WHERE id = 'cust_42'")
        .await;
    assert_eq!(
        preview(&callees, "cust_42").await,
        [
            "cust_42 (+1403***0001), America/Toronto",
            "no calls: calling them is switched off (call_status is disabled)"
        ]
    );
    // A pause of theirs is no reason: it ends.
    callees
        .sql("UPDATE customers SET call_status = 'enabled', paused_until = '2026-06-20 04:00+00' WHERE id = 'cust_42'")
        .await;
    let first = instants(&preview(&callees, "cust_42").await)[0];
    assert_eq!(first.to_string(), "2026-06-20T14:00:00Z");
}

#[tokio::test]
async fn a_call_that_would_come_too_soon_is_marked() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    callees
        .sql("UPDATE customers SET call_at = '20:00' WHERE id = 'cust_42'")
        .await;
    callees.at("2026-06-11 00:00+00").await;
    callees.schedule().await;
    let attempt = callees.grant("cust_42").await.expect("allowed");
    callees.accepted(attempt).await;
    // Seven hours further east it is three in the morning, and eight in the morning comes too soon.
    callees
        .sql("UPDATE customers SET timezone = 'Africa/Nairobi', call_at = '08:00' WHERE id = 'cust_42'")
        .await;
    let lines = preview(&callees, "cust_42").await;
    let too_soon = lines
        .iter()
        .filter(|line| line.contains("less than ten hours after another call"));
    assert_eq!(too_soon.count(), 1, "{lines:?}");
}
