//! x

pub mod sandbox;
