//! The permission for exactly one request.

use uuid::Uuid;

use crate::Phone;

/// A committed attempt: the permission for exactly one HTTP request to a provider.
///
/// It cannot be made by hand, copied or used twice: its fields are private, it is neither `Clone` nor
/// `Copy`, only a granted row makes one, and a provider's send takes it by value.
#[derive(Debug)]
#[must_use = "a permit is a committed attempt: send it, or the attempt ends as unknown"]
pub struct Permit {
    attempt: Uuid,
    recipient: Phone,
}

impl Permit {
    pub(super) fn granted(attempt: Uuid, recipient: Phone) -> Self {
        Self { attempt, recipient }
    }

    /// The attempt's id, which the provider is given to echo.
    pub fn attempt(&self) -> Uuid {
        self.attempt
    }

    /// Whom the attempt was granted for; the database chose it, not the caller.
    pub fn recipient(&self) -> &Phone {
        &self.recipient
    }
}
