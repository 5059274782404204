//! `ops decide`: what waits for a person stops waiting when somebody has decided, and the ledger stays as it is.

use super::Callees;

#[tokio::test]
async fn what_a_person_has_decided_waits_no_more_and_stays_in_the_ledger() {
    let callees = Callees::new().await;
    callees.customer("cust_42", 1).await;
    callees.at("2026-06-10 14:00+00").await;
    callees.schedule().await;
    let attempt = callees.grant("cust_42").await.expect("allowed");
    callees.unknown(attempt).await;
    callees
        .sql(
            "UPDATE attempts SET state = 'unresolved';
             UPDATE jobs SET state = 'needs_human', state_reason = 'no evidence', ended_at = switchboard_now();
             INSERT INTO duplicate_evidence (attempt_id, provider_id, note)
             VALUES ('00000000-0000-4000-8000-000000000007', 'c1', 'no such attempt')",
        )
        .await;
    let job = callees.one("SELECT id FROM jobs").await;
    let open = ops::undecided(callees.owner()).await.expect("a list");
    assert_eq!(open.len(), 2, "{open:?}");
    assert!(
        open.iter()
            .any(|line| line.starts_with(&job) && line.ends_with("no evidence")),
        "{open:?}"
    );
    for subject in [job.as_str(), "00000000-0000-4000-8000-000000000007"] {
        let said = ops::decide(callees.owner(), subject, "asked Ada: nobody rang")
            .await
            .expect("an answer");
        assert!(said.is_some_and(|said| said.contains("asked Ada")), "{subject}");
        let again = ops::decide(callees.owner(), subject, "once more").await;
        assert_eq!(again.expect("an answer"), None, "{subject}");
    }
    assert_eq!(ops::undecided(callees.owner()).await.expect("a list"), [""; 0]);
    assert_eq!(callees.one("SELECT state FROM jobs").await, "needs_human");
    assert_eq!(callees.one("SELECT count(*) FROM duplicate_evidence").await, "1");
    let kept = "SELECT string_agg(DISTINCT decided_by || ': ' || words, ', ') FROM decisions";
    assert_eq!(callees.one(kept).await, "postgres: asked Ada: nobody rang");
    // What comes after a decision is new.
    callees.at("2026-06-10 15:00+00").await;
    callees
        .sql(
            "INSERT INTO duplicate_evidence (attempt_id, provider_id, note)
             VALUES ('00000000-0000-4000-8000-000000000007', 'c2', 'no such attempt')",
        )
        .await;
    assert_eq!(ops::undecided(callees.owner()).await.expect("a list").len(), 1);
}
