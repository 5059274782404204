//! Processes that are frozen on the way to a call to a customer, and when it is told of.

use std::sync::{Arc, Mutex};

use fastrand::Rng;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use local::invoke::{Invoke, InvokeError};
use serde_json::{Value, json};
use system_tests::World;

use super::customers::{Customer, began};
use super::outside::{Told, payments_of};
use super::scene::open_world;
use super::targets::{SCHEDULER, STRIPE, VAPI};
use crate::judgement::calls::judge;
use crate::judgement::{Job, Judgement};
use crate::kills::aim::{RUNNER, SWEEPER};
use crate::kills::freezer::{self, Ending, Point, Prey};
use crate::kills::hits::Hits;
use crate::kills::provider::{Provider, Treatment};
use crate::kills::range::{bells_of, tick};

/// Where a runner is frozen but at the grant.
const OF_RUNNER: [&str; 5] = [
    "load_call",
    "settle_accepted",
    "settle_refused",
    "settle_unknown",
    "project_call",
];
const OF_SCHEDULER: [&str; 3] = ["schedule_calls", "schedule_calls", "record_tick"];
/// What every sweep asks, whether or not there is anything to do.
const OF_SWEEPER: [&str; 6] = [
    "rescue",
    "expire",
    "ring_due",
    "unprojected",
    "unknown_calls_due",
    "results_due",
];
const OF_VAPI: [&str; 1] = ["record_result"];
const OF_STRIPE: [&str; 2] = ["record_payment", "standing"];
/// When the runners' customers are due, counted from the beginning, and a minute later the schedulers'.
const DUE: SignedDuration = SignedDuration::from_mins(40);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Freezes so many processes of one world at once, most of them runners with a call of their own; what came of it.
pub(in crate::kills) async fn freeze(seed: u64, count: usize, ending: Ending, hits: &Hits) -> Judgement {
    let mut rng = Rng::with_seed(seed);
    let world = open_world(100).await;
    let vapi = Provider::Vapi(world.vapi.clone());
    let mut town = Town::new(world, count);
    let prey = town.prey(&vapi, &mut rng).await;
    let frozen = freezer::freeze(&town.world, &vapi, prey, ending).await;
    let froze_nobody = frozen.is_empty();
    // Others do what is left to do, while time passes for everybody.
    for minutes in freezer::away(&mut rng) {
        town.world
            .pass(MINUTE * i32::try_from(*minutes).expect("a few"))
            .await;
        town.minute().await;
    }
    freezer::end_all(frozen, ending, &vapi, hits).await;
    let mut judgement = town.live_out().await;
    if froze_nobody {
        judgement.object("nobody could be frozen");
    }
    town.world.database.remove().await;
    judgement
}

/// The people of such a world.
struct Town {
    world: World,
    /// Called before anything is frozen, so that Vapi has something to tell.
    called: Vec<Customer>,
    /// A runner's each.
    ringing: Vec<Customer>,
    /// Due when the schedulers are frozen.
    waiting: Vec<Customer>,
    /// Who pay.
    paying: Vec<Customer>,
    payments: Vec<Told>,
    /// Whom Vapi refuses.
    refused: Vec<String>,
}

impl Town {
    /// Of every dozen that are frozen six are runners.
    fn new(world: World, count: usize) -> Self {
        let people = |letter: char, range: usize, size: usize, at: Timestamp| -> Vec<Customer> {
            let person = |which: usize| {
                let phone = format!("+1403555{:04}", 3000 + range * 100 + which);
                Customer::ordinary(format!("{letter}{which}"), phone, at)
            };
            (0..size).map(person).collect()
        };
        let paying: Vec<Customer> = people('p', 4, (count / 8).max(1), began() + DUE)
            .into_iter()
            .map(|customer| customer.paying_at(began()))
            .collect();
        Self {
            world,
            called: people('v', 1, (count / 8).max(1), began() + MINUTE),
            ringing: people('r', 2, (count / 2).max(1), began() + DUE),
            waiting: people('s', 3, 4, began() + DUE + MINUTE),
            payments: paying.iter().flat_map(payments_of).collect(),
            paying,
            refused: Vec::new(),
        }
    }

    /// Everybody who is to be frozen, on the point of doing what they have to do.
    async fn prey(&mut self, vapi: &Provider, rng: &mut Rng) -> Vec<Prey> {
        for customer in self.called.iter().chain(&self.ringing).chain(&self.waiting) {
            customer.enter(&self.world).await;
        }
        self.world.pass(MINUTE).await;
        self.minute().await;
        self.world.pass(DUE - MINUTE).await;
        self.world.tick(SCHEDULER).await;
        let mut prey = self.runners(vapi, rng).await;
        // Both of them are shown who waits.
        self.world.pass(MINUTE).await;
        for (name, begins_with, statements) in [
            (SCHEDULER, "schedule_calls", &OF_SCHEDULER[..]),
            (SCHEDULER, "schedule_calls", &OF_SCHEDULER),
            (SWEEPER, "rescue", &OF_SWEEPER),
            (SWEEPER, "rescue", &OF_SWEEPER),
        ] {
            prey.push(Prey {
                name,
                event: tick(),
                begins_with,
                point: Point::of(rng, statements),
                number: String::new(),
            });
        }
        prey.extend(self.webhooks(rng).await);
        prey
    }

    /// A runner for each doorbell.
    async fn runners(&mut self, vapi: &Provider, rng: &mut Rng) -> Vec<Prey> {
        let mut bells = Vec::new();
        while let Some((batch, _)) = self.world.next_batch_of_calls().await {
            bells.extend(bells_of(&self.world, &batch, "customer_id").await);
        }
        let mut prey = Vec::new();
        for customer in &self.ringing {
            let point = Point::of_runner(rng, &OF_RUNNER);
            let treatment = point.treatment();
            if matches!(treatment, Treatment::RefuseForGood) {
                self.refused.push(customer.id.clone());
            }
            vapi.treat_next_to(&customer.phone, &treatment);
            // A bell that the queue was too slow for is rung later, by the sweeper.
            let Some(bell) = bells.iter().position(|(person, _)| *person == customer.id) else {
                continue;
            };
            prey.push(Prey {
                name: RUNNER,
                event: bells.swap_remove(bell).1,
                begins_with: "load_call",
                point,
                number: customer.phone.clone(),
            });
        }
        prey
    }

    /// A webhook for each who was called, and for each who pays.
    async fn webhooks(&self, rng: &mut Rng) -> Vec<Prey> {
        let mut prey = Vec::new();
        let mut add = |name, event, begins_with, statements: &[&'static str]| {
            prey.push(Prey {
                name,
                event,
                begins_with,
                point: Point::of(rng, statements),
                number: String::new(),
            });
        };
        for customer in &self.called {
            let call = self.world.calls_to(&customer.phone);
            let id = &call.first().expect("they were called").id;
            self.world.vapi.end_call(id, "customer-did-not-answer");
            let report = self.world.vapi.end_of_call_report(id);
            let event = overheard(&self.world, VAPI, self.world.vapi_tells(report)).await;
            add(VAPI, event, "record_result", &OF_VAPI);
        }
        for told in &self.payments {
            let event = overheard(&self.world, STRIPE, told.tell(&self.world)).await;
            // It was we who answered.
            *told.heard_at.lock().expect("no panic") = None;
            add(STRIPE, event, "record_payment", &OF_STRIPE);
        }
        prey
    }

    /// Whoever is not frozen has a turn, and calls end that go on for long.
    async fn minute(&self) {
        self.world.pass(MINUTE).await;
        self.world.tick(SCHEDULER).await;
        self.world.sweep().await;
        self.world.run_calls().await;
        for call in self.world.vapi.calls() {
            let age = self.world.vapi.clock().now().duration_since(call.created_at);
            if call.status != "ended" && age > MINUTE * 10 {
                self.world.vapi.end_call(&call.id, "customer-did-not-answer");
            }
        }
    }

    /// Two days and more, in which Stripe is heard and everything comes to its end; then the judgement.
    async fn live_out(&self) -> Judgement {
        self.world.vapi.nothing_next();
        self.world.vapi.release_held();
        for told in &self.payments {
            told.tell(&self.world).await;
        }
        let begins = self.world.database.now().await;
        for day in 0..3 {
            for _ in 0..28 {
                self.world.pass(MINUTE * 4).await;
                self.minute().await;
            }
            let next = began() + SignedDuration::from_hours(24 * (day + 1)) - MINUTE * 5;
            let left = next.duration_since(self.world.database.now().await);
            if left > SignedDuration::ZERO {
                self.world.pass(left).await;
            }
        }
        self.judge(begins).await
    }

    async fn judge(&self, until: Timestamp) -> Judgement {
        let everybody = self.called.iter().chain(&self.ringing).chain(&self.waiting);
        let owed: Vec<_> = everybody
            .chain(&self.paying)
            .map(|customer| customer.owed(until + SignedDuration::from_hours(48), None, false))
            .collect();
        // Only the first request meets anything unusual: whatever else is lost by a freeze is made good, or was a
        // day's call.
        let explains = |job: &Job| {
            let is_day_lost = job.end() == "dead: it never arrived, and its day is over";
            is_day_lost || job.state == "refused" && self.refused.contains(&job.recipient)
        };
        judge(&self.world, &owed, explains).await
    }
}

/// The event that a function is invoked with by what is posted meanwhile; the function itself hears nothing.
async fn overheard<T>(world: &World, name: &'static str, posting: impl Future<Output = T>) -> Value {
    let overhears = Arc::new(Overhears(Mutex::default()));
    let function = world.exchange(name, Arc::clone(&overhears) as Arc<dyn Invoke>);
    posting.await;
    world.replace(name, function);
    let event = overhears.0.lock().expect("no panic").take();
    event.expect("it was invoked")
}

struct Overhears(Mutex<Option<Value>>);

impl Invoke for Overhears {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, InvokeError>> {
        *self.0.lock().expect("no panic") = Some(event);
        Box::pin(async { Ok(json!({ "ok": true })) })
    }
}
