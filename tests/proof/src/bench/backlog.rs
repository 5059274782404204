//! What a long queue costs: the same text with few and with many jobs waiting, and the sweeper's statements
//! with few and with many rows around those that they are for.

use std::fmt::Write;

use anyhow::Context;
use serde_json::Value;
use system_tests::LINE;
use tokio_postgres::types::Type;

use super::contest::{Comparison, Contestant, Way, compare};
use super::ground::Ground;
use super::numbers::median;
use super::statements::{EXPIRE, RING_DUE, UNKNOWN_DUE};
use super::{FEW, LONG, Options, SHORT, people, text};

/// The rows that a sweep is for.
const WANTED: u64 = 100;
const REPEATS: usize = 7;

/// A text with a short and with a long queue behind it.
pub(super) async fn texts(ground: &Ground, options: &Options) -> anyhow::Result<Comparison> {
    let mut contestants = Vec::new();
    for (name, database, jobs) in [
        (SHORT, "short_backlog", FEW),
        (LONG, "long_backlog", options.backlog),
    ] {
        let first = ground.numbers(jobs);
        ground.database(database, &waiting(first, jobs)).await?;
        contestants.push(Contestant {
            name,
            database,
            before: text::owed(),
            way: Way::Product(text::send),
        });
    }
    compare(
        ground,
        options,
        "A text from pending to settled, with a backlog",
        SHORT,
        contestants,
    )
    .await
}

/// Jobs whose doorbells have all been rung just now, and so stay for as long as anything here takes.
fn waiting(first: u64, jobs: u64) -> String {
    let owed = text::owed()
        .replace("{first}", &first.to_string())
        .replace("{last}", &(first + jobs - 1).to_string());
    format!("{owed}; UPDATE jobs SET rung_at = now() + interval '1 hour'")
}

/// A statement of the sweeper's, with few and many rows around.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// What it is.
    pub name: &'static str,
    /// With few rows around.
    pub few: Plan,
    /// With many.
    pub many: Plan,
}

/// How a statement was carried out.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The rows that it was for.
    pub rows: u64,
    /// How long, in milliseconds.
    pub took_ms: f64,
    /// Pages looked at.
    pub buffers: f64,
    /// The indexes by which it found its rows.
    pub indexes: Vec<String>,
    /// Tables that were read from end to end.
    pub scanned: Vec<String>,
}

/// The sweeper's statements.
pub(super) async fn sweeps(ground: &Ground, options: &Options) -> anyhow::Result<Vec<Sweep>> {
    println!("The sweeper's statements …");
    let around = [("few_around", FEW), ("many_around", options.backlog)];
    for (database, rows) in around {
        ground
            .database(database, &sweepable(ground.numbers(2 * rows + 3 * WANTED), rows))
            .await?;
    }
    let mut sweeps = Vec::new();
    for (name, sql, few, many) in [
        ("`ring_due`", RING_DUE, "few_around", "many_around"),
        ("`expire`", EXPIRE, "few_around", "many_around"),
        ("`unknown_due`", UNKNOWN_DUE, "few_around", "many_around"),
        (
            "`ring_due` when all that is due was rung just now",
            RING_DUE,
            "short_backlog",
            "long_backlog",
        ),
    ] {
        sweeps.push(Sweep {
            name,
            few: explain(ground, few, sql).await?,
            many: explain(ground, many, sql).await?,
        });
    }
    Ok(sweeps)
}

/// Rows of every kind: `around` texts that were sent, `around` jobs that are put off, and a hundred each to
/// ring for, to end and to look up.
fn sweepable(first: u64, around: u64) -> String {
    let [job, sid, caller] =
        [people::JOB, people::CALL_SID, people::CALLER].map(|expression| people::of(expression, "n"));
    let kinds = [
        // (how many, state, reason, due, expires, rung, ended)
        (
            around,
            "accepted",
            "NULL",
            "-10 minutes",
            "1 hour",
            "-10 minutes",
            "now()",
        ),
        (
            around,
            "pending",
            "NULL",
            "1 hour",
            "2 hours",
            "-10 minutes",
            "NULL",
        ),
        (
            WANTED,
            "pending",
            "NULL",
            "-1 minute",
            "1 hour",
            "-1 minute",
            "NULL",
        ),
        (
            WANTED, "pending", "NULL", "-3 hours", "-1 hour", "-3 hours", "NULL",
        ),
        (
            WANTED,
            "unknown",
            "'worker gone'",
            "-10 minutes",
            "1 hour",
            "-10 minutes",
            "NULL",
        ),
    ];
    // The guards write attempts as they are granted, and here they have long been.
    let mut script = "SET session_replication_role = replica;\n".to_owned();
    let mut next = first;
    for (jobs, state, reason, due, expires, rung, ended) in kinds {
        writeln!(
            script,
            "INSERT INTO jobs (id, kind, cause, recipient, line, origin, caused_at, due_at, expires_at, rung_at, state, state_reason, ended_at)
             SELECT {job}, 'missed_call_text', {sid}, {caller}, '{LINE}', 'dial_result', now() + interval '{due}',
                    now() + interval '{due}', now() + interval '{expires}', now() + interval '{rung}', '{state}', {reason}, {ended}
             FROM generate_series({next}, {}) AS n;",
            next + jobs - 1
        )
        .expect("a String takes everything");
        next += jobs;
    }
    script
        + "INSERT INTO attempts (job_id, attempt_no, state, granted_at, channel, sender, recipient, content, cool_down, provider_id, settled_at, next_read_at)
           SELECT id, 1, state, due_at, 'sms', line, recipient, 'Sorry we missed your call!',
                  tstzrange(due_at, due_at + interval '10 minutes'),
                  CASE WHEN state = 'accepted' THEN 'SM' || md5(id::text) END, ended_at,
                  CASE WHEN state = 'unknown' THEN due_at + interval '2 minutes' END
           FROM jobs WHERE state IN ('accepted', 'unknown');"
}

/// Carries a statement out several times, takes it back each time, and tells how it went.
async fn explain(ground: &Ground, database: &str, sql: &str) -> anyhow::Result<Plan> {
    let owner = ground.owner(database).await?;
    let explain = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}");
    let limit = shared::jobs::SWEEP_LIMIT;
    let mut plans = Vec::new();
    for _ in 0..REPEATS {
        owner.batch_execute("BEGIN").await?;
        let row = owner
            .query_typed_one(&explain, &[(&limit, Type::INT8)])
            .await
            .with_context(|| format!("on {database}: {explain}"))?;
        owner.batch_execute("ROLLBACK").await?;
        plans.push(row.get::<_, Value>(0)[0].take());
    }
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let buffers = |plan: &Value| {
        number(&plan["Plan"]["Shared Hit Blocks"]) + number(&plan["Plan"]["Shared Read Blocks"])
    };
    let plan = plans.last().context("a plan")?;
    let mut parts = Vec::new();
    flatten(&plan["Plan"], &mut parts);
    let names = |key: &str, of: &dyn Fn(&Value) -> bool| {
        let mut names: Vec<String> = parts
            .iter()
            .filter(|part| of(part))
            .filter_map(|part| part[key].as_str())
            .map(str::to_owned)
            .collect();
        names.sort();
        names.dedup();
        names
    };
    Ok(Plan {
        rows: plan["Plan"]["Actual Rows"].as_f64().map_or(0, |rows| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a number of rows"
            )]
            let rows = rows as u64;
            rows
        }),
        took_ms: median(plans.iter().map(|plan| number(&plan["Execution Time"]))),
        buffers: median(plans.iter().map(buffers)),
        indexes: names("Index Name", &|_| true),
        scanned: names("Relation Name", &|part| part["Node Type"] == "Seq Scan"),
    })
}

fn flatten<'a>(plan: &'a Value, parts: &mut Vec<&'a Value>) {
    parts.push(plan);
    for part in plan["Plans"].as_array().into_iter().flatten() {
        flatten(part, parts);
    }
}

/// As a table.
pub(super) fn markdown(sweeps: &[Sweep], options: &Options) -> String {
    let mut text = format!(
        "### The sweeper's statements, with {} and with {} rows of each kind around\n\n\
         | statement | rows | ms | pages | rows | ms | pages | found by |\n|---|--:|--:|--:|--:|--:|--:|---|\n",
        FEW, options.backlog
    );
    for Sweep { name, few, many } in sweeps {
        let scanned = many.scanned.iter().map(|table| format!("all of `{table}`"));
        let indexes = many.indexes.iter().map(|index| format!("`{index}`"));
        let found_by: Vec<String> = scanned.chain(indexes).collect();
        writeln!(
            text,
            "| {name} | {} | {:.2} | {:.0} | {} | {:.2} | {:.0} | {} |",
            few.rows,
            few.took_ms,
            few.buffers,
            many.rows,
            many.took_ms,
            many.buffers,
            found_by.join(", ")
        )
        .expect("a String takes everything");
    }
    text
}
