//! Tries the orders and accidents that production can meet, with the code that meets them.
//!
//! A run has its own people, events and accidents, all from one seed. Every function's own code takes part, on
//! a real database, against providers and queues that are spoken to over real HTTP. But the gate that each
//! operation passes is kept: one operation at a time is let through, and it is decided what becomes of it. The
//! clocks stand still while anything happens and are moved in between, past everything that can run out.
//! What must hold at the end is asked of the providers' records.
//!
//! What is the same for all of the product's workflows is in `run`; what a workflow brings along is a `play`.

mod calls;
mod campaign;
mod command;
mod director;
mod fate;
mod mutants;
mod play;
mod run;
mod stage;
mod texts;
mod timetable;

use std::sync::Arc;

pub use campaign::{Failure, Tally, on_a_stopped_clock, play_all, workers};
pub use command::{Arguments, MutantArguments, catch, explore, mutants, random, singles};
pub use director::Rephrase;
pub use fate::{Fate, Plan};
pub use mutants::Mutant;
pub use play::{Size, Workflow};
pub use run::{Faults, Outcome, Recipe};

use run::Run;
use stage::Stage;

/// One of the product's workflows, as it is or in a known-bad variant.
#[derive(Clone)]
pub struct Variant {
    /// Which.
    pub workflow: Workflow,
    /// Changes to the schema.
    pub schema: &'static str,
    /// Changes to statements.
    pub rephrase: Option<Arc<Rephrase>>,
}

impl From<Workflow> for Variant {
    fn from(workflow: Workflow) -> Self {
        Self {
            workflow,
            schema: "",
            rephrase: None,
        }
    }
}

/// A place in which recipes are played, one after another, on one thread.
pub struct Theatre {
    stage: Stage,
    workflow: Workflow,
}

impl Theatre {
    /// A new one, for a variant.
    pub async fn of(variant: &Variant) -> anyhow::Result<Self> {
        let stage = Stage::new(variant.workflow, variant.schema).await?;
        stage.director.rephrase_with(variant.rephrase.clone());
        let workflow = variant.workflow;
        Ok(Self { stage, workflow })
    }

    /// Plays a recipe.
    pub async fn play(&mut self, recipe: &Recipe) -> anyhow::Result<Outcome> {
        match self.workflow {
            Workflow::Texts => Run::<texts::Texts>::play(&mut self.stage, recipe).await,
            Workflow::Calls => Run::<calls::Calls>::play(&mut self.stage, recipe).await,
        }
    }
}
