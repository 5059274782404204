//! The mistakes that would text somebody twice, or nobody.

use crate::explorer::mutants::{Change, Mutant, REFUSAL_OF_ANY_KIND, mutated};

/// Without the constraint that would refuse what the mutant does; the rule itself is what is tried.
const UNPROVEN_ABSENCE: &str = "ALTER TABLE attempts DROP CONSTRAINT absence_is_proven";

/// All of the texts'.
pub(in crate::explorer) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "flag-after-send",
        about: "looks whether a text is still to be sent, sends it, and then sets a flag",
        complaint: "more than one text",
        schema: "",
        statements: &[
            ("grant", mutated!("mutants/grant_without_writing")),
            ("settle_accepted", mutated!("../mutants/settle_accepted_by_flag")),
            (
                "settle_accepted_late",
                mutated!("../mutants/settle_accepted_late_never"),
            ),
            ("settle_refused", mutated!("../mutants/settle_refused_by_waiting")),
            ("settle_unknown", mutated!("../mutants/settle_unknown_by_waiting")),
        ],
    },
    Mutant {
        name: "rescue-to-pending",
        about: "hands a vanished worker's job out again, as job queues do",
        complaint: "more than one text",
        schema: "",
        statements: &[("rescue", mutated!("../mutants/rescue_to_pending"))],
    },
    Mutant {
        name: "retry-when-unclear",
        about: "tries again after a time-out, a reset or a 5xx",
        complaint: "more than one text",
        schema: REFUSAL_OF_ANY_KIND,
        statements: &[(
            "settle_unknown",
            mutated!("../mutants/settle_unknown_by_retrying"),
        )],
    },
    Mutant {
        name: "retry-after-408",
        about: "takes 408 for a refusal",
        complaint: "more than one text",
        schema: REFUSAL_OF_ANY_KIND,
        statements: &[("settle_unknown", mutated!("mutants/settle_unknown_408_refused"))],
    },
    Mutant {
        name: "absent-at-once",
        about: "believes the first list that does not show a text",
        complaint: "more than one text",
        schema: UNPROVEN_ABSENCE,
        statements: &[("record_read", mutated!("mutants/record_read_proves_absence"))],
    },
    Mutant {
        name: "key-while-active",
        about: "allows one live job per call instead of one for ever",
        complaint: "two jobs for one call",
        schema: "ALTER TABLE jobs DROP CONSTRAINT one_job_per_cause;
                 CREATE UNIQUE INDEX one_live_job_per_cause ON jobs (kind, cause)
                   WHERE state IN ('pending', 'in_flight', 'unknown')",
        statements: &[(
            "record_report",
            Change::Says(
                "ON CONFLICT ON CONSTRAINT one_job_per_cause DO NOTHING",
                "ON CONFLICT (kind, cause) WHERE state IN ('pending', 'in_flight', 'unknown') DO NOTHING",
            ),
        )],
    },
    Mutant {
        name: "permit-taken-over",
        about: "sends on a permit whose commit it has not heard of",
        complaint: "two requests for one permit",
        schema: "",
        statements: &[
            ("grant", mutated!("mutants/grant_again")),
            (
                "load_text",
                Change::Says(
                    "job.state,",
                    "CASE WHEN job.state = 'in_flight' THEN 'pending' ELSE job.state END AS state,",
                ),
            ),
        ],
    },
    Mutant {
        name: "stop-checked-early",
        about: "asks about a stop before the permit and not with it",
        complaint: "a request after a stop",
        schema: "DO $$ BEGIN EXECUTE replace(pg_get_functiondef('guard_attempt'::regproc),
                   'WHERE phone = job.recipient AND revoked_at IS NULL)', 'WHERE false)'); END $$",
        statements: &[],
    },
    Mutant {
        name: "stop-not-kept",
        about: "forgets that Twilio refused a text because the person had said stop",
        complaint: "a request after a stop",
        schema: "",
        statements: &[(
            "settle_refused",
            Change::Says("FROM refused WHERE $8", "FROM refused WHERE $8 AND false"),
        )],
    },
    Mutant {
        name: "door-stays-shut",
        about: "does not notice that its credentials are good again",
        complaint: "closed for credentials that have been accepted since",
        schema: "",
        statements: &[(
            "settle_accepted",
            Change::Says("AND NOT EXISTS (SELECT FROM channels WHERE breaker_open)", ""),
        )],
    },
    Mutant {
        name: "cool-down-checked-early",
        about: "asks about earlier texts before the permit and not with it",
        complaint: "within the cool-down",
        schema: "ALTER TABLE attempts DROP CONSTRAINT one_text_per_cool_down;
                 DROP INDEX one_unsettled_text_per_pair",
        statements: &[],
    },
    Mutant {
        name: "poller-reads-own-rows",
        about: "looks for missed calls among those only that we were told of",
        complaint: "nobody ever noticed",
        schema: "",
        statements: &[("undecided", mutated!("mutants/undecided_ignored"))],
    },
    Mutant {
        name: "watermark-too-far",
        about: "remembers to have read more of the provider's list than it has",
        complaint: "nobody ever noticed",
        schema: "",
        statements: &[("advance_watermark", mutated!("mutants/advance_watermark_too_far"))],
    },
    Mutant {
        name: "bell-rung-once",
        about: "relies on the queue to deliver",
        complaint: "not texted, for a reason that nothing explains",
        schema: "",
        statements: &[("ring_due", mutated!("../mutants/ring_never"))],
    },
    Mutant {
        name: "no-expiry",
        about: "never gives a job up",
        complaint: "the job never ended",
        schema: "",
        statements: &[("expire", mutated!("../mutants/expire_never"))],
    },
];
