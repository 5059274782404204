//! Keeps the gate of every function in a run: holds each operation until the run has chosen it.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::SystemTime;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, pending};
use shared::platform::database::Statement;
use shared::platform::gate::{Keeper, Operation, Severed, Ticket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Who performs operations: one invocation of one function.
pub(super) type ActorId = usize;

/// What a held operation is let go with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Go on.
    Go {
        /// What becomes of the answer.
        then: Then,
    },
    /// Never leave.
    Lose,
    /// Die here.
    Die,
}

/// What becomes of the answer of an operation that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Hear,
    Lose,
    Die,
    Freeze,
}

/// An operation that waits for its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) number: u64,
    pub(super) actor: ActorId,
    pub(super) operation: Operation,
    /// It has been carried out, and its process is frozen.
    pub(super) is_answer: bool,
}

struct Waiting {
    held: Held,
    turn: Option<Turn>,
    waker: Option<Waker>,
}

struct Flight {
    ticket: Ticket,
    operation: Operation,
    then: Then,
    _connects: Option<OwnedSemaphorePermit>,
}

#[derive(Default)]
struct State {
    acting: Option<ActorId>,
    number: u64,
    waiting: Vec<Waiting>,
    flights: Vec<Flight>,
    dead: BTreeSet<ActorId>,
    /// Whose future is asked whether anybody polls it.
    asked: Option<u64>,
    now: Option<SystemTime>,
    chance: Option<fastrand::Rng>,
}

impl State {
    fn waiting(&mut self, number: u64) -> Option<&mut Waiting> {
        self.waiting
            .iter_mut()
            .find(|waiting| waiting.held.number == number)
    }
}

/// A statement by another text, which a known-bad variant of the product would have.
pub type Rephrase = dyn Fn(Statement) -> Statement + Send + Sync;

/// The keeper.
pub(super) struct Director {
    state: Mutex<State>,
    rephrase: Mutex<Option<Arc<Rephrase>>>,
    /// Connections are made one after another: which of two comes about first would be chance.
    connecting: Arc<Semaphore>,
}

impl Director {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            rephrase: Mutex::default(),
            connecting: Arc::new(Semaphore::new(1)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the last run.
    pub(super) fn forget(&self) {
        *self.state() = State::default();
    }

    pub(super) fn rephrase_with(&self, rephrase: Option<Arc<Rephrase>>) {
        *self.rephrase.lock().unwrap_or_else(PoisonError::into_inner) = rephrase;
    }

    /// Everybody's chance comes from this.
    pub(super) fn set_chance(&self, rng: fastrand::Rng) {
        self.state().chance = Some(rng);
    }

    pub(super) fn set_clock(&self, now: SystemTime) {
        self.state().now = Some(now);
    }

    /// From now on, or until `None`, whatever is done is done by this one.
    pub(super) fn acts(&self, actor: Option<ActorId>) {
        self.state().acting = actor;
    }

    /// Whether something is being carried out.
    pub(super) fn is_busy(&self) -> bool {
        !self.state().flights.is_empty()
    }

    pub(super) fn has_died(&self, actor: ActorId) -> bool {
        self.state().dead.contains(&actor)
    }

    /// What waits for its turn, in the order in which it came.
    pub(super) fn held(&self) -> Vec<Held> {
        self.state().waiting.iter().map(|waiting| waiting.held).collect()
    }

    /// Lets one of them go.
    pub(super) fn release(&self, number: u64, turn: Turn) {
        let waker = {
            let mut state = self.state();
            let waiting = state.waiting(number).expect("it is held");
            waiting.turn = Some(turn);
            waiting.waker.take()
        };
        waker.inspect(Waker::wake_by_ref);
    }

    /// Asks for a sign of life of whoever waits for this turn: an operation among several may be waiting while
    /// its process is busy with another and does not look. [`Self::has_answered`] tells, once it has been
    /// polled.
    pub(super) fn ask(&self, number: u64) {
        let waker = {
            let mut state = self.state();
            state.asked = Some(number);
            state.waiting(number).and_then(|waiting| waiting.waker.take())
        };
        waker.inspect(Waker::wake_by_ref);
    }

    /// Whether whoever was asked has looked.
    pub(super) fn has_answered(&self) -> bool {
        self.state().asked.take().is_none()
    }

    async fn hold(&self, operation: Operation, is_answer: bool) -> Turn {
        let number = {
            let mut state = self.state();
            let actor = state.acting.expect("whoever acts has been named");
            state.number += 1;
            let held = Held {
                number: state.number,
                actor,
                operation,
                is_answer,
            };
            state.waiting.push(Waiting {
                held,
                turn: None,
                waker: None,
            });
            held.number
        };
        let _given_up = GivesUp {
            director: self,
            number,
        };
        poll_fn(|context| {
            let mut state = self.state();
            if state.asked == Some(number) {
                state.asked = None;
            }
            let waiting = state.waiting(number).expect("until it stops waiting");
            waiting.waker = Some(context.waker().clone());
            waiting.turn.take().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    async fn die<T>(&self) -> T {
        {
            let mut state = self.state();
            let actor = state.acting.expect("whoever acts has been named");
            state.dead.insert(actor);
        }
        pending().await
    }
}

/// Takes an operation off the list when whoever waits for its turn stops waiting.
struct GivesUp<'a> {
    director: &'a Director,
    number: u64,
}

impl Drop for GivesUp<'_> {
    fn drop(&mut self) {
        self.director
            .state()
            .waiting
            .retain(|waiting| waiting.held.number != self.number);
    }
}

impl Keeper for Director {
    fn enter(&self, operation: Operation) -> BoxFuture<'_, Result<Ticket, Severed>> {
        async move {
            // Taking a connection shows nothing to anybody; a failing one is the first statement's failure.
            let (turn, connects) = match operation {
                Operation::Connect => {
                    let connects = Arc::clone(&self.connecting).acquire_owned().await;
                    (Turn::Go { then: Then::Hear }, connects.ok())
                }
                _ => (self.hold(operation, false).await, None),
            };
            match turn {
                Turn::Go { then } => {
                    let mut state = self.state();
                    state.number += 1;
                    let ticket = state.number;
                    state.flights.push(Flight {
                        ticket,
                        operation,
                        then,
                        _connects: connects,
                    });
                    Ok(ticket)
                }
                Turn::Lose => Err(Severed::NotDone),
                Turn::Die => self.die().await,
            }
        }
        .boxed()
    }

    fn leave(&self, ticket: Ticket) -> BoxFuture<'_, Result<(), Severed>> {
        async move {
            let flight = {
                let mut state = self.state();
                let at = state
                    .flights
                    .iter()
                    .position(|flight| flight.ticket == ticket)
                    .expect("it has entered");
                state.flights.remove(at)
            };
            match flight.then {
                Then::Hear => Ok(()),
                Then::Lose => Err(Severed::Unheard),
                Then::Die => self.die().await,
                Then::Freeze => match self.hold(flight.operation, true).await {
                    Turn::Go { .. } => Ok(()),
                    Turn::Lose => Err(Severed::Unheard),
                    Turn::Die => self.die().await,
                },
            }
        }
        .boxed()
    }

    fn phrase(&self, statement: Statement) -> Statement {
        let rephrase = self.rephrase.lock().unwrap_or_else(PoisonError::into_inner);
        match &*rephrase {
            Some(rephrase) => rephrase(statement),
            None => statement,
        }
    }

    fn chance(&self) -> f64 {
        let mut state = self.state();
        state.chance.as_mut().map_or(0.5, fastrand::Rng::f64)
    }

    fn now(&self) -> SystemTime {
        self.state().now.unwrap_or_else(shared::platform::wall_clock)
    }
}
