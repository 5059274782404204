//! WhatsApp, Meta's Cloud API: what it tells us, in our words, and what we ask of it.
//!
//! A request is verified by [`WebhookVerifier`] and read by [`items`]: everything in it on its own, for one of them
//! that cannot be read spoils none of its neighbours.

mod classify;
mod client;
mod code;
mod content;
mod handshake;
mod identity;
mod media;
mod message;
mod number;
mod signature;
mod status;
mod verifier;
mod webhook;
mod words;

pub use classify::classify;
pub use client::{API_VERSION, Client, TEXT_CHARS_MAX, Template, Text};
pub use code::{Meaning, meaning};
pub use content::{Content, Media, Place, Reply, ReplyKind, SystemChange};
pub use handshake::{HandshakeError, handshake};
pub use identity::{Identity, UserId, WaId};
pub use media::File;
pub use message::{Echo, InboundMessage, MessageId, Sender};
pub use number::{canonical, spellings};
pub use signature::{SignatureError, sign, verify};
pub use status::{DeliveryStatus, StatusReport, Trouble};
pub use verifier::{Verified, WebhookVerifier};
pub use webhook::{IdentityChange, Item, Preference, PreferenceValue, Unreadable, WebhookError, items};
pub use words::reduced;
