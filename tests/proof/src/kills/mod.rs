//! Real kills: the functions' own binaries die by SIGKILL, freeze by SIGSTOP and outlive their limits, over a
//! real Postgres and a Twilio whose record is the judge.
//!
//! Everything is planned from a seed: who rings, how Twilio treats them, what else is wrong, and where each
//! invocation is hit. A kill at a moment hits wherever the process has come to by then, so that a seed brings
//! back the plan and not the microsecond.

mod aim;
mod callers;
mod freezes;
mod hits;
mod page;
mod scene;
mod time_outs;
mod victim;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use self::freezes::Ending;
pub use self::hits::{Blow, Hits};
use self::scene::Scene;
pub use crate::judgement::Judgement;

/// Runners that are frozen in one world.
const FROZEN_IN_A_WORLD: usize = 12;
/// Runners of one world that are left frozen until their limit.
const LEFT_FROZEN: usize = 4;
/// Worlds of frozen runners at once: they mostly wait.
const FREEZING_AT_ONCE: usize = 3;

/// After so many violations more of them would say no more.
const SAYS_ENOUGH: usize = 25;

/// How much is killed and frozen.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Processes to kill in the middle of an invocation.
    #[arg(long, default_value_t = 1000)]
    pub kills: usize,
    /// Processes to freeze in the middle of an invocation, until their permits are dead.
    #[arg(long, default_value_t = 200)]
    pub freezes: usize,
    /// Processes to let outlive their time limits.
    #[arg(long, default_value_t = 10)]
    pub time_outs: usize,
    /// Where the plans begin; every world has the next one. With `--kills 1` it is that one world again.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Worlds at once.
    #[arg(long, default_value_t = 4)]
    pub at_once: usize,
}

/// What a run saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Where the plans began.
    pub seed: u64,
    /// What was hit, and where.
    pub hits: Arc<Hits>,
    /// What came of it.
    pub judgement: Judgement,
    /// The worlds that were lived through.
    pub worlds: u64,
    /// How long the kills took, the freezes not counted.
    pub killing: Duration,
    /// How long it all took.
    pub elapsed: Duration,
}

/// Does it, shows it, and leaves a section for the report.
pub async fn prove(arguments: &Arguments) -> anyhow::Result<()> {
    let seen = run(arguments).await;
    let section = page::section(arguments, &seen);
    println!("{}", page::shown(&section));
    section.save("kills")?;
    anyhow::ensure!(section.holds, "not everything held");
    Ok(())
}

/// Kills, freezes and lets time out as much as is asked for.
pub async fn run(arguments: &Arguments) -> Seen {
    let mut seen = Seen {
        seed: arguments.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000)),
        ..Seen::default()
    };
    println!("seed {}", seen.seed);
    let began = Instant::now();
    kill(arguments, &mut seen).await;
    seen.killing = began.elapsed();
    freeze(arguments, &mut seen).await;
    let_time_out(arguments, &mut seen).await;
    seen.elapsed = began.elapsed();
    seen
}

/// The functions whose processes are killed, by name.
pub fn under_fire() -> BTreeSet<&'static str> {
    aim::TARGETS.iter().map(|target| target.name).collect()
}

/// The statements around which processes are killed, by name.
pub fn aimed_at() -> impl Iterator<Item = &'static str> {
    let targets = aim::TARGETS.iter();
    targets.flat_map(|target| target.heart.iter().chain(target.others).copied())
}

async fn kill(arguments: &Arguments, seen: &mut Seen) {
    let hits = Arc::clone(&seen.hits);
    let enough = || hits.kills() >= arguments.kills;
    repeat(
        seen,
        "kills",
        arguments.at_once,
        enough,
        |seed, hits| async move {
            let mut scene = Scene::begin(seed, &hits).await;
            scene.live_under_fire().await;
            scene.end().await
        },
    )
    .await;
}

async fn freeze(arguments: &Arguments, seen: &mut Seen) {
    let hits = Arc::clone(&seen.hits);
    // Some are done before they can be frozen.
    let in_a_world = (arguments.freezes * 3 / 2).min(FROZEN_IN_A_WORLD);
    let enough = || hits.of(Blow::Frozen) >= arguments.freezes;
    repeat(
        seen,
        "freezes",
        arguments.at_once.min(FREEZING_AT_ONCE),
        enough,
        move |seed, hits| async move { freezes::freeze(seed, in_a_world, Ending::Thaw, &hits).await },
    )
    .await;
}

async fn let_time_out(arguments: &Arguments, seen: &mut Seen) {
    let hits = Arc::clone(&seen.hits);
    let enough = || hits.of(Blow::TimedOut) >= arguments.time_outs;
    repeat(
        seen,
        "time-outs",
        FREEZING_AT_ONCE,
        enough,
        |seed, hits| async move {
            let (mut judgement, held, dripped) = tokio::join!(
                freezes::freeze(seed, LEFT_FROZEN, Ending::Limit, &hits),
                time_outs::poller_is_held(&hits),
                time_outs::batch_drips(),
            );
            judgement.add(held);
            judgement.add(dripped);
            judgement
        },
    )
    .await;
}

/// Lives through worlds, some at once, until it is enough.
async fn repeat<F>(
    seen: &mut Seen,
    part: &str,
    at_once: usize,
    enough: impl Fn() -> bool,
    world: impl Fn(u64, Arc<Hits>) -> F,
) where
    F: Future<Output = Judgement> + Send + 'static,
{
    let mut running = JoinSet::new();
    let mut next = seen.seed;
    loop {
        while running.len() < at_once && !enough() && seen.judgement.violations.len() < SAYS_ENOUGH {
            let world = tokio::spawn(world(next, Arc::clone(&seen.hits)));
            let from = next;
            running.spawn(async move { (from, world.await) });
            next += 1;
        }
        let Some(done) = running.join_next().await else {
            return;
        };
        let (from, judged) = done.expect("it only waits");
        seen.worlds += 1;
        let mut judgement = judged.unwrap_or_else(|error| Judgement {
            violations: vec![format!("the world ended early: {error}")],
            ..Judgement::default()
        });
        for violation in &mut judgement.violations {
            *violation = format!("{part}, --seed {from}: {violation}");
            println!("✗ {violation}");
        }
        let so_far = format!(
            "{} killed, {} frozen",
            seen.hits.kills(),
            seen.hits.of(Blow::Frozen)
        );
        println!(
            "{part}, --seed {from}: {} missed calls, {} texts; so far {so_far}",
            judgement.missed, judgement.texts
        );
        seen.judgement.add(judgement);
    }
}
