//! From a missed call's commit to the request for its text, with a worker that is free.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use aws_sdk_sqs::Client;
use jiff::Timestamp;
use local::sandbox::SandboxEvent;
use local::settings::Settings;
use local::sqs::{QueueAttributes, Sqs};
use shared::platform::http_client;
use tokio::sync::mpsc;

use super::ground::{APPLICATION, Ground};
use super::numbers::Times;
use super::stack::Running;
use super::{Options, people};

const DATABASE: &str = "latency";
const WITHIN: Duration = Duration::from_mins(1);

/// How soon, and what of it could not be otherwise.
#[derive(Debug, Clone)]
pub struct Latency {
    /// From the start of the statement that commits call and job: the commit itself is in it.
    pub from_statement: Times,
    /// From the webhook's answer, where the request was not there first.
    pub from_answer: Times,
    /// A message through the queue, from before it is sent until it is received.
    pub queue: Times,
    /// A request to Twilio's sandbox and its answer, on a connection of its own.
    pub request: Times,
    /// A small row's commit.
    pub commit: Times,
}

/// One caller after the other.
pub(super) async fn measure(ground: &Ground, options: &Options) -> anyhow::Result<Latency> {
    println!("From a missed call to the request for its text …");
    let stack = Running::start(ground, DATABASE, ground.port()).await?;
    let mut from_answer = Vec::new();
    let first = ground.numbers(options.calls);
    for number in first..first + options.calls {
        from_answer.push(one(&stack, number).await?);
    }
    let from_statement = from_statements(ground, &stack).await?;
    let request = requests(&stack, options.calls).await?;
    stack.stop().await?;
    Ok(Latency {
        from_statement,
        from_answer: from_answer.into_iter().collect(),
        queue: through_the_queue(options.calls).await?,
        request,
        commit: commits(ground, options.calls).await?,
    })
}

/// A call that the owner lets ring; from our answer to the request for its text.
async fn one(stack: &Running, number: u64) -> anyhow::Result<Duration> {
    let (sid, caller) = (people::call_sid(number), people::caller(number));
    let call = [
        ("CallSid", sid.as_str()),
        ("From", caller.as_str()),
        ("To", stack.line.as_str()),
    ];
    stack.twilio.post_voice_webhook(&call).await.answer();
    let mut events = stack.twilio.events();
    let missed = stack.twilio.post_dial_result(&call);
    let answered = async {
        missed.await.answer();
        Instant::now()
    };
    let taken = async {
        let asked = events.find(|event| match event {
            SandboxEvent::RequestArrived { method, .. } if method == "POST" => Some(Instant::now()),
            _ => None,
        });
        let asked = asked.await.context("the sandbox is gone")?;
        let accepted =
            events.find(|event| matches!(event, SandboxEvent::MessageAccepted { .. }).then_some(()));
        accepted.await.context("the sandbox is gone")?;
        anyhow::Ok(asked)
    };
    let both = async { tokio::join!(answered, taken) };
    let (answered, asked) = tokio::time::timeout(WITHIN, both)
        .await
        .context("no text for a missed call")?;
    // The doorbell rings before we answer, so the request may be there first.
    Ok(asked?.saturating_duration_since(answered))
}

/// By the database's own date of each job and the sandbox's of each request; it is one machine's clock.
async fn from_statements(ground: &Ground, stack: &Running) -> anyhow::Result<Times> {
    let jobs = ground
        .owner(DATABASE)
        .await?
        .query("SELECT recipient::text, created_at FROM jobs", &[])
        .await?;
    let jobs: HashMap<String, Timestamp> = jobs.iter().map(|row| (row.get(0), row.get(1))).collect();
    let requests = stack.twilio.requests();
    let sends = requests.iter().filter(|request| request.is_send());
    let mut millis = Vec::new();
    for send in sends {
        let to = send.form.iter().find(|(name, _)| name == "To");
        let owed = to
            .and_then(|(_, to)| jobs.get(to))
            .context("a text that nobody was owed")?;
        millis.push(send.at.duration_since(*owed).as_secs_f64() * 1000.0);
    }
    Ok(Times::new(millis))
}

async fn requests(stack: &Running, times: u64) -> anyhow::Result<Times> {
    let client = http_client::for_side_effects()?;
    let url = stack.twilio.base_url();
    let mut took = Vec::new();
    for _ in 0..times {
        let started = Instant::now();
        client.post(&url).body("nothing").send().await?.bytes().await?;
        took.push(started.elapsed());
    }
    Ok(took.into_iter().collect())
}

/// The same stand-in and the same client, with nothing at either end.
async fn through_the_queue(times: u64) -> anyhow::Result<Times> {
    let sqs = Sqs::start().await?;
    let url = sqs
        .create_queue("bare.fifo", QueueAttributes::fifo())
        .map_err(|refusal| anyhow::anyhow!(refusal.message))?;
    let client = Client::new(&Settings::new(sqs.endpoint()).aws());
    let (tell, mut arrivals) = mpsc::unbounded_channel();
    let receiver = tokio::spawn(receive(client.clone(), url.clone(), tell));
    let mut took = Vec::new();
    for number in 0..times {
        let started = Instant::now();
        client
            .send_message()
            .queue_url(&url)
            .message_body(number.to_string())
            .message_group_id(number.to_string())
            .message_deduplication_id(number.to_string())
            .send()
            .await?;
        let at = arrivals.recv().await.context("the receiver has stopped")?;
        took.push(at.saturating_duration_since(started));
    }
    receiver.abort();
    Ok(took.into_iter().collect())
}

async fn receive(client: Client, url: String, tell: mpsc::UnboundedSender<Instant>) -> anyhow::Result<()> {
    loop {
        let asking = client.receive_message().queue_url(&url).wait_time_seconds(1);
        let received = asking.send().await?;
        let at = Instant::now();
        for message in received.messages() {
            tell.send(at)?;
            let receipt = message.receipt_handle().unwrap_or_default();
            client
                .delete_message()
                .queue_url(&url)
                .receipt_handle(receipt)
                .send()
                .await?;
        }
    }
}

async fn commits(ground: &Ground, times: u64) -> anyhow::Result<Times> {
    let owner = ground.owner(DATABASE).await?;
    let table = format!("CREATE TABLE bare (id int8 PRIMARY KEY); GRANT ALL ON bare TO {APPLICATION}");
    owner.batch_execute(&table).await?;
    let insert = owner.prepare("INSERT INTO bare VALUES ($1)").await?;
    let mut took = Vec::new();
    for number in 0..i64::try_from(times)? {
        let started = Instant::now();
        owner.execute(&insert, &[&number]).await?;
        took.push(started.elapsed());
    }
    Ok(took.into_iter().collect())
}

impl Latency {
    /// What the parts of the way take at the median, in milliseconds.
    fn floor(&self) -> f64 {
        let [queue, request, commit] =
            [&self.queue, &self.request, &self.commit].map(|times| times.percentile(50));
        queue + request + 2.0 * commit
    }

    /// As a table.
    pub(super) fn markdown(&self) -> String {
        let rows = [
            (
                "from the statement that commits the job to the request for its text",
                &self.from_statement,
            ),
            (
                "from the webhook's answer (0: the request was there first)",
                &self.from_answer,
            ),
            ("floor: a message through the queue", &self.queue),
            ("floor: a request and its answer", &self.request),
            ("floor: a small commit", &self.commit),
        ];
        let rows: Vec<String> = rows
            .iter()
            .map(|(what, times)| format!("| {what} | {}\n", times.cells()))
            .collect();
        format!(
            "### From a missed call to the request for its text, in ms\n\n\
             | | calls | p50 | p95 | p99 | longest |\n|---|--:|--:|--:|--:|--:|\n{}\n\
             The way has one message, one request and two commits: {:.1} ms at the median.\n",
            rows.concat(),
            self.floor()
        )
    }
}
