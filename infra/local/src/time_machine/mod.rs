//! The stack's clock, and how it is moved: a week in a minute, with the functions that make a week in a week.
//!
//! There is one clock: the database's, by which people's days and hours are computed; the sandboxes', which date what
//! they hold and sign by it; the queues'; the schedules'; and that of the functions' gate, by which they judge how old a
//! signature is. They are moved together, forwards only, and never while anything is under way. What is not moved is
//! what measures how long something takes: time-outs, the age of a connection, the dates in the log.
//!
//! Time passes in leaps, from one moment at which something is due to the next, as the parts say themselves what they
//! wait for. At each such moment the schedules tick, as they would have by then; the minutes in between, in which they
//! would have found nothing, are left out, but for one an hour, in case somebody has forgotten to say so.

pub(crate) mod moved_clock;
mod stillness;

use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use shared::platform::gate::{Gate, Keeper, Operation, Severed, Ticket};
use tokio::sync::{Mutex, MutexGuard, OwnedRwLockWriteGuard};
use tokio::time::Instant;
use tokio_postgres::Client;

use crate::sandbox::SandboxClock;
use crate::sandbox_vapi::SandboxVapi;
use crate::sqs::Sqs;
use crate::template::Expression;
use crate::triggers::Ticking;

pub use stillness::Stillness;

/// The longest leap while something is to come, and while nothing is.
const LEAP_MAX: SignedDuration = SignedDuration::from_hours(1);
const LEAP_OVER_NOTHING_MAX: SignedDuration = SignedDuration::from_hours(24);
/// A caller who is watched takes two and a half minutes at most.
const PATIENCE: Duration = Duration::from_mins(3);
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// So that what is due at a moment is due when the clock has been moved there, whoever rounds it.
const MARGIN: SignedDuration = SignedDuration::from_millis(1);

/// Everything that has a clock, or something to wait for.
pub struct TimeMachine {
    /// The one clock.
    pub clock: SandboxClock,
    /// The database as its owner has it.
    pub database: Client,
    /// Vapi's sandbox.
    pub vapi: SandboxVapi,
    /// The queues.
    pub sqs: Sqs,
    /// Those that functions are invoked from.
    pub queues: Vec<String>,
    /// The schedules.
    pub ticks: Vec<Ticking>,
    /// Whether anything is under way.
    pub stillness: Stillness,
    /// Whoever moves the clock now.
    pub traveller: Mutex<()>,
}

/// How far a traveller came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Travelled {
    /// Leaps that it took.
    pub leaps: usize,
    /// Whether it went where it was to go; if not, somebody stopped it.
    pub arrived: bool,
}

/// Whoever moves the clock: one at a time.
pub struct Traveller<'a> {
    machine: &'a TimeMachine,
    _alone: MutexGuard<'a, ()>,
}

impl Traveller<'_> {
    /// Lets time pass until `to`, which may be any time ahead. Whenever everything is at rest `goes_on` is asked.
    pub async fn travel(
        &self,
        to: Timestamp,
        mut goes_on: impl FnMut() -> bool,
    ) -> anyhow::Result<Travelled> {
        let machine = self.machine;
        let now = machine.clock.now();
        ensure!(
            to > now,
            "the clock shows {now:.0}, and it is only ever moved forwards"
        );
        let mut leaps = 0;
        loop {
            let still = machine.at_rest().await?;
            let (goes_on, arrived) = (goes_on(), machine.clock.now() >= to);
            if arrived || !goes_on {
                return Ok(Travelled { leaps, arrived });
            }
            machine.leap(machine.next_moment(to).await?).await?;
            leaps += 1;
            drop(still);
        }
    }
}

impl TimeMachine {
    /// The right to move the clock, if nobody has it.
    pub fn traveller(&self) -> anyhow::Result<Traveller<'_>> {
        let alone = self.traveller.try_lock().ok();
        Ok(Traveller {
            machine: self,
            _alone: alone.context("somebody moves the clock already: wait for them")?,
        })
    }

    /// Waits until nothing is under way; while what it gives is held, nothing begins.
    async fn at_rest(&self) -> anyhow::Result<OwnedRwLockWriteGuard<()>> {
        let asked = Instant::now();
        loop {
            let under_way = match self.stillness.try_move() {
                None => "a function runs, or somebody rings",
                Some(still) => match self.under_way() {
                    None => return Ok(still),
                    Some(what) => what,
                },
            };
            ensure!(
                asked.elapsed() < PATIENCE,
                "the clock is not moved while anything is under way, and for {PATIENCE:?} something has been: {under_way}"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What is to be done now and is not over, in the order in which one thing leads to another.
    fn under_way(&self) -> Option<&'static str> {
        let now = self.clock.now();
        let is_ticking = |ticking: &Ticking| {
            let tick = ticking.tick.borrow();
            tick.running > 0 || tick.next_due <= now
        };
        if self.ticks.iter().any(is_ticking) {
            return Some("a schedule ticks");
        }
        if self.vapi.next_step_at().is_some_and(|at| at <= now) {
            return Some("Vapi tells of a call");
        }
        let is_empty = |queue: &String| self.sqs.messages(queue).is_empty();
        (!self.queues.iter().all(is_empty)).then_some("a queue is not empty")
    }

    /// The next moment at which anything is due, and at the latest `to`.
    async fn next_moment(&self, to: Timestamp) -> anyhow::Result<Timestamp> {
        let now = self.clock.now();
        let due = self
            .database
            .query_typed_one(include_str!("next_due.sql"), &[])
            .await?;
        let due: Option<Timestamp> = due.get("at");
        let longest = due.map_or(LEAP_OVER_NOTHING_MAX, |_| LEAP_MAX);
        let ticks = self
            .ticks
            .iter()
            .map(|ticking| (ticking.expression.clone(), ticking.tick.borrow().next_due));
        let (every, at): (Vec<_>, Vec<_>) =
            ticks.partition(|(expression, _)| matches!(expression, Expression::Every(_)));
        // What is due already waits for the next tick.
        let ledgers = match due {
            Some(due) if due <= now => every.iter().map(|(_, next_due)| *next_due).max(),
            due => due,
        };
        let moments = at.iter().map(|(_, next_due)| *next_due);
        let moments = moments.chain(ledgers).chain(self.vapi.next_step_at());
        Ok(moments
            .chain([to, now + longest])
            .min()
            .expect("one at least")
            .max(now))
    }

    /// Moves every clock.
    async fn leap(&self, to: Timestamp) -> anyhow::Result<()> {
        let by = Duration::try_from(to.duration_since(self.clock.now()) + MARGIN).unwrap_or_default();
        let ahead = self.clock.ahead() + SignedDuration::try_from(by)?;
        moved_clock::install(&self.database).await?;
        moved_clock::set_ahead(&self.database, ahead).await?;
        self.sqs.advance(by);
        // Whoever waits for it wakes up.
        self.clock.advance(by);
        Ok(())
    }
}

/// A gate that stands open, with the stack's clock beside it.
pub fn gate(clock: &SandboxClock) -> Gate {
    Gate::kept_by(std::sync::Arc::new(Clocked(clock.clone())))
}

struct Clocked(SandboxClock);

impl Keeper for Clocked {
    fn enter(&self, _: Operation) -> BoxFuture<'_, Result<Ticket, Severed>> {
        Box::pin(async { Ok(0) })
    }

    fn leave(&self, _: Ticket) -> BoxFuture<'_, Result<(), Severed>> {
        Box::pin(async { Ok(()) })
    }

    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}
