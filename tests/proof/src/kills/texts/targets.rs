//! Who is shot at on the way to a text.

use crate::kills::aim::{RUNNER, SWEEPER, Target};

/// The poller.
pub(in crate::kills) const POLLER: &str = "missed-call-poller";
/// The webhook that calls come in by.
const VOICE: &str = "twilio-voice-webhook";
/// The webhook that reports come in by.
const STATUS: &str = "twilio-status-webhook";

/// Everybody.
pub(in crate::kills) const TARGETS: [Target; 5] = [
    Target {
        name: RUNNER,
        shots: 75,
        heart: &["grant", "settle_accepted", "settle_refused", "settle_unknown"],
        others: &[
            "load_text",
            "settle_accepted_late",
            "suppress",
            "defer",
            "quarantine",
        ],
    },
    Target {
        name: SWEEPER,
        shots: 45,
        heart: &["rescue", "settle_accepted_late", "settle_absent", "hand_over"],
        others: &["expire", "ring_due", "unknown_due", "record_read"],
    },
    Target {
        name: POLLER,
        shots: 35,
        heart: &["record_report", "advance_watermark"],
        others: &["poll_window", "unprocessed", "mark_not_found", "undecided"],
    },
    Target {
        name: VOICE,
        shots: 35,
        heart: &["record_report"],
        others: &["record_call"],
    },
    Target {
        name: STATUS,
        shots: 35,
        heart: &["settle_reported", "settle_accepted"],
        others: &["settle_accepted_late", "record_report"],
    },
];
