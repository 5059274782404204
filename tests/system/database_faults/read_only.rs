//! A failover: connections are refused, then the server that answers is a standby, then it is promoted.

use local::sandbox::{Behaviour, SandboxEvent};
use system_tests::{Cutter, World};

use super::{caller, everybody_gets_one_text, find_out, misses, world};

/// Connections break, and none is let in; the server that will be there is a standby.
pub(super) async fn refuse(world: &World, cutter: &Cutter) {
    cutter.close(true);
    fail_over(world, "on").await;
}

/// The standby becomes the primary, to which nobody is connected.
pub(super) async fn promote(world: &World) {
    fail_over(world, "off").await;
}

async fn fail_over(world: &World, is_read_only: &str) {
    let name = world.database.name();
    world
        .database
        .sql(&format!(
            "ALTER DATABASE {name} SET default_transaction_read_only = {is_read_only};
             SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
             WHERE datname = '{name}' AND usename = 'switchboard'"
        ))
        .await;
}

#[tokio::test]
async fn calls_during_a_failover_are_connected_parked_and_texted_afterwards() {
    let (world, cutter) = world().await;
    refuse(&world, &cutter).await;
    misses(&world, &caller(1)).await;
    cutter.close(false);
    misses(&world, &caller(2)).await;
    assert_eq!(world.parked().len(), 6, "three events a call");
    for function in ["job-sweeper", "missed-call-poller"] {
        let ticked = world.try_tick(function).await;
        assert!(ticked.is_err(), "{function}: {ticked:?}");
    }
    assert_eq!(world.parked().len(), 6, "nothing was taken for done");
    assert_eq!(world.count("jobs").await, 1, "nor did anything happen");
    promote(&world).await;
    find_out(&world).await;
    world.minutes(5).await;
    for number in [1, 2] {
        assert_eq!(world.texts_to(&caller(number)).len(), 1, "{number}");
    }
    everybody_gets_one_text(&world, 2).await;
}

#[tokio::test]
async fn nothing_is_sent_while_nothing_can_be_granted() {
    let (world, cutter) = world().await;
    misses(&world, &caller(1)).await;
    refuse(&world, &cutter).await;
    cutter.close(false);
    world.run_jobs().await;
    assert_eq!(world.texts_to(&caller(1)).len(), 0);
    assert_eq!(world.count("attempts").await, 1, "the first caller's");
    promote(&world).await;
    find_out(&world).await;
    world.minutes(2).await;
    assert_eq!(world.texts_to(&caller(1)).len(), 1);
    everybody_gets_one_text(&world, 1).await;
}

/// The text is on its way when the database fails over, and is settled once it can be.
#[tokio::test]
async fn an_answer_outlasts_a_failover() {
    let (world, mut cutter) = world().await;
    let mut events = world.twilio.events();
    let call = misses(&world, &caller(1)).await.call;
    world.twilio.on_next_send(Behaviour::Hold { accepted: true });
    let failover = async {
        let held = |event: &SandboxEvent| matches!(event, SandboxEvent::RequestHeld { .. }).then_some(());
        events.find(held).await.expect("Twilio is there");
        refuse(&world, &cutter).await;
        cutter.close(false);
        cutter.catch("settle_accepted");
        world.twilio.release_held();
        // What is still being said on a connection of old is not answered by the standby.
        while !settles_in_vain(&mut cutter).await.contains("C25006") {
            cutter.catch("settle_accepted");
        }
        promote(&world).await;
    };
    futures_util::join!(world.run_jobs(), failover);
    assert_eq!(
        world.job_of(&call).await,
        "accepted",
        "within the same invocation"
    );
    everybody_gets_one_text(&world, 1).await;
}

/// Lets a settlement through, and what the server says to it.
async fn settles_in_vain(cutter: &mut Cutter) -> String {
    let mut settling = cutter.caught().await;
    settling.send(usize::MAX).await;
    let answer = settling.answer().await;
    settling.tell(&answer).await;
    settling.go_on();
    String::from_utf8_lossy(&answer).into_owned()
}
