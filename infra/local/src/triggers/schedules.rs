//! The clock, as AWS's scheduler keeps it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{Timestamp, Unit};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::stopped;
use crate::invoke::{ACCOUNT, Invoke, REGION};
use crate::template::Schedule;

/// A machine that slept notices after this long that it is late.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Invokes the function whenever the schedule is due, whether or not its last run is over, as the real one
/// does. What fails is not tried again: the next tick does the same work.
pub(super) async fn keep(schedule: Schedule, function: Arc<dyn Invoke>, mut stop: watch::Receiver<bool>) {
    let mut runs = JoinSet::new();
    let mut due = schedule.expression.next_after(Timestamp::now());
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            () = wait_until(due) => {}
        }
        let (function, event, name) = (
            Arc::clone(&function),
            event(&schedule.name, due),
            schedule.name.clone(),
        );
        runs.spawn(async move {
            if let Err(error) = function.invoke(event).await {
                tracing::error!(schedule = name, %error, "a scheduled run failed");
            }
        });
        while runs.try_join_next().is_some() {}
        // From where it was due, so that it does not drift; but what was slept through is not made up for.
        let next = schedule.expression.next_after(due);
        let now = Timestamp::now();
        due = if next > now {
            next
        } else {
            schedule.expression.next_after(now)
        };
    }
    while runs.join_next().await.is_some() {}
}

async fn wait_until(due: Timestamp) {
    while let Ok(left) = Duration::try_from(due.duration_since(Timestamp::now()))
        && !left.is_zero()
    {
        tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
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
        let keeping = tokio::spawn(keep(schedule, Arc::new(Recorder(sender)), stop.subscribe()));
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

    #[test]
    fn the_time_is_when_it_was_due() {
        let due = "2026-03-01T04:00:00.000Z".parse().unwrap();
        assert_eq!(event("a", due)["time"], "2026-03-01T04:00:00Z");
    }
}
