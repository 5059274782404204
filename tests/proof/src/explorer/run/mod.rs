//! One run: one operation at a time, in an order and with fates that follow from a seed.

mod actors;
mod odds;
mod perform;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use local::sandbox::ReadFault;
use shared::platform::gate::Operation;

use super::director::{ActorId, Held};
use super::fate::Plan;
use super::oracle;
use super::script::{Happening, LINE, MUCH_LATER, NAMES, OWNER, Script, Second, Size};
use super::stage::{Batch, Stage};
use actors::Actor;
use odds::Odds;

/// Ordinary days, and nights on which clocks are changed.
const BEGINNINGS: [&str; 4] = [
    "2026-06-10T14:30:00Z",
    "2026-03-08T05:30:00Z",
    "2026-11-01T04:30:00Z",
    "2026-12-31T20:30:00Z",
];
/// Past this every timer of the product has run out several times.
const HORIZON: Second = 6 * 3600;
/// When the schedules tick further apart, what they are late for is explained by it.
const TICKS_ARE_REGULAR: Second = 12 * 60;
/// No run is longer, whatever happens in it.
const OPERATIONS_MAX: usize = 6_000;
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
    /// The people, the calls, the order.
    pub seed: u64,
    /// How much of them.
    pub size: Size,
    /// What goes wrong.
    pub faults: Faults,
}

/// How a run went.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What must not happen and did.
    pub violations: Vec<String>,
    /// What went wrong, and where.
    pub plan: Plan,
    /// Every operation, in order.
    pub operations: Vec<Operation>,
    /// What was seen at least once.
    pub seen: BTreeSet<&'static str>,
    /// What happened, line by line; the same for the same recipe.
    pub trace: Vec<String>,
    /// How many texts were owed.
    pub jobs: usize,
}

/// What went on in a run that the oracle has to know: what may explain that somebody was not texted.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) begin: Timestamp,
    /// Who said stop, to a person or to Twilio.
    pub(super) stopped: BTreeSet<String>,
    /// To whom Twilio refuses every text.
    pub(super) stopped_at_twilio: BTreeSet<String>,
    /// The attempts of which Twilio said that the number is none.
    pub(super) bad_numbers: BTreeSet<String>,
    /// The last request whose credentials were refused.
    pub(super) last_unauthorized: Option<u64>,
    /// What the owner had changed, and when.
    pub(super) line_changes: Vec<(Second, &'static str)>,
    /// From when to when something kept texts from being sent, or Twilio's lists from being read.
    pub(super) hindrances: Vec<Span>,
    /// Those of them that kept Twilio's lists from being read.
    pub(super) unread: Vec<Span>,
}

/// From when to when.
pub(super) type Span = (Second, Second);

impl Facts {
    /// Whether something kept the lists from being read at any time between the two.
    pub(super) fn were_unread(&self, from: Second, until: Second) -> bool {
        self.unread
            .iter()
            .any(|(began, ended)| *began <= until && from <= *ended)
    }

    /// For how long at most nothing stood in the way between the two, of what concerned everybody and `besides`.
    pub(super) fn longest_calm(&self, from: Second, until: Second, besides: &[Span]) -> Second {
        let mut hindrances = [&self.hindrances, besides].concat();
        hindrances.push((until, until));
        hindrances.sort_unstable();
        let (mut calm, mut since) = (0, from);
        for (began, ended) in hindrances {
            calm = calm.max(began.min(until) - since);
            since = since.max(ended);
        }
        calm
    }
}

enum Choice {
    Operation(Held),
    Sleeper,
    Doorbells,
}

/// A run in progress.
pub(super) struct Run<'a> {
    stage: &'a mut Stage,
    pub(super) script: Script,
    pub(super) facts: Facts,
    pub(super) outcome: Outcome,
    faults: Faults,
    schedule: Rng,
    chance: Rng,
    odds: Odds,
    now: Second,
    /// Whoever sleeps was woken so often.
    naps: usize,
    actors: Vec<Actor>,
    actors_so_far: ActorId,
    frozen: BTreeMap<u64, Second>,
    /// Requests that Twilio accepts later than it said.
    late: Vec<(Second, u64)>,
    texts: usize,
    doorbells_wait: bool,
    /// The last faults are over: from here on everything works.
    is_calm: bool,
}

impl<'a> Run<'a> {
    /// Plays a recipe to its end and judges it.
    pub(super) async fn play(stage: &'a mut Stage, recipe: &Recipe) -> anyhow::Result<Outcome> {
        let mut rng = Rng::with_seed(recipe.seed);
        let begin: Timestamp = BEGINNINGS[rng.usize(..BEGINNINGS.len())].parse()?;
        stage.clear(begin).await;
        let line = format!(
            "INSERT INTO lines (number, forward_to, business_name) VALUES ('{LINE}', '{OWNER}', '{}')",
            NAMES[0]
        );
        stage.database.sql(&line).await;
        stage.director.set_chance(rng.fork());
        let script = Script::of(&mut rng, recipe.size, begin);
        stage.twilio.lag_lists_by(script.list_lag.unsigned_abs());
        if recipe.size == Size::Full && rng.bool() {
            stage.twilio.cap_pages_at(rng.usize(1..4));
        }
        let schedule = rng.fork();
        let mut chance = rng.fork();
        let odds = Odds::of_a_day(&mut chance);
        let mut run = Self {
            stage,
            script,
            facts: Facts {
                begin,
                ..Facts::default()
            },
            outcome: Outcome::default(),
            faults: recipe.faults.clone(),
            schedule,
            chance,
            odds,
            now: 0,
            naps: 0,
            actors: Vec::new(),
            actors_so_far: 0,
            frozen: BTreeMap::new(),
            late: Vec::new(),
            texts: 0,
            doorbells_wait: false,
            is_calm: false,
        };
        run.go().await?;
        oracle::judge(run.stage, &run.script, &run.facts, &mut run.outcome).await?;
        Ok(run.outcome)
    }

    async fn go(&mut self) -> anyhow::Result<()> {
        let mut ticks = 0;
        while self.now < MUCH_LATER {
            self.tick().await?;
            ticks += 1;
            let is_over = self.look_around().await? && self.script.is_quiet();
            let step = if is_over || self.now > HORIZON {
                self.thaw();
                MUCH_LATER - self.now
            } else {
                self.step_after(ticks)
            };
            self.pass(step).await;
        }
        // Copies that come after the cleanup, and what they would cause.
        self.is_calm = true;
        while !self.script.is_over() {
            self.tick().await?;
            let next = self.script.next_at().unwrap_or(self.now);
            self.pass((next - self.now).max(150)).await;
        }
        // Whoever was frozen in the last minute is thawed in one after it.
        for _ in 0..4 {
            self.thaw();
            if self.actors.is_empty() {
                break;
            }
            self.tick().await?;
        }
        for actor in &self.actors {
            self.outcome
                .violations
                .push(format!("{} never ended", actor.name));
        }
        Ok(())
    }

    fn step_after(&mut self, ticks: usize) -> Second {
        match (self.script.size, ticks) {
            (Size::Small, 0..=6) => 60,
            (Size::Small, _) => 6 * 60,
            (Size::Full, 0..=13) => self.schedule.i64(20..70),
            (Size::Full, _) if self.now < 2 * 3600 => self.schedule.i64(60..720),
            (Size::Full, _) => self.schedule.i64(1200..3600),
        }
    }

    /// Lets time pass; what Twilio accepts late, it accepts on the way.
    async fn pass(&mut self, seconds: Second) {
        let end = self.now + seconds;
        if seconds > TICKS_ARE_REGULAR {
            self.nothing_works(end);
        }
        // The queue keeps every doorbell to itself, also those that are rung again, until the next tick.
        if self.doorbells_wait {
            self.facts.hindrances.push((self.now, end));
        }
        while let Some(at) = self.late.iter().map(|(at, _)| *at).filter(|at| *at <= end).min() {
            self.move_clock(at - self.now).await;
            let due: Vec<u64> = self
                .late
                .extract_if(.., |(when, _)| *when <= at)
                .map(|(_, request)| request)
                .collect();
            for request in due {
                if self.stage.twilio.accept_after_all(request).is_some() {
                    self.note("Twilio", "accepts after all");
                    self.outcome.seen.insert("accepted late");
                    self.notice_texts();
                }
            }
        }
        self.move_clock(end - self.now).await;
    }

    async fn move_clock(&mut self, seconds: Second) {
        if seconds > 0 {
            self.stage.pass(SignedDuration::from_secs(seconds)).await;
            self.now += seconds;
        }
    }

    fn thaw(&mut self) {
        self.frozen.clear();
    }

    /// What the ledger shows between two ticks; whether it is at rest.
    async fn look_around(&mut self) -> anyhow::Result<bool> {
        let row = self
            .stage
            .database
            .owner()
            .query_one(include_str!("../sql/look_around.sql"), &[])
            .await?;
        let mut saw = |name: &'static str, column: &str| {
            if row.get::<_, bool>(column) {
                self.outcome.seen.insert(name);
            }
        };
        saw("outcome unknown", "is_unknown");
        saw("lease ran out", "worker_gone");
        saw("credentials refused, channel closed", "breaker_open");
        if self.stage.parked() > 0 {
            self.outcome.seen.insert("event parked");
        }
        let jobs = usize::try_from(row.get::<_, i64>("jobs"))?;
        let owed = self
            .script
            .scenes
            .iter()
            .filter(|scene| !scene.is_answered)
            .count();
        let is_at_rest = !row.get::<_, bool>("is_live")
            && self.stage.parked() == 0
            && self.actors.is_empty()
            && self.late.is_empty()
            && jobs >= owed;
        Ok(is_at_rest)
    }

    /// Everything that is due now, to its end or as far as it comes.
    async fn tick(&mut self) -> anyhow::Result<()> {
        let is_full = self.script.size == Size::Full;
        self.doorbells_wait = is_full && self.schedule.u8(0..10) == 0;
        self.happen().await?;
        let is_out = self
            .script
            .outage
            .is_some_and(|(from, to)| (from..to).contains(&self.now));
        let lists_are_away = self
            .script
            .lists_away
            .is_some_and(|(from, to)| (from..to).contains(&self.now));
        let fault = lists_are_away.then_some(ReadFault::Reset);
        self.stage.twilio.on_every_read(fault);
        if lists_are_away {
            self.nothing_works(self.now);
            self.outcome.seen.insert("lists away");
        }
        if is_out {
            self.nothing_works(self.now);
            self.outcome.seen.insert("schedules missed");
        } else {
            for binary in ["missed-call-poller", "job-sweeper"] {
                let beside = if is_full {
                    self.schedule.usize(0..3).max(1)
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
            if self.outcome.operations.len() > OPERATIONS_MAX || self.naps > NAPS_MAX {
                anyhow::bail!(
                    "a run of more than {OPERATIONS_MAX} operations or {NAPS_MAX} naps does not end"
                );
            }
        }
        Ok(())
    }

    /// The outside world does what it does by now.
    async fn happen(&mut self) -> anyhow::Result<()> {
        for happening in self.script.take_until(self.now) {
            match happening {
                Happening::Rings(number) => self.script.ring(&self.stage.twilio, number),
                Happening::Ends(number) => self.script.end(&self.stage.twilio, number),
                Happening::Tells(telling) => {
                    if self.now > 10 * 60 {
                        self.outcome.seen.insert("late webhook");
                    }
                    let webhook = self.script.webhook(&self.stage.twilio, &telling);
                    let (binary, event) = self.stage.request(webhook);
                    self.begin(&binary, &telling.name(), event, Vec::new()).await?;
                }
                Happening::Stop(person) => self.say_stop(person).await?,
                Happening::StopAtTwilio(person) => {
                    self.note("Twilio", "hears a stop");
                    self.stops_at_twilio(&person);
                }
                Happening::LineChanges(change) => {
                    self.facts.line_changes.push((self.now, change));
                    self.outcome.seen.insert("line changed");
                    self.note("owner", change);
                    self.stage.database.sql(change).await;
                }
                Happening::Cleanup => {
                    self.begin("cleanup", "cleanup", Stage::tick(), Vec::new())
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// One of everything that could happen next; `None` when nothing can before time passes.
    async fn choose(&mut self) -> anyhow::Result<Option<Choice>> {
        let all = self.stage.director.held();
        let mut held: Vec<Held> = all
            .iter()
            .filter(|held| {
                self.frozen
                    .get(&held.number)
                    .is_none_or(|until| *until <= self.now)
            })
            .copied()
            .collect();
        let sleeps = self
            .actors
            .iter()
            .any(|actor| all.iter().all(|held| held.actor != actor.id));
        loop {
            let rings = !self.doorbells_wait && self.stage.has_doorbells();
            let choices = held.len() + usize::from(sleeps) + usize::from(rings);
            if choices == 0 {
                return Ok(None);
            }
            let chosen = self.schedule.usize(..choices);
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
        self.stage.director.ask(held.number);
        self.go_on(held.actor).await?;
        Ok(self.stage.director.has_answered())
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
        let Some(Batch { event, receipts }) = self.stage.doorbells().await? else {
            return Ok(());
        };
        let luck = if self.script.size == Size::Full {
            self.schedule.u8(0..20)
        } else {
            20
        };
        if luck == 0 {
            self.note("queue", "loses a doorbell");
            self.outcome.seen.insert("doorbell lost");
            for receipt in &receipts {
                self.stage.delete(receipt).await;
            }
            return Ok(());
        }
        if luck < 4 {
            self.note("queue", "delivers a doorbell twice");
            self.outcome.seen.insert("doorbell delivered twice");
            self.begin("job-runner", "runner", event.clone(), Vec::new())
                .await?;
        }
        self.begin("job-runner", "runner", event, receipts).await
    }

    /// Until then neither a text is sent nor a list read.
    fn nothing_works(&mut self, until: Second) {
        self.facts.hindrances.push((self.now, until));
        self.facts.unread.push((self.now, until));
    }

    /// From now on Twilio refuses every text to this person.
    fn stops_at_twilio(&mut self, person: &str) {
        self.stage.twilio.opt_out(person);
        self.facts.stopped.insert(person.to_owned());
        self.facts.stopped_at_twilio.insert(person.to_owned());
        self.outcome.seen.insert("stop at Twilio");
    }

    fn note(&mut self, who: &str, what: &str) {
        let (minutes, seconds) = (self.now / 60, self.now % 60);
        let line = format!("{minutes:5}:{seconds:02}  {who}: {what}");
        self.outcome.trace.push(line);
    }
}
