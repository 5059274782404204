//! The clock of the stack's own database, ahead of the server's.
//!
//! `switchboard_now()` is replaced by one that adds what stands in a table. Only the database's owner can do that, which
//! no function connects as, and `ops verify` refuses a database where it was done. It is never undone: a ledger knows
//! nothing of going back.

use anyhow::Context;
use jiff::SignedDuration;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

const INSTALL: &str = "
    CREATE TABLE moved_clock (
      only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT there_is_one_moved_clock CHECK (only_row),
      ahead    interval NOT NULL CONSTRAINT a_clock_is_not_moved_back CHECK (ahead >= '0')
    );
    INSERT INTO moved_clock (ahead) VALUES ('0');
    GRANT SELECT ON moved_clock TO switchboard_app;
    CREATE OR REPLACE FUNCTION switchboard_now() RETURNS timestamptz LANGUAGE sql STABLE
      AS 'SELECT statement_timestamp() + ahead FROM public.moved_clock'";

/// How far it is ahead; `None` if nobody has ever moved it.
pub(crate) async fn ahead(owner: &Client) -> anyhow::Result<Option<SignedDuration>> {
    let is_there = "SELECT to_regclass('public.moved_clock') IS NOT NULL";
    if !owner.query_typed_one(is_there, &[]).await?.get::<_, bool>(0) {
        return Ok(None);
    }
    let microseconds = "SELECT (extract(epoch FROM ahead) * 1000000)::int8 FROM public.moved_clock";
    let microseconds = owner.query_typed_one(microseconds, &[]).await?.get(0);
    Ok(Some(SignedDuration::from_micros(microseconds)))
}

/// Makes the clock one that can be moved, if it is none.
pub(super) async fn install(owner: &Client) -> anyhow::Result<()> {
    if ahead(owner).await?.is_none() {
        owner
            .batch_execute(&format!("BEGIN; {INSTALL}; COMMIT"))
            .await
            .context("the database's clock cannot be moved")?;
    }
    Ok(())
}

/// Moves it.
pub(super) async fn set_ahead(owner: &Client, ahead: SignedDuration) -> anyhow::Result<()> {
    let microseconds = i64::try_from(ahead.as_micros()).context("a clock of this age")?;
    let moved = "UPDATE moved_clock SET ahead = make_interval(secs => $1::int8 / 1000000.0::float8)";
    owner.execute_typed(moved, &[(&microseconds, Type::INT8)]).await?;
    Ok(())
}
