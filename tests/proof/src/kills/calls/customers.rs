//! Who is called, when, and how Vapi and they themselves behave.

use std::time::Duration;

use fastrand::Rng;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use local::sandbox_vapi::{Behaviour, SandboxVapi};
use system_tests::World;

use crate::judgement::calls::Customer as Owed;

/// When a world of calls begins, by its clock.
pub(in crate::kills) fn began() -> Timestamp {
    "2026-06-10T17:00:00Z".parse().expect("a time")
}

/// Where customers live. In the hour in which most are called it is day in America, evening in Europe, and in Nairobi
/// so late that the evening may end before a second try.
const ZONES: [&str; 7] = [
    "America/Edmonton",
    "America/St_Johns",
    "America/Santiago",
    "Europe/London",
    "Europe/Berlin",
    "Africa/Nairobi",
    "Asia/Tokyo",
];
const LATE: &str = "Africa/Nairobi";
/// Where the hour of most is the middle of the night, and the morning comes six hours later.
const ASLEEP: &str = "Asia/Tokyo";
/// When their morning begins, counted from everybody else's hour.
pub(super) const UNTIL_MORNING: SignedDuration = SignedDuration::from_hours(6);
/// Longer than Vapi's list may lag, and shorter than absence takes to be proven.
const LATE_AT_MOST_SECONDS: u64 = 8 * 60;

/// Somebody who is called, or is to be.
#[derive(Debug)]
pub(super) struct Customer {
    pub(super) id: String,
    pub(super) phone: String,
    zone: &'static str,
    call_at: Time,
    /// When Stripe tells that they paid; `None` for one of long standing.
    pub(super) paid_at: Option<Timestamp>,
    /// When Stripe tells that they have their money back.
    pub(super) refunded_at: Option<Timestamp>,
    sends: Vec<Behaviour>,
    pub(super) fate: Fate,
}

/// How a call goes, and what Vapi tells of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fate {
    /// Minutes from the acceptance to the end.
    pub(super) lasts: i64,
    pub(super) ended_reason: &'static str,
    pub(super) says_stop: bool,
    /// Whether Vapi tells of the call as soon as it is taken.
    pub(super) is_announced: bool,
    /// How often Vapi tells of its end: it may be lost, and it may come twice.
    pub(super) reports: u8,
}

impl Customer {
    /// One of a world's; everybody's number is their own, but the second one has that of the first.
    pub(super) fn draw(rng: &mut Rng, which: usize) -> Self {
        let shared = if which == 1 { 0 } else { which };
        let is_new = which >= 2 && rng.u8(..100) < 35;
        let mut zone = ZONES[if which < 2 { 0 } else { rng.usize(..ZONES.len()) }];
        // The first minute's call is planned already for the day after.
        let call_in = SignedDuration::from_mins(rng.i64(1..30));
        if is_new && zone == LATE {
            // It would be the next morning, at an hour that nobody here lives through.
            zone = ASLEEP;
        }
        let mut at = began() + call_in;
        if zone == ASLEEP {
            at += UNTIL_MORNING;
        }
        let paid_in = SignedDuration::from_mins(rng.i64(0..20));
        let refunded_in = SignedDuration::from_hours(24) + SignedDuration::from_mins(rng.i64(0..40));
        let is_refunded = rng.u8(..100) < 12;
        Self {
            id: format!("cust_{which}"),
            phone: format!("+1403555{:04}", 2000 + shared),
            call_at: at.to_zoned(zone_of(zone)).time(),
            zone,
            paid_at: is_new.then(|| began() + paid_in),
            refunded_at: is_refunded.then(|| began() + refunded_in),
            // An attempt each; there are three at most.
            sends: (0..4).map(|_| behaviour(rng)).collect(),
            fate: fate(rng),
        }
    }

    /// An ordinary one of long standing, who is called at this time.
    pub(super) fn ordinary(id: String, phone: String, at: Timestamp) -> Self {
        let zone = ZONES[0];
        Self {
            id,
            phone,
            call_at: at.to_zoned(zone_of(zone)).time(),
            zone,
            paid_at: None,
            refunded_at: None,
            sends: Vec::new(),
            fate: Fate {
                lasts: 1,
                ended_reason: "customer-ended-call",
                says_stop: false,
                is_announced: false,
                reports: 1,
            },
        }
    }

    /// The same as a new one, who pays at this time.
    pub(super) fn paying_at(self, paid_at: Timestamp) -> Self {
        Self {
            paid_at: Some(paid_at),
            ..self
        }
    }

    /// Has Vapi treat them so, and adds them if they have been customers for long.
    pub(super) async fn enter(&self, world: &World) {
        self.script(&world.vapi);
        if self.paid_at.is_none() {
            let Self {
                id,
                phone,
                zone,
                call_at,
                ..
            } = self;
            let sql = format!(
                "INSERT INTO customers (id, name, phone, phone_validated, timezone, call_at, payment_status, paid_at,
                                        welcome_call_completed)
                 VALUES ('{id}', 'Ann Lee', '{phone}', true, '{zone}', '{call_at}', 'Paid', '2026-05-01', true)"
            );
            world.database.sql(&sql).await;
        }
    }

    fn script(&self, vapi: &SandboxVapi) {
        for behaviour in &self.sends {
            vapi.on_next_send_to(&self.phone, behaviour.clone());
        }
    }

    /// What our page tells Stripe about them, and Stripe us.
    pub(super) fn metadata(&self) -> serde_json::Value {
        serde_json::json!({
            "name": "Ann Lee", "phone": self.phone, "timezone": self.zone, "call_at": self.call_at.strftime("%H:%M").to_string(),
        })
    }

    /// For the judge, in a world that lives until `until`; nothing is due any more from `over_at` on.
    pub(super) fn owed(&self, until: Timestamp, over_at: Option<Timestamp>, is_judged_after: bool) -> Owed {
        let zone = zone_of(self.zone);
        let begins = self.paid_at.map_or(began(), |paid| paid + 24.hours());
        let first: Date = begins.to_zoned(zone.clone()).date();
        let days = (0..8).filter_map(|ahead| first.checked_add(ahead.days()).ok());
        let due = days.filter_map(|day| day.to_datetime(self.call_at).to_zoned(zone.clone()).ok());
        let ends = over_at.map_or(until, |over| over - SignedDuration::from_hours(4));
        Owed {
            id: self.id.clone(),
            phone: self.phone.clone(),
            is_new: self.paid_at.is_some(),
            due: due
                .map(|due| due.timestamp())
                .filter(|due| (begins..ends.min(until)).contains(due))
                .collect(),
            over_at: over_at.filter(|_| is_judged_after),
            zone,
        }
    }

    /// Whether Vapi may refuse them a call for good.
    pub(super) fn may_be_refused(&self) -> bool {
        let for_good = |behaviour: &Behaviour| matches!(behaviour, Behaviour::Refuse { http: 400, .. });
        self.sends.iter().any(for_good)
    }

    /// Whether their hour is so late that the evening may be over before a second try.
    pub(super) fn is_called_late(&self) -> bool {
        self.zone == LATE
    }
}

fn zone_of(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a zone that everybody knows")
}

fn behaviour(rng: &mut Rng) -> Behaviour {
    let retry_after = ["0", "7", "40", "soon"][rng.usize(..4)];
    match rng.u8(..100) {
        ..36 => Behaviour::Accept,
        36..40 => Behaviour::AcceptBlocked,
        40..56 => Behaviour::Hold { accepted: rng.bool() },
        56..62 => Behaviour::LateAccept {
            after: Duration::from_secs(rng.u64(1..LATE_AT_MOST_SECONDS)),
        },
        62..69 => Behaviour::AcceptThenReset,
        69..74 => Behaviour::AcceptThen500,
        74..78 => Behaviour::AcceptThenGarbled,
        78..84 => Behaviour::Fail500,
        84..90 => Behaviour::Reset,
        90..95 => Behaviour::Refuse {
            http: 429,
            message: "Too Many Requests".to_owned(),
            retry_after: Some(retry_after.to_owned()),
        },
        95..97 => Behaviour::refuse(401, "Invalid Key."),
        _ => Behaviour::refuse(400, "customer.number must be a valid phone number"),
    }
}

fn fate(rng: &mut Rng) -> Fate {
    Fate {
        lasts: rng.i64(0..4),
        ended_reason: [
            "customer-ended-call",
            "customer-ended-call",
            "customer-did-not-answer",
            "customer-busy",
            "voicemail",
        ][rng.usize(..5)],
        says_stop: rng.u8(..100) < 8,
        is_announced: rng.bool(),
        reports: [0, 1, 1, 2][rng.usize(..4)],
    }
}
