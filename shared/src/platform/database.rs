//! Postgres, as code on Lambda must use it.
//!
//! A sandbox handles one event at a time, is frozen between events and wakes with dead sockets, and
//! reaches the database through a pooler that gives it another server for every statement. Hence: one or
//! two connections; one that has idled is verified before use and a busy one is not; every statement is
//! unnamed and typed ([`Connection::rows`]), which is the only form that a transaction pooler passes
//! unharmed; and everything has a deadline.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::gate::{Gate, Operation, Severed};

/// A connection that has idled for longer may have been closed by the pooler, or by a network that
/// forgot it while the sandbox was frozen.
const TRUSTED_WHILE_IDLE: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
const VERIFY_TIMEOUT: Duration = Duration::from_millis(500);

/// One SQL statement in a file of its own, with the name that logs and tests know it by.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// The file's name without `.sql`.
    pub name: &'static str,
    /// The text, as sent.
    pub sql: &'static str,
}

/// The [`Statement`] in `sql/<name>.sql` beside the file that says so.
#[macro_export]
macro_rules! statement {
    ($name:literal) => {
        $crate::platform::database::Statement {
            name: $name,
            sql: include_str!(concat!("sql/", $name, ".sql")),
        }
    };
}

/// A parameter and its built-in type.
pub type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// Why a statement has no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The schema is not the one that this code was written for: a missing table or column.
    #[error("the database schema is behind or ahead of this code: {0}")]
    Mismatch(String),
    /// A constraint said no; nothing was changed.
    #[error("the database refused: {constraint}")]
    Refused {
        /// The constraint's name, which states the rule.
        constraint: String,
    },
    /// No answer. The statement may or may not have been carried out.
    #[error("the database is away")]
    Unavailable(#[source] anyhow::Error),
    /// The statement itself is wrong, or its parameters are.
    #[error("the statement failed")]
    Failed(#[source] tokio_postgres::Error),
}

impl Error {
    /// Whether the database, rather than what we asked of it, is the trouble.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Mismatch(_) | Self::Unavailable(_))
    }

    /// Whether the server says that it has undone the statement to let others go on: a deadlock, or two that could not
    /// both count. It changed nothing, so whoever asks again repeats nothing.
    pub fn gave_way(&self) -> bool {
        let Self::Unavailable(source) = self else {
            return false;
        };
        let code = source
            .downcast_ref::<tokio_postgres::Error>()
            .and_then(tokio_postgres::Error::code);
        matches!(
            code,
            Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE)
        )
    }
}

impl From<Severed> for Error {
    fn from(severed: Severed) -> Self {
        Self::Unavailable(severed.into())
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(answer) = error.as_db_error() else {
            return Self::Unavailable(error.into());
        };
        match answer.code().code() {
            "42703" | "42P01" | "42883" => Self::Mismatch(answer.message().to_owned()),
            // Integrity rules, and those that our own guards raise.
            code if code.starts_with("23") || code.starts_with("P04") => Self::Refused {
                constraint: answer.constraint().unwrap_or(code).to_owned(),
            },
            // Connection, resources, operator's intervention, input and output, read-only standby, deadlock and
            // lock waits.
            code if ["08", "53", "57", "58", "40", "25", "55"]
                .iter()
                .any(|class| code.starts_with(class)) =>
            {
                Self::Unavailable(error.into())
            }
            _ => Self::Failed(error),
        }
    }
}

/// The pool of one sandbox. Cloning shares it.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    /// Wall time, because a frozen sandbox's monotonic clock may stand still.
    last_used: Arc<Mutex<SystemTime>>,
    gate: Gate,
}

impl Database {
    /// Prepares a pool; nothing connects before the first statement. See [`connection_settings`].
    pub fn new(
        url: &SecretString,
        roots: Option<&str>,
        size: usize,
        gate: Gate,
    ) -> Result<Self, anyhow::Error> {
        let (config, tls) = connection_settings(url, roots)?;
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = match tls {
            Some(tls) => Manager::from_config(config, tls, recycling),
            None => Manager::from_config(config, NoTls, recycling),
        };
        let pool = Pool::builder(manager)
            .max_size(size)
            .timeouts(Timeouts {
                wait: Some(CONNECT_TIMEOUT),
                create: Some(CONNECT_TIMEOUT),
                recycle: Some(VERIFY_TIMEOUT),
            })
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self {
            pool,
            last_used: Arc::new(Mutex::new(SystemTime::UNIX_EPOCH)),
            gate,
        })
    }

    /// A connection that is believed to work.
    pub async fn connection(&self) -> Result<Connection, Error> {
        self.gate.pass(Operation::Connect, self.take()).await
    }

    async fn take(&self) -> Result<Connection, Error> {
        let idle = self.note_use();
        let connection = self.of(self.pool.get().await?);
        if idle < TRUSTED_WHILE_IDLE || connection.answers().await {
            return Ok(connection);
        }
        // Its neighbours have idled as long; all of them go.
        connection.discard();
        self.pool.retain(|_, _| false);
        Ok(self.of(self.pool.get().await?))
    }

    fn of(&self, object: Object) -> Connection {
        Connection {
            object: Some(object),
            owes_an_answer: AtomicBool::new(false),
            gate: self.gate.clone(),
        }
    }

    /// How long the pool has idled until now.
    fn note_use(&self) -> Duration {
        let now = super::wall_clock();
        let mut last = self
            .last_used
            .lock()
            .expect("nothing panics while it holds this lock");
        let idle = now.duration_since(*last).unwrap_or(Duration::MAX);
        *last = now;
        idle
    }
}

impl From<PoolError> for Error {
    fn from(error: PoolError) -> Self {
        match error {
            // A server that answers the handshake with an error of its own says why.
            PoolError::Backend(error) => Self::Unavailable(error.into()),
            other => Self::Unavailable(other.into()),
        }
    }
}

/// One connection, for one statement or a few.
///
/// One that did not answer does not go back to the pool, whether its statement ran out of time or whoever
/// waited for it did: the next caller would wait behind it.
pub struct Connection {
    object: Option<Object>,
    owes_an_answer: AtomicBool,
    gate: Gate,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.owes_an_answer.load(Ordering::Relaxed) {
            self.object.take().map(Object::take);
        }
    }
}

impl Connection {
    fn discard(mut self) {
        self.object.take().map(Object::take);
    }

    fn client(&self) -> &Object {
        self.object.as_ref().expect("taken only at its end")
    }

    /// All rows of a statement, in one round trip.
    pub async fn rows(&self, statement: Statement, params: &[Param<'_>]) -> Result<Vec<Row>, Error> {
        self.gate
            .pass(Operation::Statement(statement.name), self.ask(statement, params))
            .await
    }

    async fn ask(&self, statement: Statement, params: &[Param<'_>]) -> Result<Vec<Row>, Error> {
        let statement = self.gate.phrase(statement);
        self.owes_an_answer.store(true, Ordering::Relaxed);
        let asking = self.client().query_typed(statement.sql, params);
        let answer = tokio::time::timeout(STATEMENT_TIMEOUT, asking).await;
        if answer.is_ok() {
            self.owes_an_answer.store(false, Ordering::Relaxed);
        }
        match answer {
            Ok(rows) => rows.map_err(|error| {
                // The message's detail may quote a row.
                tracing::debug!(statement = statement.name, sqlstate = ?error.code(), "statement failed");
                error.into()
            }),
            Err(_) => Err(Error::Unavailable(anyhow::anyhow!(
                "no answer to {} in {STATEMENT_TIMEOUT:?}",
                statement.name
            ))),
        }
    }

    /// The first row, if there is one.
    pub async fn row_opt(&self, statement: Statement, params: &[Param<'_>]) -> Result<Option<Row>, Error> {
        Ok(self.rows(statement, params).await?.into_iter().next())
    }

    /// The one row of a statement that always has one.
    pub async fn row(&self, statement: Statement, params: &[Param<'_>]) -> Result<Row, Error> {
        let row = self.row_opt(statement, params).await?;
        row.ok_or_else(|| Error::Unavailable(anyhow::anyhow!("{} answered without a row", statement.name)))
    }

    async fn answers(&self) -> bool {
        matches!(
            tokio::time::timeout(VERIFY_TIMEOUT, self.client().simple_query("")).await,
            Ok(Ok(_))
        )
    }
}

/// How to reach a database, and over which TLS; `None` is a plain connection.
///
/// `url` is a `postgresql://` URL. Any host but this machine is reached over TLS with full verification,
/// against the platform's roots or against `roots` (PEM) where a provider signs with its own, as RDS does.
/// Only `sslmode=disable` turns that off.
pub fn connection_settings(
    url: &SecretString,
    roots: Option<&str>,
) -> Result<(tokio_postgres::Config, Option<MakeRustlsConnect>), anyhow::Error> {
    let (mut config, ssl) = parse(url.expose_secret())?;
    config.connect_timeout(CONNECT_TIMEOUT);
    if config.get_application_name().is_none() {
        config.application_name("switchboard");
    }
    let is_here = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => super::is_this_machine(name),
        #[cfg(unix)]
        Host::Unix(_) => true,
    });
    // An address is where it really connects to, whatever the host is called.
    let is_here = is_here && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    if ssl == Ssl::Off || (is_here && ssl == Ssl::Unsaid) {
        config.ssl_mode(SslMode::Disable);
        return Ok((config, None));
    }
    config.ssl_mode(SslMode::Require);
    Ok((config, Some(MakeRustlsConnect::new(tls(roots)?))))
}

/// What a URL asks for; unsaid means TLS wherever the database is not on this machine.
#[derive(PartialEq, Clone, Copy)]
enum Ssl {
    Unsaid,
    Off,
    On,
}

/// Reads a connection URL, with the `sslmode`s that other clients know and ours does not.
fn parse(url: &str) -> Result<(tokio_postgres::Config, Ssl), anyhow::Error> {
    let mut ssl = Ssl::Unsaid;
    // As the driver reads it: whatever stands before the first `@` is a name and a password.
    let host = url.find('@').map_or(0, |at| at + 1);
    let (base, query) = match url[host..].find('?') {
        Some(at) => (&url[..host + at], &url[host + at + 1..]),
        None => (url, ""),
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| match pair.split_once('=') {
            Some(("sslmode", mode)) => {
                ssl = if mode == "disable" { Ssl::Off } else { Ssl::On };
                false
            }
            // Other clients' words for what is always so here.
            Some(("sslrootcert" | "pgbouncer" | "connection_limit" | "schema", _)) => false,
            _ => !pair.is_empty(),
        })
        .collect();
    // The parser's own message could quote the password.
    let config = format!("{base}?{}", kept.join("&"))
        .parse()
        .map_err(|_| anyhow::anyhow!("DATABASE_URL is not a postgresql:// URL"))?;
    Ok((config, ssl))
}

fn tls(roots: Option<&str>) -> Result<rustls::ClientConfig, anyhow::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = match roots {
        Some(pem) => {
            let mut store = rustls::RootCertStore::empty();
            for certificate in rustls::pki_types::CertificateDer::pem_slice_iter(pem.as_bytes()) {
                store.add(certificate?)?;
            }
            anyhow::ensure!(!store.is_empty(), "DATABASE_CA holds no certificate");
            builder.with_root_certificates(store).with_no_client_auth()
        }
        None => builder.with_platform_verifier()?.with_no_client_auth(),
    };
    Ok(config)
}
