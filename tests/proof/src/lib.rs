//! What makes "never twice, never silently none" a figure: the same product, its schedules explored, its
//! processes killed, its database broken.
//!
//! Each part runs by a command of `proof` and leaves a [`report::Section`]; the report is made of those. A
//! small slice of each part runs with the tests.

pub mod bench;
pub mod crashes;
pub mod explorer;
pub mod fuzz;
pub mod judgement;
pub mod kills;
pub mod report;
