//! Stop, start and help are heard before any machine answers, in whatever words, and for every channel.

use std::time::Duration;

use jiff::SignedDuration;
use local::sandbox::{Outcome, Ring};
use serde_json::{Value, json};
use system_tests::{CALLER, LINE, World};

use super::{began, change, hears, owed, tells, text, world};

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
    hears(&world, &[hidden("1", "US.1", "STOP")]).await;
    hears(&world, &[hidden("2", "US.1", "Hello?")]).await;
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

/// Somebody writes a line so many seconds before the moment at which a test's clock begins.
fn ago(seconds: i64, id: &str, from: &str, words: &str) -> Value {
    let mut message = text(id, from, words);
    message["timestamp"] = json!((began().as_second() - seconds).to_string());
    message
}

/// Somebody who hides their number writes.
fn hidden(id: &str, user: &str, words: &str) -> Value {
    let mut message = text(id, "", words);
    message.as_object_mut().expect("an object").remove("from");
    message["from_user_id"] = json!(user);
    message
}

/// Somebody turns a switch at WhatsApp, so many seconds before a test's clock begins.
fn switch(seconds: i64, value: &str) -> Value {
    let preference = json!([{
        "wa_id": "14155550101", "detail": format!("User requested to {value} marketing messages"),
        "category": "marketing_messages", "value": value, "timestamp": began().as_second() - seconds,
    }]);
    change("user_preferences", json!({ "user_preferences": preference }))
}

const ANN: &str = "14155550101";

#[tokio::test]
async fn what_was_said_last_counts_and_not_what_was_told_last() {
    for (told, is_left_alone) in [
        (&[(10, "STOP"), (60, "START")][..], true),
        (&[(60, "START"), (10, "STOP")], true),
        (&[(10, "START"), (60, "STOP")], false),
        (&[(60, "STOP"), (10, "START")], false),
        // Said again after it was taken back, whenever that is told.
        (&[(60, "STOP"), (10, "STOP"), (30, "START")], true),
        (&[(10, "STOP"), (60, "STOP"), (30, "START")], true),
        (&[(30, "START"), (60, "STOP"), (10, "STOP")], true),
        // Within a second nobody knows.
        (&[(10, "START"), (10, "STOP")], true),
    ] {
        let world = world().await;
        for (nth, (seconds, words)) in told.iter().enumerate() {
            hears(&world, &[ago(*seconds, &nth.to_string(), ANN, words)]).await;
        }
        hears(&world, &[text("last", ANN, "Hello?")]).await;
        let expected = if is_left_alone {
            "suppressed, opted_out"
        } else {
            "pending"
        };
        assert_eq!(owed(&world, "last").await, expected, "{told:?}");
        assert_eq!(opted_out(&world).await, u64::from(is_left_alone), "{told:?}");
    }
}

#[tokio::test]
async fn a_stop_that_was_said_elsewhere_in_the_meantime_stands() {
    let world = world().await;
    hears(&world, &[ago(60, "1", ANN, "STOP")]).await;
    // As a call hears it.
    world
        .database
        .sql(
            "INSERT INTO opt_outs (phone, source) VALUES ('+14155550101', 'call')
              ON CONFLICT (phone) WHERE revoked_at IS NULL DO NOTHING",
        )
        .await;
    hears(&world, &[ago(30, "2", ANN, "START")]).await;
    assert_eq!(opted_out(&world).await, 1);
}

#[tokio::test]
async fn who_switches_marketing_off_at_whatsapp_is_left_alone() {
    let world = world().await;
    tells(&world, &[switch(60, "stop")]).await;
    assert_eq!(opted_out(&world).await, 1);
    tells(&world, &[switch(70, "resume")]).await;
    assert_eq!(opted_out(&world).await, 1, "they had switched it on before");
    tells(&world, &[switch(50, "resume")]).await;
    assert_eq!(opted_out(&world).await, 0);
    tells(&world, &[switch(55, "stop")]).await;
    assert_eq!(opted_out(&world).await, 0, "and off before that");
}

#[tokio::test]
async fn a_switch_at_whatsapp_takes_back_no_word() {
    for told in [["word", "off", "on"], ["off", "word", "on"]] {
        let world = world().await;
        for (nth, what) in (0..).zip(told) {
            match what {
                "word" => hears(&world, &[ago(60 - nth, "1", ANN, "STOP")]).await,
                "off" => tells(&world, &[switch(60 - nth, "stop")]).await,
                _ => tells(&world, &[switch(60 - nth, "resume")]).await,
            }
        }
        assert_eq!(opted_out(&world).await, 1, "{told:?}");
        hears(&world, &[text("2", ANN, "START")]).await;
        assert_eq!(opted_out(&world).await, 0, "{told:?}: a word takes back both");
    }
}

#[tokio::test]
async fn a_switch_of_a_time_that_cannot_be_takes_nothing_back() {
    let world = world().await;
    tells(&world, &[switch(60, "stop")]).await;
    for time in [json!("soon"), json!("4102444800"), json!(null)] {
        let mut odd = switch(0, "resume");
        odd["value"]["user_preferences"][0]["timestamp"] = time;
        tells(&world, &[odd]).await;
    }
    assert_eq!(opted_out(&world).await, 1);
    assert_eq!(
        world.count("quarantined_events").await,
        1,
        "told in the same words each time"
    );
    let mut stop = text("1", "14155550102", "STOP");
    stop["timestamp"] = json!("4102444800");
    hears(&world, &[stop]).await;
    assert_eq!(
        opted_out(&world).await,
        2,
        "a stop is heard whatever the clock says"
    );
}

#[tokio::test]
async fn a_stop_under_one_name_counts_under_every_name_that_its_author_turns_out_to_have() {
    let shown = |id: &str, words: &str| {
        let mut message = text(id, ANN, words);
        message["from_user_id"] = json!("US.1");
        message
    };
    let new_id = || {
        let update = json!({ "user_id_update": [{ "user_id": { "previous": "US.1", "current": "US.2" },
                                                  "timestamp": began().as_second().to_string() }] });
        vec![change("user_id_update", update)]
    };
    let writes = |message: Value| vec![change("messages", json!({ "messages": [message] }))];
    for (told, last) in [
        // The id said it, and shows its number; the number said it, and hides.
        (
            vec![writes(hidden("1", "US.1", "STOP")), writes(shown("2", "Hi"))],
            text("3", ANN, "Hello?"),
        ),
        (
            vec![writes(text("1", ANN, "STOP")), writes(shown("2", "Hi"))],
            hidden("3", "US.1", "Hello?"),
        ),
        // Both were known already, as two.
        (
            vec![
                writes(text("0", ANN, "Hi")),
                writes(hidden("1", "US.1", "STOP")),
                writes(shown("2", "Hi")),
            ],
            text("3", ANN, "Hello?"),
        ),
        (
            vec![
                writes(hidden("0", "US.1", "Hi")),
                writes(text("1", ANN, "STOP")),
                writes(shown("2", "Hi")),
            ],
            hidden("3", "US.1", "Hello?"),
        ),
        // Another id, told of before the stop, after it, or after it was used.
        (
            vec![writes(hidden("1", "US.1", "STOP")), new_id()],
            hidden("3", "US.2", "Hello?"),
        ),
        (
            vec![new_id(), writes(hidden("1", "US.1", "STOP"))],
            hidden("3", "US.2", "Hello?"),
        ),
        (
            vec![
                writes(hidden("0", "US.2", "Hi")),
                writes(hidden("1", "US.1", "STOP")),
                new_id(),
            ],
            hidden("3", "US.2", "Hello?"),
        ),
        // Their second id with the same number.
        (
            vec![
                writes(shown("0", "Hi")),
                writes({
                    let mut message = shown("1", "STOP");
                    message["from_user_id"] = json!("US.2");
                    message
                }),
            ],
            hidden("3", "US.2", "Hello?"),
        ),
        // They say themselves that they have another number.
        (
            vec![
                writes(text("1", ANN, "STOP")),
                writes(super::message(
                    "2",
                    ANN,
                    "system",
                    json!({ "body": "changed", "type": "user_changed_number", "wa_id": "14155550102" }),
                )),
            ],
            text("3", "14155550102", "Hello?"),
        ),
    ] {
        let world = world().await;
        for changes in &told {
            tells(&world, changes).await;
        }
        hears(&world, std::slice::from_ref(&last)).await;
        assert_eq!(owed(&world, "3").await, "suppressed, opted_out", "{told:?}");
    }
}

#[tokio::test]
async fn a_stop_counts_for_whom_a_person_finds_to_be_the_same() {
    let world = world().await;
    hears(&world, &[text("1", ANN, "STOP"), hidden("2", "US.1", "Hi")]).await;
    world
        .database
        .sql("UPDATE contacts SET same_as = (SELECT id FROM contacts WHERE phone IS NOT NULL) WHERE phone IS NULL")
        .await;
    hears(&world, &[hidden("3", "US.1", "Hello?")]).await;
    assert_eq!(owed(&world, "3").await, "suppressed, opted_out");
    assert_eq!(opted_out(&world).await, 2, "a row for each name");
}

#[tokio::test]
async fn who_said_stop_with_a_hidden_number_is_not_texted_once_it_is_shown() {
    let world = world().await;
    hears(&world, &[hidden("1", "US.1", "STOP")]).await;
    let mut shown = hidden("2", "US.1", "It is me");
    shown["from"] = json!(CALLER.trim_start_matches('+'));
    hears(&world, &[shown]).await;
    let ring = Ring::new(CALLER, LINE, Outcome::NoAnswer).ringing_for(Duration::from_millis(1));
    world.twilio.ring(ring).await;
    world.run_jobs().await;
    world.minutes(3).await;
    assert_eq!(world.texts_to(CALLER).len(), 0);
}

#[tokio::test]
async fn a_stop_is_heard_in_the_words_that_take_the_place_of_others() {
    let edit = |id: &str, of: &str, words: &str| {
        let edit = json!({ "original_message_id": format!("wamid.{of}"), "message": { "type": "text", "text": { "body": words } } });
        super::message(id, ANN, "edit", edit)
    };
    for is_told_first in [false, true] {
        let world = world().await;
        let mut told = [text("1", ANN, "Hello?"), edit("2", "1", "STOP")];
        if is_told_first {
            told.reverse();
        }
        for message in &told {
            hears(&world, std::slice::from_ref(message)).await;
        }
        assert_eq!(opted_out(&world).await, 1, "told first: {is_told_first}");
        assert_eq!(world.count("tasks WHERE kind = 'said_stop'").await, 1);
        hears(&world, &[text("3", ANN, "Hello?")]).await;
        assert_eq!(owed(&world, "3").await, "suppressed, opted_out");
    }
    let world = world().await;
    hears(&world, &[text("1", ANN, "STOP"), edit("2", "1", "START")]).await;
    assert_eq!(opted_out(&world).await, 1, "nobody takes a stop back by an edit");
}
