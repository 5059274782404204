//! Invocations that come to their time limit, or would if they did not look at the clock.

use std::sync::Arc;
use std::time::Duration;

use local::invoke::{Invoke, InvokeError};
use local::sandbox::{Behaviour, Callback, Outcome, ReadFault, Ring};
use system_tests::{LINE, real, real_within};

use super::scene::live_out;
use super::targets::POLLER;
use crate::judgement::Judgement;
use crate::kills::aim::RUNNER;
use crate::kills::hits::{Blow, Hits};
use crate::kills::range::{tick, world};

/// The poller's own limit is a minute, which shows nothing that this does not.
const POLLER_MAY_TAKE: Duration = Duration::from_secs(3);

/// A poller whose questions Twilio holds for longer than it may take: it is killed, and the next one finds what
/// it was looking for.
pub(in crate::kills) async fn poller_is_held(hits: &Hits) -> Judgement {
    let world = world().await;
    for which in 0..3 {
        // Nobody tells us how these ended.
        let ring = Ring::new(format!("+1403555{:04}", 1000 + which), LINE, Outcome::NoAnswer)
            .ringing_for(Duration::ZERO)
            .losing(Callback::Action)
            .losing(Callback::Status);
        world.twilio.ring(ring).await;
    }
    world.pass(jiff::SignedDuration::from_mins(2)).await;
    let poller = real_within(POLLER_MAY_TAKE, POLLER, &world.settings);
    poller.start().await.expect("the poller starts");
    world.twilio.on_every_read(Some(ReadFault::Hold));
    if let Err(InvokeError::TimedOut(_)) = poller.invoke(tick()).await {
        hits.count(
            Blow::TimedOut,
            POLLER,
            "while Twilio holds its questions".to_owned(),
        );
    }
    world.replace(POLLER, Arc::new(real(POLLER, &world.settings)));
    let judgement = live_out(&world, |_| false).await;
    world.database.remove().await;
    judgement
}

/// A batch of five, each of whose answers Twilio lets drip for longer than a request may take: the runner
/// stops taking up jobs in time, and is done before its limit.
pub(in crate::kills) async fn batch_drips() -> Judgement {
    let world = world().await;
    world.replace(RUNNER, Arc::new(real(RUNNER, &world.settings)));
    for which in 0..5 {
        let caller = format!("+1403555{:04}", 1000 + which);
        let every = Duration::from_secs(1);
        world
            .twilio
            .on_next_send_to(&caller, Behaviour::AcceptThenDrip { every });
        let ring = Ring::new(caller, LINE, Outcome::NoAnswer).ringing_for(Duration::ZERO);
        world.twilio.ring(ring).await;
    }
    let (batch, _) = world
        .next_batch()
        .await
        .expect("five doorbells hang in the queue");
    let answer = world.invoke(RUNNER, batch).await;
    let mut judgement = live_out(&world, |_| false).await;
    if let Err(error) = answer {
        judgement.object(format!(
            "a runner whose answers drip did not end by itself: {error}"
        ));
    }
    world.database.remove().await;
    judgement
}
