//! What happens in the outside world during a run: people ring, Twilio tells of it more or less well, somebody
//! says stop, the owner changes a line.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use local::sandbox::{Call, CallStatus, MessageStatus, SandboxTwilio, Webhook};

use crate::explorer::play::Size;
use crate::explorer::run::Second;
use crate::explorer::stage::{LINE, LINE_NAME, OWNER};
use crate::explorer::timetable::{Timetable, Troubles};

/// Where it may forward to later.
pub(super) const OTHER_OWNER: &str = "+14155550199";
/// What the line is called, and what it may be called later.
pub(super) const NAMES: [&str; 2] = [LINE_NAME, "Acme & Sons"];
/// People who ring.
const CALLERS: [&str; 3] = ["+14035550001", "+14035550002", "+14035550003"];
/// What Twilio says of somebody who withholds the number.
const ANONYMOUS: &str = "+266696687";

pub(super) const NO_TEXTS: &str = "UPDATE lines SET text_back = false";
pub(super) const SHORT_COOL_DOWN: &str = "UPDATE lines SET text_cool_down_minutes = 1";
pub(super) const OTHER_NAME: &str =
    "UPDATE lines SET forward_to = '+14155550199', business_name = 'Acme & Sons'";
/// What an owner may want changed.
const CHANGES: [&str; 3] = [NO_TEXTS, SHORT_COOL_DOWN, OTHER_NAME];

/// A call to the line.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) call: Call,
    /// Whether the owner picked up.
    pub(super) is_answered: bool,
    pub(super) ends_at: Second,
    dial_status: &'static str,
    leg_status: CallStatus,
    final_status: CallStatus,
}

impl Scene {
    /// Whether the caller can be texted at all.
    pub(super) fn has_number(&self) -> bool {
        self.call.from != ANONYMOUS
    }

    /// What every request about the call says, and what this one says besides.
    fn fields<'a, const N: usize>(&'a self, more: [(&'a str, &'a str); N]) -> Vec<(&'a str, &'a str)> {
        let call = &self.call;
        let mut fields = vec![("CallSid", &*call.sid), ("From", &*call.from), ("To", &*call.to)];
        fields.extend(more);
        fields
    }
}

/// Something that happens.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    /// The phone starts ringing.
    Rings(usize),
    /// The call is over.
    Ends(usize),
    /// Twilio tells us something.
    Tells(Telling),
    /// The person said stop, to somebody who wrote it down.
    Stop(String),
    /// The person said stop to Twilio, which does not tell us.
    StopAtTwilio(String),
    /// The owner has the line changed.
    LineChanges(&'static str),
    /// The weekly cleanup.
    Cleanup,
}

/// A request of Twilio's.
#[derive(Debug, Clone)]
pub(super) enum Telling {
    Voice(usize),
    DialResult(usize),
    CallStatus(usize),
    MessageStatus(String, MessageStatus),
}

/// A run's outside world.
pub(super) struct Script {
    pub(super) size: Size,
    pub(super) scenes: Vec<Scene>,
    pub(super) happenings: Timetable<Happening>,
    pub(super) troubles: Troubles,
    /// How late Twilio's lists show what is new.
    pub(super) list_lag: SignedDuration,
    /// Twilio's lists have so many rows to a page, if it is not as many as one likes.
    pub(super) page_rows: Option<usize>,
}

/// Eight days later everything has long been cleaned up.
pub(super) const MUCH_LATER: Second = 8 * 24 * 3600;

impl Script {
    pub(super) fn of(rng: &mut Rng, size: Size, begin: Timestamp) -> Self {
        let calls = if size == Size::Small { 1 } else { rng.usize(2..=4) };
        let mut script = Self {
            size,
            scenes: Vec::new(),
            happenings: Timetable::default(),
            troubles: Troubles::default(),
            list_lag: SignedDuration::ZERO,
            page_rows: None,
        };
        for number in 0..calls {
            script.add_call(rng, number, begin);
        }
        if size == Size::Full {
            script.add_troubles(rng);
            script.page_rows = rng.bool().then(|| rng.usize(1..4));
        }
        script.happenings.add(MUCH_LATER, Happening::Cleanup);
        script
    }

    fn add_call(&mut self, rng: &mut Rng, number: usize, begin: Timestamp) {
        let is_small = self.size == Size::Small;
        let last = self.scenes.last().map(|scene| scene.call.clone());
        // Some try again at once.
        let again = last.filter(|_| rng.u8(0..5) == 0);
        let from = match (&again, rng.u8(0..20)) {
            (Some(call), _) => call.from.clone(),
            (None, 0) if !is_small => ANONYMOUS.to_owned(),
            _ => CALLERS[rng.usize(..CALLERS.len())].to_owned(),
        };
        let rings_at = match rng.u8(0..6) {
            _ if is_small => 0,
            _ if again.is_some() => {
                again.map_or(0, |call| call.created_at.duration_since(begin).as_secs()) + rng.i64(1..20)
            }
            // When whoever was texted before may be texted again.
            0 => rng.i64(12 * 60..20 * 60),
            _ => rng.i64(0..360),
        };
        let ends_at = rings_at + rng.i64(15..60);
        let (is_answered, dial_status, leg_status) = match rng.u8(0..10) {
            0 if !is_small => (true, "completed", CallStatus::Completed),
            1 => (false, "busy", CallStatus::Busy),
            2 => (false, "failed", CallStatus::Failed),
            3 => (false, "canceled", CallStatus::Canceled),
            _ => (false, "no-answer", CallStatus::NoAnswer),
        };
        let final_status = match leg_status {
            CallStatus::Busy if rng.bool() => CallStatus::Busy,
            _ if is_answered || rng.bool() => CallStatus::Completed,
            _ => CallStatus::NoAnswer,
        };
        let rung_at = begin + SignedDuration::from_secs(rings_at);
        self.scenes.push(Scene {
            // A name of its own, and the same in every run of this seed: what is equally due goes by it.
            call: Call {
                sid: format!("CA{:032x}", rng.u128(..)),
                ..Call::inbound(&from, LINE, rung_at)
            },
            is_answered,
            ends_at,
            dial_status,
            leg_status,
            final_status,
        });
        self.happenings.add(rings_at, Happening::Rings(number));
        self.happenings.add(ends_at, Happening::Ends(number));
        // A stop where it hurts: while the text is on its way.
        if !is_small && from != ANONYMOUS && rng.u8(0..6) == 0 {
            let at = ends_at + rng.i64(0..40);
            let stop = if rng.u8(0..3) == 0 {
                Happening::StopAtTwilio
            } else {
                Happening::Stop
            };
            self.happenings.add(at, stop(from));
        }
        // Some calls nobody ever tells us of.
        if !is_small && rng.u8(0..16) == 0 {
            return;
        }
        for (telling, at) in [
            (Telling::Voice(number), rings_at),
            (Telling::DialResult(number), ends_at),
            (Telling::CallStatus(number), ends_at),
        ] {
            self.tell(rng, &telling, at);
        }
        // A copy that lay somewhere for a long time.
        if !is_small && rng.u8(0..3) == 0 {
            let late = [15 * 60, 45 * 60, 100 * 60, MUCH_LATER + 120][rng.usize(..4)];
            self.happenings
                .add(ends_at + late, Happening::Tells(Telling::DialResult(number)));
        }
    }

    /// Once; or not at all, twice, or late.
    fn tell(&mut self, rng: &mut Rng, telling: &Telling, at: Second) {
        let copies = match (self.size, rng.u8(0..20)) {
            (Size::Full, 0..=3) => 0,
            (Size::Full, 4..=7) => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let delay = match (self.size, rng.u8(0..4)) {
                (Size::Full, 0) => rng.i64(20..200),
                _ => 0,
            };
            self.happenings.add(at + delay, Happening::Tells(telling.clone()));
        }
    }

    fn add_troubles(&mut self, rng: &mut Rng) {
        if rng.u8(0..12) == 0 {
            let caller = CALLERS[rng.usize(..CALLERS.len())].to_owned();
            self.happenings.add(rng.i64(0..480), Happening::Stop(caller));
        }
        if rng.u8(0..6) == 0 {
            let change = CHANGES[rng.usize(..CHANGES.len())];
            self.happenings
                .add(rng.i64(0..480), Happening::LineChanges(change));
        }
        if rng.u8(0..10) == 0 {
            let from = rng.i64(0..300);
            self.troubles.outage = Some((from, from + rng.i64(40 * 60..180 * 60)));
        }
        if rng.u8(0..7) == 0 {
            self.troubles.lists_away = Some((rng.i64(0..120), rng.i64(60 * 60..120 * 60)));
        }
        self.list_lag = SignedDuration::from_secs(rng.i64(0..120));
    }

    /// What Twilio tells of an accepted text, and when.
    pub(super) fn reports_on(&mut self, rng: &mut Rng, sid: &str, now: Second) {
        let statuses: &[MessageStatus] = match rng.u8(0..20) {
            0..=6 if self.size == Size::Full => return,
            7 => &[MessageStatus::Sent, MessageStatus::Undelivered],
            8 => &[MessageStatus::Failed],
            _ => &[MessageStatus::Sent, MessageStatus::Delivered],
        };
        for status in statuses {
            let telling = Telling::MessageStatus(sid.to_owned(), *status);
            let copies = if self.size == Size::Full && rng.u8(0..5) == 0 {
                2
            } else {
                1
            };
            for _ in 0..copies {
                let delay = match rng.u8(0..6) {
                    0 => rng.i64(20..240),
                    1 if self.size == Size::Full => rng.i64(240..7200),
                    _ => 0,
                };
                self.happenings
                    .add(now + delay, Happening::Tells(telling.clone()));
            }
        }
    }

    /// Whoever rings and has a number.
    pub(super) fn callers(&self) -> Vec<String> {
        let known = self.scenes.iter().filter(|scene| scene.has_number());
        known.map(|scene| scene.call.from.clone()).collect()
    }

    /// Writes a call's beginning into Twilio's record.
    pub(super) fn ring(&self, twilio: &SandboxTwilio, number: usize) {
        let call = &self.scenes[number].call;
        twilio.register_call(call.clone());
        twilio.register_call(call.leg(OWNER, call.created_at));
    }

    /// Writes a call's end into Twilio's record.
    pub(super) fn end(&self, twilio: &SandboxTwilio, number: usize) {
        let scene = &self.scenes[number];
        let now = twilio.clock().now();
        let talked = std::time::Duration::from_secs(if scene.is_answered { 20 } else { 0 });
        let calls = twilio.calls();
        let leg = calls
            .iter()
            .find(|call| call.parent_sid.as_deref() == Some(&scene.call.sid));
        let leg = leg.expect("it rang").sid.clone();
        twilio.update_call(&leg, |leg| {
            *leg = leg.clone().ended(scene.leg_status, now, talked);
        });
        twilio.update_call(&scene.call.sid, |call| {
            *call = call.clone().ended(scene.final_status, now, talked);
        });
    }

    /// A request of Twilio's, signed.
    pub(super) fn webhook(&self, twilio: &SandboxTwilio, telling: &Telling) -> Webhook {
        let scene = |number: &usize| &self.scenes[*number];
        match telling {
            Telling::Voice(number) => twilio.post_voice_webhook(&scene(number).fields([])),
            Telling::DialResult(number) => {
                let scene = scene(number);
                let bridged = if scene.is_answered { "true" } else { "false" };
                let result = [("DialCallStatus", scene.dial_status), ("DialBridged", bridged)];
                twilio.post_dial_result(&scene.fields(result))
            }
            Telling::CallStatus(number) => {
                let status = scene(number).final_status.as_str();
                twilio.post_call_status(&scene(number).fields([("CallStatus", status)]))
            }
            Telling::MessageStatus(sid, status) => twilio.post_message_status(sid, *status),
        }
    }
}

impl Telling {
    /// For the trace.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Voice(number) => format!("voice of call {number}"),
            Self::DialResult(number) => format!("dial result of call {number}"),
            Self::CallStatus(number) => format!("status of call {number}"),
            Self::MessageStatus(_, status) => format!("text {}", status.as_str()),
        }
    }
}
