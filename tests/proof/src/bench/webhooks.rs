//! Twilio's requests at a steady pace, through the gateway, while the texts that follow go out.

use std::time::Duration;

use anyhow::ensure;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::ground::Ground;
use super::numbers::{Times, count};
use super::stack::Running;
use super::{Options, people};

/// Calls whose requests are counted on the wire.
const COUNTED: u64 = 10;
/// What the runner and the schedules ask, which no webhook waits for.
const OF_OTHERS: [&str; 11] = [
    "load_text",
    "grant",
    "settle_accepted",
    "poll_window",
    "unprocessed",
    "undecided",
    "advance_watermark",
    "rescue",
    "unknown_due",
    "expire",
    "ring_due",
];

/// How long Twilio waits, and what each request asks of others.
#[derive(Debug, Clone)]
pub struct Load {
    /// From when a request was due until its answer: one that waits behind others counts whole.
    pub answers: Times,
    /// Statements a request.
    pub round_trips: f64,
    /// Messages sent to the queue a request.
    pub sends: f64,
    /// The most messages that any one request sent.
    pub sends_at_most: u64,
}

/// Half of the requests tell how dialling ended, half of them how the same call did.
pub(super) async fn measure(ground: &Ground, options: &Options) -> anyhow::Result<Load> {
    println!("Webhooks at a steady pace …");
    let (round_trips, sends, sends_at_most) = asked(ground).await?;
    let stack = Running::start(ground, "webhooks", ground.port()).await?;
    let requests = options.seconds * options.requests_per_second;
    let first = ground.numbers(requests);
    let mut due = interval(Duration::from_secs(1) / u32::try_from(options.requests_per_second)?);
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut answers = JoinSet::new();
    for number in 0..requests {
        let due = due.tick().await.into_std();
        let call = Call::new(&stack, first + number / 2);
        let webhook = if number % 2 == 0 {
            stack.twilio.post_dial_result(&call.fields())
        } else {
            stack.twilio.post_call_status(&call.ended())
        };
        answers.spawn(async move {
            let delivery = webhook.await;
            (due.elapsed(), delivery.answer().status)
        });
    }
    let mut times = Vec::new();
    while let Some(answer) = answers.join_next().await {
        let (took, status) = answer?;
        ensure!((200..300).contains(&status), "a webhook answered {status}");
        times.push(took);
    }
    stack.stop().await?;
    Ok(Load {
        answers: times.into_iter().collect(),
        round_trips,
        sends,
        sends_at_most,
    })
}

struct Call {
    sid: String,
    caller: String,
    line: String,
}

impl Call {
    fn new(stack: &Running, number: u64) -> Self {
        Self {
            sid: people::call_sid(number),
            caller: people::caller(number),
            line: stack.line.clone(),
        }
    }

    fn fields(&self) -> [(&str, &str); 3] {
        [("CallSid", &self.sid), ("From", &self.caller), ("To", &self.line)]
    }

    fn ended(&self) -> [(&str, &str); 4] {
        let [sid, caller, line] = self.fields();
        [sid, caller, line, ("CallStatus", "completed")]
    }
}

/// A few calls with a proxy before the database: statements and messages a request, and the most messages of
/// any one.
async fn asked(ground: &Ground) -> anyhow::Result<(f64, f64, u64)> {
    let stack = Running::start(ground, "counted_webhooks", ground.proxy.port()).await?;
    let first = ground.numbers(COUNTED);
    ground.proxy.take_statements();
    let (mut sends, mut most) = (0, 0);
    for number in first..first + COUNTED {
        let call = Call::new(&stack, number);
        for webhook in [
            stack.twilio.post_dial_result(&call.fields()),
            stack.twilio.post_call_status(&call.ended()),
        ] {
            let before = stack.sqs.calls("SendMessage");
            webhook.await.answer();
            let sent = stack.sqs.calls("SendMessage") - before;
            (sends, most) = (sends + sent, most.max(sent));
        }
    }
    let mut statements = ground.proxy.take_statements();
    statements.retain(|statement| !statement.is_empty() && !OF_OTHERS.contains(&statement.as_str()));
    stack.stop().await?;
    let each = |number: u64| count(number) / count(2 * COUNTED);
    Ok((each(statements.len() as u64), each(sends), most))
}

impl Load {
    /// As a table.
    pub(super) fn markdown(&self, options: &Options) -> String {
        format!(
            "### {} webhooks a second for {} s, in ms\n\n\
             | | requests | p50 | p95 | p99 | longest |\n|---|--:|--:|--:|--:|--:|\n\
             | from when it was due to its answer | {}\n\n\
             A webhook asks the database {:.2} times and sends {:.2} messages to the queue, at most {}.\n",
            options.requests_per_second,
            options.seconds,
            self.answers.cells(),
            self.round_trips,
            self.sends,
            self.sends_at_most
        )
    }
}
