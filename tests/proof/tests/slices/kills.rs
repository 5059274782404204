//! Real processes are killed and frozen, and nobody is reached twice or forgotten.

use std::collections::BTreeSet;
use std::path::Path;

use proof::kills::{Arguments, Blow, Part, Workflow, run};

/// One world after the other: there is another test beside this one.
const NOTHING: Arguments = Arguments {
    kills: 0,
    freezes: 0,
    time_outs: 0,
    seed: Some(4),
    at_once: 1,
    workflows: Vec::new(),
};

async fn holds(workflow: Workflow, arguments: Arguments) -> Part {
    let workflows = vec![workflow];
    let mut seen = run(&Arguments {
        workflows,
        ..arguments
    })
    .await;
    let part = seen.parts.remove(0);
    assert_eq!(part.judgement.violations, [""; 0]);
    assert!(part.judgement.holds(), "{:?}", part.judgement);
    assert!(part.judgement.acts > 0, "somebody was reached all the same");
    part
}

async fn kills(workflow: Workflow) {
    let kills = 40;
    let seen = holds(workflow, Arguments { kills, ..NOTHING }).await;
    assert!(seen.hits.kills() >= kills, "{} killed", seen.hits.kills());
    assert_eq!(seen.hits.killed(), workflow.under_fire(), "and everybody is hit");
    for way in [Blow::KilledAtAMoment, Blow::KilledAtAPoint] {
        assert!(seen.hits.of(way) > 0, "{way:?}");
    }
}

async fn freezes(workflow: Workflow) {
    let freezes = 6;
    let seen = holds(workflow, Arguments { freezes, ..NOTHING }).await;
    assert!(seen.hits.of(Blow::Frozen) >= freezes);
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_kills_text_nobody_twice_and_forget_nobody() {
    kills(Workflow::Texts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_kills_call_nobody_twice_a_day_and_forget_nobody() {
    kills(Workflow::Calls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn six_runners_thawed_with_dead_permits_text_nobody_twice_and_forget_nobody() {
    freezes(Workflow::Texts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn six_thawed_with_what_they_believed_an_hour_ago_call_nobody_twice_and_forget_nobody() {
    freezes(Workflow::Calls).await;
}

/// The statements that no function runs while somebody waits for a text or a call.
const SPARED: [&str; 4] = [
    "delete_processed",
    "delete_quarantined",
    "line",
    "record_delivery",
];

#[test]
fn every_statement_that_matters_is_aimed_at() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/src");
    let mut statements = BTreeSet::new();
    for domain in ["jobs", "missed_calls", "calls", "customers"] {
        let folder = shared.join(domain).join("sql");
        for file in std::fs::read_dir(folder).expect("the statements") {
            let name = file.expect("a file").file_name().into_string().expect("a name");
            statements.insert(name.trim_end_matches(".sql").to_owned());
        }
    }
    statements.retain(|name| !SPARED.contains(&name.as_str()));
    let aimed_at = Workflow::ALL.into_iter().flat_map(Workflow::aimed_at);
    let aimed_at: BTreeSet<String> = aimed_at.map(str::to_owned).collect();
    assert_eq!(aimed_at, statements);
}
