//! What Twilio answers is input like any other: read as far as it makes sense, and believed no further.

use fastrand::Rng;
use jiff::SignedDuration;
use serde_json::{Value, json};
use system_tests::{CALLER, DIAL_RESULT, FakeTwilio, LINE, OWNER, PostgresProxy, Says, TestDatabase, World};

use super::call_form;

const ACCOUNT: &str = "/2010-04-01/Accounts/AC00000000000000000000000000000001";

/// A world whose Twilio says what it is told to.
async fn world_of(fake: &FakeTwilio) -> World {
    world_behind(None, fake).await
}

/// The same, with the functions' database behind a proxy that counts.
async fn world_behind(proxy: Option<&PostgresProxy>, fake: &FakeTwilio) -> World {
    let database = TestDatabase::new().await;
    let line =
        format!("INSERT INTO lines (number, forward_to, business_name) VALUES ('{LINE}', '{OWNER}', 'Acme')");
    database.sql(&line).await;
    let url = match proxy {
        Some(proxy) => proxy.url_of(&database),
        None => database.application_url().await,
    };
    let fake = fake.url().to_owned();
    World::without_lines(database, url, |settings| {
        settings.with("TWILIO_API_BASE_URL", fake)
    })
    .await
}

/// Only an id of Twilio's form says that Twilio has the text; what else is said, evidence must settle.
#[tokio::test]
async fn an_acceptance_that_names_no_message_of_twilios_is_none() {
    let fake = FakeTwilio::start().await;
    let proxy = PostgresProxy::before_database().await;
    let world = world_behind(Some(&proxy), &fake).await;
    let sids = [
        json!("SM0\u{0}"),
        json!("\u{0}"),
        json!(" "),
        json!("SM1'; DROP TABLE jobs; --"),
        json!("CA00000000000000000000000000000001"),
        json!("SM0000000000000000000000000000000g"),
        json!("SM000000000000000000000000000000001"),
        json!(CALLER),
        json!("S".repeat(60_000)),
        json!(7),
        json!(null),
        json!(["SM00000000000000000000000000000001"]),
    ];
    let mut bodies: Vec<String> = sids
        .into_iter()
        .map(|sid| json!({ "sid": sid, "status": "queued" }).to_string())
        .collect();
    bodies.push("[".repeat(10_000));
    bodies.push(format!("{{\"sid\":{}", "[".repeat(50_000)));
    bodies.push("\u{1f}\u{8b}\u{8}".to_owned());
    for (n, body) in bodies.into_iter().enumerate() {
        let sid = format!("CA_{n}");
        fake.says(&format!("{ACCOUNT}/Messages.json"), Says::Raw(201, body.clone()));
        // Somebody else each time: an unsettled text to a person holds up the next one.
        let missed = call_form(&sid, &[("DialCallStatus", "no-answer")])
            .replace("4035550001", &format!("40355501{n:02}"));
        world.post_signed(DIAL_RESULT, missed).await;
        proxy.take_statements();
        world.run_jobs().await;
        let statements = proxy.take_statements().into_iter();
        let settlings: Vec<_> = statements.filter(|name| name.starts_with("settle")).collect();
        let shown = &body[..body.len().min(60)];
        assert_eq!(
            world.job_of(&sid).await,
            "unknown: accepted, but unreadable",
            "{shown}"
        );
        assert_eq!(settlings, ["settle_unknown"], "{shown}: settled at once");
    }
    let asked = fake.asked().len();
    world.run_jobs().await;
    assert_eq!(fake.asked().len(), asked, "and none is sent again");
}

#[tokio::test]
async fn a_message_in_twilios_list_without_an_id_of_its_form_is_no_evidence() {
    let fake = FakeTwilio::start().await;
    let world = world_of(&fake).await;
    fake.says(&format!("{ACCOUNT}/Messages.json"), Says::Raw(500, String::new()));
    world
        .post_signed(DIAL_RESULT, call_form("CA1", &[("DialCallStatus", "no-answer")]))
        .await;
    world.run_jobs().await;
    let now = world.database.now().await;
    let content = world.database.one("SELECT content FROM attempts").await;
    let rows = [
        json!("SM0\u{0}"),
        json!("x".repeat(5_000)),
        json!("CA1"),
        json!(null),
    ]
    .map(|sid| {
        json!({
            "sid": sid, "body": content, "direction": "outbound-api", "from": LINE, "to": CALLER,
            "date_created": now.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string(),
        })
    });
    let list = json!({ "messages": rows, "next_page_uri": null });
    fake.says(&format!("{ACCOUNT}/Messages.json"), Says::Json(list));
    for _ in 0..20 {
        world.pass(SignedDuration::from_mins(1)).await;
        world.sweep().await;
    }
    let job = world.job_of("CA1").await;
    assert!(
        job.starts_with("unknown"),
        "neither arrived nor proven absent: {job}"
    );
}

/// Lists that something has happened to: at worst the run says so, and nobody is texted for nothing.
#[tokio::test]
async fn a_list_that_something_has_happened_to_stops_no_run_and_texts_nobody() {
    let fake = FakeTwilio::start().await;
    let world = world_of(&fake).await;
    let now = world.database.now().await - SignedDuration::from_mins(5);
    let at = now.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let row = json!({
        "sid": "CA00000000000000000000000000000001", "from": CALLER, "to": LINE, "status": "completed",
        "direction": "inbound", "date_created": at, "start_time": at, "end_time": at, "price": null,
    });
    let page = json!({ "calls": [row], "next_page_uri": null, "page": 0 }).to_string();
    let leg = json!({ "sid": "CA2", "status": "completed", "direction": "outbound-dial" });
    let legs = format!("{ACCOUNT}/Calls.json?ParentCallSid=CA00000000000000000000000000000001&PageSize=500");
    fake.says(
        &legs,
        Says::Json(json!({ "calls": [leg], "next_page_uri": null })),
    );
    let calls = format!("{ACCOUNT}/Calls.json");
    let mut chance = Rng::with_seed(20_260_610);
    for round in 0..150 {
        fake.says(&calls, Says::Raw(200, mutated(&page, &mut chance)));
        let summary = world.poll().await;
        assert_eq!(summary["ok"], true, "round {round}");
        assert_eq!(summary["notFound"], 0, "round {round}");
    }
    for body in [
        "[".repeat(100_000),
        format!("{{\"calls\":{}", "[".repeat(100_000)),
        format!("{{\"calls\":[\"{}\"]}}", "x".repeat(9 * 1024 * 1024)),
        json!({ "calls": { "0": row } }).to_string(),
        json!({ "calls": [row], "next_page_uri": ["x"] }).to_string(),
        String::new(),
    ] {
        fake.says(&calls, Says::Raw(200, body));
        let summary = world.poll().await;
        assert_eq!((&summary["ok"], &summary["errors"]), (&json!(true), &json!(1)));
    }
    world.run_jobs().await;
    assert_eq!(world.sends(), 0);
    let texts = fake.asked().into_iter().filter(|path| path.contains("Messages"));
    assert_eq!(
        texts.collect::<Vec<_>>(),
        [""; 0],
        "an answered call stays answered"
    );
}

/// A byte changed, left out, doubled, or the end cut off.
fn mutated(text: &str, chance: &mut Rng) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..chance.usize(1..4) {
        let at = chance.usize(..bytes.len());
        match chance.u8(..4) {
            0 => bytes[at] = chance.u8(0x20..0x7f),
            1 => {
                bytes.remove(at);
            }
            2 => bytes.insert(at, bytes[at]),
            _ => bytes.truncate(at.max(1)),
        }
    }
    String::from_utf8(bytes).expect("still ASCII")
}

#[test]
fn what_is_mutated_is_another_text() {
    let text = Value::from("a page").to_string();
    let mut chance = Rng::with_seed(1);
    let others: std::collections::BTreeSet<_> = (0..20).map(|_| mutated(&text, &mut chance)).collect();
    assert!(others.len() > 10, "{others:?}");
}
