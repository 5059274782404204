//! Twilio: what it tells us, in our words, and what we ask of it.

mod classify;
mod client;
mod form;
mod records;
mod signature;
pub mod twiml;
mod verifier;
mod webhooks;

pub use classify::classify;
pub use client::{Client, Message};
pub use form::{Form, FormError};
pub use records::{
    CallListing, CallRecord, MessageListing, MessageRecord, call as call_record, message as message_record,
};
pub use signature::{SignatureError, Signed, body_hash, sign, verify};
pub use verifier::{Verified, WebhookVerifier};
pub use webhooks::{
    CallSid, CallStatusReport, Caller, DialResult, IncomingCall, IncomingText, MessageSid, MessageStatus,
    MessageStatusReport, OptOutType, TextFile, WebhookError, call_status, dial_result, incoming_call,
    incoming_text, message_status,
};
