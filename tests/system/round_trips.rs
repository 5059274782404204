//! What a webhook and a text cost: round trips to the database and messages to the queue.
//!
//! The database is far and its connections are few, so a webhook may go there once. The count is the
//! wire's, taken by a proxy before Postgres.

use std::time::Duration;

use local::sandbox::{Fate, MessageStatus, Webhook};
use system_tests::{CALLER, LINE, PostgresProxy, TestDatabase, World};

const CALL: [(&str, &str); 3] = [
    ("CallSid", "CA00000000000000000000000000000001"),
    ("From", CALLER),
    ("To", LINE),
];

struct Meter {
    world: World,
    proxy: PostgresProxy,
}

impl Meter {
    /// A world whose every connection has been made and used.
    async fn warm() -> Self {
        let database = TestDatabase::new().await;
        let proxy = PostgresProxy::before_database().await;
        let url = proxy.url_of(&database);
        let world = World::on(database, url).await;
        world.twilio.set_fate(Fate::stuck().without_callbacks());
        let meter = Self { world, proxy };
        let twilio = &meter.world.twilio;
        for webhook in [
            twilio.post_voice_webhook(&[("CallSid", "CA_warm"), ("From", "+14035550099"), ("To", LINE)]),
            twilio.post_call_status(&[
                ("CallSid", "CA_warm"),
                ("From", "+14035550099"),
                ("To", LINE),
                ("CallStatus", "ringing"),
            ]),
        ] {
            webhook.await.answer();
        }
        let nobody = "00000000-0000-4000-8000-000000000000";
        let bell = format!(r#"{{"v":1,"job":"{nobody}"}}"#);
        meter.world.ring_doorbell(&bell, "warm", "warm").await;
        meter.world.run_jobs().await;
        meter.proxy.take_statements();
        meter
    }

    /// The statements and the messages that a webhook costs.
    async fn of(&self, webhook: Webhook) -> (Vec<String>, u64) {
        let before = self.world.sqs.calls("SendMessage");
        let status = webhook.await.answer().status;
        assert!((200..300).contains(&status), "{status}");
        (self.statements(), self.world.sqs.calls("SendMessage") - before)
    }

    /// What the database was asked since the last time. That a connection still lives is asked as well, with
    /// an empty statement, where a slow machine has left it idle for five seconds; that is not counted.
    fn statements(&self) -> Vec<String> {
        let mut statements = self.proxy.take_statements();
        statements.retain(|statement| !statement.is_empty());
        statements
    }
}

/// The call, with what else a report of it says.
fn call(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    CALL.iter().chain(more).copied().collect()
}

fn once(statement: &str, sends: u64) -> (Vec<String>, u64) {
    (vec![statement.to_owned()], sends)
}

#[tokio::test]
async fn every_webhook_asks_the_database_once_and_the_queue_at_most_once() {
    let meter = Meter::warm().await;
    let twilio = &meter.world.twilio;

    let rings = twilio.post_voice_webhook(&CALL);
    assert_eq!(meter.of(rings).await, once("record_call", 0));
    let missed = twilio.post_dial_result(&call(&[("DialCallStatus", "no-answer")]));
    assert_eq!(meter.of(missed.clone()).await, once("record_report", 1));
    assert_eq!(meter.of(missed).await, once("record_report", 0), "the duplicate");
    let over = twilio.post_call_status(&call(&[("CallStatus", "no-answer")]));
    assert_eq!(meter.of(over).await, once("record_report", 0));

    let before = meter.world.sqs.calls("SendMessage");
    meter.world.run_jobs().await;
    assert_eq!(
        meter.statements(),
        ["load_text", "grant", "settle_accepted"],
        "from the doorbell to the end"
    );
    assert_eq!(meter.world.sqs.calls("SendMessage"), before);

    let texts = meter.world.texts_to(CALLER);
    assert_eq!(texts.len(), 1);
    for status in [
        MessageStatus::Sent,
        MessageStatus::Delivered,
        MessageStatus::Delivered,
    ] {
        let report = twilio.post_message_status(&texts[0].sid, status);
        assert_eq!(meter.of(report).await, once("settle_reported", 0), "{status:?}");
    }
    let furthest = "SELECT delivery FROM missed_calls WHERE call_sid = 'CA00000000000000000000000000000001'";
    assert_eq!(
        meter.world.database.one(furthest).await.as_deref(),
        Some("delivered")
    );
    let kept = meter
        .world
        .database
        .one("SELECT count(*)::text FROM deliveries")
        .await;
    assert_eq!(kept.as_deref(), Some("2"), "each status once");
}

#[tokio::test]
async fn a_call_that_only_its_status_tells_of_costs_no_more() {
    let meter = Meter::warm().await;
    let fields = call(&[("CallStatus", "no-answer")]);
    let abandoned = meter.world.twilio.post_call_status(&fields);
    assert_eq!(meter.of(abandoned).await, once("record_report", 1));
}

/// Nothing that the webhook answers with waits for the queue longer than half a second.
#[tokio::test]
async fn a_queue_that_hangs_costs_a_webhook_half_a_second() {
    let meter = Meter::warm().await;
    meter.world.sqs.stall_sends(Duration::from_secs(30));
    let missed = meter
        .world
        .twilio
        .post_dial_result(&call(&[("DialCallStatus", "no-answer")]));
    let delivery = missed.await;
    assert_eq!(delivery.answer().status, 200);
    assert!(
        delivery.answer().elapsed < Duration::from_secs(5),
        "{delivery}: far from the queue's thirty"
    );
    assert_eq!(meter.statements(), ["record_report"]);
}

/// What nearly all of Vapi's messages cost: our own answer was stored before they came.
#[tokio::test]
async fn a_message_of_vapis_asks_the_database_once() {
    let meter = Meter::warm().await;
    let world = &meter.world;
    let customer = "UPDATE calling SET paused = false;
        INSERT INTO customers (id, phone, phone_validated, timezone, payment_status, paid_at)
        VALUES ('ann', '+14035550101', true, 'America/Edmonton', 'Paid', switchboard_now());
        INSERT INTO jobs (kind, cause, customer_id, origin, caused_at, due_at, expires_at, rung_at)
        VALUES ('welcome_call', 'ann', 'ann', 'scheduler', switchboard_now(), switchboard_now(),
                switchboard_now() + interval '1 day', switchboard_now() - interval '1 hour')";
    world.database.sql(customer).await;
    world.sweep().await;
    world.run_calls().await;
    let id = world.calls_to("+14035550101")[0].id.clone();
    let tell = async |message| {
        meter.statements();
        assert_eq!(world.vapi_tells(message).await.status, 200);
        meter.statements()
    };
    // The webhook's own connection is made.
    tell(world.vapi.status_update(&id)).await;
    assert_eq!(tell(world.vapi.status_update(&id)).await, ["record_result"]);
    world.vapi.end_call(&id, "customer-did-not-answer");
    assert_eq!(tell(world.vapi.status_update(&id)).await, ["record_result"]);
    assert_eq!(tell(world.vapi.end_of_call_report(&id)).await, ["record_result"]);
}
