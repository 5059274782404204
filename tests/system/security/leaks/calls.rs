//! The same for who pays and is called: what Stripe, a shop and Vapi tell of them is full of their names, numbers,
//! addresses and words, and of Vapi's own credentials.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use local::runtime_api::RealBinary;
use local::sandbox_vapi::{Behaviour, ReadFault, ServerMessage};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::platform::signature::sign;
use system_tests::{SHOP, SHOP_SECRET, STRIPE, STRIPE_SECRET, Switch, VAPI, Wire, World, real, server};

use super::{NAME, WORDS, lines_with, world_behind};
use crate::logs::Log;
use crate::payments::{event, refund, session};

const ANN: &str = "+14035550101";
const EMAIL: &str = "ann.lee@leaks.example";
const STREET: &str = "17 Waterfall Crescent";
/// What the sandbox Vapi sends along with every message, as the real one does.
const OF_VAPI: [&str; 2] = ["test-twilio-auth-token", "test-server-secret"];
const FUNCTIONS: [&str; 6] = [
    "call-scheduler",
    "stripe-webhook",
    "customers-webhook",
    "vapi-webhook",
    "job-runner",
    "job-sweeper",
];
const SCHEDULED: [&str; 2] = ["call-scheduler", "job-sweeper"];
/// The last four of a card, as Stripe shows them.
const CARD: &str = "card ending in 4242";

/// Everybody who tells us something, with all signatures that were made.
struct Day<'a> {
    world: &'a World,
    signatures: Vec<String>,
}

impl Day<'_> {
    async fn post(&mut self, target: &str, secret: &str, body: String) -> u16 {
        let signature = sign(body.as_bytes(), &SecretString::from(secret), Timestamp::now());
        let header = if target == STRIPE {
            "stripe-signature"
        } else {
            "x-switchboard-signature"
        };
        let digest = signature.rsplit_once('=').expect("a digest").1.to_owned();
        self.signatures.push(digest);
        let headers = [("content-type", "application/json"), (header, signature.as_str())];
        self.world.send("POST", target, &headers, body).await.status
    }

    async fn vapi(&self, message: ServerMessage) -> u16 {
        self.world.vapi_tells(message).await.status
    }

    /// What Stripe and a shop tell of somebody: understood, half understood and not at all.
    async fn pay(&mut self, name: &str) {
        let id = format!("cust_{name}");
        let mut paid = session(&id, name);
        paid["customer_details"] = json!({
            "name": NAME, "phone": ANN, "email": EMAIL, "address": { "line1": STREET, "city": "Calgary" },
        });
        paid["payment_method_details"] = json!({ "description": CARD });
        let about = |object: &Value, kind: &str, which: &str| {
            event(&format!("evt_{which}_{name}"), kind, 0, object.clone())
        };
        self.post(
            STRIPE,
            STRIPE_SECRET,
            about(&paid, "checkout.session.completed", "paid").to_string(),
        )
        .await;
        let mut charge = refund(name, false);
        charge["billing_details"] = paid["customer_details"].clone();
        self.post(
            STRIPE,
            STRIPE_SECRET,
            about(&charge, "charge.refunded", "part").to_string(),
        )
        .await;
        for (which, pointer, value) in [
            ("mode", "mode", json!(null)),
            ("reference", "client_reference_id", json!(ANN)),
            ("email", "client_reference_id", json!(EMAIL)),
            ("payment", "payment_status", json!(NAME)),
            ("id", "id", json!(WORDS)),
        ] {
            let mut odd = paid.clone();
            odd[pointer] = value;
            self.post(
                STRIPE,
                STRIPE_SECRET,
                about(&odd, "checkout.session.completed", which).to_string(),
            )
            .await;
        }
        self.post(STRIPE, STRIPE_SECRET, about(&paid, NAME, "kind").to_string())
            .await;
        self.post(STRIPE, STRIPE_SECRET, format!("{{\"id\":\"{NAME} {ANN}"))
            .await;
        let told = |which: &str, more: Value| {
            let mut told = json!({
                "event_id": format!("{which}_{name}"), "occurred_at": "2026-01-01T12:00:00Z", "id": id,
                "payment_status": "Paid", "name": NAME, "phone": ANN, "timezone": "America/Edmonton", "email": EMAIL,
            });
            told.as_object_mut()
                .expect("an object")
                .extend(more.as_object().expect("fields").clone());
            told.to_string()
        };
        for (which, more) in [
            ("all", json!({})),
            ("phone", json!({ "phone": "call (403) 555-0101 after six" })),
            ("zone", json!({ "timezone": STREET })),
            ("hour", json!({ "call_at": WORDS })),
            ("id", json!({ "id": EMAIL })),
            ("event", json!({ "event_id": NAME })),
            ("status", json!({ "payment_status": WORDS })),
            ("time", json!({ "occurred_at": ANN })),
        ] {
            self.post(SHOP, SHOP_SECRET, told(which, more)).await;
        }
        self.post(SHOP, SHOP_SECRET, format!("[\"{NAME}\", \"{ANN}\""))
            .await;
    }

    /// Everything that Vapi tells of a call in which Ann says something, and things that it never would.
    async fn talk(&self, id: &str) {
        let (vapi, now) = (&self.world.vapi, self.world.vapi.clock().now());
        vapi.update_call(id, |call| {
            call.started_at = Some(now);
            call.say("bot", &format!("Hello {NAME}!"));
            call.say("user", &format!("{WORDS}, write to {EMAIL} or {ANN}"));
        });
        vapi.end_call(id, "customer-ended-call");
        let (update, report) = (vapi.status_update(id), vapi.end_of_call_report(id));
        let odd = |pointer: &str, value: Value| {
            report
                .clone()
                .with(|body| *body.pointer_mut(pointer).expect("a field") = value)
        };
        for message in [
            update.clone(),
            report.clone(),
            odd("/message/call/id", json!(ANN)),
            odd("/message/call/id", json!({ "secret": OF_VAPI[1] })),
            odd(
                "/message/call/assistantOverrides",
                json!({ "metadata": { "attempt_id": WORDS } }),
            ),
            odd("/message/call/customer/number", json!("(403) 555-0101")),
            odd("/message/endedReason", json!(WORDS)),
            odd("/message/startedAt", json!(EMAIL)),
            odd("/message/type", json!(NAME)),
            odd("/message/type", json!("transcript")),
            odd("/message/type", json!("assistant-request")),
            odd("/message/artifact", json!(WORDS)),
        ] {
            self.vapi(message).await;
        }
        for forged in [
            report.clone().signed_with(WORDS),
            update.with_bearer(),
            report.with_vapi_secret(),
        ] {
            self.world.post_as_vapi(forged).await;
        }
    }

    /// People at the doors with signatures that are somebody else's, or none.
    async fn knock(&mut self) {
        let paid = event(
            "evt_forged",
            "checkout.session.completed",
            0,
            session("cust_forged", "forged"),
        )
        .to_string();
        for target in [STRIPE, SHOP, VAPI] {
            self.post(target, WORDS, paid.clone()).await;
            let headers = [
                ("content-type", "application/json"),
                ("stripe-signature", NAME),
                ("x-signature", ANN),
            ];
            self.world.send("POST", target, &headers, paid.clone()).await;
            let query = format!("{target}?phone=%2B14035550101&secret={STRIPE_SECRET}");
            self.world.send("POST", &query, &headers, WORDS).await;
        }
    }

    /// Whoever is due is called; the id that Vapi gave the call, if it took it.
    async fn call(&mut self, name: &str) -> Option<String> {
        // Each has a number of their own, and their first hour has come.
        let due = format!(
            "UPDATE customers SET phone = '{ANN}', name = '{NAME}' WHERE id = 'cust_{name}';
             UPDATE customers SET phone = NULL, phone_validated = false WHERE id <> 'cust_{name}';
             UPDATE customers SET next_call_scheduled_at = switchboard_now() WHERE id = 'cust_{name}'"
        );
        self.world.database.sql(&due).await;
        let before = self.world.vapi.calls().len();
        self.world.tick("call-scheduler").await;
        self.world.run_calls().await;
        self.world.vapi.calls().get(before).map(|call| call.id.clone())
    }
}

/// Everything that goes wrong, one thing after another; what was signed.
async fn the_worst_of_days(world: &World, switch: &Switch) -> Vec<String> {
    let open = "UPDATE calling SET paused = false, welcome_since = '2020-01-01';
                UPDATE stopped_clock SET at = '2026-06-10 17:00:00+00'";
    world.database.sql(open).await;
    world
        .vapi
        .clock()
        .set("2026-06-10T17:00:00Z".parse().expect("a time"));
    let mut day = Day {
        world,
        signatures: Vec::new(),
    };
    day.pay("first").await;
    day.knock().await;
    world.pass(SignedDuration::from_mins(20)).await;
    let id = day.call("first").await.expect("Vapi took it");
    day.talk(&id).await;

    // The database is away, then the queue as well; what was parked comes back, and some of it is of no use.
    switch.set(Wire::Pulled);
    day.pay("parked").await;
    day.talk(&id).await;
    for binary in SCHEDULED {
        let ticked = world.try_tick(binary).await;
        assert!(ticked.is_err(), "{binary}: the database is away");
    }
    world.sqs.fail_sends(true);
    day.pay("lost").await;
    day.talk(&id).await;
    world.sqs.fail_sends(false);
    switch.set(Wire::Plugged);
    world
        .database
        .sql("ALTER TABLE customers ADD CONSTRAINT no_luck CHECK (id <> 'cust_parked')")
        .await;
    world.pass(SignedDuration::from_mins(4)).await;
    world.sweep().await;

    vapi_fails(&mut day).await;
    the_schema_fails(&mut day, &id).await;
    day.knock().await;
    day.signatures
}

/// Vapi refuses in words that quote, throttles, breaks off, takes a call twice, and its records are nonsense.
async fn vapi_fails(day: &mut Day<'_>) {
    let world = day.world;
    let quoting = format!("customer.number {ANN} of {NAME} must be a valid phone number");
    for (number, behaviour) in [
        Behaviour::refuse(400, &quoting),
        Behaviour::refuse(429, &quoting),
        Behaviour::refuse(401, &format!("Invalid Key {}.", world.vapi.api_key())),
        Behaviour::AcceptThenGarbled,
        Behaviour::DoubleAccept,
        Behaviour::Reset,
        Behaviour::Accept,
    ]
    .into_iter()
    .enumerate()
    {
        let again = "UPDATE opt_outs SET revoked_at = switchboard_now(), revoked_by = 'test' WHERE revoked_at IS NULL;
                     UPDATE channels SET not_before = NULL, breaker_open = false";
        world.pass(SignedDuration::from_hours(24)).await;
        world.database.sql(again).await;
        let name = format!("vapi{number}");
        day.pay(&name).await;
        // Of the last one nobody tells, so that it is asked for.
        let is_told = behaviour != Behaviour::Accept;
        world.vapi.on_next_send(behaviour);
        if let Some(id) = day.call(&name).await.filter(|_| is_told) {
            day.talk(&id).await;
        }
        let fault = [
            ReadFault::Garbled,
            ReadFault::Reset,
            ReadFault::Refuse(500),
            ReadFault::Says(json!([{ "id": ANN, "customer": { "number": ANN, "name": NAME } }])),
        ][number % 4]
            .clone();
        world.vapi.on_every_read(Some(fault));
        for _ in 0..4 {
            world.pass(SignedDuration::from_mins(5)).await;
            world.sweep().await;
        }
        world.vapi.on_every_read(None);
        world.sweep().await;
    }
}

/// A schema that is none, for every function; and one that it has to panic at.
async fn the_schema_fails(day: &mut Day<'_>, id: &str) {
    let world = day.world;
    world.pass(SignedDuration::from_hours(24)).await;
    day.pay("last").await;
    world
        .database
        .sql("ALTER TABLE payment_events ADD CONSTRAINT nobody CHECK (customer_id IS NULL) NOT VALID")
        .await;
    day.pay("refused").await;
    let due = "INSERT INTO jobs (kind, cause, customer_id, origin, caused_at, due_at, expires_at)
               SELECT 'welcome_call', id, id, 'scheduler', switchboard_now(), switchboard_now(), switchboard_now() + interval '1 day'
               FROM customers WHERE id = 'cust_lost' OR id = 'cust_last'
               ON CONFLICT DO NOTHING";
    world.database.sql(due).await;
    world.pass(SignedDuration::from_mins(1)).await;
    world.sweep().await;
    let unreadable = "ALTER FUNCTION rule_against_calling RENAME TO checked;
                      CREATE FUNCTION rule_against_calling(customers, timestamptz, date) RETURNS bytea LANGUAGE sql
                        AS $$ SELECT '+14035550101'::bytea $$";
    world.database.sql(unreadable).await;
    world.run_calls().await;
    world
        .database
        .sql("DROP FUNCTION rule_against_calling; ALTER TABLE customers DROP COLUMN told_at, DROP COLUMN paused_until CASCADE;
              ALTER TABLE call_results DROP COLUMN ended_reason CASCADE")
        .await;
    day.pay("mismatched").await;
    day.talk(id).await;
    for binary in SCHEDULED {
        let _ = world.try_tick(binary).await;
    }
    world.run_calls().await;
}

fn leaks(text: &str, world: &World, signatures: Vec<String>) -> Vec<String> {
    let mut words = signatures;
    words.extend(
        [
            EMAIL,
            STREET,
            CARD,
            "Ann Example",
            "under water",
            OF_VAPI[0],
            OF_VAPI[1],
        ]
        .map(str::to_owned),
    );
    lines_with(text, world, words, &[ANN])
}

#[tokio::test]
async fn nothing_that_is_told_of_customers_is_in_the_log() {
    let (log, _guard) = Log::begin();
    let switch = Switch::before(server().await.port()).await;
    let world = world_behind(&switch).await;
    let signatures = the_worst_of_days(&world, &switch).await;
    let text = log.of_the_product();
    for stage in [
        "refused a request that is not signed",
        "Database away: the event is parked",
        "Database away: what was not understood is parked",
        "database away: the message is parked",
        "Quarantined a signed event that cannot be used",
        "quarantined a signed message that cannot be used",
        "quarantined a parked event that the database refuses",
        "a message of Vapi's that nothing follows from",
        "call ended",
        "call placed",
        "call refused",
        "outcome unknown",
        "Vapi's list could not be read",
        "a call could not be read",
    ] {
        assert!(text.contains(stage), "the day had no: {stage}\n{text}");
    }
    assert_eq!(leaks(&text, &world, signatures), [""; 0]);
}

/// The binaries print what their libraries and their panics say as well.
#[tokio::test]
async fn nor_do_the_real_binaries_print_it() {
    let switch = Switch::before(server().await.port()).await;
    let world = world_behind(&switch).await;
    let binaries: Vec<RealBinary> = FUNCTIONS
        .iter()
        .map(|name| {
            let binary = real(name, &world.settings);
            world.replace(name, Arc::new(binary.clone()));
            binary
        })
        .collect();
    let signatures = the_worst_of_days(&world, &switch).await;
    let mut text = String::new();
    for binary in &binaries {
        binary.kill().await;
        let output = binary.take_output();
        assert!(!output.is_empty());
        text += &output.join("\n");
        text.push('\n');
    }
    assert!(
        text.contains("error retrieving column rule"),
        "it panicked, and said so"
    );
    assert_eq!(leaks(&text, &world, signatures), [""; 0]);
}
