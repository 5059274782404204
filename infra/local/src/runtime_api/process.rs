//! One process of a function, from its start to its end.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::protocol::{Exchange, Start};
use super::{Launch, Output};
use crate::invoke::{InvokeError, REGION};

/// What Lambda gives a function to ask for its first event.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A running process with a Runtime API of its own, so that a process that was killed can take no event
/// that was meant for the next one.
pub(super) struct Process {
    pub(super) exchange: Arc<Exchange>,
    pub(super) pid: u32,
    pub(super) init_time: Duration,
    kill: Arc<Notify>,
    ended: watch::Receiver<Option<ExitStatus>>,
    _tasks: Tasks,
}

impl Process {
    /// Starts a process and waits until it asks for its first event.
    pub(super) async fn start(launch: &Launch, output: &Output) -> Result<Self, InvokeError> {
        let not_started = |error: std::io::Error| InvokeError::NotStarted(error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(not_started)?;
        let address = listener.local_addr().map_err(not_started)?;
        let exchange = Exchange::new();
        let router = exchange.router();
        let serving = tokio::spawn(async move {
            // Returns only when aborted.
            let _ = axum::serve(listener, router).await;
        });
        let mut tasks = Tasks(vec![serving]);

        let began = Instant::now();
        let mut child = command(launch, &address.to_string())
            .spawn()
            .map_err(not_started)?;
        let pid = child.id().expect("it has not been waited for");
        tasks
            .0
            .extend(child.stdout.take().map(|stdout| capture(stdout, output)));
        tasks
            .0
            .extend(child.stderr.take().map(|stderr| capture(stderr, output)));
        let kill = Arc::new(Notify::new());
        let (ending, ended) = watch::channel(None);
        tasks
            .0
            .push(tokio::spawn(watch_over(child, Arc::clone(&kill), ending)));

        let mut process = Self {
            exchange,
            pid,
            init_time: Duration::ZERO,
            kill,
            ended,
            _tasks: tasks,
        };
        process.init_time = process.ready().await? - began;
        Ok(process)
    }

    /// The moment of its first question.
    async fn ready(&self) -> Result<Instant, InvokeError> {
        let mut start = self.exchange.start();
        let begun = async {
            match start
                .wait_for(|start| !matches!(start, Start::Pending))
                .await
                .as_deref()
            {
                Ok(Start::Ready(at)) => Ok(*at),
                Ok(Start::Failed(why)) => Err(InvokeError::NotStarted(why.clone())),
                Ok(Start::Pending) | Err(_) => unreachable!("waited for, and the sender is ours"),
            }
        };
        let outcome = tokio::select! {
            biased;
            ready = begun => ready,
            status = self.ended() => Err(InvokeError::NotStarted(status)),
            () = tokio::time::sleep(START_LIMIT) => {
                Err(InvokeError::NotStarted(format!("no question for an event within {START_LIMIT:?}")))
            }
        };
        if outcome.is_err() {
            self.kill().await;
        }
        outcome
    }

    /// Whether it can still take an event.
    pub(super) fn lives(&self) -> bool {
        // The watcher says how it ended, or is gone itself.
        self.ended.borrow().is_none() && self.ended.has_changed().is_ok()
    }

    /// Waits for its end, and says how it came.
    pub(super) async fn ended(&self) -> String {
        match self.ended.clone().wait_for(Option::is_some).await.as_deref() {
            Ok(Some(status)) => status.to_string(),
            _ => "it was let go".to_owned(),
        }
    }

    /// Sends a signal that has no handle, by its name; whether it was delivered.
    pub(super) async fn signal(&self, signal: &str) -> bool {
        // The shell's own `kill`: there is one on every system.
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", r#"kill -s "$1" "$2""#, "signal", signal])
            .arg(self.pid.to_string())
            .stderr(Stdio::null());
        // The watcher has not waited for it, so that the pid is still this process'.
        self.lives() && command.status().await.is_ok_and(|status| status.success())
    }

    /// SIGKILL, through the handle that started it; returns when it is gone.
    pub(super) async fn kill(&self) {
        self.kill.notify_one();
        self.ended().await;
    }
}

/// Tasks that end with their owner. The one that watches over the child drops it, and so kills it.
struct Tasks(Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

async fn watch_over(mut child: Child, kill: Arc<Notify>, ending: watch::Sender<Option<ExitStatus>>) {
    let status = tokio::select! {
        status = child.wait() => status,
        () = kill.notified() => match child.start_kill() {
            Ok(()) => child.wait().await,
            Err(error) => Err(error),
        },
    };
    match status {
        Ok(status) => {
            ending.send_replace(Some(status));
        }
        Err(error) => tracing::error!(%error, "lost sight of a function's process"),
    }
}

fn command(launch: &Launch, runtime_api: &str) -> Command {
    let name = &launch.name;
    let mut command = Command::new(&launch.program);
    command
        .args(&launch.arguments)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TZ", ":UTC")
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .envs(&launch.environment)
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .env("AWS_LAMBDA_FUNCTION_NAME", name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", launch.memory.to_string())
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}"))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
        .env("_HANDLER", "bootstrap")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn capture(stream: impl AsyncRead + Unpin + Send + 'static, output: &Output) -> JoinHandle<()> {
    let output = Arc::clone(output);
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let line = String::from_utf8_lossy(&line).into_owned();
            output
                .lock()
                .expect("nothing panics while it holds this")
                .push(line);
        }
    })
}
