//! The connection breaks in the middle of the scheduler's commit, or its database fails over.

use std::collections::BTreeSet;

use system_tests::{Caught, World};

use super::super::read_only;
use super::{MINUTE, everybody_is_called_once, minute, world};

/// How much of a batch the server is given, and whether it may carry it out before the connection breaks.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Nothing,
    Half,
    AllButTheLastByte,
    EverythingUnheard,
}

async fn cut(mut caught: Caught, how: Cut) {
    let length = caught.request().len();
    match how {
        Cut::Nothing => {}
        Cut::Half => caught.send(length / 2).await,
        Cut::AllButTheLastByte => caught.send(length - 1).await,
        Cut::EverythingUnheard => {
            caught.send(length).await;
            caught.answer().await;
        }
    }
}

#[tokio::test]
async fn a_batch_is_owed_whole_or_not_at_all_and_once() {
    for how in [
        Cut::Nothing,
        Cut::Half,
        Cut::AllButTheLastByte,
        Cut::EverythingUnheard,
    ] {
        let customers = 12;
        let (world, mut cutter) = world(customers).await;
        world.pass(MINUTE).await;
        cutter.catch("schedule_calls");
        let breaking = async {
            let caught = cutter.caught().await;
            cut(caught, how).await;
        };
        let (ticked, ()) = futures_util::join!(world.try_tick("call-scheduler"), breaking);
        assert!(ticked.is_err(), "{how:?}: {ticked:?}");
        let owed = if matches!(how, Cut::EverythingUnheard) {
            12
        } else {
            0
        };
        assert_eq!(world.count("jobs").await, owed, "{how:?}");
        everybody_is_called_once(&world, customers).await;
    }
}

/// A hundred are a batch: the first is committed, and the second meets the standby.
#[tokio::test]
async fn a_failover_between_two_batches_costs_nobody_their_call() {
    let customers = 150;
    let (world, mut cutter) = world(customers).await;
    world.pass(MINUTE).await;
    cutter.catch("schedule_calls");
    let failing_over = async {
        let mut first = cutter.caught().await;
        first.send(usize::MAX).await;
        let answer = first.answer().await;
        cutter.catch("schedule_calls");
        first.tell(&answer).await;
        first.go_on();
        let second = cutter.caught().await;
        read_only::refuse(&world, &cutter).await;
        drop(second);
        cutter.close(false);
    };
    let (ticked, ()) = futures_util::join!(world.try_tick("call-scheduler"), failing_over);
    assert!(ticked.is_err(), "{ticked:?}");
    assert_eq!(world.count("jobs").await, 100);
    for function in ["call-scheduler", "job-sweeper"] {
        let ticked = world.try_tick(function).await;
        assert!(ticked.is_err(), "{function}: {ticked:?}");
    }
    world.run_calls().await;
    assert_eq!(world.vapi.calls().len(), 0, "nothing can be granted");
    read_only::promote(&world).await;
    find_out(&world).await;
    everybody_is_called_once(&world, customers).await;
    let people: BTreeSet<String> = world
        .vapi
        .calls()
        .into_iter()
        .map(|call| call.recipient)
        .collect();
    assert_eq!(people.len(), customers);
}

/// Everybody finds out that their connections are gone, each at the cost of an error.
async fn find_out(world: &World) {
    minute(world).await;
}
