//! Invocations that come to their time limit, or would if they did not look at the clock.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use local::invoke::{Invoke, InvokeError};
use local::sandbox_vapi::{Behaviour, ReadFault};
use system_tests::{World, real, real_within};

use super::customers::{Customer, began};
use super::scene::open_world;
use super::targets::SCHEDULER;
use crate::judgement::calls::judge;
use crate::judgement::{Job, Judgement};
use crate::kills::aim::{RUNNER, SWEEPER};
use crate::kills::hits::{Blow, Hits};
use crate::kills::range::tick;

/// The sweeper's own limit is a minute, which shows nothing that this does not.
const SWEEPER_MAY_TAKE: Duration = Duration::from_secs(3);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// A sweeper whose questions Vapi holds for longer than it may take: it is killed, and the next one finds what it was
/// looking for.
pub(in crate::kills) async fn sweeper_is_held(hits: &Hits) -> Judgement {
    let (world, customers) = due(3).await;
    world.vapi.on_every_send(Behaviour::AcceptThenReset);
    world.run_calls().await;
    world.vapi.on_every_send(Behaviour::Accept);
    world.pass(MINUTE * 3).await;
    let sweeper = real_within(SWEEPER_MAY_TAKE, SWEEPER, &world.settings);
    sweeper.start().await.expect("the sweeper starts");
    world.vapi.on_every_read(Some(ReadFault::Hold));
    if let Err(InvokeError::TimedOut(_)) = sweeper.invoke(tick()).await {
        hits.count(
            Blow::TimedOut,
            SWEEPER,
            "while Vapi holds its questions".to_owned(),
        );
    }
    live_out(&world, &customers, |_| false).await
}

/// A batch of five, each of whose answers Vapi holds for longer than a request may take: the runner stops taking up
/// jobs in time, and is done before its limit.
pub(in crate::kills) async fn batch_is_held() -> Judgement {
    let (world, customers) = due(5).await;
    world.replace(RUNNER, Arc::new(real(RUNNER, &world.settings)));
    for (which, customer) in customers.iter().enumerate() {
        let accepted = which % 2 == 0;
        world
            .vapi
            .on_next_send_to(&customer.phone, Behaviour::Hold { accepted });
    }
    let (batch, _) = world
        .next_batch_of_calls()
        .await
        .expect("five doorbells hang in the queue");
    let answer = world.invoke(RUNNER, batch).await;
    let is_day_lost = |job: &Job| job.end() == "dead: it never arrived, and its day is over";
    let mut judgement = live_out(&world, &customers, is_day_lost).await;
    if let Err(error) = answer {
        judgement.object(format!(
            "a runner whose answers are held did not end by itself: {error}"
        ));
    }
    judgement
}

/// So many customers whose doorbells hang in the queue.
async fn due(count: usize) -> (World, Vec<Customer>) {
    let world = open_world(100).await;
    let person = |which: usize| {
        let phone = format!("+1403555{:04}", 3000 + which);
        Customer::ordinary(format!("t{which}"), phone, began() + MINUTE)
    };
    let customers: Vec<Customer> = (0..count).map(person).collect();
    for customer in &customers {
        customer.enter(&world).await;
    }
    world.pass(MINUTE).await;
    world.tick(SCHEDULER).await;
    (world, customers)
}

async fn live_out(world: &World, customers: &[Customer], explains: impl Fn(&Job) -> bool) -> Judgement {
    world.vapi.nothing_next();
    world.vapi.on_every_read(None);
    world.vapi.release_held();
    for _ in 0..24 {
        for call in world.vapi.calls().iter().filter(|call| call.status != "ended") {
            world.vapi.end_call(&call.id, "customer-did-not-answer");
        }
        world.pass(MINUTE * 5).await;
        world.sweep().await;
        world.run_calls().await;
    }
    let until = world.database.now().await;
    let owed: Vec<_> = customers
        .iter()
        .map(|customer| customer.owed(until, None, false))
        .collect();
    let judgement = judge(world, &owed, explains).await;
    world.database.remove().await;
    judgement
}
