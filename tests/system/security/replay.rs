//! Twilio signs no time, so what was captured once can be sent for ever. It earns nobody a second text.

use std::time::Duration;

use jiff::SignedDuration;
use local::sandbox::{Outcome, Ring};
use system_tests::{CALLER, DIAL_RESULT, LINE, STATUS, VOICE, World};

use super::{SID, call_form};

/// What a listener could have captured of a missed call.
fn captured(sid: &str) -> [(&'static str, String); 4] {
    [
        (VOICE, call_form(sid, &[("CallStatus", "ringing")])),
        (DIAL_RESULT, call_form(sid, &[("DialCallStatus", "no-answer")])),
        (STATUS, call_form(sid, &[("CallStatus", "completed")])),
        (STATUS, call_form(sid, &[("CallStatus", "no-answer")])),
    ]
}

async fn replay(world: &World, sid: &str, times: usize) {
    for _ in 0..times {
        for (target, body) in captured(sid) {
            let reply = world.post_signed(target, body).await;
            assert!(matches!(reply.status, 200 | 204), "{target}: {reply:?}");
        }
    }
    world.run_jobs().await;
    world.minutes(1).await;
}

#[tokio::test]
async fn a_captured_call_replayed_until_long_after_its_row_has_gone_earns_no_second_text() {
    let world = World::begin().await;
    let ring = Ring::new(CALLER, LINE, Outcome::NoAnswer).ringing_for(Duration::ZERO);
    let call = world.twilio.ring(ring).await.call;
    world.run_jobs().await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
    for days in [0, 1, 7, 28] {
        world.pass(SignedDuration::from_hours(24 * days)).await;
        world.tick("cleanup").await;
        if days >= 7 {
            assert_eq!(
                world.count("active_calls").await,
                0,
                "nothing but the ledger knows of it"
            );
        }
        replay(&world, &call, 25).await;
        assert_eq!(
            (world.texts_to(CALLER).len(), world.sends()),
            (1, 1),
            "{days} days on"
        );
    }
    assert_eq!(world.count("jobs").await, 1);
}

/// The ledger does not have what the system before this one did; the call's own row is all there is.
#[tokio::test]
async fn a_call_that_the_old_system_handled_earns_no_text_however_old_it_is() {
    let world = World::begin().await;
    let adopt = format!(
        "INSERT INTO active_calls (call_sid, status, received_at, outcome, decided_by, processed, processed_at)
         VALUES ('{SID}', 'completed', switchboard_now(), 'handled_before', 'legacy', true, switchboard_now())"
    );
    world.database.sql(&adopt).await;
    for days in [0, 8, 28] {
        world.pass(SignedDuration::from_hours(24 * days)).await;
        world.tick("cleanup").await;
        replay(&world, SID, 2).await;
        assert_eq!(
            (world.count("jobs").await, world.sends()),
            (0, 0),
            "{days} days on"
        );
    }
}
