//! AWS as somebody else wrote it: moto, from `PyPI`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A moto server of a test's own, on a port that nobody else has.
pub struct Moto {
    endpoint: String,
    process: Child,
}

impl Moto {
    /// Starts one and waits until it listens.
    pub async fn start() -> anyhow::Result<Self> {
        let program = Self::program();
        let mut process = Command::new(&program)
            .args(["--host", "127.0.0.1", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}: run `make tools` first", program.display()))?;

        let log = process.stderr.take().expect("it was asked for");
        let mut lines = BufReader::new(log).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, endpoint)) = line.split_once("Running on ") {
                    return Ok(endpoint.trim().to_owned());
                }
            }
            anyhow::bail!("moto ended before it listened")
        };
        let endpoint = timeout(Duration::from_mins(1), listening)
            .await
            .context("moto does not start")??;
        // It writes a line a request, and would stop at a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { endpoint, process })
    }

    /// Where `make tools` puts it, unless `MOTO_SERVER` says otherwise.
    fn program() -> PathBuf {
        let installed = || {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../.venv/bin/moto_server")
                .into()
        };
        std::env::var_os("MOTO_SERVER")
            .unwrap_or_else(|| -> OsString { installed() })
            .into()
    }

    /// Where it is.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Stops it and waits until it has stopped.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        Ok(self.process.kill().await?)
    }
}
