//! A week of calls in a minute, on the local stack as a newcomer runs it. Vapi's own record is the judge.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use local::postgres::connect;
use local::sandbox::SandboxClock;
use local::sandbox_vapi::{Call, SandboxVapi};
use local::stack::{Options, Stack};
use system_tests::{TestDatabase, binary};
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("switchboard-test-{}", uuid::Uuid::new_v4())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The stack in this process, where its Vapi can be asked, and the commands in theirs.
struct Running {
    port: u16,
    vapi: SandboxVapi,
    clock: SandboxClock,
    database_url: String,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Running {
    async fn start(data: &Folder) -> Self {
        Self::on(data, None).await
    }

    async fn on(data: &Folder, database: Option<&TestDatabase>) -> Self {
        let (mut database_url, mut direct_url) = (None, None);
        if let Some(database) = database {
            database_url = Some(database.application_url().await);
            direct_url = Some(database.owner_url().await);
        }
        let stack = Stack::start(&Options {
            port: 0,
            data: data.0.clone(),
            database_url,
            direct_url,
        })
        .await
        .expect("it starts");
        let router = stack.router().await.expect("its routes");
        let port = stack.url.rsplit(':').next().and_then(|port| port.parse().ok());
        let (stop, stopped) = oneshot::channel();
        Self {
            port: port.expect("a port"),
            vapi: stack.vapi.clone().expect("a sandbox"),
            clock: stack.clock.clone(),
            database_url: stack.shown_url(),
            stop,
            serving: tokio::spawn(stack.serve(router, async {
                let _ = stopped.await;
            })),
        }
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        drop(self.vapi);
        self.serving.await.expect("no panic").expect("it stops");
    }

    /// What a command prints, and whether it succeeded.
    async fn run(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(binary("switchboard"))
            .args(arguments)
            .env("PORT", self.port.to_string())
            .kill_on_drop(true)
            .output()
            .await
            .expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    async fn succeeds(&self, arguments: &[&str]) -> String {
        let (succeeded, told) = self.run(arguments).await;
        assert!(succeeded, "{arguments:?}: {told}");
        told
    }

    async fn database(&self) -> Client {
        connect(&self.database_url).await.expect("the database answers")
    }

    /// How often Vapi was asked to call anybody.
    fn asked(&self) -> usize {
        let requests = self.vapi.requests();
        requests.iter().filter(|request| request.is_send()).count()
    }
}

fn kind(call: &Call) -> &str {
    call.overrides["variableValues"]["call_type"]
        .as_str()
        .expect("the assistant is told")
}

/// Everybody's calls, each with its day and its minute on their own clock.
fn calls_by_customer(
    vapi: &SandboxVapi,
    clocks: &[(&str, &str)],
) -> BTreeMap<String, Vec<(Date, Time, String)>> {
    let mut calls: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for call in vapi.calls() {
        let id = call.customer_id.clone().expect("a customer");
        let (_, zone) = clocks
            .iter()
            .find(|(customer, _)| *customer == id)
            .expect("somebody of the week's");
        let at = call.created_at.to_zoned(TimeZone::get(zone).expect("a place"));
        calls
            .entry(id)
            .or_default()
            .push((at.date(), at.time(), kind(&call).to_owned()));
    }
    calls
}

/// On every day from the first to the last, one; the first may be a welcome, the others are at the hour: the schedule
/// comes within a minute.
fn assert_one_a_day(calls: &[(Date, Time, String)], hour: &str) {
    let days: Vec<Date> = calls.iter().map(|(day, ..)| *day).collect();
    let in_a_row: Vec<Date> = days[0].series(1.day()).take(days.len()).collect();
    assert_eq!(days, in_a_row);
    let hour: Time = hour.parse().expect("an hour");
    for (day, at, kind) in &calls[1..] {
        let late = at.duration_since(hour);
        let is_at_their_hour = !late.is_negative() && late <= SignedDuration::from_secs(61);
        assert!(is_at_their_hour && kind == "daily", "{kind} on {day} at {at}");
    }
}

/// The people of a week, as the command names them: id, place, hour.
fn people(told: &str) -> Vec<(String, String, String)> {
    let lines = told
        .lines()
        .filter(|line| line.contains(", wants to be called at "));
    let people = lines.map(|line| {
        let mut words = line.split(", ");
        let (id, place) = (words.next().expect("an id"), words.next().expect("a place"));
        let (_, hour) = line.split_once("called at ").expect("an hour");
        (id.to_owned(), place.to_owned(), hour[..5].to_owned())
    });
    people.collect()
}

#[tokio::test]
async fn in_a_week_everybody_who_pays_is_welcomed_once_and_called_once_a_day_at_their_hour() {
    let data = Folder::new();
    let stack = Running::start(&data).await;
    // Who pays in the very second in which the database was made has paid before it: Stripe counts whole seconds.
    stack.succeeds(&["travel", "1m"]).await;
    // One of them has paid already, for another hour in another place.
    stack
        .succeeds(&[
            "pay",
            "--customer",
            "ann",
            "--zone",
            "Europe/Berlin",
            "--hour",
            "17:00",
        ])
        .await;
    let told = stack.succeeds(&["week"]).await;
    let people = people(&told);
    assert_eq!(people.len(), 3, "{told}");
    assert_eq!(told.matches('✓').count(), 3, "{told}");
    assert!(
        told.contains("3 of 3 customers would be called within 24 hours"),
        "{told}"
    );
    assert!(told.contains("calling is on"), "it began paused: {told}");
    assert!(
        told.contains("was called on") && told.contains("the daily call: it was answered"),
        "{told}"
    );

    let clocks: Vec<(&str, &str)> = people
        .iter()
        .map(|(id, place, _)| (id.as_str(), place.as_str()))
        .collect();
    let first_week = calls_by_customer(&stack.vapi, &clocks);
    for (id, _, hour) in &people {
        let calls = &first_week[id];
        assert!((6..=8).contains(&calls.len()), "{id}: {calls:?}");
        assert_eq!(calls[0].2, "welcome", "{id}");
        assert_one_a_day(calls, hour);
    }

    // Another week: nobody is welcomed again, and no day is left out or called twice.
    let told = stack
        .succeeds(&["week", "--days", "3", "--vapi", "loses-answers"])
        .await;
    assert_eq!(told.matches("and no second welcome").count(), 3, "{told}");
    let both = calls_by_customer(&stack.vapi, &clocks);
    for (id, _, hour) in &people {
        assert_eq!(both[id].len(), first_week[id].len() + 3, "{id}");
        assert_one_a_day(&both[id], hour);
    }
    assert_eq!(stack.asked(), stack.vapi.calls().len(), "each was asked for once");

    // What Vapi refuses is not there, and the command says so.
    let calls = stack.vapi.calls().len();
    let (succeeded, told) = stack.run(&["week", "--days", "1", "--vapi", "refuses"]).await;
    assert!(!succeeded && told.contains("✗ ann"), "{told}");
    assert_eq!(stack.vapi.calls().len(), calls);
    stack.stop().await;
}

#[tokio::test]
async fn a_moved_clock_stays_moved_and_whoever_verifies_is_told() {
    let data = Folder::new();
    let stack = Running::start(&data).await;
    let problems = async |stack: &Running| -> Vec<String> {
        let findings = ops::verify(&stack.database().await).await.expect("a schema");
        let problems = findings
            .into_iter()
            .filter_map(|finding| Some((finding.subject, finding.problem?)));
        problems
            .map(|(subject, problem)| format!("{subject}: {problem}"))
            .collect()
    };
    assert_eq!(
        problems(&stack).await,
        [""; 0],
        "as it starts it is as in production"
    );

    let told = stack.succeeds(&["travel", "2d", "3h"]).await;
    assert!(told.contains("2d 3h ahead of this machine's"), "{told}");
    let found = problems(&stack).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let moved = "function switchboard_now: DIFFERS: the clock is moved: it shows ";
    assert!(
        found[0].starts_with(moved) && found[0].contains(", 2 days 3 h 0 min ahead of the server's"),
        "{found:?}"
    );
    // Everything else can be looked at all the same.
    let schema = ops::verify(&stack.database().await).await.expect("a schema");
    let levels = ops::readiness(&mut stack.database().await, &schema, |_| None)
        .await
        .expect("a report");
    assert_eq!(levels.len(), 4);
    assert!(
        !ops::is_sound(&levels).0 && levels[0].line().contains("the clock that decides"),
        "{}",
        levels[0].line()
    );

    // What the functions connect as can neither move it nor put it right.
    let application = stack.database_url.replace("postgres@", "switchboard@");
    let application = connect(&application).await.expect("the database answers");
    for statement in [
        "UPDATE moved_clock SET ahead = ahead + interval '1 day'",
        "DELETE FROM moved_clock",
        "TRUNCATE moved_clock",
        "INSERT INTO moved_clock (only_row, ahead) VALUES (false, '0')",
        "ALTER TABLE moved_clock DROP COLUMN ahead",
        "DROP TABLE moved_clock CASCADE",
        "CREATE OR REPLACE FUNCTION switchboard_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT statement_timestamp()'",
        "ALTER FUNCTION switchboard_now() RENAME TO another",
        "CREATE FUNCTION public.statement_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'",
    ] {
        let refused = application.batch_execute(statement).await.expect_err(statement);
        assert_eq!(
            refused.code(),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            "{statement}"
        );
    }

    let (succeeded, told) = stack.run(&["travel", "2026-01-01"]).await;
    assert!(!succeeded && told.contains("only ever moved forwards"), "{told}");
    let ahead = stack.clock.ahead();
    stack.stop().await;

    let stack = Running::start(&data).await;
    let away = stack.clock.ahead() - ahead;
    assert!(away.abs() < SignedDuration::from_millis(1), "{away:?}");
    stack.stop().await;
}

#[tokio::test]
async fn nobody_moves_the_clock_of_a_database_that_is_not_the_stack_s_own() {
    let database = TestDatabase::with_running_clock().await;
    let data = Folder::new();
    let stack = Running::on(&data, Some(&database)).await;
    for command in [&["travel", "1h"][..], &["week"]] {
        let (succeeded, told) = stack.run(command).await;
        assert!(
            !succeeded && told.contains("the clock can only be moved where"),
            "{told}"
        );
    }
    let away = database.now().await.duration_since(Timestamp::now());
    assert!(away.abs() < SignedDuration::from_mins(1), "{away:?}");
    let moved = database.one("SELECT to_regclass('moved_clock')").await;
    assert_eq!(moved, None);
    let customers = database.one("SELECT count(*) FROM customers").await;
    assert_eq!(customers.as_deref(), Some("0"));
    stack.stop().await;
}

#[tokio::test]
async fn who_takes_their_money_back_is_not_called_until_they_pay_again() {
    let data = Folder::new();
    let stack = Running::start(&data).await;
    // How many days of calls lie ahead depends on the hour at which somebody pays: it is nine in the morning there.
    let tomorrow = stack.clock.now().to_zoned(TimeZone::UTC).date().tomorrow();
    let tomorrow = tomorrow.expect("no end of time").to_string();
    stack.succeeds(&["travel", &tomorrow]).await;
    let pay = async |event: &str| {
        let arguments = [
            "pay",
            "--customer",
            "zoe",
            "--zone",
            "Asia/Tokyo",
            "--hour",
            "19:45",
            "--event",
            event,
        ];
        stack.succeeds(&arguments).await
    };
    let told = pay("pay").await;
    assert!(
        told.contains("checkout.session.completed: answered 200"),
        "{told}"
    );
    assert!(told.contains("19:45 +09:00"), "{told}");
    let database = stack.database().await;
    ops::resume_all(&database, None).await.expect("calling is on");
    let calls = || stack.vapi.calls().len();
    stack.succeeds(&["travel", "3d"]).await;
    assert_eq!(calls(), 3, "a welcome, and two days");

    for event in ["dispute", "refund", "unsubscribe"] {
        let told = pay(event).await;
        assert!(
            told.contains("no calls: they do not pay any more"),
            "{event}: {told}"
        );
        let before = calls();
        stack.succeeds(&["travel", "1d"]).await;
        assert_eq!(calls(), before, "{event}");
        let told = pay("pay").await;
        assert!(told.contains("   daily"), "{event}: {told}");
        stack.succeeds(&["travel", "1d"]).await;
        assert_eq!(calls(), before + 1, "{event}");
    }
    assert_eq!(
        stack
            .vapi
            .calls()
            .iter()
            .filter(|call| kind(call) == "welcome")
            .count(),
        1
    );

    let (succeeded, told) = stack
        .run(&["pay", "--customer", "nobody", "--event", "refund"])
        .await;
    assert!(
        !succeeded && told.contains("knows no payment of nobody's"),
        "{told}"
    );
    stack.stop().await;
}
