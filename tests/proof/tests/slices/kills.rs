//! Real processes are killed and frozen, and nobody is texted twice or forgotten.

use std::collections::BTreeSet;
use std::path::Path;

use proof::kills::{Arguments, Blow, Seen, aimed_at, run, under_fire};

/// One world after the other: there is another test beside this one.
const NOTHING: Arguments = Arguments {
    kills: 0,
    freezes: 0,
    time_outs: 0,
    seed: Some(4),
    at_once: 1,
};

async fn holds(arguments: Arguments) -> Seen {
    let seen = run(&arguments).await;
    assert_eq!(seen.judgement.violations, [""; 0]);
    assert!(seen.judgement.holds(), "{:?}", seen.judgement);
    assert!(seen.judgement.texts > 0, "somebody was texted all the same");
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_kills_text_nobody_twice_and_forget_nobody() {
    let kills = 40;
    let seen = holds(Arguments { kills, ..NOTHING }).await;
    assert!(seen.hits.kills() >= kills, "{} killed", seen.hits.kills());
    assert_eq!(seen.hits.killed(), under_fire(), "and everybody is hit");
    for way in [Blow::KilledAtAMoment, Blow::KilledAtAPoint] {
        assert!(seen.hits.of(way) > 0, "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn six_runners_thawed_with_dead_permits_text_nobody_twice_and_forget_nobody() {
    let freezes = 6;
    let seen = holds(Arguments { freezes, ..NOTHING }).await;
    assert!(seen.hits.of(Blow::Frozen) >= freezes);
}

/// The statements that no function runs while somebody waits for a text.
const SPARED: [&str; 5] = [
    "delete_processed",
    "delete_quarantined",
    "line",
    "record_delivery",
    "unknown_calls_due",
];

#[test]
fn every_statement_that_matters_is_aimed_at() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/src");
    let mut statements = BTreeSet::new();
    for domain in ["jobs", "missed_calls"] {
        let folder = shared.join(domain).join("sql");
        for file in std::fs::read_dir(folder).expect("the statements") {
            let name = file.expect("a file").file_name().into_string().expect("a name");
            statements.insert(name.trim_end_matches(".sql").to_owned());
        }
    }
    statements.retain(|name| !SPARED.contains(&name.as_str()));
    let aimed_at: BTreeSet<String> = aimed_at().map(str::to_owned).collect();
    assert_eq!(aimed_at, statements);
}
