//! Operations: what becomes of each, and what is worth having been seen.

use shared::platform::gate::Operation;

use super::actors::Actor;
use super::{Faults, Run};
use crate::explorer::director::{Held, Then, Turn};
use crate::explorer::fate::Fate;
use crate::explorer::script::Second;

/// How long somebody who is frozen stays so.
const FROZEN_FOR: [Second; 4] = [30, 3 * 60, 20 * 60, 70 * 60];

impl Run<'_> {
    /// Carries one operation out, or not.
    pub(super) async fn perform(&mut self, held: Held) -> anyhow::Result<()> {
        self.frozen.remove(&held.number);
        if held.is_answer {
            self.note(
                &self.name_of(held.actor),
                &format!("{} is thawed", held.operation),
            );
            self.stage
                .director
                .release(held.number, Turn::Go { then: Then::Hear });
            return self.go_on(held.actor).await;
        }
        let place = self.outcome.operations.len();
        self.outcome.operations.push(held.operation);
        let fate = self.fate_at(place, held.operation);
        self.note(
            &self.name_of(held.actor),
            &format!("{place} {}: {fate}", held.operation),
        );
        self.witness(held, fate);
        let frozen_until = self.now + FROZEN_FOR[place % FROZEN_FOR.len()];
        let turn = match fate {
            Fate::FrozenBefore => {
                self.facts.delayed = true;
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
        let twilio = self.stage.twilio.clone();
        let elsewhere = format!(
            "{}/2010-04-01/Accounts/{}/Messages.json",
            twilio.base_url(),
            twilio.account_sid()
        );
        if let Some(behaviour) = fate.behaviour(&elsewhere) {
            twilio.on_next_send(behaviour);
        }
        if let Some(fault) = fate.read_fault() {
            twilio.on_next_read(fault);
        }
        let requests = twilio.requests().len() as u64;
        self.stage.director.release(held.number, turn);
        self.go_on(held.actor).await?;
        if fate == Fate::AcceptedLate {
            let seconds = 30 + i64::try_from(place * 97 % 450)?;
            self.late.push((self.now + seconds, requests + 1));
        }
        if fate == Fate::FrozenAfter {
            self.facts.delayed = true;
            let all = self.stage.director.held();
            if let Some(answer) = all
                .iter()
                .find(|answer| answer.is_answer && answer.actor == held.actor)
            {
                self.frozen.insert(answer.number, frozen_until);
            }
        }
        let is_quiet = twilio.requests().len() as u64 == requests;
        if fate == Fate::Done && matches!(held.operation, Operation::Send(_)) && is_quiet {
            self.outcome.seen.insert("permit too old to be used");
        }
        self.notice_texts();
        Ok(())
    }

    fn fate_at(&mut self, place: usize, operation: Operation) -> Fate {
        let fate = match &self.faults {
            Faults::Planned(plan) => plan.0.get(&place).copied().unwrap_or(Fate::Done),
            Faults::Random => {
                let drawn = self.odds.draw(operation, &mut self.chance);
                let is_used_up = self.outcome.plan.0.len() >= self.odds.faults_max;
                if is_used_up || self.is_calm {
                    Fate::Done
                } else {
                    drawn
                }
            }
        };
        if fate != Fate::Done {
            self.outcome.plan.0.insert(place, fate);
        }
        fate
    }

    /// Notes what is worth having been seen, and what the oracle must know.
    fn witness(&mut self, held: Held, fate: Fate) {
        let seen = &mut self.outcome.seen;
        let is_runner = |actor: &Actor| actor.name.starts_with("runner");
        let others_settle = self.stage.director.held().iter().any(|other| {
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
        let after_grant = last == Some(Operation::Statement("grant"));
        match (held.operation, fate) {
            (Operation::Statement("grant"), Fate::Unheard | Fate::DoneDies) => {
                seen.insert("permit committed unheard");
            }
            (Operation::Statement("suppress" | "defer"), _) if after_grant => {
                seen.insert("permit refused by the database");
            }
            (Operation::Statement("settle_accepted"), _)
                if actor.name.starts_with("text ") && others_settle =>
            {
                seen.insert("callback before the answer");
            }
            (Operation::Statement("settle_absent"), Fate::Done) => {
                seen.insert("absence proven");
            }
            _ => {}
        }
        match fate {
            Fate::Throttled | Fate::Unauthorized => {
                self.facts.delayed = true;
                seen.insert("throttled or unauthorised");
            }
            Fate::BadNumber | Fate::OptedOut => self.facts.refused = true,
            _ => {}
        }
    }

    /// Twilio has accepted something: it will tell of it, or not.
    pub(super) fn notice_texts(&mut self) {
        let texts = self.stage.twilio.messages();
        for text in &texts[self.texts..] {
            self.script.reports_on(&mut self.schedule, &text.sid, self.now);
        }
        self.texts = texts.len();
    }
}
