//! A world whose processes are killed for as long as its plan says, and then left in peace.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use jiff::SignedDuration;
use local::sandbox::{Call, MessageStatus, ReadFault};
use system_tests::{LINE, World};

use super::callers::Caller;
use super::targets::{POLLER, TARGETS};
use crate::judgement::texts::judge;
use crate::judgement::{Job, Judgement};
use crate::kills::aim::{RUNNER, SWEEPER};
use crate::kills::hits::Hits;
use crate::kills::provider::Provider;
use crate::kills::range::{Range, Weather, world};

/// How many ring in a world.
const CALLERS: usize = 14;
/// Whatever Twilio took comes to its last status in a moment of real time, and on no machine takes longer.
const MOVES_WITHIN: Duration = Duration::from_mins(2);

/// Minutes under fire, and how many pass at once.
fn lasts(weather: Weather) -> (i64, i64) {
    match weather {
        Weather::Fair | Weather::ListsLag => (40, 1),
        Weather::ListsAway => (80, 2),
        Weather::NobodyRuns => (150, 5),
    }
}

/// A world and who is shot at in it.
pub(in crate::kills) struct Scene {
    range: Range,
    callers: Vec<Caller>,
    weather: Weather,
    rng: Rng,
}

impl Scene {
    /// The world of a seed.
    pub(in crate::kills) async fn begin(seed: u64, hits: &Arc<Hits>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let weather = Weather::draw(&mut rng);
        let last_ring = (lasts(weather).0 / 2).min(30);
        let callers: Vec<Caller> = (0..CALLERS)
            .map(|which| Caller::draw(&mut rng, which, last_ring))
            .collect();
        let world = world().await;
        for caller in &callers {
            caller.script(&world.twilio);
        }
        match weather {
            Weather::ListsLag => world.twilio.lag_lists_by(Duration::from_mins(2)),
            Weather::ListsAway => world.twilio.on_every_read(Some(ReadFault::Reset)),
            Weather::Fair | Weather::NobodyRuns => {}
        }
        let twilio = Provider::Twilio(world.twilio.clone());
        let range = Range::begin(world, &TARGETS, &[RUNNER], &twilio, hits, &mut rng).await;
        Self {
            range,
            callers,
            weather,
            rng,
        }
    }

    /// The minutes in which whoever works may be killed.
    pub(in crate::kills) async fn live_under_fire(&mut self) {
        let (minutes, step) = lasts(self.weather);
        for minute in (0..minutes).step_by(usize::try_from(step).expect("a few")) {
            let ringing = self
                .callers
                .iter()
                .filter(|caller| (minute..minute + step).contains(&caller.minute));
            join_all(ringing.map(|caller| self.range.world.twilio.ring(caller.ring()))).await;
            self.range.world.pass(SignedDuration::from_mins(step)).await;
            self.disturb(minute).await;
            // Schedules and queues wait for nobody: what falls together runs together.
            let bells = async {
                if !matches!(self.weather, Weather::NobodyRuns) {
                    self.range.world.run_jobs().await;
                }
            };
            tokio::join!(self.range.tick(POLLER), self.range.tick(SWEEPER), bells);
        }
    }

    /// What comes now and then from outside: a doorbell that is none, a call of which Twilio knows nothing.
    async fn disturb(&mut self, minute: i64) {
        if self.rng.u8(..100) < 8 {
            let number = minute.to_string();
            self.range
                .world
                .ring_doorbell("not a doorbell", "nobody", &number)
                .await;
        }
        if self.rng.u8(..100) < 8 {
            let stranger = Call::inbound("+14035559999", LINE, self.range.world.twilio.clock().now());
            let fields = [
                ("CallSid", stranger.sid.as_str()),
                ("From", "+14035559999"),
                ("To", LINE),
            ];
            // Whatever is answered: it may have been shot.
            let _ = self.range.world.twilio.post_voice_webhook(&fields).await;
        }
    }

    /// Time enough for every timer to run out, with processes that live; then the judgement.
    pub(in crate::kills) async fn end(self) -> Judgement {
        self.range.set_peace(true);
        let judgement = live_out(&self.range.world, |job| self.explains(job)).await;
        if !judgement.violations.is_empty() {
            self.range.print_last_words();
        }
        self.range.world.database.remove().await;
        judgement
    }

    /// Whether this is how a missed call may end here without a text. No kill is an excuse but one that cost
    /// the last of three attempts.
    fn explains(&self, job: &Job) -> bool {
        let caller = self.callers.iter().find(|caller| caller.number == job.recipient);
        match job.state.as_str() {
            "refused" => caller.is_some_and(Caller::may_be_refused),
            "dead" => job.attempts.len() == 3,
            "needs_human" => matches!(self.weather, Weather::ListsAway),
            "suppressed" => matches!(self.weather, Weather::NobodyRuns) && job.end() == "suppressed: expired",
            _ => false,
        }
    }
}

/// Lets everything happen that time brings about, and judges what came of it; `explains` says whether something
/// in this world is the cause of a job's ending without a text.
pub(in crate::kills) async fn live_out(world: &World, explains: impl Fn(&Job) -> bool) -> Judgement {
    world.twilio.nothing_next();
    world.twilio.on_every_read(None);
    world.twilio.release_held();
    // Evidence within the hour, the last of three attempts before two hours have passed, and an hour for it.
    world.minutes(20).await;
    for _ in 0..12 {
        world.pass(SignedDuration::from_mins(4)).await;
        world.minutes(1).await;
    }
    for _ in 0..4 {
        world.pass(SignedDuration::from_mins(29)).await;
        world.minutes(1).await;
    }
    let has_arrived = |status| matches!(status, MessageStatus::Delivered | MessageStatus::Undelivered);
    let settled = |twilio: &local::sandbox::SandboxTwilio| {
        let messages = twilio.messages();
        messages
            .iter()
            .all(|message| has_arrived(message.status))
            .then_some(())
    };
    let all_moved = tokio::time::timeout(MOVES_WITHIN, world.twilio.when(settled)).await;
    world.minutes(1).await;
    let mut judgement = judge(world, explains).await;
    if all_moved.is_err() {
        judgement.object("a text never came to its last status");
    }
    judgement
}
