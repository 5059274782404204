//! Stop, start and help are heard before anything else, in whatever words, and for every channel.

use std::time::Duration;

use jiff::SignedDuration;
use local::sandbox::{Outcome, Ring};
use local::sandbox_meta::Customer;
use system_tests::{CALLER, LINE, WHATSAPP, World};

use super::{hears, hears_form, tasks, text, thread};

async fn opted_out(world: &World) -> u64 {
    world.count("opt_outs WHERE revoked_at IS NULL").await
}

/// The caller rings, nobody answers, and what is owed for it is done.
async fn rings(world: &World) {
    let ring = Ring::new(CALLER, LINE, Outcome::NoAnswer).ringing_for(Duration::ZERO);
    world.twilio.ring(ring).await;
    world.run_jobs().await;
    world.minutes(2).await;
}

/// The caller is a customer whose welcome call is due.
async fn is_due_a_call(world: &World) {
    let customer = format!(
        "UPDATE calling SET paused = false;
         INSERT INTO customers (id, phone, phone_validated, timezone, payment_status, paid_at)
         VALUES ('ann', '{CALLER}', true, 'America/Edmonton', 'Paid', switchboard_now());
         INSERT INTO jobs (kind, cause, customer_id, origin, caused_at, due_at, expires_at, rung_at)
         VALUES ('welcome_call', 'ann', 'ann', 'scheduler', switchboard_now(), switchboard_now(),
                 switchboard_now() + interval '1 day', switchboard_now() - interval '1 hour')"
    );
    world.database.sql(&customer).await;
}

/// The caller writes on WhatsApp, and whoever has finished writing is answered.
async fn writes_on_whatsapp(world: &World, words: &str) -> usize {
    let ann = Customer::new(CALLER, "Ann");
    let update = world.meta.text(&ann, words);
    let (parts, body) = world.meta.webhook([update]).into_request().into_parts();
    let headers: Vec<(&str, &str)> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
        .collect();
    assert_eq!(world.send("POST", WHATSAPP, &headers, body).await.status, 200);
    world.pass(SignedDuration::from_secs(5)).await;
    world.run_replies().await;
    world.meta.messages_to(&ann).len()
}

#[tokio::test]
async fn stop_by_text_silences_every_channel_and_start_takes_it_back() {
    let world = World::begin().await;
    world.database.sql("UPDATE replying SET paused = false").await;
    hears(&world, 1, CALLER, "STOP").await;
    assert_eq!(
        (opted_out(&world).await, tasks(&world).await.as_str()),
        (1, "said_stop")
    );

    rings(&world).await;
    assert_eq!(
        world.texts_to(CALLER).len(),
        0,
        "no missed call is answered by text"
    );
    is_due_a_call(&world).await;
    world.sweep().await;
    world.run_calls().await;
    assert_eq!(world.calls_to(CALLER).len(), 0, "nobody calls them");
    assert_eq!(
        writes_on_whatsapp(&world, "Hello?").await,
        0,
        "no machine answers them"
    );
    let reasons = "SELECT string_agg(DISTINCT state_reason, ', ') FROM jobs";
    assert_eq!(world.database.one(reasons).await.as_deref(), Some("opted_out"));
    assert_eq!(world.count("attempts").await, 0, "nothing was even permitted");

    hears(&world, 2, CALLER, "START").await;
    assert_eq!(opted_out(&world).await, 0);
    world.pass(SignedDuration::from_mins(30)).await;
    rings(&world).await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
    assert_eq!(writes_on_whatsapp(&world, "Hello again?").await, 1);
}

/// The rule is the database's: a permit that somebody asks for after the stop is refused.
#[tokio::test]
async fn a_stop_by_text_refuses_the_permit_of_a_call_that_was_about_to_be_placed() {
    let world = World::begin().await;
    is_due_a_call(&world).await;
    let lease = "UPDATE jobs SET state = 'in_flight', lease_token = gen_random_uuid(), lease_until = switchboard_now() + interval '1 hour'";
    world.database.sql(lease).await;
    hears(&world, 1, CALLER, "please stop texting me").await;
    let permit = world
        .database
        .owner()
        .execute("INSERT INTO attempts (job_id) SELECT id FROM jobs", &[])
        .await;
    let error = permit.expect_err("nobody is called after a stop");
    let constraint = error.as_db_error().and_then(|error| error.constraint());
    assert_eq!(constraint, Some("nobody_after_stop"));
}

#[tokio::test]
async fn whoever_says_stop_is_heard_whatever_their_words() {
    let world = World::begin().await;
    let words = [
        "STOP",
        "stop.",
        "STOPALL",
        "Unsubscribe",
        "cancel",
        "END",
        "quit",
        "REVOKE",
        "opt-out",
        "ARRÊT",
        "arret",
        "PARAR",
        "SAIR",
        "stop sending me messages",
        "Don't write to me",
        "do not text me again",
        "no me escriban más",
        "NE M'ÉCRIVEZ PLUS!!!",
        "keine Nachrichten mehr",
        "não me mande mais mensagens",
        "pare de me escrever",
        "STOP spam",
        "🛑",
    ];
    for (number, words) in (0..).zip(words) {
        let from = format!("+1403555{number:04}");
        hears(&world, number, &from, words).await;
        let stopped = format!("opt_outs WHERE phone = '{from}' AND source = 'sms' AND revoked_at IS NULL");
        assert_eq!(world.count(&stopped).await, 1, "{words}");
    }
}

#[tokio::test]
async fn what_only_sounds_like_a_stop_ends_nobodys_service() {
    let world = World::begin().await;
    for (number, (words, asked)) in (0..).zip([
        ("Can you stop by?", "not_answered"),
        ("don't stop calling me", "not_answered"),
        ("Is the flight nonstop?", "not_answered"),
        ("Stop the car at the corner and wait there", "not_answered"),
        ("STOP 2", "perhaps_said_stop"),
        ("How can I cancel my subscription?", "perhaps_said_stop"),
        ("Please don't text, call me", "perhaps_said_stop"),
    ]) {
        hears(&world, number, &format!("+1403555{number:04}"), words).await;
        let task = "SELECT kind FROM tasks ORDER BY id DESC LIMIT 1";
        assert_eq!(world.database.one(task).await.as_deref(), Some(asked), "{words}");
    }
    assert_eq!(opted_out(&world).await, 0);
}

#[tokio::test]
async fn what_twilio_itself_heard_counts_in_whatever_words_it_was() {
    let world = World::begin().await;
    let told = |number, body: &'static str, heard: &'static str| {
        let world = &world;
        async move { hears_form(world, text(number, CALLER, body, &[("OptOutType", heard)])).await }
    };
    told(1, "Genug", "STOP").await;
    assert_eq!(opted_out(&world).await, 1);
    told(2, "Ja bitte", "START").await;
    assert_eq!(opted_out(&world).await, 0);
    told(3, "Hilfe", "HELP").await;
    assert_eq!(
        tasks(&world).await,
        "said_stop",
        "Twilio has told them who we are"
    );
    told(4, "stop", "HELP").await;
    assert_eq!(opted_out(&world).await, 1, "when in doubt, a stop is heard");
}

#[tokio::test]
async fn who_asks_for_help_is_answered_by_twilio_and_by_nobody_else() {
    let world = World::begin().await;
    for (number, words) in (0..).zip(["HELP", "help!", "INFO"]) {
        hears(&world, number, CALLER, words).await;
    }
    assert_eq!((tasks(&world).await.as_str(), world.sends()), ("", 0));
    assert_eq!(world.count("messages").await, 3, "the inbox shows it");
    hears(&world, 4, CALLER, "Can you help me with the furnace?").await;
    assert_eq!(tasks(&world).await, "not_answered");
}

/// To carriers a yes takes a stop back. To us it does where the stop was said to them, and nowhere else.
#[tokio::test]
async fn a_yes_takes_back_what_was_said_by_text_and_answers_somebody_otherwise() {
    let world = World::begin().await;
    hears(&world, 1, CALLER, "Yes").await;
    assert_eq!(tasks(&world).await, "not_answered", "it answers somebody");
    hears(&world, 2, CALLER, "STOP").await;
    hears(&world, 3, CALLER, "YES").await;
    assert_eq!(opted_out(&world).await, 0);
    let elsewhere = format!("INSERT INTO opt_outs (phone, source) VALUES ('{CALLER}', 'call')");
    world.database.sql(&elsewhere).await;
    hears(&world, 4, CALLER, "YES").await;
    assert_eq!(opted_out(&world).await, 1, "they said no more calls");
    assert_eq!(tasks(&world).await, "not_answered said_stop opted_out");
    hears(&world, 5, CALLER, "START").await;
    assert_eq!(opted_out(&world).await, 0, "there is no doubt about that word");
}

#[tokio::test]
async fn who_said_stop_and_writes_again_is_read_by_a_person() {
    let world = World::begin().await;
    hears(&world, 1, CALLER, "STOP").await;
    hears(&world, 2, CALLER, "But do come tomorrow").await;
    assert_eq!(tasks(&world).await, "said_stop opted_out");
    assert_eq!(thread(&world, CALLER).await, "STOP, But do come tomorrow");
    assert_eq!(opted_out(&world).await, 1);
}

#[tokio::test]
async fn a_stop_and_a_start_on_different_channels_are_one_persons() {
    let world = World::begin().await;
    world.database.sql("UPDATE replying SET paused = false").await;
    writes_on_whatsapp(&world, "STOP").await;
    assert_eq!(opted_out(&world).await, 1);
    hears(&world, 1, CALLER, "START").await;
    assert_eq!(opted_out(&world).await, 0);
    assert_eq!(world.count("contacts").await, 1, "one person, two threads");
    assert_eq!(world.count("conversations").await, 2);
}

#[tokio::test]
async fn who_has_no_telephone_number_can_say_stop_too() {
    let world = World::begin().await;
    hears(&world, 1, "+1403555123", "STOP").await;
    assert_eq!(world.count("opt_outs WHERE phone = '+1403555123'").await, 1);
    hears(&world, 2, "+1403555123", "START").await;
    assert_eq!(opted_out(&world).await, 0);
    hears(&world, 3, "MYBANK", "STOP").await;
    hears(&world, 4, "MYBANK", "Your code is 123").await;
    assert_eq!(tasks(&world).await, "said_stop said_stop invalid_phone");
    let given = "SELECT detail FROM tasks WHERE kind = 'invalid_phone'";
    assert_eq!(world.database.one(given).await.as_deref(), Some("MYBANK"));
}
