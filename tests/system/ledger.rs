//! What the database refuses, even to wrong code. Every statement here runs with the functions' rights.

use jiff::SignedDuration;
use system_tests::TestDatabase;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

const CALLER: &str = "+14035550001";
const LINE: &str = "+15005550006";

/// The product's own statement.
const GRANT: &str = include_str!("../../shared/src/jobs/sql/grant.sql");

struct Ledger {
    database: TestDatabase,
    application: Client,
}

impl Ledger {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        database
            .sql(&format!(
                "INSERT INTO lines (number, forward_to, business_name) VALUES ('{LINE}', '+14155550101', 'Acme')"
            ))
            .await;
        let application = database.as_application().await;
        Self {
            database,
            application,
        }
    }

    async fn job(&self, cause: &str, caller: &str) -> Uuid {
        let sql = "INSERT INTO jobs (kind, cause, recipient, line, origin, caused_at, due_at, expires_at)
                   VALUES ('missed_call_text', $1::text, $2::text, $3::text, 'dial_result', switchboard_now(),
                           switchboard_now(), switchboard_now() + interval '2 hours') RETURNING id";
        self.application
            .query_one(sql, &[&cause, &caller, &LINE])
            .await
            .expect("a job")
            .get(0)
    }

    /// Runs the product's own statement.
    async fn grant(&self, job: Uuid) -> Result<Option<Uuid>, tokio_postgres::Error> {
        Ok(self
            .application
            .query_opt(GRANT, &[&job, &"sorry"])
            .await?
            .map(|row| row.get("id")))
    }

    async fn granted(&self, cause: &str, caller: &str) -> Uuid {
        let job = self.job(cause, caller).await;
        self.grant(job).await.expect("allowed").expect("pending")
    }

    /// The name of the rule that refuses a statement.
    async fn refusal(&self, sql: &str) -> String {
        match self.application.batch_execute(sql).await {
            Ok(()) => panic!("not refused: {sql}"),
            Err(error) => rule(&error),
        }
    }

    async fn settle(&self, attempt: Uuid, assignments: &str) {
        self.application
            .batch_execute(&format!(
                "UPDATE attempts SET {assignments} WHERE id = '{attempt}'"
            ))
            .await
            .expect("legal");
    }

    async fn pass(&self, minutes: i64) {
        self.database.advance(SignedDuration::from_mins(minutes)).await;
    }
}

fn rule(error: &tokio_postgres::Error) -> String {
    let error = error
        .as_db_error()
        .unwrap_or_else(|| panic!("the server said so: {error:?}"));
    if *error.code() == SqlState::INSUFFICIENT_PRIVILEGE {
        return "no right to".to_owned();
    }
    error
        .constraint()
        .unwrap_or_else(|| panic!("a named rule: {error:?}"))
        .to_owned()
}

#[tokio::test]
async fn a_cause_has_one_job_for_ever() {
    let ledger = Ledger::new().await;
    let job = ledger.job("CA1", CALLER).await;
    let again = format!(
        "INSERT INTO jobs (kind, cause, recipient, line, origin, caused_at, due_at, expires_at) VALUES
         ('missed_call_text', 'CA1', '+14035550002', '{LINE}', 'poller', now(), now(), now() + interval '1 hour')"
    );
    assert_eq!(ledger.refusal(&again).await, "one_job_per_cause");
    ledger
        .application
        .execute(
            "UPDATE jobs SET state = 'suppressed', state_reason = 'loop', ended_at = now() WHERE id = $1",
            &[&job],
        )
        .await
        .expect("legal");
    assert_eq!(
        ledger.refusal(&again).await,
        "one_job_per_cause",
        "not even after it has ended"
    );
    assert_eq!(ledger.refusal(&again.replace("CA1", "")).await, "job_has_a_cause");
    assert_eq!(
        ledger.refusal(&again.replace("missed_call_text", "spam")).await,
        "job_kind_is_known"
    );
    assert_eq!(
        ledger
            .refusal(&again.replace("CA1", "CA2").replace("+14035550002", "4035550002"))
            .await,
        "phone_is_e164"
    );
}

#[tokio::test]
async fn a_job_has_one_attempt_that_may_have_reached_somebody() {
    let ledger = Ledger::new().await;
    let job = ledger.job("CA1", CALLER).await;
    let attempt = ledger.grant(job).await.expect("allowed").expect("pending");
    assert_eq!(
        ledger.grant(job).await.expect("no error"),
        None,
        "somebody else has it"
    );
    let raw = format!("INSERT INTO attempts (job_id, content) VALUES ('{job}', 'again')");
    assert_eq!(
        ledger.refusal(&raw).await,
        "at_most_one_possible_attempt",
        "raw, while one is sending"
    );
    for (state, reason) in [
        ("unknown", "state = 'unknown', reason = 'timeout'"),
        ("accepted", "state = 'accepted', provider_id = 'SM1'"),
    ] {
        ledger.settle(attempt, reason).await;
        let refusal = ledger.refusal(&raw).await;
        assert_eq!(
            refusal, "at_most_one_possible_attempt",
            "raw, while one is {state}"
        );
    }
}

#[tokio::test]
async fn an_attempt_needs_a_live_lease() {
    let ledger = Ledger::new().await;
    let pending = ledger.job("CA1", CALLER).await;
    let raw = |job| format!("INSERT INTO attempts (job_id, content) VALUES ('{job}', 'sorry')");
    assert_eq!(ledger.refusal(&raw(pending)).await, "attempt_needs_a_lease");
    let lease = "UPDATE jobs SET state = 'in_flight', lease_token = gen_random_uuid(), lease_until = switchboard_now() + interval '1 s' WHERE id = $1";
    ledger
        .application
        .execute(lease, &[&pending])
        .await
        .expect("legal");
    ledger.pass(1).await;
    assert_eq!(
        ledger.refusal(&raw(pending)).await,
        "attempt_needs_a_lease",
        "it is over"
    );
}

#[tokio::test]
async fn nobody_is_texted_after_stop_nor_after_expiry() {
    let ledger = Ledger::new().await;
    let job = ledger.job("CA1", CALLER).await;
    let stop = format!("INSERT INTO opt_outs (phone, source) VALUES ('{CALLER}', 'STOP')");
    ledger.application.batch_execute(&stop).await.expect("legal");
    assert_eq!(
        rule(&ledger.grant(job).await.expect_err("refused")),
        "nobody_after_stop"
    );
    assert_eq!(ledger.refusal(&stop).await, "one_live_opt_out_per_phone");
    assert_eq!(ledger.refusal("DELETE FROM opt_outs").await, "no right to");

    let late = ledger.job("CA2", "+14035550002").await;
    ledger.pass(120).await;
    assert_eq!(
        ledger.grant(late).await.expect("no error"),
        None,
        "expired to the minute"
    );
    let lease = "UPDATE jobs SET state = 'in_flight', lease_token = gen_random_uuid(), lease_until = switchboard_now() + interval '1 h' WHERE id = $1";
    ledger.application.execute(lease, &[&late]).await.expect("legal");
    let raw = format!("INSERT INTO attempts (job_id, content) VALUES ('{late}', 'sorry')");
    assert_eq!(ledger.refusal(&raw).await, "nothing_after_expiry");
}

#[tokio::test]
async fn a_line_texts_a_person_once_per_cool_down() {
    let ledger = Ledger::new().await;
    let first = ledger.granted("CA1", CALLER).await;
    let second = ledger.job("CA2", CALLER).await;
    assert_eq!(
        rule(&ledger.grant(second).await.expect_err("refused")),
        "one_unsettled_text_per_pair"
    );
    ledger
        .settle(first, "state = 'accepted', provider_id = 'SM1'")
        .await;
    ledger.pass(9).await;
    assert_eq!(
        rule(&ledger.grant(second).await.expect_err("refused")),
        "one_text_per_cool_down"
    );
    ledger.pass(1).await;
    assert!(
        ledger.grant(second).await.expect("allowed").is_some(),
        "ten minutes later"
    );
}

#[tokio::test]
async fn a_text_of_unknown_outcome_blocks_the_next_one_even_after_the_cool_down() {
    let ledger = Ledger::new().await;
    let first = ledger.granted("CA1", CALLER).await;
    ledger
        .settle(first, "state = 'unknown', reason = 'timeout'")
        .await;
    ledger.pass(60).await;
    let second = ledger.job("CA2", CALLER).await;
    assert_eq!(
        rule(&ledger.grant(second).await.expect_err("refused")),
        "one_unsettled_text_per_pair"
    );
}

#[tokio::test]
async fn only_a_definite_no_is_a_refusal() {
    let ledger = Ledger::new().await;
    let attempt = ledger.granted("CA1", CALLER).await;
    for claim in [
        "http_status = 500, reason = 'server error'",
        "http_status = 503, reason = 'busy'",
        "http_status = 408, reason = 'slow'",
        "http_status = NULL, reason = 'timeout'",
        "http_status = 307, reason = 'redirect'",
        "http_status = 500, reason = 'not_sent'",
        "http_status = NULL, reason = NULL",
    ] {
        let sql = format!("UPDATE attempts SET state = 'refused', {claim} WHERE id = '{attempt}'");
        assert_eq!(
            ledger.refusal(&sql).await,
            "only_a_definite_no_is_a_refusal",
            "{claim}"
        );
    }
    ledger
        .settle(attempt, "state = 'refused', reason = 'not_sent'")
        .await;
}

#[tokio::test]
async fn absence_is_proven_or_refused() {
    let ledger = Ledger::new().await;
    let attempt = ledger.granted("CA1", CALLER).await;
    let absent = format!("UPDATE attempts SET state = 'absent' WHERE id = '{attempt}'");
    assert_eq!(
        ledger.refusal(&absent).await,
        "attempt_transition",
        "straight from sending"
    );
    ledger
        .settle(attempt, "state = 'unknown', reason = 'timeout'")
        .await;
    assert_eq!(
        ledger.refusal(&absent).await,
        "absence_is_proven",
        "without a reading"
    );
    ledger.settle(attempt, "empty_reads = 2").await;
    ledger.pass(14).await;
    assert_eq!(
        ledger.refusal(&absent).await,
        "absence_is_proven",
        "before the grace is over"
    );
    ledger.pass(1).await;
    ledger.settle(attempt, "state = 'absent'").await;
}

#[tokio::test]
async fn what_an_attempt_was_is_kept_for_ever() {
    let ledger = Ledger::new().await;
    let attempt = ledger.granted("CA1", CALLER).await;
    for change in [
        "granted_at = granted_at - interval '1 day'",
        "recipient = '+14035550002'",
        "content = 'other words'",
        "job_id = gen_random_uuid()",
        "attempt_no = 2",
        "settled_at = now()",
    ] {
        assert_eq!(
            ledger
                .refusal(&format!("UPDATE attempts SET {change} WHERE id = '{attempt}'"))
                .await,
            "no right to",
            "{change}"
        );
    }
    for change in [
        "cause = 'CA9'",
        "recipient = '+14035550002'",
        "expires_at = expires_at + interval '1 day'",
    ] {
        assert_eq!(
            ledger.refusal(&format!("UPDATE jobs SET {change}")).await,
            "no right to",
            "{change}"
        );
    }
    for removal in [
        "DELETE FROM attempts",
        "TRUNCATE attempts CASCADE",
        "DELETE FROM jobs",
        "TRUNCATE jobs CASCADE",
        "DELETE FROM deliveries",
        "DELETE FROM duplicate_evidence",
    ] {
        assert_eq!(ledger.refusal(removal).await, "no right to", "{removal}");
    }
    ledger
        .settle(attempt, "state = 'accepted', provider_id = 'SM1'")
        .await;
    for back in [
        "state = 'refused', http_status = 400, reason = 'no'",
        "state = 'unknown'",
        "state = 'sending'",
        "state = 'absent'",
    ] {
        assert_eq!(
            ledger
                .refusal(&format!("UPDATE attempts SET {back} WHERE id = '{attempt}'"))
                .await,
            "attempt_transition",
            "{back}"
        );
    }
}

#[tokio::test]
async fn not_even_the_owner_rewrites_the_ledger() {
    let ledger = Ledger::new().await;
    ledger.granted("CA1", CALLER).await;
    let owner = ledger.database.owner();
    for (sql, expected) in [
        ("DELETE FROM attempts", "ledger_is_kept"),
        ("TRUNCATE attempts CASCADE", "ledger_is_kept"),
        ("DELETE FROM jobs", "ledger_is_kept"),
        ("TRUNCATE jobs CASCADE", "ledger_is_kept"),
        (
            "UPDATE attempts SET recipient = '+14035550002'",
            "attempt_identity",
        ),
        ("UPDATE jobs SET cause = 'CA9'", "job_identity"),
    ] {
        assert_eq!(
            rule(&owner.batch_execute(sql).await.expect_err(sql)),
            expected,
            "{sql}"
        );
    }
}

#[tokio::test]
async fn a_job_that_has_ended_stays_ended_with_its_reason() {
    let ledger = Ledger::new().await;
    let job = ledger.job("CA1", CALLER).await;
    let end = |reason: &str| {
        format!(
            "UPDATE jobs SET state = 'suppressed', state_reason = {reason}, ended_at = switchboard_now() WHERE id = '{job}'"
        )
    };
    assert_eq!(ledger.refusal(&end("NULL")).await, "every_end_has_a_reason");
    assert_eq!(
        ledger
            .refusal(&end("'loop'").replace("ended_at = switchboard_now()", "ended_at = NULL"))
            .await,
        "every_end_is_dated"
    );
    ledger
        .application
        .batch_execute(&end("'loop'"))
        .await
        .expect("legal");
    let back =
        format!("UPDATE jobs SET state = 'pending', state_reason = NULL, ended_at = NULL WHERE id = '{job}'");
    assert_eq!(ledger.refusal(&back).await, "job_transition");
}

#[tokio::test]
async fn a_closed_channel_allows_nothing_and_an_open_breaker_one_probe() {
    let ledger = Ledger::new().await;
    let jobs = [
        ledger.job("CA1", CALLER).await,
        ledger.job("CA2", "+14035550002").await,
        ledger.job("CA3", "+14035550003").await,
    ];
    let close = "UPDATE channels SET not_before = switchboard_now() + interval '5 minutes', breaker_open = true, reason = 'no'";
    ledger.application.batch_execute(close).await.expect("legal");
    assert_eq!(
        rule(&ledger.grant(jobs[0]).await.expect_err("refused")),
        "channel_is_open"
    );
    ledger.pass(5).await;
    assert!(
        ledger.grant(jobs[0]).await.expect("allowed").is_some(),
        "the probe"
    );
    assert_eq!(
        rule(&ledger.grant(jobs[1]).await.expect_err("refused")),
        "channel_is_open"
    );
    ledger.pass(5).await;
    assert!(
        ledger.grant(jobs[2]).await.expect("allowed").is_some(),
        "the next probe"
    );
}

#[tokio::test]
async fn three_attempts_are_the_most() {
    let ledger = Ledger::new().await;
    let job = ledger.job("CA1", CALLER).await;
    for _ in 0..3 {
        let attempt = ledger.grant(job).await.expect("allowed").expect("pending");
        ledger
            .settle(attempt, "state = 'refused', reason = 'not_sent'")
            .await;
        ledger
            .application
            .batch_execute("UPDATE jobs SET state = 'pending', lease_token = NULL, lease_until = NULL")
            .await
            .expect("legal");
    }
    assert_eq!(
        rule(&ledger.grant(job).await.expect_err("refused")),
        "three_attempts_at_most"
    );
}

#[tokio::test]
async fn sixteen_workers_at_once_are_granted_one_attempt() {
    let ledger = Ledger::new().await;
    let mut workers = Vec::new();
    for _ in 0..16 {
        workers.push(ledger.database.as_application().await);
    }
    for round in 0..20 {
        let job = ledger
            .job(&format!("CA{round}"), &format!("+1403555{round:04}"))
            .await;
        let grants = workers.iter().map(|worker| async move {
            worker
                .query_opt(GRANT, &[&job, &"sorry"])
                .await
                .map(|row| row.is_some())
        });
        let granted = futures_util::future::join_all(grants)
            .await
            .into_iter()
            .filter(|grant| matches!(grant, Ok(true)))
            .count();
        assert_eq!(granted, 1, "round {round}");
    }
}

#[tokio::test]
async fn a_line_is_set_up_so_that_it_can_work() {
    let ledger = Ledger::new().await;
    let owner = ledger.database.owner();
    for (change, expected) in [
        ("forward_to = number", "line_does_not_forward_to_itself"),
        ("forward_to = 'the shop'", "phone_is_e164"),
        ("ring_seconds = 25", "ring_ends_before_voicemail"),
        ("business_name = ' '", "line_has_a_business_name"),
        ("text_template = ''", "text_template_fits_a_message"),
        ("text_cool_down_minutes = -1", "cool_down_is_at_most_a_day"),
    ] {
        let error = owner
            .batch_execute(&format!("UPDATE lines SET {change}"))
            .await
            .expect_err(change);
        assert_eq!(rule(&error), expected, "{change}");
    }
}

#[tokio::test]
async fn nothing_is_sent_once_there_is_evidence_that_an_earlier_attempt_arrived() {
    let ledger = Ledger::new().await;
    let job = ledger.job("CA1", CALLER).await;
    let attempt = ledger.grant(job).await.expect("allowed").expect("pending");
    ledger
        .settle(
            attempt,
            "state = 'refused', http_status = 429, reason = 'throttled'",
        )
        .await;
    let again = "UPDATE jobs SET state = 'pending', lease_token = NULL, lease_until = NULL";
    ledger.application.batch_execute(again).await.expect("legal");
    let evidence = format!(
        "INSERT INTO duplicate_evidence (attempt_id, provider_id, note) VALUES ('{attempt}', 'SM1', 'late')"
    );
    ledger.application.batch_execute(&evidence).await.expect("legal");
    assert_eq!(
        rule(&ledger.grant(job).await.expect_err("refused")),
        "nothing_after_evidence"
    );
}

#[tokio::test]
async fn what_was_accepted_keeps_its_name() {
    let ledger = Ledger::new().await;
    let attempt = ledger.granted("CA1", CALLER).await;
    ledger
        .settle(attempt, "state = 'accepted', provider_id = 'SM1'")
        .await;
    let rename = format!("UPDATE attempts SET provider_id = 'SM2' WHERE id = '{attempt}'");
    assert_eq!(ledger.refusal(&rename).await, "attempt_identity");
}
