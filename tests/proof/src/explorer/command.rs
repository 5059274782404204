//! `proof explore` and `proof mutants`.

use std::collections::BTreeSet;

use super::{Fate, Faults, Mutant, Outcome, Plan, Recipe, Size, Tally, Variant, Workflow, play_all};
use crate::report::{Figure, Section};

/// Explores orders and accidents: every single fault of small runs, pairs of faults, and random runs.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// One workflow alone.
    #[arg(long)]
    workflow: Option<Workflow>,
    /// The first seed; each run has the next one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many random runs.
    #[arg(long, default_value_t = 500)]
    runs: u64,
    /// Small runs in which every operation is made to fail in every way.
    #[arg(long, default_value_t = 0)]
    singles: u64,
    /// How many pairs of faults within one run, close to one another.
    #[arg(long, default_value_t = 0)]
    pairs: usize,
    /// How many seeds are played twice, to see that nothing but the seed decides.
    #[arg(long, default_value_t = 0)]
    twice: u64,
    /// Plays one run again, with this plan (`12:Unheard,40:AcceptedReset`), and prints its trace.
    #[arg(long)]
    plan: Option<Plan>,
    /// Plays the seed's run again, with its own random faults.
    #[arg(long)]
    replay: bool,
    /// Plays a run of the other size again.
    #[arg(long)]
    small: bool,
    /// Plays it with this mistake in the product.
    #[arg(long)]
    mutant: Option<String>,
}

/// Shows that known-bad variants are caught.
#[derive(Debug, clap::Args)]
pub struct MutantArguments {
    /// One workflow's alone.
    #[arg(long)]
    workflow: Option<Workflow>,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many runs a variant has at most.
    #[arg(long, default_value_t = 100)]
    runs: u64,
}

/// Two faults are close to one another when so many operations or fewer lie between them.
const WINDOW: usize = 40;
/// The one that was asked for, or all.
fn chosen(workflow: Option<Workflow>) -> Vec<Workflow> {
    workflow.map_or_else(|| Workflow::ALL.to_vec(), |one| vec![one])
}

/// Runs what was asked for.
pub async fn explore(arguments: Arguments) -> anyhow::Result<()> {
    // One server for every thread.
    system_tests::server().await;
    tokio::task::spawn_blocking(move || {
        let mut holds = true;
        for workflow in chosen(arguments.workflow) {
            holds &= run(workflow, &arguments)?;
        }
        anyhow::ensure!(
            holds,
            "something was seen that must not be, or not seen that must be"
        );
        Ok(())
    })
    .await?
}

/// Tries every known-bad variant.
pub async fn mutants(arguments: MutantArguments) -> anyhow::Result<()> {
    system_tests::server().await;
    tokio::task::spawn_blocking(move || {
        let mut holds = true;
        for workflow in chosen(arguments.workflow) {
            holds &= catch_all(workflow, &arguments)?;
        }
        anyhow::ensure!(holds, "not every known-bad variant is caught");
        Ok(())
    })
    .await?
}

fn catch_all(workflow: Workflow, arguments: &MutantArguments) -> anyhow::Result<bool> {
    let (name, seed, runs) = (workflow.name(), arguments.seed, arguments.runs);
    let mut section = Section {
        title: format!("Known-bad variants: {}", workflow.title()),
        command: format!("proof mutants --workflow {name} --runs {runs} --seed {seed}"),
        about: "The product with one mistake in it, each a mistake that somebody has made: it is caught when a random run ends in what must not happen.".to_owned(),
        figures: Vec::new(),
        details: String::new(),
        holds: true,
    };
    for mutant in workflow.mutants() {
        let caught = catch(workflow, mutant, seed, runs)?;
        let said = match &caught {
            Some((run, violation)) => format!("caught in run {run}: {violation}"),
            None => "NOT caught".to_owned(),
        };
        println!("{:24} {said}", mutant.name);
        section.holds &= caught.is_some();
        let what = format!("`{}`: {}", mutant.name, mutant.about);
        section.figures.push(Figure::against(what, said, "caught"));
    }
    section.save(&format!("mutants-{name}"))?;
    Ok(section.holds)
}

/// In which run a mutant is caught, and what it did.
pub fn catch(
    workflow: Workflow,
    mutant: &Mutant,
    seed: u64,
    runs: u64,
) -> anyhow::Result<Option<(usize, String)>> {
    let variant = mutant.variant(workflow);
    let tally = play_all(
        &variant,
        random(seed, runs),
        |_, _| {},
        |tally| tally.failures.iter().any(|failure| failure.shows(mutant)),
    )?;
    let first = tally
        .failures
        .into_iter()
        .filter(|failure| failure.shows(mutant))
        .min_by_key(|failure| failure.recipe.seed);
    Ok(first.map(|failure| {
        let run = usize::try_from(failure.recipe.seed - seed).unwrap_or_default() + 1;
        let shown = |violation: &&String| violation.contains(mutant.complaint);
        let shown = failure.violations.iter().find(shown).cloned();
        (run, shown.unwrap_or_default())
    }))
}

/// Random recipes with consecutive seeds.
pub fn random(seed: u64, runs: u64) -> impl Iterator<Item = Recipe> + Send {
    (seed..seed + runs).map(|seed| Recipe {
        seed,
        size: Size::Full,
        faults: Faults::Random,
    })
}

fn small(seed: u64, plan: Plan) -> Recipe {
    Recipe {
        seed,
        size: Size::Small,
        faults: Faults::Planned(plan),
    }
}

/// A small run's recipe with each fault that each of its operations can meet.
pub fn singles(variant: &Variant, seed: u64) -> anyhow::Result<Vec<Recipe>> {
    let clean = play_one(variant, small(seed, Plan::default()))?;
    let mut recipes = vec![small(seed, Plan::default())];
    for (place, operation) in clean.operations.iter().enumerate() {
        for fate in Fate::of(*operation) {
            recipes.push(small(seed, Plan([(place, *fate)].into())));
        }
    }
    Ok(recipes)
}

/// Every other fault that can follow a first one closely.
fn followed(first: &Recipe, operations: &[shared::platform::gate::Operation]) -> Vec<Recipe> {
    let Faults::Planned(Plan(plan)) = &first.faults else {
        return Vec::new();
    };
    let Some((&place, _)) = plan.iter().next() else {
        return Vec::new();
    };
    let close = operations.iter().enumerate().skip(place + 1).take(WINDOW);
    close
        .flat_map(|(second, operation)| {
            Fate::of(*operation).iter().map(move |fate| {
                let mut plan = plan.clone();
                plan.insert(second, *fate);
                small(first.seed, Plan(plan))
            })
        })
        .collect()
}

fn play_one(variant: &Variant, recipe: Recipe) -> anyhow::Result<Outcome> {
    let mut only = None;
    play_all(
        variant,
        std::iter::once(recipe),
        |_, outcome| only = Some(outcome.clone()),
        |_| false,
    )?;
    only.ok_or_else(|| anyhow::anyhow!("a run without an outcome"))
}

/// The smallest part of a failed run's plan that still fails, tried by leaving faults out. `None` if the plan alone
/// does not fail: chance does more than faults, as when somebody says stop at the last moment.
fn shrink(variant: &Variant, recipe: &Recipe) -> anyhow::Result<Option<Recipe>> {
    if play_one(variant, recipe.clone())?.violations.is_empty() {
        return Ok(None);
    }
    let mut smallest = recipe.clone();
    let mut goes_on = true;
    while goes_on {
        goes_on = false;
        let Faults::Planned(Plan(plan)) = smallest.faults.clone() else {
            break;
        };
        for place in plan.keys() {
            let mut less = plan.clone();
            less.remove(place);
            let recipe = Recipe {
                faults: Faults::Planned(Plan(less)),
                ..smallest.clone()
            };
            if !play_one(variant, recipe.clone())?.violations.is_empty() {
                smallest = recipe;
                goes_on = true;
                break;
            }
        }
    }
    Ok(Some(smallest))
}

/// Whether everything held.
fn run(workflow: Workflow, arguments: &Arguments) -> anyhow::Result<bool> {
    let variant = match &arguments.mutant {
        None => workflow.into(),
        Some(name) => {
            let mutant = workflow.mutants().iter().find(|mutant| mutant.name == name);
            mutant
                .ok_or_else(|| anyhow::anyhow!("no mutant {name} of {}", workflow.title()))?
                .variant(workflow)
        }
    };
    if arguments.replay || arguments.plan.is_some() {
        return replay(arguments, &variant);
    }
    let mut section = Section {
        title: format!("Explored schedules: {}", workflow.title()),
        command: format!(
            "proof explore --workflow {} --seed {} --runs {} --singles {} --pairs {} --twice {}",
            workflow.name(),
            arguments.seed,
            arguments.runs,
            arguments.singles,
            arguments.pairs,
            arguments.twice
        ),
        about: format!(
            "Every function's own code on a real PostgreSQL, one operation at a time, in an order and with accidents that follow from a seed; judged by {}'s record.",
            workflow.judge()
        ),
        figures: Vec::new(),
        details: String::new(),
        holds: true,
    };

    if arguments.singles > 0 {
        let tally = one_by_one(&variant, arguments, &mut section)?;
        conclude(&variant, &tally, "every single fault of small runs", &mut section)?;
    }
    if arguments.twice > 0 {
        let diverged = play_twice(&variant, arguments)?;
        section.holds &= diverged == 0;
        let what = format!(
            "seeds that went differently the second time, of {}",
            arguments.twice
        );
        section.figures.push(Figure::against(what, diverged, 0));
    }
    let tally = play_all(
        &variant,
        random(arguments.seed, arguments.runs),
        |_, _| {},
        |tally| tally.failures.len() >= 20,
    )?;
    conclude(&variant, &tally, "random runs", &mut section)?;
    for name in workflow.sights() {
        let runs = tally.seen.get(name).copied().unwrap_or_default();
        section.holds &= runs * 100 > tally.runs;
        section.figures.push(Figure::against(
            format!("random runs with: {name}"),
            percent(runs, tally.runs),
            "> 1 %",
        ));
    }
    for figure in &section.figures {
        println!(
            "{:58} {:>12}  {}",
            figure.what,
            figure.seen,
            figure.bar.as_deref().unwrap_or("")
        );
    }
    section.save(&format!("explore-{}", workflow.name()))?;
    Ok(section.holds)
}

/// With two digits after the point.
fn percent(part: usize, whole: usize) -> String {
    let hundredths = part * 10_000 / whole.max(1);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

/// Single faults, and pairs of faults as many as were asked for.
fn one_by_one(variant: &Variant, arguments: &Arguments, section: &mut Section) -> anyhow::Result<Tally> {
    let mut recipes = Vec::new();
    for seed in arguments.seed..arguments.seed + arguments.singles {
        recipes.extend(singles(variant, seed)?);
    }
    let mut pairs = Vec::new();
    let tally = play_all(
        variant,
        recipes.into_iter(),
        |recipe, outcome| pairs.extend(followed(recipe, &outcome.operations)),
        |_| false,
    )?;
    let all = pairs.len();
    // Spread evenly over all of them.
    if let Some(every) = all.checked_div(arguments.pairs) {
        pairs.sort_by_key(|recipe| format!("{:?}", recipe.faults));
        let some: Vec<Recipe> = pairs.into_iter().step_by(every.max(1)).collect();
        let tally = play_all(variant, some.into_iter(), |_, _| {}, |_| false)?;
        section.figures.push(Figure::seen(
            format!("pairs of faults within {WINDOW} operations"),
            all,
        ));
        conclude(variant, &tally, "of these, spread evenly, pairs", section)?;
    }
    Ok(tally)
}

fn conclude(variant: &Variant, tally: &Tally, what: &str, section: &mut Section) -> anyhow::Result<()> {
    for failure in tally.failures.iter().take(3) {
        let seed = failure.recipe.seed;
        let again = match shrink(variant, &failure.recipe)? {
            Some(Recipe {
                size,
                faults: Faults::Planned(plan),
                ..
            }) => {
                let size = if size == Size::Small { " --small" } else { "" };
                format!("--seed {seed}{size} --plan '{plan}'")
            }
            _ => format!("--seed {seed} --replay"),
        };
        let workflow = variant.workflow.name();
        println!(
            "{:?}\n    proof explore --workflow {workflow} {again}",
            failure.violations
        );
    }
    section.holds &= tally.failures.is_empty();
    let seconds = tally.took.as_secs_f64();
    section.figures.extend([
        Figure::seen(what, tally.runs),
        Figure::against(format!("{what}: with a violation"), tally.failures.len(), 0),
        Figure::seen(format!("{what}: operations"), tally.operations),
        Figure::seen(format!("{what}: faults met"), tally.faults),
        Figure::seen(format!("{what}: {} owed", variant.workflow.name()), tally.jobs),
        Figure::seen(
            format!("{what}: runs a second"),
            format!("{:.1}", f64::from(u32::try_from(tally.runs)?) / seconds),
        ),
    ]);
    Ok(())
}

/// How many seeds went differently the second time.
fn play_twice(variant: &Variant, arguments: &Arguments) -> anyhow::Result<usize> {
    let twice = random(arguments.seed, arguments.twice).flat_map(|recipe| [recipe.clone(), recipe]);
    let mut traces: std::collections::BTreeMap<u64, Vec<String>> = std::collections::BTreeMap::new();
    let mut diverged = BTreeSet::new();
    play_all(
        variant,
        twice,
        |recipe, outcome| {
            let Some(first) = traces.insert(recipe.seed, outcome.trace.clone()) else {
                return;
            };
            if first != outcome.trace {
                let differs = first.iter().zip(&outcome.trace).find(|(one, other)| one != other);
                println!("seed {} diverged: {differs:?}", recipe.seed);
                diverged.insert(recipe.seed);
            }
        },
        |_| false,
    )?;
    Ok(diverged.len())
}

fn replay(arguments: &Arguments, variant: &Variant) -> anyhow::Result<bool> {
    let recipe = Recipe {
        seed: arguments.seed,
        size: if arguments.small { Size::Small } else { Size::Full },
        faults: arguments.plan.clone().map_or(Faults::Random, Faults::Planned),
    };
    let outcome = play_one(variant, recipe)?;
    for line in &outcome.trace {
        println!("{line}");
    }
    println!("plan: {}", outcome.plan);
    println!("seen: {:?}", outcome.seen);
    println!("violations: {:#?}", outcome.violations);
    Ok(outcome.violations.is_empty())
}
