//! What a tick of the scheduler costs: those who are due, among few customers and among many.

use anyhow::ensure;
use futures_util::future::BoxFuture;
use shared::calls;
use shared::platform::database::Database;

use super::contest::{Comparison, Contestant, Way, compare};
use super::ground::Ground;
use super::pgbench::Script;
use super::statements::{SCHEDULE_CALLS, bound};
use super::{FEW_CUSTOMERS, MANY_CUSTOMERS, Options, PGBENCH, SWITCHBOARD};

/// How many customers few are.
pub(super) const FEW: u64 = 10_000;
/// What the product decides for in one transaction, and so in one operation here.
const BATCH: i64 = 100;
/// Batches of each client in a round: a thousand customers.
const BATCHES: u64 = 10;
const FEW_DATABASE: &str = "few_customers";
const MANY_DATABASE: &str = "many_customers";

/// A thousand who are due, among few customers and among many.
pub(super) async fn ticks(ground: &Ground, options: &Options) -> anyhow::Result<Comparison> {
    ground.database(FEW_DATABASE, &people(FEW)).await?;
    ground.database(MANY_DATABASE, &people(options.customers)).await?;
    let contestants = [
        (FEW_CUSTOMERS, FEW_DATABASE, FEW),
        (MANY_CUSTOMERS, MANY_DATABASE, options.customers),
    ];
    let contestants = contestants.map(|(name, database, all)| Contestant {
        name,
        database,
        before: due(all),
        way: Way::Product(schedule),
    });
    let options = Options {
        clients: vec![1],
        ..batches(options)
    };
    let title = "A hundred of a thousand who are due get their jobs";
    compare(ground, &options, title, FEW_CUSTOMERS, contestants.into()).await
}

/// How fast jobs are created, after [`ticks`] has arranged the customers.
pub(super) async fn rates(ground: &Ground, options: &Options) -> anyhow::Result<Comparison> {
    let ways = [
        (SWITCHBOARD, Way::Product(schedule)),
        (PGBENCH, Way::Pgbench(schedule_calls())),
    ];
    let contestants = ways.map(|(name, way)| Contestant {
        name,
        database: MANY_DATABASE,
        before: due(options.customers),
        way,
    });
    let title = "A hundred customers who are due get their jobs";
    compare(ground, &batches(options), title, PGBENCH, contestants.into()).await
}

fn batches(options: &Options) -> Options {
    Options {
        operations: options.operations.min(BATCHES),
        ..options.clone()
    }
}

/// Customers who were welcomed, were called on some earlier days, and are due on another.
///
/// They live where it is the middle of the day, whenever this runs, and their hour was the last one.
fn people(all: u64) -> String {
    format!(
        "SET session_replication_role = replica;
         UPDATE calling SET paused = false, per_tick = 10000;
         INSERT INTO customers (id, phone, phone_validated, timezone, call_at, payment_status, paid_at, welcome_call_completed,
                                next_call_scheduled_at)
         SELECT 'c' || n, '+' || (14030000000 + n), true, place,
                date_trunc('hour', now() AT TIME ZONE place)::time,
                'Paid', now() - interval '30 days', true, now() + interval '1 day' + n * interval '10 milliseconds'
         FROM generate_series(0, {all} - 1) AS n,
              (SELECT place
               FROM unnest('{{Pacific/Kiritimati,Asia/Tokyo,Asia/Dubai,Atlantic/Reykjavik,America/Panama,Pacific/Honolulu}}'::text[])
                 AS place
               ORDER BY abs(extract(hour FROM now() AT TIME ZONE place) - 13) LIMIT 1) AS midday;
         INSERT INTO jobs (kind, cause, customer_id, origin, state, caused_at, due_at, expires_at, ended_at, projected)
         SELECT 'welcome_call', id, id, 'scheduler', 'accepted', paid_at, paid_at, paid_at + interval '3 days', paid_at, true
         FROM customers;
         INSERT INTO jobs (kind, cause, customer_id, local_day, origin, state, caused_at, due_at, expires_at, ended_at, projected)
         SELECT 'daily_call', id || ' ' || day::date, id, day::date, 'scheduler', 'accepted', day, day, day + interval '4 hours', day, true
         FROM customers, generate_series(now() - interval '3 days', now() - interval '2 days', '1 day') AS day;
         INSERT INTO opt_outs (phone, source)
         SELECT '+' || (15030000000 + n), 'sms' FROM generate_series(1, {all} / 100) AS n"
    )
}

/// A hundred customers for each operation, from all over the table, are due since their hour and owed nothing yet.
///
/// Where their jobs will stand in the indexes is looked at once, so that a server whose memory is smaller than its
/// tables does not measure its disk.
fn due(all: u64) -> String {
    // Coprime to any round number, so that nobody is drawn twice.
    let stride = 7_919;
    format!(
        "SET session_replication_role = replica;
         DELETE FROM jobs WHERE kind = 'daily_call' AND state = 'pending';
         UPDATE customers SET next_call_scheduled_at = now() + interval '1 day' WHERE next_call_scheduled_at <= now();
         UPDATE customers
         SET next_call_scheduled_at = at_local_time((now() AT TIME ZONE timezone)::date, call_at, timezone)
         FROM generate_series({{first}} * {BATCH}, {{last}} * {BATCH} + {BATCH} - 1) AS drawn
         WHERE id = 'c' || (drawn * {stride} % {all});
         SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
         SELECT (SELECT id FROM jobs WHERE kind = 'daily_call' AND cause = customers.id || ' 2000-01-01'),
                (SELECT id FROM jobs
                 WHERE kind = 'daily_call' AND customer_id = customers.id AND local_day = '2000-01-01')
         FROM customers WHERE next_call_scheduled_at <= now()"
    )
}

fn schedule(database: Database, _: u64) -> BoxFuture<'static, anyhow::Result<()>> {
    Box::pin(async move {
        let scheduled = calls::schedule(&database.connection().await?, BATCH, 0).await?;
        let owed = scheduled
            .iter()
            .filter(|scheduled| scheduled.decision.job().is_some())
            .count();
        ensure!(owed == usize::try_from(BATCH)?, "{owed} of {}", scheduled.len());
        Ok(())
    })
}

fn schedule_calls() -> Script {
    Script {
        text: bound(SCHEDULE_CALLS, &[":limit::int8", ":created::int8"]) + ";\n",
        constants: vec![("limit", BATCH.to_string()), ("created", "0".to_owned())],
        is_prepared: false,
    }
}
