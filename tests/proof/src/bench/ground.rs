//! Where everything is measured: one private server that waits for its disk, and databases on it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use local::postgres::{Data, Server, connect};
use system_tests::{LINE, OWNER, PostgresProxy};
use tokio_postgres::Client;

use super::meter::{Meter, steady};

/// What the functions connect as.
pub(super) const APPLICATION: &str = "switchboard";
const TEMPLATE: &str = "bench_template";

/// A server with nobody else on it.
pub(super) struct Ground {
    server: Server,
    /// Reads what the server spends.
    pub(super) meter: Meter,
    /// Counts round trips for whoever goes through it.
    pub(super) proxy: PostgresProxy,
    /// `pgbench`, if it is there.
    pub(super) pgbench: Option<PathBuf>,
    next: AtomicU64,
}

impl Ground {
    /// A new server, with one line in what its databases are copied from.
    pub(super) async fn start(pgbench: Option<PathBuf>) -> anyhow::Result<Self> {
        let server = Server::start(Data::Durable).await?;
        let admin = connect(&server.url("postgres", "postgres")).await?;
        steady(&admin).await?;
        admin
            .batch_execute(&format!("CREATE DATABASE {TEMPLATE}"))
            .await?;
        ops::migrate(&server.url("postgres", TEMPLATE), None).await?;
        admin
            .batch_execute(&format!(
                "CREATE ROLE {APPLICATION} LOGIN IN ROLE switchboard_app"
            ))
            .await?;
        let template = connect(&server.url("postgres", TEMPLATE)).await?;
        template
            .batch_execute(&format!(
                "INSERT INTO lines (number, forward_to, business_name) VALUES ('{LINE}', '{OWNER}', 'Acme Plumbing')"
            ))
            .await?;
        drop(template);
        Ok(Self {
            meter: Meter::new(admin).await?,
            proxy: PostgresProxy::before(server.port()).await,
            server,
            pgbench,
            next: AtomicU64::new(0),
        })
    }

    /// A new database with the schema, the line, and what `arrange` adds.
    pub(super) async fn database(&self, name: &str, arrange: &str) -> anyhow::Result<()> {
        let admin = self.owner("postgres").await?;
        admin
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
            .await?;
        self.arrange(name, arrange)
            .await
            .with_context(|| format!("arranging {name}"))
    }

    /// Puts a database in order before something is measured: the disk is waited for once, at the end.
    pub(super) async fn arrange(&self, database: &str, statements: &str) -> anyhow::Result<()> {
        let owner = self.owner(database).await?;
        owner.batch_execute("SET synchronous_commit = off").await?;
        owner.batch_execute(statements).await?;
        let tables = "SELECT string_agg(quote_ident(relname), ', ') FROM pg_stat_user_tables";
        let tables: String = owner.query_one(tables, &[]).await?.get(0);
        owner.batch_execute(&format!("VACUUM ANALYZE {tables}")).await?;
        owner.batch_execute("SET synchronous_commit = on").await?;
        owner
            .batch_execute(
                "SELECT pg_logical_emit_message(true, 'bench', 'all that came before is on the disk')",
            )
            .await?;
        Ok(())
    }

    /// A connection that may do everything, for arranging and looking.
    pub(super) async fn owner(&self, database: &str) -> anyhow::Result<Client> {
        connect(&self.owner_url(database)).await
    }

    /// As migrations reach a database.
    pub(super) fn owner_url(&self, database: &str) -> String {
        self.server.url("postgres", database)
    }

    /// The server's port.
    pub(super) fn port(&self) -> u16 {
        self.server.port()
    }

    /// So many numbers that nobody has had, from the one that is returned.
    pub(super) fn numbers(&self, count: u64) -> u64 {
        self.next.fetch_add(count, Ordering::Relaxed)
    }
}

/// As the functions reach a database, past the proxy or through it.
pub(super) fn application_url(port: u16, database: &str) -> String {
    format!("postgresql://{APPLICATION}@127.0.0.1:{port}/{database}")
}
