//! Invocations: how they begin, go on, die and end.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use local::invoke::{InProcess, InvokeError};
use serde_json::Value;
use shared::platform::gate::{Gate, Operation};

use super::Run;
use crate::explorer::director::ActorId;
use crate::explorer::play::Play;
use crate::explorer::stage::{Receipt, write};

/// One invocation of a function, or somebody else who does something.
pub(super) struct Actor {
    pub(super) id: ActorId,
    pub(super) name: String,
    future: BoxFuture<'static, Result<Value, InvokeError>>,
    /// What it runs in, and whose it is.
    sandbox: Option<(String, InProcess)>,
    receipts: Vec<Receipt>,
    /// What it did last.
    pub(super) last: Option<Operation>,
    pub(super) has_met_a_fault: bool,
}

enum Step {
    Ended(Result<Value, InvokeError>),
    Died,
    /// It waits for its turn, or sleeps.
    Waits,
}

impl<P: Play> Run<'_, P> {
    /// An invocation begins, and comes to its first operation.
    pub(super) async fn begin(
        &mut self,
        binary: &str,
        name: &str,
        event: Value,
        receipts: Vec<Receipt>,
    ) -> anyhow::Result<()> {
        let sandbox = self.ground.stage.take(binary)?;
        let future = AssertUnwindSafe(sandbox.begin(event))
            .catch_unwind()
            .map(|end| end.unwrap_or_else(|_| Err(InvokeError::Panicked("in a run".to_owned()))))
            .boxed();
        self.start(
            name.to_owned(),
            future,
            Some((binary.to_owned(), sandbox)),
            receipts,
        )
        .await
    }

    async fn start(
        &mut self,
        name: String,
        future: BoxFuture<'static, Result<Value, InvokeError>>,
        sandbox: Option<(String, InProcess)>,
        receipts: Vec<Receipt>,
    ) -> anyhow::Result<()> {
        self.actors_so_far += 1;
        self.actors.push(Actor {
            id: self.actors_so_far,
            name: format!("{name} #{}", self.actors_so_far),
            future,
            sandbox,
            receipts,
            last: None,
            has_met_a_fault: false,
        });
        self.go_on(self.actors_so_far).await
    }

    /// Somebody writes something into the database, if it comes to that.
    pub(super) async fn write(&mut self, what: &'static str, sql: String) -> anyhow::Result<()> {
        let database = Arc::clone(&self.ground.stage.database);
        let gate = Gate::kept_by(Arc::clone(&self.ground.stage.director) as _);
        let work = async move {
            let writing = async {
                write(&database, &sql).await;
                Ok::<_, anyhow::Error>(Value::Null)
            };
            let written = gate.pass(Operation::Statement(what), writing).await;
            Ok(written.unwrap_or_default())
        };
        self.start("somebody".to_owned(), work.boxed(), None, Vec::new())
            .await
    }

    /// Lets an actor go on until it waits for its turn, sleeps, dies or ends.
    pub(super) async fn go_on(&mut self, id: ActorId) -> anyhow::Result<()> {
        let Some(at) = self.actors.iter().position(|actor| actor.id == id) else {
            return Ok(());
        };
        let director = Arc::clone(&self.ground.stage.director);
        let future = &mut self.actors[at].future;
        let step = poll_fn(|context| {
            director.acts(Some(id));
            let polled = future.as_mut().poll(context);
            director.acts(None);
            match polled {
                Poll::Ready(end) => Poll::Ready(Step::Ended(end)),
                Poll::Pending if director.has_died(id) => Poll::Ready(Step::Died),
                Poll::Pending if !director.is_busy() => Poll::Ready(Step::Waits),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        match step {
            Step::Waits => Ok(()),
            Step::Died => {
                let name = self.name_of(id);
                self.ground.note(&name, "is dead");
                self.play.ended(&mut self.ground, &name, None);
                // What it held and knew goes with it; the next event finds a new one.
                director.acts(Some(id));
                drop(self.actors.remove(at));
                director.acts(None);
                Ok(())
            }
            Step::Ended(end) => {
                let actor = self.actors.remove(at);
                self.conclude(actor, end).await
            }
        }
    }

    async fn conclude(&mut self, mut actor: Actor, end: Result<Value, InvokeError>) -> anyhow::Result<()> {
        let answer = match &end {
            Ok(answer) => answer["statusCode"]
                .as_u64()
                .map_or("done".to_owned(), |status| status.to_string()),
            Err(InvokeError::Failed { .. }) => "failed".to_owned(),
            Err(other) => other.to_string(),
        };
        self.ground.note(&actor.name, &format!("ends: {answer}"));
        let is_failure = end.is_err() || answer.starts_with('5');
        if is_failure && !actor.has_met_a_fault {
            self.ground
                .complain(format!("{} failed without a cause: {end:?}", actor.name));
        }
        if matches!(end, Err(InvokeError::Panicked(_))) {
            self.ground.complain(format!("{} panicked", actor.name));
        }
        self.play.ended(&mut self.ground, &actor.name, Some(&end));
        if let Ok(answer) = &end {
            let failed: Vec<&str> = answer["batchItemFailures"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|failure| failure["itemIdentifier"].as_str())
                .collect();
            for receipt in std::mem::take(&mut actor.receipts) {
                if !failed.contains(&receipt.id.as_str()) {
                    self.ground.stage.delete(&receipt).await;
                }
            }
        }
        if let Some((binary, sandbox)) = actor.sandbox {
            self.ground.stage.give_back(&binary, sandbox);
        }
        Ok(())
    }

    pub(super) fn name_of(&self, id: ActorId) -> String {
        let actor = self.actors.iter().find(|actor| actor.id == id);
        actor.map_or_else(|| "nobody".to_owned(), |actor| actor.name.clone())
    }
}
