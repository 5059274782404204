//! Code and schema are of different versions, as they are for a while in every deployment.

use system_tests::World;

use super::{caller, everybody_gets_one_text, misses, world};

/// What a version of the schema may not have yet.
#[derive(Debug, Clone, Copy)]
pub(super) enum Thing {
    Column(&'static str, &'static str),
    Table(&'static str),
    Function(&'static str),
}

impl Thing {
    /// The statements that take it away and give it back.
    pub(super) fn missing(self) -> (String, String) {
        let renamed = |what: &str, from: &str| {
            (
                format!("ALTER {what} {from} TO missing"),
                format!("ALTER {what} missing TO {from}"),
            )
        };
        match self {
            Self::Column(table, column) => renamed(&format!("TABLE {table} RENAME COLUMN"), column),
            Self::Table(table) => (
                format!("ALTER TABLE {table} RENAME TO missing"),
                format!("ALTER TABLE missing RENAME TO {table}"),
            ),
            Self::Function(function) => (
                format!("ALTER FUNCTION {function} RENAME TO missing"),
                format!("ALTER FUNCTION missing RENAME TO {function}"),
            ),
        }
    }
}

/// One call is missed before and one while the code expects what is not there. The functions run all the
/// while, and fail as far as they need it.
async fn while_missing(thing: Thing) -> World {
    let (world, _cutter) = world().await;
    misses(&world, &caller(1)).await;
    let (take, _) = thing.missing();
    world.database.sql(&take).await;
    misses(&world, &caller(2)).await;
    world.run_jobs().await;
    let _ = world.try_tick("job-sweeper").await;
    let _ = world.try_tick("missed-call-poller").await;
    world
}

/// The migration comes, and everybody has had their text.
async fn once_there(world: World, thing: Thing) {
    assert_eq!(world.quarantined().await, [""; 0], "{thing:?}");
    let (_, give) = thing.missing();
    world.database.sql(&give).await;
    everybody_gets_one_text(&world, 2).await;
}

#[tokio::test]
async fn a_call_that_the_schema_cannot_keep_is_parked() {
    for thing in [
        Thing::Column("active_calls", "dial_status"),
        Thing::Column("active_calls", "status"),
        Thing::Column("lines", "ring_seconds"),
        Thing::Table("active_calls"),
        Thing::Table("lines"),
    ] {
        let world = while_missing(thing).await;
        assert!(!world.parked().is_empty(), "{thing:?}");
        once_there(world, thing).await;
    }
}

#[tokio::test]
async fn nothing_is_sent_that_the_schema_cannot_grant() {
    for thing in [
        Thing::Column("attempts", "content"),
        Thing::Column("attempts", "cool_down"),
        Thing::Column("jobs", "lease_until"),
        Thing::Column("lines", "text_template"),
        Thing::Table("attempts"),
        Thing::Table("opt_outs"),
        Thing::Table("channels"),
        Thing::Table("duplicate_evidence"),
        Thing::Function("switchboard_now"),
    ] {
        let world = while_missing(thing).await;
        assert_eq!(world.sends(), 1, "{thing:?}: the first caller's");
        once_there(world, thing).await;
    }
}

/// What a later version's migration may do while this one runs (`migrations/README.md`).
#[tokio::test]
async fn code_that_is_behind_its_schema_works_as_before() {
    let (world, _cutter) = world().await;
    misses(&world, &caller(1)).await;
    world
        .database
        .sql(
            "ALTER TABLE active_calls ADD COLUMN carrier text, ADD COLUMN weight integer NOT NULL DEFAULT 1;
             ALTER TABLE jobs ADD COLUMN priority integer NOT NULL DEFAULT 0;
             ALTER TABLE attempts ADD COLUMN cost numeric;
             ALTER TABLE lines ADD COLUMN greeting text NOT NULL DEFAULT 'Hello';
             ALTER TABLE deliveries ADD COLUMN carrier text;
             ALTER TABLE channels ADD COLUMN paused boolean NOT NULL DEFAULT false;
             INSERT INTO channels (channel) VALUES ('email');
             ALTER TABLE jobs DROP CONSTRAINT job_kind_is_known;
             ALTER TABLE jobs ADD CONSTRAINT job_kind_is_known
               CHECK (kind IN ('missed_call_text', 'daily_call')) NOT VALID;
             ALTER TABLE jobs VALIDATE CONSTRAINT job_kind_is_known;
             CREATE INDEX jobs_by_priority ON jobs (priority);
             CREATE TABLE suppliers (phone phone PRIMARY KEY, name text NOT NULL)",
        )
        .await;
    misses(&world, &caller(2)).await;
    world.run_jobs().await;
    for number in [1, 2] {
        assert_eq!(world.texts_to(&caller(number)).len(), 1, "{number}");
    }
    assert_eq!(world.parked().len(), 0);
    everybody_gets_one_text(&world, 2).await;
}
