//! The mistakes that would call somebody twice, too late at night, after a stop, or never.

use crate::explorer::mutants::{Change, Mutant, REFUSAL_OF_ANY_KIND, mutated};

/// Without what the guard compares days by, whatever the indexes call them.
macro_rules! without_clocks {
    () => {
        "DO $$ BEGIN EXECUTE replace(replace(pg_get_functiondef('guard_attempt'::regproc),
           'WHERE earlier.customer_id = NEW.customer_id AND', 'WHERE false AND'),
           'WHERE earlier.recipient = NEW.recipient AND', 'WHERE false AND'); END $$;"
    };
}

/// All of the calls'.
pub(in crate::explorer) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "flag-after-call",
        about: "looks whether a call is still to be placed, places it, and then sets a flag",
        complaint: "two calls to",
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
        name: "day-while-active",
        about: "keeps a day for as long as a call is on its way, and not when it has ended",
        complaint: "two calls to",
        schema: concat!(
            without_clocks!(),
            "ALTER TABLE attempts DROP CONSTRAINT ten_hours_between_calls;
                 ALTER TABLE attempts DROP CONSTRAINT ten_hours_between_calls_to_a_phone;
                 DROP INDEX one_call_per_customer_day;
                 DROP INDEX one_call_per_phone_day;
                 CREATE UNIQUE INDEX one_call_per_customer_day ON attempts (customer_id, local_day)
                   WHERE channel = 'call' AND state IN ('sending', 'unknown');
                 CREATE UNIQUE INDEX one_call_per_phone_day ON attempts (recipient, local_day)
                   WHERE channel = 'call' AND state IN ('sending', 'unknown')",
        ),
        statements: &[],
    },
    Mutant {
        name: "utc-day",
        about: "calls once a day of the server's, and not of the customer's",
        complaint: "two calls to",
        schema: concat!(
            without_clocks!(),
            "DO $$ BEGIN EXECUTE replace(pg_get_functiondef('guard_attempt'::regproc),
                   'NEW.local_day := (NEW.granted_at AT TIME ZONE known_zone(customer.timezone))::date',
                   'NEW.local_day := (NEW.granted_at AT TIME ZONE ''UTC'')::date'); END $$",
        ),
        statements: &[
            (
                "schedule_calls",
                Change::Says(
                    "last_call_date >= local_day",
                    "last_call_date >= (switchboard_now() AT TIME ZONE 'UTC')::date",
                ),
            ),
            (
                "load_call",
                Change::Says(
                    "(switchboard_now() AT TIME ZONE known_zone(customer.timezone))::date AS is_called_today",
                    "(switchboard_now() AT TIME ZONE 'UTC')::date AS is_called_today",
                ),
            ),
        ],
    },
    Mutant {
        name: "telephone-not-asked",
        about: "counts the calls to a customer and not those to their telephone",
        complaint: "two calls to",
        schema: concat!(
            without_clocks!(),
            "ALTER TABLE attempts DROP CONSTRAINT ten_hours_between_calls_to_a_phone;
                 DROP INDEX one_call_per_phone_day",
        ),
        statements: &[],
    },
    Mutant {
        name: "unclear-frees-the-day",
        about: "tries again on the same day when it is unclear whether a call was placed",
        complaint: "two calls to",
        schema: REFUSAL_OF_ANY_KIND,
        statements: &[("settle_unknown", mutated!("../mutants/settle_unknown_by_retrying"))],
    },
    Mutant {
        name: "rescue-to-pending",
        about: "hands a vanished worker's call out again, as job queues do",
        complaint: "two calls to",
        schema: "",
        statements: &[("rescue", mutated!("../mutants/rescue_to_pending"))],
    },
    Mutant {
        name: "absence-frees-the-day",
        about: "calls again on the day of an attempt that was proven absent",
        complaint: "two calls to",
        schema: concat!(
            without_clocks!(),
            "ALTER TABLE attempts DROP CONSTRAINT ten_hours_between_calls;
                 ALTER TABLE attempts DROP CONSTRAINT ten_hours_between_calls_to_a_phone;
                 DROP INDEX one_call_per_customer_day;
                 DROP INDEX one_call_per_phone_day;
                 CREATE UNIQUE INDEX one_call_per_customer_day ON attempts (customer_id, local_day)
                   WHERE channel = 'call' AND state NOT IN ('refused', 'absent');
                 CREATE UNIQUE INDEX one_call_per_phone_day ON attempts (recipient, local_day)
                   WHERE channel = 'call' AND state NOT IN ('refused', 'absent')",
        ),
        statements: &[(
            "settle_absent",
            mutated!("mutants/settle_absent_by_retrying"),
        )],
    },
    Mutant {
        name: "welcome-by-flag",
        about: "welcomes whose row does not say that they were",
        complaint: "two welcome calls",
        schema: concat!(
            without_clocks!(),
            "ALTER TABLE jobs DROP CONSTRAINT one_job_per_cause;
                 DROP INDEX one_welcome_call_ever;
                 CREATE OR REPLACE FUNCTION is_owed_a_welcome(customer customers, since timestamptz)
                   RETURNS boolean LANGUAGE sql STABLE AS
                   'SELECT coalesce(customer.paid_at >= since, false) AND NOT customer.welcome_call_completed'",
        ),
        statements: &[],
    },
    Mutant {
        name: "refund-checked-early",
        about: "asks whether somebody pays before the permit and not with it",
        complaint: "a permit for somebody who does not pay",
        schema: "DO $$ BEGIN EXECUTE replace(pg_get_functiondef('guard_attempt'::regproc),
                   'IF rule IS NOT NULL THEN',
                   'IF rule IS NOT NULL AND rule <> ''only_who_pays_is_called'' THEN'); END $$",
        statements: &[],
    },
    Mutant {
        name: "stop-checked-early",
        about: "asks about a stop before the permit and not with it",
        complaint: "a permit for somebody after a stop",
        schema: "DO $$ BEGIN EXECUTE replace(pg_get_functiondef('guard_attempt'::regproc),
                   'IF rule IS NOT NULL THEN',
                   'IF rule IS NOT NULL AND rule <> ''nobody_after_stop'' THEN'); END $$",
        statements: &[],
    },
    Mutant {
        name: "hours-checked-early",
        about: "looks at a customer's clock before the permit and not with it",
        complaint: "was called at",
        schema: "ALTER TABLE attempts DROP CONSTRAINT lawful_hours",
        statements: &[],
    },
    Mutant {
        name: "stop-not-heard",
        about: "does not listen to what is said in a call",
        complaint: "nobody listened",
        schema: "",
        statements: &[(
            "record_result",
            Change::Says("WHERE $9\n", "WHERE $9 AND false\n"),
        )],
    },
    Mutant {
        name: "newest-payment-counts",
        about: "takes a customer's newest event for how things stand",
        complaint: "the row says otherwise",
        schema: "DO $$ BEGIN EXECUTE replace(replace(pg_get_functiondef('payment_standing'::regproc),
                   'DISTINCT ON (purchase)', 'DISTINCT ON (1::int)'),
                   'ORDER BY purchase, is_for_good DESC, created_at DESC', 'ORDER BY 1::int, created_at DESC'); END $$",
        statements: &[],
    },
    Mutant {
        name: "no-alarm",
        about: "lets a second call of one attempt pass in silence",
        complaint: "no alarm",
        schema: "",
        statements: &[(
            "settle_accepted_late",
            Change::Says(
                "WHERE NOT EXISTS (SELECT FROM accepted) AND NOT $3\n",
                "WHERE NOT EXISTS (SELECT FROM accepted) AND NOT $3 AND false\n",
            ),
        )],
    },
    Mutant {
        name: "due-window",
        about: "looks only for whom this minute is the one",
        complaint: "nobody ever noticed",
        schema: "",
        statements: &[(
            "schedule_calls",
            Change::Says(
                "customer.next_call_scheduled_at <= switchboard_now()\n",
                "customer.next_call_scheduled_at BETWEEN switchboard_now() - interval '2 minutes' AND switchboard_now()\n",
            ),
        )],
    },
    Mutant {
        name: "copied-once",
        about: "copies a call into the customer's row when it is placed, or never",
        complaint: "does not say what the ledger says",
        schema: "",
        statements: &[("unprojected", mutated!("mutants/unprojected_never"))],
    },
    Mutant {
        name: "result-by-webhook-alone",
        about: "waits for Vapi to tell how a call ended",
        complaint: "nobody ever asked how a call ended",
        schema: "",
        statements: &[("results_due", mutated!("mutants/results_due_never"))],
    },
    Mutant {
        name: "bell-rung-once",
        about: "relies on the queue to deliver",
        complaint: "not called, for a reason that nothing explains",
        schema: "",
        statements: &[("ring_due", mutated!("../mutants/ring_never"))],
    },
];
