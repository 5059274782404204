//! What the product costs, beside floors of the same run.
//!
//! A rate tells of a machine and of who else is using it, so none stands alone: ours and its floor take
//! turns on one private server that waits for its disk, and what is reported is the median of each and
//! their ratio. What one operation costs, in commits, WAL, waits for the disk, the server's processor time
//! and round trips, hardly depends on anything but the code.
//!
//! The floors run the product's own statements, read from its files, by `pgbench`, which does nothing but
//! send them; and the least that somebody could do without our promises.

mod backlog;
mod contest;
mod ground;
mod ingest;
mod latency;
mod meter;
mod numbers;
mod people;
mod pgbench;
mod product;
mod schedules;
mod stack;
mod statements;
mod text;
mod verdict;
mod webhooks;

use std::path::PathBuf;

pub use backlog::{Plan, Sweep};
pub use contest::{Comparison, Row};
pub use latency::Latency;
pub use meter::Cost;
pub use numbers::Times;
pub use pgbench::find as find_pgbench;
pub use webhooks::Load;

use ground::Ground;

/// The product's own code.
pub const SWITCHBOARD: &str = "ours";
/// The very same statements, each parsed and planned every time, as behind a pooler.
pub const PGBENCH: &str = "pgbench";
/// The same, each prepared once: what a pooler in transaction mode costs.
pub const PREPARED: &str = "pgbench, prepared";
/// The same, with the reading that comes before a text's two writing statements.
pub const READING_TOO: &str = "pgbench, reading first";
/// The least without our promises.
pub const BARE: &str = "bare tables";
/// With few jobs waiting.
pub const SHORT: &str = "short backlog";
/// With many.
pub const LONG: &str = "long backlog";
/// Among few customers.
pub const FEW_CUSTOMERS: &str = "few customers";
/// Among many.
pub const MANY_CUSTOMERS: &str = "many customers";
/// How many few are.
const FEW: u64 = 100;

/// How much is measured.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Rounds in which ours and the floors take turns.
    #[arg(long, default_value_t = 3)]
    pub rounds: u64,
    /// How many clients at once, one number after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 10])]
    pub clients: Vec<u64>,
    /// Operations of each client in a round.
    #[arg(long, default_value_t = 300)]
    pub operations: u64,
    /// Jobs that wait in a long backlog.
    #[arg(long, default_value_t = 100_000)]
    pub backlog: u64,
    /// Customers that many are.
    #[arg(long, default_value_t = 1_000_000)]
    pub customers: u64,
    /// Calls for the latency.
    #[arg(long, default_value_t = 300)]
    pub calls: u64,
    /// How long webhooks come in, in seconds.
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// Webhooks a second.
    #[arg(long, default_value_t = 50)]
    pub requests_per_second: u64,
    /// Measure the scheduler alone, show it, and leave the report as it is.
    #[arg(long)]
    pub scheduler_only: bool,
}

/// Everything that was seen.
#[derive(Debug, Clone)]
pub struct Results {
    /// A call begins, and a missed call becomes a text that is owed.
    pub ingest: Vec<Comparison>,
    /// A text from pending to settled.
    pub text: Comparison,
    /// The same with a backlog.
    pub backlog: Comparison,
    /// The sweeper's statements with few and with many rows around.
    pub sweeps: Vec<Sweep>,
    /// The scheduler's batches among few and among many customers.
    pub ticks: Comparison,
    /// The same beside its floor.
    pub schedules: Comparison,
    /// From a missed call to the request for its text.
    pub latency: Latency,
    /// Webhooks at a steady pace.
    pub webhooks: Load,
}

/// Measures everything, prints it and leaves it for the report.
pub async fn command(options: &Options) -> anyhow::Result<()> {
    if options.scheduler_only {
        let ground = Ground::start(Some(find_pgbench()?)).await?;
        let ticks = Box::pin(schedules::ticks(&ground, options)).await?;
        println!("{}", ticks.markdown());
        let rates = Box::pin(schedules::rates(&ground, options)).await?;
        println!("{}", rates.markdown());
        return Ok(());
    }
    let results = measure(options, Some(find_pgbench()?)).await?;
    let section = results.section(options);
    println!("\n{}", section.details);
    for figure in &section.figures {
        let bar = figure.bar.as_deref().unwrap_or("–");
        println!("{}: {} ({bar})", figure.what, figure.seen);
    }
    section.save("bench")
}

/// Measures everything, one part after the other. Without `pgbench` ours is measured alone.
pub async fn measure(options: &Options, pgbench: Option<PathBuf>) -> anyhow::Result<Results> {
    let ground = Ground::start(pgbench).await?;
    // Boxed, for the compiler: together they are one very deep future.
    Ok(Results {
        ingest: Box::pin(ingest::measure(&ground, options)).await?,
        text: Box::pin(text::measure(&ground, options)).await?,
        backlog: Box::pin(backlog::texts(&ground, options)).await?,
        sweeps: Box::pin(backlog::sweeps(&ground, options)).await?,
        ticks: Box::pin(schedules::ticks(&ground, options)).await?,
        schedules: Box::pin(schedules::rates(&ground, options)).await?,
        latency: Box::pin(latency::measure(&ground, options)).await?,
        webhooks: Box::pin(webhooks::measure(&ground, options)).await?,
    })
}
