//! The crashes' section of the report.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::cuts::{Cut, Side};
use super::stops::{CommitEnd, Crashes, Reached};
use super::{Plan, Stop};
use crate::judgement::Judgement;
use crate::report::{Figure, Section};

pub(super) fn section(plan: &Plan, crashes: &Crashes, cuts: &[Cut], log: &str) -> Section {
    let mut everybody = crashes.judgement.clone();
    for cut in cuts {
        everybody.add(cut.judgement.clone());
    }
    let recoveries = log.matches("automatic recovery in progress").count();
    let mut figures = of_crashes(plan, crashes, recoveries);
    figures.extend(cuts.iter().map(of_cut));
    figures.extend(of_everybody(&everybody));
    let holds = costs_nothing(&everybody)
        && recoveries == crashes.count()
        && crashes.of(is_durability_broken) + crashes.of(is_half_done) == 0
        && crashes.of(Stop::is_inside_commit) * 4 >= crashes.count()
        && crashes.inside(CommitEnd::CommittedUnheard) * 10 >= crashes.count()
        && crashes.inside(CommitEnd::RolledBack) * 10 >= crashes.count();
    Section {
        title: "The database crashes".to_owned(),
        command: format!("proof crash --crashes {} --seed {}", plan.crashes, plan.seed),
        about:
            "A server of its own, as durable as one in production, is stopped without a goodbye (SIGQUIT) \
                while calls are missed, and started again on what it had written; where it stops is decided \
                by a proxy that lets a chosen number of a statement's or of its answer's bytes through. Then \
                connections alone are cut, at every byte of the answers that matter. Everybody lives on past \
                every deadline, and Twilio's record is the judge."
                .to_owned(),
        figures,
        details: details(crashes, &everybody),
        holds,
    }
}

/// Nothing that happens here is an excuse: there is a text for every call.
fn costs_nothing(everybody: &Judgement) -> bool {
    everybody.holds() && everybody.acts == everybody.causes && everybody.unconnected == 0
}

/// It had been answered, and yet it was gone.
fn is_durability_broken(stop: &Stop) -> bool {
    stop.reached == Reached::Answered && stop.end == CommitEnd::RolledBack
}

/// The server had only the beginning of it, and yet it happened.
fn is_half_done(stop: &Stop) -> bool {
    stop.reached == Reached::Part && stop.end == CommitEnd::CommittedUnheard
}

fn of_crashes(plan: &Plan, crashes: &Crashes, recoveries: usize) -> Vec<Figure> {
    let inside = crashes.of(Stop::is_inside_commit);
    let unanswered = |end| crashes.of(|stop| stop.reached == Reached::Asked && stop.end == end);
    let tenth = format!("at least {}", crashes.count().div_ceil(10));
    let mut outages = crashes.outages.clone();
    outages.sort_unstable();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a position among a few hundred"
        )]
        let index = ((outages.len() as f64 - 1.0) * share) as usize;
        outages.get(index).copied().unwrap_or(Duration::ZERO).as_millis()
    };
    vec![
        Figure::against("stops of the server", crashes.count(), plan.crashes),
        Figure::against("recoveries in the server's own log", recoveries, crashes.count()),
        Figure::against(
            "stops inside a commit: the server had all of the statement, the client no whole answer",
            inside,
            format!("at least {}", crashes.count().div_ceil(4)),
        ),
        Figure::against(
            "of those, committed and unheard",
            crashes.inside(CommitEnd::CommittedUnheard),
            &tenth,
        ),
        Figure::against(
            "of those, rolled back",
            crashes.inside(CommitEnd::RolledBack),
            &tenth,
        ),
        Figure::seen(
            "stops before the server had answered: committed / rolled back",
            format!(
                "{} / {}",
                unanswered(CommitEnd::CommittedUnheard),
                unanswered(CommitEnd::RolledBack)
            ),
        ),
        Figure::seen(
            "stops with the server's answer under way: none of it heard / part of it",
            format!(
                "{} / {}",
                crashes.of(|stop| stop.reached == Reached::Answered && stop.heard.0 == 0),
                crashes.of(|stop| stop.reached == Reached::Answered && stop.heard.0 > 0)
            ),
        ),
        Figure::against(
            "answered and gone after the crash",
            crashes.of(is_durability_broken),
            0,
        ),
        Figure::against(
            "stops with part of a statement at the server, and it happened",
            format!(
                "{} of {}",
                crashes.of(is_half_done),
                crashes.of(|stop| stop.reached == Reached::Part)
            ),
            0,
        ),
        Figure::seen("stops at any other moment", crashes.elsewhere),
        Figure::seen(
            "from the stop until the server answers again: median / longest, in ms",
            format!("{} / {}", at(0.5), at(1.0)),
        ),
    ]
}

fn of_cut(cut: &Cut) -> Figure {
    let side = match cut.side {
        Side::Request => "the statement",
        Side::Answer => "the answer",
    };
    Figure::seen(
        format!("connections cut in {side} of {} (bytes)", cut.statement),
        format!(
            "{} offsets in {} bytes; {} committed",
            cut.tried, cut.length, cut.committed
        ),
    )
}

fn of_everybody(everybody: &Judgement) -> Vec<Figure> {
    vec![
        Figure::seen("missed calls", everybody.causes),
        Figure::seen("requests for a text", everybody.requests),
        Figure::against("texts", everybody.acts, everybody.causes),
        Figure::against("second texts for a call", everybody.duplicates, 0),
        Figure::against("calls without a text", everybody.losses, 0),
        Figure::against("callers who were not connected", everybody.unconnected, 0),
        Figure::against("other violations", everybody.violations.len(), 0),
    ]
}

fn details(crashes: &Crashes, everybody: &Judgement) -> String {
    let mut by_statement: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for stop in &crashes.stops {
        let counts = by_statement.entry(stop.statement).or_default();
        let column = match (stop.is_inside_commit(), stop.end) {
            (false, _) => 1,
            (true, CommitEnd::CommittedUnheard) => 2,
            (true, CommitEnd::RolledBack) => 3,
        };
        counts[0] += 1;
        counts[column] += 1;
    }
    let mut text =
        "| statement | stops | before its end | committed, unheard | rolled back |\n|---|---|---|---|---|\n"
            .to_owned();
    for (statement, [all, part, committed, rolled_back]) in by_statement {
        let _ = writeln!(
            text,
            "| `{statement}` | {all} | {part} | {committed} | {rolled_back} |"
        );
    }
    text.push_str("\n| how jobs ended | jobs |\n|---|---|\n");
    for (end, count) in &everybody.ends {
        let _ = writeln!(text, "| {end} | {count} |");
    }
    for violation in &everybody.violations {
        let _ = writeln!(text, "\n- {violation}");
    }
    text
}
