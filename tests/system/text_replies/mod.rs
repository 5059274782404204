//! What people text to a line: stored once, heeded, and left to a person.
//!
//! Nobody is answered from here: Twilio is told to do nothing, whatever came.

mod bad_input;
mod database_away;
mod wishes;

use std::sync::Arc;

use system_tests::{CALLER, LINE, Reply, SMS, World, form, real};

use crate::logs::Log;

/// What Twilio is to do: nothing.
const NOTHING: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response></Response>"#;

/// A message id of Twilio's.
fn sid(number: u32) -> String {
    format!("SM{number:032x}")
}

/// A form of a text, with what else it says.
fn text(number: u32, from: &str, body: &str, more: &[(&str, &str)]) -> String {
    let sid = sid(number);
    let fields = [
        ("MessageSid", sid.as_str()),
        ("SmsSid", &sid),
        ("AccountSid", "AC00000000000000000000000000000001"),
        ("From", from),
        ("To", LINE),
        ("Body", body),
        ("NumMedia", "0"),
    ];
    form(&[&fields, more].concat())
}

/// Hands a text over as Twilio does.
async fn hears(world: &World, number: u32, from: &str, body: &str) {
    hears_form(world, text(number, from, body, &[])).await;
}

async fn hears_form(world: &World, form: impl Into<Vec<u8>>) {
    let reply = world.post_signed(SMS, form).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, NOTHING));
}

/// What people are asked to do, in order.
async fn tasks(world: &World) -> String {
    let query = "SELECT string_agg(kind, ' ' ORDER BY id) FROM tasks";
    world.database.one(query).await.unwrap_or_default()
}

/// The words of a person's texts, as the inbox shows them.
async fn thread(world: &World, from: &str) -> String {
    let query = format!(
        "SELECT string_agg(coalesce(body, '-'), ', ' ORDER BY messages.sent_at, messages.id) FROM messages
         JOIN contacts ON contacts.id = contact_id WHERE '{from}' IN (phone, phone_given) AND channel = 'SMS'"
    );
    world.database.one(&query).await.unwrap_or_default()
}

#[tokio::test]
async fn a_text_stands_in_the_inbox_once_and_a_person_is_asked_to_answer_it() {
    let world = World::begin().await;
    let (log, _guard) = Log::begin();
    let reply = world
        .post_signed(SMS, text(1, CALLER, "Are you open?", &[]))
        .await;
    assert_eq!((reply.status, reply.body.as_str()), (200, NOTHING));
    let inbox = "SELECT concat_ws(' | ', contact.phone, conversation.channel, lead.status, lead.channel, message.direction, message.author,
                        message.type, message.body, message.status, message.line, message.channel,
                        conversation.last_inbound_at = message.sent_at, conversation.last_message_at = message.sent_at)
                 FROM messages AS message
                 JOIN conversations AS conversation ON conversation.id = message.conversation_id
                 JOIN contacts AS contact ON contact.id = conversation.contact_id
                 JOIN leads AS lead ON lead.id = conversation.lead_id";
    assert_eq!(
        world.database.one(inbox).await.as_deref(),
        Some(
            "+14035550001 | SMS | open | SMS | INBOUND | customer | text | Are you open? | RECEIVED | +15875550006 | SMS | t | t"
        )
    );
    let dedup = "SELECT concat_ws(' ', channel, provider_message_id) FROM inbound_message_dedup";
    assert_eq!(world.database.one(dedup).await, Some(format!("SMS {}", sid(1))));
    assert_eq!(tasks(&world).await, "not_answered");
    assert_eq!(world.count("notifications").await, 1);
    assert_eq!(
        (world.count("jobs").await, world.sends()),
        (0, 0),
        "no machine answers"
    );
    for said in ["Are you open?", "4035550001"] {
        assert!(!log.text().contains(said), "{said} stands in the log");
    }
}

#[tokio::test]
async fn a_text_that_comes_again_is_the_same_text() {
    let world = World::begin().await;
    let form = text(1, CALLER, "Hello?", &[]);
    for _ in 0..3 {
        hears_form(&world, form.clone()).await;
    }
    let at_once = (0..20).map(|_| hears_form(&world, form.clone()));
    futures_util::future::join_all(at_once).await;
    assert_eq!(
        (world.count("messages").await, world.count("contacts").await),
        (1, 1)
    );
    assert_eq!(tasks(&world).await, "not_answered");
}

#[tokio::test]
async fn twenty_copies_at_once_of_a_text_that_nobody_knows_are_one() {
    for round in 0..5 {
        let world = World::begin().await;
        let form = text(round, CALLER, "STOP", &[]);
        let at_once = (0..20).map(|_| hears_form(&world, form.clone()));
        futures_util::future::join_all(at_once).await;
        for table in [
            "messages",
            "contacts",
            "conversations",
            "leads",
            "opt_outs",
            "tasks",
        ] {
            assert_eq!(world.count(table).await, 1, "{table}");
        }
        assert_eq!(world.quarantined().await, [""; 0]);
    }
}

#[tokio::test]
async fn who_writes_twenty_texts_at_once_is_one_person_with_one_task() {
    let world = World::begin().await;
    let at_once = (0..20).map(|number| {
        let world = &world;
        async move { hears(world, number, CALLER, "Hello?").await }
    });
    futures_util::future::join_all(at_once).await;
    assert_eq!(
        (world.count("messages").await, world.count("contacts").await),
        (20, 1)
    );
    assert_eq!(
        (world.count("conversations").await, tasks(&world).await.as_str()),
        (1, "not_answered")
    );
    world
        .database
        .sql("UPDATE tasks SET done_at = switchboard_now()")
        .await;
    hears(&world, 21, CALLER, "And now?").await;
    assert_eq!(
        tasks(&world).await,
        "not_answered not_answered",
        "what is done is done"
    );
}

#[tokio::test]
async fn whoever_removed_the_thread_finds_it_in_the_inbox_again() {
    let world = World::begin().await;
    hears(&world, 1, CALLER, "Hello?").await;
    world
        .database
        .sql("UPDATE conversations SET deleted_at = switchboard_now()")
        .await;
    hears(&world, 2, CALLER, "Hello again").await;
    assert_eq!(world.count("conversations WHERE deleted_at IS NULL").await, 1);
}

#[tokio::test]
async fn whoever_has_the_thread_is_asked() {
    let world = World::begin().await;
    hears(&world, 1, CALLER, "Hello?").await;
    let assign = "INSERT INTO users (name) VALUES ('Olga');
                  UPDATE conversations SET assigned_user_id = (SELECT id FROM users); UPDATE tasks SET done_at = switchboard_now()";
    world.database.sql(assign).await;
    hears(&world, 2, CALLER, "And now?").await;
    let asked = "SELECT name FROM tasks JOIN users ON users.id = assigned_to WHERE done_at IS NULL";
    assert_eq!(world.database.one(asked).await.as_deref(), Some("Olga"));
}

/// Of a picture we keep what it is and where Twilio has it; nobody fetches it.
#[tokio::test]
async fn of_a_picture_the_inbox_has_what_it_is_and_not_itself() {
    let world = World::begin().await;
    let url = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME";
    let media = [
        ("NumMedia", "2"),
        ("MediaUrl0", url),
        ("MediaContentType0", "image/jpeg"),
        ("MediaUrl1", "https://api.twilio.com/2"),
    ];
    let form = text(1, CALLER, "", &media).replace("NumMedia=0&", "");
    hears_form(&world, form).await;
    let kept = "SELECT concat_ws(' ', type, coalesce(body, '-'), media -> 0 ->> 'mime_type', media -> 0 ->> 'url' = '{url}',
                       jsonb_array_length(media)) FROM messages";
    assert_eq!(
        world.database.one(&kept.replace("{url}", url)).await.as_deref(),
        Some("media - image/jpeg t 2")
    );
    assert_eq!(tasks(&world).await, "not_answered");
    hears(&world, 2, "+14035550002", " ").await;
    assert_eq!(
        tasks(&world).await,
        "not_answered",
        "nobody waits for an answer to nothing"
    );
    assert_eq!(world.count("messages").await, 2);
}

/// The sandbox's own text, by the function's own binary.
#[tokio::test]
async fn the_real_binary_takes_what_the_sandbox_posts() {
    let world = World::begin().await;
    let function = real("twilio-sms-webhook", &world.settings);
    function.start().await.expect("it starts");
    world.replace("twilio-sms-webhook", Arc::new(function.clone()));
    let posted = world.twilio.post_text(CALLER, LINE, "Hello?");
    for webhook in [posted.clone(), posted.clone()] {
        let delivery = webhook.await;
        let answer = delivery.answer();
        assert_eq!((answer.status, answer.body.as_str()), (200, NOTHING));
        assert_eq!(answer.content_type, "text/xml; charset=utf-8");
    }
    for forged in [
        posted.clone().unsigned(),
        posted.clone().signed_with("another"),
        posted.clone().smuggling("Body", "STOP"),
        posted.clone().smuggling("OptOutType", "STOP"),
    ] {
        assert_eq!(forged.await.answer().status, 403);
    }
    assert_eq!(
        (
            thread(&world, CALLER).await.as_str(),
            world.count("opt_outs").await
        ),
        ("Hello?", 0)
    );
    let reply: Reply = world.post_signed(SMS, text(9, CALLER, "stop", &[])).await;
    assert_eq!((reply.status, world.count("opt_outs").await), (200, 1));
    function.kill().await;
}
