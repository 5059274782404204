//! Who is called when: once to be welcomed, then once a day, at the hour that they chose, on their own clock.
//!
//! Nobody is called from here. What is seen is the job, with the bell that rings for it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::platform::queue::group_of;
use system_tests::{CRON_SECRET, TestDatabase, World};

use crate::logs::Log;
use crate::schedulers_at_once::decide_in;

const EDMONTON: &str = "America/Edmonton";
const NEW_YORK: &str = "America/New_York";

/// A business whose customers are called.
struct Shop {
    world: World,
}

impl Shop {
    /// Since the first of June who pays is welcomed. It is the tenth, a Wednesday.
    async fn open() -> Self {
        let shop = Self::of(World::begin().await);
        shop.sql("UPDATE calling SET paused = false, welcome_since = '2026-06-01'")
            .await;
        shop
    }

    fn of(world: World) -> Self {
        Self { world }
    }

    async fn sql(&self, statements: &str) {
        self.world.database.sql(statements).await;
    }

    async fn one(&self, query: &str) -> String {
        self.world.database.one(query).await.unwrap_or_default()
    }

    /// Makes it this moment.
    async fn at(&self, moment: &str) {
        self.sql(&format!("UPDATE stopped_clock SET at = '{moment}'"))
            .await;
    }

    /// Somebody who has paid for nothing yet.
    async fn customer(&self, id: &str, zone: &str, call_at: &str) {
        let number = self.world.count("customers").await;
        self.sql(&format!(
            "INSERT INTO customers (id, phone, phone_validated, timezone, call_at)
             VALUES ('{id}', '+1403555{number:04}', true, '{zone}', '{call_at}')"
        ))
        .await;
    }

    async fn paid(&self, id: &str, at: &str) {
        self.sql(&format!(
            "INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id)
             VALUES ('shop', 'paid {id}', 'paid', '{at}', 'paid', ARRAY['{id}'], '{id}')"
        ))
        .await;
    }

    /// Somebody who has been a customer for so long that nobody welcomes them.
    async fn old_customer(&self, id: &str, zone: &str, call_at: &str) {
        self.customer(id, zone, call_at).await;
        self.paid(id, "2026-05-01").await;
    }

    async fn tick(&self) -> Value {
        let answer = self.world.tick("call-scheduler").await;
        assert_eq!(answer["ok"], true, "{answer}");
        answer
    }

    /// The time, and then a tick.
    async fn tick_at(&self, moment: &str) -> Value {
        self.at(moment).await;
        self.tick().await
    }

    /// Somebody's jobs in order: kind, day, state, reason.
    async fn calls_of(&self, id: &str) -> String {
        self.one(&format!(
            "SELECT string_agg(concat_ws(' ', kind, local_day, state, state_reason), ', ' ORDER BY caused_at)
             FROM jobs WHERE customer_id = '{id}'"
        ))
        .await
    }

    /// What the runner leaves behind when it has placed somebody's call.
    async fn placed(&self, id: &str) {
        self.sql(&format!(
            "UPDATE customers SET last_call_date = (switchboard_now() AT TIME ZONE timezone)::date,
                                  welcome_call_completed = welcome_call_completed OR job.kind = 'welcome_call'
             FROM jobs AS job WHERE job.customer_id = customers.id AND job.state = 'pending' AND customers.id = '{id}';
             UPDATE jobs SET state = 'accepted', ended_at = switchboard_now()
             WHERE customer_id = '{id}' AND state = 'pending'"
        ))
        .await;
    }

    /// When the scheduler looks at somebody next, in UTC.
    async fn plan_of(&self, id: &str) -> String {
        self.one(&format!(
            "SELECT to_char(next_call_scheduled_at AT TIME ZONE 'UTC', 'MM-DD HH24:MI') FROM customers WHERE id = '{id}'"
        ))
        .await
    }
}

// ---------------------------------------------------------------- the welcome

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

// ---------------------------------------------------------------- every day

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
    ] {
        let insert = format!("INSERT INTO customers (id, timezone) VALUES ('ann', '{zone}')");
        let error = database.owner().batch_execute(&insert).await.expect_err(zone);
        let rule = error.as_db_error().and_then(|error| error.constraint());
        assert_eq!(rule, Some("timezone_is_a_place"), "{zone}");
    }
}

// ---------------------------------------------------------------- clocks that change

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

// ---------------------------------------------------------------- ticks that did not come

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
    assert_eq!(shop.one(expires).await, "14 06:00", "three days from when it was first owed");
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

// ---------------------------------------------------------------- the operator's switches

#[tokio::test]
async fn nobody_is_called_while_calling_is_paused_nor_forgotten() {
    let shop = Shop::open().await;
    shop.old_customer("ann", EDMONTON, "10:00").await;
    shop.sql("UPDATE calling SET paused = true").await;
    let answer = shop.tick_at("2026-06-11 16:00Z").await;
    assert_eq!(
        (&answer["welcome"], &answer["daily"], &answer["skipped"]),
        (&0.into(), &0.into(), &0.into())
    );
    assert_eq!(shop.calls_of("ann").await, "");
    shop.sql("UPDATE calling SET paused = false").await;
    shop.tick_at("2026-06-11 17:00Z").await;
    assert_eq!(shop.calls_of("ann").await, "daily_call 2026-06-11 pending");
}

#[tokio::test]
async fn a_new_database_calls_nobody_until_somebody_says_so() {
    let shop = Shop::of(World::begin().await);
    shop.old_customer("ann", EDMONTON, "10:00").await;
    shop.tick_at("2026-06-11 16:00Z").await;
    assert_eq!(shop.calls_of("ann").await, "");
}

/// Old customers who are all due at ten in Edmonton.
async fn crowd(shop: &Shop, people: u32) {
    shop.sql(&format!(
        "INSERT INTO customers (id, phone, phone_validated, timezone)
         SELECT 'c' || n, '+1403555' || lpad(n::text, 4, '0'), true, '{EDMONTON}' FROM generate_series(1, {people}) AS n;
         INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id)
         SELECT 'shop', id, 'paid', '2026-05-01', 'paid', ARRAY[id], id FROM customers"
    ))
    .await;
}

#[tokio::test]
async fn a_run_creates_as_many_calls_as_it_may_and_leaves_the_rest_to_the_next_one() {
    let shop = Shop::open().await;
    crowd(&shop, 260).await;
    shop.sql("UPDATE calling SET per_tick = 3").await;
    assert_eq!(shop.tick_at("2026-06-11 16:00Z").await["daily"], 3);
    assert_eq!(shop.tick().await["daily"], 3);
    // More than a batch.
    shop.sql("UPDATE calling SET per_tick = 150").await;
    assert_eq!(shop.tick().await["daily"], 150);
    assert_eq!(shop.tick().await["daily"], 104);
    assert_eq!(shop.tick().await["daily"], 0);
    assert_eq!(shop.world.count("jobs").await, 260);
    assert_eq!(shop.world.sqs.messages("calls.fifo").len(), 260);
}

/// Between two batches of one run.
#[tokio::test]
async fn a_limit_that_is_lowered_below_what_was_created_stops_the_run() {
    let shop = Shop::open().await;
    crowd(&shop, 5).await;
    shop.sql("UPDATE calling SET per_tick = 3").await;
    shop.at("2026-06-11 16:00Z").await;
    let mut application = shop.world.database.as_application().await;
    let transaction = application.transaction().await.expect("a transaction");
    assert_eq!(decide_in(&transaction, 100, 4).await, 0);
}

// ---------------------------------------------------------------- doorbells

#[tokio::test]
async fn a_doorbell_that_does_not_ring_costs_nobody_their_job() {
    let shop = Shop::open().await;
    crowd(&shop, 250).await;
    shop.world.sqs.fail_sends(true);
    assert_eq!(shop.tick_at("2026-06-11 16:00Z").await["daily"], 200);
    shop.world.sqs.fail_sends(false);
    assert_eq!(shop.world.sqs.messages("calls.fifo").len(), 0);
    assert_eq!(shop.tick().await["daily"], 50);
    assert_eq!(shop.world.sqs.messages("calls.fifo").len(), 50);
}

#[tokio::test]
async fn a_doorbell_that_is_slow_holds_up_no_batch() {
    let shop = Shop::open().await;
    crowd(&shop, 120).await;
    shop.world.sqs.stall_sends(std::time::Duration::from_mins(1));
    shop.at("2026-06-11 16:00Z").await;
    let owed = async {
        while shop.world.count("jobs").await < 120 {
            tokio::task::yield_now().await;
        }
        shop.world.sqs.calls("SendMessage")
    };
    let (answer, rung) = futures_util::join!(shop.tick(), owed);
    assert_eq!(answer["daily"], 120);
    assert!(rung < 120, "every bell was tried before the last job was there");
    assert_eq!(shop.world.sqs.messages("calls.fifo").len(), 0);
}

// ---------------------------------------------------------------- doors

#[tokio::test]
async fn anybody_with_the_word_may_run_it_and_is_told_what_came_of_it() {
    let shop = Shop::open().await;
    shop.old_customer("ann", EDMONTON, "10:00").await;
    shop.at("2026-06-11 16:00Z").await;
    let bearer = format!("Bearer {CRON_SECRET}");
    let knock =
        async |headers: &[(&str, &str)]| shop.world.send("GET", "/api/calls/process", headers, "").await;
    for headers in [&[][..], &[("authorization", "Bearer nobody's")]] {
        assert_eq!(knock(headers).await.status, 401);
    }
    assert_eq!(shop.calls_of("ann").await, "");
    let reply = knock(&[("authorization", &bearer)]).await;
    assert_eq!(reply.status, 200);
    let mut body = reply.json();
    for changing in ["elapsed", "requestId"] {
        body.as_object_mut().expect("an object").remove(changing);
    }
    let told = json!({
        "ok": true, "message": "Calls scheduled", "authMethod": "bearer",
        "welcome": 0, "daily": 1, "skipped": 0, "alreadyOwed": 0,
    });
    assert_eq!(body, told);
}

// ---------------------------------------------------------------- what went wrong before

/// 06:00:00 and 06:00:05: the second begins while the first has chosen and not yet committed.
#[tokio::test]
async fn scenario_b_overlapping_schedulers() {
    for first_commits in [true, false] {
        let shop = Shop::open().await;
        for (id, zone) in [("ann", NEW_YORK), ("bob", NEW_YORK)] {
            shop.old_customer(id, zone, "10:00").await;
        }
        shop.at("2026-06-11 14:00:00Z").await;
        let mut first = shop.world.database.as_application().await;
        let transaction = first.transaction().await.expect("a transaction");
        assert_eq!(decide_in(&transaction, 1, 0).await, 1);

        let second = shop.tick_at("2026-06-11 14:00:05Z").await;
        assert_eq!(
            second["daily"], 1,
            "it waits for nobody, and takes whom nobody has"
        );
        if first_commits {
            transaction.commit().await.expect("a commit");
        } else {
            transaction.rollback().await.expect("a rollback");
        }
        let third = shop.tick().await;
        assert_eq!(third["daily"], u8::from(!first_commits), "whom the first let go");
        for id in ["ann", "bob"] {
            assert_eq!(shop.calls_of(id).await, "daily_call 2026-06-11 pending");
        }
    }
}

/// Theo stood in the old queue four times, and was called four times.
#[tokio::test]
async fn scenario_d_theo_four_stale_rows_one_call() {
    let database = TestDatabase::empty().await;
    database
        .sql(
            "CREATE TABLE customers (id text PRIMARY KEY, name text, phone text, timezone text, welcome_call_completed boolean,
               payment_status text, phone_validated boolean, call_status text, created_at timestamptz,
               next_call_scheduled_at timestamptz, last_call_date date, updated_at timestamptz);
             INSERT INTO customers VALUES ('theo', 'Theo', '+14035550001', 'America/Edmonton', false, 'Paid', true, NULL,
               '2026-06-09 17:00Z', NULL, NULL, NULL);
             CREATE TABLE call_queue (id bigint PRIMARY KEY, customer_id text, call_type text, status text, created_at timestamptz);
             INSERT INTO call_queue VALUES (1, 'theo', 'welcome', 'pending', '2026-06-09 17:20Z'),
               (2, 'theo', 'welcome', 'retrying', '2026-06-09 17:35Z'), (3, 'theo', 'welcome', 'pending', '2026-06-09 17:50Z'),
               (4, 'theo', 'daily', 'pending', '2026-06-10 16:00Z')",
        )
        .await;
    ops::migrate(&database.owner_url().await, None)
        .await
        .expect("the migrations apply");
    database.stop_clock().await;
    let url = database.application_url().await;
    let shop = Shop::of(World::on(database, url).await);
    shop.tick_at("2026-06-20 16:00Z").await;
    assert_eq!(shop.calls_of("theo").await, "", "until somebody says so");
    // It was he who should have been welcomed.
    shop.sql("UPDATE calling SET paused = false, welcome_since = '2026-06-01'")
        .await;
    shop.sql("UPDATE customers SET call_at = '11:00'").await;
    for moment in ["17:00", "17:00:05", "17:15", "17:30"] {
        shop.tick_at(&format!("2026-06-21 {moment}Z")).await;
    }
    assert_eq!(shop.calls_of("theo").await, "welcome_call pending");
    assert_eq!(shop.world.sqs.messages("calls.fifo").len(), 1);
    assert_eq!(
        shop.one("SELECT count(*) FROM legacy_call_queue").await,
        "4",
        "kept, and read by nobody"
    );
    assert_eq!(shop.one("SELECT count(*) FROM call_queue").await, "1");

    let stale = |kind: &str, cause: &str, day: &str| {
        format!(
            "INSERT INTO jobs (kind, cause, customer_id, local_day, origin, caused_at, due_at, expires_at)
             VALUES ('{kind}', '{cause}', 'theo', {day}, 'scheduler', switchboard_now(), switchboard_now(),
                     switchboard_now() + interval '1 hour')"
        )
    };
    let refusal = async |insert: String| -> String {
        let application = shop.world.database.as_application().await;
        let error = application
            .batch_execute(&insert)
            .await
            .expect_err("a second one");
        error
            .as_db_error()
            .and_then(|error| error.constraint())
            .unwrap_or_default()
            .to_owned()
    };
    let today = "'2026-06-21'";
    assert_eq!(
        refusal(stale("welcome_call", "theo", "NULL")).await,
        "one_job_per_cause"
    );
    assert_eq!(
        refusal(stale("welcome_call", "again", "NULL")).await,
        "one_welcome_call_ever"
    );
    assert_eq!(
        refusal(stale("daily_call", "theo", today)).await,
        "unique_customer_call_active"
    );
    shop.placed("theo").await;
    assert_eq!(
        refusal(stale("welcome_call", "again", "NULL")).await,
        "one_welcome_call_ever"
    );
    shop.sql(&stale("daily_call", "theo", today)).await;
    shop.placed("theo").await;
    assert_eq!(
        refusal(stale("daily_call", "again", today)).await,
        "one_daily_call_per_day"
    );
}
