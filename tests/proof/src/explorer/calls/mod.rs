//! Customers are welcomed by a call and then called once a day: they pay, move and change their minds, and Vapi's
//! record says who was called.

mod excuses;
mod ledger;
mod mutants;
mod oracle;
mod owed;
mod people;
mod placed;
mod script;
mod sights;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use jiff::Timestamp;
use shared::platform::gate::Operation;

use super::fate::Fate;
use super::play::{Deed, End, Next, Play, Size, Workflow};
use super::run::{Ground, Odds, Second};
use super::stage::{Queue, Stage};
use super::timetable::Troubles;
pub(super) use mutants::MUTANTS;
use people::{Effect, Event, Source};
use script::{Change, DAY, HOUR, Happening, STOP_WORDS, Script};
use view::History;

/// When the schedules tick further apart, what they are late for is explained by it.
const TICKS_ARE_REGULAR: Second = 12 * 60;
/// What is due is done by then, or something keeps it from being done.
const BUSY_TICKS: usize = 40;

/// What has to be seen.
pub(super) const SIGHTS: &[&str] = &[
    "absence proven",
    "accepted after it was proven absent",
    "accepted late",
    "alarm raised",
    "call placed",
    "callback before the answer",
    "called on another day after proven absence",
    "calling paused",
    "credentials refused, channel closed",
    "customer said stop in a call",
    "day kept from a second call",
    "dead",
    "doorbell delivered twice",
    "doorbell lost",
    "event parked",
    "expired",
    "flags forgotten",
    "hour changed",
    "late message about a payment",
    "late webhook",
    "lease ran out",
    "left to a person",
    "lists away",
    "moved to another zone",
    "night of changed clocks",
    "outcome unknown",
    "permit committed unheard",
    "permit refused by the database",
    "permit too old to be used",
    "refund at the last moment",
    "refused for good",
    "result asked for",
    "schedules missed",
    "stop in the middle",
    "suppressed by a rule",
    "throttled or unauthorised",
    "two calls for one request",
    "two customers with one telephone",
    "unknown, then accepted",
    "welcome call placed",
];

/// What a message tells of.
#[derive(Debug, Clone, Copy)]
enum Subject {
    Payment(usize),
    Call(usize),
}

/// The workflow in one run.
pub(super) struct Calls {
    script: Script,
    history: History,
    /// How things stood when a permit was given, by its attempt.
    permits: BTreeMap<String, usize>,
    /// What messages are about, by the names of the invocations that take them.
    messages: BTreeMap<String, Subject>,
    /// Calls, by number, of which a message was taken, and payments' events of which one was.
    heard: BTreeSet<usize>,
    acknowledged: BTreeSet<usize>,
    /// Whose copies of the ledger somebody cleared.
    forgotten: BTreeSet<&'static str>,
    /// Calls that have been noticed.
    noticed: usize,
    /// When the product has something to do next.
    next_at: Option<Second>,
    /// For so many ticks there has been something to do.
    busy_for: usize,
}

impl Calls {
    /// Somebody who may be called at this moment: it is their call that a permit is asked for, or their neighbour's.
    async fn one_who_is_due(&self, ground: &Ground<'_>, which: usize) -> usize {
        let due = "SELECT string_agg(DISTINCT customer_id, ' ') FROM jobs WHERE state = 'pending' AND due_at <= switchboard_now()";
        let due = ground.stage.database.one(due).await.unwrap_or_default();
        let customers = &self.script.customers;
        let due: Vec<usize> = (0..customers.len())
            .filter(|number| due.split(' ').any(|id| id == customers[*number].id))
            .collect();
        due.get(which % due.len().max(1))
            .copied()
            .unwrap_or(which % customers.len())
    }

    /// Somebody's money goes back, at a moment of its own.
    async fn refund(&mut self, ground: &mut Ground<'_>, customer: usize) {
        let paid: BTreeSet<usize> = self
            .script
            .events
            .iter()
            .filter(|event| event.customer == customer && event.effect == Effect::Paid)
            .filter(|event| event.at <= ground.now)
            .map(|event| event.purchase)
            .collect();
        for purchase in paid {
            let who = &self.script.customers[customer];
            let event = Event {
                customer,
                source: who.source,
                id: format!("evt_{}_{}", who.id, self.script.events.len()),
                at: ground.now,
                effect: Effect::Refunded,
                purchase,
                moves_to: None,
            };
            let named = match who.source {
                Source::Shop => format!("'{}'", who.id),
                Source::Stripe => "NULL".to_owned(),
            };
            let sql = format!(
                "INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id)
                 SELECT '{}', '{}', 'refund', date_trunc('second', switchboard_now()), 'refunded', '{{{}}}', {named}
                 WHERE EXISTS (SELECT FROM customers WHERE id = '{}')",
                event.source.as_str(),
                event.id,
                event.objects(who).join(","),
                who.id,
            );
            ground.stage.write(&sql).await;
            self.script.events.push(event);
        }
        ground.saw("refund at the last moment");
    }

    fn witness(&mut self, ground: &mut Ground<'_>, change: Change) {
        match change {
            Change::Stop(_) => ground.saw("stop in the middle"),
            Change::Zone(..) => ground.saw("moved to another zone"),
            Change::Hour(..) => ground.saw("hour changed"),
            Change::Calling(_) => ground.saw("calling paused"),
            Change::Forget(id) => {
                self.forgotten.insert(id);
                ground.saw("flags forgotten");
            }
            _ => {}
        }
    }

    /// The message that Vapi sends about a call as it is now.
    fn told_by_vapi(&mut self, ground: &Ground<'_>, call: usize, is_report: bool) -> Deed {
        let vapi = &ground.stage.vapi;
        let id = &vapi.calls()[call].id;
        let (kind, message) = if is_report {
            ("report", vapi.end_of_call_report(id))
        } else {
            ("status", vapi.status_update(id))
        };
        let name = format!("Vapi {kind} of call {call}");
        self.messages.insert(name.clone(), Subject::Call(call));
        let (binary, event) = ground.stage.request(message.into_request());
        Deed::Invoke { binary, name, event }
    }

    fn told_of_a_payment(&mut self, ground: &mut Ground<'_>, number: usize) -> Deed {
        let event = &self.script.events[number];
        let customer = &self.script.customers[event.customer];
        if ground.now > event.at + HOUR {
            ground.saw("late message about a payment");
        }
        let name = format!("{} {:?}", event.id, event.effect);
        self.messages.insert(name.clone(), Subject::Payment(number));
        let request = event.request(customer, self.script.begin, ground.at(ground.now));
        let (binary, event) = ground.stage.request(request);
        Deed::Invoke { binary, name, event }
    }

    fn ends(&self, ground: &mut Ground<'_>, call: usize) {
        let vapi = ground.stage.vapi.clone();
        let call = &vapi.calls()[call];
        if call.started_at.is_none() {
            let reasons = ["customer-did-not-answer", "customer-busy", "voicemail"];
            vapi.end_call(&call.id, reasons[ground.schedule.usize(..reasons.len())]);
            return;
        }
        let stops = self.script.size == Size::Full && ground.schedule.u8(0..14) == 0;
        vapi.update_call(&call.id, |call| {
            call.say("bot", "Hello! How are you today?");
            call.say("user", if stops { STOP_WORDS } else { "Fine, thank you." });
        });
        if stops {
            ground.saw("customer said stop in a call");
        }
        vapi.end_call(&call.id, "customer-ended-call");
    }
}

impl Play for Calls {
    const WORKFLOW: Workflow = Workflow::Calls;
    const SCHEDULES: &'static [&'static str] = &["call-scheduler", "job-sweeper"];
    const QUEUE: Queue = Queue::Calls;
    const CALLBACKS: &'static str = "Vapi ";

    fn of(rng: &mut Rng, size: Size) -> Self {
        Self {
            script: Script::of(rng, size),
            history: History::default(),
            permits: BTreeMap::new(),
            messages: BTreeMap::new(),
            heard: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            forgotten: BTreeSet::new(),
            noticed: 0,
            next_at: None,
            busy_for: 0,
        }
    }

    fn begin(&self) -> Timestamp {
        self.script.begin
    }

    async fn prepare(&mut self, stage: &Stage) {
        let script = &self.script;
        stage
            .database
            .sql(&format!(
                "UPDATE calling SET paused = false, welcome_since = switchboard_now() - interval '1 hour',
                                    at_a_time = {}, per_tick = {}",
                script.at_a_time, script.per_tick
            ))
            .await;
        for (number, customer) in script.customers.iter().enumerate() {
            if customer.is_new {
                continue;
            }
            let first = script.events.iter().find(|event| event.customer == number);
            let first = first.expect("everybody pays");
            let days: Vec<String> = customer.call_days.iter().map(ToString::to_string).collect();
            stage
                .database
                .sql(&format!(
                    "INSERT INTO customers (id, name, phone, phone_validated, timezone, call_at, call_days)
                     VALUES ('{id}', 'Old', '{}', true, '{}', '{}', '{{{}}}');
                     INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id)
                     VALUES ('{}', '{}', 'paid', switchboard_now() - interval '100 days', 'paid', '{{{}}}', '{id}')",
                    customer.phone,
                    customer.zone,
                    customer.call_at,
                    days.join(","),
                    customer.source.as_str(),
                    first.id,
                    first.objects(customer).join(","),
                    id = customer.id,
                ))
                .await;
        }
        stage.vapi.lag_lists_by(script.list_lag.unsigned_abs());
        if let Some(rows) = script.list_rows {
            stage.vapi.cap_lists_at(rows);
        }
    }

    /// Days have more operations than hours, and more of them can go wrong.
    fn odds(odds: Odds) -> Odds {
        Odds {
            stop_at_grant: 0.15,
            told: odds.told * 3.0,
            other: odds.other * 0.7,
            faults_max: odds.faults_max + 6,
            ..odds
        }
    }

    fn troubles(&self) -> Troubles {
        self.script.troubles
    }

    async fn happen(&mut self, ground: &mut Ground<'_>) -> anyhow::Result<Vec<Deed>> {
        let mut deeds = Vec::new();
        for happening in self.script.happenings.take_until(ground.now) {
            match happening {
                Happening::Tells(number) => deeds.push(self.told_of_a_payment(ground, number)),
                Happening::Changes(change) => {
                    self.witness(ground, change);
                    deeds.push(Deed::Write {
                        what: change.name(),
                        sql: change.sql(),
                    });
                }
                Happening::Answers(call) => {
                    let vapi = ground.stage.vapi.clone();
                    let now = vapi.clock().now();
                    vapi.update_call(&vapi.calls()[call].id, |call| {
                        "in-progress".clone_into(&mut call.status);
                        call.started_at = Some(now);
                    });
                }
                Happening::Ends(call) => self.ends(ground, call),
                Happening::StatusUpdate(call) => deeds.push(self.told_by_vapi(ground, call, false)),
                Happening::Report(call) => {
                    let ended_at = ground.stage.vapi.calls()[call].ended_at;
                    if ended_at.is_some_and(|at| ground.second(at) + HOUR < ground.now) {
                        ground.saw("late webhook");
                    }
                    deeds.push(self.told_by_vapi(ground, call, true));
                }
            }
        }
        Ok(deeds)
    }

    async fn look_around(&mut self, ground: &mut Ground<'_>) -> anyhow::Result<bool> {
        self.history.look(&self.script, ground).await?;
        let row = ground
            .stage
            .database
            .owner()
            .query_one(include_str!("sql/look_around.sql"), &[])
            .await?;
        for (name, column) in [
            ("outcome unknown", "is_unknown"),
            ("lease ran out", "worker_gone"),
            ("credentials refused, channel closed", "breaker_open"),
        ] {
            if row.get::<_, bool>(column) {
                ground.saw(name);
            }
        }
        if ground.stage.parked() > 0 {
            ground.saw("event parked");
        }
        let next_at: Option<Timestamp> = row.get("next_at");
        // The clock has moved by milliseconds, and is to reach it.
        self.next_at = next_at.map(|at| ground.second(at) + 1);
        let is_busy = row.get::<_, bool>("is_live") || row.get("is_unfinished");
        Ok(!is_busy && ground.stage.parked() == 0)
    }

    async fn next(&mut self, ground: &mut Ground<'_>, is_at_rest: bool) -> anyhow::Result<Next> {
        let now = ground.now;
        self.busy_for = match self.next_at {
            Some(next) if next <= now => self.busy_for + 1,
            _ => 0,
        };
        let script = &self.script;
        let is_small = ground.size == Size::Small;
        ground.is_calm = now >= script.lasts;
        if ground.is_calm && is_at_rest && script.happenings.is_over() || now > script.lasts + 6 * DAY {
            return Ok(Next::Over);
        }
        let out_until = script.troubles.out_until(now);
        // While nothing ticks, nothing is done.
        let works = out_until.map_or(self.next_at, Some);
        let thaws = ground.thaws_at.filter(|_| !ground.is_calm);
        let moments = [works, script.happenings.next_at(), thaws];
        let next = moments.into_iter().flatten().min().unwrap_or(now + DAY);
        let wait = next - now;
        let seconds = match (wait, is_small) {
            // What is not done by now is waited for with patience.
            (..=0, _) if self.busy_for > BUSY_TICKS => TICKS_ARE_REGULAR * 2,
            (..=0, true) => 60,
            (..=0, false) => ground.schedule.i64(20..240),
            (_, true) => wait,
            (_, false) => wait + ground.schedule.i64(0..75),
        };
        let seconds = seconds.clamp(5, 8 * HOUR);
        let is_irregular = wait <= 0 && seconds > TICKS_ARE_REGULAR;
        if out_until.is_some() || is_irregular {
            ground.nothing_works(now + seconds);
        }
        Ok(if ground.is_calm {
            Next::ThawAndPass(seconds)
        } else {
            Next::Pass(seconds)
        })
    }

    async fn before_grant(&mut self, ground: &mut Ground<'_>, chance: &mut Rng, is_time: bool) {
        let (which, is_refund) = (chance.usize(..1 << 20), chance.u8(0..5) == 0);
        let customer = if is_time {
            self.one_who_is_due(ground, which).await
        } else {
            0
        };
        let whim = Change::any_about(&self.script.customers[customer], chance);
        if is_time && is_refund {
            ground.note("somebody", "wants the money back at the last moment");
            self.refund(ground, customer).await;
        } else if is_time {
            ground.note("somebody", &format!("at the last moment: {whim:?}"));
            self.witness(ground, whim);
            ground.stage.write(&whim.sql()).await;
        }
    }

    async fn after(&mut self, ground: &mut Ground<'_>, operation: Operation, _: Fate) -> anyhow::Result<()> {
        match operation {
            Operation::Statement("grant") => {
                // Nothing else was let through since somebody thought better of it.
                let look = self.history.look(&self.script, ground).await?;
                let owner = ground.stage.database.owner();
                for row in owner.query("SELECT id::text FROM attempts", &[]).await? {
                    self.permits.entry(row.get(0)).or_insert(look);
                }
            }
            Operation::Statement(
                "record_payment" | "record_result" | "stop" | "start" | "zone" | "hour" | "switch" | "pause"
                | "calling" | "forget",
            ) => {
                self.history.look(&self.script, ground).await?;
            }
            _ => {}
        }
        Ok(())
    }

    fn notice(&mut self, ground: &mut Ground<'_>) {
        let calls = ground.stage.vapi.calls().len();
        for call in self.noticed..calls {
            self.script.goes(&mut ground.schedule, call, ground.now);
        }
        self.noticed = calls;
    }

    fn answered(&mut self, _: &mut Ground<'_>, _: &str, _: Fate) {}

    fn ended(&mut self, ground: &mut Ground<'_>, name: &str, end: End<'_>) {
        let name = name.rsplit_once(" #").map_or(name, |(name, _)| name);
        let is_taken = matches!(end, Some(Ok(answer)) if answer["statusCode"] == 200);
        match self.messages.get(name) {
            Some(Subject::Call(call)) if is_taken => {
                self.heard.insert(*call);
            }
            Some(Subject::Payment(event)) if is_taken => {
                self.acknowledged.insert(*event);
            }
            // Stripe, and every shop that means it, tells again.
            Some(Subject::Payment(event)) => {
                let wait = if ground.is_calm {
                    60
                } else {
                    ground.schedule.i64(60..HOUR)
                };
                let again = Happening::Tells(*event);
                self.script.happenings.add(ground.now + wait, again);
            }
            _ => {}
        }
    }

    async fn judge(&self, ground: &mut Ground<'_>) -> anyhow::Result<()> {
        oracle::judge(self, ground).await
    }
}
