//! The server answers with an error of its own in place of what was asked, at each statement on a call's way.

use jiff::SignedDuration;
use system_tests::{Cutter, World, error_answer};

use super::{caller, everybody_gets_one_text, misses, world};

/// What a server says that could not, and why. After a `FATAL` it says nothing more.
pub(super) const TROUBLES: [(&str, &str, &str); 12] = [
    ("ERROR", "53100", "could not extend file: No space left on device"),
    ("ERROR", "53200", "out of shared memory"),
    (
        "ERROR",
        "58030",
        "could not write to file \"pg_wal/xlogtemp\": Input/output error",
    ),
    (
        "ERROR",
        "40001",
        "could not serialize access due to concurrent update",
    ),
    ("ERROR", "40P01", "deadlock detected"),
    ("ERROR", "55P03", "canceling statement due to lock timeout"),
    ("ERROR", "57014", "canceling statement due to statement timeout"),
    (
        "ERROR",
        "25006",
        "cannot execute INSERT in a read-only transaction",
    ),
    ("ERROR", "08P01", "server conn crashed?"),
    (
        "FATAL",
        "57P01",
        "terminating connection due to administrator command",
    ),
    ("FATAL", "57P03", "the database system is shutting down"),
    ("FATAL", "53300", "sorry, too many clients already"),
];

/// Answers the next statement of this name with an error; the server never sees it.
pub(super) async fn refuse(cutter: &mut Cutter, (severity, sqlstate, message): (&str, &str, &str)) {
    let mut caught = cutter.caught().await;
    caught.tell(&error_answer(severity, sqlstate, message)).await;
    if severity == "ERROR" {
        caught.go_on();
    }
}

/// Somebody rings and everything follows, with one statement refused on the way.
async fn misses_while_refused(
    world: &World,
    cutter: &mut Cutter,
    statement: &str,
    trouble: (&str, &str, &str),
    caller: &str,
) {
    cutter.catch(statement);
    let everything = async {
        misses(world, caller).await;
        world.run_jobs().await;
    };
    futures_util::join!(everything, refuse(cutter, trouble));
}

async fn every_trouble_at(statement: &str) {
    let (world, mut cutter) = world().await;
    for (number, trouble) in TROUBLES.into_iter().enumerate() {
        let caller = caller(number + 1);
        misses_while_refused(&world, &mut cutter, statement, trouble, &caller).await;
        let texts = world.texts_to(&caller).len();
        let expected = match statement {
            // The call is found by what follows; the answer was settled in a second try.
            "record_call" | "record_report" | "settle_accepted" => 1,
            _ => 0,
        };
        assert_eq!(texts, expected, "{statement}: {trouble:?}");
        assert!(!cutter.let_be(), "it was met");
    }
    everybody_gets_one_text(&world, TROUBLES.len()).await;
    let attempts = "attempts WHERE attempt_no > 1";
    assert_eq!(
        world.count(attempts).await,
        0,
        "a refused statement costs no attempt"
    );
}

#[tokio::test]
async fn a_call_that_cannot_be_recorded_is_connected_and_texted() {
    every_trouble_at("record_call").await;
}

#[tokio::test]
async fn a_report_that_cannot_be_recorded_is_kept_for_later() {
    every_trouble_at("record_report").await;
}

#[tokio::test]
async fn a_job_that_cannot_be_read_waits() {
    every_trouble_at("load_text").await;
}

#[tokio::test]
async fn nothing_is_sent_without_a_grant() {
    every_trouble_at("grant").await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_kept_is_kept_in_a_second_try() {
    every_trouble_at("settle_accepted").await;
}

/// What is parked has been taken out of the park when the database fails again.
#[tokio::test]
async fn a_parked_event_waits_for_a_database_that_can() {
    let (world, mut cutter) = world().await;
    for (number, trouble) in TROUBLES.into_iter().enumerate() {
        let caller = caller(number + 1);
        misses_while_refused(&world, &mut cutter, "record_call", trouble, &caller).await;
        let before = world.parked().len();
        assert_eq!(before, 1, "{trouble:?}");
        cutter.catch("record_call");
        let (swept, ()) = futures_util::join!(world.try_tick("job-sweeper"), refuse(&mut cutter, trouble));
        assert!(swept.is_err(), "{trouble:?}: {swept:?}");
        assert_eq!(world.parked().len(), 1, "{trouble:?}");
        assert_eq!(world.quarantined().await, [""; 0], "{trouble:?}");
        // Until the queue shows it again.
        world.pass(SignedDuration::from_mins(4)).await;
        world.sweep().await;
        assert_eq!(world.parked().len(), 0, "{trouble:?}");
    }
    everybody_gets_one_text(&world, TROUBLES.len()).await;
}
