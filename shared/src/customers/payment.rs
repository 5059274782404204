//! What we are told of a payment, whoever tells us.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Profile;

/// What the shop calls a customer: up to forty letters, digits, `_`, `.`, `:` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct CustomerId(String);

/// Why a text is no [`CustomerId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of up to 40 letters, digits and _.:-")]
pub struct InvalidCustomerId;

impl CustomerId {
    /// Reads one, as it is.
    pub fn parse(text: &str) -> Result<Self, InvalidCustomerId> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
        ((1..=40).contains(&text.len()) && text.bytes().all(is_plain))
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidCustomerId)
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CustomerId {
    type Error = InvalidCustomerId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

/// The id of something in the books of whoever tells us, an event or an object: up to 255 printable characters of
/// ASCII.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RecordId(String);

/// Why a text is no [`RecordId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of up to 255 printable characters")]
pub struct InvalidRecordId;

impl RecordId {
    /// Reads one, as it is.
    pub fn parse(text: &str) -> Result<Self, InvalidRecordId> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        ((1..=255).contains(&text.len()) && is_plain)
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidRecordId)
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RecordId {
    type Error = InvalidRecordId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<&CustomerId> for RecordId {
    fn from(customer: &CustomerId) -> Self {
        Self(customer.0.clone())
    }
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// In the smallest unit of the currency: cents, or yen.
    pub minor_units: i64,
    /// Three lower-case letters, as ISO 4217 has them.
    pub currency: String,
}

/// Who tells us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Stripe.
    Stripe,
    /// A shop without it.
    Shop,
}

impl Source {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Shop => "shop",
        }
    }
}

/// What an event says of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// They have paid, or owe nothing.
    Paid,
    /// A payment was expected and has not come: whoever has paid otherwise stays paid. From a shop it is its word on
    /// the customer, and counts by its time.
    NotPaid,
    /// All of their money went back.
    Refunded,
    /// Some of it did. They stay paid; it is only written down.
    PartlyRefunded,
    /// Their bank asks for the money back.
    Disputed,
    /// It does so no longer: the payment stands.
    DisputeWon,
    /// It has it. The payment is gone.
    DisputeLost,
    /// The subscription is over, or nobody pays for it any more.
    Ended,
    /// It ties one object to another, by which a later event finds its customer. Nothing else follows.
    Linked,
    /// Nothing follows, and this is why. Such an event is not kept.
    #[serde(skip)]
    Ignored(#[serde(skip)] &'static str),
}

impl Effect {
    /// As stored and logged.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::NotPaid => "not_paid",
            Self::Refunded => "refunded",
            Self::PartlyRefunded => "partly_refunded",
            Self::Disputed => "disputed",
            Self::DisputeWon => "dispute_won",
            Self::DisputeLost => "dispute_lost",
            Self::Ended => "ended",
            Self::Linked => "linked",
            Self::Ignored(_) => "ignored",
        }
    }
}

/// One event about a payment, in our words.
///
/// It may come twice, and after events that are newer. `source` and `id` together are its own for ever; what is
/// newest by `created_at` counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentEvent {
    /// Who tells us.
    pub source: Source,
    /// Its id there.
    pub id: RecordId,
    /// What it is called there, such as `charge.refunded`.
    pub kind: String,
    /// When it happened there, to the second.
    pub created_at: Timestamp,
    /// Our customer, where the event says which: by an id that we gave, never by an address or a number that
    /// somebody typed.
    pub customer: Option<CustomerId>,
    /// What it is about in the provider's books: the object itself, then what that belongs to, each once. An event
    /// that does not name our customer is about the customer of an event that shares one of these. A shop has no
    /// books that we know: there it is the customer.
    pub objects: Vec<RecordId>,
    /// What it says.
    pub effect: Effect,
    /// How much was paid, where the event says so. Somebody with the link to a payment page can pay with it for
    /// whom they like, so an amount that is not the price's is worth a look.
    pub paid: Option<Money>,
    /// What it says about the customer, as far as it says anything.
    pub profile: Profile,
}

impl PaymentEvent {
    /// Whose event it is, or of what: those of one subject keep their order when they have to wait.
    pub fn subject(&self) -> &str {
        let customer = self.customer.as_ref().map(CustomerId::as_str);
        customer
            .or_else(|| self.objects.first().map(RecordId::as_str))
            .unwrap_or(self.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_plain() {
        for id in ["cust_42", "A", "a.b:c-d", &"9".repeat(40)] {
            assert_eq!(CustomerId::parse(id).expect(id).as_str(), id);
        }
        for text in ["", " ", "a b", "a/b", "é", "a\0", "'; DROP", &"9".repeat(41)] {
            assert_eq!(CustomerId::parse(text), Err(InvalidCustomerId), "{text:?}");
        }
        assert_eq!(RecordId::parse("evt_1").expect("an id").as_str(), "evt_1");
        for text in ["", "a b", "a\n", "\0", "é", &"e".repeat(256)] {
            assert_eq!(RecordId::parse(text), Err(InvalidRecordId), "{text:?}");
        }
    }
}
