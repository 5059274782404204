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

/// A section, with what it was seen on.
#[derive(Serialize, Deserialize)]
struct Record {
    /// The day, the commit, the machine.
    occasion: String,
    section: Section,
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
    /// Keeps it under a name, in place of what an earlier run of the same part left, until a page is written.
    pub fn save(&self, name: &str) -> anyhow::Result<()> {
        let record = Record {
            occasion: occasion(),
            section: self.clone(),
        };
        std::fs::create_dir_all(new())?;
        let path = new().join(format!("{name}.json"));
        std::fs::write(&path, serde_json::to_vec_pretty(&record)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Where sections wait for a page to be written: many a run is only a try.
fn new() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/proof")
}

/// What the page was last written from. The parts take hours, and need not all be run at once.
fn published() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seen")
}

/// The parts, in the order of the page. One that was not run has no section.
const PARTS: [&str; 8] = [
    "explore-texts",
    "explore-calls",
    "mutants-texts",
    "mutants-calls",
    "kills",
    "crashes",
    "fuzz",
    "bench",
];

const PREFACE: &str = "\
# What was tried, and what was seen

Written by `make prove`, or a part at a time by its command and `make proof-report`; nobody edits this page. Each section
names its command, and the day, the commit and the machine on which it was last run. A figure stands beside the bar that
it has to reach, where there is one. Rates are that machine's; ratios and counts are not.
";

/// Publishes what was run since the last page, and writes the page of all that was published; says where it is and
/// what is missing.
pub fn write() -> anyhow::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../PROOF.md");
    let mut page = PREFACE.to_owned();
    std::fs::create_dir_all(published())?;
    for part in PARTS {
        let name = format!("{part}.json");
        let (fresh, kept) = (new().join(&name), published().join(&name));
        if fresh.exists() {
            std::fs::copy(&fresh, &kept)?;
            std::fs::remove_file(&fresh)?;
        }
        match std::fs::read(&kept) {
            Ok(bytes) => page.push_str(&serde_json::from_slice::<Record>(&bytes)?.page()),
            Err(_) => println!("{part} has not been run"),
        }
    }
    std::fs::write(&path, page)?;
    println!("{}", path.canonicalize()?.display());
    Ok(())
}

/// What the product is at this moment, and where it runs.
pub(crate) fn occasion() -> String {
    let git = |arguments: &[&str]| {
        output(std::process::Command::new("git").args(arguments)).unwrap_or_else(|| "?".to_owned())
    };
    let changed = if git(&["status", "--porcelain", "--untracked-files=no"]).is_empty() {
        ""
    } else {
        " with changes"
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let postgres = local::postgres::find_binaries()
        .ok()
        .and_then(|folder| output(std::process::Command::new(folder.join("postgres")).arg("--version")));
    let now = jiff::Timestamp::try_from(shared::platform::wall_clock()).unwrap_or_default();
    format!(
        "{}, at {}{changed}, on {cores} cores, {}",
        now.strftime("%F"),
        git(&["rev-parse", "--short", "HEAD"]),
        postgres.unwrap_or_default()
    )
}

fn output(command: &mut std::process::Command) -> Option<String> {
    let output = command.output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Record {
    fn page(&self) -> String {
        let Self { occasion, section } = self;
        let verdict = if section.holds {
            "It holds."
        } else {
            "**It does not hold.**"
        };
        let mut page = format!(
            "\n## {}\n\n`{}` ({occasion})\n\n{} {verdict}\n",
            section.title, section.command, section.about
        );
        if !section.figures.is_empty() {
            page.push_str("\n| what | seen | bar |\n|---|---|---|\n");
        }
        for Figure { what, seen, bar } in &section.figures {
            let bar = bar.as_deref().unwrap_or_default();
            page.extend(["| ", what, " | ", seen, " | ", bar, " |\n"]);
        }
        if !section.details.is_empty() {
            page.extend(["\n", section.details.trim(), "\n"]);
        }
        page
    }
}
