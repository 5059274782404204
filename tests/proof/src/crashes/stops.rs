//! The server ends, again and again, and comes back on what it had written.

use std::time::{Duration, Instant};

use fastrand::Rng;
use local::postgres::{Server, connect};
use system_tests::{Caught, Cutter, boundaries};

use super::Plan;
use super::moments::Moment;
use super::town::{self, Town};
use crate::judgement::Judgement;

/// Crashes in one town; more would let its clock run too far ahead of the machine's.
const PER_TOWN: usize = 20;
/// One in so many crashes comes at any moment, whatever is going on.
const ANY_MOMENT: usize = 5;
/// As long as a commit's way to a slow disk, and several times as long as a busy machine takes to stop a server:
/// else what is stopped on such a machine has always happened already.
const COMMIT_DELAY: Duration = Duration::from_millis(25);
/// Three calls and everything that follows from them take about so long.
const A_RUSH: Duration = Duration::from_millis(400);

/// How far a statement had come when the server was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// The server had been given part of it.
    Part,
    /// The server had been given all of it, and nobody had heard an answer.
    Asked,
    /// The server had answered, and the client heard the answer in part or not at all.
    Answered,
}

/// What had become of a statement when the server was back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitEnd {
    /// It had happened, and nobody had heard.
    CommittedUnheard,
    /// It had not happened.
    RolledBack,
}

/// One stop of the server in the midst of a statement.
#[derive(Debug, Clone)]
pub struct Stop {
    /// The statement's name.
    pub statement: &'static str,
    /// How far it had come.
    pub reached: Reached,
    /// How much of the answer the client heard, and how long that answer was; 0 if there was none.
    pub heard: (usize, usize),
    /// What had become of it.
    pub end: CommitEnd,
}

impl Stop {
    /// Whether the server had everything and the client no answer: the commit lies in between.
    pub fn is_inside_commit(&self) -> bool {
        self.reached != Reached::Part
    }
}

/// All the stops of a run.
#[derive(Debug, Default)]
pub struct Crashes {
    /// Those in the midst of a statement.
    pub stops: Vec<Stop>,
    /// Those at any other moment.
    pub elsewhere: usize,
    /// From each stop until the server answered again.
    pub outages: Vec<Duration>,
    /// What became of everybody.
    pub judgement: Judgement,
}

impl Crashes {
    /// How many there were.
    pub fn count(&self) -> usize {
        self.stops.len() + self.elsewhere
    }

    /// How many stops were of a kind.
    pub fn of(&self, is: impl Fn(&Stop) -> bool) -> usize {
        self.stops.iter().filter(|stop| is(stop)).count()
    }

    /// Those that were inside a commit and ended so.
    pub fn inside(&self, end: CommitEnd) -> usize {
        self.of(|stop| stop.is_inside_commit() && stop.end == end)
    }
}

/// Stops the server as often as planned.
pub async fn crash(server: &mut Server, plan: &Plan) -> anyhow::Result<Crashes> {
    widen_commits(server).await?;
    let mut rng = Rng::with_seed(plan.seed);
    let mut crashes = Crashes::default();
    while crashes.count() < plan.crashes {
        let mut town = Town::on(server).await;
        let a_commit = town.time_a_commit().await;
        for _ in 0..PER_TOWN.min(plan.crashes - crashes.count()) {
            if crashes.count() % ANY_MOMENT == ANY_MOMENT - 1 {
                at_any_moment(server, &mut town, &mut rng, &mut crashes).await?;
            } else {
                let moment = Moment::of(crashes.stops.len());
                in_the_midst(server, &mut town, moment, a_commit, &mut rng, &mut crashes).await?;
            }
            town.world.database.reconnect().await;
            town.world.minutes(1).await;
        }
        crashes.judgement.add(town.live_on().await);
        eprintln!(
            "{} crashes, {} inside a commit: {} committed unheard, {} rolled back; {:?}",
            crashes.count(),
            crashes.of(Stop::is_inside_commit),
            crashes.inside(CommitEnd::CommittedUnheard),
            crashes.inside(CommitEnd::RolledBack),
            crashes.judgement.violations
        );
    }
    Ok(crashes)
}

/// Has every commit wait for others before it is written to disk, as a busy server would have it. What is
/// stopped meanwhile is inside a commit and has not happened.
async fn widen_commits(server: &Server) -> anyhow::Result<()> {
    let admin = connect(&server.url("postgres", "postgres")).await?;
    let delay_us = COMMIT_DELAY.as_micros();
    let settings = format!(
        "ALTER ROLE switchboard SET commit_delay = {delay_us}; ALTER ROLE switchboard SET commit_siblings = 0"
    );
    Ok(admin.batch_execute(&settings).await?)
}

/// Stops the server while three people ring at once and everything else runs.
async fn at_any_moment(
    server: &mut Server,
    town: &mut Town,
    rng: &mut Rng,
    crashes: &mut Crashes,
) -> anyhow::Result<()> {
    let callers: Vec<String> = (0..3).map(|_| town.caller(rng.bool())).collect();
    let wait = A_RUSH.mul_f64(rng.f64());
    let (world, cutter) = (&town.world, &town.cutter);
    let rush = async {
        let rings = callers.iter().map(|caller| town::ring(world, caller));
        futures_util::future::join_all(rings).await;
        world.run_jobs().await;
        // They may fail: the next minute goes on.
        let _ = tokio::join!(
            world.try_tick("job-sweeper"),
            world.try_tick("missed-call-poller")
        );
        world.run_jobs().await;
    };
    let stop = async {
        pause(wait).await;
        let began = Instant::now();
        cutter.close(true);
        server.crash().await?;
        server.restart().await?;
        cutter.close(false);
        Ok::<_, anyhow::Error>(began.elapsed())
    };
    let ((), outage) = tokio::join!(rush, stop);
    crashes.outages.push(outage?);
    crashes.elsewhere += 1;
    Ok(())
}

/// Stops the server in the midst of one statement.
async fn in_the_midst(
    server: &mut Server,
    town: &mut Town,
    moment: Moment,
    a_commit: Duration,
    rng: &mut Rng,
    crashes: &mut Crashes,
) -> anyhow::Result<()> {
    let caller = moment.arrange(town, rng.bool()).await;
    let database = town.world.database.owner_url().await;
    town.cutter.catch(moment.statement());
    let (world, cutter) = (&town.world, &mut town.cutter);
    let mut act = std::pin::pin!(moment.act(world, &caller));
    let caught = tokio::select! {
        caught = cutter.caught() => caught,
        () = &mut act => anyhow::bail!("{moment:?} does not come to {}", moment.statement()),
    };
    let stopping = stop(server, cutter, caught, &database, a_commit, rng);
    let ((), stopped) = tokio::join!(act, stopping);
    let (reached, answer, end, outage) = stopped?;
    crashes.outages.push(outage);
    crashes.stops.push(Stop {
        statement: moment.statement(),
        reached,
        heard: answer,
        end,
    });
    Ok(())
}

type Stopped = (Reached, (usize, usize), CommitEnd, Duration);

/// Lets a statement come as far as chance wants it, stops the server there, and looks what had become of it
/// before anybody else may speak to the server that is back.
async fn stop(
    server: &mut Server,
    cutter: &Cutter,
    mut caught: Caught,
    database: &str,
    a_commit: Duration,
    rng: &mut Rng,
) -> anyhow::Result<Stopped> {
    let before = ledger(database).await?;
    let mut heard = 0;
    let mut answer = Vec::new();
    match rng.u8(0..100) {
        0..15 => caught.send(rng.usize(1..caught.request().len())).await,
        15..80 => {
            // Being stopped takes a moment too, so that some stops have to be asked for at once.
            let wait = a_commit.mul_f64((rng.f64() * 1.2 - 0.2).max(0.0));
            caught.send(usize::MAX).await;
            pause(wait).await;
        }
        _ => {
            caught.send(usize::MAX).await;
            answer = caught.answer().await;
            heard = rng.usize(0..answer.len());
            caught.tell(&answer[..heard]).await;
        }
    }
    let began = Instant::now();
    cutter.close(true);
    server.crash().await?;
    if answer.is_empty() {
        // What the server had still said reaches nobody.
        answer = caught.answer().await;
    }
    // One that is stopped says goodbye to its clients, which is no answer.
    let is_answered =
        answer.last() == Some(&b'I') && boundaries(&answer).iter().any(|(_, kind)| *kind == 'C');
    let reached = match (caught.is_sent(), is_answered) {
        (false, _) => Reached::Part,
        (true, false) => Reached::Asked,
        (true, true) => Reached::Answered,
    };
    drop(caught);
    server.restart().await?;
    let outage = began.elapsed();
    let end = if ledger(database).await? == before {
        CommitEnd::RolledBack
    } else {
        CommitEnd::CommittedUnheard
    };
    cutter.close(false);
    Ok((reached, (heard, answer.len()), end, outage))
}

/// Waits for less than a timer's millisecond can tell apart.
async fn pause(wait: Duration) {
    let began = Instant::now();
    while began.elapsed() < wait {
        tokio::task::yield_now().await;
    }
}

/// Everything that the product keeps, as one word.
async fn ledger(database: &str) -> anyhow::Result<String> {
    let tables = [
        "active_calls",
        "jobs",
        "attempts",
        "deliveries",
        "channels",
        "duplicate_evidence",
        "provider_watermarks",
        "quarantined_events",
    ];
    let rows = tables.map(|table| format!("SELECT '{table}' || entry::text AS entry FROM {table} AS entry"));
    let query = format!(
        "SELECT coalesce(md5(string_agg(entry, ',' ORDER BY entry)), '') FROM ({}) AS entries",
        rows.join(" UNION ALL ")
    );
    Ok(connect(database).await?.query_one(&query, &[]).await?.get(0))
}
