//! What is not signed is refused; what is signed and makes no sense is kept for a person, and acknowledged.

use system_tests::{CALLER, FORM, LINE, SMS, World, form};

use super::{NOTHING, hears, hears_form, sid, tasks, text, thread};

async fn nothing_was_stored(world: &World) {
    for table in ["messages", "contacts", "opt_outs", "tasks", "jobs"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn only_what_twilio_signed_is_taken() {
    let world = World::begin().await;
    let body = text(1, CALLER, "STOP", &[]);
    let good = world.signature_of(SMS, body.as_bytes());
    let name = "x-twilio-signature";
    let of_another_url = world.signature_of("/api/webhooks/twilio/status", body.as_bytes());
    for (headers, body) in [
        (vec![FORM], body.clone()),
        (vec![FORM, (name, "")], body.clone()),
        (vec![FORM, (name, &of_another_url)], body.clone()),
        (vec![FORM, (name, &good)], body.replace("STOP", "START")),
        (vec![FORM, (name, &good)], format!("{body}&OptOutType=STOP")),
        (vec![FORM, (name, &good), (name, &good)], body.clone()),
        (
            vec![
                FORM,
                (name, &good),
                ("x-twilio-webhooks-signature-settings", "v2"),
            ],
            body.clone(),
        ),
    ] {
        assert_eq!(
            world.send("POST", SMS, &headers, body).await.status,
            403,
            "{headers:?}"
        );
    }
    let other_url = format!("{SMS}?x=1");
    let reply = world
        .send("POST", &other_url, &[FORM, (name, &good)], body.clone())
        .await;
    assert_eq!(reply.status, 403, "the query is signed too");
    nothing_was_stored(&world).await;
    // What was captured once can be sent for ever, and changes nothing the second time.
    for _ in 0..3 {
        let reply = world
            .send("POST", SMS, &[FORM, (name, &good)], body.clone())
            .await;
        assert_eq!((reply.status, reply.body.as_str()), (200, NOTHING));
    }
    assert_eq!(
        (world.count("messages").await, world.count("opt_outs").await),
        (1, 1)
    );
    hears(&world, 2, CALLER, "START").await;
    let reply = world.send("POST", SMS, &[FORM, (name, &good)], body).await;
    assert_eq!(
        (
            reply.status,
            world.count("opt_outs WHERE revoked_at IS NULL").await
        ),
        (200, 0),
        "an old stop is old"
    );
}

#[tokio::test]
async fn a_megabyte_is_refused_and_64_kib_are_not() {
    let world = World::begin().await;
    let body = |length: usize| text(1, CALLER, &"x".repeat(length), &[]);
    for length in [64 * 1024, 1024 * 1024] {
        assert_eq!(world.post_signed(SMS, body(length)).await.status, 413, "{length}");
    }
    nothing_was_stored(&world).await;
    hears_form(&world, body(60 * 1024)).await;
    assert_eq!(
        world
            .database
            .one("SELECT length(body)::text FROM messages")
            .await
            .as_deref(),
        Some("61440")
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_kept_and_acknowledged() {
    let world = World::begin().await;
    let sid = sid(1);
    let whole = [
        ("MessageSid", sid.as_str()),
        ("From", CALLER),
        ("To", LINE),
        ("Body", "Hello?"),
    ];
    let without = |name: &str| {
        form(
            &whole
                .into_iter()
                .filter(|(field, _)| *field != name)
                .collect::<Vec<_>>(),
        )
    };
    let with =
        |name: &'static str, value: &'static str| format!("{}&{}", without(name), form(&[(name, value)]));
    let twice = |name: &'static str| format!("{}&{}", form(&whole), form(&[(name, "another")]));
    for (body, reason) in [
        (String::new(), "From is missing or malformed"),
        (without("From"), "From is missing or malformed"),
        (with("From", " "), "From is missing or malformed"),
        (without("To"), "To is missing or malformed"),
        (without("MessageSid"), "MessageSid is missing or malformed"),
        (with("MessageSid", "SM1"), "MessageSid is missing or malformed"),
        (
            with("MessageSid", "'; DROP TABLE messages; --"),
            "MessageSid is missing or malformed",
        ),
        (twice("Body"), "Body is given twice"),
        (twice("From"), "From is given twice"),
        (format!("{}&x=%zz", form(&whole)), "the form has a broken escape"),
        (format!("{}&x=%ff", form(&whole)), "the form is not valid UTF-8"),
        (format!("{}%00", form(&whole)), "the form has a NUL character"),
        ("a&".repeat(300), "the form has too many fields"),
    ] {
        let before = world.count("quarantined_events").await;
        hears_form(&world, body.clone()).await;
        assert_eq!(world.count("quarantined_events").await, before + 1, "{body}");
        assert_eq!(
            world.quarantined().await.pop(),
            Some(format!("twilio_sms: {reason}")),
            "{body}"
        );
    }
    nothing_was_stored(&world).await;
    hears(&world, 1, CALLER, "Hello?").await;
    assert_eq!(world.count("messages").await, 1, "its neighbours are not delayed");
}

#[tokio::test]
async fn strange_words_are_stored_as_they_are() {
    let world = World::begin().await;
    let words = [
        "'; DROP TABLE messages; --",
        "👩‍👩‍👧‍👦 é ß 漢字",
        "\u{202e}txet",
        "{\"a\":1}",
        "%s %n \\u0000",
        " a\r\nb\t",
        "\u{1}\u{7f}",
        "\u{fffd}",
    ];
    for (number, words) in (0..).zip(words) {
        let from = format!("+1403555{number:04}");
        hears(&world, number, &from, words).await;
        assert_eq!(thread(&world, &from).await, words);
    }
    assert_eq!(world.quarantined().await, [""; 0]);
}

#[tokio::test]
async fn a_sender_that_is_no_telephone_number_is_kept_as_it_is() {
    let world = World::begin().await;
    let senders = [
        "MYBANK",
        "73822",
        "+1403555123",
        "whatsapp:+14035550001",
        "anonymous",
        "4035550001",
        "+１４０３５５５０００１",
    ];
    for (number, from) in (0..).zip(senders) {
        hears(&world, number, from, "Hello?").await;
        hears(&world, number + 100, from, "Hello again?").await;
        assert_eq!(thread(&world, from).await, "Hello?, Hello again?", "{from}");
    }
    assert_eq!(
        world.count("contacts WHERE phone IS NOT NULL").await,
        0,
        "nobody's number is guessed"
    );
    assert_eq!(world.count("contacts").await, 7);
    assert_eq!(tasks(&world).await, ["invalid_phone"; 7].join(" "));
}

#[tokio::test]
async fn a_text_to_a_number_that_is_none_of_our_lines_is_kept_too() {
    let world = World::begin().await;
    let form = text(1, CALLER, "STOP", &[]).replace("15875550006", "15875559999");
    hears_form(&world, form).await;
    assert_eq!(
        world.database.one("SELECT line FROM messages").await.as_deref(),
        Some("+15875559999")
    );
    assert_eq!(
        world.count("opt_outs").await,
        1,
        "Twilio signed it, so it is for us"
    );
}
