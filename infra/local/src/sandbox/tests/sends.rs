//! Sending texts: what is accepted, what is refused, and every way to fail in between.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::{Behaviour, Fate, MessageStatus, SandboxClock, SandboxConfig, SandboxEvent},
    CALLER, LINE, World,
};

#[tokio::test]
async fn an_accepted_text_is_answered_in_twilio_s_shape_and_recorded_with_its_attempt() {
    let clock = SandboxClock::standing_at("2026-03-08T12:00:00Z".parse().expect("a timestamp"));
    let world = World::with(SandboxConfig {
        clock,
        ..SandboxConfig::default()
    })
    .await;

    let response = world.send_text(CALLER).await.expect("an answer");

    assert_eq!(response.status(), 201);
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["status"], "queued");
    assert_eq!(body["date_created"], "Sun, 08 Mar 2026 12:00:00 +0000");
    assert_eq!(body["date_sent"], Value::Null);
    assert_eq!(body["num_segments"], "1");
    let [message] = world.twilio.messages().try_into().expect("one message");
    assert_eq!(body["sid"], json!(message.sid));
    assert_eq!((message.to.as_str(), message.from.as_str()), (CALLER, LINE));
    assert_eq!(message.attempt.as_deref(), Some("7f3a"));
    assert_eq!(world.twilio.requests()[0].attempt.as_deref(), Some("7f3a"));
}

#[tokio::test]
async fn a_stranger_gets_401_and_is_recorded() {
    let world = World::new().await;
    world.twilio.rotate_auth_token("another");
    let stranger = super::client()
        .expect("a client")
        .post(world.url("Messages.json"));
    let response = stranger
        .basic_auth(world.twilio.account_sid(), Some("wrong"))
        .send()
        .await
        .expect("an answer");

    assert_eq!(response.status(), 401);
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["code"], 20003);
    assert_eq!(world.twilio.messages().len(), 0);
    assert!(!world.twilio.requests()[0].authorised);
}

#[tokio::test]
async fn what_twilio_refuses_is_refused_with_its_code() {
    let world = World::new().await;
    world.twilio.opt_out("+14155550177");
    let too_long = "x".repeat(1_601);
    let refused = |to: &'static str, body: String| {
        let world = &world;
        async move {
            world
                .refusal_of(&[("To", to), ("From", LINE), ("Body", &body)])
                .await
        }
    };
    for (to, code) in [
        ("anonymous", 21211),
        ("4155550101", 21211),
        ("+15005550001", 21211),
        ("+15005550002", 21612),
        ("+15005550003", 21408),
        ("+15005550004", 21610),
        ("+15005550009", 21614),
        ("+14155550177", 21610),
        ("", 21604),
    ] {
        assert_eq!(refused(to, "hi".into()).await, (400, code), "to {to:?}");
    }
    assert_eq!(refused(CALLER, String::new()).await, (400, 21602));
    assert_eq!(refused(CALLER, too_long).await, (400, 21617));
    let from_nobody = [("To", CALLER), ("From", "+15005550007"), ("Body", "hi")];
    assert_eq!(world.refusal_of(&from_nobody).await, (400, 21606));
    let for_ever = [
        ("To", CALLER),
        ("From", LINE),
        ("Body", "hi"),
        ("ValidityPeriod", "36001"),
    ];
    assert_eq!(world.refusal_of(&for_ever).await, (400, 90007));
    assert_eq!(world.twilio.messages().len(), 0);
}

#[tokio::test]
async fn a_scripted_refusal_accepts_nothing_and_says_when_to_come_back() {
    let world = World::new().await;
    let retry_after = Some("a while".to_owned());
    world.twilio.on_next_send(Behaviour::Refuse {
        http: 429,
        code: 20429,
        retry_after,
    });

    let response = world.send_text(CALLER).await.expect("an answer");

    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "a while");
    assert_eq!(world.twilio.messages().len(), 0);
    assert_eq!(world.send_text(CALLER).await.expect("an answer").status(), 201);
}

#[tokio::test]
async fn a_cut_connection_brings_no_answer_whether_or_not_the_text_was_accepted() {
    let world = World::new().await;
    for (behaviour, accepted) in [(Behaviour::AcceptThenReset, 1), (Behaviour::Reset, 1)] {
        world.twilio.on_next_send(behaviour.clone());
        let error = world.send_text(CALLER).await.expect_err("no answer");
        assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");
        assert_eq!(world.twilio.messages().len(), accepted, "after {behaviour:?}");
    }
    assert_eq!(world.twilio.requests().len(), 2);
}

#[tokio::test]
async fn a_500_says_nothing_about_what_was_accepted() {
    let world = World::new().await;
    for (behaviour, accepted) in [(Behaviour::AcceptThen500, 1), (Behaviour::Fail500, 1)] {
        world.twilio.on_next_send(behaviour.clone());
        assert_eq!(world.send_text(CALLER).await.expect("an answer").status(), 500);
        assert_eq!(world.twilio.messages().len(), accepted, "after {behaviour:?}");
    }
}

#[tokio::test]
async fn a_success_can_be_unreadable_endless_or_slow() {
    let world = World::new().await;
    world.twilio.on_next_send(Behaviour::AcceptThenGarbled);
    let garbled = world.send_text(CALLER).await.expect("an answer");
    assert_eq!(garbled.status(), 201);
    garbled.json::<Value>().await.expect_err("broken JSON");

    world
        .twilio
        .on_next_send(Behaviour::AcceptThenHuge { bytes: 300_000 });
    let huge = world.send_text(CALLER).await.expect("an answer");
    assert_eq!(huge.bytes().await.expect("a body").len(), 300_000);

    world.twilio.on_next_send(Behaviour::AcceptThenDrip {
        every: Duration::from_hours(1),
    });
    let dripping = world.send_text(CALLER).await.expect("a head");
    assert_eq!(dripping.status(), 201);
    tokio::time::timeout(Duration::from_millis(50), dripping.bytes())
        .await
        .expect_err("not in time");

    assert_eq!(world.twilio.messages().len(), 3);
}

#[tokio::test]
async fn a_held_request_waits_until_it_is_let_go() {
    let world = World::new().await;
    for (accepted, status) in [(true, 201), (false, 503)] {
        let mut events = world.twilio.events();
        world.twilio.on_next_send(Behaviour::Hold { accepted });
        let sending = async { world.send_text(CALLER).await.expect("an answer").status() };
        let releasing = async {
            events
                .find(|event| matches!(event, SandboxEvent::RequestHeld { .. }).then_some(()))
                .await;
            world.twilio.release_held();
        };
        let (answered, ()) = futures_util::future::join(sending, releasing).await;
        assert_eq!(answered, status);
    }
    assert_eq!(world.twilio.messages().len(), 1);
}

#[tokio::test]
async fn a_late_acceptance_comes_by_the_sandbox_s_clock_even_when_the_sender_is_gone() {
    let clock = SandboxClock::standing_at("2026-03-08T12:00:00Z".parse().expect("a timestamp"));
    let world = World::with(SandboxConfig {
        clock: clock.clone(),
        ..SandboxConfig::default()
    })
    .await;
    let mut events = world.twilio.events();
    world.twilio.on_next_send(Behaviour::LateAccept {
        after: Duration::from_mins(8),
    });

    tokio::select! {
        _ = world.send_text(CALLER) => panic!("nobody answers yet"),
        _ = events.find(|event| matches!(event, SandboxEvent::RequestHeld { .. }).then_some(())) => {}
    }
    clock.advance(Duration::from_mins(7));
    assert_eq!(world.twilio.messages().len(), 0);
    clock.advance(Duration::from_mins(1));

    let [message] = world.twilio.accepted(1).await.try_into().expect("one message");
    assert_eq!(message.accepted_at, clock.now());
}

#[tokio::test]
async fn a_redirect_accepts_nothing_and_names_the_place() {
    let world = World::new().await;
    let elsewhere = format!("{}/elsewhere", world.us.base_url);
    world.twilio.on_next_send(Behaviour::Redirect {
        http: 307,
        to: elsewhere,
    });
    // This client follows, as a careless one would: the other place hears of it.
    world.send_text(CALLER).await.expect("an answer");

    assert_eq!(world.received("/elsewhere").len(), 1);
    assert_eq!(world.twilio.messages().len(), 0);
}

#[tokio::test]
async fn one_request_can_make_two_texts() {
    let world = World::new().await;
    world.twilio.on_next_send(Behaviour::DoubleAccept);
    world.send_text(CALLER).await.expect("an answer");

    let [first, second] = world.twilio.messages().try_into().expect("two messages");
    assert_ne!(first.sid, second.sid);
    assert_eq!(first.request, second.request);
}

#[tokio::test]
async fn the_first_status_callback_can_overtake_the_answer() {
    let world = World::new().await;
    let mut events = world.twilio.events();
    world.twilio.on_next_send(Behaviour::CallbackFirst);

    let response = world.send_text(CALLER).await.expect("an answer");

    assert_eq!(response.status(), 201);
    let told = world.received("/status?attempt=7f3a");
    assert_eq!(told[0].field("MessageStatus"), Some("sent"));
    let delivered = |event: &SandboxEvent| match event {
        SandboxEvent::MessageStatusPosted {
            status: MessageStatus::Delivered,
            ..
        } => Some(()),
        _ => None,
    };
    events.find(delivered).await.expect("it is delivered in the end");
}

#[tokio::test]
async fn a_text_s_statuses_are_posted_signed_to_its_own_url() {
    let world = World::new().await;
    let mut events = world.twilio.events();
    world
        .twilio
        .set_fate_of(CALLER, Fate::undelivered(30003).paced(Duration::ZERO));
    world.send_text(CALLER).await.expect("an answer");
    let over = |event: &SandboxEvent| match event {
        SandboxEvent::MessageStatusPosted {
            status: MessageStatus::Undelivered,
            delivery,
            ..
        } => Some(delivery.answer().status),
        _ => None,
    };

    assert_eq!(events.find(over).await, Some(200));

    let told = world.received("/status?attempt=7f3a");
    let statuses: Vec<_> = told
        .iter()
        .map(|webhook| webhook.field("MessageStatus"))
        .collect();
    assert_eq!(statuses, [Some("sent"), Some("undelivered")]);
    assert_eq!(told[1].field("ErrorCode"), Some("30003"));
    assert!(
        told.iter()
            .all(|webhook| webhook.is_signed(&world.twilio.auth_token(), &world.us.base_url))
    );
    assert_eq!(world.twilio.messages()[0].status, MessageStatus::Undelivered);
}

#[tokio::test]
async fn a_status_callback_can_be_lost_and_come_twice() {
    let world = World::new().await;
    world.twilio.set_fate(Fate {
        callbacks: 2,
        pace: Duration::ZERO,
        ..Fate::delivered()
    });
    world.twilio.set_fate_of(
        CALLER,
        Fate::delivered().without_callbacks().paced(Duration::ZERO),
    );
    world.send_text(CALLER).await.expect("an answer");
    world.send_text("+14155550102").await.expect("an answer");

    let all_posted = |_: &_| Some(world.received("/status?attempt=7f3a")).filter(|told| told.len() == 4);
    let told = world.twilio.when(all_posted).await;

    assert!(
        told.iter()
            .all(|webhook| webhook.field("To") == Some("+14155550102"))
    );
}

#[tokio::test]
async fn a_stopped_sandbox_refuses_connections() {
    let world = World::new().await;
    world.twilio.shutdown();
    tokio::task::yield_now().await;

    let error = world.send_text(CALLER).await.expect_err("nobody listens");

    assert!(error.is_connect(), "{error:?}");
}
