//! Who was not answered is texted: people ring, Twilio tells of it, and its record says who was texted.

mod mutants;
mod oracle;
mod script;

use std::collections::BTreeSet;

use fastrand::Rng;
use jiff::Timestamp;
use shared::platform::gate::Operation;

use super::fate::Fate;
use super::play::{Deed, End, Next, Play, Size, Workflow};
use super::run::{Ground, Second};
use super::stage::{LINE, OWNER, Queue, Stage, stop};
use super::timetable::Troubles;
pub(super) use mutants::MUTANTS;
use script::{Happening, MUCH_LATER, NAMES, OTHER_OWNER, Script};

/// Ordinary days, and nights on which clocks are changed.
const BEGINNINGS: [&str; 4] = [
    "2026-06-10T14:30:00Z",
    "2026-03-08T05:30:00Z",
    "2026-11-01T04:30:00Z",
    "2026-12-31T20:30:00Z",
];
/// Past this every timer of the product has run out several times.
const HORIZON: Second = 6 * 3600;
/// When the schedules tick further apart, what they are late for is explained by it.
const TICKS_ARE_REGULAR: Second = 12 * 60;

/// What has to be seen.
pub(super) const SIGHTS: &[&str] = &[
    "absence proven",
    "accepted late",
    "callback before the answer",
    "credentials refused, channel closed",
    "dead",
    "doorbell delivered twice",
    "doorbell lost",
    "event parked",
    "expired",
    "found by the poller",
    "late webhook",
    "lease ran out",
    "left to a person",
    "line changed",
    "outcome unknown",
    "permit committed unheard",
    "permit refused by the database",
    "permit too old to be used",
    "refused for good",
    "schedules missed",
    "sent again after proven absence",
    "stop at Twilio",
    "stop in the middle",
    "suppressed by a rule",
    "text sent",
    "throttled or unauthorised",
    "unknown, then accepted",
];

/// The workflow in one run.
pub(super) struct Texts {
    begin: Timestamp,
    script: Script,
    /// Who said stop, to a person or to Twilio.
    stopped: BTreeSet<String>,
    /// To whom Twilio refuses every text.
    stopped_at_twilio: BTreeSet<String>,
    /// What the owner had changed, and when.
    line_changes: Vec<(Second, &'static str)>,
    /// Texts that have been noticed.
    noticed: usize,
}

impl Texts {
    /// From now on Twilio refuses every text to this person.
    fn stops_at_twilio(&mut self, ground: &mut Ground<'_>, person: &str) {
        ground.stage.twilio.opt_out(person);
        self.stopped.insert(person.to_owned());
        self.stopped_at_twilio.insert(person.to_owned());
        ground.saw("stop at Twilio");
    }

    fn step_after(ground: &mut Ground<'_>) -> Second {
        let schedule = &mut ground.schedule;
        match (ground.size, ground.ticks) {
            (Size::Small, 0..=6) => 60,
            (Size::Small, _) => 6 * 60,
            (Size::Full, 0..=13) => schedule.i64(20..70),
            (Size::Full, _) if ground.now < 2 * 3600 => schedule.i64(60..720),
            (Size::Full, _) => schedule.i64(1200..3600),
        }
    }
}

impl Play for Texts {
    const WORKFLOW: Workflow = Workflow::Texts;
    const SCHEDULES: &'static [&'static str] = &["missed-call-poller", "job-sweeper"];
    const QUEUE: Queue = Queue::Messages;
    const CALLBACKS: &'static str = "text ";

    fn of(rng: &mut Rng, size: Size) -> Self {
        let begin = BEGINNINGS[rng.usize(..BEGINNINGS.len())];
        let begin: Timestamp = begin.parse().expect("a time");
        Self {
            begin,
            script: Script::of(rng, size, begin),
            stopped: BTreeSet::new(),
            stopped_at_twilio: BTreeSet::new(),
            line_changes: Vec::new(),
            noticed: 0,
        }
    }

    fn begin(&self) -> Timestamp {
        self.begin
    }

    async fn prepare(&mut self, stage: &Stage) {
        let name = NAMES[0];
        let line = format!(
            "INSERT INTO lines (number, forward_to, business_name) VALUES ('{LINE}', '{OWNER}', '{name}')"
        );
        stage.database.sql(&line).await;
        stage.twilio.lag_lists_by(self.script.list_lag.unsigned_abs());
        if let Some(rows) = self.script.page_rows {
            stage.twilio.cap_pages_at(rows);
        }
    }

    fn troubles(&self) -> Troubles {
        self.script.troubles
    }

    async fn happen(&mut self, ground: &mut Ground<'_>) -> anyhow::Result<Vec<Deed>> {
        let mut deeds = Vec::new();
        for happening in self.script.happenings.take_until(ground.now) {
            match happening {
                Happening::Rings(number) => self.script.ring(&ground.stage.twilio, number),
                Happening::Ends(number) => self.script.end(&ground.stage.twilio, number),
                Happening::Tells(telling) => {
                    if ground.now > 10 * 60 {
                        ground.saw("late webhook");
                    }
                    let webhook = self.script.webhook(&ground.stage.twilio, &telling);
                    let (binary, event) = ground.stage.request(webhook.into_request());
                    let name = telling.name();
                    deeds.push(Deed::Invoke { binary, name, event });
                }
                Happening::Stop(person) => {
                    ground.saw("stop in the middle");
                    let sql = stop(&person);
                    self.stopped.insert(person);
                    deeds.push(Deed::Write { what: "stop", sql });
                }
                Happening::StopAtTwilio(person) => {
                    ground.note("Twilio", "hears a stop");
                    self.stops_at_twilio(ground, &person);
                }
                Happening::LineChanges(change) => {
                    self.line_changes.push((ground.now, change));
                    ground.saw("line changed");
                    ground.note("owner", change);
                    ground.stage.database.sql(change).await;
                }
                Happening::Cleanup => deeds.push(Deed::Invoke {
                    binary: "cleanup".to_owned(),
                    name: "cleanup".to_owned(),
                    event: Stage::tick(),
                }),
            }
        }
        Ok(deeds)
    }

    async fn look_around(&mut self, ground: &mut Ground<'_>) -> anyhow::Result<bool> {
        let row = ground
            .stage
            .database
            .owner()
            .query_one(include_str!("sql/look_around.sql"), &[])
            .await?;
        for (name, column) in [
            ("outcome unknown", "is_unknown"),
            ("lease ran out", "worker_gone"),
            ("credentials refused, channel closed", "breaker_open"),
        ] {
            if row.get::<_, bool>(column) {
                ground.saw(name);
            }
        }
        if ground.stage.parked() > 0 {
            ground.saw("event parked");
        }
        let jobs = usize::try_from(row.get::<_, i64>("jobs"))?;
        let owed = self.script.scenes.iter().filter(|scene| !scene.is_answered);
        Ok(!row.get::<_, bool>("is_live") && ground.stage.parked() == 0 && jobs >= owed.count())
    }

    async fn next(&mut self, ground: &mut Ground<'_>, is_at_rest: bool) -> anyhow::Result<Next> {
        let happenings = &self.script.happenings;
        if ground.now >= MUCH_LATER {
            // Copies that come after the cleanup, and what they would cause.
            return Ok(match happenings.next_at() {
                None => Next::Over,
                Some(next) => Next::Pass((next - ground.now).max(150)),
            });
        }
        let step = if is_at_rest && happenings.is_quiet_until(MUCH_LATER) || ground.now > HORIZON {
            None
        } else {
            Some(Self::step_after(ground))
        };
        let seconds = step.unwrap_or(MUCH_LATER - ground.now);
        if seconds > TICKS_ARE_REGULAR {
            ground.nothing_works(ground.now + seconds);
        }
        ground.is_calm = ground.now + seconds >= MUCH_LATER;
        Ok(match step {
            Some(seconds) => Next::Pass(seconds),
            None => Next::ThawAndPass(seconds),
        })
    }

    async fn before_grant(&mut self, ground: &mut Ground<'_>, chance: &mut Rng, is_time: bool) {
        let callers = self.script.callers();
        if let Some(person) = chance.choice(callers).filter(|_| is_time) {
            ground.note("somebody", "says stop at the last moment");
            self.stopped.insert(person.clone());
            ground.stage.write(&stop(&person)).await;
        }
    }

    async fn after(&mut self, _: &mut Ground<'_>, _: Operation, _: Fate) -> anyhow::Result<()> {
        Ok(())
    }

    fn notice(&mut self, ground: &mut Ground<'_>) {
        let texts = ground.stage.twilio.messages();
        for text in &texts[self.noticed..] {
            self.script
                .reports_on(&mut ground.schedule, &text.sid, ground.now);
        }
        self.noticed = texts.len();
    }

    fn answered(&mut self, ground: &mut Ground<'_>, person: &str, fate: Fate) {
        if fate == Fate::OptedOut {
            self.stops_at_twilio(ground, person);
        }
    }

    fn ended(&mut self, ground: &mut Ground<'_>, name: &str, end: End<'_>) {
        let Some(end) = end else { return };
        if name.starts_with("voice ") && !connects(end) {
            ground.complain(format!("{name}: the caller was not connected: {end:?}"));
        }
    }

    async fn judge(&self, ground: &mut Ground<'_>) -> anyhow::Result<()> {
        oracle::judge(self, ground).await
    }
}

/// Whether a call's first request was answered by what makes the owner's telephone ring.
fn connects(end: &Result<serde_json::Value, local::invoke::InvokeError>) -> bool {
    let Ok(answer) = end else { return false };
    let twiml = answer["body"].as_str().unwrap_or_default();
    answer["statusCode"] == 200
        && [OWNER, OTHER_OWNER]
            .iter()
            .any(|owner| twiml.contains(&format!(">{owner}</Number>")))
}
