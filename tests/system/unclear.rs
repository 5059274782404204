//! Whatever Twilio answers, or does not, the caller has one text or none, and the job an end with a reason.
//!
//! An answer that proves nothing is settled by Twilio's callback or by its list, never by a second text.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use jiff::SignedDuration;
use local::sandbox::{Behaviour, Fate, MessageStatus, Outcome, ReadFault, Ring, SandboxEvent};
use system_tests::{CALLER, LINE, OWNER, TestDatabase, World};
use tokio::net::TcpListener;

const OTHER_CALLER: &str = "+14035550002";
const NO_EVIDENCE: &str = "needs_human: no evidence within the hour whether it arrived";

fn silent() -> Fate {
    Fate::delivered().without_callbacks()
}

/// A missed call, and everything that follows from it within the same minute; the call.
async fn miss(world: &World, caller: &str) -> String {
    let ring = Ring::new(caller, LINE, Outcome::NoAnswer).ringing_for(Duration::ZERO);
    let report = world.twilio.ring(ring).await;
    world.run_jobs().await;
    report.call
}

fn sends(world: &World) -> usize {
    let requests = world.twilio.requests();
    requests.iter().filter(|request| request.is_send()).count()
}

async fn attempts(world: &World) -> String {
    let query = "SELECT coalesce(string_agg(state, ', ' ORDER BY granted_at, attempt_no), '') FROM attempts";
    world.database.one(query).await.expect("a row")
}

/// Minutes in which Twilio's records cannot be read, so that nobody asks for calls.
async fn minutes_without_the_poller(world: &World, minutes: usize) {
    for _ in 0..minutes {
        world.pass(SignedDuration::from_mins(1)).await;
        world.sweep().await;
        world.run_jobs().await;
    }
}

/// A place that nobody should ever ask, and how often somebody did.
async fn forbidden_place() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&visits);
    let router = Router::new().fallback(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async { "{}" }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, visits)
}

#[tokio::test]
async fn an_accepted_text_whose_answer_is_lost_is_settled_by_its_callback() {
    for behaviour in [
        Behaviour::AcceptThenReset,
        Behaviour::AcceptThen500,
        Behaviour::AcceptThenGarbled,
        Behaviour::AcceptThenHuge { bytes: 1_000_000 },
        Behaviour::CallbackFirst,
    ] {
        let world = World::begin().await;
        let mut events = world.twilio.events();
        world.twilio.on_next_send(behaviour.clone());
        let call = miss(&world, CALLER).await;
        let delivered = |event: &SandboxEvent| match event {
            SandboxEvent::MessageStatusPosted {
                status: MessageStatus::Delivered,
                delivery,
                ..
            } => Some(delivery.clone()),
            _ => None,
        };
        let delivery = events.find(delivered).await.expect("Twilio is there");
        assert_eq!(delivery.answer().status, 204, "{behaviour:?}");
        assert_eq!(world.job_of(&call).await, "accepted", "{behaviour:?}: at once");
        world.minutes(20).await;
        assert_eq!(
            (world.texts_to(CALLER).len(), sends(&world)),
            (1, 1),
            "{behaviour:?}"
        );
        assert_eq!(world.job_of(&call).await, "accepted", "{behaviour:?}");
        assert_eq!(world.evidence().await, [""; 0], "{behaviour:?}");
    }
}

#[tokio::test]
async fn an_accepted_text_that_nobody_tells_of_is_found_in_twilios_list() {
    for behaviour in [
        Behaviour::AcceptThenReset,
        Behaviour::AcceptThen500,
        Behaviour::AcceptThenGarbled,
        Behaviour::AcceptThenHuge { bytes: 1_000_000 },
    ] {
        let world = World::begin().await;
        world.twilio.set_fate(silent());
        world.twilio.on_next_send(behaviour.clone());
        let call = miss(&world, CALLER).await;
        assert!(
            world.job_of(&call).await.starts_with("unknown: "),
            "{behaviour:?}: nobody knows yet, and it says why"
        );
        world.minutes(3).await;
        assert_eq!(world.job_of(&call).await, "accepted", "{behaviour:?}");
        world.minutes(17).await;
        assert_eq!(
            (world.texts_to(CALLER).len(), sends(&world)),
            (1, 1),
            "{behaviour:?}"
        );
        assert_eq!(world.evidence().await, [""; 0], "{behaviour:?}");
    }
}

#[tokio::test]
async fn a_text_that_may_have_arrived_is_tried_again_only_once_it_is_proven_absent() {
    for behaviour in [Behaviour::Fail500, Behaviour::Reset] {
        let world = World::begin().await;
        world.twilio.on_next_send(behaviour.clone());
        let call = miss(&world, CALLER).await;
        world.minutes(15).await;
        assert_eq!(
            (world.texts_to(CALLER).len(), sends(&world)),
            (0, 1),
            "{behaviour:?}: not proven yet"
        );
        world.minutes(3).await;
        assert_eq!(
            (world.texts_to(CALLER).len(), sends(&world)),
            (1, 2),
            "{behaviour:?}"
        );
        assert_eq!(attempts(&world).await, "absent, accepted", "{behaviour:?}");
        assert_eq!(world.job_of(&call).await, "accepted", "{behaviour:?}");
    }
}

#[tokio::test]
async fn a_text_is_never_carried_elsewhere_by_a_redirect() {
    for http in [301, 302, 307, 308] {
        let (elsewhere, visits) = forbidden_place().await;
        let world = World::begin().await;
        world.twilio.on_next_send(Behaviour::Redirect {
            http,
            to: format!("{elsewhere}/Messages.json"),
        });
        let call = miss(&world, CALLER).await;
        world.minutes(18).await;
        assert_eq!(visits.load(Ordering::SeqCst), 0, "{http}");
        assert_eq!(
            (world.texts_to(CALLER).len(), sends(&world)),
            (1, 2),
            "{http}: proven absent, then sent"
        );
        assert_eq!(world.job_of(&call).await, "accepted", "{http}");
    }
}

#[tokio::test]
async fn two_texts_that_twilio_makes_of_one_request_are_kept_as_evidence() {
    let world = World::begin().await;
    world.twilio.on_next_send(Behaviour::DoubleAccept);
    let mut events = world.twilio.events();
    let call = miss(&world, CALLER).await;
    let mut delivered = std::collections::BTreeSet::new();
    while delivered.len() < 2 {
        let sid = |event: &SandboxEvent| match event {
            SandboxEvent::MessageStatusPosted {
                sid,
                status: MessageStatus::Delivered,
                ..
            } => Some(sid.clone()),
            _ => None,
        };
        delivered.insert(events.find(sid).await.expect("Twilio is there"));
    }
    world.minutes(20).await;
    assert_eq!(sends(&world), 1, "ours was one");
    assert_eq!(world.texts_to(CALLER).len(), 2, "theirs were two");
    assert_eq!(world.job_of(&call).await, "accepted");
    assert_eq!(world.evidence().await, ["accepted while accepted"]);
}

/// The sender has hung up for minutes when Twilio takes the text after all.
#[tokio::test]
async fn a_text_that_twilio_takes_minutes_later_is_not_sent_again() {
    let world = World::begin().await;
    world.twilio.set_fate(silent());
    world.twilio.on_next_send(Behaviour::LateAccept {
        after: Duration::from_mins(8),
    });
    let call = miss(&world, CALLER).await;
    assert_eq!(world.job_of(&call).await, "unknown: no answer in time");
    world.minutes(7).await;
    assert_eq!(world.texts_to(CALLER).len(), 0, "and two readings were empty");
    world.minutes(20).await;
    assert_eq!((world.texts_to(CALLER).len(), sends(&world)), (1, 1));
    assert_eq!(world.job_of(&call).await, "accepted");
}

#[tokio::test]
async fn a_throttled_channel_waits_as_told_and_nobody_is_forgotten() {
    let world = World::begin().await;
    world.twilio.on_next_send(Behaviour::Refuse {
        http: 429,
        code: 20429,
        retry_after: Some("120".to_owned()),
    });
    let first = miss(&world, CALLER).await;
    let second = miss(&world, OTHER_CALLER).await;
    assert_eq!(sends(&world), 1, "the second person's text was not even tried");
    world.minutes(1).await;
    assert_eq!(sends(&world), 1, "not before Twilio's two minutes are over");
    world.minutes(4).await;
    for (caller, call) in [(CALLER, first), (OTHER_CALLER, second)] {
        assert_eq!(world.texts_to(caller).len(), 1);
        assert_eq!(world.job_of(&call).await, "accepted");
    }
    assert_eq!(sends(&world), 3);
}

#[tokio::test]
async fn refused_credentials_are_our_outage_and_cost_the_people_behind_it_nothing() {
    let world = World::begin().await;
    world.twilio.on_every_send(Behaviour::refuse(401, 20003));
    let first = miss(&world, CALLER).await;
    let second = miss(&world, OTHER_CALLER).await;
    world.minutes(4).await;
    assert_eq!(sends(&world), 1, "one probe is enough");
    assert_eq!(world.job_of(&first).await, "pending");
    assert_eq!(world.job_of(&second).await, "pending");
    world.twilio.on_every_send(Behaviour::Accept);
    world.minutes(2).await;
    assert_eq!(
        world.job_of(&second).await,
        "accepted",
        "it probes in the first one's place"
    );
    let spent =
        format!("SELECT count(*)::text FROM attempts JOIN jobs ON jobs.id = job_id WHERE cause = '{second}'");
    assert_eq!(world.database.one(&spent).await.as_deref(), Some("1"));
    world.minutes(10).await;
    assert_eq!(world.job_of(&first).await, "accepted");
    for caller in [CALLER, OTHER_CALLER] {
        assert_eq!(world.texts_to(caller).len(), 1, "{caller}");
    }
}

#[tokio::test]
async fn a_connection_that_never_came_about_is_tried_three_times_and_then_given_up() {
    let database = TestDatabase::new().await;
    database
        .sql(&format!(
            "INSERT INTO lines (number, forward_to, business_name) VALUES ('{LINE}', '{OWNER}', 'Acme')"
        ))
        .await;
    let url = database.application_url().await;
    // Nobody listens on port 1.
    let world = World::without_lines(database, url, |settings| {
        settings.with("TWILIO_API_BASE_URL", "http://127.0.0.1:1")
    })
    .await;
    let call = miss(&world, CALLER).await;
    assert_eq!(attempts(&world).await, "refused", "a definite no, not an unknown");
    minutes_without_the_poller(&world, 6).await;
    assert_eq!(attempts(&world).await, "refused, refused, refused");
    assert_eq!(world.job_of(&call).await, "dead: not_sent");
    assert_eq!(sends(&world), 0);
}

#[tokio::test]
async fn a_list_that_lags_is_waited_for() {
    let world = World::begin().await;
    world.twilio.set_fate(silent());
    world.twilio.lag_lists_by(Duration::from_secs(121));
    world.twilio.on_next_send(Behaviour::AcceptThenReset);
    let call = miss(&world, CALLER).await;
    world.minutes(2).await;
    assert!(
        world.job_of(&call).await.starts_with("unknown: "),
        "an empty list proves nothing yet"
    );
    world.minutes(18).await;
    assert_eq!((world.texts_to(CALLER).len(), sends(&world)), (1, 1));
    assert_eq!(world.job_of(&call).await, "accepted");
}

#[tokio::test]
async fn a_list_that_cannot_be_read_for_an_hour_proves_nothing_and_a_person_decides() {
    for fault in [
        ReadFault::Refuse {
            http: 503,
            code: 20503,
        },
        ReadFault::Garbled,
        ReadFault::Reset,
    ] {
        for behaviour in [Behaviour::AcceptThenReset, Behaviour::Fail500] {
            let world = World::begin().await;
            world.twilio.set_fate(silent());
            world.twilio.on_every_read(Some(fault.clone()));
            world.twilio.on_next_send(behaviour.clone());
            let call = miss(&world, CALLER).await;
            minutes_without_the_poller(&world, 62).await;
            assert_eq!(world.job_of(&call).await, NO_EVIDENCE, "{fault:?}, {behaviour:?}");
            // Even a list that can be read again does not make it absent.
            world.twilio.on_every_read(None);
            minutes_without_the_poller(&world, 20).await;
            assert_eq!(world.job_of(&call).await, NO_EVIDENCE, "{fault:?}, {behaviour:?}");
            assert_eq!(sends(&world), 1, "{fault:?}, {behaviour:?}");
            assert_eq!(attempts(&world).await, "unresolved", "{fault:?}, {behaviour:?}");
        }
    }
}

#[tokio::test]
async fn a_late_callback_settles_what_was_left_to_a_person() {
    let world = World::begin().await;
    world.twilio.set_fate(silent());
    world.twilio.on_every_read(Some(ReadFault::Reset));
    world.twilio.on_next_send(Behaviour::AcceptThenReset);
    let call = miss(&world, CALLER).await;
    minutes_without_the_poller(&world, 62).await;
    assert_eq!(world.job_of(&call).await, NO_EVIDENCE);
    let sid = world.texts_to(CALLER)[0].sid.clone();
    let report = world.twilio.post_message_status(&sid, MessageStatus::Delivered);
    assert_eq!(report.await.answer().status, 204);
    assert_eq!(world.job_of(&call).await, "accepted");
    assert_eq!(world.evidence().await, [""; 0]);
}

#[tokio::test]
async fn a_list_that_leads_elsewhere_is_not_followed_and_proves_nothing() {
    let (elsewhere, visits) = forbidden_place().await;
    let host = elsewhere.trim_start_matches("http:");
    for uri in [elsewhere.clone(), host.to_owned(), format!("/..{host}/x")] {
        let world = World::begin().await;
        world.twilio.set_next_page_uri(Some(uri.clone()));
        world.twilio.on_next_send(Behaviour::Fail500);
        let call = miss(&world, CALLER).await;
        minutes_without_the_poller(&world, 62).await;
        assert_eq!(visits.load(Ordering::SeqCst), 0, "{uri}");
        assert_eq!(world.job_of(&call).await, NO_EVIDENCE, "{uri}");
        assert_eq!((world.texts_to(CALLER).len(), sends(&world)), (0, 1), "{uri}");
    }
}

#[tokio::test]
async fn a_text_that_twilio_took_after_all_is_not_sent_a_second_time() {
    let world = World::begin().await;
    world.twilio.on_next_send(Behaviour::refuse(429, 20429));
    let call = miss(&world, CALLER).await;
    assert_eq!(world.job_of(&call).await, "pending", "it would be tried again");
    let attempt = world
        .database
        .one("SELECT id FROM attempts")
        .await
        .expect("an attempt");
    let url = format!("{}/api/webhooks/twilio/status?attempt={attempt}", world.url);
    let report = [
        ("MessageSid", "SM00000000000000000000000000000009"),
        ("MessageStatus", "delivered"),
    ];
    assert_eq!(world.twilio.post(url, &report).await.answer().status, 204);
    assert_eq!(world.job_of(&call).await, "needs_human: accepted while refused");
    world.minutes(10).await;
    assert_eq!(sends(&world), 1);
    assert_eq!(world.evidence().await, ["accepted while refused"]);
}

#[tokio::test]
async fn any_answer_about_a_text_itself_shows_that_our_credentials_are_good_again() {
    let world = World::begin().await;
    world.twilio.on_next_send(Behaviour::refuse(401, 20003));
    miss(&world, CALLER).await;
    let behind = miss(&world, OTHER_CALLER).await;
    assert_eq!(world.job_of(&behind).await, "pending", "the channel is closed");
    // The probe is a landline.
    world.twilio.on_next_send(Behaviour::refuse(400, 21614));
    world.minutes(7).await;
    assert_eq!(sends(&world), 2);
    world.minutes(13).await;
    let ends = [world.texts_to(CALLER).len(), world.texts_to(OTHER_CALLER).len()];
    assert_eq!(
        ends.iter().sum::<usize>(),
        1,
        "the one that was not a landline: {ends:?}"
    );
    let open = world
        .database
        .one("SELECT NOT breaker_open AND not_before IS NULL FROM channels")
        .await;
    assert_eq!(open.as_deref(), Some("t"));
}
