//! Two days of customers whose processes are killed for as long as somebody is due, and some days in peace.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use local::sandbox_vapi::{Call, ReadFault};
use system_tests::World;

use super::customers::{Customer, Fate, UNTIL_MORNING, began};
use super::outside::{Telephones, Told, payments_of};
use super::targets::{SCHEDULER, TARGETS};
use crate::judgement::calls::judge;
use crate::judgement::{Job, Judgement};
use crate::kills::aim::{RUNNER, SWEEPER};
use crate::kills::hits::Hits;
use crate::kills::provider::Provider;
use crate::kills::range::{Range, Weather, world};

/// How many customers a world has.
const CUSTOMERS: usize = 20;
/// Steps of a minute in which somebody becomes due, and of five until what was unclear is clear.
const BUSY: (usize, usize) = (45, 12);
/// The same in the morning of those who sleep when the others are called.
const MORNING: (usize, usize) = (25, 12);
/// The same, where nobody shoots.
const IN_PEACE: (usize, usize) = (0, 12);
/// The days that are lived: the first two under fire.
const DAYS: i32 = 5;
const DAY: SignedDuration = SignedDuration::from_hours(24);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Customers, and who is shot at on the way to them.
pub(in crate::kills) struct Scene {
    range: Range,
    customers: Vec<Customer>,
    payments: Vec<Told>,
    telephones: Telephones,
    weather: Weather,
    /// Whether whatever was wrong is over.
    is_over: bool,
}

impl Scene {
    /// The world of a seed.
    pub(in crate::kills) async fn begin(seed: u64, hits: &Arc<Hits>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let weather = Weather::draw(&mut rng);
        let customers: Vec<Customer> = (0..CUSTOMERS)
            .map(|which| Customer::draw(&mut rng, which))
            .collect();
        // Now and then there is hardly room for them all.
        let at_a_time = if rng.u8(..100) < 20 { 5 } else { 100 };
        let world = open_world(at_a_time).await;
        for customer in &customers {
            customer.enter(&world).await;
        }
        match weather {
            Weather::ListsLag => world.vapi.lag_lists_by(Duration::from_mins(2)),
            Weather::ListsAway => world.vapi.on_every_read(Some(ReadFault::Reset)),
            Weather::Fair | Weather::NobodyRuns => {}
        }
        let vapi = Provider::Vapi(world.vapi.clone());
        let pairs = [RUNNER, SCHEDULER];
        let range = Range::begin(world, &TARGETS, &pairs, &vapi, hits, &mut rng).await;
        Self {
            range,
            payments: customers.iter().flat_map(payments_of).collect(),
            telephones: Telephones::new(),
            customers,
            weather,
            is_over: false,
        }
    }

    /// The two days on which whoever works may be killed.
    pub(in crate::kills) async fn live_under_fire(&mut self) {
        self.hour(BUSY).await;
        self.quietly_until(began() + UNTIL_MORNING).await;
        self.hour(MORNING).await;
        self.quietly_until(began() + DAY).await;
        self.hour(BUSY).await;
    }

    /// Days with processes that live, until nothing can be left to do; then the judgement.
    pub(in crate::kills) async fn end(mut self) -> Judgement {
        self.is_over = true;
        self.range.set_peace(true);
        let vapi = &self.range.world.vapi;
        vapi.nothing_next();
        vapi.on_every_read(None);
        vapi.release_held();
        self.quietly_until(began() + DAY + UNTIL_MORNING).await;
        for day in 2..DAYS {
            self.hour(IN_PEACE).await;
            self.quietly_until(began() + DAY * day).await;
            self.hour(IN_PEACE).await;
            self.quietly_until(began() + DAY * day + UNTIL_MORNING).await;
        }
        let world = &self.range.world;
        let until = world.database.now().await - SignedDuration::from_mins(5);
        self.hour(IN_PEACE).await;
        let judgement = self.judge(until).await;
        if !judgement.violations.is_empty() {
            self.range.print_last_words();
        }
        self.range.world.database.remove().await;
        judgement
    }

    /// Minutes, and then steps of five of them.
    async fn hour(&mut self, (minutes, steps): (usize, usize)) {
        for _ in 0..minutes {
            self.step(MINUTE).await;
        }
        for _ in 0..steps {
            self.step(MINUTE * 5).await;
        }
    }

    /// Time in which nobody becomes due, and nobody shoots: two hours of it in steps, and then none until a minute
    /// before its end.
    async fn quietly_until(&mut self, end: Timestamp) {
        self.range.set_peace(true);
        for _ in 0..8 {
            self.step(MINUTE * 15).await;
        }
        let world = &self.range.world;
        let left = end.duration_since(world.database.now().await) - MINUTE;
        if left > SignedDuration::ZERO {
            world.pass(left).await;
        }
        self.range.set_peace(self.is_over);
    }

    /// Time passes, and what falls together happens together: schedules, queues and other people wait for nobody.
    async fn step(&mut self, time: SignedDuration) {
        let Self {
            range,
            customers,
            payments,
            telephones,
            weather,
            is_over,
        } = self;
        range.world.pass(time).await;
        let now = range.world.database.now().await;
        let bells = async {
            if *is_over || !matches!(weather, Weather::NobodyRuns) {
                range.world.run_calls().await;
            }
        };
        let due = payments
            .iter()
            .filter(|told| told.at <= now && told.heard_at().is_none());
        let paying = join_all(due.map(|told| told.tell(&range.world)));
        let fate_of = |call: &Call| fate_of(customers, call);
        tokio::join!(
            range.tick(SCHEDULER),
            range.tick(SWEEPER),
            bells,
            paying,
            telephones.go_on(&range.world, fate_of),
        );
    }

    async fn judge(&self, until: Timestamp) -> Judgement {
        let world = &self.range.world;
        let owed: Vec<_> = self
            .customers
            .iter()
            .map(|customer| {
                let stop = self.telephones.stopped_at(&customer.phone, world);
                let refund = self
                    .payments
                    .iter()
                    .find(|told| told.is_refund && told.customer == customer.id);
                let refund =
                    refund.map(|told| (told.heard_at().unwrap_or(told.at), told.heard_at().is_some()));
                let over = stop.into_iter().chain(refund).min();
                customer.owed(
                    until,
                    over.map(|(at, _)| at),
                    over.is_some_and(|(_, is_heard)| is_heard),
                )
            })
            .collect();
        let mut judgement = judge(world, &owed, |job| self.explains(job)).await;
        for told in self.payments.iter().filter(|told| told.heard_at().is_none()) {
            judgement.object(format!("Stripe is never heard: {told:?}"));
        }
        judgement
    }

    /// Whether this is how a job may end here without a call that is known to have been placed. No kill is an excuse
    /// but one that cost a daily call its day, or a first call the last of its three.
    fn explains(&self, job: &Job) -> bool {
        let Some(customer) = self
            .customers
            .iter()
            .find(|customer| customer.id == job.recipient)
        else {
            return false;
        };
        let world = &self.range.world;
        let shares = |other: &&Customer| other.phone == customer.phone && other.id != customer.id;
        let has_namesake = self.customers.iter().any(|other| shares(&other));
        match job.end().as_str() {
            "dead: it never arrived, and its day is over" => true,
            "dead: three attempts, none arrived" => job.attempts.len() == 3,
            // Of a late evening, the waiting that Vapi asked for is the rest.
            end if end.starts_with("dead: ") => job.attempts.len() == 3 || customer.is_called_late(),
            end if end.starts_with("refused: ") => {
                customer.may_be_refused()
                    || self.customers.iter().filter(shares).any(Customer::may_be_refused)
            }
            "needs_human: no evidence within the hour whether it arrived" => {
                matches!(self.weather, Weather::ListsAway)
            }
            "suppressed: expired" | "suppressed: outside_hours" => {
                customer.is_called_late() || matches!(self.weather, Weather::NobodyRuns)
            }
            "suppressed: opted_out" => self.telephones.stopped_at(&customer.phone, world).is_some(),
            "suppressed: not_paid" => customer.refunded_at.is_some(),
            "suppressed: called_today" | "suppressed: called_within_ten_hours" => {
                customer.paid_at.is_some() || has_namesake
            }
            "suppressed: phone_called_today" => has_namesake,
            _ => false,
        }
    }
}

fn fate_of(customers: &[Customer], call: &Call) -> Fate {
    let customer = customers
        .iter()
        .find(|customer| call.customer_id.as_ref() == Some(&customer.id));
    customer.expect("one of ours").fate
}

/// A world in which everybody may be called.
pub(super) async fn open_world(at_a_time: u8) -> World {
    let world = world().await;
    world
        .database
        .sql(&format!(
            "UPDATE calling SET paused = false, welcome_since = '2026-06-01', at_a_time = {at_a_time}"
        ))
        .await;
    world
}
