//! Behind a real `PgBouncer` in transaction mode, where every statement may get another server connection.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use local::postgres::connect;
use local::sandbox::{Callback, Order, Outcome, Ring};
use system_tests::{LINE, TestDatabase, World, server};
use tokio::process::{Child, Command};
use tokio_postgres::{Client, SimpleQueryMessage};

/// `PgBouncer` refuses to run as root; there it runs as nobody.
const NOBODY: u32 = 65534;
const SERVER_CONNECTIONS: usize = 2;
const CALLS: usize = 20;

/// A pooler of this test's own.
struct PgBouncer {
    port: u16,
    folder: PathBuf,
    process: Child,
}

impl PgBouncer {
    async fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let folder = std::env::temp_dir().join(format!("switchboard-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("ours");
        let users = folder.join("users.txt");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             pool_mode = transaction\ndefault_pool_size = {SERVER_CONNECTIONS}\n\
             auth_type = trust\nauth_file = {}\nadmin_users = switchboard\n",
            server().await.port(),
            users.display(),
        );
        let ini = folder.join("pgbouncer.ini");
        std::fs::write(&users, "\"switchboard\" \"\"\n").expect("ours");
        std::fs::write(&ini, settings).expect("ours");
        let mut command = Command::new(program());
        command
            .arg(&ini)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        if is_root().await {
            command.uid(NOBODY).gid(NOBODY);
        }
        let process = command.spawn().expect("PgBouncer can be started");
        let mut pooler = Self {
            port,
            folder,
            process,
        };
        pooler.wait_until_ready().await;
        pooler
    }

    async fn wait_until_ready(&mut self) {
        let answers = async {
            while connect(&self.url("pgbouncer")).await.is_err() {
                assert!(
                    self.process.try_wait().expect("a child").is_none(),
                    "PgBouncer ended before it answered"
                );
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(2), answers)
            .await
            .expect("PgBouncer answers");
    }

    fn url(&self, database: &str) -> String {
        format!("postgresql://switchboard@127.0.0.1:{}/{database}", self.port)
    }

    async fn stop(mut self) {
        self.process.kill().await.expect("a child");
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders
        .map(|folder| folder.join("pgbouncer"))
        .find(|program| program.is_file())
        .expect("PgBouncer is not installed: run `make pgbouncer` first")
}

async fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().await;
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// What the pooler's console shows of a database: a column of every row.
async fn shows(console: &Client, command: &str, database: &str, column: &str) -> Vec<String> {
    let messages = console.simple_query(command).await.expect("a console");
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) if row.get("database") == Some(database) => row.get(column),
        _ => None,
    });
    rows.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_calls_at_once_share_two_server_connections() {
    let pooler = PgBouncer::start().await;
    let database = TestDatabase::new().await;
    let name = database.name().to_owned();
    let world = World::on(database, pooler.url(&name)).await;
    let callers: Vec<String> = (0..CALLS).map(|number| format!("+1403555{number:04}")).collect();
    let rings = callers.iter().map(|caller| {
        let ring = Ring::new(caller, LINE, Outcome::NoAnswer)
            .ringing_for(Duration::ZERO)
            .ordered(Order::AtOnce)
            .copied(Callback::Action, 2)
            .copied(Callback::Status, 2);
        world.twilio.ring(ring)
    });
    let (reports, (), _, _) =
        futures_util::join!(join_all(rings), world.run_jobs(), world.sweep(), world.poll());
    world.run_jobs().await;
    world.minutes(3).await;

    for (caller, report) in callers.iter().zip(&reports) {
        assert_eq!(world.texts_to(caller).len(), 1, "{caller}");
        assert_eq!(world.job_of(&report.call).await, "accepted", "{caller}");
    }
    assert_eq!(world.evidence().await, [""; 0]);

    // More clients than servers, so that they share.
    let console = connect(&pooler.url("pgbouncer")).await.expect("a console");
    let mode = shows(&console, "SHOW POOLS", &name, "pool_mode").await;
    assert_eq!(mode, ["transaction"]);
    let clients = shows(&console, "SHOW CLIENTS", &name, "port").await;
    let servers = shows(&console, "SHOW SERVERS", &name, "remote_pid").await;
    assert!(clients.len() > SERVER_CONNECTIONS, "{clients:?}");
    assert!((1..=SERVER_CONNECTIONS).contains(&servers.len()), "{servers:?}");
    // The database agrees.
    let backends = world
        .database
        .owner()
        .query(
            "SELECT pid::text FROM pg_stat_activity WHERE datname = $1 AND usename = 'switchboard'",
            &[&name],
        )
        .await
        .expect("rows");
    let backends: BTreeSet<String> = backends.iter().map(|row| row.get(0)).collect();
    assert_eq!(backends, servers.into_iter().collect());
    pooler.stop().await;
}

/// One client's statements do not stay on one server: what a session would remember is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_served_by_more_than_one_server() {
    let pooler = PgBouncer::start().await;
    let database = TestDatabase::new().await;
    let url = pooler.url(database.name());
    let (one, other) = (
        connect(&url).await.expect("a client"),
        connect(&url).await.expect("a client"),
    );
    let pid = async |client: &Client| -> i32 {
        let row = client
            .query_typed("SELECT pg_backend_pid()", &[])
            .await
            .expect("a row");
        row[0].get(0)
    };
    let mut served = BTreeSet::new();
    // While the other client holds a server, this one is given the second; after that, the first again.
    served.insert(pid(&one).await);
    other
        .batch_execute("BEGIN; SELECT 1")
        .await
        .expect("a transaction");
    served.insert(pid(&one).await);
    other.batch_execute("COMMIT").await.expect("its end");
    let third = connect(&url).await.expect("a client");
    third
        .batch_execute("BEGIN; SELECT 1")
        .await
        .expect("a transaction");
    served.insert(pid(&one).await);
    assert_eq!(served.len(), 2, "{served:?}");
    pooler.stop().await;
}
