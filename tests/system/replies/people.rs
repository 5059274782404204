//! A person of the business goes before the machine, and somebody who said stop before both.

use jiff::SignedDuration;
use local::sandbox_chat::Behaviour as Says;
use local::sandbox_chat::Provider;
use local::sandbox_meta::Customer;
use system_tests::World;

use super::{ann, fates, hears, replies, settle, tasks, words_to, world, writes};

/// Something happens between the words being written and the permit for sending them.
async fn between_draft_and_send(world: &World, happens: &str) {
    replies(world, "We open at nine.");
    // Words are there, and WhatsApp throttles: the next try is another invocation.
    world
        .meta
        .on_next_send(local::sandbox_meta::Behaviour::refuse(131_056));
    writes(world, &ann(), "When do you open?").await;
    assert_eq!(world.count("drafts").await, 1);
    world.database.sql(happens).await;
    for _ in 0..4 {
        world.pass(SignedDuration::from_mins(5)).await;
        world.sweep().await;
        world.run_replies().await;
    }
    assert_eq!(world.meta.messages().len(), 0, "{happens}");
}

#[tokio::test]
async fn what_happens_between_the_draft_and_the_permit_counts() {
    for (happens, fate) in [
        (
            "INSERT INTO users (name) VALUES ('Bob'); UPDATE conversations SET assigned_user_id = (SELECT id FROM users)",
            "suppressed, human_has_taken_over",
        ),
        (
            "UPDATE conversations SET handed_over_at = switchboard_now()",
            "suppressed, human_has_taken_over",
        ),
        (
            "UPDATE conversations SET human_wrote_at = switchboard_now()",
            "suppressed, human_has_taken_over",
        ),
        (
            "INSERT INTO opt_outs (phone, source) VALUES ('+14155550101', 'person')",
            "suppressed, opted_out",
        ),
        (
            "UPDATE conversations SET deleted_at = switchboard_now()",
            "suppressed, conversation_deleted",
        ),
        (
            "UPDATE messages SET body = NULL, revoked_at = switchboard_now()",
            "suppressed, message_revoked",
        ),
    ] {
        let world = world().await;
        between_draft_and_send(&world, happens).await;
        assert_eq!(fates(&world).await, [fate], "{happens}");
    }
}

#[tokio::test]
async fn who_wrote_again_before_they_were_answered_gets_one_answer() {
    let world = world().await;
    replies(&world, "We open at nine.");
    world
        .meta
        .on_next_send(local::sandbox_meta::Behaviour::refuse(131_056));
    writes(&world, &ann(), "When do you open?").await;
    hears(&world, [world.meta.text(&ann(), "On Sunday, I mean")]).await;
    for _ in 0..4 {
        world.pass(SignedDuration::from_mins(5)).await;
        world.sweep().await;
        world.run_replies().await;
    }
    assert_eq!(world.meta.messages().len(), 1);
    assert_eq!(fates(&world).await, ["suppressed, answered_later", "accepted"]);
}

#[tokio::test]
async fn somebody_who_answers_on_their_own_telephone_is_not_talked_over() {
    let world = world().await;
    hears(&world, [world.meta.text(&ann(), "Hello?")]).await;
    hears(&world, [world.meta.echo(&ann(), "Hi Ann, Bob here")]).await;
    settle(&world).await;
    assert_eq!(world.chat.requests().len(), 0);
    assert_eq!(fates(&world).await, ["suppressed, human_has_taken_over"]);
}

#[tokio::test]
async fn who_hides_their_number_is_answered_by_their_id() {
    let world = world().await;
    let hidden = Customer::hidden("US.13491208655302741918", "Eve");
    writes(&world, &hidden, "Hello?").await;
    let sent = world.meta.messages();
    assert_eq!(sent.len(), 1);
    assert!(
        sent[0].is_to_user_id && sent[0].to == "US.13491208655302741918",
        "{:?}",
        sent[0]
    );
}

#[tokio::test]
async fn an_answer_goes_to_the_spelling_that_wrote() {
    let world = world().await;
    let joao = Customer::new("551187654321", "João");
    writes(&world, &joao, "Olá").await;
    assert_eq!(world.meta.messages()[0].to, "551187654321");
}

/// Whom Meta was asked to send to, in order.
fn addresses(world: &World) -> Vec<String> {
    world
        .meta
        .messages()
        .into_iter()
        .map(|message| message.to)
        .collect()
}

#[tokio::test]
async fn an_answer_goes_to_who_wrote_whoever_the_contact_has_become() {
    let world = world().await;
    let hidden = Customer::hidden("US.1", "Ann");
    let shown = ann().known_as("US.1");
    hears(&world, [world.meta.text(&hidden, "Hello?")]).await;
    // WhatsApp names the number of the same person before the answer.
    hears(&world, [world.meta.preference(&shown, "resume")]).await;
    settle(&world).await;
    assert_eq!(addresses(&world), ["US.1"]);
    let moved = world.meta.text(&shown, "And on Sunday?");
    hears(&world, [moved]).await;
    hears(&world, [world.meta.new_user_id(&shown, "US.2")]).await;
    let elsewhere = Customer::new("+14155550102", "Ann").known_as("US.2");
    hears(&world, [world.meta.preference(&elsewhere, "resume")]).await;
    settle(&world).await;
    assert_eq!(addresses(&world), ["US.1", "14155550101"]);
    let told =
        "SELECT string_agg(concat_ws(' ', recipient, address), ', ' ORDER BY granted_at) FROM attempts";
    assert_eq!(
        world.database.one(told).await.as_deref(),
        Some("US.1, +14155550101 14155550101")
    );
}

#[tokio::test]
async fn who_is_known_as_two_is_not_talked_over_under_either_name() {
    let world = world().await;
    let (shown, hidden) = (ann(), Customer::hidden("US.1", "Ann"));
    hears(&world, [world.meta.text(&shown, "Hello?")]).await;
    hears(&world, [world.meta.text(&hidden, "Are you there?")]).await;
    // The person's own telephone names both, and one silence is enough.
    hears(
        &world,
        [world
            .meta
            .echo(&shown.clone().known_as("US.1"), "Hi Ann, Bob here")],
    )
    .await;
    settle(&world).await;
    assert_eq!(addresses(&world), [""; 0]);
    world.pass(SignedDuration::from_hours(5)).await;
    hears(&world, [world.meta.text(&hidden, "One more thing")]).await;
    hears(&world, [world.meta.echo(&shown, "I am on my way")]).await;
    settle(&world).await;
    assert_eq!(
        addresses(&world),
        [""; 0],
        "the number alone is told, and they are one"
    );
}

#[tokio::test]
async fn an_answer_on_their_own_telephone_quiets_the_thread_of_what_it_answers() {
    let world = world().await;
    let asked = world.meta.text(&Customer::hidden("US.1", "Eve"), "Hello?");
    let id = asked.id();
    hears(&world, [asked]).await;
    hears(&world, [world.meta.echo(&ann(), "Hi, Bob here").in_reply_to(&id)]).await;
    settle(&world).await;
    assert_eq!(addresses(&world), [""; 0]);
    assert_eq!(fates(&world).await, ["suppressed, human_has_taken_over"]);
}

#[tokio::test]
async fn the_latest_is_what_was_written_last_and_not_what_was_told_last() {
    let world = world().await;
    let first = world.meta.text(&ann(), "When do you open?");
    world.pass(SignedDuration::from_secs(1)).await;
    let second = world.meta.text(&ann(), "On Sunday, I mean");
    let ids = [first.id(), second.id()];
    hears(&world, [second]).await;
    hears(&world, [first]).await;
    settle(&world).await;
    let answered = "SELECT string_agg(cause, ' ') FROM jobs WHERE state = 'accepted'";
    assert_eq!(world.database.one(answered).await.as_ref(), Some(&ids[1]));
    let asked = world.chat.requests().pop().expect("a request");
    assert_eq!(asked.said_by("user"), ["When do you open?", "On Sunday, I mean"]);
    assert_eq!(world.meta.messages().len(), 1);
}

#[tokio::test]
async fn what_is_told_after_the_answer_to_a_later_one_is_a_persons() {
    let world = world().await;
    let first = world.meta.text(&ann(), "I have a leak");
    world.pass(SignedDuration::from_secs(1)).await;
    writes(&world, &ann(), "Are you there?").await;
    hears(&world, [first]).await;
    settle(&world).await;
    assert_eq!(world.meta.messages().len(), 1);
    assert_eq!(tasks(&world).await, "not_answered");
}

#[tokio::test]
async fn what_was_taken_back_before_it_was_told_is_not_answered() {
    let world = world().await;
    let told = world.meta.text(&ann(), "My password is 1234");
    let revoke = serde_json::json!({ "original_message_id": told.id() });
    hears(&world, [world.meta.message(&ann(), "revoke", revoke)]).await;
    hears(&world, [told]).await;
    settle(&world).await;
    assert_eq!((world.meta.messages().len(), world.chat.requests().len()), (0, 0));
}

#[tokio::test]
async fn a_number_that_is_none_ends_with_a_task_and_can_be_tried_again() {
    let world = world().await;
    let odd = Customer {
        wa_id: Some("0800".to_owned()),
        ..ann()
    };
    writes(&world, &odd, "Hello?").await;
    assert_eq!(fates(&world).await, ["suppressed, invalid_phone"]);
    assert_eq!(tasks(&world).await, "invalid_phone");
    let old = "SELECT status || ': ' || error FROM outbound_jobs";
    assert_eq!(
        world.database.one(old).await.as_deref(),
        Some("failed: INVALID_PHONE: Invalid phone number format")
    );
    assert_eq!(
        (
            world
                .meta
                .requests()
                .iter()
                .filter(|request| request.is_send())
                .count(),
            world.chat.requests().len()
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn whoever_is_not_on_the_allow_list_of_a_trial_is_not_answered() {
    let database = system_tests::TestDatabase::new().await;
    let url = database.application_url().await;
    let world = World::without_lines(database, url, |settings| {
        settings
            .with("SWITCHBOARD_STAGE", "staging")
            .with("ALLOWED_RECIPIENTS", "+14155550101")
    })
    .await;
    world.database.sql("UPDATE replying SET paused = false").await;
    world
        .chat
        .on_every(Provider::DeepSeek, Says::Reply("Hello".to_owned()));
    for customer in [
        ann(),
        Customer::new("+14155550102", "Bob"),
        Customer::hidden("US.1", "Eve"),
    ] {
        writes(&world, &customer, "Hello?").await;
    }
    assert_eq!(
        (words_to(&world, &ann()).len(), world.meta.messages().len()),
        (1, 1)
    );
}
