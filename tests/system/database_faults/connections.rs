//! The server has no connection left for us.

use local::postgres::connect;
use system_tests::World;
use tokio_postgres::Client;

use super::{caller, everybody_gets_one_text, find_out, misses, world};

/// Ends the functions' connections and takes all that they could have instead.
async fn take_all(world: &World) -> Vec<Client> {
    let name = world.database.name();
    world
        .database
        .sql(&format!(
            "ALTER DATABASE {name} CONNECTION LIMIT 3;
             SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
             WHERE datname = '{name}' AND usename = 'switchboard'"
        ))
        .await;
    let url = world.database.application_url().await;
    let mut taken = Vec::new();
    let refused = loop {
        match connect(&url).await {
            Ok(client) => taken.push(client),
            Err(error) => break error,
        }
    };
    let refused = refused.downcast::<tokio_postgres::Error>().expect("the server's");
    assert_eq!(
        refused.code().map(tokio_postgres::error::SqlState::code),
        Some("53300")
    );
    taken
}

async fn free(world: &World, taken: Vec<Client>) {
    drop(taken);
    let name = world.database.name();
    world
        .database
        .sql(&format!("ALTER DATABASE {name} CONNECTION LIMIT -1"))
        .await;
    find_out(world).await;
}

#[tokio::test]
async fn with_no_connection_left_callers_are_connected_and_their_calls_parked() {
    let (world, _cutter) = world().await;
    let taken = take_all(&world).await;
    for number in 1..=2 {
        misses(&world, &caller(number)).await;
    }
    assert_eq!(world.parked().len(), 6, "three events a call");
    assert!(world.try_tick("job-sweeper").await.is_err());
    assert!(world.try_tick("missed-call-poller").await.is_err());
    assert_eq!(world.parked().len(), 6);
    free(&world, taken).await;
    world.minutes(5).await;
    everybody_gets_one_text(&world, 2).await;
}

#[tokio::test]
async fn with_no_connection_left_nothing_is_sent_and_nothing_is_forgotten() {
    let (world, _cutter) = world().await;
    misses(&world, &caller(1)).await;
    let taken = take_all(&world).await;
    world.run_jobs().await;
    assert_eq!(world.texts_to(&caller(1)).len(), 0);
    free(&world, taken).await;
    world.minutes(2).await;
    assert_eq!(world.texts_to(&caller(1)).len(), 1);
    everybody_gets_one_text(&world, 1).await;
}
