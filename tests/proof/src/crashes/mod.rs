//! The database ends in the middle of a commit, and connections end in the middle of a word.
//!
//! A commit whose answer is not heard has happened or has not, and nobody can tell which. What follows must
//! be right either way: an attempt that was granted unheard is never sent, a text that was sent and not
//! settled is never sent again, and in the end everybody has had their text.
//!
//! The server is a real one that keeps what it commits as one in production does. Where it ends, and where a
//! connection does, is decided between it and the product, to the byte. What had become of the statement is
//! then read from the database itself, before anybody else may speak to it.

mod cuts;
mod moments;
mod report;
mod stops;
mod town;

use clap::Args;

pub use cuts::{Cut, Offsets, Side, cut};
pub use stops::{CommitEnd, Crashes, Reached, Stop, crash};

pub use crate::judgement::Judgement;

/// A statement is thousands of bytes long: it is cut around every message's beginning, and at so many more.
const SAMPLED: usize = 120;

/// How much is crashed, and by which seed.
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// How often the server is stopped.
    #[arg(long, default_value_t = 200)]
    pub crashes: usize,
    /// What decides when and where; how far the server had come by then is the machine's doing.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Crashes and cuts as planned, and keeps what was seen for the report.
pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    let mut server = system_tests::durable_server().await;
    let crashes = crash(&mut server, plan).await?;
    let (every, some) = (Offsets::Every, Offsets::Sample(SAMPLED));
    let cuts = [
        ("grant", Side::Answer, every),
        ("settle_accepted", Side::Answer, every),
        ("grant", Side::Request, some),
        ("settle_accepted", Side::Request, some),
    ];
    let cuts =
        cuts.map(|(statement, side, offsets)| Box::pin(cut(&server, statement, side, offsets, plan.seed)));
    let cuts = futures_util::future::try_join_all(cuts).await?;
    let section = report::section(plan, &crashes, &cuts, &server.log());
    section.save("crashes")?;
    for figure in &section.figures {
        let bar = figure.bar.as_ref().map(|bar| format!(" (bar: {bar})"));
        println!("{}: {}{}", figure.what, figure.seen, bar.unwrap_or_default());
    }
    println!("\n{}", section.details);
    anyhow::ensure!(section.holds, "not everything held");
    Ok(())
}
