//! Runners that are frozen on their way to a text.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use jiff::SignedDuration;
use local::sandbox::{Fate, Outcome, Ring};
use system_tests::{LINE, World, real};

use super::scene::live_out;
use crate::judgement::{Job, Judgement};
use crate::kills::aim::RUNNER;
use crate::kills::freezer::{self, Ending, Point, Prey};
use crate::kills::hits::Hits;
use crate::kills::provider::{Provider, Treatment};
use crate::kills::range::{bells_of, world};

/// Where a runner is frozen but at the grant.
const OTHERS: [&str; 4] = ["load_text", "settle_accepted", "settle_refused", "settle_unknown"];

/// Freezes so many runners of one world at once, each with a job of its own; what came of it.
pub(in crate::kills) async fn freeze(seed: u64, count: usize, ending: Ending, hits: &Hits) -> Judgement {
    let mut rng = Rng::with_seed(seed);
    let world = world().await;
    let twilio = Provider::Twilio(world.twilio.clone());
    let mut points = Vec::new();
    let mut refused = BTreeSet::new();
    for which in 0..count {
        let point = Point::of_runner(&mut rng, &OTHERS);
        let caller = format!("+1403555{:04}", 1000 + which);
        let treatment = point.treatment();
        if matches!(treatment, Treatment::RefuseForGood) {
            refused.insert(caller.clone());
        }
        twilio.treat_next_to(&caller, &treatment);
        // Told, told twice, or not told.
        let fate = Fate {
            callbacks: rng.u32(..3),
            ..Fate::delivered()
        };
        world.twilio.set_fate_of(&caller, fate);
        let call = Ring::new(&caller, LINE, Outcome::NoAnswer).ringing_for(Duration::ZERO);
        world.twilio.ring(call).await;
        points.push((point, caller));
    }
    let prey = prey(&world, points).await;
    let frozen = freezer::freeze(&world, &twilio, prey, ending).await;
    let froze_nobody = frozen.is_empty();

    // A fresh sandbox does what is left to do, while time passes for everybody.
    world.replace(RUNNER, Arc::new(real(RUNNER, &world.settings)));
    for minutes in freezer::away(&mut rng) {
        world.pass(SignedDuration::from_mins(*minutes)).await;
        world.minutes(1).await;
    }
    freezer::end_all(frozen, ending, &twilio, hits).await;
    // Only the first request meets anything unusual: whatever else is lost by a freeze is made good.
    let explains = |job: &Job| job.state == "refused" && refused.contains(&job.recipient);
    let mut judgement = live_out(&world, explains).await;
    if froze_nobody {
        judgement.object("nobody could be frozen");
    }
    world.database.remove().await;
    judgement
}

/// A runner for each doorbell that hangs in the queue.
async fn prey(world: &World, points: Vec<(Point, String)>) -> Vec<Prey> {
    let mut bells = Vec::new();
    while let Some((batch, _)) = world.next_batch().await {
        bells.extend(bells_of(world, &batch, "recipient").await);
    }
    let prey = points.into_iter().filter_map(|(point, caller)| {
        let bell = bells.iter().position(|(person, _)| *person == caller)?;
        Some(Prey {
            name: RUNNER,
            event: bells.swap_remove(bell).1,
            begins_with: "load_text",
            point,
            number: caller,
        })
    });
    prey.collect()
}
