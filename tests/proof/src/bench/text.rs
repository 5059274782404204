//! What goes out: a text from pending to settled, with everything but Twilio itself.

use anyhow::{bail, ensure};
use futures_util::future::BoxFuture;
use shared::jobs::{self, Grant, Settlement};
use shared::missed_calls::{self, Decision};
use shared::platform::database::Database;
use system_tests::LINE;

use super::contest::{Comparison, Contestant, Way, compare};
use super::ground::Ground;
use super::pgbench::Script;
use super::statements::{GRANT, LOAD_TEXT, SETTLE_ACCEPTED, bound};
use super::{BARE, Options, PGBENCH, READING_TOO, SWITCHBOARD, people};

const DATABASE: &str = "texts";

/// The least that a queue in Postgres can be.
const BARE_TABLES: &str = "
    CREATE TABLE bare_jobs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload text NOT NULL,
                            state text NOT NULL DEFAULT 'pending', taken_at timestamptz);
    CREATE INDEX bare_jobs_pending ON bare_jobs (id) WHERE state = 'pending';
    GRANT ALL ON ALL TABLES IN SCHEMA public TO switchboard_app";

/// Against `pgbench` with our two writing statements, and against a bare queue.
pub(super) async fn measure(ground: &Ground, options: &Options) -> anyhow::Result<Comparison> {
    ground.database(DATABASE, BARE_TABLES).await?;
    let contestant = |name, before, way| Contestant {
        name,
        database: DATABASE,
        before,
        way,
    };
    let contestants = vec![
        contestant(SWITCHBOARD, owed(), Way::Product(send)),
        contestant(PGBENCH, owed(), Way::Pgbench(grant_and_settle(false))),
        contestant(READING_TOO, owed(), Way::Pgbench(grant_and_settle(true))),
        contestant(BARE, bare_owed(), Way::Pgbench(bare())),
    ];
    compare(
        ground,
        options,
        "A text from pending to settled",
        PGBENCH,
        contestants,
    )
    .await
}

/// Jobs that are due, each for somebody else.
pub(super) fn owed() -> String {
    let [job, sid, caller] =
        [people::JOB, people::CALL_SID, people::CALLER].map(|expression| people::of(expression, "n"));
    format!(
        "INSERT INTO jobs (id, kind, cause, recipient, line, origin, caused_at, due_at, expires_at)
         SELECT {job}, 'missed_call_text', {sid}, {caller}, '{LINE}', 'dial_result', now(), now(), now() + interval '2 hours'
         FROM generate_series({{first}}, {{last}}) AS n"
    )
}

fn bare_owed() -> String {
    let payload = people::of(people::CALL_SID, "n");
    format!("INSERT INTO bare_jobs (payload) SELECT {payload} FROM generate_series({{first}}, {{last}}) AS n")
}

/// Loads, decides, is granted an attempt and settles it as accepted: all that the runner does but for the
/// request in the middle. The permit is let go unused.
pub(super) fn send(database: Database, number: u64) -> BoxFuture<'static, anyhow::Result<()>> {
    Box::pin(async move {
        let job = people::job(number);
        let connection = database.connection().await?;
        let Some(facts) = missed_calls::load_text(&connection, job).await? else {
            bail!("no job {number}");
        };
        let Decision::Send { body } = missed_calls::decide(&facts, |_| true) else {
            bail!("job {number} is not to be sent");
        };
        let Grant::Permitted { permit, .. } = jobs::grant(&connection, job, &body).await? else {
            bail!("no permit for job {number}");
        };
        // As the runner does while Twilio is asked.
        drop(connection);
        let attempt = permit.attempt();
        drop(permit);
        let connection = database.connection().await?;
        let settled = jobs::settle_accepted(&connection, attempt, &people::message_sid(number)).await?;
        ensure!(matches!(settled, Settlement::Accepted { .. }), "{settled:?}");
        Ok(())
    })
}

fn grant_and_settle(reads_too: bool) -> Script {
    let [job, message] = [people::JOB, people::MESSAGE_SID].map(|expression| people::of(expression, ":n"));
    let mut text = String::new();
    if reads_too {
        text += &(bound(LOAD_TEXT, &[&job]) + ";\n");
    }
    // The attempt's id comes back as a variable.
    text += &(bound(GRANT, &[&job, ":content::text"]) + " \\gset\n");
    text += &(bound(SETTLE_ACCEPTED, &[":id::uuid", &message]) + ";\n");
    let content = "Hi, this is Acme Plumbing. Sorry we missed your call! Reply here and we will get right back to you. \
                   Reply STOP to opt out.";
    Script {
        text,
        constants: vec![("content", content.to_owned())],
        is_prepared: false,
    }
}

fn bare() -> Script {
    let text = "UPDATE bare_jobs SET state = 'running', taken_at = now()
                WHERE id = (SELECT id FROM bare_jobs WHERE state = 'pending' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
                RETURNING id AS taken \\gset
                UPDATE bare_jobs SET state = 'done' WHERE id = :taken::int8;\n";
    Script {
        text: text.to_owned(),
        constants: Vec::new(),
        is_prepared: false,
    }
}
