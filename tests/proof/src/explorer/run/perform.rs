//! Operations: what becomes of each, and what is worth having been seen.

use local::sandbox::ReceivedRequest;
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
        if fate != Fate::Done {
            self.hinder(held, self.now);
        }
        if held.operation == Operation::Statement("grant") {
            self.stop_at_the_last_moment().await;
        }
        let frozen_until = self.now + FROZEN_FOR[place % FROZEN_FOR.len()];
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
        // It may have thought better of it, and what was in store was for nobody else.
        twilio.nothing_next();
        if fate == Fate::FrozenAfter {
            self.hinder(held, frozen_until);
            // The latest: another of the same process may be frozen already.
            let all = self.stage.director.held();
            let answers = all
                .iter()
                .filter(|answer| answer.is_answer && answer.actor == held.actor);
            if let Some(answer) = answers.max_by_key(|answer| answer.number) {
                self.frozen.insert(answer.number, frozen_until);
            }
        }
        let sends = twilio.requests().split_off(usize::try_from(requests)?);
        for request in sends.iter().filter(|request| request.is_send()) {
            self.remember(request, fate, place);
        }
        let is_quiet = twilio.requests().len() as u64 == requests;
        if fate == Fate::Done && matches!(held.operation, Operation::Send(_)) && is_quiet {
            self.outcome.seen.insert("permit too old to be used");
        }
        self.notice_texts();
        Ok(())
    }

    /// Where it hurts: between what the permit was asked for by, and the permit.
    async fn stop_at_the_last_moment(&mut self) {
        let is_time = matches!(self.faults, Faults::Random) && self.chance.f64() < self.odds.stop_at_grant;
        let callers = self.script.callers();
        if let Some(person) = self.chance.choice(callers).filter(|_| is_time) {
            self.note("somebody", "says stop at the last moment");
            self.facts.stopped.insert(person.clone());
            self.stage.stop(&person).await;
        }
    }

    /// What becomes of somebody, or of a text, after such an answer.
    fn remember(&mut self, request: &ReceivedRequest, fate: Fate, place: usize) {
        let person = request.field("To").unwrap_or_default();
        match fate {
            Fate::OptedOut => self.stops_at_twilio(person),
            Fate::BadNumber => {
                self.facts.bad_numbers.extend(request.attempt.clone());
            }
            // One probe in five minutes finds out whether it is over, and whoever probed waits for twice as long.
            Fate::Unauthorized => {
                self.facts.last_unauthorized = Some(request.number);
                self.facts.hindrances.push((self.now, self.now + 12 * 60));
            }
            Fate::AcceptedLate => {
                let seconds = [30, 90, 200, 420][place % 4];
                self.late.push((self.now + seconds, request.number));
            }
            _ => {}
        }
    }

    /// Something goes wrong until then; who does it says what it keeps from being done.
    fn hinder(&mut self, held: Held, until: Second) {
        let span = (self.now, until);
        self.facts.hindrances.push(span);
        if self.name_of(held.actor).starts_with("job-sweeper") {
            self.facts.unread.push(span);
        }
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

    /// Notes what is worth having been seen.
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
                if actor.name.starts_with("text ") && others_settle =>
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

    /// Twilio has accepted something: it will tell of it, or not.
    pub(super) fn notice_texts(&mut self) {
        let texts = self.stage.twilio.messages();
        for text in &texts[self.texts..] {
            self.script.reports_on(&mut self.schedule, &text.sid, self.now);
        }
        self.texts = texts.len();
    }
}
