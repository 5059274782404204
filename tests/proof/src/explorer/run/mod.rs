//! One run: one operation at a time, in an order and with fates that follow from a seed.

mod actors;
mod ground;
mod odds;
mod perform;

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use local::sandbox::ReadFault;

use super::director::{ActorId, Held};
use super::fate::Plan;
use super::play::{Deed, Next, Play, Size};
use super::stage::{Batch, Stage};
use actors::Actor;
pub use ground::Outcome;
pub(super) use ground::{Facts, Ground, Second, Span};
pub(super) use odds::Odds;

/// No run is longer, whatever happens in it.
const OPERATIONS_MAX: usize = 8_000;
const NAPS_MAX: usize = 20_000;

/// Where the fates come from.
#[derive(Debug, Clone)]
pub enum Faults {
    /// Drawn from the seed.
    Random,
    /// As planned, and everything else is done.
    Planned(Plan),
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The people, what they do, the order.
    pub seed: u64,
    /// How much of them.
    pub size: Size,
    /// What goes wrong.
    pub faults: Faults,
}

enum Choice {
    Operation(Held),
    Sleeper,
    Doorbells,
}

/// A run in progress.
pub(super) struct Run<'a, P> {
    ground: Ground<'a>,
    play: P,
    faults: Faults,
    chance: Rng,
    odds: Odds,
    /// Whoever sleeps was woken so often.
    naps: usize,
    actors: Vec<Actor>,
    actors_so_far: ActorId,
    frozen: BTreeMap<u64, Second>,
    /// Requests that the provider accepts later than it said.
    late: Vec<(Second, u64)>,
    doorbells_wait: bool,
    is_endless: bool,
}

impl<'a, P: Play> Run<'a, P> {
    /// Plays a recipe to its end and judges it.
    pub(super) async fn play(stage: &'a mut Stage, recipe: &Recipe) -> anyhow::Result<Outcome> {
        let mut rng = Rng::with_seed(recipe.seed);
        let mut play = P::of(&mut rng, recipe.size);
        let begin = play.begin();
        stage.clear(begin).await;
        stage.director.set_chance(rng.fork());
        play.prepare(stage).await;
        let schedule = rng.fork();
        let mut chance = rng.fork();
        let odds = P::odds(Odds::of_a_day(&mut chance));
        let mut run = Self {
            ground: Ground {
                stage,
                size: recipe.size,
                begin,
                now: 0,
                ticks: 0,
                schedule,
                facts: Facts::default(),
                outcome: Outcome::default(),
                thaws_at: None,
                is_calm: false,
            },
            play,
            faults: recipe.faults.clone(),
            chance,
            odds,
            naps: 0,
            actors: Vec::new(),
            actors_so_far: 0,
            frozen: BTreeMap::new(),
            late: Vec::new(),
            doorbells_wait: false,
            is_endless: false,
        };
        run.go().await?;
        run.play.judge(&mut run.ground).await?;
        Ok(run.ground.outcome)
    }

    async fn go(&mut self) -> anyhow::Result<()> {
        loop {
            self.tick().await?;
            if self.is_endless {
                return Ok(());
            }
            self.ground.ticks += 1;
            let is_at_rest = self.play.look_around(&mut self.ground).await?
                && self.actors.is_empty()
                && self.late.is_empty();
            // What somebody held who has died or given up is never thawed.
            let held = self.ground.stage.director.held();
            self.frozen
                .retain(|number, _| held.iter().any(|held| held.number == *number));
            self.ground.thaws_at = self.frozen.values().min().copied();
            match self.play.next(&mut self.ground, is_at_rest).await? {
                Next::Pass(seconds) => self.pass(seconds).await,
                Next::ThawAndPass(seconds) => {
                    self.frozen.clear();
                    self.pass(seconds).await;
                }
                Next::Over => break,
            }
        }
        // Whoever was frozen in the last minute is thawed in one after it.
        for _ in 0..4 {
            self.frozen.clear();
            if self.actors.is_empty() {
                break;
            }
            self.tick().await?;
        }
        for actor in &self.actors {
            self.ground.complain(format!("{} never ended", actor.name));
        }
        Ok(())
    }

    /// Lets time pass; what the provider accepts late, it accepts on the way.
    async fn pass(&mut self, seconds: Second) {
        let end = self.ground.now + seconds;
        // The queue keeps every doorbell to itself, also those that are rung again, until the next tick.
        if self.doorbells_wait {
            self.ground.facts.hindrances.push((self.ground.now, end));
        }
        while let Some(at) = self.late.iter().map(|(at, _)| *at).filter(|at| *at <= end).min() {
            self.move_clock(at - self.ground.now).await;
            let due: Vec<u64> = self
                .late
                .extract_if(.., |(when, _)| *when <= at)
                .map(|(_, request)| request)
                .collect();
            for request in due {
                if self.ground.stage.accept_after_all(P::WORKFLOW, request) {
                    self.ground.note(P::WORKFLOW.judge(), "accepts after all");
                    self.ground.saw("accepted late");
                    self.play.notice(&mut self.ground);
                }
            }
        }
        self.move_clock(end - self.ground.now).await;
    }

    async fn move_clock(&mut self, seconds: Second) {
        if seconds > 0 {
            self.ground
                .stage
                .pass(jiff::SignedDuration::from_secs(seconds))
                .await;
            self.ground.now += seconds;
        }
    }

    /// Everything that is due now, to its end or as far as it comes.
    async fn tick(&mut self) -> anyhow::Result<()> {
        let is_full = self.ground.size == Size::Full;
        self.doorbells_wait = is_full && self.ground.schedule.u8(0..10) == 0;
        self.happen().await?;
        let now = self.ground.now;
        let lists_are_away = self.play.troubles().lists_away_until(now).is_some();
        self.ground
            .stage
            .on_every_read(lists_are_away.then_some(ReadFault::Reset));
        if lists_are_away {
            self.ground.nothing_works(now);
            self.ground.saw("lists away");
        }
        if self.play.troubles().out_until(now).is_some() {
            self.ground.nothing_works(now);
            self.ground.saw("schedules missed");
        } else {
            for binary in P::SCHEDULES {
                let beside = if is_full {
                    self.ground.schedule.usize(0..3).max(1)
                } else {
                    1
                };
                for _ in 0..beside {
                    self.begin(binary, binary, Stage::tick(), Vec::new()).await?;
                }
            }
        }
        while let Some(choice) = self.choose().await? {
            match choice {
                Choice::Operation(held) => self.perform(held).await?,
                Choice::Sleeper => self.wake_sleepers().await?,
                Choice::Doorbells => self.answer_doorbells().await?,
            }
            self.happen().await?;
            if self.ground.outcome.operations.len() > OPERATIONS_MAX || self.naps > NAPS_MAX {
                let operations = self.ground.outcome.operations.len();
                let naps = self.naps;
                self.ground
                    .complain(format!("no end after {operations} operations and {naps} naps"));
                self.is_endless = true;
                return Ok(());
            }
        }
        Ok(())
    }

    /// The outside world does what it does by now.
    async fn happen(&mut self) -> anyhow::Result<()> {
        for deed in self.play.happen(&mut self.ground).await? {
            match deed {
                Deed::Invoke { binary, name, event } => {
                    self.begin(&binary, &name, event, Vec::new()).await?;
                }
                Deed::Write { what, sql } => self.write(what, sql).await?,
            }
        }
        Ok(())
    }

    /// One of everything that could happen next; `None` when nothing can before time passes.
    async fn choose(&mut self) -> anyhow::Result<Option<Choice>> {
        let all = self.ground.stage.director.held();
        let now = self.ground.now;
        let mut held: Vec<Held> = all
            .iter()
            .filter(|held| self.frozen.get(&held.number).is_none_or(|until| *until <= now))
            .copied()
            .collect();
        let sleeps = self
            .actors
            .iter()
            .any(|actor| all.iter().all(|held| held.actor != actor.id));
        loop {
            let rings = !self.doorbells_wait && self.ground.stage.has_doorbells(P::QUEUE);
            let choices = held.len() + usize::from(sleeps) + usize::from(rings);
            if choices == 0 {
                return Ok(None);
            }
            let chosen = self.ground.schedule.usize(..choices);
            match held.get(chosen) {
                Some(one) if self.is_waited_for(*one).await? => return Ok(Some(Choice::Operation(*one))),
                Some(_) => {
                    held.remove(chosen);
                }
                None if sleeps && chosen == held.len() => return Ok(Some(Choice::Sleeper)),
                None => return Ok(Some(Choice::Doorbells)),
            }
        }
    }

    /// Whether its process would go on with it now, or is busy with another of its operations.
    async fn is_waited_for(&mut self, held: Held) -> anyhow::Result<bool> {
        self.ground.stage.director.ask(held.number);
        self.go_on(held.actor).await?;
        Ok(self.ground.stage.director.has_answered())
    }

    /// Everybody whose nap is over goes on.
    async fn wake_sleepers(&mut self) -> anyhow::Result<()> {
        self.naps += 1;
        tokio::time::advance(Duration::from_millis(250)).await;
        let everybody: Vec<ActorId> = self.actors.iter().map(|actor| actor.id).collect();
        for actor in everybody {
            self.go_on(actor).await?;
        }
        Ok(())
    }

    /// A sandbox gets the next doorbells; or two do, or none.
    async fn answer_doorbells(&mut self) -> anyhow::Result<()> {
        let Some(Batch { event, receipts }) = self.ground.stage.doorbells(P::QUEUE).await? else {
            return Ok(());
        };
        let luck = if self.ground.size == Size::Full {
            self.ground.schedule.u8(0..20)
        } else {
            20
        };
        if luck == 0 {
            self.ground.note("queue", "loses a doorbell");
            self.ground.saw("doorbell lost");
            for receipt in &receipts {
                self.ground.stage.delete(receipt).await;
            }
            return Ok(());
        }
        if luck < 4 {
            self.ground.note("queue", "delivers a doorbell twice");
            self.ground.saw("doorbell delivered twice");
            self.begin("job-runner", "runner", event.clone(), Vec::new())
                .await?;
        }
        self.begin("job-runner", "runner", event, receipts).await
    }
}
