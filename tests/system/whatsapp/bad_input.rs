//! What is not signed is refused; what is signed and makes no sense is kept for a person, and acknowledged.

use serde_json::{Value, json};
use system_tests::{WHATSAPP, World};

use super::{JSON, change, envelope, hears, post, text, world};

async fn nothing_was_stored(world: &World) {
    assert_eq!((world.count("messages").await, world.count("jobs").await), (0, 0));
}

#[tokio::test]
async fn only_what_meta_signed_is_taken() {
    let world = world().await;
    let body = envelope(&[change(
        "messages",
        json!({ "messages": [text("1", "14155550101", "Hello?")] }),
    )])
    .to_string();
    let good = shared::providers::whatsapp::sign(
        body.as_bytes(),
        &secrecy::SecretString::from(system_tests::WHATSAPP_SECRET),
    );
    let send = |headers: Vec<(&'static str, String)>, body: String| {
        let world = &world;
        async move {
            let mut all = vec![JSON];
            all.extend(headers.iter().map(|(name, value)| (*name, value.as_str())));
            world.send("POST", WHATSAPP, &all, body).await.status
        }
    };
    let name = "x-hub-signature-256";
    for (headers, body) in [
        (vec![], body.clone()),
        (vec![("x-hub-signature", good.clone())], body.clone()),
        (vec![(name, good.replace("sha256=", "sha1="))], body.clone()),
        (vec![(name, good.to_uppercase())], body.clone()),
        (vec![(name, String::new())], body.clone()),
        (vec![(name, good.clone())], format!("{body} ")),
        (vec![(name, good.clone()), (name, good.clone())], body.clone()),
    ] {
        assert_eq!(send(headers.clone(), body).await, 403, "{headers:?}");
    }
    nothing_was_stored(&world).await;
    assert_eq!(send(vec![(name, good)], body).await, 200);
    assert_eq!(world.count("messages").await, 1);
}

#[tokio::test]
async fn what_makes_no_sense_is_kept_and_acknowledged() {
    let world = world().await;
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let kept = [
        "{}",
        "[]",
        "null",
        "\"x\"",
        "{\"object\":",
        "",
        &deep as &str,
        r#"{"object":"whatsapp_business_account"}"#,
        r#"{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":7}]}]}"#,
        r#"{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"messages":[7]}}]}]}"#,
    ];
    for (number, body) in kept.into_iter().enumerate() {
        assert_eq!(post(&world, body).await.status, 200, "{body:.60}");
        assert_eq!(
            world.count("quarantined_events").await,
            u64::try_from(number + 1).expect("few"),
            "{body:.60}"
        );
    }
    for body in [
        r#"{"object":"page","entry":[]}"#,
        r#"{"object":"whatsapp_business_account","entry":[]}"#,
        r#"{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"106540352242922"},"messages":[]}}]}]}"#,
    ] {
        assert_eq!(post(&world, body).await.status, 200, "{body}");
    }
    assert_eq!(world.count("quarantined_events").await, 10);
    nothing_was_stored(&world).await;
    assert_eq!(post(&world, &"x".repeat(3 * 1024 * 1024 + 1)).await.status, 413);
}

#[tokio::test]
async fn strange_words_are_stored_as_they_are() {
    let world = world().await;
    let words = [
        "\u{0}",
        "a\u{0}b",
        "'; DROP TABLE messages; --",
        "👩‍👩‍👧‍👦",
        "\u{202e}txet",
        "{\"a\":1}",
        "%s %n",
        "\\u0000",
    ];
    for (number, words) in words.into_iter().enumerate() {
        hears(
            &world,
            &[text(&format!("{number}"), &format!("1415555{number:04}"), words)],
        )
        .await;
    }
    assert_eq!(world.quarantined().await, [""; 0]);
    assert_eq!(world.count("messages").await, 8);
    let long = "é".repeat(65_536);
    hears(
        &world,
        &[
            text("long", "14155559999", &long),
            text("after", "14155559998", "Hello?"),
        ],
    )
    .await;
    assert_eq!(world.count("messages").await, 10);
}

#[tokio::test]
async fn ids_that_are_none_and_times_that_cannot_be_are_set_aside() {
    let world = world().await;
    let with = |field: &str, value: Value| {
        let mut message = text("1", "14155550101", "Hello?");
        message[field] = value;
        message
    };
    let bad = [
        with("id", json!("")),
        with("id", json!("w".repeat(4096))),
        with("id", json!("'; DROP TABLE messages; --")),
        with("id", json!(7)),
        with("timestamp", json!("0x1")),
        with("timestamp", json!("99999999999999999999")),
        with("timestamp", json!("4102444800")),
        with("timestamp", json!(null)),
    ];
    for (number, message) in bad.into_iter().enumerate() {
        let neighbour = text(&format!("good-{number}"), "14155550102", "Hello?");
        hears(&world, &[message.clone(), neighbour]).await;
        assert_eq!(
            world.count("messages").await,
            u64::try_from(number + 1).expect("few"),
            "{message}"
        );
    }
    assert_eq!(world.count("quarantined_events").await, 8);
}

#[tokio::test]
async fn our_own_words_are_not_answered() {
    let world = world().await;
    hears(&world, &[text("1", "15550783881", "Hello?")]).await;
    assert_eq!(world.count("jobs WHERE state = 'pending'").await, 0);
}
