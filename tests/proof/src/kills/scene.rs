//! A world whose processes are killed for as long as its plan says, and then left in peace.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::{BoxFuture, join_all};
use jiff::SignedDuration;
use local::invoke::{Invoke, InvokeError};
use local::sandbox::{Call, MessageStatus, ReadFault};
use serde_json::{Value, json};
use system_tests::{LINE, PostgresProxy, TestDatabase, World, real};

use super::aim::{POLLER, RUNNER, SWEEPER, TARGETS, Target};
use super::callers::Caller;
use super::hits::Hits;
use super::victim::Victim;
use crate::judgement::{Job, Judgement, judge};

/// How many ring in a world.
const CALLERS: usize = 14;
/// In this share of deliveries the queue delivers a batch twice at once, in percent.
const DELIVERED_TWICE: u8 = 15;

/// Whatever Twilio took comes to its last status in a moment of real time, and on no machine takes longer.
const MOVES_WITHIN: Duration = Duration::from_mins(2);

/// What else is wrong in a world.
#[derive(Debug, Clone, Copy)]
enum Weather {
    /// Nothing.
    Fair,
    /// Twilio's lists show what is new only after two minutes.
    ListsLag,
    /// Twilio's records cannot be read for longer than anybody waits for evidence.
    ListsAway,
    /// No doorbell is answered until every job has expired.
    NobodyRuns,
}

impl Weather {
    fn draw(rng: &mut Rng) -> Self {
        match rng.u8(..100) {
            ..60 => Self::Fair,
            60..75 => Self::ListsLag,
            75..88 => Self::ListsAway,
            _ => Self::NobodyRuns,
        }
    }

    /// Minutes under fire, and how many pass at once.
    fn lasts(self) -> (i64, i64) {
        match self {
            Self::Fair | Self::ListsLag => (40, 1),
            Self::ListsAway => (80, 2),
            Self::NobodyRuns => (150, 5),
        }
    }
}

/// A world and who is shot at in it.
pub(super) struct Scene {
    world: World,
    victims: Vec<Arc<Victim>>,
    callers: Vec<Caller>,
    weather: Weather,
    rng: Rng,
}

impl Scene {
    /// The world of a seed.
    pub(super) async fn begin(seed: u64, hits: &Arc<Hits>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let weather = Weather::draw(&mut rng);
        let last_ring = (weather.lasts().0 / 2).min(30);
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
        let mut scene = Self {
            world,
            victims: Vec::new(),
            callers,
            weather,
            rng,
        };
        for target in &TARGETS {
            let function: Arc<dyn Invoke> = scene.victim(target, hits).await;
            let function = match target.name {
                RUNNER => Arc::new(Twice {
                    first: function,
                    second: scene.victim(target, hits).await,
                    rng: Mutex::new(scene.rng.fork()),
                }),
                _ => function,
            };
            scene.world.replace(target.name, function);
        }
        scene
    }

    async fn victim(&mut self, target: &'static Target, hits: &Arc<Hits>) -> Arc<Victim> {
        let proxy = PostgresProxy::before_database().await;
        let settings = self.world.settings.clone();
        let settings = settings.with("DATABASE_URL", proxy.url_of(&self.world.database));
        let binary = real(target.name, &settings);
        let (twilio, hits, rng) = (self.world.twilio.clone(), Arc::clone(hits), self.rng.fork());
        let victim = Arc::new(Victim::new(target, binary, proxy, twilio, hits, rng));
        self.victims.push(Arc::clone(&victim));
        victim
    }

    /// The minutes in which whoever works may be killed.
    pub(super) async fn live_under_fire(&mut self) {
        let (minutes, step) = self.weather.lasts();
        for minute in (0..minutes).step_by(usize::try_from(step).expect("a few")) {
            let ringing = self
                .callers
                .iter()
                .filter(|caller| (minute..minute + step).contains(&caller.minute));
            join_all(ringing.map(|caller| self.world.twilio.ring(caller.ring()))).await;
            self.world.pass(SignedDuration::from_mins(step)).await;
            self.disturb(minute).await;
            // Schedules and queues wait for nobody: what falls together runs together.
            let bells = async {
                if !matches!(self.weather, Weather::NobodyRuns) {
                    self.world.run_jobs().await;
                }
            };
            tokio::join!(tick(&self.world, POLLER), tick(&self.world, SWEEPER), bells);
        }
    }

    /// What comes now and then from outside: a doorbell that is none, a call of which Twilio knows nothing.
    async fn disturb(&mut self, minute: i64) {
        if self.rng.u8(..100) < 8 {
            let number = minute.to_string();
            self.world
                .ring_doorbell("not a doorbell", "nobody", &number)
                .await;
        }
        if self.rng.u8(..100) < 8 {
            let stranger = Call::inbound("+14035559999", LINE, self.world.twilio.clock().now());
            let fields = [
                ("CallSid", stranger.sid.as_str()),
                ("From", "+14035559999"),
                ("To", LINE),
            ];
            // Whatever is answered: it may have been shot.
            let _ = self.world.twilio.post_voice_webhook(&fields).await;
        }
    }

    /// Time enough for every timer to run out, with processes that live; then the judgement.
    pub(super) async fn end(self) -> Judgement {
        for victim in &self.victims {
            victim.make_peace();
        }
        let judgement = live_out(&self.world, |job| self.explains(job)).await;
        if !judgement.violations.is_empty() {
            self.print_last_words();
        }
        self.world.database.remove().await;
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

    /// What the processes had to say, in its order.
    fn print_last_words(&self) {
        let mut words: Vec<String> = self
            .victims
            .iter()
            .flat_map(|victim| victim.take_output())
            .collect();
        // Every line begins with its moment.
        words.sort();
        for line in words {
            eprintln!("{line}");
        }
    }
}

/// A line that forwards to its owner.
pub(super) async fn world() -> World {
    let database = TestDatabase::new().await;
    let url = database.application_url().await;
    World::on(database, url).await
}

/// Lets everything happen that time brings about, and judges what came of it; `explains` says whether something
/// in this world is the cause of a job's ending without a text.
pub(super) async fn live_out(world: &World, explains: impl Fn(&Job) -> bool) -> Judgement {
    world.twilio.forget_next_sends();
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

/// A tick of a schedule; one that is shot is missing, and the next minute has its own.
async fn tick(world: &World, function: &str) {
    let event = json!({ "source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {} });
    let _: Result<Value, InvokeError> = world.invoke(function, event).await;
}

/// A queue that sometimes delivers a batch twice at once, to two sandboxes.
struct Twice {
    first: Arc<dyn Invoke>,
    second: Arc<Victim>,
    rng: Mutex<Rng>,
}

impl Invoke for Twice {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, InvokeError>> {
        let twice = self.rng.lock().expect("no panic").u8(..100) < DELIVERED_TWICE;
        Box::pin(async move {
            if !twice {
                return self.first.invoke(event).await;
            }
            let (answer, _) = tokio::join!(self.first.invoke(event.clone()), self.second.invoke(event));
            answer
        })
    }
}
