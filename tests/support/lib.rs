//! What the system tests share: a world with people in it, on real components.

mod database;

pub use database::{TestDatabase, server};
