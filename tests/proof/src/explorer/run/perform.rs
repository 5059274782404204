//! Operations: what becomes of each, and what is worth having been seen.

use shared::platform::gate::Operation;

use super::actors::Actor;
use super::{Faults, Run, Second};
use crate::explorer::director::{Held, Then, Turn};
use crate::explorer::fate::Fate;
use crate::explorer::play::Play;
use crate::explorer::stage::Asked;

/// How long somebody who is frozen stays so.
const FROZEN_FOR: [Second; 4] = [30, 3 * 60, 20 * 60, 70 * 60];

impl<P: Play> Run<'_, P> {
    /// Carries one operation out, or not.
    pub(super) async fn perform(&mut self, held: Held) -> anyhow::Result<()> {
        self.frozen.remove(&held.number);
        let name = self.name_of(held.actor);
        if held.is_answer {
            self.ground.note(&name, &format!("{} is thawed", held.operation));
            self.ground
                .stage
                .director
                .release(held.number, Turn::Go { then: Then::Hear });
            return self.go_on(held.actor).await;
        }
        let place = self.ground.outcome.operations.len();
        self.ground.outcome.operations.push(held.operation);
        let fate = self.fate_at(place, held.operation);
        self.ground
            .note(&name, &format!("{place} {}: {fate}", held.operation));
        self.witness(held, fate);
        let now = self.ground.now;
        if fate != Fate::Done {
            self.hinder(held, now);
        }
        if held.operation == Operation::Statement("grant") {
            let is_time =
                matches!(self.faults, Faults::Random) && self.chance.f64() < self.odds.stop_at_grant;
            let (ground, chance) = (&mut self.ground, &mut self.chance);
            self.play.before_grant(ground, chance, is_time).await;
        }
        let frozen_until = now + FROZEN_FOR[place % FROZEN_FOR.len()];
        let turn = match fate {
            Fate::FrozenBefore => {
                self.hinder(held, frozen_until);
                self.frozen.insert(held.number, frozen_until);
                return Ok(());
            }
            Fate::NotDone => Turn::Lose,
            Fate::NotDoneDies => Turn::Die,
            Fate::Unheard => Turn::Go { then: Then::Lose },
            Fate::DoneDies => Turn::Go { then: Then::Die },
            Fate::FrozenAfter => Turn::Go { then: Then::Freeze },
            _ => Turn::Go { then: Then::Hear },
        };
        let stage = &self.ground.stage;
        stage.have_in_store(fate);
        let asked = stage.asked(P::WORKFLOW).len();
        stage.director.release(held.number, turn);
        self.go_on(held.actor).await?;
        // It may have thought better of it, and what was in store was for nobody else.
        self.ground.stage.nothing_in_store();
        if fate == Fate::FrozenAfter {
            self.hinder(held, frozen_until);
            // The latest: another of the same process may be frozen already.
            let all = self.ground.stage.director.held();
            let answers = all
                .iter()
                .filter(|answer| answer.is_answer && answer.actor == held.actor);
            if let Some(answer) = answers.max_by_key(|answer| answer.number) {
                self.frozen.insert(answer.number, frozen_until);
            }
        }
        let asked = self.ground.stage.asked(P::WORKFLOW).split_off(asked);
        if fate == Fate::Done && matches!(held.operation, Operation::Send(_)) && asked.is_empty() {
            self.ground.saw("permit too old to be used");
        }
        for asked in asked {
            self.remember(&asked, fate, place);
        }
        self.play.after(&mut self.ground, held.operation, fate).await?;
        self.play.notice(&mut self.ground);
        Ok(())
    }

    /// What becomes of somebody, or of a request, after such an answer.
    fn remember(&mut self, asked: &Asked, fate: Fate, place: usize) {
        let now = self.ground.now;
        let facts = &mut self.ground.facts;
        if fate != Fate::Done {
            facts
                .answers
                .extend(asked.attempt.clone().map(|attempt| (attempt, fate)));
        }
        match fate {
            // One probe in five minutes finds out whether it is over, and whoever probed waits for twice as long.
            Fate::Unauthorized => {
                facts.last_unauthorized = Some(asked.number);
                facts.hindrances.push((now, now + 12 * 60));
            }
            Fate::AcceptedLate => {
                let seconds = P::WORKFLOW.accepts_late_after();
                self.late
                    .push((now + seconds[place % seconds.len()], asked.number));
            }
            _ => {}
        }
        self.play.answered(&mut self.ground, &asked.person, fate);
    }

    /// Something goes wrong until then; who does it says what it keeps from being done.
    fn hinder(&mut self, held: Held, until: Second) {
        let span = (self.ground.now, until);
        self.ground.facts.hindrances.push(span);
        if self.name_of(held.actor).starts_with("job-sweeper") {
            self.ground.facts.unread.push(span);
        }
    }

    fn fate_at(&mut self, place: usize, operation: Operation) -> Fate {
        let plan = &mut self.ground.outcome.plan.0;
        let fate = match &self.faults {
            Faults::Planned(plan) => plan.0.get(&place).copied().unwrap_or(Fate::Done),
            Faults::Random => {
                let drawn = self.odds.draw(operation, &mut self.chance);
                let is_used_up = plan.len() >= self.odds.faults_max;
                if is_used_up || self.ground.is_calm {
                    Fate::Done
                } else {
                    drawn
                }
            }
        };
        if fate != Fate::Done {
            plan.insert(place, fate);
        }
        fate
    }

    /// Notes what is worth having been seen.
    fn witness(&mut self, held: Held, fate: Fate) {
        let seen = &mut self.ground.outcome.seen;
        let is_runner = |actor: &Actor| actor.name.starts_with("runner");
        let others_settle = self.ground.stage.director.held().iter().any(|other| {
            other.actor != held.actor
                && other.operation == Operation::Statement("settle_accepted")
                && self
                    .actors
                    .iter()
                    .any(|actor| actor.id == other.actor && is_runner(actor))
        });
        let Some(actor) = self.actors.iter_mut().find(|actor| actor.id == held.actor) else {
            return;
        };
        let last = actor.last.replace(held.operation);
        actor.has_met_a_fault |= fate != Fate::Done;
        let after_grant = last == Some(Operation::Statement("grant"));
        match (held.operation, fate) {
            (Operation::Statement("grant"), Fate::Unheard | Fate::DoneDies) => {
                seen.insert("permit committed unheard");
            }
            (Operation::Statement("suppress" | "defer"), _) if after_grant => {
                seen.insert("permit refused by the database");
            }
            (Operation::Statement("settle_accepted"), _)
                if actor.name.starts_with(P::CALLBACKS) && others_settle =>
            {
                seen.insert("callback before the answer");
            }
            (Operation::Statement("settle_absent"), Fate::Done) => {
                seen.insert("absence proven");
            }
            _ => {}
        }
        if matches!(fate, Fate::Throttled | Fate::Unauthorized) {
            seen.insert("throttled or unauthorised");
        }
    }
}
