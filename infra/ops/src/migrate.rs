//! Brings a database up to this code's schema.

use anyhow::Context;

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// Applies what is missing, one at a time however many start at once, and says what it did.
///
/// Safe to run twice: the second run finds nothing to do. `url` must reach the database directly, because
/// the lock that keeps two runs apart belongs to the session.
pub async fn migrate(url: &str, roots: Option<&str>) -> anyhow::Result<Vec<String>> {
    let mut client = super::connect(url, roots).await?;
    // The number means nothing; it only has to be the same for everybody who migrates.
    client
        .batch_execute("SELECT pg_advisory_lock(7462839105)")
        .await
        .context("cannot lock the schema")?;
    client
        .batch_execute("SET client_min_messages = notice; SET lock_timeout = '10s'")
        .await?;
    let report = embedded::migrations::runner()
        .run_async(&mut client)
        .await
        .context("a migration failed, nothing of it was kept")?;
    Ok(report
        .applied_migrations()
        .iter()
        .map(ToString::to_string)
        .collect())
}
