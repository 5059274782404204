//! Nights on which the clocks change, and customers who move.

use jiff::{SignedDuration, Timestamp};

use super::{NEW_YORK, Shop};

/// Every half hour somebody looks, and what comes of it is done.
async fn four_days_from(shop: &Shop, first: &str, customer: &str) {
    let mut now: Timestamp = first.parse().expect("a time");
    for _ in 0..4 * 48 {
        shop.tick_at(&now.to_string()).await;
        shop.placed(customer).await;
        now += SignedDuration::from_mins(30);
    }
}

#[tokio::test]
async fn on_the_nights_when_clocks_change_everybody_is_called_once_at_their_hour() {
    for (zone, first, expected) in [
        (
            NEW_YORK,
            "2026-03-07T05:00:00Z",
            "03-07 13:00, 03-08 12:00, 03-09 12:00, 03-10 12:00",
        ),
        (
            NEW_YORK,
            "2026-10-30T04:00:00Z",
            "10-30 12:00, 10-31 12:00, 11-01 13:00, 11-02 13:00",
        ),
        // Half an hour.
        (
            "Australia/Lord_Howe",
            "2026-04-02T13:00:00Z",
            "04-02 21:00, 04-03 21:00, 04-04 21:30, 04-05 21:30",
        ),
        // A midnight that is not there.
        (
            "America/Santiago",
            "2026-09-04T04:00:00Z",
            "09-04 12:00, 09-05 12:00, 09-06 11:00, 09-07 11:00",
        ),
    ] {
        let shop = Shop::open().await;
        shop.sql("UPDATE calling SET welcome_since = '2026-12-01'").await;
        shop.at(first).await;
        shop.customer("ann", zone, "08:00").await;
        shop.paid("ann", "2026-01-01").await;
        four_days_from(&shop, first, "ann").await;
        let due = "SELECT string_agg(to_char(due_at AT TIME ZONE 'UTC', 'MM-DD HH24:MI'), ', ' ORDER BY due_at) FROM jobs";
        assert_eq!(shop.one(due).await, expected, "{zone} {first}");
        let days = "SELECT count(DISTINCT local_day) FROM jobs WHERE kind = 'daily_call'";
        assert_eq!(shop.one(days).await, "4", "{zone} {first}");
    }
}

#[tokio::test]
async fn whoever_moves_to_another_zone_is_called_at_most_once_on_each_of_their_days() {
    const KIRITIMATI: &str = "Pacific/Kiritimati";
    const PAGO_PAGO: &str = "Pacific/Pago_Pago";
    const AUCKLAND: &str = "Pacific/Auckland";
    const LOS_ANGELES: &str = "America/Los_Angeles";
    // Where they are called first, where they move an hour later, and when they are called in the days after.
    for (zone, other, expected) in [
        (LOS_ANGELES, NEW_YORK, "10 17:00, 11 14:00, 12 14:00, 13 14:00"),
        (NEW_YORK, LOS_ANGELES, "10 14:00, 11 17:00, 12 17:00, 13 17:00"),
        // Their Thursday has begun, and is the next day that they are called on.
        (LOS_ANGELES, AUCKLAND, "10 17:00, 10 22:00, 11 22:00, 12 22:00"),
        // It is Wednesday once more, and they have been called on Wednesday.
        (AUCKLAND, LOS_ANGELES, "09 22:00, 11 17:00, 12 17:00, 13 17:00"),
        (KIRITIMATI, PAGO_PAGO, "09 20:00, 11 21:00, 12 21:00, 13 21:00"),
        (PAGO_PAGO, KIRITIMATI, "09 21:00, 10 20:00, 11 20:00, 12 20:00"),
    ] {
        let shop = Shop::open().await;
        shop.at("2026-06-09 19:30Z").await;
        shop.old_customer("ann", zone, "10:00").await;
        let mut now: Timestamp = "2026-06-09T19:30:00Z".parse().expect("a time");
        let mut moves_at = None;
        for _ in 0..5 * 48 {
            shop.tick_at(&now.to_string()).await;
            if moves_at.is_none() && shop.world.count("jobs").await == 1 {
                moves_at = Some(now + SignedDuration::from_hours(1));
            }
            shop.placed("ann").await;
            if moves_at == Some(now) {
                shop.sql(&format!("UPDATE customers SET timezone = '{other}'"))
                    .await;
            }
            now += SignedDuration::from_mins(30);
        }
        let due = "SELECT string_agg(to_char(due_at AT TIME ZONE 'UTC', 'DD HH24:MI'), ', ' ORDER BY due_at)
                   FROM (SELECT due_at FROM jobs ORDER BY due_at LIMIT 4) AS first";
        assert_eq!(shop.one(due).await, expected, "{zone} to {other}");
        let twice = "SELECT string_agg(local_day::text, ', ') FROM (SELECT local_day FROM jobs GROUP BY 1 HAVING count(*) > 1) AS twice";
        assert_eq!(shop.one(twice).await, "", "{zone} to {other}");
    }
}

/// The day's job is there, and nothing has come of it yet: the same day elsewhere is not another.
#[tokio::test]
async fn whoever_moves_while_a_call_is_owed_is_owed_no_second_one_for_that_day() {
    let shop = Shop::open().await;
    shop.at("2026-06-10 12:30Z").await;
    shop.old_customer("ann", NEW_YORK, "09:00").await;
    shop.tick_at("2026-06-10 13:00Z").await;
    shop.sql("UPDATE customers SET timezone = 'America/Los_Angeles'")
        .await;
    assert_eq!(shop.plan_of("ann").await, "06-10 16:00", "the plan follows");
    shop.tick_at("2026-06-10 16:00Z").await;
    assert_eq!(shop.calls_of("ann").await, "daily_call 2026-06-10 pending");
    shop.at("2026-06-10 17:00Z").await;
    shop.world.sweep().await;
    assert_eq!(shop.tick().await["alreadyOwed"], 1);
    assert_eq!(
        shop.calls_of("ann").await,
        "daily_call 2026-06-10 suppressed expired"
    );
    assert_eq!(shop.plan_of("ann").await, "06-11 16:00");
}
