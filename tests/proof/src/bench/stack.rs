//! The local stack in this process, with callers whose texts stay where they are.

use std::path::PathBuf;

use anyhow::Context;
use local::sandbox::{Fate, SandboxTwilio};
use local::sqs::Sqs;
use local::stack::{Options, Stack, forget};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::ground::{Ground, application_url};

/// A stack that serves until it is stopped.
pub(super) struct Running {
    pub(super) twilio: SandboxTwilio,
    pub(super) sqs: Sqs,
    pub(super) line: String,
    end: oneshot::Sender<()>,
    serving: JoinHandle<anyhow::Result<()>>,
    data: PathBuf,
}

impl Running {
    /// On a new database, whose functions reach the server by this port.
    pub(super) async fn start(ground: &Ground, database: &str, port: u16) -> anyhow::Result<Self> {
        ground.database(database, "").await?;
        let data = std::env::temp_dir().join(format!("switchboard-bench-{}", uuid::Uuid::new_v4()));
        let stack = Stack::start(&Options {
            port: 0,
            data: data.clone(),
            database_url: Some(application_url(port, database)),
            direct_url: Some(ground.owner_url(database)),
        })
        .await?;
        let twilio = stack
            .twilio
            .clone()
            .context("TWILIO_API_BASE_URL is set, and nothing here may reach a real Twilio")?;
        // Reports on texts would come in between the requests that are measured.
        twilio.set_fate(Fate::stuck().without_callbacks());
        let (sqs, line, gateway) = (stack.sqs.clone(), stack.line.clone(), stack.gateway());
        let (end, ended) = oneshot::channel();
        let serving = tokio::spawn(async move {
            stack
                .serve(gateway, async {
                    let _ = ended.await;
                })
                .await
        });
        Ok(Self {
            twilio,
            sqs,
            line,
            end,
            serving,
            data,
        })
    }

    /// Stops it and waits until it has stopped.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        let _ = self.end.send(());
        self.serving.await??;
        forget(&self.data)?;
        Ok(())
    }
}
