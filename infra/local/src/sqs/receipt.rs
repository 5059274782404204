//! The receipt handle: who may delete a message, or keep it hidden.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// A message's place in its queue; later messages have larger ones.
pub(super) type Sequence = u64;

/// Proof of one receive of one message. A later receive of the same message makes it stale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    pub queue: String,
    pub sequence: Sequence,
    pub message: Uuid,
    pub receive: u32,
}

impl fmt::Display for Receipt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}/{}/{}/{}",
            self.queue, self.sequence, self.message, self.receive
        )
    }
}

impl FromStr for Receipt {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('/');
        let mut part = || parts.next().ok_or(());
        let queue = part()?.to_owned();
        let sequence = part()?.parse().map_err(drop)?;
        let message = part()?.parse().map_err(drop)?;
        let receive = part()?.parse().map_err(drop)?;
        Ok(Self {
            queue,
            sequence,
            message,
            receive,
        })
    }
}
