//! `pgbench`: `PostgreSQL`'s own load generator, written in C, which does nothing but send statements.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use local::postgres::find_binaries;
use tokio::process::Command;

use super::contest::Load;

/// A script and how to send its statements.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// Statements and `\set`s; `:n` is the operation's number.
    pub(super) text: String,
    /// Variables that are the same for every operation.
    pub(super) constants: Vec<(&'static str, String)>,
    /// Whether each statement is prepared once, which no pooler in transaction mode allows us.
    pub(super) is_prepared: bool,
}

/// Where the program is: beside the server's, or on the path.
pub fn find() -> anyhow::Result<PathBuf> {
    let beside = find_binaries()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(beside)
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join("pgbench"))
        .find(|program| program.is_file())
        .context(
            "pgbench is missing, and the floors are measured with it. It comes with PostgreSQL \
             (Debian: apt-get install postgresql, macOS: brew install postgresql@18); \
             PG_BIN names the folder of its programs",
        )
}

/// Every operation's number, without a look at the database.
const NUMBERED: &str = "\\set i :i + 1\n\\set n :first + :client_id * :each + :i\n";

impl Script {
    /// Runs it on a database; how long the operations took, connecting aside.
    pub(super) async fn run(
        &self,
        program: &PathBuf,
        database: &str,
        load: &Load,
    ) -> anyhow::Result<Duration> {
        let file = std::env::temp_dir().join(format!("switchboard-bench-{}.sql", uuid::Uuid::new_v4()));
        tokio::fs::write(&file, format!("{NUMBERED}{}", self.text)).await?;
        let mut command = Command::new(program);
        command
            .args(["--no-vacuum", "-h", "127.0.0.1", "-U", super::ground::APPLICATION])
            .args(["-p", &load.port.to_string()])
            .args(["-c", &load.clients.to_string(), "-t", &load.each.to_string()])
            .args(["-j", &load.clients.min(2).to_string()])
            .args(["-M", if self.is_prepared { "prepared" } else { "extended" }])
            .args(["-D", "i=-1"])
            .args(["-D", &format!("first={}", load.first)])
            .args(["-D", &format!("each={}", load.each)]);
        for (name, value) in &self.constants {
            command.args(["-D", &format!("{name}={value}")]);
        }
        command.arg("-f").arg(&file).arg(database);
        let output = command
            .env("PGSSLMODE", "disable")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context("pgbench cannot be started")?;
        let _ = tokio::fs::remove_file(&file).await;
        let said = String::from_utf8_lossy(&output.stdout);
        let wanted = load.operations();
        let done = format!("actually processed: {wanted}/{wanted}");
        if !output.status.success() || !said.contains(&done) {
            bail!(
                "pgbench failed: {}\n{said}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = "));
        let rate: f64 = rate
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .context("pgbench tells no rate")?;
        #[expect(clippy::cast_precision_loss, reason = "some thousand operations")]
        Ok(Duration::from_secs_f64(wanted as f64 / rate))
    }
}
