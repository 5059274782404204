//! Calls: what the caller hears, what we are told, what Twilio lists.

use std::time::Duration;

use super::{
    super::{
        CallStatus, Callback, Delivery, Heard, Line, Order, Outcome, Ring, RingEvent, SandboxConfig,
        SandboxEvent,
    },
    CALLER, LINE, OWNER, World,
};

const VOICE: &str = "/api/webhooks/twilio/voice";
const ACTION: &str = "/api/webhooks/twilio/voice?mode=dial-result";
const STATUS: &str = "/api/webhooks/twilio/status";
const MOMENT: Duration = Duration::from_millis(5);

/// A world in which the line forwards to the owner.
async fn forwarding() -> World {
    let world = World::new().await;
    let action = format!("{}{ACTION}", world.us.base_url);
    let dial = format!(
        r#"<Response><Dial action="{action}" timeout="18" answerOnBridge="true"><Number>{OWNER}</Number></Dial></Response>"#
    );
    world.us.answers(VOICE, 200, dial);
    world.us.answers(ACTION, 200, "<Response><Hangup/></Response>");
    world
}

fn rings(outcome: Outcome) -> Ring {
    Ring::new(CALLER, LINE, outcome).ringing_for(MOMENT)
}

#[tokio::test]
async fn an_unanswered_call_is_told_three_times_all_signed() {
    let world = forwarding().await;

    let report = world.twilio.ring(rings(Outcome::NoAnswer)).await;

    assert_eq!(
        (report.heard, report.status),
        (Heard::Ringing, CallStatus::NoAnswer)
    );
    let [voice, action, status] =
        [VOICE, ACTION, STATUS].map(|path| world.received(path).pop().expect("it was posted"));
    for webhook in [&voice, &action, &status] {
        assert!(
            webhook.is_signed(&world.twilio.auth_token(), &world.us.base_url),
            "{webhook:?}"
        );
        assert_eq!(webhook.field("CallSid"), Some(report.call.as_str()));
        assert_eq!(
            (webhook.field("From"), webhook.field("To")),
            (Some(CALLER), Some(LINE))
        );
    }
    assert_eq!(voice.field("CallStatus"), Some("ringing"));
    assert_eq!(action.field("DialCallStatus"), Some("no-answer"));
    assert_eq!(action.field("DialBridged"), Some("false"));
    assert_eq!(action.field("DialCallSid"), report.leg.as_deref());
    assert_eq!(status.field("CallStatus"), Some("no-answer"));
    let [call, leg] = world.twilio.calls().try_into().expect("a call and its leg");
    assert_eq!(call.status, CallStatus::NoAnswer);
    assert_eq!(
        (leg.status, leg.parent_sid),
        (CallStatus::NoAnswer, Some(call.sid))
    );
    assert_eq!(leg.to, OWNER);
}

#[tokio::test]
async fn an_answered_call_bridges_the_caller_to_the_owner() {
    let world = forwarding().await;

    let report = world.twilio.ring(rings(Outcome::Answered { talk: MOMENT })).await;

    assert_eq!(
        report.heard,
        Heard::Owner {
            number: OWNER.to_owned()
        }
    );
    assert_eq!(report.status, CallStatus::Completed);
    let action = world.received(ACTION).pop().expect("the action callback");
    assert_eq!(action.field("DialCallStatus"), Some("completed"));
    assert_eq!(action.field("DialBridged"), Some("true"));
    assert_eq!(action.field("DialCallDuration"), Some("0"));
}

#[tokio::test]
async fn an_abandoned_call_is_canceled_on_the_leg_and_completed_on_the_parent() {
    let world = forwarding().await;
    let ring = Ring::new(CALLER, LINE, Outcome::Abandoned { after: MOMENT });

    let report = world.twilio.ring(ring).await;

    assert_eq!(
        (report.heard, report.status),
        (Heard::Ringing, CallStatus::Completed)
    );
    let action = world.received(ACTION).pop().expect("the action callback");
    assert_eq!(action.field("DialCallStatus"), Some("canceled"));
    assert_eq!(action.field("CallStatus"), Some("completed"));
    assert_eq!(world.twilio.calls()[1].status, CallStatus::Canceled);
}

#[tokio::test]
async fn an_abandoned_call_is_over_in_the_list_before_its_callbacks_come() {
    let world = forwarding().await;
    let mut events = world.twilio.events();
    let ring = Ring::new(CALLER, LINE, Outcome::Abandoned { after: MOMENT });
    let late = ring.delayed(Callback::Action, Duration::from_hours(1));
    let ringing = tokio::spawn({
        let twilio = world.twilio.clone();
        async move { twilio.ring(late).await }
    });
    let hung_up = |event: &SandboxEvent| match event {
        SandboxEvent::Ring {
            event: RingEvent::LegEnded { status },
            ..
        } => Some(*status),
        _ => None,
    };
    assert_eq!(events.find(hung_up).await, Some(CallStatus::Canceled));
    tokio::task::yield_now().await;

    assert_eq!(world.twilio.calls()[0].status, CallStatus::Completed);
    assert!(world.received(ACTION).is_empty());
    ringing.abort();
}

#[tokio::test]
async fn a_busy_and_an_unreachable_owner_are_told_apart() {
    let world = forwarding().await;
    for (outcome, status) in [(Outcome::Busy, "busy"), (Outcome::Failed, "failed")] {
        world.twilio.ring(rings(outcome)).await;
        let action = world.received(ACTION).pop().expect("the action callback");
        assert_eq!(action.field("DialCallStatus"), Some(status));
    }
}

#[tokio::test]
async fn the_phone_rings_as_long_as_the_twiml_says() {
    let world = forwarding().await;
    let dial = format!(r#"<Response><Dial timeout="18"><Number>{OWNER}</Number></Dial></Response>"#);
    world.us.answers(VOICE, 200, dial);
    let mut events = world.twilio.events();
    let ringing = tokio::spawn({
        let twilio = world.twilio.clone();
        async move { twilio.ring(Ring::new(CALLER, LINE, Outcome::NoAnswer)).await }
    });
    let dialled = |event: &SandboxEvent| match event {
        SandboxEvent::Ring {
            event: RingEvent::OwnerDialled { to, timeout, .. },
            ..
        } => Some((to.clone(), *timeout)),
        _ => None,
    };

    assert_eq!(
        events.find(dialled).await,
        Some((OWNER.to_owned(), Duration::from_secs(18)))
    );
    ringing.abort();
}

#[tokio::test]
async fn a_broken_server_is_an_application_error_to_the_caller() {
    let world = forwarding().await;
    for (status, body) in [(500, "<Response/>"), (200, "oops"), (200, "<Response><Dial>")] {
        world.us.answers(VOICE, status, body);
        let report = world.twilio.ring(rings(Outcome::NoAnswer)).await;
        assert_eq!(report.heard, Heard::ApplicationError, "after {status} {body}");
        assert_eq!(report.status, CallStatus::Completed);
        assert_eq!(report.leg, None);
    }
    world.us.answers(
        "/fallback",
        200,
        format!("<Response><Dial>{OWNER}</Dial></Response>"),
    );
    let fallback_url = Some(format!("{}/fallback", world.us.base_url));
    world.twilio.set_line(Line {
        fallback_url,
        ..world.twilio.line(LINE)
    });
    let report = world.twilio.ring(rings(Outcome::Answered { talk: MOMENT })).await;
    assert_eq!(
        report.heard,
        Heard::Owner {
            number: OWNER.to_owned()
        }
    );
}

#[tokio::test]
async fn lost_requests_are_not_posted_but_the_call_is_listed() {
    let world = forwarding().await;

    let ring = rings(Outcome::NoAnswer)
        .losing(Callback::Action)
        .losing(Callback::Status);
    let report = world.twilio.ring(ring).await;
    assert!(matches!(report.action, Some(Delivery::Lost)));
    assert!(world.received(ACTION).is_empty() && world.received(STATUS).is_empty());

    let report = world
        .twilio
        .ring(rings(Outcome::NoAnswer).losing(Callback::Voice))
        .await;
    assert_eq!(report.heard, Heard::ApplicationError);
    assert_eq!(world.received(VOICE).len(), 1);
    let (status, call) = world.get(&format!("Calls/{}.json", report.call)).await;
    assert_eq!((status, call["status"].as_str()), (200, Some("completed")));
}

#[tokio::test]
async fn a_lost_answer_leaves_the_caller_with_an_error_after_we_heard_of_the_call() {
    let world = forwarding().await;
    let report = world
        .twilio
        .ring(rings(Outcome::NoAnswer).missing_answer(Callback::Voice))
        .await;
    assert_eq!(report.heard, Heard::ApplicationError);
    assert_eq!(world.received(VOICE).len(), 1);
}

#[tokio::test]
async fn callbacks_come_twice_late_and_in_any_order_when_told_to() {
    let world = forwarding().await;
    let ring = rings(Outcome::NoAnswer)
        .copied(Callback::Action, 3)
        .copied(Callback::Status, 2)
        .delayed(Callback::Action, MOMENT)
        .ordered(Order::StatusThenAction);

    world.twilio.ring(ring).await;

    assert_eq!(
        (world.received(ACTION).len(), world.received(STATUS).len()),
        (3, 2)
    );
    let posted = world.us.shared.received.lock().expect("no panic");
    let order: Vec<&str> = posted.iter().map(|webhook| webhook.path.as_str()).collect();
    assert_eq!(order, [VOICE, STATUS, STATUS, ACTION, ACTION, ACTION]);
}

#[tokio::test]
async fn the_action_s_answer_takes_over_the_call() {
    let world = forwarding().await;
    world.us.answers(
        ACTION,
        200,
        "<Response><Say>Please leave a message</Say></Response>",
    );
    let report = world.twilio.ring(rings(Outcome::NoAnswer)).await;
    assert_eq!(report.heard, Heard::Said("Please leave a message".to_owned()));
    assert_eq!(report.status, CallStatus::Completed);

    world.us.answers(ACTION, 503, "");
    let report = world.twilio.ring(rings(Outcome::NoAnswer)).await;
    assert_eq!(report.heard, Heard::ApplicationError);
}

#[tokio::test]
async fn events_of_the_leg_go_to_the_number_s_own_callback() {
    let world = forwarding().await;
    let dial = format!(
        r#"<Response><Dial><Number statusCallback="/leg" statusCallbackEvent="initiated completed">{OWNER}</Number></Dial></Response>"#
    );
    world.us.answers(VOICE, 200, dial);

    let report = world.twilio.ring(rings(Outcome::Busy)).await;

    // They are posted without anybody waiting for them.
    let told = tokio::time::timeout(Duration::from_secs(5), async {
        while world.received("/leg").len() < 2 {
            tokio::task::yield_now().await;
        }
        world.received("/leg")
    });
    let told = told.await.expect("both events");
    assert!(
        told.iter()
            .all(|event| event.field("ParentCallSid") == Some(report.call.as_str()))
    );
    assert!(told.iter().any(|event| event.field("CallStatus") == Some("busy")));
}

#[tokio::test]
async fn a_test_can_post_exactly_what_it_wants_and_tamper_with_it() {
    let world = World::new().await;
    let (token, base) = (world.twilio.auth_token(), world.us.base_url.clone());
    world.us.answers(VOICE, 403, "no");

    let answer = world
        .twilio
        .post_voice_webhook(&[("From", CALLER), ("To", LINE), ("CallSid", "CA1")])
        .await;
    assert_eq!(
        (answer.answer().status, answer.answer().body.as_str()),
        (403, "no")
    );
    let wrong = world.twilio.post_voice_webhook(&[]).signed_with("wrong");
    wrong.await.answer();
    world
        .twilio
        .post_voice_webhook(&[])
        .smuggling("CallSid", "CA2")
        .await
        .answer();
    world
        .twilio
        .post_voice_webhook(&[])
        .unsigned()
        .without("From")
        .await
        .answer();

    let [honest, wrong, smuggled, unsigned] = world.received(VOICE).try_into().expect("four");
    assert!(honest.is_signed(&token, &base) && honest.field("CallSid") == Some("CA1"));
    assert!(!wrong.is_signed(&token, &base) && wrong.is_signed("wrong", &base));
    assert!(!smuggled.is_signed(&token, &base));
    assert_eq!(
        (unsigned.signature.as_deref(), unsigned.field("From")),
        (None, None)
    );

    world
        .twilio
        .post_dial_result(&[("CallSid", "CA1")])
        .await
        .answer();
    let result = world.received(ACTION).pop().expect("the dial result");
    assert_eq!(result.field("DialCallStatus"), Some("no-answer"));
    world
        .twilio
        .post_call_status(&[("CallSid", "CA1"), ("CallStatus", "busy")])
        .await
        .answer();
    let status = world.received(STATUS).pop().expect("the call status");
    assert_eq!(status.field("CallStatus"), Some("busy"));
}

#[tokio::test]
async fn a_request_is_signed_for_the_public_address_and_goes_to_the_real_one() {
    let world = World::with(SandboxConfig::default()).await;
    world.twilio.set_public_base_url("https://calls.example.com");
    world.twilio.deliver_to(&world.us.base_url);

    world.twilio.post_voice_webhook(&[]).await.answer();

    let received = world.received(VOICE).pop().expect("it arrives");
    assert!(received.is_signed(&world.twilio.auth_token(), "https://calls.example.com"));
}

#[tokio::test]
async fn a_connection_that_fails_is_reported() {
    let world = World::new().await;
    let delivery = world.twilio.post("http://127.0.0.1:1/nobody", &[]).await;
    assert!(matches!(delivery, Delivery::Failed(_)), "{delivery}");
}
