//! The daily call: at the chosen hour, on the chosen days, to whoever may be called.

use system_tests::TestDatabase;

use super::{EDMONTON, Shop};
use crate::logs::Log;

#[tokio::test]
async fn a_daily_call_comes_at_the_chosen_hour_of_every_day_and_once() {
    let shop = Shop::open().await;
    shop.old_customer("ann", EDMONTON, "10:00").await;
    for day in 11..=14 {
        shop.tick_at(&format!("2026-06-{day} 15:59:59Z")).await;
        for minute in [0, 1, 15, 30] {
            shop.tick_at(&format!("2026-06-{day} 16:{minute:02}Z")).await;
        }
        shop.placed("ann").await;
        shop.tick().await;
    }
    let due =
        "SELECT string_agg(to_char(due_at AT TIME ZONE 'UTC', 'DD HH24:MI'), ', ' ORDER BY due_at) FROM jobs";
    assert_eq!(shop.one(due).await, "11 16:00, 12 16:00, 13 16:00, 14 16:00");
    let days = "SELECT string_agg(local_day::text, ', ' ORDER BY due_at) FROM jobs";
    assert_eq!(
        shop.one(days).await,
        "2026-06-11, 2026-06-12, 2026-06-13, 2026-06-14"
    );
}

#[tokio::test]
async fn who_was_called_today_is_skipped_and_the_log_says_so() {
    let (log, _guard) = Log::begin();
    let shop = Shop::open().await;
    shop.customer("ann", EDMONTON, "10:00").await;
    shop.at("2026-06-10 14:00Z").await;
    shop.paid("ann", "2026-06-10 14:00Z").await;
    shop.tick_at("2026-06-10 14:20Z").await;
    shop.placed("ann").await;
    let answer = shop.tick_at("2026-06-10 16:00Z").await;
    assert_eq!((&answer["daily"], &answer["skipped"]), (&0.into(), &1.into()));
    assert_eq!(
        log.line("⚠️ Skipping ann - already called today")["customer.id"],
        "ann"
    );
    shop.tick_at("2026-06-11 16:00Z").await;
    assert_eq!(
        shop.calls_of("ann").await,
        "welcome_call accepted, daily_call 2026-06-11 pending"
    );
}

/// What the system before us did today counts, whatever is owed.
#[tokio::test]
async fn who_was_called_today_by_the_system_before_is_welcomed_tomorrow() {
    let shop = Shop::open().await;
    shop.customer("ann", EDMONTON, "10:00").await;
    shop.sql("UPDATE customers SET last_call_date = '2026-06-10'")
        .await;
    shop.paid("ann", "2026-06-10 16:00Z").await;
    assert_eq!(shop.tick().await["skipped"], 1);
    shop.tick_at("2026-06-11 16:00Z").await;
    assert_eq!(shop.calls_of("ann").await, "welcome_call pending");
}

#[tokio::test]
async fn who_is_being_called_is_looked_at_again_when_that_has_ended() {
    let shop = Shop::open().await;
    shop.customer("ann", EDMONTON, "10:00").await;
    shop.at("2026-06-10 15:30Z").await;
    shop.paid("ann", "2026-06-10 15:30Z").await;
    shop.tick_at("2026-06-10 15:50Z").await;
    for state in ["unknown", "pending"] {
        shop.sql(&format!(
            "UPDATE jobs SET state = '{state}', state_reason = 'timeout'"
        ))
        .await;
        let answer = shop.tick_at("2026-06-10 16:00Z").await;
        assert_eq!(
            (&answer["daily"], &answer["skipped"]),
            (&0.into(), &0.into()),
            "{state}"
        );
    }
    shop.sql("UPDATE jobs SET state = 'refused', state_reason = 'invalid', ended_at = switchboard_now()")
        .await;
    assert_eq!(
        shop.tick_at("2026-06-10 16:10Z").await["daily"],
        1,
        "it is still their hour"
    );
    assert_eq!(
        shop.calls_of("ann").await,
        "welcome_call refused invalid, daily_call 2026-06-10 pending"
    );
}

#[tokio::test]
async fn only_the_chosen_weekdays_count() {
    let shop = Shop::open().await;
    shop.old_customer("ann", EDMONTON, "10:00").await;
    shop.sql("UPDATE customers SET call_days = '{1,5}'").await;
    for day in 10..=23 {
        shop.tick_at(&format!("2026-06-{day} 16:00Z")).await;
        shop.placed("ann").await;
    }
    let days = "SELECT string_agg(to_char(local_day, 'Dy DD'), ', ' ORDER BY local_day) FROM jobs";
    assert_eq!(shop.one(days).await, "Fri 12, Mon 15, Fri 19, Mon 22");
}

#[tokio::test]
async fn who_may_not_be_called_is_not_planned_and_is_planned_again_when_they_may() {
    let changes = [
        ("paused_until = '2026-06-14 00:00Z'", "paused_until = NULL"),
        ("call_status = 'disabled'", "call_status = 'enabled'"),
        ("phone_validated = false", "phone_validated = true"),
        (
            "timezone = NULL, timezone_given = 'Mountain time'",
            "timezone = 'America/Edmonton'",
        ),
    ];
    for (change, back) in changes {
        let shop = Shop::open().await;
        shop.old_customer("ann", EDMONTON, "10:00").await;
        shop.sql(&format!("UPDATE customers SET {change}")).await;
        for day in 11..=13 {
            let answer = shop.tick_at(&format!("2026-06-{day} 16:00Z")).await;
            assert_eq!(answer["daily"], 0, "{change}");
        }
        shop.sql(&format!("UPDATE customers SET {back}")).await;
        shop.tick_at("2026-06-14 16:00Z").await;
        assert_eq!(
            shop.calls_of("ann").await,
            "daily_call 2026-06-14 pending",
            "{change}"
        );
    }
}

#[tokio::test]
async fn who_is_refunded_is_called_no_more() {
    let shop = Shop::open().await;
    shop.customer("ann", EDMONTON, "10:00").await;
    shop.paid("ann", "2026-06-10 17:00Z").await;
    shop.sql(
        "INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id)
         VALUES ('shop', 'refund', 'refunded', '2026-06-10 17:05Z', 'refunded', ARRAY['ann'], 'ann')",
    )
    .await;
    assert_eq!(shop.plan_of("ann").await, "");
    for moment in ["2026-06-10 17:21Z", "2026-06-11 16:00Z", "2026-06-12 16:00Z"] {
        shop.tick_at(moment).await;
    }
    assert_eq!(shop.calls_of("ann").await, "");
}

#[tokio::test]
async fn who_said_stop_is_called_no_more_until_they_say_start() {
    let shop = Shop::open().await;
    shop.old_customer("ann", EDMONTON, "10:00").await;
    shop.sql("INSERT INTO opt_outs (phone, source) SELECT phone, 'sms' FROM customers")
        .await;
    assert_eq!(shop.tick_at("2026-06-11 16:00Z").await["skipped"], 1);
    shop.sql("UPDATE opt_outs SET revoked_at = switchboard_now(), revoked_by = 'START'")
        .await;
    shop.tick_at("2026-06-12 16:00Z").await;
    assert_eq!(shop.calls_of("ann").await, "daily_call 2026-06-12 pending");
}

/// Nobody is called on a guess, and what `AT TIME ZONE` makes of other words is one.
#[tokio::test]
async fn a_zone_that_is_no_place_is_refused() {
    let database = TestDatabase::new().await;
    for zone in [
        "",
        "Invalid/Zone",
        "EST5EDT",
        "EST",
        "Etc/GMT+5",
        "+05:00",
        "america/edmonton",
        "localtime",
        "posix/UTC",
        // Nobody lives there.
        "UTC",
        "Etc/UTC",
        "Etc/Greenwich",
    ] {
        let insert = format!("INSERT INTO customers (id, timezone) VALUES ('ann', '{zone}')");
        let error = database.owner().batch_execute(&insert).await.expect_err(zone);
        let rule = error.as_db_error().and_then(|error| error.constraint());
        assert_eq!(rule, Some("timezone_is_a_place"), "{zone}");
    }
}

/// Many are due at ten; whoever is not looked at yet at five past is due still, whatever is written to their row.
#[tokio::test]
async fn who_is_due_stays_due_whatever_is_written_to_their_row() {
    for (change, expected) in [
        ("call_days = '{1,3,4,5}'", "daily_call 2026-06-11 pending"),
        ("call_at = '09:30'", "daily_call 2026-06-11 pending"),
        (
            "timezone = 'America/Yellowknife'",
            "daily_call 2026-06-11 pending",
        ),
        ("paid_at = '2026-04-01'", "daily_call 2026-06-11 pending"),
        (
            "paused_until = '2026-06-11 12:00Z'",
            "daily_call 2026-06-11 pending",
        ),
        // Not their day, not their hour yet, and not now.
        ("call_days = '{1,2}'", ""),
        ("call_at = '10:30'", ""),
        ("paused_until = '2026-06-12 12:00Z'", ""),
        ("call_status = 'disabled'", ""),
        ("timezone = 'America/Vancouver'", ""),
    ] {
        let shop = Shop::open().await;
        shop.old_customer("ann", EDMONTON, "10:00").await;
        shop.at("2026-06-11 16:05Z").await;
        shop.sql(&format!("UPDATE customers SET {change}")).await;
        shop.tick().await;
        assert_eq!(shop.calls_of("ann").await, expected, "{change}");
        if change == "call_at = '10:30'" {
            assert_eq!(shop.plan_of("ann").await, "06-11 16:30");
        }
        if !expected.is_empty() {
            shop.placed("ann").await;
            shop.sql("UPDATE customers SET call_at = '09:15'").await;
            shop.tick().await;
            assert_eq!(
                shop.plan_of("ann").await,
                "06-12 15:15",
                "who has been looked at is planned anew"
            );
        }
    }
}

/// The old runbook's word for what has been done is `completed`, whoever did it.
#[tokio::test]
async fn what_had_been_done_already_is_completed_in_the_call_queue() {
    let shop = Shop::open().await;
    for (reason, status) in [
        ("welcome_completed", "completed"),
        ("called_today", "completed"),
        ("expired", "failed"),
    ] {
        shop.old_customer(reason, EDMONTON, "10:00").await;
        shop.tick_at("2026-06-11 16:00Z").await;
        shop.sql(&format!(
            "UPDATE jobs SET state = 'suppressed', state_reason = '{reason}', ended_at = switchboard_now()
             WHERE customer_id = '{reason}'"
        ))
        .await;
        shop.at("2026-06-10 16:00Z").await;
        let query = format!("SELECT status FROM call_queue WHERE customer_id = '{reason}'");
        assert_eq!(shop.one(&query).await, status, "{reason}");
    }
}
