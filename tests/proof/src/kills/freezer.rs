//! Processes that are frozen in the middle of their work and thawed when the world has moved on.
//!
//! Lambda freezes a sandbox as it likes. A runner that held a permit when it was frozen must not use it when it
//! thaws: by then its attempt has been declared unknown, looked up, and perhaps followed by another. Whoever else is
//! frozen goes on with what they believed an hour ago.

use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::future::{BoxFuture, join_all};
use local::invoke::{Invoke, InvokeError};
use local::runtime_api::RealBinary;
use serde_json::Value;
use system_tests::{Pause, PostgresProxy, StopAt, World, real, real_within};

use super::aim::RUNNER;
use super::hits::{Blow, Hits};
use super::provider::{Provider, Treatment};

/// Longer than a permit lives.
const PERMIT_IS_DEAD: Duration = Duration::from_millis(12_500);
/// From a fresh process's first statement on, its invocation is over in less, unless something waits.
const ORDINARY: Duration = Duration::from_millis(400);
/// A limit of a minute shows nothing that this does not.
const MINUTE_IS: Duration = Duration::from_secs(3);
/// Minutes that pass while processes are frozen, with one more after each in which everybody works: the rescue, the
/// readings of the provider's list that prove absence, the next attempt; and, for some, half an hour and an hour more.
const AWAY: [i64; 8] = [2, 2, 10, 0, 0, 4, 30, 60];

/// How long the world moves on.
pub(super) fn away(rng: &mut Rng) -> &'static [i64] {
    &AWAY[..AWAY.len() - rng.usize(..3)]
}

/// Where a process is frozen.
#[derive(Debug, Clone)]
pub(super) enum Point {
    /// At this share of an ordinary invocation, counted from its first statement.
    Moment(f64),
    /// Around a statement.
    Statement(StopAt, Then),
    /// While the provider holds its request.
    OnTheWire(Treatment),
}

/// What becomes of the statement or the answer that was on its way.
#[derive(Debug, Clone, Copy)]
pub(super) enum Then {
    /// It is lost.
    Lost,
    /// It arrives while the process is frozen, before anybody looks.
    ArrivesAtOnce,
    /// It arrives when the world has moved on, just before the thaw.
    ArrivesLate,
}

impl Point {
    /// Of a runner, whose other statements than the grant are these.
    pub(super) fn of_runner(rng: &mut Rng, others: &[&'static str]) -> Self {
        match rng.u8(..100) {
            ..20 => Self::Moment(rng.f64()),
            20..45 => Self::OnTheWire(match rng.u8(..3) {
                0 => Treatment::LateAccept {
                    after: Duration::from_secs(rng.u64(1..480)),
                },
                accepted => Treatment::Hold {
                    accepted: accepted == 1,
                },
            }),
            // The grant is where it matters most.
            45..75 => Self::around("grant", rng),
            _ => Self::around(others[rng.usize(..others.len())], rng),
        }
    }

    /// Of anybody else: around one of their statements, and now and then at a moment.
    pub(super) fn of(rng: &mut Rng, statements: &[&'static str]) -> Self {
        match rng.u8(..100) {
            ..20 => Self::Moment(rng.f64()),
            _ => Self::around(statements[rng.usize(..statements.len())], rng),
        }
    }

    fn around(statement: &'static str, rng: &mut Rng) -> Self {
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

    /// How the provider has to treat the request for a runner to come to this point.
    pub(super) fn treatment(&self) -> Treatment {
        match self {
            Self::OnTheWire(treatment) => treatment.clone(),
            Self::Statement(at, _) => match at {
                StopAt::Before("settle_refused") | StopAt::AfterCommitOf("settle_refused") => {
                    Treatment::RefuseForGood
                }
                StopAt::Before("settle_unknown") | StopAt::AfterCommitOf("settle_unknown") => {
                    Treatment::AcceptThenReset
                }
                _ => Treatment::Accept,
            },
            Self::Moment(_) => Treatment::Accept,
        }
    }

    fn name(&self, provider: &str) -> String {
        match self {
            Self::Moment(_) => "at a moment".to_owned(),
            Self::OnTheWire(Treatment::Hold { accepted: true }) => {
                format!("while {provider} holds the request, accepted")
            }
            Self::OnTheWire(Treatment::Hold { .. }) => {
                format!("while {provider} holds the request, not accepted")
            }
            Self::OnTheWire(_) => format!("while {provider} holds the request, accepted later"),
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

/// Who is to be frozen in the middle of one event.
pub(super) struct Prey {
    /// The function.
    pub(super) name: &'static str,
    /// What it is invoked with.
    pub(super) event: Value,
    /// Its first statement.
    pub(super) begins_with: &'static str,
    /// Where.
    pub(super) point: Point,
    /// The number that its request is for, if it makes one.
    pub(super) number: String,
}

/// A process in the middle of an invocation, frozen.
pub(super) struct Frozen {
    name: &'static str,
    process: RealBinary,
    invocation: BoxFuture<'static, Result<Value, InvokeError>>,
    /// What arrives just before the thaw.
    late: Option<Pause>,
    place: String,
    since: Instant,
    // What is held back is lost with it.
    _proxy: PostgresProxy,
}

/// Lets fresh processes come to their points and freezes them there, all at once; those that came there.
pub(super) async fn freeze(
    world: &World,
    provider: &Provider,
    prey: Vec<Prey>,
    ending: Ending,
) -> Vec<Frozen> {
    let freezing = prey
        .into_iter()
        .map(|prey| freeze_one(world, provider, prey, ending));
    join_all(freezing).await.into_iter().flatten().collect()
}

/// `None` if it was done before.
async fn freeze_one(world: &World, provider: &Provider, prey: Prey, ending: Ending) -> Option<Frozen> {
    let Prey {
        name,
        event,
        begins_with,
        point,
        number,
    } = prey;
    let mut proxy = PostgresProxy::before_database().await;
    let settings = world.settings.clone();
    let settings = settings.with("DATABASE_URL", proxy.url_of(&world.database));
    let process = if ending == Ending::Limit && name != RUNNER {
        real_within(MINUTE_IS, name, &settings)
    } else {
        real(name, &settings)
    };
    process.start().await.expect("the process starts");
    let pause = match &point {
        Point::Statement(at, Then::Lost) => {
            proxy.stop_at(*at);
            None
        }
        Point::Statement(at, then) => Some((proxy.pause_at(*at), *then)),
        Point::Moment(_) | Point::OnTheWire(_) => None,
    };
    let mut waiting = provider.waiting();
    let mut invocation: BoxFuture<'static, _> = {
        let process = process.clone();
        Box::pin(async move { process.invoke(event).await })
    };
    let comes = async {
        match &point {
            Point::Moment(share) => {
                let begins = proxy.pause_at(StopAt::Before(begins_with));
                proxy.stopped().await;
                begins.end();
                tokio::time::sleep(ORDINARY.mul_f64(*share)).await;
            }
            Point::Statement(..) => proxy.stopped().await,
            Point::OnTheWire(_) => provider.holds_one_to(&mut waiting, &number).await,
        }
    };
    // Whoever does not come to the point is done, at its time limit at the latest.
    tokio::select! {
        biased;
        _ = &mut invocation => return None,
        () = comes => {}
    }
    if !process.freeze().await {
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
        name,
        process,
        invocation,
        late,
        place: place(&point, &proxy, provider.name()),
        since: Instant::now(),
        _proxy: proxy,
    })
}

fn place(point: &Point, proxy: &PostgresProxy, provider: &str) -> String {
    match (point, proxy.position()) {
        (Point::Moment(_), None) => "before its first statement".to_owned(),
        (Point::Moment(_), Some(position)) if position.answered => format!("after `{}`", position.statement),
        (Point::Moment(_), Some(position)) => format!("during `{}`", position.statement),
        _ => point.name(provider),
    }
}

/// Ends all freezes, and counts them.
pub(super) async fn end_all(frozen: Vec<Frozen>, ending: Ending, provider: &Provider, hits: &Hits) {
    let outcomes = frozen.into_iter().map(|frozen| end(frozen, ending, provider));
    for (name, place, answer) in join_all(outcomes).await {
        match answer {
            Err(InvokeError::TimedOut(_)) => hits.count(Blow::TimedOut, name, place),
            // Whatever it answers: it went on, and that is what is judged.
            _ => hits.count(Blow::Frozen, name, place),
        }
    }
}

/// Thaws a process once its permit is dead, or leaves it to its limit; who and where it was, and what it answered.
async fn end(
    mut frozen: Frozen,
    ending: Ending,
    provider: &Provider,
) -> (&'static str, String, Result<Value, InvokeError>) {
    if ending == Ending::Thaw {
        // Nobody else has a permit, and a webhook's own limit is shorter.
        if frozen.name == RUNNER {
            tokio::time::sleep_until((frozen.since + PERMIT_IS_DEAD).into()).await;
        }
        // What was on its way reaches a process that cannot look yet.
        provider.release_held();
        if let Some(late) = frozen.late.take() {
            late.end();
        }
        frozen.process.thaw().await;
    }
    (frozen.name, frozen.place, frozen.invocation.await)
}
