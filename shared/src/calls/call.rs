//! Whether a customer is called now.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::Phone;
use crate::jobs::{CallRule, Denial};

/// How soon a switch of the operator's is looked at again.
const PAUSE_LOOK: SignedDuration = SignedDuration::from_mins(1);
/// A call lasts minutes; until one has ended there is no room for another.
const ROOM_LOOK: SignedDuration = SignedDuration::from_secs(20);
/// After this, a call to somebody who was called may follow, if the day is another.
const SPACING: SignedDuration = SignedDuration::from_hours(10);

/// Which call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The first, once in a customer's life; it can wait for another day.
    Welcome,
    /// One of those that follow, for one day of theirs and no other.
    Daily,
}

impl Kind {
    /// From a job's kind as stored; `None` for jobs that are no calls.
    pub fn of_job(kind: &str) -> Option<Self> {
        match kind {
            "welcome_call" => Some(Self::Welcome),
            "daily_call" => Some(Self::Daily),
            _ => None,
        }
    }

    /// What the assistant is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::Daily => "daily",
        }
    }
}

/// What decides about a call.
#[derive(Debug, Clone)]
pub struct CallFacts {
    /// Which call it is.
    pub kind: Kind,
    /// The job's state.
    pub state: String,
    /// When the job may be done.
    pub due_at: Timestamp,
    /// When it is too late.
    pub expires_at: Timestamp,
    /// Whom it is for.
    pub customer_id: String,
    /// What they are called.
    pub name: Option<String>,
    /// Where they are called.
    pub phone: Option<Phone>,
    /// Whether their row says that they had their welcome call.
    pub is_welcomed: bool,
    /// Whether their row says that they were called today.
    pub is_called_today: bool,
    /// What the database has against calling them now, apart from other calls.
    pub rule: Option<Denial>,
    /// When their clock, and the pause that they asked for, allow a call next; `None` if their clock is unknown.
    pub lawful_at: Option<Timestamp>,
    /// Whether their number is a line of ours, or where one forwards to.
    pub is_our_own: bool,
    /// The database's time.
    pub now: Timestamp,
}

impl CallFacts {
    /// What the assistant's words may name.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let name = self.name.clone().unwrap_or_default();
        let first_name = name.split_whitespace().next().unwrap_or_default().to_owned();
        BTreeMap::from([
            ("call_type".to_owned(), self.kind.as_str().to_owned()),
            ("name".to_owned(), name),
            ("first_name".to_owned(), first_name),
        ])
    }
}

/// What to do about one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Place it.
    Call,
    /// Not now; look again after this long.
    Wait(SignedDuration),
    /// Never, for this reason.
    Suppress(Suppression),
    /// Somebody else has done what there was to do.
    Leave,
}

/// Why a call that was owed is not placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suppression {
    /// The customer does not pay, or not any more.
    NotPaid,
    /// Nobody has found out whether their number is one.
    PhoneNotValidated,
    /// They are not to be called.
    CallingDisabled,
    /// They said stop.
    OptedOut,
    /// They are not to be called for a while, and the call's day passes meanwhile.
    Paused,
    /// Nobody knows what their clock shows.
    TimezoneUnknown,
    /// Their clock shows another day than the one that the call was for.
    WrongDay,
    /// Their clock shows an hour at which nobody is called.
    OutsideHours,
    /// They had their welcome call.
    WelcomeCompleted,
    /// They were called today, or may have been.
    CalledToday,
    /// Somebody with the same number was called today, or may have been.
    PhoneCalledToday,
    /// They, or somebody with their number, were called less than ten hours ago, or may have been.
    CalledWithinTenHours,
    /// Their number is one of our own.
    Loop,
    /// A premium or satellite range.
    PremiumRange,
    /// Not a production stack, and the number is not on its allow-list.
    NotOnAllowList,
    /// Too late to be of use.
    Expired,
    /// An earlier attempt that counted as refused or absent has arrived after all.
    ArrivedAfterAll,
}

impl Suppression {
    /// As stored, logged and read by a person.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotPaid => "not_paid",
            Self::PhoneNotValidated => "phone_not_validated",
            Self::CallingDisabled => "calling_disabled",
            Self::OptedOut => "opted_out",
            Self::Paused => "paused",
            Self::TimezoneUnknown => "timezone_unknown",
            Self::WrongDay => "wrong_day",
            Self::OutsideHours => "outside_hours",
            Self::WelcomeCompleted => "welcome_completed",
            Self::CalledToday => "called_today",
            Self::PhoneCalledToday => "phone_called_today",
            Self::CalledWithinTenHours => "called_within_ten_hours",
            Self::Loop => "loop",
            Self::PremiumRange => "premium_range",
            Self::NotOnAllowList => "not_on_allow_list",
            Self::Expired => "expired",
            Self::ArrivedAfterAll => "arrived_after_all",
        }
    }
}

/// Decides from what is known now. The database holds the same rules about people once more.
pub fn decide(facts: &CallFacts, may_reach: impl FnOnce(&Phone) -> bool) -> Decision {
    use Suppression as No;
    if let Some(rule) = facts.rule {
        return heed(rule, facts);
    }
    let Some(phone) = &facts.phone else {
        return Decision::Suppress(No::PhoneNotValidated);
    };
    if facts.kind == Kind::Daily && facts.is_called_today {
        return Decision::Suppress(No::CalledToday);
    }
    let refusals = [
        (facts.now >= facts.expires_at, No::Expired),
        (
            facts.kind == Kind::Welcome && facts.is_welcomed,
            No::WelcomeCompleted,
        ),
        (facts.is_our_own, No::Loop),
        (phone.is_premium(), No::PremiumRange),
        (!may_reach(phone), No::NotOnAllowList),
    ];
    match refusals.iter().find(|(applies, _)| *applies) {
        Some((_, reason)) => Decision::Suppress(*reason),
        None if facts.lawful_at.is_some_and(|lawful_at| lawful_at > facts.now) => {
            heed(Denial::Call(CallRule::OutsideHours), facts)
        }
        None => Decision::Call,
    }
}

/// What follows when the database says no. A welcome call can wait for a better hour or another day; a daily one is
/// for its day, and no hour but the chosen one was asked for.
pub fn heed(denial: Denial, facts: &CallFacts) -> Decision {
    use Suppression as No;
    let may_wait = |wait: SignedDuration, no| match facts.kind {
        Kind::Welcome => Decision::Wait(wait),
        Kind::Daily => Decision::Suppress(no),
    };
    let until_lawful = facts
        .lawful_at
        .map_or(PAUSE_LOOK, |lawful_at| lawful_at.duration_since(facts.now))
        .max(PAUSE_LOOK);
    let rule = match denial {
        Denial::OptedOut => return Decision::Suppress(No::OptedOut),
        Denial::Expired => return Decision::Suppress(No::Expired),
        Denial::ArrivedAfterAll => return Decision::Suppress(No::ArrivedAfterAll),
        Denial::Loop => return Decision::Suppress(No::Loop),
        Denial::ChannelClosed => return Decision::Wait(SignedDuration::ZERO),
        // The first has it. The others are about texts and answers.
        Denial::AlreadyAttempted
        | Denial::AlreadyTexted
        | Denial::EarlierTextUnsettled
        | Denial::Reply(_) => {
            return Decision::Leave;
        }
        Denial::Call(rule) => rule,
    };
    match rule {
        CallRule::CallingPaused => Decision::Wait(PAUSE_LOOK),
        CallRule::TooManyCalls => Decision::Wait(ROOM_LOOK),
        CallRule::NotPaid => Decision::Suppress(No::NotPaid),
        CallRule::PhoneNotValidated => Decision::Suppress(No::PhoneNotValidated),
        CallRule::CallingDisabled => Decision::Suppress(No::CallingDisabled),
        CallRule::ClockUnknown => Decision::Suppress(No::TimezoneUnknown),
        CallRule::WrongDay => Decision::Suppress(No::WrongDay),
        CallRule::CustomerPaused => may_wait(until_lawful, No::Paused),
        CallRule::OutsideHours => may_wait(until_lawful, No::OutsideHours),
        CallRule::CustomerCalledToday => may_wait(SPACING, No::CalledToday),
        CallRule::PhoneCalledToday => may_wait(SPACING, No::PhoneCalledToday),
        CallRule::CalledWithinTenHours => may_wait(SPACING, No::CalledWithinTenHours),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn facts(kind: Kind) -> CallFacts {
        let now = Timestamp::UNIX_EPOCH;
        CallFacts {
            kind,
            state: "pending".to_owned(),
            due_at: now,
            expires_at: now + HOUR * 4,
            customer_id: "cust_42".to_owned(),
            name: Some("Ada King".to_owned()),
            phone: Some(Phone::stored("+14035550001".to_owned())),
            is_welcomed: kind == Kind::Daily,
            is_called_today: false,
            rule: None,
            lawful_at: Some(now),
            is_our_own: false,
            now,
        }
    }

    fn decision(facts: &CallFacts) -> Decision {
        decide(facts, |_| true)
    }

    #[test]
    fn somebody_against_whom_nothing_speaks_is_called() {
        for kind in [Kind::Welcome, Kind::Daily] {
            assert_eq!(decision(&facts(kind)), Decision::Call);
        }
        let told = facts(Kind::Daily).variables();
        assert_eq!(
            (told["call_type"].as_str(), told["first_name"].as_str()),
            ("daily", "Ada")
        );
    }

    #[test]
    fn a_flag_that_is_set_stops_the_call_that_it_is_about() {
        let welcomed = CallFacts {
            is_welcomed: true,
            ..facts(Kind::Welcome)
        };
        assert_eq!(
            decision(&welcomed),
            Decision::Suppress(Suppression::WelcomeCompleted)
        );
        let called = CallFacts {
            is_called_today: true,
            ..facts(Kind::Daily)
        };
        assert_eq!(decision(&called), Decision::Suppress(Suppression::CalledToday));
    }

    #[test]
    fn a_welcome_call_waits_where_a_daily_one_ends() {
        let night = |kind| CallFacts {
            lawful_at: Some(Timestamp::UNIX_EPOCH + HOUR),
            ..facts(kind)
        };
        assert_eq!(decision(&night(Kind::Welcome)), Decision::Wait(HOUR));
        assert_eq!(
            decision(&night(Kind::Daily)),
            Decision::Suppress(Suppression::OutsideHours)
        );
        let rules = [
            CallRule::CustomerPaused,
            CallRule::OutsideHours,
            CallRule::CustomerCalledToday,
            CallRule::PhoneCalledToday,
            CallRule::CalledWithinTenHours,
        ];
        for rule in rules {
            let denied = |kind| heed(Denial::Call(rule), &facts(kind));
            assert!(matches!(denied(Kind::Welcome), Decision::Wait(_)), "{rule:?}");
            assert!(matches!(denied(Kind::Daily), Decision::Suppress(_)), "{rule:?}");
        }
    }

    #[test]
    fn what_the_database_has_against_it_goes_before_everything_else() {
        let stopped = CallFacts {
            rule: Some(Denial::OptedOut),
            lawful_at: None,
            is_called_today: true,
            ..facts(Kind::Daily)
        };
        assert_eq!(decision(&stopped), Decision::Suppress(Suppression::OptedOut));
    }
}
