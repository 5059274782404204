//! A function's real binary behind a stand-in for the Lambda Runtime API.
//!
//! The binary is started as Lambda starts it, told where the Runtime API is, and fed one event at a time. It
//! can be killed between any two instructions, which nothing that runs in our own process can be.

mod process;
mod protocol;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use uuid::Uuid;

use self::process::Process;
use self::protocol::Invocation;
use crate::invoke::{Invoke, InvokeError, deadline_ms, function_arn};
use crate::template::Function;

type Output = Arc<Mutex<Vec<String>>>;

/// One sandbox of a function: a process that takes one event at a time, and is started again when an event
/// comes after its end. For several at once, have several.
#[derive(Clone)]
pub struct RealBinary(Arc<Sandbox>);

struct Sandbox {
    launch: Launch,
    timeout: Duration,
    output: Output,
    /// Held for an invocation: events wait for their turn.
    turn: tokio::sync::Mutex<()>,
    process: Mutex<Option<Arc<Process>>>,
}

/// What to start, and how.
struct Launch {
    name: String,
    memory: u32,
    program: PathBuf,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
}

impl RealBinary {
    /// A function's binary, with the whole of its environment but for what Lambda itself sets. It is started
    /// by the first event, or by [`Self::start`].
    pub fn new(
        function: &Function,
        program: impl Into<PathBuf>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self::launching(
            function.timeout,
            Launch {
                name: function.binary.clone(),
                memory: function.memory,
                program: program.into(),
                arguments: Vec::new(),
                environment: environment.into_iter().collect(),
            },
        )
    }

    fn launching(timeout: Duration, launch: Launch) -> Self {
        Self(Arc::new(Sandbox {
            launch,
            timeout,
            output: Output::default(),
            turn: tokio::sync::Mutex::default(),
            process: Mutex::default(),
        }))
    }

    /// Starts the process, unless it runs; how long it took to ask for its first event.
    pub async fn start(&self) -> Result<Duration, InvokeError> {
        let _turn = self.0.turn.lock().await;
        Ok(self.0.started().await?.init_time)
    }

    /// The process that runs, if one does.
    pub fn pid(&self) -> Option<u32> {
        self.0.current().map(|process| process.pid)
    }

    /// How long the process that runs took from its start to its first question for an event.
    pub fn init_time(&self) -> Option<Duration> {
        self.0.current().map(|process| process.init_time)
    }

    /// SIGKILL, whatever it is doing; returns when the process is gone, or at once if there is none. The next
    /// event starts another.
    pub async fn kill(&self) {
        if let Some(process) = self.0.current() {
            process.kill().await;
        }
    }

    /// SIGSTOP, as Lambda freezes a sandbox; whether there was a process to freeze. Its clocks run on, and it
    /// can still be killed.
    pub async fn freeze(&self) -> bool {
        self.signal("STOP").await
    }

    /// SIGCONT: it goes on where it was; whether there was a process to thaw.
    pub async fn thaw(&self) -> bool {
        self.signal("CONT").await
    }

    async fn signal(&self, signal: &str) -> bool {
        match self.0.current() {
            Some(process) => process.signal(signal).await,
            None => false,
        }
    }

    /// What the processes have printed since this was last asked, line by line.
    pub fn take_output(&self) -> Vec<String> {
        std::mem::take(&mut self.0.output.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sandbox {
    fn current(&self) -> Option<Arc<Process>> {
        let process = self
            .process
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        process.filter(|process| process.lives())
    }

    async fn started(&self) -> Result<Arc<Process>, InvokeError> {
        if let Some(process) = self.current() {
            return Ok(process);
        }
        let process = Arc::new(Process::start(&self.launch, &self.output).await?);
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&process));
        Ok(process)
    }

    async fn take_turn(&self, event: Value) -> Result<Value, InvokeError> {
        let _turn = self.turn.lock().await;
        let process = self.started().await?;
        let answer = process.exchange.hand_over(Invocation {
            request_id: Uuid::new_v4().to_string(),
            deadline_ms: deadline_ms(self.timeout),
            function_arn: function_arn(&self.launch.name),
            event,
        });
        tokio::select! {
            // An answer that came before the end is an answer.
            biased;
            Ok(outcome) = answer => outcome,
            status = process.ended() => Err(InvokeError::Died(status)),
            () = tokio::time::sleep(self.timeout) => {
                process.kill().await;
                Err(InvokeError::TimedOut(self.timeout))
            }
        }
    }
}

impl Invoke for RealBinary {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, InvokeError>> {
        let sandbox = Arc::clone(&self.0);
        let task = tokio::spawn(async move { sandbox.take_turn(event).await });
        Box::pin(async move {
            task.await
                .unwrap_or_else(|error| Err(InvokeError::NotStarted(error.to_string())))
        })
    }
}
