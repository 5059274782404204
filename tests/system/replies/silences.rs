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

/// What somebody wrote and nobody answered, told a person of, or gave a reason for; must be nothing.
const FORGOTTEN: &str = "
    messages AS message
    JOIN conversations AS conversation ON conversation.id = message.conversation_id
    LEFT JOIN jobs AS job ON job.message_id = message.id
    WHERE message.direction = 'INBOUND' AND message.left_because IS NULL
      AND NOT coalesce(job.state = 'accepted' OR job.state_reason = 'message_revoked', false)
      AND NOT coalesce(conversation.human_wrote_at > message.sent_at, false)
      AND NOT EXISTS (SELECT FROM tasks
                      WHERE job_id = job.id
                         OR tasks.conversation_id = conversation.id AND tasks.kind IN ('handed_over', 'not_answered')
                            AND (done_at IS NULL OR done_at >= message.created_at))
      AND NOT (job.state_reason = 'answered_later' AND EXISTS (
            SELECT FROM jobs AS later JOIN drafts ON drafts.job_id = later.id
            WHERE later.conversation_id = job.conversation_id AND later.message_id > job.message_id
              AND later.state = 'accepted' AND drafts.model IS NOT NULL))";

#[tokio::test]
async fn whatever_happens_nobody_is_forgotten() {
    for seed in 0..8 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let world = world().await;
        world
            .database
            .sql("INSERT INTO users (name) VALUES ('Bob')")
            .await;
        let mut written: Vec<Update> = Vec::new();
        let mut story = Vec::new();
        for _ in 0..24 {
            let act = chance.u8(..12);
            story.push(act);
            match act {
                0..=5 => {
                    let words = chance.choice([
                        "When do you open?",
                        "And on Sunday?",
                        "HELP",
                        "I want to talk to a human",
                    ]);
                    let message = world.meta.text(&ann(), words.expect("some words"));
                    hears(&world, [message.clone()]).await;
                    written.push(message);
                }
                6 | 7 => {
                    if let Some(message) = chance.choice(&written).or(written.last()) {
                        hears(&world, [takes_back(&world, message)]).await;
                    }
                }
                8 => hears(&world, [world.meta.echo(&ann(), "Bob here")]).await,
                9 => tick(&world).await,
                10 => {
                    let given = "UPDATE conversations SET assigned_user_id = (SELECT id FROM users)";
                    world.database.sql(given).await;
                }
                _ => {
                    let back = "UPDATE conversations SET assigned_user_id = NULL, handed_over_at = NULL";
                    world.database.sql(back).await;
                }
            }
            let seconds = *chance.choice(&[1, 2, 5, 20, 5 * 3600]).expect("some time");
            world.pass(SignedDuration::from_secs(seconds)).await;
            world.sweep().await;
            world.run_replies().await;
        }
        for _ in 0..3 {
            world.pass(SignedDuration::from_mins(61)).await;
            world.sweep().await;
            world.run_replies().await;
        }
        assert_eq!(
            world.count("jobs WHERE ended_at IS NULL").await,
            0,
            "{seed}: {story:?}"
        );
        let forgotten = format!(
            "SELECT string_agg(message.id || ' ' || concat_ws(', ', job.state, job.state_reason), '; ') FROM {FORGOTTEN}"
        );
        assert_eq!(world.database.one(&forgotten).await, None, "{seed}: {story:?}");
    }
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
    hears(&world, [world.meta.text(&ann(), "Are you open on Sunday?")]).await;
    world.pass(SignedDuration::from_secs(3)).await;
    hears(&world, [world.meta.text(&ann(), "At what time?")]).await;
    world.pass(SignedDuration::from_secs(3)).await;
    let last = world.meta.text(&ann(), "And on Monday?");
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
    let left = "messages WHERE left_because = 'written_in_a_group'";
    assert_eq!((world.count(left).await, world.count("leads").await), (1, 1));
}
