//! Real kills: the functions' own binaries die by SIGKILL, freeze by SIGSTOP and outlive their limits, over a
//! real Postgres and providers whose record is the judge.
//!
//! Everything is planned from a seed: who rings or is to be called, how the provider treats them, what else is wrong,
//! and where each invocation is hit. A kill at a moment hits wherever the process has come to by then, so that a seed
//! brings back the plan and not the microsecond. Each workflow has worlds of its own, and its share of the hits.

mod aim;
mod calls;
mod freezer;
mod hits;
mod page;
mod provider;
mod range;
mod texts;
mod victim;
mod workflow;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use self::freezer::Ending;
pub use self::hits::{Blow, Hits};
pub use self::workflow::Workflow;
pub use crate::judgement::Judgement;

/// Processes that are frozen in one world.
const FROZEN_IN_A_WORLD: usize = 12;
/// Processes of one world that are left frozen until their limit.
const LEFT_FROZEN: usize = 4;
/// Worlds of frozen processes at once: they mostly wait.
const FREEZING_AT_ONCE: usize = 3;

/// After so many violations more of them would say no more.
const SAYS_ENOUGH: usize = 25;

/// How much is killed and frozen.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Processes to kill in the middle of an invocation, an equal share of each workflow's.
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
    /// Whose processes.
    #[arg(long, value_delimiter = ',', default_values = ["texts", "calls"])]
    pub workflows: Vec<Workflow>,
}

/// What a run saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Where the plans began.
    pub seed: u64,
    /// Each workflow's part.
    pub parts: Vec<Part>,
    /// How long the kills took, the freezes not counted.
    pub killing: Duration,
    /// How long it all took.
    pub elapsed: Duration,
}

/// What a run saw of one workflow.
#[derive(Debug)]
pub struct Part {
    /// Which.
    pub workflow: Workflow,
    /// What was hit, and where.
    pub hits: Arc<Hits>,
    /// What came of it.
    pub judgement: Judgement,
    /// The worlds that were lived through.
    pub worlds: u64,
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
    for workflow in &arguments.workflows {
        let mut part = Part {
            workflow: *workflow,
            hits: Arc::default(),
            judgement: Judgement::default(),
            worlds: 0,
        };
        let killing = Instant::now();
        kill(arguments, seen.seed, &mut part).await;
        seen.killing += killing.elapsed();
        freeze(arguments, seen.seed, &mut part).await;
        let_time_out(arguments, seen.seed, &mut part).await;
        seen.parts.push(part);
    }
    seen.elapsed = began.elapsed();
    seen
}

impl Arguments {
    /// What each workflow has of these.
    fn share(&self, of: usize) -> usize {
        of.div_ceil(self.workflows.len().max(1))
    }
}

async fn kill(arguments: &Arguments, seed: u64, part: &mut Part) {
    let (workflow, hits) = (part.workflow, Arc::clone(&part.hits));
    let enough = || hits.kills() >= arguments.share(arguments.kills);
    let world = move |seed, hits| async move { workflow.kill(seed, hits).await };
    repeat(part, "kills", seed, arguments.at_once, enough, world).await;
}

async fn freeze(arguments: &Arguments, seed: u64, part: &mut Part) {
    let (workflow, hits) = (part.workflow, Arc::clone(&part.hits));
    let freezes = arguments.share(arguments.freezes);
    // Some are done before they can be frozen.
    let in_a_world = (freezes * 3 / 2).min(FROZEN_IN_A_WORLD);
    let enough = || hits.of(Blow::Frozen) >= freezes;
    let at_once = arguments.at_once.min(FREEZING_AT_ONCE);
    let world = move |seed, hits: Arc<Hits>| async move {
        workflow.freeze(seed, in_a_world, Ending::Thaw, &hits).await
    };
    repeat(part, "freezes", seed, at_once, enough, world).await;
}

async fn let_time_out(arguments: &Arguments, seed: u64, part: &mut Part) {
    let (workflow, hits) = (part.workflow, Arc::clone(&part.hits));
    let enough = || hits.of(Blow::TimedOut) >= arguments.share(arguments.time_outs);
    let world = move |seed, hits: Arc<Hits>| async move {
        let (mut judgement, others) = tokio::join!(
            workflow.freeze(seed, LEFT_FROZEN, Ending::Limit, &hits),
            workflow.let_time_out(&hits),
        );
        judgement.add(others);
        judgement
    };
    repeat(part, "time-outs", seed, FREEZING_AT_ONCE, enough, world).await;
}

/// Lives through worlds, some at once, until it is enough.
async fn repeat<F>(
    part: &mut Part,
    blow: &str,
    seed: u64,
    at_once: usize,
    enough: impl Fn() -> bool,
    world: impl Fn(u64, Arc<Hits>) -> F,
) where
    F: Future<Output = Judgement> + Send + 'static,
{
    let words = part.workflow.words();
    let part_is = format!("{blow} --workflows {}", part.workflow.name());
    let mut running = JoinSet::new();
    let mut next = seed;
    loop {
        while running.len() < at_once && !enough() && part.judgement.violations.len() < SAYS_ENOUGH {
            let world = tokio::spawn(world(next, Arc::clone(&part.hits)));
            let from = next;
            running.spawn(async move { (from, world.await) });
            next += 1;
        }
        let Some(done) = running.join_next().await else {
            return;
        };
        let (from, judged) = done.expect("it only waits");
        part.worlds += 1;
        let mut judgement = judged.unwrap_or_else(|error| Judgement {
            violations: vec![format!("the world ended early: {error}")],
            ..Judgement::default()
        });
        for violation in &mut judgement.violations {
            *violation = format!("{part_is} --seed {from}: {violation}");
            println!("✗ {violation}");
        }
        println!(
            "{part_is} --seed {from}: {} {}, {} {}; so far {} killed, {} frozen",
            judgement.causes,
            words.causes,
            judgement.acts,
            words.acts,
            part.hits.kills(),
            part.hits.of(Blow::Frozen)
        );
        part.judgement.add(judgement);
    }
}
