//! What the system tests share: a world with people in it, on real components.

mod database;
mod postgres_proxy;

pub use database::{TestDatabase, server};
pub use postgres_proxy::{PostgresProxy, StopAt};
