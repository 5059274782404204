//! `ops pause --answers`, `ops take`, `ops hand-back`, `ops retry`: what they change, by Meta's own record.

use std::cell::Cell;

use jiff::SignedDuration;
use local::sandbox_meta::{Behaviour, Customer};
use system_tests::World;
use tokio_postgres::Client;
use uuid::Uuid;

use super::switches::WAITING;
use crate::replies::{ann, fates, hears, tasks, world, writes};

const GRANT: &str = include_str!("../../../shared/src/jobs/sql/grant.sql");
const WORDS: &str = "We open at nine.";

/// How many messages Meta took.
fn taken(world: &World) -> usize {
    world.meta.messages().len()
}

/// How often Meta was asked to send something.
fn sends(world: &World) -> usize {
    let requests = world.meta.requests();
    requests.iter().filter(|request| request.is_send()).count()
}

async fn one(world: &World, query: &str) -> String {
    world.database.one(query).await.unwrap_or_default()
}

/// The only conversation, or the first.
async fn conversation(world: &World) -> i64 {
    let id = one(world, "SELECT min(id) FROM conversations").await;
    id.parse().expect("a conversation")
}

/// The job by which the first message was to be answered.
async fn first_job(world: &World) -> String {
    one(
        world,
        "SELECT id FROM jobs WHERE origin = 'inbound' ORDER BY message_id LIMIT 1",
    )
    .await
}

/// Two minutes in which everything happens that is due.
async fn goes_on(world: &World) {
    for _ in 0..2 {
        world.minutes(1).await;
        world.run_replies().await;
    }
}

async fn operator(world: &World) -> Client {
    ops::connect(&world.database.owner_url().await, None)
        .await
        .expect("the database answers")
}

/// What an operator is told who may not.
async fn refusal(world: &World, job: &str) -> String {
    let refused = ops::retry(world.database.owner(), job).await;
    refused.expect_err("it may not be tried again").to_string()
}

#[tokio::test]
async fn nothing_is_answered_from_a_pause_until_answering_is_resumed() {
    let world = world().await;
    let owner = world.database.owner();
    let said = ops::pause_answers(owner).await.expect("a pause");
    assert_eq!(
        said,
        "answering on WhatsApp is paused: the database allows no answer from now on; no request is on its way"
    );
    writes(&world, &ann(), "Hello?").await;
    goes_on(&world).await;
    assert_eq!((sends(&world), world.chat.requests().len()), (0, 0));
    let again = ops::pause_answers(owner).await.expect("a pause");
    assert!(again.contains("is paused already"), "{again}");
    assert_eq!(ops::answers_waiting(owner).await.expect("a number"), 1);

    let said = ops::resume_answers(owner).await.expect("answers");
    assert!(said.starts_with("answering on WhatsApp is on"), "{said}");
    goes_on(&world).await;
    assert_eq!(taken(&world), 1);
    assert_eq!(ops::answers_waiting(owner).await.expect("a number"), 0);
}

/// Ann's answer is written, and somebody's connection to ask for the permit to send it.
async fn about_to_be_answered() -> (World, Client, Uuid) {
    let world = world().await;
    hears(&world, [world.meta.text(&ann(), "When do you open?")]).await;
    world.pass(SignedDuration::from_secs(5)).await;
    let draft = format!("INSERT INTO drafts (job_id, body, model) SELECT id, '{WORDS}', 'a model' FROM jobs");
    world.database.sql(&draft).await;
    let job = first_job(&world).await.parse().expect("an id");
    let application = world.database.as_application().await;
    (world, application, job)
}

#[tokio::test]
async fn a_pause_waits_for_the_permits_that_are_being_given_and_names_them() {
    let (world, application, job) = about_to_be_answered().await;
    application.batch_execute("BEGIN").await.expect("a transaction");
    application
        .query_one(GRANT, &[&job, &WORDS])
        .await
        .expect("allowed");
    let operator = operator(&world).await;
    let is_paused = Cell::new(false);
    let pause = async {
        let said = ops::pause_answers(&operator).await.expect("a pause");
        is_paused.set(true);
        said
    };
    let commit = async {
        while !is_paused.get() && one(&world, WAITING).await != "1" {
            tokio::task::yield_now().await;
        }
        application.batch_execute("COMMIT").await.expect("a commit");
    };
    let (said, ()) = tokio::join!(pause, commit);
    assert!(
        said.ends_with("requests on their way, which nobody can take back: 1"),
        "{said}"
    );
}

#[tokio::test]
async fn no_permit_that_is_asked_for_during_a_pause_is_given_after_it() {
    let (world, application, job) = about_to_be_answered().await;
    let operator = operator(&world).await;
    operator
        .batch_execute("BEGIN; UPDATE replying SET paused = true")
        .await
        .expect("a pause");
    let is_asked = Cell::new(false);
    let asks = async {
        let granted = application.query_opt(GRANT, &[&job, &WORDS]).await;
        is_asked.set(true);
        granted.map(drop)
    };
    let commit = async {
        while !is_asked.get() && one(&world, WAITING).await != "1" {
            tokio::task::yield_now().await;
        }
        operator.batch_execute("COMMIT").await.expect("a commit");
    };
    let (asked, ()) = tokio::join!(asks, commit);
    let refused = asked.expect_err("answering is paused");
    let rule = refused.as_db_error().and_then(|error| error.constraint());
    assert_eq!(rule, Some("replying_is_on"));
}

#[tokio::test]
async fn no_machine_answers_from_a_takeover_until_it_is_handed_back() {
    let world = world().await;
    let owner = world.database.owner();
    world
        .database
        .sql(
            "INSERT INTO users (name, email) VALUES ('Bob', 'bob@acme.example');
              INSERT INTO users (name, email, active) VALUES ('Eve', 'eve@acme.example', false)",
        )
        .await;
    writes(&world, &ann(), "Hello?").await;
    let conversation = conversation(&world).await;
    for nobody in ["", "nobody@acme.example", "eve@acme.example"] {
        let refused = ops::take(owner, conversation, Some(nobody)).await;
        let refused = refused.expect_err("nobody of that email").to_string();
        assert!(refused.contains("nothing was changed"), "{refused}");
    }
    writes(&world, &ann(), "And on Sunday?").await;
    assert_eq!(taken(&world), 2, "nobody has taken it");

    for (by, taker) in [
        (None, "whoever looks first"),
        (Some("BOB@acme.example"), "Bob"),
        (None, "Bob"),
    ] {
        let said = ops::take(owner, conversation, by).await.expect("a conversation");
        assert_eq!(
            said,
            format!(
                "conversation {conversation} is given to {taker}: no machine answers there until ops hand-back \
                 {conversation}; no request is on its way"
            )
        );
    }
    writes(&world, &ann(), "Is anybody there?").await;
    goes_on(&world).await;
    assert_eq!(sends(&world), 2);

    let said = ops::hand_back(owner, conversation).await.expect("a conversation");
    assert_eq!(
        said,
        format!(
            "conversation {conversation} is handed back: the machine answers what they write from now on; \
             what a person was asked there and has not done yet: not_answered"
        )
    );
    goes_on(&world).await;
    assert_eq!(sends(&world), 2, "what they wrote before is a person's");
    writes(&world, &ann(), "Hello again").await;
    assert_eq!(taken(&world), 3);
    let again = ops::hand_back(owner, conversation).await.expect("a conversation");
    assert!(again.contains("was nobody's already"), "{again}");
}

#[tokio::test]
async fn a_conversation_that_is_none_cannot_be_taken_or_handed_back() {
    let world = world().await;
    for refused in [
        ops::take(world.database.owner(), 42, None).await,
        ops::hand_back(world.database.owner(), 42).await,
    ] {
        assert_eq!(
            refused.expect_err("there is none").to_string(),
            "there is no conversation 42"
        );
    }
}

#[tokio::test]
async fn handing_back_says_how_long_the_machine_stays_quiet_for_a_person_who_has_just_written() {
    let world = world().await;
    writes(&world, &ann(), "Hello?").await;
    hears(&world, [world.meta.echo(&ann(), "Hi Ann, Bob here")]).await;
    let conversation = conversation(&world).await;
    ops::take(world.database.owner(), conversation, None)
        .await
        .expect("a conversation");
    let said = ops::hand_back(world.database.owner(), conversation).await;
    let until = "SELECT to_char(human_wrote_at + interval '4 hours', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM conversations";
    let until = one(&world, until).await;
    let said = said.expect("a conversation");
    assert!(said.contains(&format!("from {until} on")), "{said}");
    writes(&world, &ann(), "Thanks").await;
    assert_eq!(taken(&world), 1);
    world.pass(SignedDuration::from_hours(5)).await;
    writes(&world, &ann(), "One more thing").await;
    assert_eq!(taken(&world), 2);
}

#[tokio::test]
async fn whoever_has_two_names_is_handed_back_under_both() {
    let world = world().await;
    let (shown, hidden) = (ann(), Customer::hidden("US.1", "Ann"));
    writes(&world, &shown, "Hello?").await;
    writes(&world, &hidden, "Are you there?").await;
    let both = shown.clone().known_as("US.1");
    hears(&world, [world.meta.preference(&both, "resume")]).await;
    let answered = taken(&world);
    let threads = one(&world, "SELECT count(*) FROM conversations").await;
    assert_eq!(threads, "2");
    world
        .database
        .sql("UPDATE conversations SET handed_over_at = switchboard_now() WHERE id = (SELECT max(id) FROM conversations)")
        .await;
    writes(&world, &shown, "And now?").await;
    assert_eq!(taken(&world), answered);
    let first = conversation(&world).await;
    ops::hand_back(world.database.owner(), first)
        .await
        .expect("a conversation");
    writes(&world, &shown, "And now?").await;
    assert_eq!(taken(&world), answered + 1);
}

#[tokio::test]
async fn handing_back_warns_of_a_stop_which_it_does_not_take_back() {
    let world = world().await;
    writes(&world, &ann(), "STOP").await;
    let before = sends(&world);
    let said = ops::hand_back(world.database.owner(), conversation(&world).await).await;
    let said = said.expect("a conversation");
    assert!(said.contains("they said stop"), "{said}");
    writes(&world, &ann(), "Hello?").await;
    goes_on(&world).await;
    assert_eq!(sends(&world), before);
}

/// Somebody wrote whose number is none.
async fn wrote_without_a_number(world: &World) -> String {
    let odd = Customer {
        wa_id: Some("0800".to_owned()),
        ..ann()
    };
    // Meta knows her by her number.
    world.meta.open_every_window();
    writes(world, &odd, "Hello?").await;
    assert_eq!(fates(world).await, ["suppressed, invalid_phone"]);
    assert_eq!(tasks(world).await, "invalid_phone");
    first_job(world).await
}

const PUT_RIGHT: &str = "UPDATE contacts SET phone = '+14155550101' WHERE phone_given IS NOT NULL";
const OPEN_TASKS: &str = "tasks WHERE done_at IS NULL";

#[tokio::test]
async fn an_answer_is_sent_once_when_the_number_is_right_and_it_is_tried_again() {
    let world = world().await;
    let job = wrote_without_a_number(&world).await;
    let said = refusal(&world, &job).await;
    assert!(said.contains("is still none"), "{said}");
    goes_on(&world).await;
    assert_eq!((sends(&world), world.count(OPEN_TASKS).await), (0, 1));

    world.database.sql(PUT_RIGHT).await;
    ops::pause_answers(world.database.owner()).await.expect("a pause");
    let said = refusal(&world, &job).await;
    assert!(said.contains("answering as a whole is paused"), "{said}");
    ops::resume_answers(world.database.owner())
        .await
        .expect("answers");
    let said = ops::retry(world.database.owner(), &job)
        .await
        .expect("another try");
    assert!(
        said.starts_with(&format!("{job} is tried again within the minute, as ")),
        "{said}"
    );
    assert_eq!(world.count(OPEN_TASKS).await, 0);
    assert_eq!(world.count("jobs WHERE origin = 'by_hand'").await, 1);
    world.run_replies().await;
    assert_eq!(sends(&world), 0, "nobody has rung for it");
    let said = refusal(&world, &job).await;
    assert!(said.contains("it is being tried already"), "{said}");

    goes_on(&world).await;
    let addresses: Vec<String> = world.meta.messages().into_iter().map(|sent| sent.to).collect();
    assert_eq!(addresses, ["14155550101"]);
    for tried in [
        job,
        one(&world, "SELECT id FROM jobs WHERE origin = 'by_hand'").await,
    ] {
        let said = refusal(&world, &tried).await;
        assert!(said.contains("WhatsApp has taken an answer"), "{said}");
    }
    goes_on(&world).await;
    assert_eq!(sends(&world), 1);
}

#[tokio::test]
async fn two_who_try_again_at_once_make_one_job_of_it() {
    let world = world().await;
    let job = wrote_without_a_number(&world).await;
    world.database.sql(PUT_RIGHT).await;
    let (first, second) = (operator(&world).await, operator(&world).await);
    first.batch_execute("BEGIN").await.expect("a transaction");
    ops::retry(&first, &job).await.expect("another try");
    let is_over = Cell::new(false);
    let again = async {
        let again = ops::retry(&second, &job).await;
        is_over.set(true);
        again
    };
    let commit = async {
        while !is_over.get() && one(&world, WAITING).await != "1" {
            tokio::task::yield_now().await;
        }
        first.batch_execute("COMMIT").await.expect("a commit");
    };
    let (again, ()) = tokio::join!(again, commit);
    let refused = again.expect_err("the first has it").to_string();
    assert!(refused.contains("somebody else has just"), "{refused}");
    goes_on(&world).await;
    assert_eq!(
        (taken(&world), sends(&world), world.count("jobs").await),
        (1, 1, 2)
    );
}

#[tokio::test]
async fn what_may_have_arrived_is_never_tried_again() {
    let unclear = "nobody knows whether the answer before has arrived";
    for (behaviour, while_it_is_new, after_an_hour) in [
        (None, "WhatsApp has taken", "WhatsApp has taken"),
        (Some(Behaviour::AcceptThenReset), unclear, unclear),
        (Some(Behaviour::Fail500), unclear, unclear),
    ] {
        let world = world().await;
        if let Some(behaviour) = &behaviour {
            world.meta.on_next_send(behaviour.clone());
        }
        writes(&world, &ann(), "When do you open?").await;
        let job = first_job(&world).await;
        let said = refusal(&world, &job).await;
        assert!(said.contains(while_it_is_new), "{behaviour:?}: {said}");
        for _ in 0..14 {
            world.pass(SignedDuration::from_mins(5)).await;
            world.sweep().await;
            world.run_replies().await;
        }
        let said = refusal(&world, &job).await;
        assert!(said.contains(after_an_hour), "{behaviour:?}: {said}");
        goes_on(&world).await;
        assert_eq!(sends(&world), 1, "{behaviour:?}: never a second send");
        let unclear = u64::from(behaviour.is_some());
        assert_eq!(world.count(OPEN_TASKS).await, unclear, "{behaviour:?}");
    }
}

#[tokio::test]
async fn what_meta_refused_can_be_tried_again_until_there_is_evidence_that_it_arrived() {
    for is_evident in [false, true] {
        let world = world().await;
        world.meta.on_next_send(Behaviour::refuse(131_026));
        writes(&world, &ann(), "Hello?").await;
        assert_eq!((taken(&world), sends(&world)), (0, 1));
        assert_eq!(tasks(&world).await, "not_answered");
        let job = first_job(&world).await;
        ops::retry(world.database.owner(), &job)
            .await
            .expect("another try");
        assert_eq!(world.count(OPEN_TASKS).await, 0);
        if is_evident {
            world
                .database
                .sql("INSERT INTO duplicate_evidence (attempt_id, provider_id, note) SELECT id, 'wamid.1', 'was delivered' FROM attempts")
                .await;
        }
        goes_on(&world).await;
        assert_eq!(taken(&world), usize::from(!is_evident));
        let said = refusal(&world, &job).await;
        let why = if is_evident {
            "has arrived after all"
        } else {
            "WhatsApp has taken"
        };
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn another_try_keeps_to_the_rules_about_people() {
    for (happens, why) in [
        (
            "INSERT INTO opt_outs (phone, source) VALUES ('+14155550101', 'person')",
            "they said stop",
        ),
        (
            "UPDATE conversations SET handed_over_at = switchboard_now()",
            "a person of the business",
        ),
        (
            "UPDATE conversations SET deleted_at = switchboard_now()",
            "from the inbox",
        ),
        (
            "UPDATE messages SET body = NULL, revoked_at = switchboard_now()",
            "taken the message back",
        ),
        (
            "UPDATE conversations SET last_inbound_at = switchboard_now() - interval '1 day'",
            "so long after",
        ),
    ] {
        for is_quicker in [true, false] {
            let world = world().await;
            let job = wrote_without_a_number(&world).await;
            world.database.sql(PUT_RIGHT).await;
            if is_quicker {
                world.database.sql(happens).await;
                let said = refusal(&world, &job).await;
                assert!(said.contains(why), "{happens}: {said}");
            } else {
                ops::retry(world.database.owner(), &job)
                    .await
                    .expect("another try");
                world.database.sql(happens).await;
            }
            goes_on(&world).await;
            assert_eq!(sends(&world), 0, "{happens}");
        }
    }
}

#[tokio::test]
async fn only_an_answer_on_whatsapp_can_be_tried_again() {
    let world = world().await;
    for nothing in ["", "42", "00000000-0000-4000-8000-000000000007", "' OR true --"] {
        let said = refusal(&world, nothing).await;
        assert_eq!(said, format!("there is no answer of the id {nothing}"));
    }
}
