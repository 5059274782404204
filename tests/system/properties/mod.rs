//! Each claim of [`claims`], tried on some thousand inputs. `make fuzz` tries millions.
//!
//! What once broke a claim comes first: the regressions and the seeds of `tests/fuzz`, then the cases in
//! `tests/proptest-regressions`, where a failing property writes down its own. Then come new inputs, noise and
//! seeds gone wrong. A failure prints the smallest input that was found and the line that repeats it.

mod customers;
mod inputs;
mod jobs;
mod missed_calls;
mod platform;
mod twilio;
mod vapi;
mod whatsapp;

use std::path::{Path, PathBuf};

use claims::Claim;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};

/// Tries a claim on everything kept for it and on `cases` new inputs.
#[track_caller]
fn holds(name: &str, cases: u32) {
    let claim = claims::ALL
        .iter()
        .find(|claim| claim.name == name)
        .expect("a claim");
    for folder in ["regressions", "seeds"] {
        for (path, input) in kept(folder, name) {
            let shown = path.display();
            let outcome = std::panic::catch_unwind(|| (claim.check)(&input));
            assert!(outcome.is_ok(), "{name} does not hold for {shown}");
        }
    }
    try_new_ones(claim, cases);
}

#[track_caller]
fn try_new_ones(claim: &Claim, cases: u32) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("proptest-regressions")
        .join(claim.name)
        .with_extension("txt");
    let config = Config {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            kept.to_str().expect("a path of ours is text").to_owned().leak(),
        ))),
        ..Config::default()
    };
    let seeds = kept_inputs(claim.name);
    let result = TestRunner::new(config).run(&inputs::around(seeds), |input| {
        (claim.check)(&input.0);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{} does not hold: {failure}", claim.name);
    }
}

/// What `tests/fuzz` keeps for a claim.
fn kept(folder: &str, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(folder)
        .join(name);
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let input = std::fs::read(&path).expect("a file");
            (path, input)
        })
        .collect()
}

fn kept_inputs(name: &str) -> Vec<Vec<u8>> {
    kept("seeds", name).into_iter().map(|(_, input)| input).collect()
}

#[test]
fn every_claim_is_fuzzed_under_its_name() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).expect("the fuzz targets' manifest");
    let targets: Vec<&str> = manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|target| target.lines().find_map(|line| line.strip_prefix("name = ")))
        .map(|name| name.trim_matches('"'))
        .collect();
    let names: Vec<&str> = claims::ALL.iter().map(|claim| claim.name).collect();
    assert_eq!(targets, names);
    for folder in ["regressions", "seeds"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder);
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let name = entry.expect("an entry").file_name().into_string().expect("text");
            assert!(names.contains(&name.as_str()), "{name} is kept for no claim");
        }
    }
}
