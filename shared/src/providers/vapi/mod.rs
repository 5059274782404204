//! Vapi: what it tells us, in our words, and what we ask of it.

mod classify;
mod client;
mod ended_reason;
mod records;
mod redact;
mod signature;
mod verifier;
mod webhooks;

pub use crate::calls::CallResult;

pub use classify::classify;
pub use client::{Call, Client, Line};
pub use records::{CallId, CallListing, CallRecord, CallStatus, call as call_record};
pub use redact::{REDACTED, redact};
pub use signature::{SignatureError, sign, verify};
pub use verifier::{Proof, Verified, WebhookVerifier};
pub use webhooks::{ServerMessage, WebhookError, server_message};
