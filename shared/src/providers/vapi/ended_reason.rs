//! Why a call ended: Vapi's word, in ours.
//!
//! Vapi's list had 627 words in August 2026 and grows, so most are known by how they begin. A word that nobody
//! here has seen means that nothing is known, and the day counts as used.

use crate::calls::CallResult;
use CallResult::{Answered, Busy, Failed, NoAnswer, NotPlaced, Unclear, Voicemail};

/// Whole words. They go before everything else.
const EXACT: [(&str, CallResult); 34] = [
    ("customer-ended-call", Answered),
    ("assistant-ended-call", Answered),
    ("assistant-ended-call-with-hangup-task", Answered),
    ("assistant-ended-call-after-message-spoken", Answered),
    ("assistant-said-end-call-phrase", Answered),
    ("assistant-forwarded-call", Answered),
    ("exceeded-max-duration", Answered),
    ("silence-timed-out", Answered),
    ("call.in-progress.twilio-completed-call", Answered),
    ("call.in-progress.sip-completed-call", Answered),
    ("vonage-completed", Answered),
    ("vonage-disconnected", Answered),
    // Whom it was forwarded to did not answer; the customer had.
    ("call.forwarding.operator-busy", Answered),
    ("call.forwarding.no-answer", Answered),
    ("call.in-progress.error-transfer-failed", Answered),
    (
        "call.in-progress.error-assistant-did-not-receive-customer-audio",
        Answered,
    ),
    ("customer-did-not-answer", NoAnswer),
    ("voicemail", Voicemail),
    ("customer-busy", Busy),
    ("call.start.assistant-version-error-validation", NotPlaced),
    ("call-start-error-neither-assistant-nor-server-set", NotPlaced),
    ("assistant-not-found", NotPlaced),
    ("assistant-not-valid", NotPlaced),
    ("scheduled-call-deleted", NotPlaced),
    ("twilio-failed-to-connect-call", NotPlaced),
    ("twilio-reported-customer-misdialed", NotPlaced),
    ("vonage-failed-to-connect-call", NotPlaced),
    ("vonage-rejected", NotPlaced),
    (
        "call.in-progress.error-sip-outbound-call-failed-to-connect",
        NotPlaced,
    ),
    ("worker-shutdown", Failed),
    ("phone-call-provider-closed-websocket", Failed),
    ("assistant-join-timed-out", Failed),
    ("phone-call-provider-bypass-enabled-but-no-call-received", Failed),
    ("manually-canceled", Unclear),
];

/// What stands in the middle of a word. It goes before the beginnings, which are broader.
const WITHIN: [(&str, CallResult); 5] = [
    ("outbound-sip-408-request-timeout", NoAnswer),
    ("outbound-sip-480-temporarily-unavailable", NoAnswer),
    ("outbound-sip-403-", NotPlaced),
    ("outbound-sip-407-", NotPlaced),
    // We place calls and take none.
    ("-sip-inbound-", Unclear),
];

const ENDINGS: [(&str, CallResult); 2] = [
    ("-transport-never-connected", NotPlaced),
    ("-worker-not-available", NotPlaced),
];

const BEGINNINGS: [(&str, CallResult); 10] = [
    // Before, during and after a warm transfer.
    ("customer-ended-call-", Answered),
    ("call.ending.hook-", Answered),
    ("call.in-progress.error-warm-transfer-", Answered),
    // Vapi gave up before it asked anybody to dial.
    ("call.start.error-", NotPlaced),
    ("assistant-request-", NotPlaced),
    ("pipeline-error-", Failed),
    ("call.in-progress.error-vapifault-", Failed),
    ("call.in-progress.error-providerfault-", Failed),
    ("call.in-progress.error-pipeline-", Failed),
    ("call.ringing.", Unclear),
];

impl CallResult {
    /// What a word alone says. See [`super::CallRecord::result`] for what the conversation says as well.
    pub fn of(ended_reason: &str) -> Self {
        let exact = EXACT.iter().find(|(word, _)| *word == ended_reason);
        let within = || WITHIN.iter().find(|(part, _)| ended_reason.contains(part));
        let ending = || ENDINGS.iter().find(|(end, _)| ended_reason.ends_with(end));
        let beginning = || {
            BEGINNINGS
                .iter()
                .find(|(start, _)| ended_reason.starts_with(start))
        };
        exact
            .or_else(within)
            .or_else(ending)
            .or_else(beginning)
            .map_or(Unclear, |(_, result)| *result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole words of Vapi's list, one at least for each way in which one is known.
    const SEEN: [(&str, CallResult); 24] = [
        ("customer-ended-call-before-warm-transfer", Answered),
        ("customer-ended-call-during-transfer", Answered),
        ("call.ending.hook-executed-say", Answered),
        ("call.in-progress.error-warm-transfer-max-duration", Answered),
        (
            "call.in-progress.error-providerfault-outbound-sip-408-request-timeout",
            NoAnswer,
        ),
        (
            "call.in-progress.error-providerfault-outbound-sip-480-temporarily-unavailable",
            NoAnswer,
        ),
        (
            "call.in-progress.error-providerfault-outbound-sip-403-forbidden",
            NotPlaced,
        ),
        (
            "call.in-progress.error-providerfault-outbound-sip-407-proxy-authentication-required",
            NotPlaced,
        ),
        (
            "call.in-progress.error-providerfault-outbound-sip-503-service-unavailable",
            Failed,
        ),
        (
            "call.in-progress.error-vapifault-transport-never-connected",
            NotPlaced,
        ),
        (
            "call.in-progress.error-providerfault-transport-never-connected",
            NotPlaced,
        ),
        ("call.in-progress.error-vapifault-worker-not-available", NotPlaced),
        ("pipeline-error-vapifault-transport-never-connected", NotPlaced),
        ("call.start.error-vapi-number-international", NotPlaced),
        (
            "call.start.error-subscription-concurrency-limit-reached",
            NotPlaced,
        ),
        ("call.start.error-get-transport", NotPlaced),
        ("assistant-request-returned-error", NotPlaced),
        ("pipeline-error-openai-llm-failed", Failed),
        ("call.in-progress.error-vapifault-openai-voice-failed", Failed),
        ("call.in-progress.error-pipeline-no-available-llm-model", Failed),
        (
            "call.in-progress.error-sip-inbound-call-failed-to-connect",
            Unclear,
        ),
        ("call.ringing.hook-executed-transfer", Unclear),
        ("customer-did-not-give-microphone-permission", Unclear),
        ("call-deleted", Unclear),
    ];

    #[test]
    fn every_word_means_what_the_table_says() {
        for (word, result) in EXACT.iter().chain(&SEEN) {
            assert_eq!(CallResult::of(word), *result, "{word}");
        }
    }

    #[test]
    fn a_word_that_nobody_knows_says_nothing() {
        for word in [
            "",
            "answered",
            "Customer-Ended-Call",
            "customer-ended",
            "call.start.",
            "call-start-error-neither-assistant-nor-server-set-yet",
            "voicemail-detected",
            "pipeline",
            "call.start.error-sip-inbound-call",
        ] {
            assert_eq!(CallResult::of(word), Unclear, "{word}");
        }
    }
}
