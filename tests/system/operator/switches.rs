//! `ops pause` and `ops resume`: the database heeds them from that commit on.

use ops::Moment;

use super::Callees;

#[tokio::test]
async fn after_a_pause_of_all_calling_the_database_allows_no_call() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    callees.at("2026-06-10 14:00+00").await;
    callees.schedule().await;
    let said = ops::pause_all(callees.owner()).await.expect("a pause");
    assert_eq!(
        said,
        "all calling is paused: the database allows no call from now on; no request is on its way"
    );
    assert_eq!(callees.grant("cust_42").await, Err("calling_is_on".to_owned()));
    let again = ops::pause_all(callees.owner()).await.expect("a pause");
    assert!(again.starts_with("all calling is paused already"), "{again}");

    let since = "2026-06-05T00:00:00Z".parse().expect("a moment");
    let said = ops::resume_all(callees.owner(), Some(since))
        .await
        .expect("calling");
    assert_eq!(
        said,
        "calling is on; who paid before 2026-06-05T00:00:00Z gets no welcome call"
    );
    callees.grant("cust_42").await.expect("allowed");
    let on_the_way = ops::pause_all(callees.owner()).await.expect("a pause");
    assert!(
        on_the_way.ends_with("requests on their way, which nobody can take back: 1"),
        "{on_the_way}"
    );
}

#[tokio::test]
async fn one_customer_can_be_paused_for_a_while_or_for_good() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    callees.customer("cust_7", 2).await;
    callees.at("2026-06-10 14:00+00").await;
    callees.schedule().await;
    let until: Moment = "2026-06-12".parse().expect("a day");
    let said = ops::pause_customer(callees.owner(), "cust_42", Some(until))
        .await
        .expect("a pause");
    assert_eq!(
        said.as_deref(),
        Some(
            "cust_42 is paused until 2026-06-12T04:00:00Z; a call of theirs was waiting, and the database will not allow it"
        )
    );
    assert_eq!(
        callees.grant("cust_42").await,
        Err("nobody_while_paused".to_owned())
    );
    callees.grant("cust_7").await.expect("nobody else is paused");
    let next = "SELECT next_call_scheduled_at AT TIME ZONE 'UTC' FROM customers WHERE id = 'cust_42'";
    assert_eq!(callees.one(next).await, "2026-06-12 14:00:00");

    let said = ops::pause_customer(callees.owner(), "cust_42", None)
        .await
        .expect("a pause")
        .expect("a customer");
    assert!(said.contains("until somebody resumes them"), "{said}");
    assert_eq!(
        callees.grant("cust_42").await,
        Err("calling_is_enabled".to_owned())
    );
    assert_eq!(callees.one(next).await, "");

    let said = ops::resume_customer(callees.owner(), "cust_42")
        .await
        .expect("calling");
    assert_eq!(
        said.as_deref(),
        Some("cust_42 is not paused any more: the next call is planned for 2026-06-11T14:00:00Z")
    );
    callees.grant("cust_42").await.expect("allowed again");

    let over: Moment = "2026-06-10T10:00".parse().expect("a time");
    let error = ops::pause_customer(callees.owner(), "cust_42", Some(over))
        .await
        .expect_err("it is over");
    assert_eq!(error.to_string(), "2026-06-10T14:00:00Z is over already");
    for missing in [
        ops::pause_customer(callees.owner(), "nobody", None).await,
        ops::resume_customer(callees.owner(), "nobody").await,
    ] {
        assert_eq!(missing.expect("an answer"), None);
    }
}

#[tokio::test]
async fn resuming_somebody_says_what_else_speaks_against_calling_them() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    callees
        .sql("UPDATE customers SET phone_validated = false WHERE id = 'cust_42'")
        .await;
    let said = ops::resume_customer(callees.owner(), "cust_42")
        .await
        .expect("an answer")
        .expect("a customer");
    assert!(
        said.contains("and still not called: nobody has found out whether their number is one"),
        "{said}"
    );
}

#[tokio::test]
async fn what_was_switched_when_and_by_whom_is_kept() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    ops::pause_all(callees.owner()).await.expect("a pause");
    ops::pause_customer(callees.owner(), "cust_42", None)
        .await
        .expect("a pause");
    let kept = "SELECT string_agg(concat_ws(' ', coalesce(customer_id, 'all'), changed_by, coalesce(was ->> 'paused', was ->> 'call_status')), ', ' ORDER BY id)
                FROM changes WHERE changed_at = switchboard_now()";
    assert_eq!(
        callees.one(kept).await,
        "all postgres false, cust_42 postgres enabled"
    );
    for removal in [
        "DELETE FROM changes",
        "UPDATE changes SET was = '{}'",
        "TRUNCATE changes",
    ] {
        let refused = callees.owner().batch_execute(removal).await.expect_err(removal);
        let rule = refused.as_db_error().and_then(|error| error.constraint());
        assert_eq!(rule, Some("ledger_is_kept"), "{removal}");
    }
    let application = callees.database.as_application().await;
    application
        .batch_execute("UPDATE calling SET paused = false")
        .await
        .expect_err("no right to");
}

/// Who waits for a lock in this database.
pub(super) const WAITING: &str = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted
                       AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";

/// Somebody's permit, asked for on a connection of its own; the rule that refused it, if one did.
async fn asks(client: &tokio_postgres::Client, job: uuid::Uuid) -> Result<(), String> {
    let grant = include_str!("../../../shared/src/jobs/sql/grant.sql");
    let granted = client.query_opt(grant, &[&job, &"daily"]).await;
    granted.map(drop).map_err(|error| {
        let rule = error.as_db_error().and_then(|error| error.constraint());
        rule.expect("a rule").to_owned()
    })
}

/// Three customers who are due, and one transaction that has the first one's permit and not committed yet.
async fn three_due() -> (Callees, tokio_postgres::Client) {
    let callees = Callees::new().await;
    for number in 1..=3 {
        callees.customer(&format!("cust_{number}"), number).await;
    }
    callees.at("2026-06-10 14:00+00").await;
    callees.schedule().await;
    let first = callees.database.as_application().await;
    first.batch_execute("BEGIN").await.expect("a transaction");
    let job = callees.pending("cust_1").await;
    asks(&first, job).await.expect("allowed");
    (callees, first)
}

#[tokio::test]
async fn no_permit_that_was_asked_for_before_a_pause_is_given_after_it() {
    let (callees, first) = three_due().await;
    let (second, third) = (
        callees.database.as_application().await,
        callees.database.as_application().await,
    );
    let (job_2, job_3) = (callees.pending("cust_2").await, callees.pending("cust_3").await);
    let pauses = ops::connect(&callees.database.owner_url().await, None)
        .await
        .expect("the database answers");
    let is_paused = std::cell::Cell::new(false);
    let pause = async {
        while callees.one(WAITING).await != "2" {
            tokio::task::yield_now().await;
        }
        let said = ops::pause_all(&pauses).await.expect("a pause");
        is_paused.set(true);
        (said, callees.one("SELECT count(*) FROM attempts").await)
    };
    let commit = async {
        while !is_paused.get() && callees.one(WAITING).await != "3" {
            tokio::task::yield_now().await;
        }
        first.batch_execute("COMMIT").await.expect("a commit");
    };
    let (_, _, (said, counted), ()) = tokio::join!(asks(&second, job_2), asks(&third, job_3), pause, commit);
    let allowed = callees.one("SELECT count(*) FROM attempts").await;
    assert_eq!(allowed, counted, "none after the pause");
    assert!(
        said.ends_with(&format!("which nobody can take back: {allowed}")),
        "{said}"
    );
}

#[tokio::test]
async fn no_permit_that_was_asked_for_before_a_stop_is_given_after_it() {
    let (callees, first) = three_due().await;
    let second = callees.database.as_application().await;
    let job = callees.pending("cust_2").await;
    let stop = async {
        while callees.one(WAITING).await != "1" {
            tokio::task::yield_now().await;
        }
        callees
            .sql(
                "INSERT INTO opt_outs (phone, source) SELECT phone, 'sms' FROM customers WHERE id = 'cust_2'",
            )
            .await;
        first.batch_execute("COMMIT").await.expect("a commit");
    };
    let (asked, ()) = tokio::join!(asks(&second, job), stop);
    assert_eq!(asked, Err("nobody_after_stop".to_owned()));
}
