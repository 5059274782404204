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
///
/// It is for a telephone, or on WhatsApp for an [`Address`].
#[derive(Debug)]
#[must_use = "a permit is a committed attempt: send it, or the attempt ends as unknown"]
pub struct Permit<R = Phone> {
    attempt: Uuid,
    recipient: R,
}

/// What WhatsApp is told to send to: the digits of a number, or the id of somebody who hides theirs.
///
/// Printing one shows nothing of it; [`Address::as_str`] is the whole.
pub struct Address(String);

impl Address {
    /// As WhatsApp gave it to us. Never for a log.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_digit())
    }

    pub(super) fn stored(address: String) -> Self {
        Self(address)
    }

    /// One that nobody gave us.
    #[cfg(test)]
    pub(crate) fn of_a_test(address: &str) -> Self {
        Self(address.to_owned())
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl<R> Permit<R> {
    pub(super) fn granted(attempt: Uuid, recipient: R) -> Self {
        Self { attempt, recipient }
    }

    /// One that allows nothing: what it is used up by is a test's.
    #[cfg(test)]
    pub(crate) fn of_a_test(attempt: Uuid, recipient: R) -> Self {
        Self { attempt, recipient }
    }

    /// The attempt's id, which the provider is given to echo.
    pub fn attempt(&self) -> Uuid {
        self.attempt
    }

    /// Whom the attempt was granted for; the database chose it, not the caller.
    pub fn recipient(&self) -> &R {
        &self.recipient
    }
}
