//! What can become of an operation, and the plan that says so for some of them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use local::sandbox::{Behaviour, ReadFault};
use local::sandbox_vapi;
use shared::platform::gate::Operation;

/// What becomes of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// It is carried out and its answer arrives.
    Done,
    /// It never leaves; the caller gets an error.
    NotDone,
    /// It never leaves, and the process dies.
    NotDoneDies,
    /// It is carried out and its answer is lost.
    Unheard,
    /// It is carried out, and the process dies.
    DoneDies,
    /// The process is frozen before it leaves, and thawed much later.
    FrozenBefore,
    /// It is carried out; the process is frozen before it hears of it, and thawed much later.
    FrozenAfter,
    /// The provider does nothing and cuts the connection.
    Reset,
    /// The provider accepts and cuts the connection.
    AcceptedReset,
    /// The provider answers 500 and has done nothing.
    Error500,
    /// The provider answers 500 and has accepted.
    Accepted500,
    /// The provider answers 408 and has accepted.
    Accepted408,
    /// The provider accepts, and its answer cannot be read.
    AcceptedGarbled,
    /// The provider cuts the connection and accepts minutes later.
    AcceptedLate,
    /// The provider accepts one request twice, and tells of the first.
    AcceptedTwice,
    /// The provider asks for patience.
    Throttled,
    /// The provider does not know our credentials.
    Unauthorized,
    /// The provider says that the number is none.
    BadNumber,
    /// The provider says that the person opted out.
    OptedOut,
    /// The provider sends us elsewhere, where the same request would be accepted.
    Redirected,
    /// The provider's records cannot be read: it refuses.
    ReadRefused,
    /// The provider's records cannot be read: they make no sense.
    ReadGarbled,
    /// The provider's records cannot be read: the connection breaks.
    ReadReset,
}

use Fate as F;

const STATEMENT: &[Fate] = &[
    F::NotDone,
    F::NotDoneDies,
    F::Unheard,
    F::DoneDies,
    F::FrozenBefore,
    F::FrozenAfter,
];
const QUEUE: &[Fate] = STATEMENT;
const READ: &[Fate] = &[
    F::NotDoneDies,
    F::DoneDies,
    F::FrozenBefore,
    F::FrozenAfter,
    F::ReadRefused,
    F::ReadGarbled,
    F::ReadReset,
];
const SEND: &[Fate] = &[
    F::NotDone,
    F::NotDoneDies,
    F::DoneDies,
    F::FrozenBefore,
    F::FrozenAfter,
    F::Reset,
    F::AcceptedReset,
    F::Error500,
    F::Accepted500,
    F::Accepted408,
    F::AcceptedGarbled,
    F::AcceptedLate,
    F::Throttled,
    F::Unauthorized,
    F::BadNumber,
    F::OptedOut,
    F::Redirected,
];
const CALL: &[Fate] = &[
    F::NotDone,
    F::NotDoneDies,
    F::DoneDies,
    F::FrozenBefore,
    F::FrozenAfter,
    F::Reset,
    F::AcceptedReset,
    F::Error500,
    F::Accepted500,
    F::Accepted408,
    F::AcceptedGarbled,
    F::AcceptedLate,
    F::AcceptedTwice,
    F::Throttled,
    F::Unauthorized,
    F::BadNumber,
    F::Redirected,
];

impl Fate {
    /// Everything but being done that can become of an operation.
    pub fn of(operation: Operation) -> &'static [Self] {
        match operation {
            Operation::Connect => &[],
            Operation::Statement(_) => STATEMENT,
            Operation::Queue(_) => QUEUE,
            Operation::Read(_) => READ,
            Operation::Send("place_call") => CALL,
            Operation::Send(_) => SEND,
        }
    }

    /// How Twilio is to treat the request, where that is what the fate is about. `elsewhere` is where a redirect
    /// leads.
    pub(super) fn of_a_text(self, elsewhere: &str) -> Option<Behaviour> {
        Some(match self {
            F::Reset | F::AcceptedLate => Behaviour::Reset,
            F::AcceptedReset => Behaviour::AcceptThenReset,
            F::Error500 => Behaviour::Fail500,
            F::Accepted500 => Behaviour::AcceptThen500,
            F::Accepted408 => Behaviour::AcceptThenRefuse { http: 408 },
            F::AcceptedGarbled => Behaviour::AcceptThenGarbled,
            F::Throttled => Behaviour::Refuse {
                http: 429,
                code: 20429,
                retry_after: Some("30".to_owned()),
            },
            F::Unauthorized => Behaviour::refuse(401, 20003),
            F::BadNumber => Behaviour::refuse(400, 21211),
            F::OptedOut => Behaviour::refuse(400, 21610),
            F::Redirected => Behaviour::Redirect {
                http: 307,
                to: elsewhere.to_owned(),
            },
            _ => return None,
        })
    }

    /// The same for Vapi.
    pub(super) fn of_a_call(self, elsewhere: &str) -> Option<sandbox_vapi::Behaviour> {
        use sandbox_vapi::Behaviour;
        Some(match self {
            F::Reset | F::AcceptedLate => Behaviour::Reset,
            F::AcceptedReset => Behaviour::AcceptThenReset,
            F::Error500 => Behaviour::Fail500,
            F::Accepted500 => Behaviour::AcceptThen500,
            F::Accepted408 => Behaviour::AcceptThenRefuse { http: 408 },
            F::AcceptedGarbled => Behaviour::AcceptThenGarbled,
            F::AcceptedTwice => Behaviour::DoubleAccept,
            F::Throttled => Behaviour::Refuse {
                http: 429,
                message: "Too many requests.".to_owned(),
                retry_after: Some("30".to_owned()),
            },
            F::Unauthorized => Behaviour::refuse(401, "Invalid Key."),
            F::BadNumber => Behaviour::refuse(400, "customer.number must be a valid phone number"),
            F::Redirected => Behaviour::Redirect {
                http: 307,
                to: elsewhere.to_owned(),
            },
            _ => return None,
        })
    }

    /// How Twilio is to treat a request for its records.
    pub(super) fn read_fault(self) -> Option<ReadFault> {
        Some(match self {
            F::ReadRefused => ReadFault::Refuse {
                http: 503,
                code: 20503,
            },
            F::ReadGarbled => ReadFault::Garbled,
            F::ReadReset => ReadFault::Reset,
            _ => return None,
        })
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl FromStr for Fate {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        [STATEMENT, QUEUE, READ, SEND, CALL]
            .into_iter()
            .flatten()
            .find(|fate| fate.to_string() == name)
            .copied()
            .ok_or_else(|| anyhow::anyhow!("{name} is no fate of an operation"))
    }
}

/// The fates that are not "done", by the operation's place in its run.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plan(pub BTreeMap<usize, Fate>);

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<String> = self.0.iter().map(|(at, fate)| format!("{at}:{fate}")).collect();
        f.write_str(&entries.join(","))
    }
}

impl FromStr for Plan {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let entries = text.split(',').filter(|entry| !entry.is_empty()).map(|entry| {
            let (at, fate) = entry
                .split_once(':')
                .ok_or_else(|| anyhow::anyhow!("{entry} is not place:fate"))?;
            Ok((at.parse()?, fate.parse()?))
        });
        entries.collect::<anyhow::Result<_>>().map(Self)
    }
}
