//! Ours and its floors take turns; what counts is the median of each, and the ratio within a round.

use std::fmt::Write;
use std::time::Duration;

use super::Options;
use super::ground::{Ground, application_url};
use super::meter::Cost;
use super::numbers::{count, median};
use super::pgbench::Script;
use super::product::{self, Operation};

/// How often a contestant goes through the proxy that counts its round trips.
const COUNTED: u64 = 10;

/// Somebody who does the same operation in a way of their own.
pub(super) struct Contestant {
    pub(super) name: &'static str,
    pub(super) database: &'static str,
    /// What must be there before, from the operation `{first}` to `{last}`; not measured.
    pub(super) before: String,
    pub(super) way: Way,
}

/// How an operation is done.
pub(super) enum Way {
    /// By the product's functions, each client with a pool of its own, as a sandbox has it.
    Product(Operation),
    /// By `pgbench`.
    Pgbench(Script),
}

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Where the server is, or the proxy before it.
    pub(super) port: u16,
    pub(super) clients: u64,
    /// By each client.
    pub(super) each: u64,
    /// The number of the first operation.
    pub(super) first: u64,
}

impl Load {
    pub(super) fn operations(&self) -> u64 {
        self.clients * self.each
    }
}

/// The same operation, done in several ways.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What the operation is.
    pub title: &'static str,
    /// Which of the ways the others are compared with.
    pub floor: &'static str,
    /// One for each way and number of clients.
    pub rows: Vec<Row>,
}

/// One way, with so many clients.
#[derive(Debug, Clone)]
pub struct Row {
    /// Which way.
    pub name: &'static str,
    /// How many at once.
    pub clients: u64,
    /// Operations a second.
    pub rate: f64,
    /// The rate in the floor's.
    pub ratio: Option<f64>,
    /// What an operation costs.
    pub cost: Cost,
    /// How often an operation asks the database; `None` where a proxy cannot count it.
    pub round_trips: Option<f64>,
}

/// One run of one contestant.
struct Run {
    rate: f64,
    cost: Cost,
}

/// Lets the contestants take turns.
pub(super) async fn compare(
    ground: &Ground,
    options: &Options,
    title: &'static str,
    floor: &'static str,
    contestants: Vec<Contestant>,
) -> anyhow::Result<Comparison> {
    let contestants: Vec<_> = contestants
        .into_iter()
        .filter(|contestant| ground.pgbench.is_some() || matches!(contestant.way, Way::Product(_)))
        .collect();
    println!("{title} …");
    let mut rows = Vec::new();
    for clients in &options.clients {
        let mut rounds: Vec<Vec<Run>> = Vec::new();
        for _ in 0..options.rounds {
            let mut round = Vec::new();
            for contestant in &contestants {
                round.push(contestant.run(ground, *clients, options.operations).await?);
            }
            rounds.push(round);
        }
        let floor = contestants.iter().position(|contestant| contestant.name == floor);
        for (index, contestant) in contestants.iter().enumerate() {
            let of = |look: &dyn Fn(&Run) -> f64| median(rounds.iter().map(|round| look(&round[index])));
            let processor = rounds
                .iter()
                .map(|round| round[index].cost.processor_us)
                .collect::<Option<Vec<_>>>();
            rows.push(Row {
                name: contestant.name,
                clients: *clients,
                rate: of(&|run| run.rate),
                ratio: floor
                    .map(|floor| median(rounds.iter().map(|round| round[index].rate / round[floor].rate))),
                cost: Cost {
                    commits: of(&|run| run.cost.commits),
                    wal_bytes: of(&|run| run.cost.wal_bytes),
                    flushes: of(&|run| run.cost.flushes),
                    processor_us: processor.map(median),
                },
                round_trips: None,
            });
        }
    }
    for contestant in &contestants {
        let round_trips = contestant.round_trips(ground).await?;
        for row in rows.iter_mut().filter(|row| row.name == contestant.name) {
            row.round_trips = round_trips;
        }
    }
    Ok(Comparison { title, floor, rows })
}

impl Contestant {
    async fn run(&self, ground: &Ground, clients: u64, each: u64) -> anyhow::Result<Run> {
        let operations = clients * each;
        let load = Load {
            port: ground.port(),
            clients,
            each,
            first: ground.numbers(operations),
        };
        self.prepare(ground, &load).await?;
        let before = ground.meter.read().await?;
        let took = self.carry_out(ground, &load).await?;
        let cost = ground.meter.read().await?.since(&before, operations);
        Ok(Run {
            rate: count(operations) / took.as_secs_f64(),
            cost,
        })
    }

    async fn prepare(&self, ground: &Ground, load: &Load) -> anyhow::Result<()> {
        let last = load.first + load.operations() - 1;
        let before = self
            .before
            .replace("{first}", &load.first.to_string())
            .replace("{last}", &last.to_string());
        ground.arrange(self.database, &before).await
    }

    async fn carry_out(&self, ground: &Ground, load: &Load) -> anyhow::Result<Duration> {
        match (&self.way, &ground.pgbench) {
            (Way::Product(operation), _) => {
                product::run(*operation, &application_url(load.port, self.database), load).await
            }
            (Way::Pgbench(script), Some(program)) => script.run(program, self.database, load).await,
            (Way::Pgbench(_), None) => anyhow::bail!("pgbench is missing"),
        }
    }

    /// On the wire. A statement that is prepared once is not seen again.
    async fn round_trips(&self, ground: &Ground) -> anyhow::Result<Option<f64>> {
        if matches!(&self.way, Way::Pgbench(script) if script.is_prepared) {
            return Ok(None);
        }
        let load = Load {
            port: ground.proxy.port(),
            clients: 1,
            each: COUNTED,
            first: ground.numbers(COUNTED),
        };
        self.prepare(ground, &load).await?;
        ground.proxy.take_statements();
        self.carry_out(ground, &load).await?;
        let mut statements = ground.proxy.take_statements();
        // Whether a connection lives is asked with an empty one.
        statements.retain(|statement| !statement.is_empty());
        Ok(Some(count(statements.len() as u64) / count(COUNTED)))
    }
}

impl Comparison {
    /// The rows of one way.
    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.name == name)
    }

    /// As a table.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!(
            "### {}\n\n| way | clients | per second | in “{}” | commits | WAL bytes | WAL flushes | Postgres CPU µs | round trips |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
            self.title, self.floor
        );
        for row in &self.rows {
            let maybe = |value: Option<f64>, digits: usize| {
                value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
            };
            writeln!(
                text,
                "| {} | {} | {:.0} | {} | {:.2} | {:.0} | {:.2} | {} | {} |",
                row.name,
                row.clients,
                row.rate,
                maybe(row.ratio, 2),
                row.cost.commits,
                row.cost.wal_bytes,
                row.cost.flushes,
                maybe(row.cost.processor_us, 0),
                maybe(row.round_trips, 1),
            )
            .expect("a String takes everything");
        }
        text
    }
}
