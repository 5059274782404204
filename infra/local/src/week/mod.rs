//! Customers for the local stack: somebody pays, time passes, a week of calls is made and judged.

mod cast;
mod play;
mod verdict;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_postgres::Client;

use crate::callers::streamed;
use crate::sandbox_stripe::{Happening, Payer, SandboxStripe};
use crate::time_machine::TimeMachine;

pub use verdict::{Called, Promise};

/// What the customers need of the stack.
pub struct Customers {
    /// Whom they pay with.
    pub stripe: SandboxStripe,
    /// What moves the clock; `None` where a provider or the database is a real one.
    pub time: Option<TimeMachine>,
    /// The database, to ask what follows.
    pub database: Client,
    /// How people reach it.
    pub database_url: String,
}

/// Something that a customer, or their bank, does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Payment {
    /// Who.
    pub payer: Payer,
    /// What.
    pub what: Happening,
}

/// How far to move the clock.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Journey {
    /// So much.
    For(SignedDuration),
    /// To this moment.
    Until(Timestamp),
}

/// A week to play.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Week {
    /// How many days it has.
    pub days: u32,
    /// How Vapi treats who wants a call placed.
    pub vapi: Manners,
}

/// How Vapi treats who wants a call placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Manners {
    /// It takes every call and says so.
    Works,
    /// It takes every call, and its answers are lost.
    LosesAnswers,
    /// It refuses every call.
    Refuses,
}

/// Routes for the command line; they are no part of the product.
pub fn router(customers: Customers) -> Router {
    Router::new()
        .route("/_local/pay", post(pay))
        .route("/_local/travel", post(travel))
        .route("/_local/week", post(week))
        .with_state(Arc::new(customers))
}

async fn pay(State(customers): State<Arc<Customers>>, Json(payment): Json<Payment>) -> Response {
    let (reader, response) = Reader::streamed();
    tokio::spawn(async move { reader.end(customers.pay(&payment, &reader).await) });
    response
}

async fn travel(State(customers): State<Arc<Customers>>, Json(journey): Json<Journey>) -> Response {
    let (reader, response) = Reader::streamed();
    tokio::spawn(async move { reader.end(customers.travel(journey, &reader).await) });
    response
}

async fn week(State(customers): State<Arc<Customers>>, Json(week): Json<Week>) -> Response {
    let (reader, response) = Reader::streamed();
    tokio::spawn(async move { reader.end(customers.week(week, &reader).await) });
    response
}

/// Whoever reads along at the command line.
struct Reader(mpsc::UnboundedSender<String>);

impl Reader {
    fn streamed() -> (Self, Response) {
        let (lines, response) = streamed();
        (Self(lines), response)
    }

    fn say(&self, line: impl Into<String>) {
        let _ = self.0.send(line.into());
    }

    fn say_all(&self, lines: impl IntoIterator<Item = String>) {
        lines.into_iter().for_each(|line| self.say(format!("  {line}")));
    }

    fn is_there(&self) -> bool {
        !self.0.is_closed()
    }

    fn end(&self, done: anyhow::Result<()>) {
        if let Err(error) = done {
            self.say(format!("✗  {error:#}"));
        }
    }
}
