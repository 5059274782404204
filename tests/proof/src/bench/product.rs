//! The product's own code as a load: its functions, its pool, its statements.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use local::settings::Settings;
use shared::platform::database::Database;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::contest::Load;

/// Does the operation of this number.
pub(super) type Operation = fn(Database, u64) -> BoxFuture<'static, anyhow::Result<()>>;

/// Runs it; how long the operations took, connecting aside.
pub(super) async fn run(operation: Operation, url: &str, load: &Load) -> anyhow::Result<Duration> {
    // Nothing here asks AWS.
    let settings = Settings::new("http://127.0.0.1:9".to_owned()).with("DATABASE_URL", url);
    let environment = settings.environment().await?;
    let everybody = usize::try_from(load.clients + 1)?;
    let together = Arc::new(Barrier::new(everybody));
    let mut clients = JoinSet::new();
    for client in 0..load.clients {
        let (database, together, load) = (environment.database()?, Arc::clone(&together), *load);
        clients.spawn(async move {
            let connected = database.connection().await.map(drop);
            together.wait().await;
            connected?;
            let first = load.first + client * load.each;
            for number in first..first + load.each {
                operation(database.clone(), number).await?;
            }
            anyhow::Ok(())
        });
    }
    together.wait().await;
    let started = Instant::now();
    while let Some(client) = clients.join_next().await {
        client??;
    }
    Ok(started.elapsed())
}
