//! What the system tests share: a world with people in it, on real components.

mod binaries;
mod database;
mod moto;
mod postgres_proxy;
mod world;

pub use binaries::{binary, real};
pub use database::{TestDatabase, server};
pub use moto::Moto;
pub use postgres_proxy::{PostgresProxy, StopAt};
pub use world::{CALLER, CRON_SECRET, JOB_RUNNER_TOKEN, LINE, OWNER, World};
