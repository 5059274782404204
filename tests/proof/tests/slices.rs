//! A slice of each part of the proof, small enough for every change.

#[path = "slices/bench.rs"]
mod bench;
#[path = "slices/crashes.rs"]
mod crashes;
#[path = "slices/explorer.rs"]
mod explorer;
#[path = "slices/judgement.rs"]
mod judgement;
#[path = "slices/judgement_of_calls.rs"]
mod judgement_of_calls;
#[path = "slices/kills.rs"]
mod kills;
