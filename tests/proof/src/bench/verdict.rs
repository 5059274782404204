//! What was seen, against what it has to be.

use super::contest::{Comparison, Row};
use super::{
    BARE, FEW, FEW_CUSTOMERS, LONG, MANY_CUSTOMERS, Options, PGBENCH, Results, SWITCHBOARD, backlog,
    schedules,
};
use crate::report::{Figure, Section};

/// What queues on Postgres that promise less need of its processor, in what the bare one does.
const CPU_OF_OTHERS: f64 = 1.6;
/// An index of a thousand times the rows is two levels deeper, and every row is found by two of them.
const DEEPER: f64 = 4.0;
/// A tick costs what is due and not what there is.
const AMONG_MANY: f64 = 1.3;

/// Figures with their bars, and whether each is reached.
#[derive(Default)]
struct Verdict {
    figures: Vec<Figure>,
    missed: Vec<String>,
}

impl Verdict {
    fn at_least(&mut self, what: String, seen: f64, bar: f64) {
        self.judge(what, format!("{seen:.2}"), format!("at least {bar}"), seen >= bar);
    }

    fn at_most(&mut self, what: String, seen: f64, bar: f64) {
        self.judge(what, format!("{seen:.2}"), format!("at most {bar}"), seen <= bar);
    }

    fn exactly(&mut self, what: String, seen: f64, bar: f64) {
        let holds = (seen - bar).abs() < 0.005;
        self.judge(what, format!("{seen:.2}"), format!("{bar}"), holds);
    }

    fn judge(&mut self, what: String, seen: String, bar: String, holds: bool) {
        if !holds {
            self.missed.push(what.clone());
        }
        self.figures.push(Figure::against(what, seen, bar));
    }

    /// How often, how many commits, and how fast beside the floor.
    fn comparison(
        &mut self,
        comparison: &Comparison,
        name: &str,
        commits: f64,
        round_trips: f64,
        ratio: f64,
    ) {
        for Row {
            clients,
            ratio: seen,
            cost,
            round_trips: asked,
            ..
        } in comparison.of(name)
        {
            let what = |what: &str| format!("{}, {name}, {clients} clients: {what}", comparison.title);
            if let Some(seen) = seen {
                self.at_least(what(&format!("rate in “{}”", comparison.floor)), *seen, ratio);
            }
            self.exactly(what("commits"), cost.commits, commits);
            if let Some(asked) = asked {
                self.exactly(what("round trips"), *asked, round_trips);
            }
        }
    }
}

impl Results {
    /// For the report.
    pub(super) fn section(&self, options: &Options) -> Section {
        let mut verdict = Verdict::default();
        for ingest in &self.ingest {
            verdict.comparison(ingest, SWITCHBOARD, 1.0, 1.0, 0.8);
            for (ours, bare) in ingest.of(SWITCHBOARD).zip(ingest.of(BARE)) {
                let what = format!("{}, {} clients: WAL in “{BARE}”", ingest.title, ours.clients);
                verdict.at_most(what, ours.cost.wal_bytes / bare.cost.wal_bytes, 1.5);
            }
        }
        verdict.comparison(&self.text, SWITCHBOARD, 2.0, 3.0, 0.7);
        for (ours, bare) in self.text.of(SWITCHBOARD).zip(self.text.of(BARE)) {
            let what = format!(
                "{}, {} clients: Postgres CPU in “{BARE}”",
                self.text.title, ours.clients
            );
            if let Some((ours, bare)) = ours.cost.processor_us.zip(bare.cost.processor_us) {
                verdict.at_most(what, ours / bare, CPU_OF_OTHERS);
            }
        }
        // No slower, within what two runs of the same thing differ by.
        verdict.comparison(&self.backlog, LONG, 2.0, 3.0, 0.9);
        // The last one has nothing to find, and is told for what it costs to find that out.
        for sweep in self.sweeps.iter().take(3) {
            let what = format!(
                "{}: pages with {} rows around in those with {FEW}",
                sweep.name, options.backlog
            );
            verdict.at_most(what, sweep.many.buffers / sweep.few.buffers, DEEPER);
            let what = format!("{}: tables read from end to end", sweep.name);
            #[expect(clippy::cast_precision_loss, reason = "two tables")]
            verdict.exactly(what, sweep.many.scanned.len() as f64, 0.0);
        }
        for (few, many) in self.ticks.of(FEW_CUSTOMERS).zip(self.ticks.of(MANY_CUSTOMERS)) {
            let what = format!(
                "{}: time among {} customers in that among {}",
                self.ticks.title,
                options.customers,
                schedules::FEW
            );
            verdict.at_most(what, few.rate / many.rate, AMONG_MANY);
            let what = format!("{}: Postgres CPU, the same", self.ticks.title);
            if let Some((few, many)) = few.cost.processor_us.zip(many.cost.processor_us) {
                verdict.at_most(what, many / few, AMONG_MANY);
            }
        }
        verdict.comparison(&self.schedules, SWITCHBOARD, 1.0, 1.0, 0.8);
        let latency = self.latency.from_statement.percentile(50);
        verdict.at_most(
            "missed call to the request for its text: p50 in ms".to_owned(),
            latency,
            25.0,
        );
        let webhook = self.webhooks.answers.percentile(99);
        verdict.at_most("a webhook's answer: p99 in ms".to_owned(), webhook, 300.0);
        verdict.exactly(
            "a webhook: round trips".to_owned(),
            self.webhooks.round_trips,
            1.0,
        );
        #[expect(clippy::cast_precision_loss, reason = "one or none")]
        verdict.at_most(
            "a webhook: messages sent".to_owned(),
            self.webhooks.sends_at_most as f64,
            1.0,
        );
        Section {
            title: "What it costs".to_owned(),
            command: "make bench".to_owned(),
            about: format!(
                "One private PostgreSQL that waits for its disk. Ours and its floors take turns, {} rounds of {} \
                 operations a client; each figure is the median. “{PGBENCH}” runs the product's own statements.",
                options.rounds, options.operations
            ),
            holds: verdict.missed.is_empty(),
            details: self.details(options, &verdict.missed),
            figures: verdict.figures,
        }
    }

    fn details(&self, options: &Options, missed: &[String]) -> String {
        let mut tables: Vec<String> = self.ingest.iter().map(Comparison::markdown).collect();
        tables.push(self.text.markdown());
        tables.push(self.backlog.markdown());
        tables.push(backlog::markdown(&self.sweeps, options));
        tables.push(self.ticks.markdown());
        tables.push(self.schedules.markdown());
        tables.push(self.latency.markdown());
        tables.push(self.webhooks.markdown(options));
        if !missed.is_empty() {
            tables.push(format!("Short of its bar: {}.\n", missed.join("; ")));
        }
        tables.join("\n")
    }
}
