//! One fuzz target's run, and what libFuzzer says of it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::root;
use crate::report;

/// What was seen of one claim.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) name: &'static str,
    /// Tried.
    pub(super) inputs: u64,
    per_second: u64,
    /// Edges of the control flow that some input took, and what libFuzzer counts besides: how often, with
    /// which comparisons.
    edges: u64,
    features: u64,
    /// Inputs that each reach something that no other does.
    kept: u64,
    /// Repeats the run.
    seed: u64,
    /// The input that broke the claim, and how.
    pub(super) finding: Option<String>,
}

impl Seen {
    /// Keeps it for the report, in place of what was seen of the claim before.
    pub(super) fn keep(&self) -> anyhow::Result<()> {
        let row = Row {
            inputs: self.inputs,
            is_broken: self.finding.is_some(),
            text: self.row(),
        };
        let path = Row::folder().join(format!("{}.json", self.name));
        std::fs::create_dir_all(Row::folder())?;
        std::fs::write(&path, serde_json::to_vec_pretty(&row)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn row(&self) -> String {
        let finding = self
            .finding
            .as_deref()
            .unwrap_or("nothing")
            .replace(['|', '\n'], " ");
        format!(
            "| `{}` | {} | {} | {} | {} | {} | {} | {finding} | {} |",
            self.name,
            self.inputs,
            self.per_second,
            self.edges,
            self.features,
            self.kept,
            self.seed,
            report::occasion()
        )
    }

    /// Takes in what one line says.
    fn read(&mut self, line: &str) {
        let after = |word: &str| line.split_once(word).and_then(|(_, rest)| number(rest));
        if line.starts_with('#') && line.contains(" cov: ") {
            self.edges = after(" cov: ").unwrap_or(self.edges);
            self.features = after(" ft: ").unwrap_or(self.features);
            self.kept = after(" corp: ").unwrap_or(self.kept);
        } else if let Some(seed) = after("INFO: Seed: ") {
            self.seed = seed;
        } else if let Some(inputs) = after("stat::number_of_executed_units:") {
            self.inputs = inputs;
        }
    }
}

/// What was seen of a claim, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) inputs: u64,
    pub(super) is_broken: bool,
    /// As a row of the report's table.
    pub(super) text: String,
}

impl Row {
    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("seen/claims")
    }

    /// What was last seen of each claim that there still is.
    pub(super) fn all() -> anyhow::Result<BTreeMap<String, Self>> {
        let mut rows = BTreeMap::new();
        for claim in claims::ALL {
            match std::fs::read(Self::folder().join(format!("{}.json", claim.name))) {
                Ok(bytes) => _ = rows.insert(claim.name.to_owned(), serde_json::from_slice(&bytes)?),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(rows)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            inputs,
            per_second,
            edges,
            features,
            ..
        } = self;
        write!(
            f,
            "{name:<14} {inputs:>9} inputs {per_second:>7}/s {edges:>6} edges {features:>6} features  "
        )?;
        f.write_str(self.finding.as_deref().unwrap_or("holds"))
    }
}

/// Runs one target to its end, or to the first input that breaks the claim.
pub(super) async fn fuzz(name: &'static str, runs: u64, words: &Path) -> anyhow::Result<Seen> {
    let root = root();
    let (corpus, seeds, regressions) = (
        root.join("target/fuzz/corpus").join(name),
        root.join("tests/fuzz/seeds").join(name),
        root.join("tests/fuzz/regressions").join(name),
    );
    for folder in [&corpus, &seeds, &regressions] {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    // The binary itself: cargo would look before each run whether the sources are still what was built.
    let mut running = Command::new(binary(name)?)
        .args([&corpus, &seeds, &regressions])
        .arg(format!("-runs={runs}"))
        .arg(format!("-dict={}", words.display()))
        .arg(format!("-artifact_prefix={}/", regressions.display()))
        .args([
            "-max_len=4096",
            "-timeout=100",
            "-print_final_stats=1",
            "-verbosity=1",
        ])
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{name} does not start"))?;
    let mut seen = Seen {
        name,
        ..Seen::default()
    };
    let mut told = Vec::new();
    let mut began = Instant::now();
    let mut lines = BufReader::new(running.stderr.take().expect("asked for")).split(b'\n');
    while let Some(line) = lines.next_segment().await? {
        let line = String::from_utf8_lossy(&line).into_owned();
        if line.starts_with("INFO: Seed: ") {
            began = Instant::now();
        }
        seen.read(&line);
        if !line.starts_with(['#', '\t']) {
            told.push(line);
        }
    }
    if !running.wait().await?.success() {
        seen.finding = Some(finding(&told));
    }
    let elapsed_ms = began.elapsed().as_millis().max(1);
    seen.per_second = u64::try_from(u128::from(seen.inputs) * 1_000 / elapsed_ms).unwrap_or(u64::MAX);
    // It leaves no trace of a folder that holds nothing.
    for folder in [&seeds, &regressions] {
        let _ = std::fs::remove_dir(folder);
    }
    Ok(seen)
}

/// Where `cargo fuzz build` put a target, by the machine that it is for.
fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let folders = std::fs::read_dir(root().join("target/fuzz")).context("nothing was built")?;
    let built = folders.filter_map(|folder| Some(folder.ok()?.path().join("release").join(name)));
    let mut there = built.filter(|path| path.is_file());
    there.next().with_context(|| format!("{name} was not built"))
}

/// The panic's words and where the input was written to.
fn finding(told: &[String]) -> String {
    let panic = told.iter().position(|line| line.contains("panicked at"));
    let words = panic.map_or(&[][..], |at| &told[at..told.len().min(at + 3)]);
    let written = told.iter().filter(|line| line.contains("Test unit written to"));
    let here = format!("{}/", root().display());
    let lines: Vec<String> = words
        .iter()
        .chain(written)
        .map(|line| line.trim().replace(&here, ""))
        .collect();
    if lines.is_empty() {
        let tail = told.len().saturating_sub(5);
        return told[tail..].join(" ");
    }
    lines.join(" ")
}

/// The number that a text begins with, after spaces.
fn number(text: &str) -> Option<u64> {
    let text = text.trim_start();
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}
