//! Every claim of [`claims`], tried on as many inputs as one likes.
//!
//! libFuzzer keeps what reaches code that no input reached before and goes on from there, so it finds what
//! chance alone would not. It begins with the seeds and regressions in `tests/fuzz`; what it finds worth
//! keeping waits in `target/fuzz/corpus` for the next run. An input that breaks a claim is written to
//! `tests/fuzz/regressions`, where the tests try it first from then on.

mod target;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures_util::{StreamExt, stream};
use tokio::process::Command;

use self::target::{Row, Seen};
use crate::report::{Figure, Section};

/// What to try, and how often.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only this claim.
    #[arg(long)]
    target: Option<String>,
    /// Only the claims that were not tried so often before.
    #[arg(long)]
    missing: bool,
    /// Inputs for each claim.
    #[arg(long, default_value_t = 1_000_000)]
    runs: u64,
    /// Claims beside one another, one core each.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
}

/// Builds the targets, runs them, and fails if a claim was broken.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let names = || claims::ALL.iter().map(|claim| claim.name);
    let mut wanted: Vec<&'static str> = match arguments.target.as_deref() {
        Some(target) => names().filter(|name| *name == target).collect(),
        None => names().collect(),
    };
    ensure!(
        !wanted.is_empty(),
        "there is no such claim, but {}",
        names().collect::<Vec<_>>().join(", ")
    );
    if arguments.missing {
        let known = Row::all()?;
        wanted.retain(|name| known.get(*name).is_none_or(|row| row.inputs < arguments.runs));
    }
    let building = build(arguments.target.as_deref()).await?;
    println!("built in {} s", building.as_secs());
    let words = write_words()?;
    let started = Instant::now();
    let mut seen: Vec<Seen> = stream::iter(wanted)
        .map(|name| target::fuzz(name, arguments.runs, &words))
        .buffer_unordered(arguments.jobs.max(1))
        .map(|seen| {
            let seen = seen?;
            println!("{seen}");
            seen.keep()?;
            Ok(seen)
        })
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .collect::<anyhow::Result<_>>()?;
    seen.sort_by_key(|seen| seen.name);
    section(arguments.runs, &Row::all()?).save("fuzz")?;
    println!("{} minutes", started.elapsed().as_secs().div_ceil(60));
    let broken: Vec<_> = seen.iter().filter_map(|seen| seen.finding.as_deref()).collect();
    if !broken.is_empty() {
        bail!("{} claims were broken:\n{}", broken.len(), broken.join("\n"));
    }
    Ok(())
}

/// Builds as it works with a stable compiler: coverage is stable, the sanitizers are not, and without unsafe
/// code of ours there is little that they would see.
async fn build(target: Option<&str>) -> anyhow::Result<Duration> {
    let (root, started) = (root(), Instant::now());
    let status = Command::new(root.join(".tools/bin/cargo-fuzz"))
        .args(["fuzz", "build", "--sanitizer", "none"])
        .arg("--fuzz-dir")
        .arg(root.join("tests/fuzz"))
        .arg("--target-dir")
        .arg(root.join("target/fuzz"))
        .args(target)
        .current_dir(root)
        .kill_on_drop(true)
        .status()
        .await
        .context("cargo-fuzz is not there: `make fuzz` installs it")?;
    ensure!(status.success(), "the fuzz targets cannot be built");
    Ok(started.elapsed())
}

/// The claims' words, as libFuzzer reads them.
fn write_words() -> anyhow::Result<PathBuf> {
    let mut dictionary = String::new();
    for word in claims::WORDS {
        dictionary.push('"');
        for byte in word.bytes() {
            write!(dictionary, "\\x{byte:02x}").expect("a String takes everything");
        }
        dictionary.push_str("\"\n");
    }
    let path = root().join("target/fuzz/words.dict");
    std::fs::write(&path, dictionary).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// What was seen of every claim, whenever that was: the slowest take an hour, and need not all be tried at once.
fn section(runs: u64, rows: &BTreeMap<String, Row>) -> Section {
    let inputs: u64 = rows.values().map(|row| row.inputs).sum();
    let findings = rows.values().filter(|row| row.is_broken).count();
    let inputs_for = |claim: &claims::Claim| rows.get(claim.name).map_or(0, |row| row.inputs);
    let fewest = claims::ALL.iter().map(inputs_for).min().unwrap_or_default();
    let mut details = "| claim | inputs | a second | edges | features | kept | seed | broken by | seen |\n\
                       |---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for row in rows.values() {
        writeln!(details, "{}", row.text).expect("a String takes everything");
    }
    Section {
        title: "Fuzzing".to_owned(),
        command: format!("make fuzz RUNS={runs}"),
        about:
            "Each claim about a parser, a canonicaliser or a decision, on inputs that libFuzzer makes from \
                the seeds and steers by the code that they reach."
                .to_owned(),
        figures: vec![
            Figure::against("claims that were tried", rows.len(), claims::ALL.len()),
            Figure::seen("inputs in all", inputs),
            Figure::against(
                "inputs for the claim with the fewest",
                fewest,
                format!("at least {runs}"),
            ),
            Figure::against("claims that were broken", findings, 0),
        ],
        details,
        holds: findings == 0 && fewest >= runs,
    }
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("this file is in the workspace")
}
