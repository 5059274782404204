//! Tries the orders and accidents that production can meet, with the code that meets them.
//!
//! A run has its own people, calls and accidents, all from one seed. Every function's own code takes part, on
//! a real database, against a Twilio and queues that are spoken to over real HTTP. But the gate that each
//! operation passes is kept: one operation at a time is let through, and it is decided what becomes of it. The
//! clocks stand still while anything happens and are moved in between, past everything that can run out.
//! What must hold at the end is asked of Twilio's record.

mod campaign;
mod command;
mod director;
mod fate;
mod mutants;
mod oracle;
mod run;
mod script;
mod stage;

use std::sync::Arc;

pub use campaign::{Failure, Tally, on_a_stopped_clock, play_all, workers};
pub use command::{Arguments, MutantArguments, catch, explore, mutants, random, singles};
pub use director::Rephrase;
pub use fate::{Fate, Plan};
pub use mutants::{MUTANTS, Mutant};
pub use run::{Faults, Outcome, Recipe};
pub use script::Size;

use run::Run;
use stage::Stage;

/// The product, or a known-bad variant of it.
#[derive(Clone, Default)]
pub struct Variant {
    /// Changes to the schema.
    pub schema: &'static str,
    /// Changes to statements.
    pub rephrase: Option<Arc<Rephrase>>,
}

/// A place in which recipes are played, one after another, on one thread.
pub struct Theatre(Stage);

impl Theatre {
    /// A new one, for a variant.
    pub async fn of(variant: &Variant) -> anyhow::Result<Self> {
        let stage = Stage::new(variant.schema).await?;
        stage.director.rephrase_with(variant.rephrase.clone());
        Ok(Self(stage))
    }

    /// Plays a recipe.
    pub async fn play(&mut self, recipe: &Recipe) -> anyhow::Result<Outcome> {
        Run::play(&mut self.0, recipe).await
    }
}
