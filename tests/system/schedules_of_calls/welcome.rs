//! The welcome call: who gets it, when, and that it comes once.

use jiff::{SignedDuration, Timestamp};
use shared::platform::queue::group_of;

use super::{EDMONTON, NEW_YORK, Shop};
use crate::logs::Log;

#[tokio::test]
async fn a_welcome_call_comes_twenty_minutes_after_the_payment_and_once() {
    let shop = Shop::open().await;
    shop.customer("ann", EDMONTON, "10:00").await;
    shop.tick().await;
    assert_eq!(shop.calls_of("ann").await, "", "who has not paid is not called");
    shop.paid("ann", "2026-06-10 17:00Z").await;
    assert_eq!(shop.calls_of("ann").await, "", "the payment itself calls nobody");
    shop.tick_at("2026-06-10 17:19Z").await;
    assert_eq!(shop.calls_of("ann").await, "");
    let answer = shop.tick_at("2026-06-10 17:21Z").await;
    assert_eq!(
        (&answer["welcome"], &answer["daily"], &answer["skipped"]),
        (&1.into(), &0.into(), &0.into())
    );
    assert_eq!(shop.calls_of("ann").await, "welcome_call pending");

    shop.placed("ann").await;
    for _ in 0..30 {
        shop.tick().await;
    }
    assert_eq!(shop.calls_of("ann").await, "welcome_call accepted");
    // The daily call begins the next day.
    shop.tick_at("2026-06-11 15:59Z").await;
    assert_eq!(shop.calls_of("ann").await, "welcome_call accepted");
    shop.tick_at("2026-06-11 16:00Z").await;
    assert_eq!(
        shop.calls_of("ann").await,
        "welcome_call accepted, daily_call 2026-06-11 pending"
    );
}

#[tokio::test]
async fn the_bell_says_that_it_is_for_a_call_and_whose_turn_it_is() {
    let shop = Shop::open().await;
    shop.customer("ann", EDMONTON, "10:00").await;
    shop.paid("ann", "2026-06-10 16:00Z").await;
    shop.tick().await;
    let job = shop.one("SELECT id FROM jobs").await;
    let bells = shop.world.sqs.messages("calls.fifo");
    assert_eq!(bells.len(), 1);
    assert_eq!(bells[0].body, format!(r#"{{"v":1,"job":"{job}","kind":"call"}}"#));
    assert_eq!(bells[0].group, Some(group_of("ann")));
    assert_eq!(bells[0].deduplication_id, Some(format!("{job}:1")));
    assert_eq!(shop.world.sqs.messages("messages.fifo").len(), 0);
    let rings = "SELECT concat_ws(' ', rings, rung_at = switchboard_now()) FROM jobs";
    assert_eq!(shop.one(rings).await, "1 t");
}

#[tokio::test]
async fn a_welcome_call_that_would_come_at_night_waits_for_eight_in_the_morning() {
    for (paid, planned) in [
        ("2026-06-10 02:00Z", "06-10 12:00"),
        ("2026-06-10 11:39Z", "06-10 12:00"),
        ("2026-06-10 11:41Z", "06-10 12:01"),
        ("2026-06-11 00:10Z", "06-11 00:30"),
        ("2026-06-11 00:11Z", "06-11 12:00"),
    ] {
        let shop = Shop::open().await;
        shop.at(paid).await;
        shop.customer("ann", NEW_YORK, "10:00").await;
        shop.paid("ann", paid).await;
        assert_eq!(shop.plan_of("ann").await, planned, "{paid}");
        let before = format!("2026-{planned}:00Z")
            .parse::<Timestamp>()
            .expect("a time")
            - SignedDuration::from_secs(1);
        shop.tick_at(&before.to_string()).await;
        assert_eq!(shop.calls_of("ann").await, "", "{paid}");
        shop.tick_at(&format!("2026-{planned}Z")).await;
        assert_eq!(shop.calls_of("ann").await, "welcome_call pending", "{paid}");
    }
}

#[tokio::test]
async fn who_paid_before_the_cut_off_gets_no_welcome_call() {
    let shop = Shop::open().await;
    shop.old_customer("ann", EDMONTON, "10:00").await;
    shop.tick().await;
    assert_eq!(shop.calls_of("ann").await, "");
    shop.tick_at("2026-06-11 16:00Z").await;
    assert_eq!(shop.calls_of("ann").await, "daily_call 2026-06-11 pending");

    // An operator who wants them welcomed says so, and it happens at their hour.
    let shop = Shop::open().await;
    shop.old_customer("ann", EDMONTON, "10:00").await;
    shop.sql("UPDATE calling SET welcome_since = '2026-04-01'").await;
    shop.tick().await;
    assert_eq!(shop.calls_of("ann").await, "");
    shop.tick_at("2026-06-11 16:00Z").await;
    assert_eq!(shop.calls_of("ann").await, "welcome_call pending");

    // And one who does not: the welcome that was planned is not owed any more.
    let shop = Shop::open().await;
    shop.customer("ann", EDMONTON, "10:00").await;
    shop.paid("ann", "2026-06-10 17:00Z").await;
    shop.sql("UPDATE calling SET welcome_since = '2026-07-01'").await;
    assert_eq!(shop.tick_at("2026-06-10 17:21Z").await["skipped"], 1);
    assert_eq!(shop.calls_of("ann").await, "");
    shop.tick_at("2026-06-11 16:00Z").await;
    assert_eq!(shop.calls_of("ann").await, "daily_call 2026-06-11 pending");
}

#[tokio::test]
async fn who_has_been_welcomed_by_hand_is_called_daily() {
    let (log, _guard) = Log::begin();
    let shop = Shop::open().await;
    shop.customer("ann", EDMONTON, "10:00").await;
    shop.paid("ann", "2026-06-10 17:00Z").await;
    shop.sql("UPDATE customers SET welcome_call_completed = true")
        .await;
    shop.tick_at("2026-06-10 17:21Z").await;
    assert_eq!(shop.calls_of("ann").await, "");
    log.line("⚠️ Skipping ann - welcome call already completed");
    for day in 11..=13 {
        shop.tick_at(&format!("2026-06-{day} 16:00Z")).await;
        shop.placed("ann").await;
    }
    assert_eq!(
        shop.calls_of("ann").await,
        "daily_call 2026-06-11 accepted, daily_call 2026-06-12 accepted, daily_call 2026-06-13 accepted"
    );

    // Also if they were when they paid.
    let shop = Shop::open().await;
    shop.customer("bob", EDMONTON, "10:00").await;
    shop.sql("UPDATE customers SET welcome_call_completed = true")
        .await;
    shop.paid("bob", "2026-06-10 17:00Z").await;
    assert_eq!(shop.plan_of("bob").await, "06-11 16:00");
}
