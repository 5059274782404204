//! What each part of the proof saw, and the one page that shows it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// What one command saw in one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Section {
    /// Its heading on the page.
    pub title: String,
    /// The command that was run, as somebody else would run it.
    pub command: String,
    /// What was done, in a sentence or two.
    pub about: String,
    /// What was seen.
    pub figures: Vec<Figure>,
    /// Further tables, in Markdown.
    pub details: String,
    /// Whether everything that the part claims was seen to hold.
    pub holds: bool,
}

/// One line of a section.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    /// What was counted or measured, with its unit.
    pub what: String,
    /// What was seen.
    pub seen: String,
    /// What it has to be, where there is such a bar.
    pub bar: Option<String>,
}

#[expect(clippy::needless_pass_by_value, reason = "figures are mostly numbers")]
impl Figure {
    /// A figure without a bar.
    pub fn seen(what: impl Into<String>, seen: impl ToString) -> Self {
        Self {
            what: what.into(),
            seen: seen.to_string(),
            bar: None,
        }
    }

    /// A figure with the bar that it has to reach.
    pub fn against(what: impl Into<String>, seen: impl ToString, bar: impl ToString) -> Self {
        Self {
            bar: Some(bar.to_string()),
            ..Self::seen(what, seen)
        }
    }
}

impl Section {
    /// Keeps it under a name, in place of what an earlier run of the same part left.
    pub fn save(&self, name: &str) -> anyhow::Result<()> {
        let folder = folder();
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{name}.json"));
        std::fs::write(&path, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Where the sections wait: beside what is built, because they belong to one machine and one build.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/proof")
}

/// The parts, in the order of the page. One that was not run has no section.
const PARTS: [&str; 6] = ["explore", "mutants", "kills", "crashes", "fuzz", "bench"];

const PREFACE: &str = "\
# What was tried, and what was seen

Written by `make prove`, which runs everything below; nobody edits this page. Each section names its command. A figure
stands beside the bar that it has to reach, where there is one. Rates are this machine's; ratios and counts are not.
";

/// Writes the page of all sections that there are; says where it is and which are missing.
pub fn write() -> anyhow::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../PROOF.md");
    let mut page = format!("{PREFACE}\n{}\n", machine());
    for part in PARTS {
        let file = folder().join(format!("{part}.json"));
        match std::fs::read(&file) {
            Ok(bytes) => page.push_str(&serde_json::from_slice::<Section>(&bytes)?.page()),
            Err(_) => println!("{part} has not been run"),
        }
    }
    std::fs::write(&path, page)?;
    println!("{}", path.canonicalize()?.display());
    Ok(())
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let postgres = local::postgres::find_binaries().ok().and_then(|folder| {
        let output = std::process::Command::new(folder.join("postgres"))
            .arg("--version")
            .output()
            .ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    });
    format!("{cores} cores, {}.", postgres.unwrap_or_default())
}

impl Section {
    fn page(&self) -> String {
        let verdict = if self.holds {
            "It holds."
        } else {
            "**It does not hold.**"
        };
        let mut page = format!(
            "\n## {}\n\n`{}`\n\n{} {verdict}\n",
            self.title, self.command, self.about
        );
        if !self.figures.is_empty() {
            page.push_str("\n| what | seen | bar |\n|---|---|---|\n");
        }
        for Figure { what, seen, bar } in &self.figures {
            let bar = bar.as_deref().unwrap_or_default();
            page.extend(["| ", what, " | ", seen, " | ", bar, " |\n"]);
        }
        if !self.details.is_empty() {
            page.extend(["\n", self.details.trim(), "\n"]);
        }
        page
    }
}
