//! What the night shift reads: every stage is in it, and nobody's number, words or secret.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use local::sandbox::{Behaviour, Callback, Outcome, Ring};
use serde_json::{Value, json};
use system_tests::{
    CALLER, CRON_SECRET, DIAL_RESULT, JOB_RUNNER_TOKEN, LINE, OWNER, STATUS, VOICE, World, form,
};
use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing_subscriber::EnvFilter;

/// While there is only one subscriber, `tracing` asks the thread that first comes to a line whether anybody listens, and
/// takes its no for everybody's. Other tests' threads have none.
static NOT_THE_ONLY_ONE: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));

/// Everything that is logged on this thread, as Lambda would write it.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(crate) fn begin() -> (Self, DefaultGuard) {
        LazyLock::force(&NOT_THE_ONLY_ONE);
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_env_filter(EnvFilter::new(
                "debug,hyper=info,hyper_util=info,reqwest=info,rustls=info",
            ))
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
    }

    fn lines(&self) -> Vec<Value> {
        let text = self.text();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }

    /// The first line that says this.
    #[track_caller]
    pub(crate) fn line(&self, message: &str) -> Value {
        let lines = self.lines();
        let found = lines.iter().find(|line| line["message"] == message);
        found
            .unwrap_or_else(|| panic!("{message} is not in\n{}", self.text()))
            .clone()
    }

    /// The product's own lines, whatever libraries say beside them.
    pub(crate) fn of_the_product(&self) -> String {
        let libraries = [
            "hyper",
            "aws_",
            "h2",
            "reqwest",
            "tokio_postgres",
            "tower",
            "rustls",
        ];
        let lines = self.lines();
        let ours = lines.iter().filter(|line| {
            let target = line["target"].as_str().unwrap_or_default();
            !libraries.iter().any(|library| target.starts_with(library))
        });
        ours.map(Value::to_string).collect::<Vec<_>>().join("\n")
    }
}

fn ring(outcome: Outcome) -> Ring {
    Ring::new(CALLER, LINE, outcome).ringing_for(Duration::ZERO)
}

async fn play(world: &World, ring: Ring) -> String {
    let report = world.twilio.ring(ring).await;
    world.run_jobs().await;
    report.call
}

/// A day with everything in it.
async fn story(world: &World) {
    world.poll().await;
    // The fast path, and the poller behind it.
    let call = play(world, ring(Outcome::NoAnswer)).await;
    let again = [
        ("CallSid", call.as_str()),
        ("From", CALLER),
        ("To", LINE),
        ("DialCallStatus", "no-answer"),
    ];
    world.twilio.post_dial_result(&again).await.answer();
    for status in ["sent", "delivered", "undelivered"] {
        let sid = world.texts_to(CALLER)[0].sid.clone();
        let report = form(&[
            ("MessageSid", &sid),
            ("MessageStatus", status),
            ("To", CALLER),
            ("ErrorCode", "30003"),
        ]);
        world.post_signed(STATUS, report).await;
    }
    // The fallback.
    world.pass(SignedDuration::from_mins(20)).await;
    play(
        world,
        ring(Outcome::NoAnswer)
            .losing(Callback::Action)
            .losing(Callback::Status),
    )
    .await;
    world.minutes(1).await;
    // Refused, throttled and unclear.
    for behaviour in [
        Behaviour::refuse(400, 21614),
        Behaviour::refuse(401, 20003),
        Behaviour::AcceptThenReset,
    ] {
        world.pass(SignedDuration::from_mins(20)).await;
        world.twilio.on_next_send(behaviour);
        play(world, ring(Outcome::Busy)).await;
        world.minutes(8).await;
    }
    world.tick("cleanup").await;
}

/// What nobody should be able to put into it either.
async fn bad_inputs(world: &World) {
    let number = "+14035550001";
    for from in [
        "+1403555000",
        "4035550001",
        "+1 (403) 555-0001",
        "sip:+14035550001@example.com",
        number,
    ] {
        let fields = [
            ("CallSid", "bad"),
            ("From", from),
            ("To", LINE),
            ("Body", "the caller's own words"),
        ];
        world.post_signed(VOICE, form(&fields)).await;
        world.post_signed(DIAL_RESULT, form(&fields)).await;
        world.post_signed(STATUS, form(&fields)).await;
    }
    let unsigned = form(&[("From", number)]);
    world.send("POST", VOICE, &[system_tests::FORM], unsigned).await;
    let unknown_line = form(&[("CallSid", "CA1"), ("From", CALLER), ("To", "+15875550099")]);
    world.post_signed(VOICE, unknown_line).await;
    let wrong = format!("{CRON_SECRET}x");
    let path = format!("/api/cron/check-missed-calls?token={wrong}");
    world
        .send(
            "GET",
            &path,
            &[("x-vercel-cron", "1"), ("authorization", "Bearer no")],
            "",
        )
        .await;
    let right = format!("/api/cron/check-missed-calls?token={CRON_SECRET}");
    world.send("GET", &right, &[], "").await;
    let bearer = format!("Bearer {JOB_RUNNER_TOKEN}");
    world
        .send(
            "POST",
            "/api/jobs/run-outbound",
            &[("authorization", &bearer)],
            "",
        )
        .await;
    let record = json!({ "messageId": "m", "body": format!("text {CALLER} please"), "attributes": {} });
    world
        .invoke("job-runner", json!({ "Records": [record] }))
        .await
        .expect("an answer");
}

#[tokio::test]
async fn every_stage_is_logged_in_the_words_that_people_search_for() {
    let (log, _guard) = Log::begin();
    let world = World::begin().await;
    story(&world).await;
    bad_inputs(&world).await;
    for message in [
        "[Voice Phase 2] Missed call detected - processing immediately",
        "[Check Missed Calls] Found 0 calls to check",
        "[Check Missed Calls - FALLBACK] Missed call detected",
        "[Missed Call Handler] Deduplication: SMS already sent for this call",
        "[Missed Call Handler] Sending SMS to +1403***0001",
        "[Missed Call Handler] SMS sent successfully",
        "[Missed Call Handler] Failed to send",
        "[CRON] trigger start",
        "✅ [CRON] authorized method=schedule",
        "✅ [CRON] authorized method=query",
        "✅ [CRON] authorized method=bearer",
        "[CRON] Missed calls checked",
        "[CRON] Job runner triggered",
        "[CRON] Old calls deleted",
        "[CRON] unauthorized",
    ] {
        log.line(message);
    }
    let sent = log.line("[Missed Call Handler] SMS sent successfully");
    assert!(
        sent["latency_ms"].is_i64() || sent["latency_ms"].is_u64(),
        "{sent}"
    );
    assert_eq!(
        (&sent["origin"], &sent["sent"]),
        (&json!("dial_result"), &json!(1))
    );
    assert_eq!(
        log.line("[Missed Call Handler] Deduplication: SMS already sent for this call")["deduplicated"],
        1
    );
    let failed = log.line("[Missed Call Handler] Failed to send");
    assert_eq!(
        (&failed["level"], &failed["code"], &failed["failed"]),
        (&json!("ERROR"), &json!(21614), &json!(1))
    );
    let refused = log.line("[CRON] unauthorized");
    assert_eq!(
        (
            &refused["hasVercelHeader"],
            &refused["vercelHeaderValue"],
            &refused["hasAuthHeader"],
            &refused["hasTokenQuery"]
        ),
        (&json!(true), &json!("1"), &json!(true), &json!(true))
    );
    assert!(
        refused["request.id"]
            .as_str()
            .is_some_and(|id| id.starts_with("cron_")),
        "{refused}"
    );
    let authorized = log.line("✅ [CRON] authorized method=query");
    assert_eq!(
        (&authorized["authMethod"], &authorized["isVercelCron"]),
        (&json!("query"), &json!(false))
    );
}

#[tokio::test]
async fn nobodys_number_words_or_secret_is_in_it() {
    let (log, _guard) = Log::begin();
    let world = World::begin().await;
    story(&world).await;
    bad_inputs(&world).await;
    world
        .database
        .sql("ALTER TABLE active_calls DROP COLUMN status")
        .await;
    bad_inputs(&world).await;
    let text = log.of_the_product();
    assert!(text.lines().count() > 50, "{text}");
    for digits in [CALLER, LINE, OWNER].map(|number| number.trim_start_matches('+')) {
        let national = &digits[1..];
        assert_eq!(lines_with(&text, national), [""; 0]);
    }
    for secret in [
        CRON_SECRET,
        JOB_RUNNER_TOKEN,
        "the-twilio-word",
        "Sorry we missed your call",
        "the caller's own words",
        "postgresql://",
        "Basic ",
        "403) 555",
    ] {
        assert_eq!(lines_with(&text, secret), [""; 0], "{secret}");
    }
    let numbers: Vec<_> = text.lines().filter(|line| holds_a_number(line)).collect();
    assert_eq!(numbers, [""; 0]);
}

fn lines_with<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.contains(word)).collect()
}

/// A plus, bare or escaped, and seven digits or more.
pub(crate) fn holds_a_number(line: &str) -> bool {
    let starts = line.split('+').skip(1).chain(line.split("%2B").skip(1));
    starts
        .into_iter()
        .any(|rest| rest.bytes().take_while(u8::is_ascii_digit).count() >= 7)
}
