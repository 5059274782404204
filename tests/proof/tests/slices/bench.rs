//! Every benchmark runs, and what it counts is what is promised. How long anything took is for `make bench`.

use std::time::Duration;

use proof::bench::{
    FEW_CUSTOMERS, LONG, MANY_CUSTOMERS, Options, PGBENCH, SWITCHBOARD, Times, find_pgbench, measure,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_costs_one_commit_and_a_text_two() {
    let options = Options {
        rounds: 1,
        clients: vec![2],
        operations: 4,
        backlog: 200,
        customers: 2_000,
        calls: 3,
        seconds: 1,
        requests_per_second: 10,
        scheduler_only: false,
    };
    // Where there is none, ours is measured alone.
    let seen = measure(&options, find_pgbench().ok())
        .await
        .expect("everything runs");

    for ingest in &seen.ingest {
        for way in [SWITCHBOARD, PGBENCH] {
            for row in ingest.of(way) {
                let counts = (row.cost.commits, row.round_trips);
                assert_eq!(counts, (1.0, Some(1.0)), "{}: {way}", ingest.title);
            }
        }
    }
    for (comparison, way) in [(&seen.text, SWITCHBOARD), (&seen.backlog, LONG)] {
        for row in comparison.of(way) {
            let counts = (row.cost.commits, row.round_trips);
            assert_eq!(counts, (2.0, Some(3.0)), "{}: {way}", comparison.title);
        }
    }
    for (comparison, way) in [
        (&seen.ticks, FEW_CUSTOMERS),
        (&seen.ticks, MANY_CUSTOMERS),
        (&seen.schedules, SWITCHBOARD),
    ] {
        for row in comparison.of(way) {
            let counts = (row.cost.commits, row.round_trips);
            assert_eq!(counts, (1.0, Some(1.0)), "{}: {way}", comparison.title);
        }
    }
    let found: Vec<_> = seen.sweeps.iter().map(|sweep| sweep.many.rows).collect();
    assert_eq!(found, [100, 100, 100, 0], "what each sweep is for, and no more");
    assert_eq!(seen.latency.from_statement.count(), 3);
    assert_eq!(seen.webhooks.answers.count(), 10);
    assert_eq!((seen.webhooks.round_trips, seen.webhooks.sends_at_most), (1.0, 1));
}

#[test]
fn a_percentile_is_a_time_that_was_seen() {
    let times: Times = (1..=200).rev().map(Duration::from_millis).collect();
    let seen = (times.percentile(50), times.percentile(99), times.percentile(100));
    assert_eq!(seen, (100.0, 198.0, 200.0));
}
