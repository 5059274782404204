//! The permission for exactly one request.

use uuid::Uuid;

use crate::Phone;

/// A committed attempt: the permission for exactly one HTTP request to a provider.
///
/// It cannot be made by hand, copied or used twice: its fields are private, it is neither `Clone` nor
/// `Copy`, only a granted row makes one, and a provider's send takes it by value.
///
/// This compiles:
///
/// ```
/// use shared::jobs::Permit;
/// fn send(_: Permit) {}
/// fn once(permit: Permit) { send(permit) }
/// ```
///
/// A second use does not:
///
/// ```compile_fail,E0382
/// use shared::jobs::Permit;
/// fn send(_: Permit) {}
/// fn twice(permit: Permit) { send(permit); send(permit) }
/// ```
///
/// Nor does a copy:
///
/// ```compile_fail,E0308
/// use shared::jobs::Permit;
/// fn send(_: Permit) {}
/// fn copied(permit: &Permit) { send(permit.clone()) }
/// ```
///
/// Nor one made by hand, whether as a value or by the function that only a grant calls:
///
/// ```compile_fail,E0451
/// use shared::{Phone, jobs::Permit};
/// fn forged(recipient: Phone) -> Permit { Permit { attempt: Default::default(), recipient } }
/// ```
///
/// ```compile_fail,E0624
/// use shared::{Phone, jobs::Permit};
/// fn forged(recipient: Phone) -> Permit { Permit::granted(Default::default(), recipient) }
/// ```
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
