//! A scheduler that was away.

use super::{EDMONTON, Shop, crowd};

#[tokio::test]
async fn a_scheduler_that_was_away_calls_who_can_still_be_called_and_says_whom_it_missed() {
    for (call_at, back_at, expected) in [
        ("10:00", "2026-06-11 16:20Z", "daily_call 2026-06-11 pending"),
        ("10:00", "2026-06-11 19:59Z", "daily_call 2026-06-11 pending"),
        (
            "10:00",
            "2026-06-11 20:00Z",
            "daily_call 2026-06-11 suppressed expired",
        ),
        (
            "10:00",
            "2026-06-11 22:00Z",
            "daily_call 2026-06-11 suppressed expired",
        ),
        // In the middle of the night.
        (
            "10:00",
            "2026-06-12 08:00Z",
            "daily_call 2026-06-11 suppressed expired",
        ),
        // Three days later, in the hours of that day.
        (
            "10:00",
            "2026-06-14 18:00Z",
            "daily_call 2026-06-11 suppressed expired, daily_call 2026-06-14 pending",
        ),
        (
            "10:00",
            "2026-06-14 21:00Z",
            "daily_call 2026-06-11 suppressed expired",
        ),
        // The evening ends sooner than the four hours do.
        ("20:30", "2026-06-12 02:44Z", "daily_call 2026-06-11 pending"),
        (
            "20:30",
            "2026-06-12 02:45Z",
            "daily_call 2026-06-11 suppressed expired",
        ),
        ("18:00", "2026-06-12 02:44Z", "daily_call 2026-06-11 pending"),
        (
            "18:00",
            "2026-06-12 02:45Z",
            "daily_call 2026-06-11 suppressed expired",
        ),
    ] {
        let shop = Shop::open().await;
        shop.at("2026-06-11 15:00Z").await;
        shop.old_customer("ann", EDMONTON, call_at).await;
        shop.at(back_at).await;
        for _ in 0..5 {
            shop.tick().await;
            shop.world.sweep().await;
        }
        assert_eq!(
            shop.calls_of("ann").await,
            expected,
            "{call_at}, back at {back_at}"
        );
        let late = "SELECT count(*) FROM jobs JOIN customers ON customers.id = customer_id
                    WHERE (expires_at AT TIME ZONE timezone)::time > '20:45'
                       OR (expires_at AT TIME ZONE timezone)::date <> local_day OR expires_at > due_at + interval '4 hours'";
        assert_eq!(shop.one(late).await, "0", "{call_at}, back at {back_at}");
        // And life goes on.
        shop.placed("ann").await;
        let tomorrow = if call_at == "10:00" {
            "2026-06-15 16:00Z"
        } else {
            "2026-06-13 02:30Z"
        };
        shop.tick_at(tomorrow).await;
        let last = "SELECT concat_ws(' ', local_day, state) FROM jobs ORDER BY due_at DESC LIMIT 1";
        assert!(
            shop.one(last).await.ends_with("pending"),
            "{call_at}, back at {back_at}"
        );
    }
}

#[tokio::test]
async fn a_welcome_call_outlives_an_evening_without_a_scheduler() {
    let shop = Shop::open().await;
    shop.customer("ann", EDMONTON, "10:00").await;
    shop.at("2026-06-10 22:00Z").await;
    shop.paid("ann", "2026-06-10 22:00Z").await;
    shop.tick_at("2026-06-11 06:00Z").await;
    shop.world.sweep().await;
    assert_eq!(shop.calls_of("ann").await, "welcome_call pending");
    let expires = "SELECT to_char(expires_at AT TIME ZONE 'UTC', 'DD HH24:MI') FROM jobs";
    assert_eq!(
        shop.one(expires).await,
        "14 06:00",
        "three days from when it was first owed"
    );
}

#[tokio::test]
async fn who_pays_while_calling_is_paused_for_a_week_is_welcomed_when_it_goes_on() {
    let shop = Shop::open().await;
    shop.customer("ann", EDMONTON, "10:00").await;
    shop.sql("UPDATE calling SET paused = true").await;
    shop.paid("ann", "2026-06-10 22:00Z").await;
    shop.tick_at("2026-06-17 18:00Z").await;
    assert_eq!(shop.calls_of("ann").await, "");
    shop.sql("UPDATE calling SET paused = false").await;
    shop.tick().await;
    shop.world.sweep().await;
    assert_eq!(shop.calls_of("ann").await, "welcome_call pending");
}

/// The jobs of those whom an outage passed over say so, and take the place of nobody who can still be called.
#[tokio::test]
async fn whom_an_outage_has_passed_over_keeps_nobody_waiting_who_is_due_now() {
    let shop = Shop::open().await;
    shop.sql("UPDATE calling SET per_tick = 100").await;
    crowd(&shop, 150).await;
    shop.at("2026-06-14 17:00Z").await;
    shop.old_customer("now", EDMONTON, "11:00").await;
    shop.sql("UPDATE customers SET next_call_scheduled_at = '2026-06-14 17:00Z' WHERE id = 'now'")
        .await;
    shop.tick().await;
    assert_eq!(
        shop.one("SELECT count(*) FROM jobs WHERE expires_at <= switchboard_now()")
            .await,
        "150"
    );
    assert_eq!(shop.calls_of("now").await, "daily_call 2026-06-14 pending");
}
