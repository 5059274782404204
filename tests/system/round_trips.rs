//! What a webhook and a text cost: round trips to the database and messages to the queue.
//!
//! The database is far and its connections are few, so a webhook may go there once. The count is the
//! wire's, taken by a proxy before Postgres.

use std::time::Duration;

use jiff::SignedDuration;
use local::sandbox::{Fate, MessageStatus, Webhook};
use serde_json::json;
use system_tests::{CALLER, LINE, PostgresProxy, TestDatabase, World};

use crate::payments::{event, refund, session, stripe};

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

#[tokio::test]
async fn a_text_from_somebody_asks_the_database_once_whatever_it_says() {
    let meter = Meter::warm().await;
    let twilio = &meter.world.twilio;
    meter.of(twilio.post_text(CALLER, LINE, "Warm")).await;
    for words in ["Hello?", "STOP", "Hello again", "START", "HELP", "YES"] {
        let text = twilio.post_text(CALLER, LINE, words);
        assert_eq!(meter.of(text.clone()).await, once("receive_text", 0), "{words}");
        assert_eq!(
            meter.of(text).await,
            once("receive_text", 0),
            "the duplicate of {words}"
        );
    }
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

/// A world in which everybody may be called, and whose connections for that have been made and used.
async fn warm_for_calls() -> Meter {
    let meter = Meter::warm().await;
    let open =
        "UPDATE calling SET paused = false, welcome_since = '2026-06-01', at_a_time = 1000, per_tick = 1000";
    meter.world.database.sql(open).await;
    meter.world.tick("call-scheduler").await;
    let paid = event(
        "evt_warm",
        "checkout.session.completed",
        0,
        session("cust_warm", "0"),
    );
    stripe(&meter.world, &paid).await;
    meter.world.pass(SignedDuration::from_mins(20)).await;
    meter.world.tick("call-scheduler").await;
    meter.world.run_calls().await;
    assert_eq!(meter.world.vapi.calls().len(), 1);
    meter.statements();
    meter
}

/// The second statement reads, for the log and for the shop's answer; it commits nothing.
#[tokio::test]
async fn a_payment_is_one_commit_and_rings_nobody() {
    let meter = warm_for_calls().await;
    let before = meter.world.sqs.calls("SendMessage");
    let paid = event("evt_1", "checkout.session.completed", 0, session("cust_1", "1"));
    for turn in ["first", "again"] {
        stripe(&meter.world, &paid).await;
        assert_eq!(meter.statements(), ["record_payment", "standing"], "{turn}");
    }
    let refunded = event("evt_2", "charge.refunded", 60, refund("1", true));
    stripe(&meter.world, &refunded).await;
    assert_eq!(meter.statements(), ["record_payment", "standing"]);
    stripe(&meter.world, &event("evt_3", "product.created", 0, json!({}))).await;
    assert_eq!(meter.statements(), [""; 0], "what is ignored costs nothing");
    assert_eq!(meter.world.sqs.calls("SendMessage"), before);
}

/// Whether somebody is due or nobody: a statement for every hundred, and one that says that the schedule ticks.
#[tokio::test]
async fn a_tick_is_one_commit_for_every_hundred_who_are_due() {
    let meter = warm_for_calls().await;
    let world = &meter.world;
    world.tick("call-scheduler").await;
    assert_eq!(meter.statements(), ["schedule_calls", "record_tick"], "nobody");
    for (due, batches) in [(1, 1), (99, 1), (250, 3)] {
        let customers = format!(
            "INSERT INTO customers (id, phone, phone_validated, timezone, call_at, payment_status, paid_at, welcome_call_completed)
             SELECT 'c{due}_' || n, '+1403{due:03}' || (1000 + n), true, 'America/Edmonton',
                    ((switchboard_now() + interval '1 minute') AT TIME ZONE 'America/Edmonton')::time, 'Paid', '2026-05-01', true
             FROM generate_series(1, {due}) AS n"
        );
        world.database.sql(&customers).await;
        world.pass(SignedDuration::from_mins(1)).await;
        let before = world.sqs.calls("SendMessage");
        assert_eq!(world.tick("call-scheduler").await["daily"], due);
        let mut expected = vec!["schedule_calls"; batches];
        expected.push("record_tick");
        assert_eq!(meter.statements(), expected, "{due}");
        let rings = world.sqs.calls("SendMessage") - before;
        assert_eq!(rings, due, "a bell each");
    }
}

/// A call is placed and settled in two commits. What follows from it stands in the customer's row by a third, so that
/// nothing there can take the acceptance along.
#[tokio::test]
async fn a_call_from_owed_to_settled_is_two_commits_and_its_copy_a_third() {
    let meter = warm_for_calls().await;
    let world = &meter.world;
    let paid = event(
        "evt_1",
        "checkout.session.completed",
        1200,
        session("cust_1", "1"),
    );
    stripe(world, &paid).await;
    world.pass(SignedDuration::from_mins(20)).await;
    // The number that a session names is the same for all.
    world
        .database
        .sql("UPDATE customers SET phone = '+14035550102' WHERE id = 'cust_1'")
        .await;
    world.tick("call-scheduler").await;
    meter.statements();
    let before = world.sqs.calls("SendMessage");
    world.run_calls().await;
    assert_eq!(
        meter.statements(),
        ["load_call", "grant", "settle_accepted", "project_call"],
        "from the doorbell to the end"
    );
    assert_eq!(world.sqs.calls("SendMessage"), before);
    assert_eq!(world.calls_to("+14035550102").len(), 1);
}
