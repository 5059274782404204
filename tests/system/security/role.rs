//! What somebody could do who had the functions' password to the database: what the functions do, no more.

use system_tests::TestDatabase;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// Refused to the role, one statement each. The ledger's own rules are tried in `ledger`.
const REFUSED: [&str; 51] = [
    // The files and programs of the server.
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('/etc/passwd')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_stat_file('postgresql.conf')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/x')",
    "COPY jobs TO '/tmp/jobs'",
    "COPY jobs TO PROGRAM 'id'",
    "COPY opt_outs (phone, source) FROM PROGRAM 'id'",
    "COPY opt_outs (phone, source) FROM '/etc/passwd'",
    "LOAD 'plpgsql_check'",
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION postgres_fdw",
    "CREATE TRUSTED LANGUAGE mine HANDLER plpgsql_call_handler",
    "CREATE FUNCTION f() RETURNS void LANGUAGE c AS '/tmp/x.so'",
    // The server itself, and other people on it.
    "ALTER SYSTEM SET log_statement = 'all'",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "SELECT rolpassword FROM pg_authid",
    "CREATE ROLE mallory LOGIN",
    "CREATE DATABASE mallory",
    "ALTER ROLE switchboard SUPERUSER",
    "ALTER ROLE switchboard CREATEROLE",
    "ALTER ROLE postgres PASSWORD 'x'",
    "GRANT postgres TO switchboard",
    "GRANT pg_read_server_files TO switchboard",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    // The rules, and the triggers that keep some of them.
    "SET session_replication_role = replica",
    "SELECT set_config('session_replication_role', 'replica', false)",
    "ALTER TABLE attempts DISABLE TRIGGER ALL",
    "ALTER TABLE jobs DISABLE TRIGGER guard_job",
    "ALTER TABLE attempts DROP CONSTRAINT one_text_per_cool_down",
    "DROP TRIGGER guard_attempt ON attempts",
    "DROP INDEX at_most_one_possible_attempt",
    "CREATE OR REPLACE FUNCTION switchboard_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT now() - interval ''1 day'''",
    "ALTER FUNCTION guard_attempt() RESET search_path",
    "CREATE TRIGGER mine BEFORE INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION refuse_removal()",
    "CREATE RULE mine AS ON INSERT TO jobs DO INSTEAD NOTHING",
    "ALTER DOMAIN phone DROP CONSTRAINT phone_is_e164",
    "DROP TABLE jobs CASCADE",
    "ALTER TABLE jobs OWNER TO switchboard",
    "DROP SCHEMA public CASCADE",
    "CREATE SCHEMA mallory",
    "CREATE TABLE public.mallory (x text)",
    "CREATE VIEW public.mallory AS SELECT 1",
    // What is the operator's.
    "UPDATE lines SET forward_to = '+19005550123'",
    "INSERT INTO lines (number, forward_to, business_name) VALUES ('+19005550123', '+19005550124', 'x')",
    "DELETE FROM lines",
    "UPDATE quarantined_events SET reason = 'x'",
    "DELETE FROM provider_watermarks",
];

async fn refusal(client: &Client, statement: &str) -> Option<SqlState> {
    let error = client.batch_execute(statement).await.err()?;
    let error = error.as_db_error().expect("the server said so");
    Some(error.code().clone())
}

#[tokio::test]
async fn the_functions_role_may_not_touch_the_server_the_rules_or_the_operators_things() {
    let database = TestDatabase::with_running_clock().await;
    let application = database.as_application().await;
    for statement in REFUSED {
        let refusal = refusal(&application, statement)
            .await
            .unwrap_or_else(|| panic!("allowed: {statement}"));
        assert_eq!(refusal, SqlState::INSUFFICIENT_PRIVILEGE, "{statement}");
    }
}

/// A table of one's own could stand in for one of ours, and a trigger function could be made to run on it.
#[tokio::test]
async fn nothing_can_be_put_in_the_way_of_the_rules() {
    let database = TestDatabase::with_running_clock().await;
    let application = database.as_application().await;
    let made = application
        .batch_execute("CREATE TEMPORARY TABLE opt_outs (phone text, revoked_at timestamptz)")
        .await;
    if made.is_ok() {
        let borrowed = "CREATE TEMPORARY TABLE mine (LIKE attempts);
                        CREATE TRIGGER mine BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION guard_attempt()";
        assert_eq!(
            refusal(&application, borrowed).await,
            Some(SqlState::INSUFFICIENT_PRIVILEGE),
            "the owner's rights are nobody's to borrow"
        );
    }
    let stop = "INSERT INTO public.opt_outs (phone, source) VALUES ('+14035550001', 'STOP')";
    application.batch_execute(stop).await.expect("legal");
    database
        .sql("INSERT INTO lines (number, forward_to, business_name) VALUES ('+15005550006', '+14155550101', 'Acme')")
        .await;
    let job = "INSERT INTO jobs (kind, cause, recipient, line, origin, caused_at, due_at, expires_at)
               VALUES ('missed_call_text', 'CA1', '+14035550001', '+15005550006', 'poller', now(), now(), now() + interval '1 hour');
               UPDATE jobs SET state = 'in_flight', lease_token = gen_random_uuid(), lease_until = now() + interval '1 hour'";
    application.batch_execute(job).await.expect("legal");
    let attempt = "INSERT INTO attempts (job_id, content) SELECT id, 'sorry' FROM jobs";
    let error = application
        .batch_execute(attempt)
        .await
        .expect_err("they said stop");
    let rule = error
        .as_db_error()
        .and_then(|error| error.constraint().map(str::to_owned));
    assert_eq!(rule.as_deref(), Some("nobody_after_stop"));
}

#[tokio::test]
async fn the_functions_role_owns_nothing_and_inherits_nothing() {
    let database = TestDatabase::with_running_clock().await;
    for (question, answer) in [
        (
            "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) IN ('switchboard', 'switchboard_app')",
            "0",
        ),
        (
            "SELECT count(*) FROM pg_proc WHERE pg_get_userbyid(proowner) IN ('switchboard', 'switchboard_app')",
            "0",
        ),
        (
            "SELECT string_agg(roleid::regrole::text, ',') FROM pg_auth_members WHERE member = 'switchboard'::regrole",
            "switchboard_app",
        ),
        (
            "SELECT count(*) FROM pg_auth_members WHERE member = 'switchboard_app'::regrole",
            "0",
        ),
        (
            "SELECT count(*) FROM pg_roles WHERE rolname IN ('switchboard', 'switchboard_app')
             AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)",
            "0",
        ),
    ] {
        assert_eq!(
            database.one(question).await.as_deref(),
            Some(answer),
            "{question}"
        );
    }
}
