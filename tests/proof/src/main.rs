//! `proof`: runs a part of the proof, or writes the page about all of them.

use clap::{Parser, Subcommand};
use proof::{bench, crashes, explorer, fuzz, kills, report};

/// Explores, kills and breaks Switchboard, and reports what was seen.
#[derive(Parser)]
#[command(name = "proof")]
struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Stops the database in the midst of commits, and cuts connections to it at every byte.
    Crash(crashes::Plan),
    /// Measures what calls and texts cost, beside floors of the same run.
    Bench(bench::Options),
    /// Explores the orders and accidents that production can meet.
    Explore(explorer::Arguments),
    /// Shows that known-bad variants of the product are caught.
    Mutants(explorer::MutantArguments),
    /// Writes the page about every part that was run.
    Report,
    /// Kills, freezes and outlasts the functions' real binaries.
    Kill(kills::Arguments),
    /// Tries every claim on many inputs, led by the code that they reach.
    Fuzz(fuzz::Arguments),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().part {
        Part::Crash(plan) => crashes::run(&plan).await,
        Part::Bench(options) => bench::command(&options).await,
        Part::Explore(arguments) => explorer::explore(arguments).await,
        Part::Mutants(arguments) => explorer::mutants(arguments).await,
        Part::Report => report::write(),
        Part::Kill(arguments) => kills::prove(&arguments).await,
        Part::Fuzz(arguments) => fuzz::run(&arguments).await,
    }
}
