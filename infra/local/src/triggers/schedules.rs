//! The clock, as AWS's scheduler keeps it.

use std::sync::Arc;

use jiff::{Timestamp, Unit};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::stopped;
use crate::invoke::{ACCOUNT, Invoke, REGION};
use crate::sandbox::SandboxClock;
use crate::template::Schedule;

/// How a schedule stands.
#[derive(Debug, Clone, Copy)]
pub struct Tick {
    /// When it is due next.
    pub next_due: Timestamp,
    /// Runs that it has begun and that are not over.
    pub running: usize,
}

/// A schedule that is kept.
pub(super) struct Kept {
    schedule: Schedule,
    function: Arc<dyn Invoke>,
    clock: SandboxClock,
    tick: Arc<watch::Sender<Tick>>,
}

impl Kept {
    /// It counts from now on.
    pub(super) fn new(schedule: Schedule, function: Arc<dyn Invoke>, clock: SandboxClock) -> Self {
        let next_due = schedule.expression.next_after(clock.now());
        Self {
            schedule,
            function,
            clock,
            tick: Arc::new(watch::Sender::new(Tick { next_due, running: 0 })),
        }
    }

    /// How it stands, for whoever wants to know.
    pub(super) fn tick(&self) -> watch::Receiver<Tick> {
        self.tick.subscribe()
    }

    /// Invokes the function whenever the schedule is due, whether or not its last run is over, as the real one
    /// does. What fails is not tried again: the next tick does the same work.
    pub(super) async fn keep(self, mut stop: watch::Receiver<bool>) {
        let mut runs = JoinSet::new();
        loop {
            let due = self.tick.borrow().next_due;
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                () = self.clock.reaches(due) => {}
            }
            // From where it was due, so that it does not drift; but what was slept through, or leapt over, is not
            // made up for.
            let now = self.clock.now();
            let mut next_due = self.schedule.expression.next_after(due);
            if next_due <= now {
                next_due = self.schedule.expression.next_after(now);
            }
            self.tick.send_modify(|tick| {
                tick.next_due = next_due;
                tick.running += 1;
            });
            let (function, tick) = (Arc::clone(&self.function), Arc::clone(&self.tick));
            let (event, name) = (event(&self.schedule.name, due), self.schedule.name.clone());
            runs.spawn(async move {
                if let Err(error) = function.invoke(event).await {
                    tracing::error!(schedule = name, %error, "a scheduled run failed");
                }
                tick.send_modify(|tick| tick.running -= 1);
            });
            while runs.try_join_next().is_some() {}
        }
        while runs.join_next().await.is_some() {}
    }
}

/// What a target without an input of its own is sent.
fn event(name: &str, due: Timestamp) -> Value {
    let time = due.round(Unit::Second).unwrap_or(due);
    json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": time.to_string(),
        "region": REGION,
        "resources": [format!("arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{name}")],
        "detail": "{}",
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::BoxFuture;
    use tokio::sync::mpsc;

    use super::*;
    use crate::invoke::InvokeError;
    use crate::template::Expression;

    struct Recorder(mpsc::UnboundedSender<Value>);

    impl Invoke for Recorder {
        fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, InvokeError>> {
            self.0.send(event).unwrap();
            Box::pin(async { Err(InvokeError::Panicked("as it may".to_owned())) })
        }
    }

    #[tokio::test]
    async fn a_schedule_ticks_until_it_is_stopped() {
        let (sender, mut events) = mpsc::unbounded_channel();
        let expression = Expression::Every(Duration::from_millis(5));
        let schedule = Schedule {
            name: "FnTick".to_owned(),
            expression,
            function: "fn".to_owned(),
        };
        let stop = watch::Sender::new(false);
        let kept = Kept::new(schedule, Arc::new(Recorder(sender)), SandboxClock::real());
        let keeping = tokio::spawn(kept.keep(stop.subscribe()));
        let first = events.recv().await.unwrap();
        let second = events.recv().await.unwrap();
        stop.send_replace(true);
        keeping.await.unwrap();
        assert_eq!(first["source"], "aws.scheduler");
        assert_eq!(
            first["resources"][0],
            "arn:aws:scheduler:us-east-1:000000000000:schedule/default/FnTick"
        );
        assert_ne!(first["id"], second["id"]);
        first["time"].as_str().unwrap().parse::<Timestamp>().unwrap();
    }

    #[tokio::test]
    async fn what_a_moved_clock_leaps_over_is_one_tick() {
        let (sender, mut events) = mpsc::unbounded_channel();
        let clock = SandboxClock::standing_at("2026-03-01T04:00:00Z".parse().unwrap());
        let schedule = Schedule {
            name: "FnTick".to_owned(),
            expression: Expression::Every(Duration::from_mins(1)),
            function: "fn".to_owned(),
        };
        let kept = Kept::new(schedule, Arc::new(Recorder(sender)), clock.clone());
        let mut tick = kept.tick();
        let stop = watch::Sender::new(false);
        let keeping = tokio::spawn(kept.keep(stop.subscribe()));
        clock.advance(Duration::from_hours(1));
        events.recv().await.unwrap();
        let at_rest = tick.wait_for(|tick| tick.running == 0).await.unwrap();
        assert_eq!(at_rest.next_due.to_string(), "2026-03-01T05:01:00Z");
        drop(at_rest);
        stop.send_replace(true);
        keeping.await.unwrap();
        assert!(events.try_recv().is_err(), "one tick, not sixty");
    }

    #[test]
    fn the_time_is_when_it_was_due() {
        let due = "2026-03-01T04:00:00.000Z".parse().unwrap();
        assert_eq!(event("a", due)["time"], "2026-03-01T04:00:00Z");
    }
}
