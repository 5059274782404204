//! How things stood for everybody, as seen from outside and again and again: what may explain a call, or that there
//! was none.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use local::sandbox_vapi::Call;

use super::people::{Event, pays};
use super::script::Script;
use crate::explorer::run::{Ground, Second};
use crate::explorer::stage::Stage;

/// How somebody wants to be called, and whether they may be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a rule of its own, and any of them may hold"
)]
pub(super) struct Person {
    pub(super) phone: String,
    pub(super) zone: Option<String>,
    pub(super) call_at: Time,
    pub(super) call_days: Vec<i16>,
    pub(super) is_disabled: bool,
    pub(super) is_validated: bool,
    pub(super) has_stopped: bool,
    pub(super) paused_until: Option<Timestamp>,
    /// By the events that have been committed, and by our own reckoning.
    pub(super) pays: bool,
}

impl Person {
    /// Their clock.
    pub(super) fn clock(&self) -> Option<TimeZone> {
        TimeZone::get(self.zone.as_deref()?).ok()
    }

    /// Whether they may be called then, but for the hour and for other calls.
    pub(super) fn may_be_called(&self, at: Timestamp) -> bool {
        self.what_speaks_against_a_call(at).is_none()
    }

    /// What everybody who may be called must not be.
    pub(super) fn what_speaks_against_a_call(&self, at: Timestamp) -> Option<&'static str> {
        [
            (!self.pays, "who does not pay"),
            (self.has_stopped, "after a stop"),
            (self.is_disabled, "who is not to be called"),
            (!self.is_validated, "whose number nobody has checked"),
            (self.zone.is_none(), "whose clock nobody knows"),
            (self.paused_until.is_some_and(|until| until > at), "who is paused"),
        ]
        .into_iter()
        .find_map(|(applies, what)| applies.then_some(what))
    }
}

/// How things stood from one moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) is_paused: bool,
    pub(super) people: BTreeMap<String, Person>,
}

/// How things stood, since when.
#[derive(Debug, Default)]
pub(super) struct History(Vec<(Second, View)>);

impl History {
    /// Looks again; where in the history that is.
    pub(super) async fn look(&mut self, script: &Script, ground: &Ground<'_>) -> anyhow::Result<usize> {
        let view = View::of(script, ground.stage).await?;
        if self.0.last().is_none_or(|(_, last)| *last != view) {
            self.0.push((ground.now, view));
        }
        Ok(self.0.len() - 1)
    }

    /// One of them.
    pub(super) fn view(&self, at: usize) -> &View {
        &self.0[at].1
    }

    /// From when to when somebody was as they were, one after the other; the last until `end`.
    pub(super) fn spans<'a>(&'a self, customer: &'a str, end: Second) -> Vec<(Second, Second, &'a Person)> {
        let mut spans: Vec<(Second, Second, &Person)> = Vec::new();
        for (number, (from, view)) in self.0.iter().enumerate() {
            let until = self.0.get(number + 1).map_or(end, |(next, _)| *next);
            let Some(person) = view.people.get(customer) else {
                continue;
            };
            match spans.last_mut() {
                Some(last) if last.2 == person => last.1 = until,
                _ => spans.push((*from, until, person)),
            }
        }
        spans
    }

    /// Whether somebody was ever so between the two.
    pub(super) fn was(
        &self,
        customer: &str,
        (from, until): (Second, Second),
        is_so: impl Fn(&Person) -> bool,
    ) -> bool {
        let spans = self.spans(customer, Second::MAX);
        spans
            .iter()
            .any(|(began, ended, person)| *began <= until && from <= *ended && is_so(person))
    }

    /// Whether all calling was paused at any time between the two.
    pub(super) fn was_paused(&self, from: Second, until: Second) -> bool {
        self.0.iter().enumerate().any(|(number, (began, view))| {
            let ended = self.0.get(number + 1).map_or(Second::MAX, |(next, _)| *next);
            *began <= until && from <= ended && view.is_paused
        })
    }

    /// How somebody was at that time.
    pub(super) fn person_at(&self, customer: &str, at: Second) -> Option<&Person> {
        let then = self.0.iter().rev().find(|(from, _)| *from <= at);
        then.and_then(|(_, view)| view.people.get(customer))
    }
}

impl View {
    async fn of(script: &Script, stage: &Stage) -> anyhow::Result<Self> {
        let owner = stage.database.owner();
        let rows = owner.query(include_str!("sql/customers.sql"), &[]).await?;
        let told = owner
            .query("SELECT source || ' ' || id FROM payment_events", &[])
            .await?;
        let told: BTreeSet<String> = told.iter().map(|row| row.get(0)).collect();
        let is_paused = stage.database.one("SELECT paused FROM calling").await.as_deref() == Some("t");
        let people = rows.iter().map(|row| {
            let id: String = row.get("id");
            let is_theirs = |event: &&Event| {
                script.customers[event.customer].id == id
                    && told.contains(&format!("{} {}", event.source.as_str(), event.id))
            };
            let call_at: String = row.get("call_at");
            let person = Person {
                phone: row.get::<_, Option<String>>("phone").unwrap_or_default(),
                zone: row.get("timezone"),
                call_at: call_at.parse().expect("a time of the day"),
                call_days: row.get("call_days"),
                is_disabled: row.get("is_disabled"),
                is_validated: row.get("phone_validated"),
                has_stopped: row.get("has_stopped"),
                paused_until: row.get("paused_until"),
                pays: pays(&script.events.iter().filter(is_theirs)),
            };
            (id, person)
        });
        let people = people.collect();
        Ok(Self { is_paused, people })
    }
}

/// What the assistant was told that a call is.
pub(super) fn kind_of(call: &Call) -> &str {
    let kind = call.overrides.pointer("/variableValues/call_type");
    kind.and_then(serde_json::Value::as_str).unwrap_or_default()
}
