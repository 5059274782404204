//! Nobody's question is met with silence: a machine answers it, or a person is told of it, or it is said why nobody
//! has to.

use jiff::SignedDuration;
use local::sandbox_meta::Update;
use serde_json::json;
use system_tests::World;

use super::{ann, fates, hears, replies, settle, tasks, words_to, world, writes};

/// Ann takes back what she wrote.
fn takes_back(world: &World, message: &Update) -> Update {
    let of = json!({ "original_message_id": message.id() });
    world.meta.message(&ann(), "revoke", of)
}

/// What people are asked to do and have not done yet: kind, and what they need for it.
async fn open_tasks(world: &World) -> String {
    let query = "SELECT string_agg(concat_ws(': ', kind, detail), ' | ' ORDER BY id) FROM tasks WHERE done_at IS NULL";
    world.database.one(query).await.unwrap_or_default()
}

async fn tick(world: &World) {
    world
        .database
        .sql("UPDATE tasks SET done_at = switchboard_now() WHERE done_at IS NULL")
        .await;
}

#[tokio::test]
async fn what_was_to_be_answered_with_a_message_that_was_taken_back_is_a_persons() {
    let world = world().await;
    let last = world.meta.text(&ann(), "And on Monday?");
    hears(&world, [world.meta.text(&ann(), "Are you open on Sunday?")]).await;
    world.pass(SignedDuration::from_secs(3)).await;
    hears(&world, [world.meta.text(&ann(), "At what time?")]).await;
    world.pass(SignedDuration::from_secs(3)).await;
    hears(&world, [last.clone()]).await;
    world.run_replies().await;
    world.pass(SignedDuration::from_secs(2)).await;
    world.sweep().await;
    world.run_replies().await;
    hears(&world, [takes_back(&world, &last)]).await;
    world.pass(SignedDuration::from_secs(5)).await;
    world.sweep().await;
    world.run_replies().await;
    assert_eq!(
        fates(&world).await,
        [
            "suppressed, answered_later",
            "suppressed, answered_later",
            "suppressed, message_revoked"
        ]
    );
    assert_eq!(tasks(&world).await, "not_answered", "one, for all that is left");
    let which =
        "SELECT body FROM tasks JOIN jobs ON jobs.id = job_id JOIN messages ON messages.id = message_id";
    assert_eq!(world.database.one(which).await.as_deref(), Some("At what time?"));
}

#[tokio::test]
async fn what_came_before_a_message_that_was_taken_back_at_once_is_answered_by_the_machine() {
    let world = world().await;
    replies(&world, "Yes, on Sundays too.");
    let last = world.meta.text(&ann(), "And on Monday?");
    hears(&world, [world.meta.text(&ann(), "Are you open on Sunday?")]).await;
    hears(&world, [last.clone()]).await;
    hears(&world, [takes_back(&world, &last)]).await;
    settle(&world).await;
    assert_eq!(words_to(&world, &ann()), ["Yes, on Sundays too."]);
    assert_eq!(fates(&world).await, ["accepted", "suppressed, message_revoked"]);
    assert_eq!(tasks(&world).await, "");
}

#[tokio::test]
async fn words_of_our_own_answer_only_who_asked_for_them() {
    let world = world().await;
    replies(&world, "Yes, on Sundays too.");
    hears(&world, [world.meta.text(&ann(), "Are you open on Sunday?")]).await;
    hears(&world, [world.meta.text(&ann(), "HELP")]).await;
    settle(&world).await;
    let words = words_to(&world, &ann());
    assert!(words.contains(&"Yes, on Sundays too.".to_owned()), "{words:?}");
    assert!(words.iter().any(|words| words.contains("STOP")), "{words:?}");
    assert_eq!(fates(&world).await, ["accepted", "accepted"]);
}

#[tokio::test]
async fn who_writes_again_after_the_task_was_done_is_a_task_again() {
    let world = world().await;
    writes(&world, &ann(), "I want to talk to a human").await;
    writes(&world, &ann(), "Are you there?").await;
    assert_eq!(tasks(&world).await, "handed_over", "one, while it is open");
    tick(&world).await;
    for _ in 0..3 {
        writes(&world, &ann(), "And what does it cost?").await;
    }
    assert_eq!(tasks(&world).await, "handed_over not_answered");
    assert_eq!(
        open_tasks(&world).await,
        "not_answered: human_has_taken_over",
        "one, however often they write"
    );
    assert_eq!(world.count("notifications").await, 2);
    tick(&world).await;
    writes(&world, &ann(), "Hello?").await;
    assert_eq!(tasks(&world).await, "handed_over not_answered not_answered");
}

#[tokio::test]
async fn whoever_has_a_thread_is_told_of_what_is_written_in_it() {
    let world = world().await;
    writes(&world, &ann(), "Hello").await;
    world
        .database
        .sql("INSERT INTO users (name) VALUES ('Bob'); UPDATE conversations SET assigned_user_id = (SELECT id FROM users)")
        .await;
    writes(&world, &ann(), "What does it cost?").await;
    let told = "notifications JOIN users ON users.id = user_id WHERE name = 'Bob'";
    assert_eq!(world.count(told).await, 1);
}

#[tokio::test]
async fn a_question_soon_after_a_persons_own_line_is_theirs_and_one_before_it_is_answered_by_it() {
    let world = world().await;
    hears(&world, [world.meta.text(&ann(), "Hello?")]).await;
    world.pass(SignedDuration::from_secs(1)).await;
    hears(&world, [world.meta.echo(&ann(), "Hi Ann, Bob here")]).await;
    settle(&world).await;
    assert_eq!(tasks(&world).await, "", "Bob has read it");
    world.pass(SignedDuration::from_mins(10)).await;
    writes(&world, &ann(), "What does it cost?").await;
    assert_eq!(
        fates(&world).await,
        [
            "suppressed, human_has_taken_over",
            "suppressed, human_has_taken_over"
        ]
    );
    assert_eq!(open_tasks(&world).await, "not_answered: human_has_taken_over");
}

#[tokio::test]
async fn what_no_machine_answers_in_time_is_a_persons_and_says_why() {
    let world = world().await;
    let late = world.meta.text(&ann(), "Hello?");
    world.pass(SignedDuration::from_hours(3)).await;
    hears(&world, [late]).await;
    assert_eq!(fates(&world).await, ["suppressed, too_old"]);
    assert_eq!(open_tasks(&world).await, "not_answered: too_old");
}

#[tokio::test]
async fn whom_whatsapp_takes_no_answer_for_is_a_persons() {
    let world = world().await;
    hears(&world, [world.meta.text(&ann(), "Hello?")]).await;
    world
        .database
        .sql("UPDATE conversations SET last_inbound_at = switchboard_now() - interval '1 day'")
        .await;
    settle(&world).await;
    assert_eq!(fates(&world).await, ["suppressed, window_closed"]);
    assert_eq!(open_tasks(&world).await, "not_answered: window_closed");
}

#[tokio::test]
async fn what_is_written_in_a_group_is_no_part_of_the_conversation_with_its_author() {
    let world = world().await;
    hears(&world, [world.meta.text(&ann(), "Hello?")]).await;
    world
        .database
        .sql("UPDATE replying SET settles_after = '1 minute'")
        .await;
    world.pass(SignedDuration::from_mins(30)).await;
    let in_a_group = world
        .meta
        .text(&ann(), "Bob owes me money")
        .with(|message| message["group_id"] = json!("120363000000000000"));
    hears(&world, [in_a_group]).await;
    let window = "SELECT (last_inbound_at = switchboard_now() - interval '30 minutes'
                          AND last_message_at = last_inbound_at)::text
                  FROM conversations ORDER BY id LIMIT 1";
    assert_eq!(world.database.one(window).await.as_deref(), Some("true"));
    replies(&world, "Hello Ann.");
    settle(&world).await;
    let asked = world.chat.requests().pop().expect("a request");
    assert_eq!(asked.said_by("user"), ["Hello?"]);
    assert_eq!(words_to(&world, &ann()), ["Hello Ann."]);
    assert_eq!(
        world.count("messages WHERE body = 'Bob owes me money'").await,
        1,
        "it is kept"
    );
    assert_eq!(world.count("leads").await, 1);
}
