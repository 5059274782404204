//! Many runs at once, and what they came to.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Mutant, Outcome, Recipe, Theatre, Variant};

/// A run that went wrong.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What was played; with the plan of what went wrong in it, to be played again.
    pub recipe: Recipe,
    /// What must not happen and did.
    pub violations: Vec<String>,
}

impl Failure {
    /// Whether it is what comes of this mistake, and not of another.
    pub fn shows(&self, mutant: &Mutant) -> bool {
        self.violations
            .iter()
            .any(|violation| violation.contains(mutant.complaint))
    }
}

/// What many runs came to.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many there were.
    pub runs: usize,
    /// How many operations were carried out or lost in them.
    pub operations: usize,
    /// How many texts or calls were owed in them.
    pub jobs: usize,
    /// How many faults they met.
    pub faults: usize,
    /// In how many something was seen.
    pub seen: BTreeMap<&'static str, usize>,
    /// Those that went wrong, the first ones.
    pub failures: Vec<Failure>,
    /// How long it all took.
    pub took: Duration,
}

impl Tally {
    fn add(&mut self, recipe: &Recipe, outcome: Outcome) {
        self.runs += 1;
        self.operations += outcome.operations.len();
        self.jobs += outcome.jobs;
        self.faults += outcome.plan.0.len();
        for name in outcome.seen {
            *self.seen.entry(name).or_default() += 1;
        }
        if !outcome.violations.is_empty() {
            eprintln!("seed {}: {:?}", recipe.seed, outcome.violations);
            let faults = super::Faults::Planned(outcome.plan);
            self.failures.push(Failure {
                recipe: Recipe {
                    faults,
                    ..recipe.clone()
                },
                violations: outcome.violations,
            });
        }
    }
}

/// Even on a machine that is busy with other things.
const HANGS_AFTER: Duration = Duration::from_mins(2);

/// How many runs go on at once. A run does one thing at a time and waits for it, so a core has time for two.
pub fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from) * 2
}

/// Plays recipes until there are no more, or until `enough` says so; `look` sees each outcome.
pub fn play_all(
    variant: &Variant,
    recipes: impl Iterator<Item = Recipe> + Send,
    mut look: impl FnMut(&Recipe, &Outcome),
    mut enough: impl FnMut(&Tally) -> bool,
) -> anyhow::Result<Tally> {
    let began = Instant::now();
    let recipes = Mutex::new(Some(recipes));
    let next = || {
        let mut recipes = recipes.lock().unwrap_or_else(PoisonError::into_inner);
        recipes.as_mut().and_then(Iterator::next)
    };
    let (report, outcomes) = mpsc::channel();
    let playing: Vec<Mutex<Option<(Recipe, Instant)>>> =
        std::iter::repeat_with(Mutex::default).take(workers()).collect();
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        for playing in &playing {
            let (next, report) = (&next, report.clone());
            scope.spawn(move || {
                let result = on_a_stopped_clock(async {
                    let mut theatre = Theatre::of(variant).await?;
                    while let Some(recipe) = next() {
                        *playing.lock().unwrap_or_else(PoisonError::into_inner) =
                            Some((recipe.clone(), Instant::now()));
                        let outcome = theatre.play(&recipe).await?;
                        *playing.lock().unwrap_or_else(PoisonError::into_inner) = None;
                        if report.send(Ok((recipe, outcome))).is_err() {
                            break;
                        }
                    }
                    anyhow::Ok(())
                });
                if let Err(error) = result {
                    let _ = report.send(Err(error));
                }
            });
        }
        drop(report);
        loop {
            let result = match outcomes.recv_timeout(Duration::from_secs(5)) {
                Ok(result) => result,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    end_if_one_hangs(&playing);
                    continue;
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            };
            end_if_one_hangs(&playing);
            let (recipe, outcome) = result?;
            look(&recipe, &outcome);
            tally.add(&recipe, outcome);
            if tally.runs.is_multiple_of(50) {
                eprintln!(
                    "{} runs, {} failures, {:?}",
                    tally.runs,
                    tally.failures.len(),
                    began.elapsed()
                );
            }
            if enough(&tally) {
                *recipes.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
        }
        anyhow::Ok(())
    })?;
    tally.took = began.elapsed();
    Ok(tally)
}

/// A run takes a fraction of a second. One that waits for something that never comes can be told, and not
/// ended: it has the thread.
fn end_if_one_hangs(playing: &[Mutex<Option<(Recipe, Instant)>>]) {
    for playing in playing {
        let playing = playing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((recipe, since)) = &*playing
            && since.elapsed() > HANGS_AFTER
        {
            eprintln!("a run hangs: {recipe:?}");
            std::process::exit(1);
        }
    }
}

/// Runs a future on one thread whose timers stand still until they are moved.
pub fn on_a_stopped_clock<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    // A runtime whose clock is stopped moves it on when nothing else is to be done, and waiting for a socket
    // counts as nothing. It does not while there is a blocking task.
    let (done, ended) = mpsc::channel::<()>();
    let result = runtime.block_on(async {
        let holds_the_clock = tokio::task::spawn_blocking(move || {
            let _ = ended.recv();
        });
        let result = work.await;
        drop(done);
        let _ = holds_the_clock.await;
        result
    });
    runtime.shutdown_background();
    result
}
