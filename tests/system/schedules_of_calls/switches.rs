//! The operator's switches: a pause, and the limit of a run.

use system_tests::World;

use super::{EDMONTON, Shop, crowd};
use crate::schedulers_at_once::decide_in;

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
