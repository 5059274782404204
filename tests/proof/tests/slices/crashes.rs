//! A few crashes and cuts.

use futures_util::future::join_all;
use proof::crashes::{CommitEnd, Offsets, Plan, Side, Stop, crash, cut};
use system_tests::{durable_server, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_inside_a_commit_costs_nobody_a_text_and_gives_nobody_two() {
    let mut server = durable_server().await;
    let crashes = crash(&mut server, &Plan { crashes: 10, seed: 7 })
        .await
        .expect("a run");
    assert_eq!(crashes.count(), 10);
    assert!(crashes.of(Stop::is_inside_commit) >= 4, "{:?}", crashes.stops);
    assert!(
        crashes.inside(CommitEnd::CommittedUnheard) >= 1,
        "{:?}",
        crashes.stops
    );
    assert!(crashes.judgement.holds(), "{:?}", crashes.judgement);
    let everybody = (crashes.judgement.acts, crashes.judgement.unconnected);
    assert_eq!(everybody, (crashes.judgement.causes, 0));
    let recoveries = server.log().matches("automatic recovery in progress").count();
    assert_eq!(recoveries, 10, "by the server's own log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_may_end_at_any_byte_of_a_grant_or_of_settling() {
    let server = server().await;
    let cuts = [
        ("grant", Side::Answer),
        ("grant", Side::Request),
        ("settle_accepted", Side::Answer),
        ("settle_accepted", Side::Request),
    ];
    let cuts = cuts.map(|(statement, side)| Box::pin(cut(server, statement, side, Offsets::Sample(2), 7)));
    for cut in join_all(cuts).await {
        let cut = cut.expect("a run");
        assert!(cut.judgement.holds(), "{cut}");
        assert_eq!(cut.judgement.acts, cut.judgement.causes, "{cut}");
    }
}
