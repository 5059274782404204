//! What a workflow brings along to be explored: the engine of a run asks it for everything that is not the same
//! for all of them.
//!
//! A workflow is a page of its outside world, one of what must hold in the end, and one of the mistakes that must be
//! caught.

use fastrand::Rng;
use jiff::Timestamp;
use local::invoke::InvokeError;
use serde_json::Value;
use shared::platform::gate::Operation;

use super::fate::Fate;
use super::run::{Ground, Odds, Second};
use super::stage::{Queue, Stage};
use super::timetable::Troubles;
use super::{Mutant, calls, texts};

/// One of the product's workflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Workflow {
    /// Who was not answered is texted.
    Texts,
    /// Customers are welcomed by a call, and then called once a day.
    Calls,
}

impl Workflow {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Texts, Self::Calls];

    /// As the command line and the report's files name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Texts => "texts",
            Self::Calls => "calls",
        }
    }

    /// For a heading.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Texts => "texts after missed calls",
            Self::Calls => "calls to customers",
        }
    }

    /// Whose record is the judge.
    pub(super) fn judge(self) -> &'static str {
        match self {
            Self::Texts => "Twilio",
            Self::Calls => "Vapi",
        }
    }

    /// How many seconds after a broken connection the provider may accept what it was asked for. An hour later
    /// nobody looks for it any more, and after a quarter of an hour it may have been proven absent: for texts that
    /// is what nothing helps against, and a call's day is not given back even then.
    pub(super) fn accepts_late_after(self) -> [Second; 4] {
        match self {
            Self::Texts => [30, 90, 200, 420],
            Self::Calls => [30, 200, 420, 25 * 60],
        }
    }

    /// Its known-bad variants.
    pub fn mutants(self) -> &'static [Mutant] {
        match self {
            Self::Texts => texts::MUTANTS,
            Self::Calls => calls::MUTANTS,
        }
    }

    /// What has to be seen in at least one of a hundred random runs; else they did not try what they are for.
    pub fn sights(self) -> &'static [&'static str] {
        match self {
            Self::Texts => texts::SIGHTS,
            Self::Calls => calls::SIGHTS,
        }
    }
}

/// How wide a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// One person, one of each function at a time: small enough to try everything.
    Small,
    /// Several people, functions beside themselves, lost and doubled messages.
    Full,
}

/// Something that begins now.
pub(super) enum Deed {
    /// A function is invoked.
    Invoke {
        binary: String,
        /// For the trace.
        name: String,
        event: Value,
    },
    /// Somebody writes into the database, at a moment of its own.
    Write { what: &'static str, sql: String },
}

/// How a run goes on after a tick.
pub(super) enum Next {
    /// So many seconds later.
    Pass(Second),
    /// The same, and whoever is frozen is thawed.
    ThawAndPass(Second),
    /// It is over.
    Over,
}

/// How an invocation ended; `None` if its process died.
pub(super) type End<'a> = Option<&'a Result<Value, InvokeError>>;

/// A workflow in one run.
pub(super) trait Play: Sized {
    /// Which it is.
    const WORKFLOW: Workflow;
    /// The functions that tick.
    const SCHEDULES: &'static [&'static str];
    /// Where its doorbells ring.
    const QUEUE: Queue;
    /// How the names of invocations begin by which the provider tells what became of something.
    const CALLBACKS: &'static str;

    /// The outside world that follows from a seed.
    fn of(rng: &mut Rng, size: Size) -> Self;

    /// When it begins.
    fn begin(&self) -> Timestamp;

    /// What stands in the database beforehand, and how the provider is.
    async fn prepare(&mut self, stage: &Stage);

    /// How likely accidents are, given how likely they are otherwise.
    fn odds(odds: Odds) -> Odds {
        odds
    }

    /// What does not work for a while.
    fn troubles(&self) -> Troubles;

    /// What has happened by now.
    async fn happen(&mut self, ground: &mut Ground<'_>) -> anyhow::Result<Vec<Deed>>;

    /// What is to be seen between two ticks; whether the ledger is at rest.
    async fn look_around(&mut self, ground: &mut Ground<'_>) -> anyhow::Result<bool>;

    /// When the next tick is. `is_at_rest` is whether there is nothing that anybody still has to do.
    async fn next(&mut self, ground: &mut Ground<'_>, is_at_rest: bool) -> anyhow::Result<Next>;

    /// A permit is about to be asked for. With `is_time` somebody thinks better of it at the last moment.
    async fn before_grant(&mut self, ground: &mut Ground<'_>, chance: &mut Rng, is_time: bool);

    /// An operation was let go, with this fate.
    async fn after(
        &mut self,
        ground: &mut Ground<'_>,
        operation: Operation,
        fate: Fate,
    ) -> anyhow::Result<()>;

    /// The provider may have accepted something: it will tell of it, or not.
    fn notice(&mut self, ground: &mut Ground<'_>);

    /// The provider answered a request to reach this person in this way.
    fn answered(&mut self, ground: &mut Ground<'_>, person: &str, fate: Fate);

    /// An invocation has ended.
    fn ended(&mut self, ground: &mut Ground<'_>, name: &str, end: End<'_>);

    /// What must not be, at the end of the run.
    async fn judge(&self, ground: &mut Ground<'_>) -> anyhow::Result<()>;
}
