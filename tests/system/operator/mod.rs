//! What an operator can ask and switch: `ops` on a real ledger, whose rows the product's own statements have made.

mod answers;
mod callees;
mod decide;
mod preflight;
mod preview;
mod program;
mod readiness;
mod repair;
mod switches;
mod why;

use callees::Callees;
