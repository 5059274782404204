//! The worst days, read from their logs: nobody's number, words or secret is in them, in any spelling.

mod calls;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::SignedDuration;
use local::runtime_api::RealBinary;
use local::sandbox::{Behaviour, Callback, Outcome, ReadFault, Ring};
use serde_json::json;
use system_tests::{
    CALLER, CRON_SECRET, DIAL_RESULT, FORM, JOB_RUNNER_TOKEN, LINE, OWNER, SHOP_SECRET, STATUS,
    STRIPE_SECRET, Switch, TestDatabase, VOICE, Wire, World, form, real, server,
};

use super::call_form;
use crate::logs::{Log, holds_a_number};

const DATABASE_WORD: &str = "the-database-word";
const NAME: &str = "Ann Example Lee";
const WORDS: &str = "my kitchen is under water";
const FUNCTIONS: [&str; 7] = [
    "twilio-voice-webhook",
    "twilio-status-webhook",
    "job-runner",
    "job-sweeper",
    "missed-call-poller",
    "call-scheduler",
    "cleanup",
];

/// A world whose database has a password and is behind a wire.
async fn world_behind(switch: &Switch) -> World {
    let database = TestDatabase::new().await;
    database.set_clock_to_the_machines().await;
    let url = switch
        .url_of(&database)
        .replace("switchboard@", &format!("switchboard:{DATABASE_WORD}@"));
    assert!(url.contains(DATABASE_WORD), "{url}");
    World::on(database, url).await
}

/// Everything that was signed, so that it can be looked for.
#[derive(Default)]
struct Signatures(Vec<String>);

impl Signatures {
    async fn post(&mut self, world: &World, target: &str, body: String) {
        let signature = world.signature_of(target, body.as_bytes());
        let headers = [FORM, ("x-twilio-signature", signature.as_str())];
        world.send("POST", target, &headers, body).await;
        self.0.push(signature);
    }

    /// A call as it is announced, ends, and is told of.
    async fn post_call(&mut self, world: &World, sid: &str) {
        let personal = [("CallerName", NAME), ("Body", WORDS), ("FromCity", "CALGARY")];
        let with = |more: &[(&str, &str)]| call_form(sid, &[&personal, more].concat());
        self.post(world, VOICE, with(&[("CallStatus", "ringing")])).await;
        self.post(world, DIAL_RESULT, with(&[("DialCallStatus", "no-answer")]))
            .await;
        self.post(world, STATUS, with(&[("CallStatus", "no-answer")]))
            .await;
    }

    /// What nobody understands, in every spelling of a number.
    async fn post_nonsense(&mut self, world: &World) {
        for spelling in [
            "14035550001",
            "(403) 555-0001",
            "403.555.0001",
            "sip:+14035550001@x.example",
            "tel:+14035550001",
        ] {
            for field in [
                "CallSid",
                "From",
                "To",
                "CallStatus",
                "MessageSid",
                "MessageStatus",
                WORDS,
            ] {
                let body = form(&[("Body", WORDS), (field, spelling)]);
                for target in [VOICE, DIAL_RESULT, STATUS] {
                    self.post(world, target, body.clone()).await;
                }
            }
        }
        for body in [
            "From=%2B14035550001&CallSid=%zz",
            "From=%2B14035550001&Body=%00",
            "From=%2B14035550001&Body=%ff",
        ] {
            self.post(world, DIAL_RESULT, body.to_owned()).await;
        }
    }
}

async fn ring(world: &World, outcome: Outcome) {
    let ring = Ring::new(CALLER, LINE, outcome).ringing_for(Duration::ZERO);
    world.twilio.ring(ring).await;
    world.run_jobs().await;
}

/// People at the doors with keys that are somebody else's, misplaced or wrong.
async fn knock(world: &World) {
    let query = format!("/api/cron/check-missed-calls?token={CRON_SECRET}x&from=%2B14035550001");
    let bearer = format!("Bearer {JOB_RUNNER_TOKEN}");
    let basic = format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("AC1:{}", world.twilio.auth_token()))
    );
    for headers in [
        [("x-vercel-cron", CRON_SECRET), ("user-agent", WORDS)],
        [("x-vercel-cron", CALLER), ("referer", CALLER)],
        [("authorization", bearer.as_str()), ("x-vercel-cron", "1")],
        [("authorization", basic.as_str()), ("x-forwarded-for", CALLER)],
    ] {
        world.send("GET", &query, &headers, WORDS).await;
        world
            .send("DELETE", "/api/cron/cleanup-old-calls", &headers, "")
            .await;
    }
    for target in [VOICE, DIAL_RESULT, STATUS] {
        let unsigned = call_form("CA_forged", &[("CallerName", NAME), ("Body", WORDS)]);
        let headers = [FORM, ("x-twilio-signature", WORDS), ("x-forwarded-for", CALLER)];
        world.send("POST", target, &headers, unsigned).await;
    }
    let right = format!("Bearer {CRON_SECRET}");
    let headers = [
        ("authorization", right.as_str()),
        ("x-vercel-cron", JOB_RUNNER_TOKEN),
    ];
    world
        .send("GET", "/api/cron/check-missed-calls", &headers, "")
        .await;
}

/// Everything that goes wrong, one thing after another.
async fn the_worst_of_days(world: &World, switch: &Switch) -> Signatures {
    let mut signatures = Signatures::default();
    signatures.post_call(world, "CA_first").await;
    world.run_jobs().await;
    knock(world).await;

    // The database is away, then the queue as well; what was parked comes back, and some of it is of no use.
    switch.set(Wire::Pulled);
    signatures.post_call(world, "CA_parked").await;
    signatures.post_nonsense(world).await;
    let bell = json!({ "messageId": "m", "body": "{\"v\":1,\"job\":\"00000000-0000-0000-0000-000000000007\"}", "attributes": {} });
    let _ = world.invoke("job-runner", json!({ "Records": [bell] })).await;
    for binary in &FUNCTIONS[3..] {
        let tick = json!({ "source": "aws.scheduler" });
        assert!(
            world.invoke(binary, tick).await.is_err(),
            "{binary}: the database is away"
        );
    }
    world.sqs.fail_sends(true);
    signatures.post_call(world, "CA_lost").await;
    world.sqs.fail_sends(false);
    switch.set(Wire::Plugged);
    world
        .database
        .sql("ALTER TABLE active_calls ADD CONSTRAINT no_luck CHECK (call_sid <> 'CA_parked')")
        .await;
    world.minutes(2).await;
    knock(world).await;

    // Twilio refuses, throttles, breaks off, takes one text twice, and tells nothing or nonsense of its calls.
    for behaviour in [
        Behaviour::refuse(400, 21211),
        Behaviour::refuse(400, 21610),
        Behaviour::refuse(429, 20429),
        Behaviour::AcceptThenGarbled,
        Behaviour::DoubleAccept,
        Behaviour::Reset,
    ] {
        world.database.sql("UPDATE opt_outs SET revoked_at = switchboard_now(), revoked_by = 'test' WHERE revoked_at IS NULL").await;
        world.pass(SignedDuration::from_mins(20)).await;
        world.twilio.on_next_send(behaviour);
        ring(world, Outcome::NoAnswer).await;
        world.minutes(2).await;
    }
    for fault in [
        ReadFault::Garbled,
        ReadFault::Reset,
        ReadFault::Refuse {
            http: 500,
            code: 20500,
        },
    ] {
        world.twilio.on_every_read(Some(fault));
        let lost = Ring::new(CALLER, LINE, Outcome::Busy)
            .losing(Callback::Action)
            .losing(Callback::Status);
        world.twilio.ring(lost.ringing_for(Duration::ZERO)).await;
        world.minutes(2).await;
    }
    world.twilio.on_every_read(None);
    world
        .twilio
        .set_next_page_uri(Some(format!("http://127.0.0.1:9/?From={CALLER}")));
    world.minutes(1).await;
    world.twilio.set_next_page_uri(None);

    // What rings at the runner may be anything.
    for words in [CALLER, WORDS, "{\"v\":1,\"job\":\"+14035550001\"}"] {
        let message = json!({ "messageId": "m", "body": words, "attributes": { "MessageGroupId": "g" } });
        world
            .invoke("job-runner", json!({ "Records": [message] }))
            .await
            .expect("an answer");
    }

    // A schema that is none, for every function; and one that it has to panic at.
    world
        .database
        .sql("ALTER TABLE jobs ADD CONSTRAINT nobody CHECK (recipient IS NULL) NOT VALID")
        .await;
    signatures.post_call(world, "CA_refused").await;
    let unreadable = "DROP VIEW missed_calls; DELETE FROM active_calls WHERE processed;
                      ALTER TABLE active_calls ALTER COLUMN caller TYPE bytea USING caller::text::bytea;
                      INSERT INTO active_calls (call_sid, caller, line, status, received_at)
                      VALUES ('CA_panics', '+14035550001', '+15875550006', 'ringing', switchboard_now() - interval '1 hour')";
    world.database.sql(unreadable).await;
    let tick = json!({ "source": "aws.scheduler" });
    assert!(world.invoke("missed-call-poller", tick).await.is_err(), "a panic");
    signatures.post_call(world, "CA_failed").await;
    world
        .database
        .sql("ALTER TABLE active_calls DROP COLUMN status, DROP COLUMN checked_at; ALTER TABLE jobs DROP COLUMN rung_at")
        .await;
    signatures.post_call(world, "CA_mismatched").await;
    knock(world).await;
    signatures
}

/// The lines in which something stands that must not.
fn leaks(text: &str, world: &World, signatures: &Signatures) -> Vec<String> {
    let mut words = vec!["Sorry we missed".to_owned(), "CALGARY".to_owned()];
    words.extend(signatures.0.iter().cloned());
    lines_with(text, world, words, &[CALLER, LINE, OWNER])
}

/// The lines in which one of these words stands, or a secret, or a telephone number, in any spelling.
fn lines_with(text: &str, world: &World, mut words: Vec<String>, numbers: &[&str]) -> Vec<String> {
    let account = format!("{}:{}", world.twilio.account_sid(), world.twilio.auth_token());
    words.extend([world.twilio.auth_token(), BASE64_STANDARD.encode(account)]);
    words.extend([world.vapi.api_key(), world.vapi.webhook_secret()]);
    words.extend(
        [
            STRIPE_SECRET,
            SHOP_SECRET,
            DATABASE_WORD,
            CRON_SECRET,
            JOB_RUNNER_TOKEN,
        ]
        .map(str::to_owned),
    );
    words.extend(
        [
            NAME,
            WORDS,
            "postgresql://",
            "Bearer ",
            "Basic ",
            "x-twilio-signature",
        ]
        .map(str::to_owned),
    );
    let escaped = |word: &String| -> String { form_urlencoded::byte_serialize(word.as_bytes()).collect() };
    let escaped: Vec<_> = words.iter().map(escaped).collect();
    words.extend(escaped);
    let leaks = |line: &&str| {
        // However it is written: +1 (403) 555-0001.
        let close: String = line
            .chars()
            .filter(|letter| !" ().-/_".contains(*letter))
            .collect();
        holds_a_number(line)
            || numbers.iter().any(|number| close.contains(&number[2..]))
            || words.iter().any(|word| line.contains(word.as_str()))
    };
    text.lines().filter(leaks).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_worst_of_days_leaves_nobodys_number_words_or_secret_in_the_log() {
    let (log, _guard) = Log::begin();
    let switch = Switch::before(server().await.port()).await;
    let world = world_behind(&switch).await;
    let signatures = the_worst_of_days(&world, &switch).await;
    let text = log.of_the_product();
    for stage in [
        "refused a request that is not signed",
        "[CRON] unauthorized",
        "the request is parked",
        "the request not parked",
        "the report is parked",
        "a step of the sweep failed",
        "quarantined a parked event that the database refuses",
        "quarantined a signed request",
        "doorbell",
        "Twilio's list not read to its end",
        "Twilio's list could not be read",
        "outcome unknown",
        "DB-MISMATCH",
        "request failed",
    ] {
        assert!(text.contains(stage), "the day had no: {stage}\n{text}");
    }
    assert_eq!(leaks(&text, &world, &signatures), [""; 0]);
}

/// The binaries print what their libraries and their panics say as well.
#[tokio::test]
async fn the_real_binaries_print_nothing_of_it_either() {
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
        text.contains("error retrieving column caller"),
        "it panicked, and said so"
    );
    assert_eq!(leaks(&text, &world, &signatures), [""; 0]);
}
