//! The judge of kills and crashes, before what it has to see.

use std::time::Duration;

use local::sandbox::{Behaviour, Outcome, Ring};
use proof::judgement::Judgement;
use proof::judgement::texts::judge;
use system_tests::{CALLER, LINE, World};

/// Somebody rings, and nobody picks up.
async fn miss(world: &World) {
    let ring = Ring::new(CALLER, LINE, Outcome::NoAnswer).ringing_for(Duration::ZERO);
    world.twilio.ring(ring).await;
}

/// Where nothing is an excuse.
async fn strictly(world: &World) -> Judgement {
    judge(world, |_| false).await
}

#[tokio::test]
async fn a_text_for_a_missed_call_is_all_that_is_asked() {
    let world = World::begin().await;
    miss(&world).await;
    world.run_jobs().await;
    let judgement = strictly(&world).await;
    assert!(judgement.holds(), "{judgement:?}");
    assert_eq!((judgement.causes, judgement.acts), (1, 1));
}

#[tokio::test]
async fn a_job_that_is_left_pending_has_not_ended_and_is_never_excused() {
    let world = World::begin().await;
    miss(&world).await;
    let judgement = judge(&world, |_| true).await;
    assert_eq!(
        (judgement.ended(), judgement.excused, judgement.losses),
        (0, 0, 1)
    );
    assert!(!judgement.holds(), "{judgement:?}");
}

#[tokio::test]
async fn no_text_is_a_loss_unless_something_explains_it() {
    let world = World::begin().await;
    world.twilio.opt_out(CALLER);
    miss(&world).await;
    world.run_jobs().await;
    let judgement = strictly(&world).await;
    assert_eq!((judgement.excused, judgement.losses), (0, 1));
    assert!(!judgement.holds(), "{judgement:?}");
    let judgement = judge(&world, |job| job.state == "refused").await;
    assert_eq!((judgement.excused, judgement.owed()), (1, 0));
    assert!(judgement.holds(), "{judgement:?}");
}

#[tokio::test]
async fn other_words_than_the_lines_are_seen() {
    let world = World::begin().await;
    let other = "UPDATE lines SET text_template = 'Hello from {business}.'";
    world.database.sql(other).await;
    miss(&world).await;
    world.run_jobs().await;
    let judgement = strictly(&world).await;
    assert_eq!((judgement.acts, judgement.losses), (1, 0));
    assert!(!judgement.holds(), "{judgement:?}");
}

#[tokio::test]
async fn a_second_text_is_seen() {
    let world = World::begin().await;
    world.twilio.on_next_send(Behaviour::DoubleAccept);
    miss(&world).await;
    world.run_jobs().await;
    let judgement = strictly(&world).await;
    assert_eq!((judgement.acts, judgement.duplicates), (2, 1));
    assert!(!judgement.holds(), "{judgement:?}");
}
