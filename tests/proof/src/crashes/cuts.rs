//! Connections that end at a byte of a statement, or of its answer, while the server goes on.

use std::fmt;

use fastrand::Rng;
use local::postgres::Server;
use system_tests::{World, boundaries};

use super::town::{self, Town};
use crate::judgement::Judgement;

/// Calls in one town, so that its sweeper looks all of them up within a minute or two.
const PER_TOWN: usize = 50;

/// What is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What the client sends: the server has only the beginning.
    Request,
    /// What the server answers: the client has only the beginning.
    Answer,
}

/// Where it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offsets {
    /// After every byte, the last one included.
    Every,
    /// Around every message's beginning, and at so many other bytes.
    Sample(usize),
}

/// What came of cutting one statement.
#[derive(Debug, Clone)]
pub struct Cut {
    /// The statement's name.
    pub statement: &'static str,
    /// Which side.
    pub side: Side,
    /// How long that side is, in bytes.
    pub length: usize,
    /// How many offsets were tried, each with a call of its own.
    pub tried: usize,
    /// The messages that it consists of, by their types.
    pub messages: String,
    /// How many of them were committed all the same.
    pub committed: usize,
    /// What became of everybody.
    pub judgement: Judgement,
}

impl fmt::Display for Cut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} cut in its {:?} at {} of {} bytes: {} committed, {} texts, {:?}",
            self.statement,
            self.side,
            self.tried,
            self.length,
            self.committed,
            self.judgement.acts,
            self.judgement.violations
        )
    }
}

/// Cuts one statement of the runner's at many bytes, each time for another caller.
pub async fn cut(
    server: &Server,
    statement: &'static str,
    side: Side,
    offsets: Offsets,
    seed: u64,
) -> anyhow::Result<Cut> {
    let mut rng = Rng::with_seed(seed);
    let mut town = Town::on(server).await;
    // The first is let through whole, to learn how long it is.
    let (whole, _) = one(&mut town, statement, side, usize::MAX, true).await?;
    let offsets = chosen(offsets, &whole, &mut rng);
    let mut result = Cut {
        statement,
        side,
        length: whole.len(),
        tried: offsets.len(),
        messages: boundaries(&whole).iter().map(|(_, kind)| kind).collect(),
        committed: 0,
        judgement: Judgement::default(),
    };
    for (number, offset) in offsets.iter().enumerate() {
        if number > 0 && number % PER_TOWN == 0 {
            let done = std::mem::replace(&mut town, Town::on(server).await);
            result.judgement.add(done.live_on().await);
        }
        let (_, committed) = one(&mut town, statement, side, *offset, rng.bool()).await?;
        let is_whole = *offset >= whole.len();
        result.committed += usize::from(committed);
        let is_right = match side {
            Side::Answer => committed,
            Side::Request => committed == is_whole,
        };
        if !is_right {
            result.judgement.violations.push(format!(
                "{statement} cut in its {side:?} at {offset} of {}: committed is {committed}",
                whole.len()
            ));
        }
    }
    result.judgement.add(town.live_on().await);
    Ok(result)
}

fn chosen(offsets: Offsets, whole: &[u8], rng: &mut Rng) -> Vec<usize> {
    match offsets {
        Offsets::Every => (0..=whole.len()).collect(),
        Offsets::Sample(more) => {
            let around = boundaries(whole)
                .into_iter()
                .flat_map(|(at, _)| [at.saturating_sub(1), at, at + 1]);
            let mut chosen: Vec<usize> = around
                .chain((0..more).map(|_| rng.usize(0..=whole.len())))
                .filter(|offset| *offset <= whole.len())
                .collect();
            chosen.sort_unstable();
            chosen.dedup();
            chosen
        }
    }
}

/// One call whose text's statement is cut at `offset`: the side that was cut, in full, and whether the
/// statement was committed.
async fn one(
    town: &mut Town,
    statement: &str,
    side: Side,
    offset: usize,
    has_callbacks: bool,
) -> anyhow::Result<(Vec<u8>, bool)> {
    let caller = town.caller(has_callbacks);
    town::ring(&town.world, &caller).await;
    town.cutter.catch(statement);
    let (world, cutter) = (&town.world, &mut town.cutter);
    let requests = world.sends();
    let cutting = async {
        let mut caught = cutter.caught().await;
        let request = caught.request().to_vec();
        match side {
            Side::Request => {
                caught.send(offset).await;
                if caught.is_sent() {
                    let answer = caught.answer().await;
                    caught.tell(&answer).await;
                }
                let committed = is_committed(world, statement, &caller).await;
                (request, committed)
            }
            Side::Answer => {
                caught.send(usize::MAX).await;
                let answer = caught.answer().await;
                let committed = is_committed(world, statement, &caller).await;
                caught.tell(&answer[..offset.min(answer.len())]).await;
                (answer, committed)
            }
        }
    };
    let ((), (whole, committed)) = tokio::join!(world.run_jobs(), cutting);
    let sent = world.sends() - requests;
    // A grant that nobody heard to its end is not used; what is settled had been sent before.
    let expected = usize::from(statement != "grant" || offset >= whole.len());
    anyhow::ensure!(
        sent == expected,
        "{statement} cut in its {side:?} at {offset}: {sent} requests"
    );
    Ok((whole, committed))
}

/// Whether the statement's work is there for others to see, while its connection is still open.
async fn is_committed(world: &World, statement: &str, caller: &str) -> bool {
    let state = if statement == "grant" {
        "state IS NOT NULL"
    } else {
        "state = 'accepted'"
    };
    world
        .count(&format!("attempts WHERE recipient = '{caller}' AND {state}"))
        .await
        > 0
}
