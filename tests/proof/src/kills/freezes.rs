//! Runners that are frozen in the middle of their work and thawed when the world has moved on.
//!
//! Lambda freezes a sandbox as it likes. One that held a permit when it was frozen must not use it when it
//! thaws: by then its attempt has been declared unknown, looked up, and perhaps followed by another.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::future::{BoxFuture, join_all};
use jiff::SignedDuration;
use local::invoke::{Invoke, InvokeError};
use local::runtime_api::RealBinary;
use local::sandbox::{Behaviour, Events, Fate, Outcome, Ring, SandboxEvent, SandboxTwilio};
use serde_json::{Value, json};
use system_tests::{LINE, Pause, PostgresProxy, StopAt, World, real};

use super::aim::RUNNER;
use super::hits::{Blow, Hits};
use super::scene::{live_out, world};
use crate::judgement::{Job, Judgement};

/// Longer than a permit lives.
const PERMIT_IS_DEAD: Duration = Duration::from_millis(12_500);
/// From a fresh runner's first statement on, its invocation is over in less, unless something waits.
const ORDINARY: Duration = Duration::from_millis(400);
/// Minutes that pass while it is frozen, with one more after each in which everybody works: the rescue, the
/// readings of Twilio's list that prove absence, the next attempt; and, for some, half an hour and an hour more.
const AWAY: [i64; 8] = [2, 2, 10, 0, 0, 4, 30, 60];

/// Where a runner is frozen.
#[derive(Debug, Clone)]
enum Point {
    /// At this share of an ordinary invocation, counted from its first statement.
    Moment(f64),
    /// Around a statement.
    Statement(StopAt, Then),
    /// While Twilio holds its request.
    OnTheWire(Behaviour),
}

/// What becomes of the statement or the answer that was on its way.
#[derive(Debug, Clone, Copy)]
enum Then {
    /// It is lost.
    Lost,
    /// It arrives while the runner is frozen, before anybody looks.
    ArrivesAtOnce,
    /// It arrives when the world has moved on, just before the thaw.
    ArrivesLate,
}

impl Point {
    fn draw(rng: &mut Rng) -> Self {
        match rng.u8(..100) {
            ..20 => Self::Moment(rng.f64()),
            20..45 => Self::OnTheWire(match rng.u8(..3) {
                0 => Behaviour::LateAccept {
                    after: Duration::from_secs(rng.u64(1..480)),
                },
                accepted => Behaviour::Hold {
                    accepted: accepted == 1,
                },
            }),
            // The grant is where it matters most.
            dice => {
                let others = ["load_text", "settle_accepted", "settle_refused", "settle_unknown"];
                let statement = if dice < 75 {
                    "grant"
                } else {
                    others[rng.usize(..4)]
                };
                let at = if rng.bool() {
                    StopAt::Before(statement)
                } else {
                    StopAt::AfterCommitOf(statement)
                };
                Self::Statement(
                    at,
                    [Then::Lost, Then::ArrivesAtOnce, Then::ArrivesLate][rng.usize(..3)],
                )
            }
        }
    }

    /// How Twilio has to treat the request for the runner to come to this point.
    fn behaviour(&self) -> Behaviour {
        match self {
            Self::OnTheWire(behaviour) => behaviour.clone(),
            Self::Statement(at, _) => match at {
                StopAt::Before("settle_refused") | StopAt::AfterCommitOf("settle_refused") => {
                    Behaviour::refuse(400, 21211)
                }
                StopAt::Before("settle_unknown") | StopAt::AfterCommitOf("settle_unknown") => {
                    Behaviour::AcceptThenReset
                }
                _ => Behaviour::Accept,
            },
            Self::Moment(_) => Behaviour::Accept,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Moment(_) => "at a moment".to_owned(),
            Self::OnTheWire(Behaviour::Hold { accepted: true }) => {
                "while Twilio holds the request, accepted".to_owned()
            }
            Self::OnTheWire(Behaviour::Hold { .. }) => {
                "while Twilio holds the request, not accepted".to_owned()
            }
            Self::OnTheWire(_) => "while Twilio holds the request, accepted later".to_owned(),
            Self::Statement(StopAt::Before(statement), then) => {
                format!("before `{statement}`, which {}", then.name())
            }
            Self::Statement(StopAt::AfterCommitOf(statement), then) => {
                format!("`{statement}` committed, its answer {}", then.name())
            }
        }
    }
}

impl Then {
    fn name(self) -> &'static str {
        match self {
            Self::Lost => "is lost",
            Self::ArrivesAtOnce => "arrives while it is frozen",
            Self::ArrivesLate => "arrives just before the thaw",
        }
    }
}

/// What ends a freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The thaw, when the permit is dead and the world has moved on.
    Thaw,
    /// The platform, at the invocation's time limit.
    Limit,
}

/// A runner in the middle of an invocation, frozen.
struct Frozen {
    runner: RealBinary,
    invocation: BoxFuture<'static, Result<Value, InvokeError>>,
    /// What arrives just before the thaw.
    late: Option<Pause>,
    place: String,
    since: Instant,
    // What is held back is lost with it.
    _proxy: PostgresProxy,
}

/// Freezes so many runners of one world at once, each with a job of its own; what came of it.
pub(super) async fn freeze(seed: u64, count: usize, ending: Ending, hits: &Hits) -> Judgement {
    let mut rng = Rng::with_seed(seed);
    let world = world().await;
    let mut freezing = Vec::new();
    let mut refused = BTreeSet::new();
    for which in 0..count {
        let point = Point::draw(&mut rng);
        let caller = format!("+1403555{:04}", 1000 + which);
        let behaviour = point.behaviour();
        if matches!(behaviour, Behaviour::Refuse { .. }) {
            refused.insert(caller.clone());
        }
        world.twilio.on_next_send_to(&caller, behaviour);
        // Told, told twice, or not told.
        let fate = Fate {
            callbacks: rng.u32(..3),
            ..Fate::delivered()
        };
        world.twilio.set_fate_of(&caller, fate);
        let call = Ring::new(&caller, LINE, Outcome::NoAnswer).ringing_for(Duration::ZERO);
        world.twilio.ring(call).await;
        freezing.push((point, caller));
    }
    let mut events = doorbells(&world).await;
    let freezing = freezing.into_iter().filter_map(|(point, caller)| {
        let bell = events.iter().position(|(person, _)| *person == caller)?;
        Some(freeze_one(&world, point, caller, events.swap_remove(bell).1))
    });
    let frozen: Vec<Frozen> = join_all(freezing).await.into_iter().flatten().collect();
    let froze_nobody = frozen.is_empty();

    // A fresh sandbox does what is left to do, while time passes for everybody.
    world.replace(RUNNER, Arc::new(real(RUNNER, &world.settings)));
    for minutes in AWAY[..AWAY.len() - rng.usize(..3)].iter().copied() {
        world.pass(SignedDuration::from_mins(minutes)).await;
        world.minutes(1).await;
    }
    let outcomes = frozen
        .into_iter()
        .map(|frozen| end(frozen, ending, &world.twilio));
    for (place, answer) in join_all(outcomes).await {
        match answer {
            Err(InvokeError::TimedOut(_)) => hits.count(Blow::TimedOut, RUNNER, place),
            // Whatever it answers: it went on, and that is what is judged.
            _ => hits.count(Blow::Frozen, RUNNER, place),
        }
    }
    // Only the first request meets anything unusual: whatever else is lost by a freeze is made good.
    let explains = |job: &Job| job.state == "refused" && refused.contains(&job.recipient);
    let mut judgement = live_out(&world, explains).await;
    if froze_nobody {
        judgement.object("nobody could be frozen");
    }
    world.database.remove().await;
    judgement
}

/// The doorbells that hang in the queue, each as an event of its own, with whom it is for.
async fn doorbells(world: &World) -> Vec<(String, Value)> {
    let mut bells = Vec::new();
    while let Some((batch, _)) = world.next_batch().await {
        for record in batch["Records"].as_array().expect("a batch") {
            let body = record["body"].as_str().expect("a body");
            let bell: Value = serde_json::from_str(body).expect("a doorbell");
            let job = bell["job"].as_str().expect("a job");
            let query = format!("SELECT recipient FROM jobs WHERE id = '{job}'");
            let person = world.database.one(&query).await.expect("somebody");
            bells.push((person, json!({ "Records": [record] })));
        }
    }
    bells
}

/// Lets a fresh runner come to the point and freezes it there; `None` if it was done before.
async fn freeze_one(world: &World, point: Point, caller: String, event: Value) -> Option<Frozen> {
    let mut proxy = PostgresProxy::before_database().await;
    let settings = world.settings.clone();
    let runner = real(
        RUNNER,
        &settings.with("DATABASE_URL", proxy.url_of(&world.database)),
    );
    runner.start().await.expect("the runner starts");
    let pause = match &point {
        Point::Statement(at, Then::Lost) => {
            proxy.stop_at(*at);
            None
        }
        Point::Statement(at, then) => Some((proxy.pause_at(*at), *then)),
        Point::Moment(_) | Point::OnTheWire(_) => None,
    };
    let mut events = world.twilio.events();
    let mut invocation: BoxFuture<'static, _> = {
        let runner = runner.clone();
        Box::pin(async move { runner.invoke(event).await })
    };
    let comes = async {
        match &point {
            Point::Moment(share) => {
                let begins = proxy.pause_at(StopAt::Before("load_text"));
                proxy.stopped().await;
                begins.end();
                tokio::time::sleep(ORDINARY.mul_f64(*share)).await;
            }
            Point::Statement(..) => proxy.stopped().await,
            Point::OnTheWire(_) => held(&world.twilio, &mut events, &caller).await,
        }
    };
    // Whoever does not come to the point is done, at its time limit at the latest.
    tokio::select! {
        biased;
        _ = &mut invocation => return None,
        () = comes => {}
    }
    if !runner.freeze().await {
        return None;
    }
    let late = pause.and_then(|(pause, then)| match then {
        Then::ArrivesAtOnce => {
            pause.end();
            None
        }
        Then::Lost | Then::ArrivesLate => Some(pause),
    });
    Some(Frozen {
        runner,
        invocation,
        late,
        place: place(&point, &proxy),
        since: Instant::now(),
        _proxy: proxy,
    })
}

fn place(point: &Point, proxy: &PostgresProxy) -> String {
    match (point, proxy.position()) {
        (Point::Moment(_), None) => "before its first statement".to_owned(),
        (Point::Moment(_), Some(position)) if position.answered => format!("after `{}`", position.statement),
        (Point::Moment(_), Some(position)) => format!("during `{}`", position.statement),
        _ => point.name(),
    }
}

/// Until Twilio holds a request for a text to somebody.
async fn held(twilio: &SandboxTwilio, events: &mut Events, caller: &str) {
    let theirs = |event: &SandboxEvent| {
        let SandboxEvent::RequestHeld { number } = event else {
            return None;
        };
        let requests = twilio.requests();
        let request = requests.iter().find(|request| request.number == *number)?;
        (request.field("To") == Some(caller)).then_some(())
    };
    if events.find(theirs).await.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Thaws a runner once its permit is dead, or leaves it to its limit; where it was frozen and what it answered.
async fn end(
    mut frozen: Frozen,
    ending: Ending,
    twilio: &SandboxTwilio,
) -> (String, Result<Value, InvokeError>) {
    if ending == Ending::Thaw {
        tokio::time::sleep_until((frozen.since + PERMIT_IS_DEAD).into()).await;
        // What was on its way reaches a runner that cannot look yet.
        twilio.release_held();
        if let Some(late) = frozen.late.take() {
            late.end();
        }
        frozen.runner.thaw().await;
    }
    (frozen.place, frozen.invocation.await)
}
