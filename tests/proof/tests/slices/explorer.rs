//! A few hundred schedules; `proof explore` plays as many as one has time for.

use std::collections::BTreeMap;

use proof::explorer::{MUTANTS, Recipe, Tally, Variant, catch, play_all, random, singles};

/// One server for every test and every thread.
fn prepare() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(system_tests::server());
}

fn play(recipes: impl Iterator<Item = Recipe> + Send) -> Tally {
    let tally = play_all(&Variant::default(), recipes, |_, _| {}, |_| false).expect("the runs end");
    assert!(tally.failures.is_empty(), "{:#?}", tally.failures);
    tally
}

#[test]
fn nobody_is_texted_twice_or_forgotten_in_random_runs() {
    prepare();
    let tally = play(random(1_000_000, 80));
    for name in [
        "text sent",
        "outcome unknown",
        "found by the poller",
        "callback before the answer",
    ] {
        assert!(
            tally.seen.contains_key(name),
            "{name} was never tried: {:?}",
            tally.seen
        );
    }
}

#[test]
fn nobody_is_texted_twice_or_forgotten_after_a_single_fault() {
    prepare();
    let every = singles(&Variant::default(), 1).expect("a clean run");
    assert!(every.len() > 200, "only {} faults were found to try", every.len());
    play(every.into_iter().step_by(8));
}

#[test]
fn every_known_bad_variant_is_caught() {
    prepare();
    for mutant in MUTANTS {
        let caught = catch(mutant, 1, 100).expect("the runs end");
        assert!(
            caught.is_some(),
            "{}: {} and gets away with it",
            mutant.name,
            mutant.about
        );
    }
}

#[test]
fn nothing_but_the_seed_decides() {
    prepare();
    let mut traces: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let twice = random(1, 8).flat_map(|recipe| [recipe.clone(), recipe]);
    play_all(
        &Variant::default(),
        twice,
        |recipe, outcome| {
            if let Some(first) = traces.insert(recipe.seed, outcome.trace.clone()) {
                assert_eq!(first, outcome.trace, "seed {}", recipe.seed);
            }
        },
        |_| false,
    )
    .expect("the runs end");
}
