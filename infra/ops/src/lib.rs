//! The operator's tool: bring a database up to date, say whether it is, answer for each customer's calls, and switch
//! calling and answering on and off.
//!
//! Each command reports exactly what it looked at. What only reads says so by its name (`verify`, `why`, `preview`,
//! `preflight`); what writes is safe to run twice (`migrate`, `repair`, `pause`, `resume`, `take`,
//! `hand-back`, `retry`, `decide`).

mod answers;
mod connect;
mod decide;
mod migrate;
mod preflight;
mod preview;
mod readiness;
mod repair;
mod settings;
mod switches;
mod verify;
mod why;

pub use answers::{answers_waiting, hand_back, pause_answers, resume_answers, retry, take};
pub use connect::connect;
pub use decide::{decide, undecided};
pub use migrate::migrate;
pub use preflight::{Calls, Preflight, preflight};
pub use preview::preview;
pub use readiness::{Level, Verdict, is_sound, percent, readiness};
pub use repair::{Repair, Subject, counts, repair};
pub use switches::{Moment, pause_all, pause_customer, resume_all, resume_customer};
pub use verify::{Finding, catalog, expected_catalog, verify};
pub use why::why;
