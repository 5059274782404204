//! A caller whom nobody answered is owed one text.
//!
//! Three sources say how a call went, in any order, repeatedly or never: Twilio's Dial callback (the fast
//! path), its status callback, and its own call list, which the poller reads (the fallback). Each is
//! reduced to a [`Verdict`] by a function below and reported to one statement; the first verdict stands,
//! and a missed call becomes a job whose key is the `CallSid`, for ever. So however many of them arrive,
//! there is one text, and if any of them arrives, there is not none.

mod call;
mod store;
mod text;

pub use call::{
    CallStatus, DialStatus, FALLBACK_GRACE, LEGS_LISTED_WITHIN, Leg, Source, Verdict, verdict_of_dial,
    verdict_of_record, verdict_of_status,
};
pub use store::{
    LineSettings, PollWindow, Recorded, Report, TextFacts, Undecided, Wording, advance_watermark,
    delete_processed, delete_quarantined, line, load_text, mark_not_found, poll_window, quarantine,
    record_call, record_report, undecided, unprocessed,
};
pub use text::{Decision, Suppression, TEXT_EXPIRES_AFTER, decide};
