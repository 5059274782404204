//! What invokes functions by itself: the clock and the queues.

mod queues;
mod schedules;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::invoke::Functions;
use crate::sandbox::SandboxClock;
use crate::template::{Expression, Template};

pub use schedules::Tick;

/// Everything that invokes functions by itself, running.
pub struct Triggers {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    ticks: Vec<Ticking>,
}

/// A schedule, as it can be watched.
#[derive(Clone, Debug)]
pub struct Ticking {
    /// When it is due.
    pub expression: Expression,
    /// How it stands.
    pub tick: watch::Receiver<Tick>,
}

impl Triggers {
    /// Starts the template's schedules and event source mappings. Refuses to, if a function is not there. Queues are
    /// given by their logical id; schedules are kept by `clock`, and `tick_every` takes the place of every `rate(…)`, for
    /// whoever will not wait a minute.
    pub fn start(
        template: &Template,
        functions: &Functions,
        sqs: &aws_sdk_sqs::Client,
        queue_urls: &HashMap<String, String>,
        clock: &SandboxClock,
        tick_every: Option<Duration>,
    ) -> anyhow::Result<Self> {
        let function = |name: &str| {
            let function = functions.get(name).cloned();
            function.with_context(|| format!("template.yaml invokes {name}, which is not served"))
        };
        let mut triggers = Self {
            stop: watch::Sender::new(false),
            tasks: JoinSet::new(),
            ticks: Vec::new(),
        };
        for schedule in &template.schedules {
            let function = function(&schedule.function)?;
            let mut schedule = schedule.clone();
            if let Some(period) = tick_every {
                schedule.expression = schedule.expression.hurried(period);
            }
            let expression = schedule.expression.clone();
            let kept = schedules::Kept::new(schedule, function, clock.clone());
            let tick = kept.tick();
            triggers.ticks.push(Ticking { expression, tick });
            triggers.tasks.spawn(kept.keep(triggers.stop.subscribe()));
        }
        for trigger in &template.queue_triggers {
            let url = queue_urls.get(&trigger.queue);
            let queue = queues::Source {
                client: sqs.clone(),
                url: url
                    .with_context(|| format!("the queue {} is not there", trigger.queue))?
                    .clone(),
                trigger: trigger.clone(),
                function: function(&trigger.function)?,
            };
            let queue = Arc::new(queue);
            for _ in 0..trigger.maximum_concurrency {
                triggers
                    .tasks
                    .spawn(queues::poll(Arc::clone(&queue), triggers.stop.subscribe()));
            }
        }
        Ok(triggers)
    }

    /// The schedules, for whoever wants to know how they stand.
    pub fn ticks(&self) -> Vec<Ticking> {
        self.ticks.clone()
    }

    /// Takes up nothing more, and waits for what has begun.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Waits until all is to stop, which it also is if nobody is left to say so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
