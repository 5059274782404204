//! Bells that are not heard, and who may run the scheduler by hand.

use std::time::Duration;

use jiff::SignedDuration;
use local::sandbox::{Outcome, Ring};
use serde_json::json;
use system_tests::{CRON_SECRET, LINE};

use super::{EDMONTON, Shop, crowd};

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
async fn calls_that_wait_by_the_hundred_keep_no_text_waiting() {
    let shop = Shop::open().await;
    crowd(&shop, 600).await;
    shop.world.sqs.fail_sends(true);
    shop.at("2026-06-11 16:00Z").await;
    while shop.world.count("jobs").await < 600 {
        shop.tick().await;
    }
    let ring = Ring::new("+14035559999", LINE, Outcome::NoAnswer).ringing_for(Duration::ZERO);
    shop.world.twilio.ring(ring).await;
    shop.world.pass(SignedDuration::from_secs(20)).await;
    shop.world.sqs.fail_sends(false);
    shop.world.sweep().await;
    assert_eq!(shop.world.sqs.messages("messages.fifo").len(), 1);
    assert_eq!(shop.world.sqs.messages("calls.fifo").len(), 499);
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
