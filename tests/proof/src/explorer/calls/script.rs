//! What happens in the outside world during a run: customers pay and want their money back, move, change their minds,
//! answer the telephone or do not, and Vapi tells of it more or less well.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

use super::people::{Customer, Effect, Event, HOURS, Source, ZONES, customers};
use crate::explorer::play::Size;
use crate::explorer::run::Second;
use crate::explorer::timetable::{Timetable, Troubles};

/// Ordinary days, and days before nights on which the clocks of some are changed.
const BEGINNINGS: [&str; 8] = [
    "2026-06-09T00:00:00Z",
    "2026-12-30T00:00:00Z",
    "2026-03-07T00:00:00Z",
    "2026-10-31T00:00:00Z",
    "2026-03-28T00:00:00Z",
    "2026-10-24T00:00:00Z",
    "2026-04-04T00:00:00Z",
    "2026-09-26T00:00:00Z",
];
pub(super) const HOUR: Second = 3600;
pub(super) const DAY: Second = 24 * HOUR;
/// Who says so is called no more.
pub(super) const STOP_WORDS: &str = "Please stop calling me.";

/// Something that happens.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    /// Somebody tells us of a payment: the event of this number.
    Tells(usize),
    /// Somebody has it changed who is called, and when.
    Changes(Change),
    /// A call that Vapi has, by its number, goes on.
    Answers(usize),
    Ends(usize),
    /// Vapi tells of it.
    StatusUpdate(usize),
    Report(usize),
}

/// What somebody may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Stop(&'static str),
    Start(&'static str),
    Zone(&'static str, &'static str),
    Hour(&'static str, &'static str),
    Switch(&'static str, bool),
    PausedFor(&'static str, i64),
    /// All calling.
    Calling(bool),
    /// Somebody clears the copies of what the ledger says.
    Forget(&'static str),
}

impl Change {
    /// For the trace.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stop(_) => "stop",
            Self::Start(_) => "start",
            Self::Zone(..) => "zone",
            Self::Hour(..) => "hour",
            Self::Switch(..) => "switch",
            Self::PausedFor(..) => "pause",
            Self::Calling(_) => "calling",
            Self::Forget(_) => "forget",
        }
    }

    /// How it is written down.
    pub(super) fn sql(self) -> String {
        match self {
            Self::Stop(phone) => crate::explorer::stage::stop(phone),
            Self::Start(phone) => format!(
                "UPDATE opt_outs SET revoked_at = switchboard_now(), revoked_by = 'person'
                 WHERE phone = '{phone}' AND revoked_at IS NULL"
            ),
            Self::Zone(id, zone) => format!("UPDATE customers SET timezone = '{zone}' WHERE id = '{id}'"),
            Self::Hour(id, hour) => format!("UPDATE customers SET call_at = '{hour}' WHERE id = '{id}'"),
            Self::Switch(id, is_on) => {
                let status = if is_on { "enabled" } else { "disabled" };
                format!("UPDATE customers SET call_status = '{status}' WHERE id = '{id}'")
            }
            Self::PausedFor(id, hours) => format!(
                "UPDATE customers SET paused_until = switchboard_now() + interval '{hours} hours' WHERE id = '{id}'"
            ),
            Self::Calling(is_on) => format!("UPDATE calling SET paused = {}", !is_on),
            Self::Forget(id) => format!(
                "UPDATE customers SET welcome_call_completed = false, last_call_date = NULL WHERE id = '{id}'"
            ),
        }
    }

    /// Any that may be made on the way to somebody's call.
    pub(super) fn any_about(customer: &Customer, rng: &mut Rng) -> Self {
        match rng.u8(0..9) {
            0 => Self::Stop(customer.phone),
            1..=5 => Self::Zone(customer.id, ZONES[rng.usize(..ZONES.len())]),
            6 => Self::Switch(customer.id, false),
            7 => Self::PausedFor(customer.id, rng.i64(1..30)),
            _ => Self::Hour(customer.id, HOURS[rng.usize(..HOURS.len())]),
        }
    }
}

/// A run's outside world.
pub(super) struct Script {
    pub(super) size: Size,
    pub(super) begin: Timestamp,
    /// When the days that are lived are over.
    pub(super) lasts: Second,
    pub(super) customers: Vec<Customer>,
    pub(super) events: Vec<Event>,
    pub(super) happenings: Timetable<Happening>,
    pub(super) troubles: Troubles,
    /// How late Vapi's lists show what is new.
    pub(super) list_lag: SignedDuration,
    /// Vapi's lists are so long at most, if they are not as long as one likes.
    pub(super) list_rows: Option<usize>,
    /// Calls at a time, and calls that one run of the scheduler may create.
    pub(super) at_a_time: usize,
    pub(super) per_tick: usize,
}

impl Script {
    pub(super) fn of(rng: &mut Rng, size: Size) -> Self {
        let is_small = size == Size::Small;
        let begin = BEGINNINGS[rng.usize(..BEGINNINGS.len())];
        let begin: Timestamp = begin.parse().expect("a time");
        let mut script = Self {
            size,
            begin: begin + SignedDuration::from_secs(if is_small { 15 * HOUR } else { rng.i64(0..DAY) }),
            lasts: if is_small {
                DAY + 12 * HOUR
            } else {
                rng.i64(2 * DAY..4 * DAY)
            },
            customers: customers(rng, size),
            events: Vec::new(),
            happenings: Timetable::default(),
            troubles: Troubles::default(),
            list_lag: SignedDuration::ZERO,
            list_rows: None,
            at_a_time: 10,
            per_tick: 200,
        };
        for number in 0..script.customers.len() {
            script.add_payments(rng, number);
        }
        if !is_small {
            script.add_changes(rng);
            script.add_troubles(rng);
        }
        script
    }

    /// Somebody's payments, the first of which made them a customer.
    fn add_payments(&mut self, rng: &mut Rng, customer: usize) {
        let Customer { is_new, source, .. } = self.customers[customer];
        let is_small = self.size == Size::Small;
        let event = |script: &mut Self, at: Second, effect, purchase, moves_to| {
            let id = format!("evt_{}_{}", script.customers[customer].id, script.events.len());
            let purchase = if source == Source::Shop { 0 } else { purchase };
            script.events.push(Event {
                customer,
                source,
                id,
                at,
                effect,
                purchase,
                moves_to,
            });
            script.events.len() - 1
        };
        let paid_at = match (is_new, is_small) {
            (true, true) => 60,
            (true, false) => rng.i64(0..self.lasts / 2),
            (false, _) => -100 * DAY,
        };
        let first = event(self, paid_at, Effect::Paid, 0, None);
        if is_new {
            self.tell(rng, first);
        }
        if is_small {
            return;
        }
        let later = |rng: &mut Rng, after: Second| after.max(0) + rng.i64(10 * 60..self.lasts);
        let at = later(rng, paid_at);
        let mut more = Vec::new();
        match rng.u8(0..12) {
            0 => more.push((at, Effect::Refunded, 0, None)),
            1 => more.push((at, Effect::Ended, 0, None)),
            // Whoever had their money back pays again.
            2 => {
                more.push((at, Effect::Refunded, 0, None));
                more.push((at + rng.i64(0..DAY), Effect::Paid, 1, None));
            }
            // Of two accidental payments one goes back.
            3 if source == Source::Stripe => {
                more.push((paid_at.max(0) + 90, Effect::Paid, 1, None));
                more.push((at, Effect::Refunded, 1, None));
            }
            4 => more.push((at, Effect::Disputed, 0, None)),
            5 => {
                more.push((at, Effect::Disputed, 0, None));
                let ends = if rng.bool() {
                    Effect::DisputeWon
                } else {
                    Effect::DisputeLost
                };
                more.push((at + rng.i64(1..DAY), ends, 0, None));
            }
            6..=7 if source == Source::Shop => {
                let moves_to = (ZONES[rng.usize(..ZONES.len())], HOURS[rng.usize(..HOURS.len())]);
                more.push((at, Effect::Paid, 0, Some(moves_to)));
            }
            _ => {}
        }
        for (at, effect, purchase, moves_to) in more {
            let number = event(self, at, effect, purchase, moves_to);
            self.tell(rng, number);
        }
    }

    /// Once; or twice, or late. Who tells of a payment repeats it until somebody has heard.
    fn tell(&mut self, rng: &mut Rng, number: usize) {
        let at = self.events[number].at;
        let copies = match self.size {
            Size::Full if rng.u8(0..4) == 0 => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let delay = match (self.size, rng.u8(0..8)) {
                (Size::Full, 0..=1) => rng.i64(20..30 * 60),
                (Size::Full, 2) => rng.i64(HOUR..20 * HOUR),
                _ => 0,
            };
            self.happenings.add(at + delay, Happening::Tells(number));
        }
    }

    fn add_changes(&mut self, rng: &mut Rng) {
        for number in 0..self.customers.len() {
            let customer = self.customers[number].clone();
            let (id, phone) = (customer.id, customer.phone);
            let mut add = |at, change| self.happenings.add(at, Happening::Changes(change));
            let lasts = self.lasts;
            let any = |rng: &mut Rng| rng.i64(HOUR..lasts);
            match rng.u8(0..16) {
                0 => {
                    let at = any(rng);
                    add(at, Change::Stop(phone));
                    if rng.bool() {
                        add(at + rng.i64(HOUR..DAY), Change::Start(phone));
                    }
                }
                // Some move; some cannot decide.
                1..=4 => {
                    for _ in 0..rng.usize(1..4) {
                        let zone = ZONES[rng.usize(..ZONES.len())];
                        add(any(rng), Change::Zone(id, zone));
                    }
                }
                5..=6 => {
                    for _ in 0..rng.usize(1..3) {
                        let hour = HOURS[rng.usize(..HOURS.len())];
                        add(any(rng), Change::Hour(id, hour));
                    }
                }
                7 => {
                    let at = any(rng);
                    add(at, Change::Switch(id, false));
                    add(at + rng.i64(60..DAY), Change::Switch(id, true));
                }
                8 => add(any(rng), Change::PausedFor(id, rng.i64(1..40))),
                9 => {
                    add(any(rng), Change::Forget(id));
                    let hour = HOURS[rng.usize(..HOURS.len())];
                    add(any(rng), Change::Hour(id, hour));
                }
                _ => {}
            }
        }
    }

    fn add_troubles(&mut self, rng: &mut Rng) {
        let lasts = self.lasts;
        if rng.u8(0..10) == 0 {
            let from = rng.i64(0..lasts);
            let until = from + rng.i64(20 * 60..8 * HOUR);
            self.happenings
                .add(from, Happening::Changes(Change::Calling(false)));
            self.happenings
                .add(until, Happening::Changes(Change::Calling(true)));
        }
        if rng.u8(0..8) == 0 {
            let from = rng.i64(0..lasts);
            self.troubles.outage = Some((from, from + rng.i64(40 * 60..10 * HOUR)));
        }
        if rng.u8(0..4) == 0 {
            // While somebody is called, most likely.
            let from = rng.i64(0..lasts);
            self.troubles.lists_away = Some((from, from + rng.i64(2 * HOUR..6 * HOUR)));
        }
        self.list_lag = SignedDuration::from_secs(rng.i64(0..120));
        self.list_rows = rng.bool().then(|| rng.usize(1..4));
        if rng.u8(0..6) == 0 {
            self.at_a_time = 1;
        }
        if rng.u8(0..6) == 0 {
            self.per_tick = 1;
        }
    }

    /// How a call that Vapi has accepted goes, and what Vapi tells of it.
    pub(super) fn goes(&mut self, rng: &mut Rng, call: usize, now: Second) {
        let is_small = self.size == Size::Small;
        let ends_at = now + if is_small { 60 } else { rng.i64(40..420) };
        if is_small || rng.u8(0..5) > 1 {
            self.happenings.add(now, Happening::Answers(call));
        }
        self.happenings.add(ends_at, Happening::Ends(call));
        let mut tell = |at: Second, happening: Happening| {
            let copies = match (is_small, rng.u8(0..12)) {
                (false, 0..=3) => 0,
                (false, 4..=5) => 2,
                _ => 1,
            };
            for _ in 0..copies {
                let delay = match (is_small, rng.u8(0..12)) {
                    (false, 0..=1) => rng.i64(20..200),
                    (false, 2) => rng.i64(HOUR..30 * HOUR),
                    _ => 0,
                };
                self.happenings.add(at + delay, happening.clone());
            }
        };
        tell(now, Happening::StatusUpdate(call));
        tell(ends_at, Happening::StatusUpdate(call));
        tell(ends_at, Happening::Report(call));
    }
}
