//! What a server has spent: transactions that wrote, WAL, flushes of it, and processor time.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio_postgres::Client;

/// How long to wait for a run's connections to be gone; what a connection spent is told when it ends.
const QUIET_WITHIN: Duration = Duration::from_mins(1);

/// Reads what one server has spent since it started.
pub(super) struct Meter {
    /// On a database that is not measured.
    admin: Client,
    flushes: &'static str,
    /// The postmaster, where there is a `/proc` to look into.
    postmaster: Option<u32>,
    ticks_per_second: f64,
}

/// What has been spent so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    transactions: i64,
    wal_bytes: i64,
    flushes: i64,
    processor_us: Option<f64>,
}

/// What one operation costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Transactions that wrote something: a read commits nothing.
    pub commits: f64,
    /// Bytes of write-ahead log.
    pub wal_bytes: f64,
    /// Waits for the disk; less than the commits where several share one.
    pub flushes: f64,
    /// The server's processor time in microseconds, of all its processes; `None` where there is no `/proc`.
    pub processor_us: Option<f64>,
}

impl Meter {
    /// On a server that nobody else is connected to.
    pub(super) async fn new(admin: Client) -> anyhow::Result<Self> {
        let version: i32 = admin
            .query_one("SELECT current_setting('server_version_num')::int4", &[])
            .await?
            .get(0);
        let backend: i32 = admin.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        let postmaster = u32::try_from(backend).ok().and_then(parent_of);
        let ticks = Command::new("getconf").arg("CLK_TCK").output();
        let ticks = ticks
            .ok()
            .and_then(|output| String::from_utf8(output.stdout).ok());
        Ok(Self {
            admin,
            flushes: if version < 180_000 {
                "SELECT wal_sync::int8 FROM pg_stat_wal"
            } else {
                "SELECT sum(fsyncs)::int8 FROM pg_stat_io WHERE object = 'wal'"
            },
            postmaster,
            ticks_per_second: ticks.and_then(|text| text.trim().parse().ok()).unwrap_or(100.0),
        })
    }

    /// What has been spent, once every connection but ours has ended and told what it spent.
    pub(super) async fn read(&self) -> anyhow::Result<Reading> {
        self.quiet().await?;
        let row = self
            .admin
            .query_one(
                "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8 AS transactions,
                        (pg_current_wal_insert_lsn() - '0/0')::int8 AS wal_bytes",
                &[],
            )
            .await?;
        Ok(Reading {
            transactions: row.get("transactions"),
            wal_bytes: row.get("wal_bytes"),
            flushes: self.admin.query_one(self.flushes, &[]).await?.get(0),
            processor_us: self.processor_us(),
        })
    }

    /// Until the server's only processes are its own and the one that serves us. One that the server does not
    /// list is about to end: only then has it told what it spent.
    async fn quiet(&self) -> anyhow::Result<()> {
        let staying = "SELECT pid FROM pg_stat_activity
                       WHERE pid = pg_backend_pid()
                          OR backend_type NOT IN ('client backend', 'autovacuum launcher')";
        let leaving = "SELECT count(*) FROM pg_stat_activity
                       WHERE pid <> pg_backend_pid()
                         AND backend_type IN ('client backend', 'autovacuum launcher')";
        let since = Instant::now();
        loop {
            let children = self.children();
            let leaving: i64 = self.admin.query_one(leaving, &[]).await?.get(0);
            let staying = self.admin.query(staying, &[]).await?;
            let staying: Vec<i32> = staying.iter().map(|row| row.get(0)).collect();
            let is_staying = |pid: &u32| staying.iter().any(|other| u32::try_from(*other) == Ok(*pid));
            if leaving == 0 && children.iter().all(is_staying) {
                return Ok(());
            }
            anyhow::ensure!(since.elapsed() < QUIET_WITHIN, "{leaving} connections do not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn children(&self) -> Vec<u32> {
        let Some(postmaster) = self.postmaster else {
            return Vec::new();
        };
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| parent_of(*pid) == Some(postmaster)).collect()
    }

    /// Its own, its children's, and that of the children which have ended.
    fn processor_us(&self) -> Option<f64> {
        let postmaster = stat(self.postmaster?)?;
        let children = self.children().into_iter().filter_map(stat);
        let ticks: u64 = postmaster.own + postmaster.ended + children.map(|child| child.own).sum::<u64>();
        #[expect(clippy::cast_precision_loss, reason = "minutes, in hundredths of a second")]
        Some(ticks as f64 * 1e6 / self.ticks_per_second)
    }
}

impl Reading {
    /// What each of `operations` cost since an earlier reading.
    pub(super) fn since(&self, earlier: &Self, operations: u64) -> Cost {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let each = |now: i64, then: i64| (now - then) as f64 / operations as f64;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let processor_us = self
            .processor_us
            .zip(earlier.processor_us)
            .map(|(now, then)| (now - then) / operations as f64);
        Cost {
            commits: each(self.transactions, earlier.transactions),
            wal_bytes: each(self.wal_bytes, earlier.wal_bytes),
            flushes: each(self.flushes, earlier.flushes),
            processor_us,
        }
    }
}

/// What `/proc/<pid>/stat` says, in clock ticks.
struct Stat {
    parent: u32,
    own: u64,
    ended: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // The name comes second, in brackets, and may hold anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        own: number(11)? + number(12)?,
        ended: number(13)? + number(14)?,
    })
}

fn parent_of(pid: u32) -> Option<u32> {
    Some(stat(pid)?.parent)
}

/// A server that costs the same whenever it is asked: it vacuums when it is told to, and no checkpoint
/// falls into a run, after which every page would go into the WAL whole once more.
pub(super) async fn steady(admin: &Client) -> anyhow::Result<()> {
    for setting in [
        "autovacuum = off",
        "checkpoint_timeout = '1d'",
        "max_wal_size = '64GB'",
    ] {
        admin
            .batch_execute(&format!("ALTER SYSTEM SET {setting}"))
            .await?;
    }
    admin.batch_execute("SELECT pg_reload_conf()").await?;
    for (name, wanted) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
    ] {
        let row = admin.query_one("SELECT current_setting($1)", &[&name]).await?;
        let is: String = row.get(0);
        anyhow::ensure!(is == wanted, "{name} is {is}: such a server proves nothing");
    }
    admin
        .batch_execute("CHECKPOINT")
        .await
        .context("a first checkpoint")
}
