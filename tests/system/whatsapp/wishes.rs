//! Stop, start and help are heard before any machine answers, in whatever words, and for every channel.

use std::time::Duration;

use jiff::SignedDuration;
use local::sandbox::{Outcome, Ring};
use serde_json::json;
use system_tests::{CALLER, LINE, World};

use super::{change, hears, owed, tells, text, world};

async fn opted_out(world: &World) -> u64 {
    world.count("opt_outs WHERE revoked_at IS NULL").await
}

#[tokio::test]
async fn who_says_stop_is_not_answered_whatever_their_words() {
    let world = world().await;
    for (number, words) in [
        "STOP",
        "stop.",
        "Stop all",
        "UNSUBSCRIBE",
        "cancel",
        "END",
        "quit",
        "opt-out",
        "ARRÊT",
        "Please stop texting me",
        "Don't contact me again",
        "remove me from your list",
        "🛑",
    ]
    .into_iter()
    .enumerate()
    {
        let (id, from) = (format!("stop-{number}"), format!("1415555{number:04}"));
        hears(
            &world,
            &[
                text(&format!("before-{number}"), &from, "Hello?"),
                text(&id, &from, words),
            ],
        )
        .await;
        assert_eq!(owed(&world, &id).await, "suppressed, said_stop", "{words}");
        let query =
            format!("opt_outs WHERE phone = '+{from}' AND source = 'whatsapp' AND revoked_at IS NULL");
        assert_eq!(world.count(&query).await, 1, "{words}");
    }
    hears(&world, &[text("later", "14155550000", "Hello?")]).await;
    assert_eq!(owed(&world, "later").await, "suppressed, opted_out");
    assert_eq!(
        world.count("tasks WHERE kind = 'opted_out'").await,
        1,
        "a person reads it"
    );
}

#[tokio::test]
async fn what_only_sounds_like_stop_is_answered_or_looked_at_by_a_person() {
    let world = world().await;
    for (number, (words, expected)) in [
        ("Where does the bus stop?", "pending"),
        ("Can I stop by tomorrow?", "pending"),
        (
            "How can I cancel my subscription?",
            "suppressed, handed_over: perhaps_they_said_stop",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        hears(
            &world,
            &[text(&format!("{number}"), &format!("1415555{number:04}"), words)],
        )
        .await;
        assert_eq!(owed(&world, &number.to_string()).await, expected, "{words}");
    }
    assert_eq!(opted_out(&world).await, 0);
}

#[tokio::test]
async fn stop_on_whatsapp_counts_for_texts_too_and_start_takes_it_back() {
    let world = world().await;
    let from = CALLER.trim_start_matches('+');
    hears(&world, &[text("1", from, "STOP")]).await;
    let ring = Ring::new(CALLER, LINE, Outcome::NoAnswer).ringing_for(Duration::from_millis(1));
    world.twilio.ring(ring.clone()).await;
    world.run_jobs().await;
    world.minutes(3).await;
    assert_eq!(world.texts_to(CALLER).len(), 0);
    hears(&world, &[text("2", from, "START")]).await;
    assert_eq!(
        (opted_out(&world).await, owed(&world, "2").await),
        (0, "pending".to_owned())
    );
    world.pass(SignedDuration::from_mins(30)).await;
    world.twilio.ring(ring).await;
    world.run_jobs().await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
}

#[tokio::test]
async fn who_hides_their_number_can_say_stop_too() {
    let world = world().await;
    let hidden = |id: &str, words: &str| {
        let mut message = text(id, "", words);
        message.as_object_mut().expect("an object").remove("from");
        message["from_user_id"] = json!("US.1");
        message
    };
    hears(&world, &[hidden("1", "STOP")]).await;
    hears(&world, &[hidden("2", "Hello?")]).await;
    assert_eq!(owed(&world, "2").await, "suppressed, opted_out");
}

#[tokio::test]
async fn who_asks_for_help_gets_our_own_words() {
    let world = world().await;
    hears(&world, &[text("1", "14155550101", "Help")]).await;
    let draft = "SELECT body FROM drafts WHERE model IS NULL";
    let words = world.database.one(draft).await.unwrap_or_default();
    assert!(words.contains("STOP") && !words.contains("{business}"), "{words}");
}

#[tokio::test]
async fn who_switches_marketing_off_at_whatsapp_is_left_alone() {
    let world = world().await;
    let wants = |value: &str| {
        let preference = json!([{
            "wa_id": "14155550101", "detail": "User requested to stop marketing messages", "category": "marketing_messages",
            "value": value, "timestamp": "1731705721",
        }]);
        change("user_preferences", json!({ "user_preferences": preference }))
    };
    tells(&world, &[wants("stop")]).await;
    assert_eq!(opted_out(&world).await, 1);
    tells(&world, &[wants("resume")]).await;
    assert_eq!(opted_out(&world).await, 0);
}
