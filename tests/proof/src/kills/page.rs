//! What a run saw, for the report and for whoever watches.

use std::fmt::Write as _;

use super::hits::Blow;
use super::{Arguments, Part, Seen, Workflow};
use crate::report::{Figure, Section};

/// Kills that are not spread prove little: in each workflow as many places as this, and none with more than its share.
const PLACES_AT_LEAST: usize = 40;
const SHARE_AT_MOST: f64 = 0.2;
/// A handful of kills cannot be spread.
const SPREAD_FROM: usize = 300;

/// The section of the report.
pub(super) fn section(arguments: &Arguments, seen: &Seen) -> Section {
    let (kills, frozen, timed_out) = (seen.kills(), seen.of(Blow::Frozen), seen.of(Blow::TimedOut));
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let per_minute = kills as f64 * 60.0 / seen.killing.as_secs_f64();
    let holds = kills >= arguments.kills
        && frozen >= arguments.freezes
        && timed_out >= arguments.time_outs
        && seen.parts.iter().all(|part| part.holds(arguments));
    let mut figures = vec![
        Figure::against(
            "processes killed in the middle of an invocation",
            kills,
            arguments.kills,
        ),
        Figure::seen("… of them at a moment", seen.of(Blow::KilledAtAMoment)),
        Figure::seen("… of them at a chosen point", seen.of(Blow::KilledAtAPoint)),
        Figure::against(
            "processes frozen until their permits were dead, and thawed",
            frozen,
            arguments.freezes,
        ),
        Figure::against(
            "processes that outlived their limit",
            timed_out,
            arguments.time_outs,
        ),
    ];
    figures.extend(seen.parts.iter().flat_map(Part::figures));
    figures.extend([
        Figure::seen("kills in a minute", format!("{per_minute:.0}")),
        Figure::seen(
            "minutes in all",
            format!("{:.1}", seen.elapsed.as_secs_f64() / 60.0),
        ),
    ]);
    Section {
        title: "Real kills".to_owned(),
        command: command(arguments, seen),
        about: "The functions' real binaries over a real Postgres, ended by SIGKILL in the middle of their work: at \
                moments drawn from a seed, and before and after each statement on the wire; frozen by SIGSTOP for \
                longer than a permit lives while the world moves on; left to outlive their limits (those of a minute \
                are lowered to three seconds). Each workflow has its share, in worlds of its own: some hours of missed \
                calls, or days of customers who pay, are welcomed, called, say stop and have their money back. A seed \
                brings back the plan, not the microsecond. Then the world lives on until every timer has run out, and \
                the provider's own record is the judge."
            .to_owned(),
        figures,
        details: seen.parts.iter().map(Part::details).collect(),
        holds,
    }
}

fn command(arguments: &Arguments, seen: &Seen) -> String {
    let workflows: Vec<_> = arguments
        .workflows
        .iter()
        .map(|workflow| workflow.name())
        .collect();
    let workflows = if arguments.workflows == Workflow::ALL {
        String::new()
    } else {
        format!(" --workflows {}", workflows.join(","))
    };
    format!(
        "proof kill --kills {} --freezes {} --time-outs {} --seed {}{workflows}",
        arguments.kills, arguments.freezes, arguments.time_outs, seen.seed
    )
}

impl Seen {
    /// How many of a kind there were.
    pub fn of(&self, blow: Blow) -> usize {
        self.parts.iter().map(|part| part.hits.of(blow)).sum()
    }

    /// Real processes that SIGKILL ended in the middle of an invocation.
    pub fn kills(&self) -> usize {
        self.parts.iter().map(|part| part.hits.kills()).sum()
    }
}

impl Part {
    fn holds(&self, arguments: &Arguments) -> bool {
        let is_spread = arguments.share(arguments.kills) < SPREAD_FROM
            || self.hits.places().len() >= PLACES_AT_LEAST && self.share_of_most() <= SHARE_AT_MOST;
        self.judgement.holds() && is_spread
    }

    /// What the place that was hit most has of all kills.
    fn share_of_most(&self) -> f64 {
        let places = self.hits.places();
        let most = places.first().map_or(0, |(_, count)| *count);
        #[expect(clippy::cast_precision_loss, reason = "a share of thousands")]
        let share = most as f64 / self.hits.kills().max(1) as f64;
        share
    }

    fn figures(&self) -> Vec<Figure> {
        let (hits, judgement, words) = (&self.hits, &self.judgement, self.workflow.words());
        let (causes, acts, provider) = (words.causes, words.acts, words.provider);
        let name = self.workflow.name();
        vec![
            Figure::seen(format!("{name}: processes killed"), hits.kills()),
            Figure::seen(format!("{name}: processes frozen"), hits.of(Blow::Frozen)),
            Figure::against(
                format!("{name}: places where they were killed"),
                hits.places().len(),
                PLACES_AT_LEAST,
            ),
            Figure::against(
                format!("{name}: share of the place hit most"),
                format!("{:.0} %", self.share_of_most() * 100.0),
                format!("{:.0} % at most", SHARE_AT_MOST * 100.0),
            ),
            Figure::seen(format!("{name}: worlds"), self.worlds),
            Figure::seen(format!("{name}: {causes}"), judgement.causes),
            Figure::seen(format!("{name}: permits committed"), judgement.attempts),
            Figure::seen(
                format!("{name}: requests that {provider} got"),
                judgement.requests,
            ),
            Figure::seen(
                format!("{name}: nothing, for a reason that was kept and that their world explains"),
                judgement.excused,
            ),
            Figure::against(
                format!("{name}: {acts} that {provider} took, one for every other"),
                judgement.acts,
                judgement.owed(),
            ),
            Figure::against(format!("{name}: second {acts}"), judgement.duplicates, 0),
            Figure::against(
                format!("{name}: nothing, and without such a reason"),
                judgement.losses,
                0,
            ),
            Figure::against(
                format!("{name}: jobs that came to an end"),
                judgement.ended(),
                judgement.causes,
            ),
            Figure::against(format!("{name}: other violations"), judgement.violations.len(), 0),
        ]
    }

    fn details(&self) -> String {
        let mut details = String::new();
        let name = self.workflow.name();
        let mut table = |heading: &str, rows: Vec<(String, usize)>| {
            let _ = writeln!(details, "| {name}: {heading} | times |\n|---|---|");
            for (what, count) in rows {
                let _ = writeln!(details, "| {what} | {count} |");
            }
            details.push('\n');
        };
        let mut ends: Vec<_> = self.judgement.ends.clone().into_iter().collect();
        ends.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        table("how jobs ended", ends);
        table("killed", self.hits.places());
        table("frozen", self.hits.places_of(&[Blow::Frozen]));
        table("outlived its limit", self.hits.places_of(&[Blow::TimedOut]));
        for violation in &self.judgement.violations {
            let _ = writeln!(details, "- {violation}");
        }
        details
    }
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
