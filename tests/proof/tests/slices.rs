//! A slice of each part of the proof, small enough for every change.

#[path = "slices/bench.rs"]
mod bench;
#[path = "slices/crashes.rs"]
mod crashes;
#[path = "slices/explorer.rs"]
mod explorer;
#[path = "slices/judgement.rs"]
mod judgement;
#[path = "slices/kills.rs"]
mod kills;
