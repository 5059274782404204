//! What we are told of payments, from the verified event to the committed row.
//!
//! Stripe's webhook and the shops' use it as events come in, and the sweeper once more for those that were parked
//! while the database was away; so all of them do exactly the same. Nobody is called from here: who pays has a time
//! at which the scheduler looks at them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::customers::{self, Effect, PaymentEvent, Recorded, Source, Standing};
use crate::missed_calls;
use crate::platform::database::{Connection, Database, Error};
use crate::platform::queue::Park;
use crate::platform::webhook::Verified;

/// Where an event is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// Committed; with it, how things stand since then, if the database had the time to say so.
    Recorded(Recorded, Option<Standing>),
    /// In the park, until the database is back.
    Parked,
}

/// An event that waits for the database, as a message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ParkedPayment {
    /// The form of this message: 1.
    pub v: u8,
    /// Who told us.
    pub source: Source,
    /// When we had it.
    pub heard_at: Timestamp,
    /// What waits.
    pub content: Content,
}

/// What waits for the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// What was read of an event: Stripe's largest are too large for a queue.
    Event(Box<PaymentEvent>),
    /// What was signed and not understood.
    Unread {
        /// Why not.
        reason: String,
        /// The raw body, in base64: it may hold what no text can.
        body: String,
    },
}

/// Records an event or, while the database cannot take it, parks it. An error means that it is kept nowhere, and must
/// be sent again.
pub async fn keep(
    database: &Database,
    park: &Park,
    event: &PaymentEvent,
    heard_at: Timestamp,
) -> anyhow::Result<Kept> {
    let recording = async {
        let connection = database.connection().await?;
        record(&connection, event, "webhook").await
    };
    let error = match recording.await {
        Ok((recorded, standing)) => return Ok(Kept::Recorded(recorded, standing)),
        Err(error) => error,
    };
    let parked = ParkedPayment::of(event.source, heard_at, Content::Event(Box::new(event.clone())));
    park.park(event.subject(), parked).await?;
    let tag = tag(event.source);
    tracing::error!(event.id = event.id.as_str(), %error, "{tag} Database away: the event is parked");
    Ok(Kept::Parked)
}

/// Quarantines what was signed and not understood or, while the database cannot take it, parks it.
pub async fn set_aside(
    database: &Database,
    park: &Park,
    source: Source,
    reason: &str,
    request: &Verified,
) -> anyhow::Result<()> {
    let quarantining = async {
        let connection = database.connection().await?;
        quarantine(&connection, source, reason, &request.body).await
    };
    let Err(error) = quarantining.await else {
        return Ok(());
    };
    let unread = Content::Unread {
        reason: reason.to_owned(),
        body: BASE64_STANDARD.encode(&request.body),
    };
    let parked = ParkedPayment::of(source, request.heard_at, unread);
    park.park(source.as_str(), parked).await?;
    let tag = tag(source);
    tracing::error!(reason, %error, "{tag} Database away: what was not understood is parked");
    Ok(())
}

/// Does with a parked event what its webhook would have done.
pub async fn replay(database: &Connection, parked: &ParkedPayment) -> Result<(), Error> {
    match &parked.content {
        Content::Event(event) => record(database, event, "parked").await.map(|_| ()),
        Content::Unread { reason, body } => {
            let body = BASE64_STANDARD.decode(body).unwrap_or_default();
            quarantine(database, parked.source, reason, &body).await
        }
    }
}

impl ParkedPayment {
    fn of(source: Source, heard_at: Timestamp, content: Content) -> String {
        let parked = Self {
            v: 1,
            source,
            heard_at,
            content,
        };
        serde_json::to_string(&parked).expect("what is ignored is never parked")
    }
}

async fn quarantine(database: &Connection, source: Source, reason: &str, body: &[u8]) -> Result<(), Error> {
    let tag = tag(source);
    tracing::error!(reason, "{tag} Quarantined a signed event that cannot be used");
    missed_calls::quarantine(database, source.as_str(), reason, body).await
}

async fn record(
    database: &Connection,
    event: &PaymentEvent,
    path: &str,
) -> Result<(Recorded, Option<Standing>), Error> {
    let recorded = customers::record_payment(database, event).await?;
    // It is committed; what the database says now is only told.
    let standing = customers::standing(database, event).await;
    let standing = standing
        .inspect_err(|error| tracing::warn!(%error, "what followed from an event is not known here"))
        .ok();
    tell(event, recorded, standing.as_ref(), path);
    Ok((recorded, standing))
}

fn tell(event: &PaymentEvent, recorded: Recorded, standing: Option<&Standing>, path: &str) {
    let tag = tag(event.source);
    let (id, kind, effect) = (event.id.as_str(), event.kind.as_str(), event.effect.as_str());
    if !recorded.is_new {
        tracing::info!(
            event.id = id,
            event.kind = kind,
            deduplicated = 1,
            path,
            "{tag} Deduplication: event recorded before"
        );
        return;
    }
    let customer = standing.and_then(|standing| standing.customer.as_deref());
    tracing::info!(
        event.id = id,
        event.kind = kind,
        effect,
        customer.id = customer,
        payment_status = standing.and_then(|standing| standing.payment_status.as_deref()),
        next_call_at = standing.and_then(|standing| standing.next_call_at.map(tracing::field::display)),
        path,
        "{tag} Event recorded"
    );
    if recorded.zone_is_unknown {
        tracing::warn!(
            event.id = id,
            customer.id = customer,
            "{tag} The database does not know the time zone"
        );
    }
    let Some(standing) = standing else { return };
    if standing.is_short {
        let amount = event.paid.as_ref().map(|paid| paid.minor_units);
        let currency = event.paid.as_ref().map(|paid| paid.currency.as_str());
        tracing::error!(
            event.id = id,
            customer.id = customer,
            amount,
            currency,
            "{tag} Paid with less than the price: it does not count"
        );
    }
    if standing.is_of_two {
        tracing::error!(
            event.id = id,
            "{tag} One purchase names two customers: nobody's to guess"
        );
    } else if customer.is_none() && event.effect == Effect::Paid {
        tracing::warn!(event.id = id, "{tag} Paid, and nobody has said yet by whom");
    } else if customer.is_none() && takes_back(event.effect) {
        tracing::error!(
            event.id = id,
            effect,
            "{tag} Money went back, and nobody has said yet to whom: they are called on"
        );
    }
    if let Some(rule) = &standing.hindrance {
        tracing::error!(
            event.id = id,
            customer.id = customer,
            rule,
            "{tag} A paying customer cannot be called"
        );
    }
}

fn takes_back(effect: Effect) -> bool {
    matches!(
        effect,
        Effect::Refunded | Effect::Disputed | Effect::DisputeLost | Effect::Ended
    )
}

fn tag(source: Source) -> &'static str {
    match source {
        Source::Stripe => "[STRIPE WEBHOOK]",
        Source::Shop => "[CUSTOMERS WEBHOOK]",
    }
}
