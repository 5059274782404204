//! The database goes away and comes back: callers are connected all the while, and nothing is forgotten.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use local::sandbox::{Outcome, Ring};
use system_tests::{
    CALLER, DIAL_RESULT, LINE, OWNER, STATUS, Switch, TestDatabase, VOICE, Wire, World, form, server,
};

const SID: &str = "CA00000000000000000000000000000001";
const DEFAULT_LINE: &str = "+15875550009";
const DEFAULT_OWNER: &str = "+14155550109";
/// Whoever waits for a database that is silent waits longer: to connect takes three seconds alone. The webhook's
/// own limits leave room for a machine that is slow.
const THE_DATABASE_TAKES: Duration = Duration::from_secs(2);

async fn switch() -> Switch {
    Switch::before(server().await.port()).await
}

fn call() -> String {
    form(&[
        ("CallSid", SID),
        ("From", CALLER),
        ("To", LINE),
        ("CallStatus", "ringing"),
    ])
}

fn no_answer() -> String {
    let fields = [
        ("CallSid", SID),
        ("From", CALLER),
        ("To", LINE),
        ("CallStatus", "in-progress"),
    ];
    format!(
        "{}&{}",
        form(&fields),
        form(&[("DialCallStatus", "no-answer"), ("DialBridged", "false")])
    )
}

fn over() -> String {
    form(&[
        ("CallSid", SID),
        ("From", CALLER),
        ("To", LINE),
        ("CallStatus", "completed"),
    ])
}

/// Rings the line once, so that its settings are known without the database.
async fn warm_up(world: &World) {
    let fields = [
        ("CallSid", "CA_test_1"),
        ("From", CALLER),
        ("To", LINE),
        ("CallStatus", "ringing"),
    ];
    assert!(world.post_signed(VOICE, form(&fields)).await.dials(OWNER));
}

#[tokio::test]
async fn a_caller_is_connected_by_the_last_known_settings_without_waiting_for_the_database() {
    for wire in [Wire::Pulled, Wire::Silent] {
        let switch = switch().await;
        let world = World::behind(&switch).await;
        warm_up(&world).await;
        switch.set(wire);
        for _ in 0..3 {
            let reply = world.post_signed(VOICE, call()).await;
            assert!(reply.dials(OWNER), "{wire:?}: {reply:?}");
            assert!(
                reply.elapsed < THE_DATABASE_TAKES,
                "{wire:?}: {:?}",
                reply.elapsed
            );
        }
    }
}

#[tokio::test]
async fn a_caller_is_connected_by_the_default_line_where_nothing_is_known() {
    for wire in [Wire::Pulled, Wire::Silent] {
        let switch = switch().await;
        let database = TestDatabase::new().await;
        let url = switch.url_of(&database);
        let world = World::without_lines(database, url, |settings| {
            settings
                .with("DEFAULT_LINE_NUMBER", DEFAULT_LINE)
                .with("DEFAULT_FORWARD_TO", DEFAULT_OWNER)
                .with("BUSINESS_NAME", "Default Acme")
        })
        .await;
        switch.set(wire);
        for body in [call(), String::new(), "To=%zz".to_owned()] {
            let reply = world.post_signed(VOICE, body.clone()).await;
            assert!(reply.dials(DEFAULT_OWNER), "{wire:?}: {reply:?}");
            assert!(
                reply.elapsed < THE_DATABASE_TAKES,
                "{wire:?}: {body}: {:?}",
                reply.elapsed
            );
        }
        assert_eq!(
            world.parked().len(),
            3,
            "what is not understood is kept for later as well"
        );
    }
}

#[tokio::test]
async fn a_missed_call_during_an_outage_is_parked_and_earns_one_text_afterwards() {
    let switch = switch().await;
    let world = World::behind(&switch).await;
    warm_up(&world).await;
    switch.set(Wire::Pulled);
    let ring = Ring::new(CALLER, LINE, Outcome::NoAnswer).ringing_for(Duration::ZERO);
    let report = world.twilio.ring(ring).await;
    let kinds: Vec<_> = world
        .parked()
        .iter()
        .map(|event| {
            (
                event["route"].as_str().expect("a route").to_owned(),
                event["query"].as_str().expect("a query").to_owned(),
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("voice".to_owned(), String::new()),
            ("voice".to_owned(), "mode=dial-result".to_owned()),
            ("status".to_owned(), String::new()),
        ],
        "in the order in which they came"
    );
    assert_eq!(world.texts_to(CALLER).len(), 0);

    world.pass(SignedDuration::from_mins(10)).await;
    switch.set(Wire::Plugged);
    world.sweep().await;
    world.minutes(2).await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
    assert_eq!(world.outcome_of(&report.call).await, "missed by dial_result");
    assert_eq!(world.parked().len(), 0);
    assert_eq!(world.quarantined().await, [""; 0]);
    world.minutes(5).await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
}

#[tokio::test]
async fn events_are_replayed_in_their_order_and_only_into_a_database_that_is_there() {
    let switch = switch().await;
    let world = World::behind(&switch).await;
    switch.set(Wire::Pulled);
    for (target, body) in [(VOICE, call()), (DIAL_RESULT, no_answer()), (STATUS, over())] {
        world.post_signed(target, body).await;
    }
    let groups: std::collections::BTreeSet<_> = world
        .sqs
        .messages("parked-events.fifo")
        .into_iter()
        .map(|message| message.group)
        .collect();
    assert_eq!(
        groups.len(),
        1,
        "one call's events are one group, so that none overtakes"
    );
    let event = serde_json::json!({});
    let swept = world.invoke("job-sweeper", event).await;
    assert_ne!(
        swept.map(|answer| answer["ok"] == true),
        Ok(true),
        "a sweep without a database fails"
    );
    assert_eq!(world.parked().len(), 3, "and takes nothing out");
    switch.set(Wire::Plugged);
    world.pass(SignedDuration::from_mins(1)).await;
    let swept = world.sweep().await;
    assert_eq!(swept["replayed"], 3);
    let call = world
        .database
        .one("SELECT concat_ws(' ', status, dial_status, outcome) FROM active_calls")
        .await;
    assert_eq!(call.as_deref(), Some("completed no-answer missed"));
}

#[tokio::test]
async fn the_two_hours_count_from_when_we_heard_and_not_from_the_replay() {
    for (minutes, texts) in [(118, 1), (121, 0)] {
        let switch = switch().await;
        let world = World::behind(&switch).await;
        switch.set(Wire::Pulled);
        world.post_signed(DIAL_RESULT, no_answer()).await;
        let heard_at: Timestamp = world.parked()[0]["heard_at"]
            .as_str()
            .expect("a time")
            .parse()
            .expect("a time");
        switch.set(Wire::Plugged);
        world.pass(SignedDuration::from_mins(minutes)).await;
        world.sweep().await;
        world.run_jobs().await;
        assert_eq!(world.texts_to(CALLER).len(), texts, "after {minutes} minutes");
        let expires_at = world
            .database
            .owner()
            .query_one("SELECT expires_at FROM jobs", &[])
            .await
            .expect("a job");
        let kept: Timestamp = expires_at.get(0);
        assert_eq!(
            kept.as_millisecond(),
            (heard_at + SignedDuration::from_hours(2)).as_millisecond()
        );
    }
}

#[tokio::test]
async fn what_was_parked_twice_counts_once() {
    let switch = switch().await;
    let world = World::behind(&switch).await;
    switch.set(Wire::Pulled);
    for _ in 0..3 {
        world.post_signed(DIAL_RESULT, no_answer()).await;
        world.post_signed(STATUS, no_answer()).await;
    }
    switch.set(Wire::Plugged);
    world.pass(SignedDuration::from_mins(1)).await;
    futures_util::join!(world.sweep(), world.sweep());
    world.run_jobs().await;
    world.minutes(2).await;
    assert_eq!((world.texts_to(CALLER).len(), world.count("jobs").await), (1, 1));
    assert_eq!(world.parked().len(), 0);
}

#[tokio::test]
async fn with_the_park_away_too_callers_are_connected_and_reports_are_asked_for_again() {
    for wire in [Wire::Pulled, Wire::Silent] {
        let switch = switch().await;
        let world = World::behind(&switch).await;
        warm_up(&world).await;
        switch.set(wire);
        world.sqs.fail_sends(true);
        let reply = world.post_signed(VOICE, call()).await;
        assert!(reply.dials(OWNER), "{wire:?}: {reply:?}");
        assert!(
            reply.elapsed < THE_DATABASE_TAKES,
            "{wire:?}: {:?}",
            reply.elapsed
        );
        let reply = world.post_signed(DIAL_RESULT, no_answer()).await;
        assert_eq!(reply.status, 200, "an error would be read out to the caller");
        let reply = world.post_signed(STATUS, over()).await;
        assert_eq!(reply.status, 500, "{wire:?}");
        assert_eq!(reply.json()["ok"], false);
        assert!(
            !reply.body.contains("postgres") && !reply.body.contains("refused"),
            "{}",
            reply.body
        );
    }
}

#[tokio::test]
async fn a_call_that_nobody_could_even_park_is_found_by_the_poller() {
    let switch = switch().await;
    let world = World::behind(&switch).await;
    warm_up(&world).await;
    switch.set(Wire::Pulled);
    world.sqs.fail_sends(true);
    let ring = Ring::new(CALLER, LINE, Outcome::NoAnswer).ringing_for(Duration::ZERO);
    world.twilio.ring(ring).await;
    world.sqs.fail_sends(false);
    switch.set(Wire::Plugged);
    world.minutes(2).await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
}

#[tokio::test]
async fn a_connection_that_has_fallen_silent_is_not_waited_for_twice() {
    let switch = switch().await;
    let world = World::behind(&switch).await;
    warm_up(&world).await;
    switch.set(Wire::Silent);
    assert!(world.post_signed(VOICE, call()).await.dials(OWNER));
    // What was open stays silent for ever; what is opened from now on works.
    switch.set(Wire::Plugged);
    let fields = [
        ("CallSid", "CA2"),
        ("From", CALLER),
        ("To", LINE),
        ("CallStatus", "ringing"),
    ];
    assert!(world.post_signed(VOICE, form(&fields)).await.dials(OWNER));
    assert_eq!(world.outcome_of("CA2").await, "", "recorded at once");
    assert_eq!(
        world.parked().len(),
        1,
        "only the call during the silence was parked"
    );
}

#[tokio::test]
async fn a_parked_event_that_is_of_no_use_delays_no_other() {
    let switch = switch().await;
    let world = World::behind(&switch).await;
    switch.set(Wire::Pulled);
    world.post_signed(DIAL_RESULT, "CallSid=%zz").await;
    let refused = no_answer().replace(SID, "CA666");
    world.post_signed(DIAL_RESULT, refused).await;
    world.post_signed(DIAL_RESULT, no_answer()).await;
    world
        .database
        .sql("ALTER TABLE active_calls ADD CONSTRAINT no_luck CHECK (call_sid <> 'CA666')")
        .await;
    switch.set(Wire::Plugged);
    world.pass(SignedDuration::from_mins(1)).await;
    assert_eq!(world.sweep().await["replayed"], 3);
    world.run_jobs().await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
    assert_eq!(
        world.quarantined().await,
        [
            "twilio_voice: the form has a broken escape",
            "parked: the database refused: no_luck"
        ]
    );
    assert_eq!(world.parked().len(), 0);
}
