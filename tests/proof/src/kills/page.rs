//! What a run saw, for the report and for whoever watches.

use std::fmt::Write as _;

use super::hits::Blow;
use super::{Arguments, Seen};
use crate::report::{Figure, Section};

/// Kills that are not spread prove little: as many places as this, and none with more than its share.
const PLACES_AT_LEAST: usize = 40;
const SHARE_AT_MOST: f64 = 0.2;

/// The section of the report.
pub(super) fn section(arguments: &Arguments, seen: &Seen) -> Section {
    let (hits, judgement) = (&seen.hits, &seen.judgement);
    let places = hits.places();
    let (kills, frozen, timed_out) = (hits.kills(), hits.of(Blow::Frozen), hits.of(Blow::TimedOut));
    let most = places.first().map_or(0, |(_, count)| *count);
    #[expect(clippy::cast_precision_loss, reason = "a share of thousands")]
    let (share, per_minute) = (
        most as f64 / kills.max(1) as f64,
        kills as f64 * 60.0 / seen.killing.as_secs_f64(),
    );
    // A handful of kills cannot be spread.
    let is_spread = arguments.kills < 500 || (places.len() >= PLACES_AT_LEAST && share <= SHARE_AT_MOST);
    let holds = judgement.holds()
        && kills >= arguments.kills
        && frozen >= arguments.freezes
        && timed_out >= arguments.time_outs
        && is_spread;
    Section {
        title: "Real kills".to_owned(),
        command: format!(
            "proof kill --kills {} --freezes {} --time-outs {} --seed {}",
            arguments.kills, arguments.freezes, arguments.time_outs, seen.seed
        ),
        about: "The functions' real binaries over a real Postgres, ended by SIGKILL in the middle of their work: at \
                moments drawn from a seed, and before and after each statement on the wire; frozen by SIGSTOP for \
                longer than a permit lives while the world moves on; left to outlive their limits (the poller's is \
                lowered to three seconds). A seed brings back the plan, not the microsecond. Then the world \
                lives on until every timer has run out, and Twilio's own record is the judge."
            .to_owned(),
        figures: vec![
            Figure::against("processes killed in the middle of an invocation", kills, arguments.kills),
            Figure::seen("… of them at a moment", hits.of(Blow::KilledAtAMoment)),
            Figure::seen("… of them at a chosen point", hits.of(Blow::KilledAtAPoint)),
            Figure::against("places where they were hit", places.len(), PLACES_AT_LEAST),
            Figure::against(
                "share of the place hit most",
                format!("{:.0} %", share * 100.0),
                format!("{:.0} % at most", SHARE_AT_MOST * 100.0),
            ),
            Figure::against("processes frozen until their permits were dead, and thawed", frozen, arguments.freezes),
            Figure::against("processes that outlived their limit", timed_out, arguments.time_outs),
            Figure::seen("worlds", seen.worlds),
            Figure::seen("missed calls", judgement.missed),
            Figure::seen("permits committed", judgement.attempts),
            Figure::seen("requests that Twilio got", judgement.requests),
            Figure::seen("missed calls without a text, for a reason that their world explains", judgement.excused),
            Figure::against("texts that Twilio took, one for every other", judgement.texts, judgement.owed()),
            Figure::against("callers texted twice for a call", judgement.duplicates, 0),
            Figure::against("missed calls without a text and without such a reason", judgement.losses, 0),
            Figure::against("jobs that came to an end", judgement.ended(), judgement.missed),
            Figure::against("other violations", judgement.violations.len(), 0),
            Figure::seen("kills in a minute", format!("{per_minute:.0}")),
            Figure::seen("minutes in all", format!("{:.1}", seen.elapsed.as_secs_f64() / 60.0)),
        ],
        details: details(seen),
        holds,
    }
}

fn details(seen: &Seen) -> String {
    let mut details = String::new();
    let mut table = |heading: &str, rows: Vec<(String, usize)>| {
        let _ = writeln!(details, "| {heading} | times |\n|---|---|");
        for (what, count) in rows {
            let _ = writeln!(details, "| {what} | {count} |");
        }
        details.push('\n');
    };
    let mut ends: Vec<_> = seen.judgement.ends.clone().into_iter().collect();
    ends.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    table("how jobs ended", ends);
    table("killed", seen.hits.places());
    table("frozen", seen.hits.places_of(&[Blow::Frozen]));
    table("outlived its limit", seen.hits.places_of(&[Blow::TimedOut]));
    for violation in &seen.judgement.violations {
        let _ = writeln!(details, "- {violation}");
    }
    details
}

/// The section as a terminal shows it.
pub(super) fn shown(section: &Section) -> String {
    let mut shown = format!("\n{}\n\n", section.title);
    for figure in &section.figures {
        let bar = figure
            .bar
            .as_ref()
            .map(|bar| format!("  (bar: {bar})"))
            .unwrap_or_default();
        let _ = writeln!(shown, "{:>10}  {}{bar}", figure.seen, figure.what);
    }
    let _ = write!(shown, "\n{}", section.details);
    let verdict = if section.holds {
        "everything held"
    } else {
        "NOT EVERYTHING HELD"
    };
    let _ = writeln!(shown, "{verdict}");
    shown
}
