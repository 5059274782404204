//! What comes in: a call begins, and a missed call becomes a text that is owed.

use anyhow::ensure;
use futures_util::future::BoxFuture;
use shared::inbound::{self, Effect, Event, Route};
use shared::missed_calls::{Recorded, TEXT_EXPIRES_AFTER};
use shared::platform::database::Database;
use shared::providers::twilio::Form;
use system_tests::LINE;

use super::contest::{Comparison, Contestant, Way, compare};
use super::ground::Ground;
use super::pgbench::Script;
use super::statements::{RECORD_CALL, RECORD_REPORT, bound};
use super::{BARE, Options, PGBENCH, PREPARED, SWITCHBOARD, people};

const DATABASE: &str = "ingest";

/// The least that dedupe, message and job can be: the same facts in three rows and one statement, which
/// nothing checks.
const BARE_TABLES: &str = "
    CREATE TABLE bare_events (key text PRIMARY KEY, received_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE bare_messages (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL,
      sender text, line text, status text, dial_status text, received_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE bare_jobs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text NOT NULL, key text NOT NULL,
      recipient text, line text, state text NOT NULL DEFAULT 'pending', due_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (kind, key));
    CREATE INDEX bare_jobs_due ON bare_jobs (due_at) WHERE state = 'pending';
    GRANT ALL ON ALL TABLES IN SCHEMA public TO switchboard_app";

/// Both of a call's requests, each against `pgbench` with the very same statement.
pub(super) async fn measure(ground: &Ground, options: &Options) -> anyhow::Result<Vec<Comparison>> {
    ground.database(DATABASE, BARE_TABLES).await?;
    let begins = vec![
        contestant(SWITCHBOARD, "", Way::Product(begin)),
        contestant(PGBENCH, "", Way::Pgbench(record_call(false))),
        contestant(PREPARED, "", Way::Pgbench(record_call(true))),
    ];
    let missed = vec![
        contestant(SWITCHBOARD, &rung(), Way::Product(miss)),
        contestant(PGBENCH, &rung(), Way::Pgbench(record_report(false))),
        contestant(PREPARED, &rung(), Way::Pgbench(record_report(true))),
        contestant(BARE, "", Way::Pgbench(bare())),
    ];
    Ok(vec![
        compare(ground, options, "A call begins", PGBENCH, begins).await?,
        compare(
            ground,
            options,
            "A missed call becomes a text that is owed",
            PGBENCH,
            missed,
        )
        .await?,
    ])
}

fn contestant(name: &'static str, before: &str, way: Way) -> Contestant {
    Contestant {
        name,
        database: DATABASE,
        before: before.to_owned(),
        way,
    }
}

/// The calls as their first request left them.
fn rung() -> String {
    let (sid, caller) = (people::of(people::CALL_SID, "n"), people::of(people::CALLER, "n"));
    format!(
        "INSERT INTO active_calls (call_sid, caller, line, status)
         SELECT {sid}, {caller}, '{LINE}', 'ringing' FROM generate_series({{first}}, {{last}}) AS n"
    )
}

fn form(number: u64, more: &[(&str, &str)]) -> Form {
    let call = [
        ("CallSid", people::call_sid(number)),
        ("From", people::caller(number)),
        ("To", LINE.to_owned()),
    ];
    let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
    Form::of(
        call.into_iter()
            .chain(more)
            .map(|(name, value)| (name.to_owned(), value)),
    )
}

fn begin(database: Database, number: u64) -> BoxFuture<'static, anyhow::Result<()>> {
    Box::pin(async move {
        let form = form(number, &[("CallStatus", "ringing")]);
        let event = Event::read(Route::Voice, "", &form)?;
        let effect = inbound::record(&database.connection().await?, &event, None, None).await?;
        ensure!(matches!(effect, Effect::Line(_)), "{effect:?}");
        Ok(())
    })
}

fn miss(database: Database, number: u64) -> BoxFuture<'static, anyhow::Result<()>> {
    Box::pin(async move {
        let form = form(
            number,
            &[
                ("CallStatus", "in-progress"),
                ("DialCallStatus", "no-answer"),
                ("DialBridged", "false"),
            ],
        );
        let event = Event::read(Route::Voice, "mode=dial-result", &form)?;
        let effect = inbound::record(&database.connection().await?, &event, None, None).await?;
        ensure!(
            matches!(effect, Effect::Call(Recorded::TextOwed { .. })),
            "{effect:?}"
        );
        Ok(())
    })
}

fn record_call(is_prepared: bool) -> Script {
    let sid = people::of(people::CALL_SID, ":n");
    let caller = people::of(people::CALLER, ":n");
    let values = [&sid, &caller, ":line::text", ":status::text", ":known::bool"];
    Script {
        text: bound(RECORD_CALL, &values) + ";\n",
        constants: vec![
            ("line", LINE.to_owned()),
            ("status", "ringing".to_owned()),
            ("known", "false".to_owned()),
        ],
        is_prepared,
    }
}

fn record_report(is_prepared: bool) -> Script {
    let sid = people::of(people::CALL_SID, ":n");
    let caller = people::of(people::CALLER, ":n");
    // pgbench has no word for NULL; a bound one is folded just as a written one is.
    let values = [
        &sid,
        &caller,
        ":line::text",
        ":status::text",
        ":dial_status::text",
        "NULL::timestamptz",
        "NULL::timestamptz",
        ":verdict::text",
        ":source::text",
        ":known::bool",
        ":expires::float8",
        ":over::bool",
    ];
    let constants = [
        ("line", LINE),
        ("status", "in-progress"),
        ("dial_status", "no-answer"),
        ("verdict", "missed"),
        ("source", "dial_result"),
        ("known", "false"),
        ("over", "true"),
    ];
    let constants = constants.map(|(name, value)| (name, value.to_owned()));
    let expires = ("expires", TEXT_EXPIRES_AFTER.as_secs().to_string());
    Script {
        text: bound(RECORD_REPORT, &values) + ";\n",
        constants: constants.into_iter().chain([expires]).collect(),
        is_prepared,
    }
}

fn bare() -> Script {
    let sid = people::of(people::CALL_SID, ":n");
    let caller = people::of(people::CALLER, ":n");
    let text = format!(
        "WITH event AS (INSERT INTO bare_events (key) VALUES ({sid}) ON CONFLICT DO NOTHING RETURNING key),
              message AS (INSERT INTO bare_messages (key, sender, line, status, dial_status)
                          SELECT key, {caller}, :line::text, 'in-progress', 'no-answer' FROM event
                          RETURNING key, sender, line)
         INSERT INTO bare_jobs (kind, key, recipient, line)
         SELECT 'missed_call_text', key, sender, line FROM message RETURNING id;\n"
    );
    Script {
        text,
        constants: vec![("line", LINE.to_owned())],
        is_prepared: false,
    }
}
