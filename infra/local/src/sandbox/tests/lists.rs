//! Fetching and listing: filters, pages, lag and faults.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    super::{Call, CallStatus, Fate, ReadFault, SandboxClock, SandboxConfig},
    CALLER, LINE, OWNER, World,
};

fn at(timestamp: &str) -> Timestamp {
    timestamp.parse().expect("a valid timestamp")
}

async fn world_at(now: &str) -> World {
    let clock = SandboxClock::standing_at(at(now));
    World::with(SandboxConfig {
        clock,
        ..SandboxConfig::default()
    })
    .await
}

fn sids(page: &Value, name: &str) -> Vec<String> {
    let rows = page[name].as_array().expect("a list");
    rows.iter()
        .map(|row| row["sid"].as_str().expect("a sid").to_owned())
        .collect()
}

#[tokio::test]
async fn a_list_is_newest_first_and_its_pages_hold_every_row_once() {
    let world = world_at("2026-03-08T12:00:00Z").await;
    let mut expected: Vec<String> = (0..5)
        .map(|minute| {
            let started = at("2026-03-08T11:00:00Z") + Duration::from_mins(minute);
            world.twilio.register_call(Call::inbound(CALLER, LINE, started))
        })
        .collect();
    expected.reverse();

    let mut page = world.get("Calls.json?PageSize=2").await.1;
    let mut listed = sids(&page, "calls");
    // A call that comes in between shifts nothing.
    world
        .twilio
        .register_call(Call::inbound(CALLER, LINE, at("2026-03-08T11:59:00Z")));
    while let Some(next) = world.get_next(&page).await {
        listed.extend(sids(&next, "calls"));
        page = next;
    }

    assert_eq!(listed, expected);
}

#[tokio::test]
async fn calls_are_filtered_by_everything_that_the_real_list_knows() {
    let world = world_at("2026-03-09T12:00:00Z").await;
    let call = Call::inbound(CALLER, LINE, at("2026-03-08T23:59:59Z"));
    let leg = call.leg(OWNER, at("2026-03-09T00:00:01Z"));
    let leg = world.twilio.register_call(leg.ended(
        CallStatus::NoAnswer,
        at("2026-03-09T00:00:19Z"),
        Duration::ZERO,
    ));
    let call = world.twilio.register_call(call);
    let list = async |query: &str| {
        let (status, page) = world.get(&format!("Calls.json?{query}")).await;
        assert_eq!(status, 200);
        sids(&page, "calls")
    };

    assert_eq!(list("").await, [leg.clone(), call.clone()]);
    assert_eq!(list("To=%2B14155550199").await, [leg.as_str()]);
    assert_eq!(list("Status=ringing").await, [call.as_str()]);
    assert_eq!(list("StartTime=2026-03-08").await, [call.as_str()]);
    assert_eq!(list("StartTime%3E=2026-03-09").await, [leg.as_str()]);
    assert_eq!(
        list("StartTime>=2026-03-08&StartTime<=2026-03-09").await,
        [call.as_str()]
    );
    let (_, page) = world.get(&format!("Calls.json?ParentCallSid={call}")).await;
    assert_eq!(sids(&page, "calls"), [leg]);
    assert_eq!(world.get("Calls.json?StartTime=yesterday").await.0, 400);
}

#[tokio::test]
async fn a_call_is_fetched_in_twilio_s_shape_and_an_unknown_one_is_404() {
    let world = world_at("2026-03-08T12:00:00Z").await;
    let call = Call::inbound("anonymous", LINE, at("2026-03-08T11:00:00Z"));
    let ended = call.ended(
        CallStatus::Completed,
        at("2026-03-08T11:00:42Z"),
        Duration::from_secs(42),
    );
    let sid = world.twilio.register_call(ended);

    let (status, call) = world.get(&format!("Calls/{sid}.json")).await;
    assert_eq!(status, 200);
    assert_eq!(call["start_time"], "Sun, 08 Mar 2026 11:00:00 +0000");
    assert_eq!(call["end_time"], "Sun, 08 Mar 2026 11:00:42 +0000");
    assert_eq!(call["duration"], "42");
    assert_eq!(call["status"], "completed");
    assert_eq!(call["parent_call_sid"], Value::Null);

    let (status, error) = world.get("Calls/CAtest.json").await;
    assert_eq!((status, error["code"].as_u64()), (404, Some(20404)));
}

#[tokio::test]
async fn a_queued_text_has_no_date_sent_and_the_date_filter_misses_it() {
    let world = world_at("2026-03-08T12:00:00Z").await;
    world.twilio.set_fate(Fate::stuck());
    world.send_text(CALLER).await.expect("an answer");

    let found = world
        .get("Messages.json?To=%2B14155550101&From=%2B15005550006")
        .await
        .1;
    assert_eq!(found["messages"][0]["date_sent"], Value::Null);
    let missed = world
        .get("Messages.json?To=%2B14155550101&DateSent=2026-03-08")
        .await
        .1;
    assert_eq!(sids(&missed, "messages").len(), 0);
    let sid = &world.twilio.messages()[0].sid;
    assert_eq!(world.get(&format!("Messages/{sid}.json")).await.0, 200);
    assert_eq!(world.get("Messages/SMunknown.json").await.0, 404);
}

#[tokio::test]
async fn a_lagging_list_shows_a_text_only_after_a_while() {
    let world = world_at("2026-03-08T12:00:00Z").await;
    world.twilio.lag_lists_by(Duration::from_mins(2));
    world.send_text(CALLER).await.expect("an answer");

    world.twilio.clock().advance(Duration::from_secs(119));
    assert_eq!(sids(&world.get("Messages.json").await.1, "messages").len(), 0);
    world.twilio.clock().advance(Duration::from_secs(1));
    assert_eq!(sids(&world.get("Messages.json").await.1, "messages").len(), 1);
}

#[tokio::test]
async fn pages_can_be_tiny_and_name_a_hostile_next_page() {
    let world = world_at("2026-03-08T12:00:00Z").await;
    for _ in 0..3 {
        world
            .twilio
            .register_call(Call::inbound(CALLER, LINE, at("2026-03-08T11:00:00Z")));
    }
    world.twilio.cap_pages_at(1);
    let page = world.get("Calls.json?PageSize=1000").await.1;
    assert_eq!(sids(&page, "calls").len(), 1);
    assert!(
        page["next_page_uri"]
            .as_str()
            .expect("a next page")
            .contains("PageToken=PACA")
    );

    let hostile = "http://169.254.169.254/latest/meta-data";
    world.twilio.set_next_page_uri(Some(hostile.to_owned()));
    assert_eq!(world.get("Calls.json").await.1["next_page_uri"], hostile);
}

#[tokio::test]
async fn reads_fail_as_scripted_and_recover() {
    let world = World::new().await;
    world.twilio.on_next_read(ReadFault::Refuse {
        http: 429,
        code: 20429,
    });
    world.twilio.on_next_read(ReadFault::Garbled);
    assert_eq!(world.get("Messages.json").await.0, 429);
    assert_eq!(world.get("Messages.json").await, (200, Value::Null));
    assert_eq!(world.get("Messages.json").await.0, 200);

    world.twilio.on_every_read(Some(ReadFault::Refuse {
        http: 500,
        code: 20500,
    }));
    assert_eq!(world.get("Calls.json").await.0, 500);
    assert_eq!(world.get("Calls.json").await.0, 500);
    world.twilio.on_every_read(None);
    assert_eq!(world.get("Calls.json").await.0, 200);
}
