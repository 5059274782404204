//! The schedules at their worst, and a Twilio whose lists are not what they should be.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use local::sandbox::{Call, CallStatus, Callback, Outcome, ReadFault, Ring};
use serde_json::{Value, json};
use system_tests::{CALLER, FakeTwilio, LINE, OWNER, Says, TestDatabase, VOICE, World, form};

const CALLS: &str = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Calls.json";

fn lost_call(caller: &str) -> Ring {
    Ring::new(caller, LINE, Outcome::NoAnswer)
        .ringing_for(Duration::ZERO)
        .losing(Callback::Action)
        .losing(Callback::Status)
}

/// A world that reads from a Twilio of our own making; what is sent goes nowhere.
async fn world_of(fake: &FakeTwilio) -> World {
    let database = TestDatabase::new().await;
    let line =
        format!("INSERT INTO lines (number, forward_to, business_name) VALUES ('{LINE}', '{OWNER}', 'Acme')");
    database.sql(&line).await;
    let url = database.application_url().await;
    let fake = fake.url().to_owned();
    World::without_lines(database, url, |settings| {
        settings.with("TWILIO_API_BASE_URL", fake)
    })
    .await
}

fn sid(n: usize) -> String {
    format!("CA{n:032x}")
}

fn path_of(sid: &str) -> String {
    CALLS.replace(".json", &format!("/{sid}.json"))
}

fn legs_of(sid: &str) -> String {
    format!("{CALLS}?ParentCallSid={sid}&PageSize=500")
}

fn no_legs() -> Says {
    Says::Json(json!({ "calls": [], "next_page_uri": null }))
}

fn rfc2822(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// A row of Twilio's list: a call that nobody answered, a minute ago.
fn missed(sid: &str, now: Timestamp) -> Value {
    let ended = now - SignedDuration::from_mins(1);
    json!({
        "sid": sid, "from": CALLER, "to": LINE, "status": "no-answer", "direction": "inbound",
        "date_created": rfc2822(ended - SignedDuration::from_secs(20)),
        "start_time": rfc2822(ended - SignedDuration::from_secs(20)),
        "end_time": rfc2822(ended),
    })
}

async fn announce(world: &World, sid: &str, caller: &str) {
    let fields = [
        ("CallSid", sid),
        ("From", caller),
        ("To", LINE),
        ("CallStatus", "ringing"),
    ];
    assert_eq!(world.post_signed(VOICE, form(&fields)).await.status, 200);
}

#[tokio::test]
async fn a_tick_is_a_tick_whatever_its_event_says() {
    let world = World::begin().await;
    let events = [
        json!({ "source": "aws.scheduler" }),
        json!({ "source": "aws.scheduler", "time": "1970-01-01T00:00:00Z" }),
        json!({ "source": "aws.scheduler", "time": "2999-01-01T00:00:00Z", "detail-type": "Something Else" }),
        json!({ "source": "aws.scheduler", "time": 7, "detail": null }),
        json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": { "deep": [[[]]] } }),
    ];
    for (n, event) in events.into_iter().enumerate() {
        let caller = format!("+140355500{n:02}");
        let report = world.twilio.ring(lost_call(&caller)).await;
        world.pass(SignedDuration::from_mins(1)).await;
        for binary in ["missed-call-poller", "call-scheduler", "job-sweeper", "cleanup"] {
            let answer = world.invoke(binary, event.clone()).await;
            assert_eq!(answer.expect("a tick")["ok"], true, "{binary}: {event}");
        }
        world.run_jobs().await;
        assert_eq!(world.texts_to(&caller).len(), 1, "{event}");
        assert_eq!(world.outcome_of(&report.call).await, "missed by poller");
    }
}

/// What cannot be read as HTTP is passed through, so that alone must open no door.
#[tokio::test]
async fn an_event_that_does_not_say_that_it_is_a_tick_runs_nothing() {
    let world = World::begin().await;
    let unreadable_http = json!({
        "version": "2.0", "rawPath": "/api/cron/check-missed-calls", "rawQueryString": "",
        "headers": { "x-odd": "\u{7f}" }, "isBase64Encoded": false,
        "requestContext": { "http": { "method": "GET", "path": "/api/cron/check-missed-calls" }, "stage": "$default", "timeEpoch": 0 },
    });
    for event in [
        unreadable_http,
        json!({}),
        json!({ "source": ["aws.scheduler"] }),
        json!({ "source": "me" }),
    ] {
        for binary in ["missed-call-poller", "call-scheduler", "job-sweeper", "cleanup"] {
            let answer = world.invoke(binary, event.clone()).await.expect("an answer");
            assert_eq!(answer["ok"], false, "{binary}: {event}");
        }
    }
}

#[tokio::test]
async fn two_of_everything_at_once_do_what_one_does() {
    let world = World::begin().await;
    let callers: Vec<_> = (0..5).map(|n| format!("+140355500{n:02}")).collect();
    for caller in &callers {
        world.twilio.ring(lost_call(caller)).await;
    }
    world.pass(SignedDuration::from_mins(1)).await;
    futures_util::join!(
        world.poll(),
        world.poll(),
        world.sweep(),
        world.sweep(),
        world.tick("cleanup"),
        world.tick("cleanup")
    );
    futures_util::join!(world.run_jobs(), world.run_jobs());
    world.minutes(2).await;
    for caller in &callers {
        assert_eq!(world.texts_to(caller).len(), 1, "{caller}");
    }
    assert_eq!((world.count("jobs").await, world.sends()), (5, 5));
    assert_eq!(world.evidence().await, [""; 0]);
}

#[tokio::test]
async fn a_list_of_a_thousand_calls_is_read_to_its_end_and_once() {
    let world = World::begin().await;
    let now = world.database.now().await;
    for n in 0..1_000 {
        let caller = format!("+1403555{n:04}");
        let call = Call::inbound(&caller, LINE, now).ended(CallStatus::NoAnswer, now, Duration::ZERO);
        world.twilio.register_call(call);
    }
    world.pass(SignedDuration::from_mins(1)).await;
    let summary = world.poll().await;
    assert_eq!(
        (&summary["missed"], &summary["errors"]),
        (&1_000.into(), &0.into())
    );
    assert_eq!(world.count("jobs").await, 1_000);
    let reads = world.twilio.requests().len();
    let summary = world.poll().await;
    assert_eq!((&summary["missed"], &summary["errors"]), (&0.into(), &0.into()));
    assert_eq!(
        world.twilio.requests().len() - reads,
        2,
        "two pages, and not one look at a known call"
    );
    assert_eq!(world.count("jobs").await, 1_000);
}

#[tokio::test]
async fn a_list_that_ends_nowhere_is_read_so_far_and_not_believed() {
    let fake = FakeTwilio::start().await;
    let world = world_of(&fake).await;
    let now = world.database.now().await;
    let endless = json!({ "calls": [missed(&sid(1), now)], "next_page_uri": CALLS });
    fake.says(CALLS, Says::Json(endless));
    fake.says(&legs_of(&sid(1)), no_legs());
    let summary = world.poll().await;
    assert_eq!(
        (&summary["missed"], &summary["errors"]),
        (&1.into(), &1.into()),
        "what was read counts"
    );
    assert!(fake.asked().len() < 50, "{}", fake.asked().len());
    assert_eq!(
        world.count("provider_watermarks").await,
        0,
        "the rest is read next time"
    );
}

#[tokio::test]
async fn rows_that_are_not_calls_cost_nobody_else_a_text() {
    let fake = FakeTwilio::start().await;
    let world = world_of(&fake).await;
    let now = world.database.now().await;
    let row = |n: usize, change: Value| {
        let mut row = missed(&sid(n), now);
        for (name, value) in change.as_object().expect("an object") {
            row[name] = value.clone();
        }
        fake.says(&legs_of(&sid(n)), no_legs());
        row
    };
    let rows = json!([
        null,
        7,
        "a call",
        [],
        {},
        row(1, json!({ "sid": null })),
        row(2, json!({ "sid": "" })),
        row(3, json!({ "sid": "CA'; DROP TABLE jobs; --" })),
        row(4, json!({ "sid": "../Messages" })),
        row(5, json!({ "status": "teleported" })),
        row(6, json!({ "status": null })),
        row(7, json!({ "direction": "outbound-dial" })),
        row(8, json!({ "to": "+15875550099" })),
        row(9, json!({ "to": "sip:bob@example.com" })),
        row(
            10,
            json!({ "end_time": rfc2822(now + SignedDuration::from_hours(24)) })
        ),
        row(11, json!({ "from": "anonymous" })),
        row(12, json!({ "from": "4035550001" })),
        row(13, json!({ "end_time": null })),
        row(14, json!({ "end_time": null, "start_time": null })),
        row(
            15,
            json!({ "end_time": "yesterday", "start_time": "", "date_created": "never" })
        ),
        row(16, json!({ "start_time": "Fri, 31 Dec 9999 23:59:59 +0000" })),
        row(17, json!({ "extra": { "deep": [1, 2, 3] } })),
        row(17, json!({})),
        row(17, json!({})),
    ]);
    fake.says(CALLS, Says::Json(json!({ "calls": rows, "next_page_uri": null })));
    let summary = world.poll().await;
    assert_eq!(summary["errors"], 0, "{summary}");
    let mut told = Vec::new();
    for n in 1..=17 {
        told.push((n, world.job_of(&sid(n)).await));
    }
    let missed: Vec<_> = told
        .iter()
        .filter(|(_, job)| job == "pending")
        .map(|(n, _)| *n)
        .collect();
    assert_eq!(missed, [11, 12, 13, 14, 15, 16, 17]);
    assert_eq!(world.count("jobs").await, 7, "and one each");
    assert_eq!(world.count("provider_watermarks").await, 1, "the list was read");
}

#[tokio::test]
async fn the_next_page_is_never_fetched_from_somebody_else() {
    let canary = FakeTwilio::start().await;
    let strangers = [
        format!("{}{CALLS}?Page=1", canary.url()),
        canary.url().replace("http:", "") + CALLS,
        format!(
            "http://AC1:x@{}{CALLS}",
            canary.url().trim_start_matches("http://")
        ),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "/2010-04-01/Accounts/AC00000000000000000000000000000002/Calls.json".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for stranger in strangers {
        let world = World::begin().await;
        world.twilio.set_next_page_uri(Some(stranger.clone()));
        let report = world.twilio.ring(lost_call(CALLER)).await;
        world.pass(SignedDuration::from_mins(1)).await;
        let summary = world.poll().await;
        assert_ne!(summary["errors"], 0, "{stranger}: told");
        assert_eq!(canary.asked(), [""; 0], "{stranger}");
        world.twilio.set_next_page_uri(None);
        world.minutes(1).await;
        assert_eq!(
            world.outcome_of(&report.call).await,
            "missed by poller",
            "{stranger}"
        );
        assert_eq!(world.texts_to(CALLER).len(), 1, "{stranger}");
    }
}

#[tokio::test]
async fn a_call_that_twilio_cannot_tell_about_delays_no_other() {
    let fake = FakeTwilio::start().await;
    let world = world_of(&fake).await;
    fake.says(CALLS, no_legs());
    for n in 1..=6 {
        announce(&world, &sid(n), &format!("+140355500{n:02}")).await;
        fake.says(&legs_of(&sid(n)), no_legs());
    }
    let now = world.database.now().await;
    world.pass(SignedDuration::from_mins(2)).await;
    fake.says(&path_of(&sid(1)), Says::Raw(500, "<html>".to_owned()));
    fake.says(&path_of(&sid(2)), Says::Raw(200, "{\"sid\": \"CA".to_owned()));
    fake.says(&path_of(&sid(3)), Says::Hangs);
    fake.says(&path_of(&sid(4)), Says::Json(missed(&sid(4), now)));
    fake.says(&legs_of(&sid(4)), Says::Raw(500, String::new()));
    fake.says(&path_of(&sid(5)), Says::Raw(302, String::new()));
    fake.says(&path_of(&sid(6)), Says::Json(missed(&sid(6), now)));

    let poll = world.poll();
    let others = async {
        while world.outcome_of(&sid(6)).await != "missed by poller" {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.outcome_of(&sid(3)).await, "", "it still hangs");
        fake.let_go();
    };
    let (summary, ()) = futures_util::join!(poll, others);
    assert_eq!(
        (&summary["checked"], &summary["missed"], &summary["errors"]),
        (&6.into(), &1.into(), &5.into())
    );
    for n in 1..=5 {
        fake.says(&path_of(&sid(n)), Says::Json(missed(&sid(n), now)));
        fake.says(&legs_of(&sid(n)), no_legs());
    }
    assert_eq!(world.poll().await["missed"], 5, "the next run asks again");
}

#[tokio::test]
async fn an_answer_about_another_call_decides_nothing() {
    let fake = FakeTwilio::start().await;
    let world = world_of(&fake).await;
    fake.says(CALLS, no_legs());
    announce(&world, &sid(1), CALLER).await;
    world.pass(SignedDuration::from_mins(2)).await;
    let now = world.database.now().await;
    fake.says(&path_of(&sid(1)), Says::Json(missed(&sid(2), now)));
    fake.says(&legs_of(&sid(2)), no_legs());
    assert_eq!(world.poll().await["errors"], 1);
    assert_eq!(
        (world.count("active_calls").await, world.count("jobs").await),
        (1, 0)
    );
}

#[tokio::test]
async fn a_twilio_that_answers_nothing_for_a_while_costs_only_time() {
    for fault in [
        ReadFault::Refuse {
            http: 500,
            code: 20500,
        },
        ReadFault::Refuse {
            http: 429,
            code: 20429,
        },
        ReadFault::Refuse {
            http: 401,
            code: 20003,
        },
        ReadFault::Garbled,
        ReadFault::Reset,
    ] {
        let world = World::begin().await;
        let report = world.twilio.ring(lost_call(CALLER)).await;
        world.twilio.on_every_read(Some(fault.clone()));
        world.minutes(3).await;
        assert_eq!(world.outcome_of(&report.call).await, "", "{fault:?}");
        world.twilio.on_every_read(None);
        world.minutes(1).await;
        assert_eq!(world.texts_to(CALLER).len(), 1, "{fault:?}");
    }
}
