//! Known-bad variants of the product, each of which must be caught.
//!
//! They are mistakes that somebody has made: in the systems that this one replaces, in the job queues of
//! others, or in drafts of this one. Each changes some statements or the schema and nothing else, so that
//! what is tried is the product with one mistake in it.

use std::collections::HashMap;
use std::sync::Arc;

use shared::platform::database::Statement;

use super::{Variant, Workflow};

/// A variant with one mistake.
pub struct Mutant {
    /// By what it is called for.
    pub name: &'static str,
    /// The mistake.
    pub about: &'static str,
    /// What must be found wrong because of it.
    pub complaint: &'static str,
    pub(super) schema: &'static str,
    pub(super) statements: &'static [(&'static str, Change)],
}

pub(super) enum Change {
    /// The statement is another one.
    Is(&'static str),
    /// The statement's first such words are others.
    Says(&'static str, &'static str),
}

/// A statement out of a file beside whoever names it.
macro_rules! mutated {
    ($name:literal) => {
        Change::Is(include_str!(concat!($name, ".sql")))
    };
}
pub(super) use mutated;

/// Without the constraint that would refuse what a mutant does; the rule itself is what is tried.
pub(super) const REFUSAL_OF_ANY_KIND: &str =
    "ALTER TABLE attempts DROP CONSTRAINT only_a_definite_no_is_a_refusal";

impl Mutant {
    /// The product with this mistake in it, in this workflow.
    ///
    /// # Panics
    /// The words that it changes are not there any more.
    pub fn variant(&self, workflow: Workflow) -> Variant {
        let changes: HashMap<&str, &'static Change> = self
            .statements
            .iter()
            .map(|(name, change)| (*name, change))
            .collect();
        let rephrase = move |statement: Statement| match changes.get(statement.name) {
            None => statement,
            Some(Change::Is(sql)) => Statement { sql, ..statement },
            Some(Change::Says(words, others)) => {
                assert!(statement.sql.contains(words), "{}: no {words}", statement.name);
                let sql = statement.sql.replacen(words, others, 1);
                // A few hundred bytes for each time that a mutant is tried.
                Statement {
                    sql: sql.leak(),
                    ..statement
                }
            }
        };
        Variant {
            workflow,
            schema: self.schema,
            rephrase: Some(Arc::new(rephrase)),
        }
    }
}
