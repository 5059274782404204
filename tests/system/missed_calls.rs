//! A caller nobody answered gets one text, whatever is delivered twice, late, out of order or not at all.

use std::time::Duration;

use jiff::SignedDuration;
use local::sandbox::MessageStatus::{Delivered, Queued, Sent};
use local::sandbox::{Call, CallStatus, Callback, Fate, Heard, Order, Outcome, Ring, RingReport};
use system_tests::{CALLER, LINE, OWNER, World};

/// The owner's telephone rings for a moment of real time only.
const A_MOMENT: Duration = Duration::from_millis(5);

fn ring(outcome: Outcome) -> Ring {
    Ring::new(CALLER, LINE, outcome).ringing_for(A_MOMENT)
}

fn abandoned() -> Outcome {
    Outcome::Abandoned { after: A_MOMENT }
}

fn answered() -> Outcome {
    Outcome::Answered { talk: A_MOMENT }
}

/// Plays a call and everything that follows from it within the same minute.
async fn play(world: &World, ring: Ring) -> RingReport {
    let report = world.twilio.ring(ring).await;
    world.run_jobs().await;
    report
}

#[tokio::test]
async fn a_call_nobody_answers_earns_its_caller_one_text_at_once() {
    for outcome in [Outcome::NoAnswer, Outcome::Busy, Outcome::Failed, abandoned()] {
        let world = World::begin().await;
        let report = play(&world, ring(outcome)).await;
        let texts = world.texts_to(CALLER);
        assert_eq!(texts.len(), 1, "{outcome:?}");
        assert_eq!(texts[0].from, LINE);
        insta::allow_duplicates! {
            insta::assert_snapshot!(texts[0].body, @"Hi, this is Acme. Sorry we missed your call! Reply here and we will get right back to you. Reply STOP to opt out.");
        }
        assert_eq!(texts[0].validity_period, Some(1800));
        assert_eq!(world.job_of(&report.call).await, "accepted", "{outcome:?}");
        world.minutes(3).await;
        assert_eq!(world.texts_to(CALLER).len(), 1, "{outcome:?}, minutes later");
    }
}

#[tokio::test]
async fn a_call_that_was_answered_earns_none() {
    let world = World::begin().await;
    let report = play(&world, ring(answered())).await;
    assert_eq!(
        report.heard,
        Heard::Owner {
            number: OWNER.to_owned()
        }
    );
    world.minutes(3).await;
    assert_eq!(world.texts_to(CALLER).len(), 0);
    assert_eq!(world.job_of(&report.call).await, "none");
    assert_eq!(world.outcome_of(&report.call).await, "answered by dial_result");
}

#[tokio::test]
async fn the_owner_is_dialled_so_that_the_caller_hears_ringing_and_no_voicemail() {
    let world = World::begin().await;
    let fields = [
        ("CallSid", "CA00000000000000000000000000000002"),
        ("From", CALLER),
        ("To", LINE),
    ];
    let delivery = world.twilio.post_voice_webhook(&fields).await;
    let body = delivery
        .answer()
        .body
        .replace(&world.url, "https://switchboard.example");
    insta::assert_snapshot!(body, @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Dial action="https://switchboard.example/api/webhooks/twilio/voice?mode=dial-result" method="POST" timeout="18" answerOnBridge="true"><Number>+14155550101</Number></Dial></Response>"#);
}

#[tokio::test]
async fn a_lost_callback_costs_at_most_ninety_seconds() {
    let world = World::begin().await;
    let lost = ring(Outcome::NoAnswer)
        .losing(Callback::Action)
        .losing(Callback::Status);
    let report = play(&world, lost).await;
    world.poll().await;
    world.run_jobs().await;
    assert_eq!(
        world.texts_to(CALLER).len(),
        0,
        "its callbacks may still be on their way"
    );
    world.pass(SignedDuration::from_secs(29)).await;
    world.poll().await;
    world.run_jobs().await;
    assert_eq!(world.texts_to(CALLER).len(), 0, "even now");
    world.pass(SignedDuration::from_secs(1)).await;
    world.poll().await;
    world.run_jobs().await;
    assert_eq!(world.texts_to(CALLER).len(), 1, "half a minute after the call");
    assert_eq!(world.outcome_of(&report.call).await, "missed by poller");
}

#[tokio::test]
async fn a_call_whose_every_request_was_lost_is_found_in_twilios_own_list() {
    for outcome in [Outcome::NoAnswer, abandoned()] {
        let world = World::begin().await;
        let lost = ring(outcome)
            .losing(Callback::Voice)
            .losing(Callback::Action)
            .losing(Callback::Status);
        let report = play(&world, lost).await;
        assert_eq!(report.heard, Heard::ApplicationError);
        world.minutes(4).await;
        assert_eq!(
            world.texts_to(CALLER).len(),
            0,
            "{outcome:?}: Twilio may not list its legs yet"
        );
        world.minutes(2).await;
        assert_eq!(world.texts_to(CALLER).len(), 1, "{outcome:?}");
        assert_eq!(world.outcome_of(&report.call).await, "missed by poller");
        world.minutes(20).await;
        assert_eq!(
            world.texts_to(CALLER).len(),
            1,
            "{outcome:?}: the list is read again and again"
        );
    }
}

#[tokio::test]
async fn an_answered_call_whose_callbacks_were_lost_is_told_apart_by_its_legs() {
    let world = World::begin().await;
    let report = play(
        &world,
        ring(answered()).losing(Callback::Action).losing(Callback::Status),
    )
    .await;
    world.minutes(3).await;
    assert_eq!(world.texts_to(CALLER).len(), 0);
    assert_eq!(world.outcome_of(&report.call).await, "answered by poller");
}

/// Twilio may list a leg later than the call that led to it.
#[tokio::test]
async fn an_answered_call_whose_legs_are_listed_late_earns_no_text() {
    let world = World::begin().await;
    world.twilio.lag_lists_by(Duration::from_mins(2));
    let unheard = ring(answered()).losing(Callback::Action).losing(Callback::Status);
    let report = play(&world, unheard).await;
    world.minutes(10).await;
    assert_eq!(world.texts_to(CALLER).len(), 0);
    assert_eq!(world.outcome_of(&report.call).await, "answered by poller");
}

/// We recorded the call, Twilio never got our answer, and so the owner's telephone never rang.
#[tokio::test]
async fn a_recorded_call_that_led_to_no_leg_earns_one_text_all_the_same() {
    let world = World::begin().await;
    let unheard = ring(Outcome::NoAnswer)
        .missing_answer(Callback::Voice)
        .losing(Callback::Status);
    let report = play(&world, unheard).await;
    assert_eq!(report.leg, None);
    world.minutes(10).await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
    assert_eq!(world.outcome_of(&report.call).await, "missed by poller");
}

#[tokio::test]
async fn a_call_that_still_rings_or_goes_on_waits() {
    let world = World::begin().await;
    let now = world.database.now().await;
    let call = Call::inbound(CALLER, LINE, now);
    let leg = Call {
        status: CallStatus::InProgress,
        ..call.leg(OWNER, now)
    };
    let sid = world.twilio.register_call(Call {
        status: CallStatus::InProgress,
        ..call
    });
    let leg = world.twilio.register_call(leg);
    world
        .twilio
        .post_voice_webhook(&[("CallSid", &sid), ("From", CALLER), ("To", LINE)])
        .await
        .answer();
    world.minutes(5).await;
    assert_eq!(world.outcome_of(&sid).await, "", "no verdict");
    let now = world.database.now().await;
    for (sid, status) in [(&leg, CallStatus::NoAnswer), (&sid, CallStatus::Completed)] {
        world.twilio.update_call(sid, |call| {
            *call = call.clone().ended(status, now, Duration::ZERO);
        });
    }
    world.minutes(1).await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
}

#[tokio::test]
async fn duplicates_and_disorder_of_the_callbacks_change_nothing() {
    for order in [Order::ActionThenStatus, Order::StatusThenAction, Order::AtOnce] {
        let world = World::begin().await;
        let many = ring(Outcome::NoAnswer)
            .ordered(order)
            .copied(Callback::Voice, 3)
            .copied(Callback::Action, 3)
            .copied(Callback::Status, 3);
        let report = play(&world, many).await;
        world.minutes(2).await;
        assert_eq!(world.texts_to(CALLER).len(), 1, "{order:?}");
        assert_eq!(world.job_of(&report.call).await, "accepted");
        assert_eq!(world.evidence().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_doorbell_that_was_lost_is_rung_again_within_the_minute() {
    let world = World::begin().await;
    world.sqs.fail_sends(true);
    let report = world.twilio.ring(ring(Outcome::NoAnswer)).await;
    assert_eq!(
        report.action.expect("an action").answer().status,
        200,
        "the webhook does not care"
    );
    world.run_jobs().await;
    assert_eq!(world.texts_to(CALLER).len(), 0);
    world.sqs.fail_sends(false);
    world.minutes(1).await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
}

#[tokio::test]
async fn the_same_caller_is_not_texted_again_within_the_cool_down() {
    let world = World::begin().await;
    play(&world, ring(Outcome::NoAnswer)).await;
    world.pass(SignedDuration::from_mins(9)).await;
    let second = play(&world, ring(Outcome::NoAnswer)).await;
    assert_eq!(world.job_of(&second.call).await, "suppressed: already_texted");
    world.pass(SignedDuration::from_mins(1)).await;
    let third = play(&world, ring(Outcome::NoAnswer)).await;
    assert_eq!(world.job_of(&third.call).await, "accepted");
    let texts = world.texts_to(CALLER);
    assert_eq!(texts.len(), 2);
    assert!(!texts[1].body.contains("STOP"), "they know how to by now");
}

#[tokio::test]
async fn nobody_is_texted_after_stop() {
    let world = World::begin().await;
    world
        .database
        .sql(&format!(
            "INSERT INTO opt_outs (phone, source) VALUES ('{CALLER}', 'STOP')"
        ))
        .await;
    let report = play(&world, ring(Outcome::NoAnswer)).await;
    assert_eq!(world.job_of(&report.call).await, "suppressed: opted_out");
    assert_eq!(
        world
            .twilio
            .requests()
            .iter()
            .filter(|request| request.is_send())
            .count(),
        0
    );
}

#[tokio::test]
async fn a_stop_that_only_twilio_knew_of_is_remembered() {
    let world = World::begin().await;
    world.twilio.opt_out(CALLER);
    let first = play(&world, ring(Outcome::NoAnswer)).await;
    assert_eq!(world.job_of(&first.call).await, "refused: opted_out");
    world.twilio.opt_in(CALLER);
    world.pass(SignedDuration::from_mins(30)).await;
    let second = play(&world, ring(Outcome::NoAnswer)).await;
    assert_eq!(world.job_of(&second.call).await, "suppressed: opted_out");
    assert_eq!(world.texts_to(CALLER).len(), 0);
}

#[tokio::test]
async fn a_text_that_comes_too_late_is_not_sent_and_says_so() {
    let world = World::begin().await;
    let lost = ring(Outcome::NoAnswer)
        .losing(Callback::Action)
        .losing(Callback::Status);
    let report = play(&world, lost).await;
    world.pass(SignedDuration::from_hours(3)).await;
    world.minutes(1).await;
    assert_eq!(world.job_of(&report.call).await, "suppressed: expired");
    assert_eq!(world.texts_to(CALLER).len(), 0);
}

#[tokio::test]
async fn an_operator_can_leave_a_line_to_the_poller_or_switch_its_texts_off() {
    let world = World::begin().await;
    world.database.sql("UPDATE lines SET fast_path = false").await;
    let report = play(&world, ring(Outcome::NoAnswer)).await;
    assert_eq!(world.job_of(&report.call).await, "none");
    world.minutes(2).await;
    assert_eq!(world.outcome_of(&report.call).await, "missed by poller");
    assert_eq!(world.texts_to(CALLER).len(), 1);

    world.pass(SignedDuration::from_mins(20)).await;
    world
        .database
        .sql("UPDATE lines SET fast_path = true, text_back = false")
        .await;
    let report = play(&world, ring(Outcome::NoAnswer)).await;
    assert_eq!(world.job_of(&report.call).await, "suppressed: switched_off");
}

#[tokio::test]
async fn a_test_call_that_twilio_does_not_know_is_closed_without_noise() {
    let world = World::begin().await;
    let fields = [("CallSid", "CA_test_12345"), ("From", CALLER), ("To", LINE)];
    assert!(
        world
            .twilio
            .post_voice_webhook(&fields)
            .await
            .answer()
            .body
            .contains("<Dial")
    );
    world.pass(SignedDuration::from_mins(1)).await;
    let summary = world.poll().await;
    assert_eq!((&summary["notFound"], &summary["errors"]), (&1.into(), &0.into()));
    assert_eq!(world.outcome_of("CA_test_12345").await, "not_found by poller");
    assert_eq!(world.poll().await["checked"], 0);
}

#[tokio::test]
async fn a_status_only_moves_forward() {
    let world = World::begin().await;
    let report = play(&world, ring(Outcome::NoAnswer)).await;
    for status in ["ringing", "completed", "queued"] {
        let fields = [
            ("CallSid", report.call.as_str()),
            ("From", CALLER),
            ("To", LINE),
            ("CallStatus", status),
        ];
        assert_eq!(world.twilio.post_call_status(&fields).await.answer().status, 204);
    }
    let status = world.database.one("SELECT status FROM active_calls").await;
    assert_eq!(status.as_deref(), Some("no-answer"));
    assert_eq!(world.texts_to(CALLER).len(), 1);
}

#[tokio::test]
async fn the_furthest_report_of_a_text_counts_whatever_order_they_come_in() {
    let world = World::begin().await;
    world.twilio.set_fate(Fate::stuck());
    let report = play(&world, ring(Outcome::NoAnswer)).await;
    let sid = world.texts_to(CALLER)[0].sid.clone();
    for status in [Delivered, Sent, Queued, Delivered] {
        assert_eq!(
            world
                .twilio
                .post_message_status(&sid, status)
                .await
                .answer()
                .status,
            204
        );
        let furthest = format!(
            "SELECT delivery FROM missed_calls WHERE call_sid = '{}'",
            report.call
        );
        assert_eq!(world.database.one(&furthest).await.as_deref(), Some("delivered"));
    }
}

#[tokio::test]
async fn only_old_decided_calls_are_cleaned_up_and_the_ledger_never() {
    let world = World::begin().await;
    let decided = play(&world, ring(Outcome::NoAnswer)).await;
    let open = [("CallSid", "CA_test_1"), ("From", CALLER), ("To", LINE)];
    world.twilio.post_voice_webhook(&open).await.answer();
    world.pass(SignedDuration::from_hours(7 * 24)).await;
    assert_eq!(
        world.tick("cleanup").await["deleted"],
        0,
        "seven days to the second"
    );
    world.pass(SignedDuration::from_secs(1)).await;
    assert_eq!(world.tick("cleanup").await["deleted"], 1);
    assert_eq!(world.outcome_of(&decided.call).await, "none");
    assert_eq!(world.outcome_of("CA_test_1").await, "", "still there, undecided");
    assert_eq!(world.job_of(&decided.call).await, "accepted");

    let replayed = [
        ("CallSid", decided.call.as_str()),
        ("From", CALLER),
        ("To", LINE),
        ("DialCallStatus", "no-answer"),
    ];
    world.twilio.post_dial_result(&replayed).await.answer();
    world.run_jobs().await;
    assert_eq!(
        world.texts_to(CALLER).len(),
        1,
        "a request captured long ago and replayed"
    );
}

/// Action callback, status callback, poller, sweeper, runners and all their duplicates at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_races_end_with_one_text_each() {
    let world = World::begin().await;
    for round in 0..200 {
        let caller = format!("+1403555{round:04}");
        let call = Ring::new(
            &caller,
            LINE,
            if round % 2 == 0 {
                Outcome::NoAnswer
            } else {
                abandoned()
            },
        )
        .ringing_for(Duration::ZERO)
        .ordered(Order::AtOnce)
        .copied(Callback::Action, 2)
        .copied(Callback::Status, 2);
        let ringing = world.twilio.ring(call);
        let noise = async {
            // The poller's grace is over while the callbacks come.
            world.database.advance(SignedDuration::from_secs(31)).await;
            world.twilio.clock().advance(Duration::from_secs(31));
            futures_util::join!(
                world.poll(),
                world.poll(),
                world.sweep(),
                world.run_jobs(),
                world.run_jobs()
            )
        };
        let (report, _) = futures_util::join!(ringing, noise);
        world.run_jobs().await;
        if world.texts_to(&caller).is_empty() {
            // A doorbell may not have been rung in time; then the sweeper rings it.
            world.minutes(1).await;
        }
        let job = world.job_of(&report.call).await;
        assert_eq!(
            (world.texts_to(&caller).len(), job.as_str()),
            (1, "accepted"),
            "round {round}"
        );
    }
    assert_eq!(world.evidence().await, [""; 0]);
}

#[tokio::test]
async fn a_call_to_a_line_that_has_since_been_removed_still_ends_with_a_reason() {
    let world = World::begin().await;
    let lost = ring(Outcome::NoAnswer)
        .losing(Callback::Action)
        .losing(Callback::Status);
    let report = play(&world, lost).await;
    world.database.sql("DELETE FROM lines").await;
    world.minutes(3).await;
    assert_eq!(world.outcome_of(&report.call).await, "missed by poller");
    assert_eq!(world.job_of(&report.call).await, "suppressed: unknown_line");
}

#[tokio::test]
async fn an_operator_sees_how_soon_each_text_came() {
    let world = World::begin().await;
    let fast = play(&world, ring(Outcome::NoAnswer)).await;
    let latency = format!(
        "SELECT text_latency FROM missed_calls WHERE call_sid = '{}'",
        fast.call
    );
    assert_eq!(world.database.one(&latency).await.as_deref(), Some("00:00:00"));
}

#[tokio::test]
async fn a_caller_with_an_area_code_of_this_year_is_texted_too() {
    let world = World::begin().await;
    let caller = "+19245550142";
    world
        .twilio
        .ring(Ring::new(caller, LINE, Outcome::NoAnswer).ringing_for(A_MOMENT))
        .await;
    world.run_jobs().await;
    assert_eq!(world.texts_to(caller).len(), 1);
}

#[tokio::test]
async fn the_owner_of_a_line_that_only_the_settings_know_is_not_texted() {
    let database = system_tests::TestDatabase::new().await;
    let url = database.application_url().await;
    let world = World::without_lines(database, url, |settings| {
        settings
            .with("DEFAULT_LINE_NUMBER", LINE)
            .with("DEFAULT_FORWARD_TO", OWNER)
            .with("BUSINESS_NAME", "Acme")
    })
    .await;
    for (caller, end) in [
        (OWNER, "suppressed: loop"),
        (LINE, "suppressed: loop"),
        (CALLER, "accepted"),
    ] {
        let report = world
            .twilio
            .ring(Ring::new(caller, LINE, Outcome::NoAnswer).ringing_for(A_MOMENT))
            .await;
        world.run_jobs().await;
        assert_eq!(world.job_of(&report.call).await, end, "{caller}");
    }
    assert!(world.texts_to(CALLER)[0].body.starts_with("Hi, this is Acme."));
}
