//! Where a process meets what it does not decide itself: the database, a provider, a queue, the clock, chance.
//!
//! Every statement, request and message passes the gate by its name. In production nobody keeps it and it
//! stands open. A [`Keeper`] can hold each operation until its turn comes, lose it, lose its answer or never
//! come back, which is all that a network and a crash can do; so every order of events that production can
//! meet can be tried, with the code that meets it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;

use super::database::Statement;

/// One thing that is about to leave this process, and its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Taking a connection to the database.
    Connect,
    /// A statement, by its file's name.
    Statement(&'static str),
    /// A request to a provider that reaches a person.
    Send(&'static str),
    /// A request for a provider's records.
    Read(&'static str),
    /// A request to a queue.
    Queue(&'static str),
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Statement(name) | Self::Send(name) | Self::Read(name) | Self::Queue(name) => name,
        })
    }
}

/// What a keeper did to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Severed {
    /// It never left.
    #[error("it never left")]
    NotDone,
    /// It was carried out, and its answer was lost.
    #[error("its answer was lost")]
    Unheard,
}

/// What a keeper knows an operation by that it has let through.
pub type Ticket = u64;

/// Somebody who decides what becomes of each operation, and when.
pub trait Keeper: Send + Sync {
    /// Before the operation leaves. An error means that it never does; a future that never ends, that the
    /// process died here.
    fn enter(&self, operation: Operation) -> BoxFuture<'_, Result<Ticket, Severed>>;

    /// After it was carried out. An error means that its answer was lost.
    fn leave(&self, ticket: Ticket) -> BoxFuture<'_, Result<(), Severed>>;

    /// The statement to send in this one's place.
    fn phrase(&self, statement: Statement) -> Statement {
        statement
    }

    /// The wall clock.
    fn now(&self) -> SystemTime {
        super::wall_clock()
    }

    /// Any number in `0.0..1.0`.
    fn chance(&self) -> f64 {
        fastrand::f64()
    }
}

/// The gate of one process. Cloning shares its keeper.
#[derive(Clone, Default)]
pub struct Gate(Option<Arc<dyn Keeper>>);

impl Gate {
    /// A gate that somebody keeps.
    pub fn kept_by(keeper: Arc<dyn Keeper>) -> Self {
        Self(Some(keeper))
    }

    /// Carries an operation out, if and when the keeper lets it.
    pub async fn pass<T, E: From<Severed>>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let Some(keeper) = &self.0 else {
            return work.await;
        };
        let ticket = keeper.enter(operation).await?;
        let result = work.await;
        keeper.leave(ticket).await?;
        result
    }

    /// The statement as it is to be sent.
    pub(super) fn phrase(&self, statement: Statement) -> Statement {
        match &self.0 {
            Some(keeper) => keeper.phrase(statement),
            None => statement,
        }
    }

    /// Any number in `0.0..1.0`, so that what failed together does not return together.
    pub fn chance(&self) -> f64 {
        self.0
            .as_ref()
            .map_or_else(fastrand::f64, |keeper| keeper.chance())
    }

    /// Whether more than `time` has passed since. The wall clock goes on while a sandbox is frozen, and what was
    /// read or allowed before then is not to be acted upon.
    pub fn has_passed(&self, time: Duration, since: SystemTime) -> bool {
        self.now().duration_since(since).is_ok_and(|passed| passed > time)
    }

    /// What the wall clock shows.
    pub fn now(&self) -> SystemTime {
        self.0
            .as_ref()
            .map_or_else(super::wall_clock, |keeper| keeper.now())
    }
}
