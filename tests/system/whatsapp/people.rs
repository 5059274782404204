//! Whoever writes is one person, by whatever WhatsApp knows them.

use serde_json::{Value, json};
use system_tests::World;

use super::{change, hears, message, owed, tells, text, world};

/// Everybody: number, digits for answers, id, what stood in a number's place.
async fn people(world: &World) -> String {
    let query = "SELECT string_agg(concat_ws(' ', coalesce(phone, '-'), coalesce(wa_id, '-'), coalesce(wa_user_id, '-'),
                                             coalesce(phone_given, '-')), ', ' ORDER BY id) FROM contacts";
    world.database.one(query).await.unwrap_or_default()
}

async fn threads_and_leads(world: &World) -> (u64, u64) {
    (world.count("conversations").await, world.count("leads").await)
}

/// Somebody who hides their number.
fn hidden(id: &str, user: &str) -> Value {
    let mut message = text(id, "", "Hello?");
    message.as_object_mut().expect("an object").remove("from");
    message["from_user_id"] = json!(user);
    message
}

#[tokio::test]
async fn a_new_person_who_writes_in_many_requests_at_once_is_one() {
    let world = world().await;
    for round in 0..5 {
        let from = format!("1415555{round:04}");
        let messages: Vec<Value> = (0..8)
            .map(|number| text(&format!("{round}-{number}"), &from, "Hello?"))
            .collect();
        let requests = messages.chunks(1).map(|message| hears(&world, message));
        futures_util::future::join_all(requests).await;
    }
    assert_eq!(world.count("contacts").await, 5);
    assert_eq!(threads_and_leads(&world).await, (5, 5));
    assert_eq!(world.count("messages").await, 40);
}

#[tokio::test]
async fn two_requests_that_name_the_same_people_in_another_order_do_not_wait_for_each_other() {
    let world = world().await;
    let batch = |round: usize, is_turned: bool| {
        let people = (0..10).map(|person| {
            text(
                &format!("{round}-{is_turned}-{person}"),
                &format!("1415555{person:04}"),
                "Hello?",
            )
        });
        let mut messages: Vec<Value> = people.collect();
        if is_turned {
            messages.reverse();
        }
        messages
    };
    let batches: Vec<Vec<Value>> = (0..20).map(|round| batch(round, round % 2 == 1)).collect();
    futures_util::future::join_all(batches.iter().map(|batch| hears(&world, batch))).await;
    assert_eq!(world.count("messages").await, 200);
    assert_eq!(world.parked().len(), 0, "none was refused by the database");
}

#[tokio::test]
async fn two_spellings_of_a_number_are_one_person_and_an_answer_goes_to_the_one_that_wrote() {
    let world = world().await;
    for (number, spellings) in [
        ("+5511987654321", ["551187654321", "5511987654321"]),
        ("+525512345678", ["5215512345678", "525512345678"]),
        ("+541123456780", ["5491123456780", "541123456780"]),
    ] {
        for (nth, spelling) in spellings.into_iter().enumerate() {
            hears(
                &world,
                &[text(&format!("{number}{nth}").replace('+', ""), spelling, "Olá")],
            )
            .await;
            let query = format!(
                "SELECT string_agg(wa_id, ' ') FROM contacts WHERE right(phone, 8) = right('{number}', 8)"
            );
            assert_eq!(
                world.database.one(&query).await.as_deref(),
                Some(spelling),
                "{number}"
            );
        }
    }
    assert_eq!(world.count("contacts").await, 3, "{}", people(&world).await);
    assert_eq!(threads_and_leads(&world).await, (3, 3));
}

#[tokio::test]
async fn who_hides_their_number_is_known_by_their_id_and_by_both_once_they_show_it() {
    let world = world().await;
    hears(&world, &[hidden("1", "US.13491208655302741918")]).await;
    assert_eq!(people(&world).await, "- - US.13491208655302741918 -");
    assert_eq!(owed(&world, "1").await, "pending");
    let mut shown = hidden("2", "US.13491208655302741918");
    shown["from"] = json!("14155550101");
    hears(&world, &[shown]).await;
    assert_eq!(
        people(&world).await,
        "+14155550101 14155550101 US.13491208655302741918 -"
    );
    hears(&world, &[text("3", "14155550101", "Hello?")]).await;
    assert_eq!(threads_and_leads(&world).await, (1, 1));
}

#[tokio::test]
async fn who_gets_another_id_stays_the_same_person() {
    let world = world().await;
    hears(&world, &[hidden("1", "US.1")]).await;
    let update = json!({ "user_id_update": [{ "user_id": { "previous": "US.1", "current": "US.2" }, "timestamp": "1760000000" }] });
    tells(&world, &[change("user_id_update", update)]).await;
    hears(&world, &[hidden("2", "US.2")]).await;
    hears(&world, &[hidden("3", "US.1")]).await;
    assert_eq!(
        threads_and_leads(&world).await,
        (1, 1),
        "{}",
        people(&world).await
    );
}

#[tokio::test]
async fn two_who_turn_out_to_be_one_go_on_in_one_thread() {
    let world = world().await;
    hears(&world, &[text("1", "14155550101", "Hello?")]).await;
    hears(&world, &[hidden("2", "US.1")]).await;
    let mut shown = hidden("3", "US.1");
    shown["from"] = json!("14155550101");
    hears(&world, &[shown]).await;
    hears(&world, &[hidden("4", "US.1")]).await;
    let threads = "SELECT string_agg(replace(provider_message_id, 'wamid.', ''), ' ' ORDER BY id) FROM messages
                   WHERE conversation_id = (SELECT conversation_id FROM messages WHERE provider_message_id = 'wamid.1')";
    assert_eq!(world.database.one(threads).await.as_deref(), Some("1 3 4"));
    // Nobody can be made to follow a name that follows another.
    let chain = "DO $$ BEGIN
                   INSERT INTO contacts (wa_user_id, same_as) SELECT 'US.2', id FROM contacts WHERE same_as IS NOT NULL;
                   RAISE 'taken';
                 EXCEPTION WHEN check_violation THEN NULL; END $$";
    world.database.sql(chain).await;
}

#[tokio::test]
async fn a_number_that_went_to_somebody_else_makes_no_one_person_of_two() {
    let world = world().await;
    let shown = |id: &str, user: &str, from: &str| {
        let mut message = hidden(id, user);
        message["from"] = json!(from);
        message
    };
    hears(
        &world,
        &[
            shown("1", "US.1", "14155550101"),
            shown("2", "US.2", "14155550102"),
        ],
    )
    .await;
    hears(&world, &[shown("3", "US.1", "14155550102")]).await;
    hears(&world, &[hidden("4", "US.1"), hidden("5", "US.2")]).await;
    let threads = "SELECT string_agg(conversation_id::text, ' ' ORDER BY provider_message_id) FROM messages";
    assert_eq!(
        world.database.one(threads).await.as_deref(),
        Some("1 2 2 1 2"),
        "by the number first, then by the id"
    );
}

#[tokio::test]
async fn what_stands_in_the_place_of_a_number_makes_nobody_somebody_else() {
    let world = world().await;
    for user in ["US.1", "US.2"] {
        let mut message = hidden(user, user);
        message["from"] = json!("0800");
        hears(&world, &[message]).await;
    }
    hears(&world, &[text("3", "0800", "Hello?")]).await;
    assert_eq!(
        threads_and_leads(&world).await,
        (3, 3),
        "{}",
        people(&world).await
    );
}

#[tokio::test]
async fn what_is_no_number_is_kept_as_it_was_sent() {
    let world = world().await;
    hears(&world, &[text("1", "0800", "Hello?")]).await;
    hears(&world, &[text("2", "0800", "Hello?")]).await;
    assert_eq!(people(&world).await, "- - - 0800");
    assert_eq!(world.count("messages").await, 2);
}

#[tokio::test]
async fn a_thread_that_was_removed_is_there_again_when_somebody_writes_in_it() {
    let world = world().await;
    hears(&world, &[text("1", "14155550101", "Hello?")]).await;
    world
        .database
        .sql("UPDATE conversations SET deleted_at = switchboard_now()")
        .await;
    hears(&world, &[text("2", "14155550101", "Hello?")]).await;
    assert_eq!(world.count("conversations WHERE deleted_at IS NULL").await, 1);
}

#[tokio::test]
async fn who_comes_back_after_their_lead_was_closed_is_a_new_one() {
    let world = world().await;
    hears(&world, &[text("1", "14155550101", "Hello?")]).await;
    world
        .database
        .sql("UPDATE leads SET status = 'won', closed_at = switchboard_now()")
        .await;
    hears(
        &world,
        &[message("2", "14155550101", "text", json!({ "body": "It broke" }))],
    )
    .await;
    assert_eq!(threads_and_leads(&world).await, (1, 2));
}
