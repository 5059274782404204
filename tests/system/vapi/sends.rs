//! Placing a call: one permit, one request, and what its answer proves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use local::sandbox_vapi::{Behaviour, SandboxVapi};
use serde_json::json;
use shared::jobs::{AfterRefusal, Outcome, Refusal};
use shared::platform::gate::Gate;
use shared::providers::vapi::{Client, Line};

use super::{CUSTOMER, Ledger, call, client, place, vapi};

fn sends(vapi: &SandboxVapi) -> usize {
    vapi.requests().iter().filter(|request| request.is_send()).count()
}

fn number(index: usize) -> String {
    format!("+1403555{index:04}")
}

#[tokio::test]
async fn a_call_is_placed_once_and_carries_its_attempt_in_every_place() {
    let (vapi, ledger) = (vapi().await, Ledger::new().await);

    let (attempt, outcome) = place(&vapi, &ledger, CUSTOMER).await;

    let [placed] = vapi.calls().try_into().expect("one call");
    assert_eq!(
        outcome,
        Outcome::Accepted {
            provider_id: placed.id.clone()
        }
    );
    let attempt = attempt.to_string();
    assert_eq!(placed.name.as_deref(), Some(attempt.as_str()));
    assert_eq!(placed.attempt(), Some(attempt.as_str()));
    assert_eq!(placed.recipient, CUSTOMER);
    assert_eq!(sends(&vapi), 1);
    assert_eq!(
        vapi.requests()[0].body,
        json!({
            "assistantId": vapi.assistant_id(),
            "phoneNumberId": vapi.phone_number_id(),
            "name": attempt,
            "customer": { "number": CUSTOMER, "externalId": "cust_42", "name": "Ann" },
            "assistantOverrides": {
                "variableValues": { "first_name": "Ann" },
                "metadata": { "attempt_id": attempt },
            },
        })
    );
}

#[tokio::test]
async fn a_long_name_is_cut_and_none_is_left_out() {
    let (vapi, ledger) = (vapi().await, Ledger::new().await);
    for (index, (given, sent)) in [
        ("é".repeat(200), Some("é".repeat(40))),
        (" ".to_owned(), None),
        (String::new(), None),
    ]
    .into_iter()
    .enumerate()
    {
        let mut call = call();
        call.customer_name = given;
        let permit = ledger.permit(&number(index)).await;
        let outcome = client(&vapi).place_call(permit, &call, || true).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        assert_eq!(vapi.calls()[index].customer_name, sent);
    }
}

#[tokio::test]
async fn an_answer_that_proves_nothing_is_unknown_whatever_happened() {
    let (vapi, ledger) = (vapi().await, Ledger::new().await);
    let elsewhere = super::vapi().await;
    let to = format!("{}/call", elsewhere.base_url());
    let (redirect, see_other) = (
        Behaviour::Redirect {
            http: 307,
            to: to.clone(),
        },
        Behaviour::Redirect { http: 303, to },
    );
    let cases = [
        (Behaviour::AcceptThenReset, None, 1),
        (Behaviour::AcceptThen500, Some(500), 1),
        (Behaviour::AcceptThenGarbled, Some(201), 1),
        (Behaviour::AcceptThenHuge { bytes: 8 << 20 }, Some(201), 1),
        (Behaviour::Reset, None, 0),
        (Behaviour::Fail500, Some(500), 0),
        (redirect, Some(307), 0),
        (see_other, Some(303), 0),
        (Behaviour::refuse(402, "no credit"), Some(402), 0),
        (Behaviour::refuse(408, "slow"), Some(408), 0),
        (Behaviour::refuse(409, "conflict"), Some(409), 0),
        (Behaviour::refuse(503, "later"), Some(503), 0),
    ];
    for (index, (behaviour, status, calls)) in cases.into_iter().enumerate() {
        vapi.on_next_send(behaviour.clone());
        let (_, outcome) = place(&vapi, &ledger, &number(index)).await;
        assert!(
            matches!(outcome, Outcome::Unknown { http_status, .. } if http_status == status),
            "{behaviour:?}: {outcome:?}"
        );
        assert_eq!(vapi.calls_to(&number(index)).len(), calls, "{behaviour:?}");
        assert_eq!(sends(&vapi), index + 1, "{behaviour:?}");
    }
    assert!(elsewhere.requests().is_empty(), "a redirect was followed");
}

#[tokio::test]
async fn a_definite_no_says_what_may_follow() {
    let (vapi, ledger) = (vapi().await, Ledger::new().await);
    let throttled = |seconds| AfterRefusal::Throttled {
        wait: Duration::from_secs(seconds),
    };
    let slow_down = Behaviour::Refuse {
        http: 429,
        message: "slow down".to_owned(),
        retry_after: Some("7".to_owned()),
    };
    let cases = [
        (Behaviour::refuse(400, "Over Concurrency Limit"), throttled(120)),
        (Behaviour::refuse(400, "no"), AfterRefusal::GiveUp),
        (Behaviour::refuse(403, "no"), AfterRefusal::Unauthorized),
        (Behaviour::refuse(404, "no"), AfterRefusal::Unauthorized),
        (Behaviour::refuse(422, "no"), AfterRefusal::GiveUp),
        (slow_down, throttled(7)),
    ];
    for (index, (behaviour, expected)) in cases.into_iter().enumerate() {
        vapi.on_next_send(behaviour.clone());
        let (_, outcome) = place(&vapi, &ledger, &number(index)).await;
        let Outcome::Refused(Refusal { next, .. }) = outcome else {
            panic!("{behaviour:?}: {outcome:?}");
        };
        assert_eq!(next, expected, "{behaviour:?}");
    }
    assert!(vapi.calls().is_empty());
}

#[tokio::test]
async fn a_call_that_waits_for_its_turn_is_accepted() {
    let (vapi, ledger) = (vapi().await, Ledger::new().await);
    vapi.on_next_send(Behaviour::AcceptBlocked);
    let (_, outcome) = place(&vapi, &ledger, CUSTOMER).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_rotated_key_counts_at_once() {
    let (vapi, ledger) = (vapi().await, Ledger::new().await);
    let held = Arc::new(Mutex::new(vapi.api_key()));
    let line = Line {
        assistant_id: vapi.assistant_id().to_owned(),
        phone_number_id: vapi.phone_number_id().to_owned(),
    };
    let current = Arc::clone(&held);
    let key = move || current.lock().expect("no panic").clone().into();
    let client = Client::new(&vapi.base_url(), line, key, Gate::default()).expect("a client");
    vapi.rotate_api_key("test-vapi-key-rotated");

    let refused = client
        .place_call(ledger.permit(&number(1)).await, &call(), || true)
        .await;
    assert!(
        matches!(
            refused,
            Outcome::Refused(Refusal {
                next: AfterRefusal::Unauthorized,
                ..
            })
        ),
        "{refused:?}"
    );
    vapi.api_key().clone_into(&mut held.lock().expect("no panic"));
    let accepted = client
        .place_call(ledger.permit(&number(2)).await, &call(), || true)
        .await;
    assert!(matches!(accepted, Outcome::Accepted { .. }), "{accepted:?}");
}

#[tokio::test]
async fn what_never_left_is_known_not_to_have_been_sent() {
    let (vapi, ledger) = (vapi().await, Ledger::new().await);
    let client = client(&vapi);
    let stale = client
        .place_call(ledger.permit(&number(1)).await, &call(), || false)
        .await;
    assert_eq!(stale, Outcome::not_sent());
    assert!(vapi.requests().is_empty());

    vapi.shutdown();
    tokio::task::yield_now().await;
    let refused = client
        .place_call(ledger.permit(&number(2)).await, &call(), || true)
        .await;
    assert_eq!(refused, Outcome::not_sent());
}

#[tokio::test]
async fn a_sender_who_is_gone_may_have_placed_a_call() {
    let (vapi, ledger) = (vapi().await, Ledger::new().await);
    vapi.on_next_send(Behaviour::LateAccept {
        after: Duration::from_mins(8),
    });
    tokio::select! {
        placed = place(&vapi, &ledger, CUSTOMER) => panic!("nobody answers yet: {placed:?}"),
        () = vapi.when(|vapi| (vapi.held() == 1).then_some(())) => {}
    }
    assert!(vapi.calls().is_empty());

    vapi.clock().advance(Duration::from_mins(8));

    let placed = vapi.when(|vapi| vapi.calls().pop()).await;
    assert_eq!(placed.created_at, vapi.clock().now());
}
