//! `template.yaml`, read.
//!
//! The routes, schedules and queues are written there and nowhere else. The template is compiled in: it then
//! belongs to the functions that were compiled with it, whatever the working directory is, and a change to it
//! rebuilds whoever reads it.
//!
//! Events are read strictly. A property that is not understood here is refused, so that what runs on one
//! machine is what was written, and a misspelling does not wait for the deployment to be found.

mod document;
mod plain;
mod queue;
mod schedule;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

pub use plain::referred;
pub use queue::{DeadLetters, Queue};
pub use schedule::Expression;

/// What a stack consists of.
#[derive(Debug, Clone)]
pub struct Template {
    /// By logical id, as everything here is.
    pub functions: Vec<Function>,
    /// What the gateway leads where.
    pub routes: Vec<Route>,
    /// What happens by the clock.
    pub schedules: Vec<Schedule>,
    /// Which queue's messages go to which function.
    pub queue_triggers: Vec<QueueTrigger>,
    /// Every queue, those for dead letters included.
    pub queues: Vec<Queue>,
    /// All of it, tags in their long form.
    pub document: Value,
}

/// A Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name everywhere else: the crate, the binary, the folder.
    pub binary: String,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// Megabytes.
    pub memory: u32,
    /// The settings it is given, by name, and what their values refer to.
    pub environment: BTreeMap<String, Value>,
}

/// A path of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `ANY`, or one in capitals.
    pub method: String,
    /// With `{id}` and `{proxy+}`.
    pub path: String,
    /// The function's binary.
    pub function: String,
}

impl Route {
    /// As API Gateway names it.
    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// A clock that invokes.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Its name in the template: the function's and the event's.
    pub name: String,
    /// When.
    pub expression: Expression,
    /// The function's binary.
    pub function: String,
}

/// An event source mapping.
#[derive(Debug, Clone)]
pub struct QueueTrigger {
    /// The queue's logical id.
    pub queue: String,
    /// The function's binary.
    pub function: String,
    /// Most messages in one invocation.
    pub batch_size: u8,
    /// Most invocations at once.
    pub maximum_concurrency: u16,
    /// Whether the function's answer says which messages to keep.
    pub partial_batch: bool,
}

impl Template {
    /// The stack's own template.
    pub fn own() -> anyhow::Result<Self> {
        Self::parse(include_str!("../../../../template.yaml"))
    }

    /// Reads a template.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        document::read(plain::parse(text)?)
    }

    /// The function of a binary.
    pub fn function(&self, binary: &str) -> anyhow::Result<&Function> {
        let mut functions = self.functions.iter();
        functions
            .find(|function| function.binary == binary)
            .with_context(|| format!("the template has no {binary}"))
    }

    /// The queue of a logical id.
    pub fn queue(&self, logical_id: &str) -> anyhow::Result<&Queue> {
        let mut queues = self.queues.iter();
        queues
            .find(|queue| queue.logical_id == logical_id)
            .with_context(|| format!("the template has no {logical_id}"))
    }
}
