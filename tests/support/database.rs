//! A database per test, copied from a template that the migrations have made once.

use std::sync::atomic::{AtomicU32, Ordering};

use jiff::{SignedDuration, Timestamp};
use local::postgres::{Data, Server, connect};
use tokio::sync::OnceCell;
use tokio_postgres::Client;

static SERVER: OnceCell<Server> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

const TEMPLATE: &str = "switchboard_template";
/// What the functions connect as.
const APPLICATION: &str = "switchboard";

/// The clock of a test database, which only the test moves.
const STOPPED_CLOCK: &str = "
    CREATE TABLE stopped_clock (at timestamptz NOT NULL);
    INSERT INTO stopped_clock VALUES ('2026-06-10 17:00:00+00');
    GRANT SELECT ON stopped_clock TO switchboard_app;
    CREATE OR REPLACE FUNCTION switchboard_now() RETURNS timestamptz LANGUAGE sql STABLE
      AS 'SELECT at FROM public.stopped_clock'";

/// One server for the whole run; it goes when the process does.
pub async fn server() -> &'static Server {
    SERVER
        .get_or_init(async || {
            let server = Server::start(Data::Temporary)
                .await
                .expect("a private PostgreSQL (`make postgres`)");
            prepare(&server).await;
            server
        })
        .await
}

/// A server that can crash, and that keeps what was committed as one in production does.
pub async fn durable_server() -> Server {
    let server = Server::start(Data::Durable)
        .await
        .expect("a private PostgreSQL (`make postgres`)");
    prepare(&server).await;
    server
}

/// The template that databases are copied from, and the role that functions connect as.
async fn prepare(server: &Server) {
    let admin = connect(&server.url("postgres", "postgres"))
        .await
        .expect("the server answers");
    admin
        .batch_execute(&format!("CREATE DATABASE {TEMPLATE}"))
        .await
        .expect("a new database");
    ops::migrate(&server.url("postgres", TEMPLATE), None)
        .await
        .expect("the migrations apply");
    let grant = format!("CREATE ROLE {APPLICATION} LOGIN IN ROLE switchboard_app");
    admin.batch_execute(&grant).await.expect("a new role");
}

/// A database of one test's own.
pub struct TestDatabase {
    name: String,
    application_url: String,
    owner_url: String,
    owner: Client,
}

impl TestDatabase {
    /// A new one with the schema, nothing in it, and a clock that stands still.
    pub async fn new() -> Self {
        let database = Self::with_running_clock().await;
        database.stop_clock().await;
        database
    }

    /// A new one with nothing in it at all, not even the schema.
    pub async fn empty() -> Self {
        let database = Self::with_running_clock().await;
        database
            .sql("DROP OWNED BY switchboard_app; DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC")
            .await;
        database
    }

    /// A new one on a server of the test's own, with a clock that stands at this moment.
    pub async fn of(server: &Server) -> Self {
        let database = Self::copied_on(server).await;
        database.stop_clock().await;
        database.set_clock_to_the_machines().await;
        database
    }

    /// A new one whose clock is the server's.
    pub async fn with_running_clock() -> Self {
        Self::copied_on(server().await).await
    }

    async fn copied_on(server: &Server) -> Self {
        let name = format!(
            "test_{}_{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let admin = connect(&server.url("postgres", "postgres"))
            .await
            .expect("the server answers");
        admin
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
            .await
            .expect("a copy");
        let owner_url = server.url("postgres", &name);
        let owner = connect(&owner_url).await.expect("the copy answers");
        Self {
            application_url: server.url(APPLICATION, &name),
            name,
            owner_url,
            owner,
        }
    }

    /// The owner's connection anew, after its server has crashed.
    pub async fn reconnect(&mut self) {
        self.owner = connect(&self.owner_url).await.expect("the database answers");
    }

    /// Removes it, whoever is still connected: for a run that makes hundreds of them.
    pub async fn remove(&self) {
        let server = server().await;
        let admin = connect(&server.url("postgres", "postgres"))
            .await
            .expect("the server answers");
        admin
            .batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name))
            .await
            .expect("a database of ours");
    }

    /// As the functions reach it.
    #[expect(clippy::unused_async, reason = "every test awaits it")]
    pub async fn application_url(&self) -> String {
        self.application_url.clone()
    }

    /// As the functions reach it through something that listens on this port.
    pub fn application_url_at(&self, port: u16) -> String {
        format!("postgresql://{APPLICATION}@127.0.0.1:{port}/{}", self.name)
    }

    /// As migrations reach it.
    #[expect(clippy::unused_async, reason = "every test awaits it")]
    pub async fn owner_url(&self) -> String {
        self.owner_url.clone()
    }

    /// Its name on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection with the functions' rights.
    pub async fn as_application(&self) -> Client {
        connect(&self.application_url().await)
            .await
            .expect("the database answers")
    }

    /// The owner's connection, for arranging and looking.
    pub fn owner(&self) -> &Client {
        &self.owner
    }

    /// Runs statements as the owner.
    pub async fn sql(&self, statements: &str) {
        self.owner
            .batch_execute(statements)
            .await
            .unwrap_or_else(|error| panic!("{error:?}: {statements}"));
    }

    /// The first column of the first row, as text; `None` if there is no row or it is NULL.
    pub async fn one(&self, query: &str) -> Option<String> {
        let rows = self
            .owner
            .simple_query(query)
            .await
            .unwrap_or_else(|error| panic!("{error:?}: {query}"));
        rows.into_iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).map(str::to_owned)),
            _ => None,
        })?
    }

    /// Stops the clock; it shows what that of every new database does.
    pub async fn stop_clock(&self) {
        self.sql(STOPPED_CLOCK).await;
    }

    /// Lets a stopped clock show the machine's time, to the second: what is parked is dated by that.
    pub async fn set_clock_to_the_machines(&self) {
        self.sql("UPDATE stopped_clock SET at = date_trunc('second', clock_timestamp())")
            .await;
    }

    /// What a stopped clock shows.
    pub async fn now(&self) -> Timestamp {
        self.owner
            .query_one("SELECT switchboard_now()", &[])
            .await
            .expect("a clock")
            .get(0)
    }

    /// Moves a stopped clock.
    pub async fn advance(&self, by: SignedDuration) {
        let seconds = by.as_secs_f64();
        self.owner
            .execute(
                "UPDATE stopped_clock SET at = at + make_interval(secs => $1)",
                &[&seconds],
            )
            .await
            .expect("a stopped clock");
    }
}
