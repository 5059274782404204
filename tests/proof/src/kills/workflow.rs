//! The workflows that are shot at: each a scene of its own on the same machinery.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::aim::Target;
use super::freezer::Ending;
use super::hits::Hits;
use super::{calls, texts};
use crate::judgement::Judgement;

/// What people are owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Workflow {
    /// A text for a missed call, through Twilio.
    Texts,
    /// The first and the daily call to a customer, through Vapi.
    Calls,
}

/// How the report speaks of a workflow.
pub(super) struct Words {
    /// What something is owed for.
    pub(super) causes: &'static str,
    /// What somebody gets.
    pub(super) acts: &'static str,
    /// Whose record is the judge.
    pub(super) provider: &'static str,
}

impl Workflow {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Texts, Self::Calls];

    /// As the command knows it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Texts => "texts",
            Self::Calls => "calls",
        }
    }

    pub(super) fn words(self) -> Words {
        match self {
            Self::Texts => Words {
                causes: "missed calls",
                acts: "texts",
                provider: "Twilio",
            },
            Self::Calls => Words {
                causes: "customers' calls that were owed",
                acts: "calls",
                provider: "Vapi",
            },
        }
    }

    fn targets(self) -> &'static [Target] {
        match self {
            Self::Texts => &texts::TARGETS,
            Self::Calls => &calls::TARGETS,
        }
    }

    /// The functions whose processes are killed, by name.
    pub fn under_fire(self) -> BTreeSet<&'static str> {
        self.targets().iter().map(|target| target.name).collect()
    }

    /// The statements around which processes are killed, by name.
    pub fn aimed_at(self) -> impl Iterator<Item = &'static str> {
        let targets = self.targets().iter();
        targets.flat_map(|target| target.heart.iter().chain(target.others).copied())
    }

    /// The world of a seed, under fire.
    pub(super) async fn kill(self, seed: u64, hits: Arc<Hits>) -> Judgement {
        match self {
            Self::Texts => {
                let mut scene = texts::Scene::begin(seed, &hits).await;
                scene.live_under_fire().await;
                scene.end().await
            }
            Self::Calls => {
                let mut scene = calls::Scene::begin(seed, &hits).await;
                scene.live_under_fire().await;
                scene.end().await
            }
        }
    }

    /// The world of a seed, in which so many are frozen at once.
    pub(super) async fn freeze(self, seed: u64, count: usize, ending: Ending, hits: &Hits) -> Judgement {
        match self {
            Self::Texts => texts::freeze(seed, count, ending, hits).await,
            Self::Calls => calls::freeze(seed, count, ending, hits).await,
        }
    }

    /// Invocations that come to their limit by themselves, or would.
    pub(super) async fn let_time_out(self, hits: &Hits) -> Judgement {
        let (mut judgement, other) = match self {
            Self::Texts => tokio::join!(texts::poller_is_held(hits), texts::batch_drips()),
            Self::Calls => tokio::join!(calls::sweeper_is_held(hits), calls::batch_is_held()),
        };
        judgement.add(other);
        judgement
    }
}
