//! Who is shot at on the way to a call to a customer.

use crate::kills::aim::{RUNNER, SWEEPER, Target};

/// The scheduler.
pub(in crate::kills) const SCHEDULER: &str = "call-scheduler";
/// The webhook that calls are told of by.
pub(in crate::kills) const VAPI: &str = "vapi-webhook";
/// The webhook that payments are told of by.
pub(in crate::kills) const STRIPE: &str = "stripe-webhook";

/// Everybody.
pub(in crate::kills) const TARGETS: [Target; 5] = [
    Target {
        name: RUNNER,
        shots: 75,
        heart: &["grant", "settle_accepted", "settle_refused", "settle_unknown"],
        others: &[
            "load_call",
            "project_call",
            "settle_accepted_late",
            "suppress",
            "defer",
        ],
    },
    Target {
        name: SCHEDULER,
        shots: 15,
        heart: &["schedule_calls"],
        others: &["record_tick"],
    },
    Target {
        name: SWEEPER,
        shots: 30,
        heart: &[
            "rescue",
            "settle_accepted",
            "settle_absent",
            "hand_over",
            "record_result",
            "unprojected",
            "project_call",
        ],
        others: &[
            "expire",
            "ring_due",
            "unknown_calls_due",
            "record_read",
            "results_due",
            "ask_later",
        ],
    },
    Target {
        name: VAPI,
        shots: 50,
        heart: &["record_result", "settle_accepted"],
        others: &["settle_accepted_late", "project_call"],
    },
    Target {
        name: STRIPE,
        shots: 50,
        heart: &["record_payment"],
        others: &["standing"],
    },
];
