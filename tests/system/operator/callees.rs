//! Customers, and the life of their calls, by the product's own statements and with the functions' rights.

use jiff::Timestamp;
use system_tests::TestDatabase;
use tokio_postgres::Client;
use uuid::Uuid;

const SCHEDULE: &str = include_str!("../../../shared/src/calls/sql/schedule_calls.sql");
const GRANT: &str = include_str!("../../../shared/src/jobs/sql/grant.sql");
const ACCEPTED: &str = include_str!("../../../shared/src/jobs/sql/settle_accepted.sql");
const REFUSED: &str = include_str!("../../../shared/src/jobs/sql/settle_refused.sql");
const UNKNOWN: &str = include_str!("../../../shared/src/jobs/sql/settle_unknown.sql");
const RESCUE: &str = include_str!("../../../shared/src/jobs/sql/rescue.sql");
const SUPPRESS: &str = include_str!("../../../shared/src/jobs/sql/suppress.sql");
const EXPIRE: &str = include_str!("../../../shared/src/jobs/sql/expire.sql");

/// A database with calling switched on, on Wednesday, 10 June 2026, at 08:00 in Toronto. Who has paid before June gets
/// no welcome call.
pub(super) struct Callees {
    pub(super) database: TestDatabase,
    application: Client,
}

impl Callees {
    pub(super) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let application = database.as_application().await;
        let callees = Self {
            database,
            application,
        };
        callees.at("2026-06-01 00:00+00").await;
        callees
            .sql("UPDATE calling SET paused = false, welcome_since = '2026-06-01 00:00+00'")
            .await;
        callees.at("2026-06-10 12:00+00").await;
        callees
    }

    /// The owner's connection, which `ops` has.
    pub(super) fn owner(&self) -> &Client {
        self.database.owner()
    }

    pub(super) async fn sql(&self, statements: &str) {
        self.database.sql(statements).await;
    }

    pub(super) async fn one(&self, query: &str) -> String {
        self.database.one(query).await.unwrap_or_default()
    }

    /// Sets everybody's clock.
    pub(super) async fn at(&self, moment: &str) {
        self.sql(&format!("UPDATE stopped_clock SET at = '{moment}'"))
            .await;
    }

    pub(super) async fn now(&self) -> Timestamp {
        self.database.now().await
    }

    /// Somebody whose telephone ends in `number`, who is called at 10:00 in Toronto and has paid since May.
    pub(super) async fn customer(&self, id: &str, number: u32) {
        let now = self.now().await;
        self.at("2026-05-01 12:00+00").await;
        self.sql(&format!(
            "INSERT INTO customers (id, phone, phone_validated, timezone, timezone_given)
             VALUES ('{id}', '+1403555{number:04}', true, 'America/Toronto', 'America/Toronto')"
        ))
        .await;
        self.payment(id, "paid", "2026-05-01 12:00+00").await;
        self.at(&now.to_string()).await;
        // As a scheduler that had run since then would have left it.
        self.sql(&format!(
            "UPDATE customers SET next_call_scheduled_at = plan_of(customers) WHERE id = '{id}'"
        ))
        .await;
    }

    /// Tells us of a payment.
    pub(super) async fn payment(&self, id: &str, effect: &str, created_at: &str) {
        self.application
            .batch_execute(&format!(
                "INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id)
                 VALUES ('shop', '{id} {effect} {created_at}', '{effect}', '{created_at}', '{effect}', ARRAY['order of {id}'], '{id}')"
            ))
            .await
            .expect("a payment");
    }

    /// The scheduler's minute; the decisions it came to.
    pub(super) async fn schedule(&self) -> Vec<String> {
        let rows = self.application.query(SCHEDULE, &[&500_i64, &0_i64]);
        let rows = rows.await.expect("a run of the scheduler");
        rows.iter()
            .map(|row| {
                format!(
                    "{}: {}",
                    row.get::<_, &str>("customer_id"),
                    row.get::<_, &str>("decision")
                )
            })
            .collect()
    }

    /// The job that a customer waits for.
    pub(super) async fn pending(&self, id: &str) -> Uuid {
        let sql = "SELECT id FROM jobs WHERE customer_id = $1 AND state = 'pending'";
        let row = self.application.query_one(sql, &[&id]).await;
        row.expect("a pending job").get(0)
    }

    /// The permit for the job that a customer waits for, or the rule that refuses it.
    pub(super) async fn grant(&self, id: &str) -> Result<Uuid, String> {
        let job = self.pending(id).await;
        match self.application.query_opt(GRANT, &[&job, &"daily"]).await {
            Ok(row) => Ok(row.expect("a job that is due").get("id")),
            Err(error) => Err(error
                .as_db_error()
                .and_then(|error| error.constraint())
                .expect("a rule")
                .to_owned()),
        }
    }

    /// Vapi takes the call.
    pub(super) async fn accepted(&self, attempt: Uuid) {
        let settled = self
            .application
            .query_opt(ACCEPTED, &[&attempt, &attempt.to_string()])
            .await;
        assert!(settled.expect("a settlement").is_some());
        // What the runner copies into the customer's row.
        let projected = "UPDATE customers
             SET welcome_call_completed = welcome_call_completed OR job.kind = 'welcome_call',
                 last_call_date = greatest(last_call_date, attempt.local_day)
             FROM attempts AS attempt JOIN jobs AS job ON job.id = attempt.job_id
             WHERE attempt.id = $1 AND customers.id = job.customer_id";
        self.application
            .execute(projected, &[&attempt])
            .await
            .expect("a projection");
    }

    /// Vapi says no, for good.
    pub(super) async fn refused(&self, attempt: Uuid, why: &str) {
        let never: Option<f64> = None;
        self.application
            .query(
                REFUSED,
                &[
                    &attempt,
                    &Some(400_i32),
                    &None::<i64>,
                    &why,
                    &never,
                    &never,
                    &false,
                    &false,
                ],
            )
            .await
            .expect("a settlement");
    }

    /// Nobody knows what Vapi did.
    pub(super) async fn unknown(&self, attempt: Uuid) {
        self.application
            .query(UNKNOWN, &[&attempt, &"timeout", &None::<i32>])
            .await
            .expect("a settlement");
    }

    /// How the call ended.
    pub(super) async fn ended(&self, attempt: Uuid, result: &str, word: &str) {
        self.application
            .batch_execute(&format!(
                "INSERT INTO call_results (provider_id, result, ended_reason, customer_spoke, told_by)
                 VALUES ('{attempt}', '{result}', '{word}', true, 'webhook')"
            ))
            .await
            .expect("a result");
    }

    /// A rule ends the job that a customer waits for.
    pub(super) async fn suppress(&self, id: &str, reason: &str) {
        let job = self.pending(id).await;
        self.application
            .query(SUPPRESS, &[&job, &reason])
            .await
            .expect("an end");
    }

    /// The sweeper's minute.
    pub(super) async fn sweep(&self) {
        for statement in [RESCUE, EXPIRE] {
            self.application
                .query(statement, &[&500_i64])
                .await
                .expect("a sweep");
        }
    }

    /// What the operator is told of a customer's day, without the customer.
    pub(super) async fn why(&self, id: &str, day: Option<&str>) -> String {
        let day = day.map(|day| day.parse().expect("a day"));
        let said = ops::why(self.owner(), id, day).await.expect("a sentence");
        let said = said.expect("a customer");
        let (subject, rest) = said
            .split_once(") ")
            .expect("a customer and what is said of them");
        assert!(subject.starts_with(&format!("{id} (")), "{said}");
        assert!(!said.contains("+14035550"), "numbers are masked: {said}");
        rest.to_owned()
    }
}
