//! A few hundred schedules; `proof explore` plays as many as one has time for.

use std::collections::BTreeMap;

use proof::explorer::{Recipe, Tally, Workflow, catch, play_all, random, singles};

/// One server for every test and every thread.
fn prepare() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(system_tests::server());
}

fn play(workflow: Workflow, recipes: impl Iterator<Item = Recipe> + Send) -> Tally {
    let tally = play_all(&workflow.into(), recipes, |_, _| {}, |_| false).expect("the runs end");
    assert!(tally.failures.is_empty(), "{:#?}", tally.failures);
    tally
}

fn were_tried(tally: &Tally, sights: &[&str]) {
    for sight in sights {
        let seen = &tally.seen;
        assert!(seen.contains_key(sight), "{sight} was never tried: {seen:?}");
    }
}

#[test]
fn nobody_is_texted_twice_or_forgotten_in_random_runs() {
    prepare();
    let tally = play(Workflow::Texts, random(1_000_000, 80));
    let sights = [
        "text sent",
        "outcome unknown",
        "found by the poller",
        "callback before the answer",
    ];
    were_tried(&tally, &sights);
}

#[test]
fn nobody_is_called_twice_or_forgotten_in_random_runs() {
    prepare();
    let tally = play(Workflow::Calls, random(1_000_000, 40));
    let sights = [
        "welcome call placed",
        "outcome unknown",
        "absence proven",
        "callback before the answer",
        "day kept from a second call",
        "moved to another zone",
    ];
    were_tried(&tally, &sights);
}

fn survives_single_faults(workflow: Workflow, every: usize) {
    prepare();
    let all = singles(&workflow.into(), 1).expect("a clean run");
    assert!(all.len() > 200, "only {} faults were found to try", all.len());
    play(workflow, all.into_iter().step_by(every));
}

#[test]
fn nobody_is_texted_twice_or_forgotten_after_a_single_fault() {
    survives_single_faults(Workflow::Texts, 8);
}

#[test]
fn nobody_is_called_twice_or_forgotten_after_a_single_fault() {
    survives_single_faults(Workflow::Calls, 16);
}

/// All but one or two are caught within a hundred.
const RUNS_AT_MOST: u64 = 150;

fn catches_every_mutant(workflow: Workflow) {
    prepare();
    for mutant in workflow.mutants() {
        let caught = catch(workflow, mutant, 1, RUNS_AT_MOST).expect("the runs end");
        let (name, about) = (mutant.name, mutant.about);
        assert!(caught.is_some(), "{name}: {about} and gets away with it");
    }
}

#[test]
fn every_known_bad_variant_of_the_texts_is_caught() {
    catches_every_mutant(Workflow::Texts);
}

/// Some need more runs than a slice has: `proof mutants --workflow calls` has the time for them.
#[test]
#[ignore = "some variants of the calls are caught only in longer runs"]
fn every_known_bad_variant_of_the_calls_is_caught() {
    catches_every_mutant(Workflow::Calls);
}

#[test]
fn nothing_but_the_seed_decides() {
    prepare();
    for workflow in Workflow::ALL {
        let mut traces: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        let twice = random(1, 8).flat_map(|recipe| [recipe.clone(), recipe]);
        let same = |recipe: &Recipe, trace: &Vec<String>| {
            if let Some(first) = traces.insert(recipe.seed, trace.clone()) {
                assert_eq!(first, *trace, "seed {} of {}", recipe.seed, workflow.name());
            }
        };
        let mut same = same;
        play_all(
            &workflow.into(),
            twice,
            |recipe, outcome| same(recipe, &outcome.trace),
            |_| false,
        )
        .expect("the runs end");
    }
}
