use serde_json::{Value, json};

use super::*;

/// What is changed about the facts.
type Change = fn(&mut Value);

/// Tuesday, 9 June 2026, seen on Wednesday at 13:00 in Toronto: somebody who is called at 10:00 and against whom
/// nothing speaks, with what a test changes.
fn facts(change: impl FnOnce(&mut Value)) -> Facts {
    let mut facts = json!({
        "id": "cust_42",
        "now": "2026-06-10T17:00:00Z",
        "day": "2026-06-09",
        "today": "2026-06-10",

        "ends": "2026-06-10T04:00:00Z",
        "created_at": "2026-05-01T12:00:00Z",
        "paid_at": "2026-05-01T12:00:00Z",
        "last_call_date": "2026-06-08",
        "next_call_at": "2026-06-11T14:00:00Z",
        "next_call_day": "2026-06-11",
        "welcome_is_owed": false,
        "scheduler_ticked_at": "2026-06-10T16:59:30Z",
        "versions": [version()],
        "calling": [{"until": null, "paused": false}],
        "jobs": [], "other_calls": [], "opt_outs": [], "payments": []
    });
    change(&mut facts);
    serde_json::from_value(facts).expect("facts")
}

fn version() -> Value {
    json!({
        "until": null, "phone": "+14035550001", "phone_validated": true, "timezone": "America/Toronto",
        "timezone_given": "America/Toronto", "call_days": [1, 2, 3, 4, 5, 6, 7],
        "payment_status": "Paid", "call_status": "enabled", "paused_until": null, "hour": "2026-06-09T14:00:00Z"
    })
}

fn job() -> Value {
    json!({
        "kind": "daily_call", "local_day": "2026-06-09", "state": "pending", "state_reason": null,
        "due_at": "2026-06-09T14:00:00Z", "expires_at": "2026-06-09T18:00:00Z", "created_at": "2026-06-09T14:00:20Z",
        "ended_at": null, "lease_until": null, "attempts": []
    })
}

fn attempt() -> Value {
    json!({
        "state": "accepted", "granted_at": "2026-06-09T14:00:30Z",
        "local_day": "2026-06-09", "local_time": "10:00:00", "timezone": "America/Toronto", "reason": null,
        "result": null, "ended_reason": null, "customer_spoke": null
    })
}

/// What is said of the customer, without who that is.
fn said(change: impl FnOnce(&mut Value)) -> String {
    let sentence = sentence(&facts(change));
    let rest = sentence.strip_prefix("cust_42 (+1403***0001) ");
    rest.unwrap_or_else(|| panic!("{sentence}")).to_owned()
}

/// What is said when they had a job that ended so.
fn ended(state: &str, reason: &str, change: impl FnOnce(&mut Value)) -> String {
    said(|facts| {
        facts["jobs"] = json!([job()]);
        facts["jobs"][0]["state"] = state.into();
        facts["jobs"][0]["state_reason"] = reason.into();
        facts["jobs"][0]["ended_at"] = "2026-06-09T14:01:00Z".into();
        change(facts);
    })
}

/// What is said when they had an attempt that stands so.
fn attempted(state: &str, change: impl FnOnce(&mut Value)) -> String {
    said(|facts| {
        facts["jobs"] = json!([job()]);
        facts["jobs"][0]["attempts"] = json!([attempt()]);
        facts["jobs"][0]["attempts"][0]["state"] = state.into();
        change(facts);
    })
}

#[test]
fn a_call_is_told_with_what_became_of_it() {
    let results = [
        ("answered", "it was answered"),
        ("no_answer", "nobody answered"),
        ("voicemail", "a mailbox answered"),
        ("busy", "they were on the telephone"),
        ("failed", "it broke off on Vapi's side"),
        ("unclear", "what became of it is unclear"),
    ];
    for (result, words) in results {
        let said = attempted("accepted", |facts| {
            facts["jobs"][0]["attempts"][0]["result"] = result.into();
            facts["jobs"][0]["attempts"][0]["ended_reason"] = "vapis-word".into();
        });
        assert_eq!(
            said,
            format!(
                "was called on Tuesday 2026-06-09 at 10:00 (America/Toronto), the daily call: {words} (Vapi says vapis-word)."
            )
        );
    }
    assert_eq!(
        attempted("accepted", |_| ()),
        "was called on Tuesday 2026-06-09 at 10:00 (America/Toronto), the daily call; what became of it has not been reported."
    );
    assert_eq!(
        attempted("accepted", |facts| facts["now"] = "2026-06-09T14:05:00Z".into()),
        "is being called now, the daily call: it was placed at 10:00 (America/Toronto)."
    );
}

#[test]
fn what_may_have_reached_them_is_not_called_certain() {
    assert_eq!(
        attempted("sending", |facts| facts["jobs"][0]["lease_until"] =
            "2026-06-10T17:00:01Z".into()),
        "is being called now, the daily call: the request to Vapi was allowed at 10:00 (America/Toronto)."
    );
    for (state, words) in [
        ("sending", "whoever sent the request is gone"),
        (
            "unknown",
            "the request's outcome is unclear (timeout) and is looked up with Vapi",
        ),
        ("unresolved", "a person has to decide"),
    ] {
        let said = attempted(state, |facts| {
            facts["jobs"][0]["attempts"][0]["reason"] = "timeout".into();
        });
        assert!(
            said.starts_with("may have been called on Tuesday 2026-06-09 at 10:00"),
            "{said}"
        );
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn the_welcome_call_takes_the_days_place() {
    let said = attempted("accepted", |facts| {
        let welcome = &mut facts["jobs"][0];
        welcome["kind"] = "welcome_call".into();
        welcome["local_day"] = Value::Null;
        welcome["attempts"][0]["local_time"] = "09:30:00".into();
        welcome["attempts"][0]["result"] = "answered".into();
        let mut daily = job();
        daily["state"] = "suppressed".into();
        daily["state_reason"] = "called_today".into();
        facts["jobs"].as_array_mut().expect("jobs").push(daily);
    });
    assert_eq!(
        said,
        "was called on Tuesday 2026-06-09 at 09:30 (America/Toronto), the welcome call: it was answered."
    );
}

#[test]
fn every_reason_of_a_rule_has_words_and_an_unknown_one_is_quoted() {
    let cases = [
        ("not_paid", "they did not pay, or not any more"),
        (
            "phone_not_validated",
            "nobody had found out whether their number is one",
        ),
        ("calling_disabled", "calling them was switched off"),
        ("opted_out", "they said stop"),
        ("paused", "they were paused"),
        ("wrong_day", "their clock had come to show another day"),
        ("outside_hours", "an hour at which nobody is called"),
        (
            "welcome_completed",
            "their row says that they have had their welcome call",
        ),
        ("called_today", "they were called that day, or may have been"),
        ("loop", "their number is one of our own"),
        ("premium_range", "premium or satellite"),
        ("not_on_allow_list", "not on its allow-list"),
        ("arrived_after_all", "had reached Vapi after all"),
        ("a_new_one", "of a rule that is written down as “a_new_one”"),
    ];
    for (reason, words) in cases {
        let said = ended("suppressed", reason, |_| ());
        assert!(
            said.starts_with("was not called on Tuesday 2026-06-09: the daily call was not made, because "),
            "{said}"
        );
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn what_is_known_of_a_rule_is_told_with_it() {
    let stopped = ended("suppressed", "opted_out", |facts| {
        facts["opt_outs"] = json!([{"phone": "+14035550001", "source": "sms", "opted_out_at": "2026-06-08T01:00:00Z", "revoked_at": null}]);
    });
    assert!(
        stopped.contains("they said stop on 2026-06-07 at 21:00 via sms"),
        "{stopped}"
    );
    let refunded = ended("suppressed", "not_paid", |facts| {
        facts["versions"][0]["payment_status"] = "Refunded".into();
        facts["payments"] = json!([
            {"effect": "refunded", "created_at": "2026-06-09T13:50:00Z", "received_at": "2026-06-09T13:50:02Z"},
            {"effect": "refunded", "created_at": "2026-06-09T20:00:00Z", "received_at": "2026-06-09T20:00:00Z"}]);
    });
    assert!(
        refunded.contains("the money went back at 09:50."),
        "only what was known then: {refunded}"
    );
    let shared = ended("suppressed", "phone_called_today", |facts| {
        facts["other_calls"] = json!([{"customer_id": "cust_7", "granted_at": "2026-06-09T13:00:00Z"}]);
    });
    assert!(shared.contains("may have been (cust_7, at 09:00)"), "{shared}");
    let spaced = ended("suppressed", "called_within_ten_hours", |facts| {
        facts["other_calls"] = json!([{"customer_id": "cust_42", "granted_at": "2026-06-09T05:00:00Z"}]);
    });
    assert!(
        spaced.contains("less than ten hours before (at 01:00)"),
        "{spaced}"
    );
}

#[test]
fn an_expired_call_says_what_held_it_up_if_that_is_known() {
    let expired = |change: fn(&mut Value)| ended("suppressed", "expired", change);
    let paused = expired(|facts| {
        facts["calling"] =
            json!([{"until": "2026-06-09T20:00:00Z", "paused": true}, {"until": null, "paused": false}]);
    });
    assert!(
        paused.contains("from 10:00 until 14:00, while all calling was paused"),
        "{paused}"
    );
    let unknown = expired(|_| ());
    assert!(
        unknown.contains("from 10:00 until 14:00, and what held it up is not known"),
        "{unknown}"
    );
    let late = expired(|facts| facts["jobs"][0]["created_at"] = "2026-06-10T13:00:00Z".into());
    assert!(
        late.contains("it was scheduled only on 2026-06-10 at 09:00, when its time (10:00 until 14:00) was over, and why so late is not known"),
        "{late}"
    );
}

#[test]
fn refusals_are_told_in_vapis_words() {
    let refused = ended("refused", "not a number that Vapi calls", |facts| {
        facts["jobs"][0]["attempts"] = json!([attempt()]);
        facts["jobs"][0]["attempts"][0]["state"] = "refused".into();
        facts["jobs"][0]["attempts"][0]["reason"] = "not a number that Vapi calls".into();
    });
    assert_eq!(
        refused,
        "was not called on Tuesday 2026-06-09: Vapi refused the daily call for good, after a request was refused at 10:00 (not a number that Vapi calls)."
    );
    let dead = ended("dead", "three attempts, none arrived", |facts| {
        facts["jobs"][0]["attempts"] = json!([attempt()]);
        facts["jobs"][0]["attempts"][0]["state"] = "absent".into();
    });
    assert!(
        dead.contains("was given up (three attempts, none arrived), after a request was proven not to have reached Vapi at 10:00"),
        "{dead}"
    );
}

#[test]
fn without_a_job_the_reason_is_what_stood_at_their_hour() {
    let cases: [(&str, Change); 12] = [
        ("all calling was paused", |facts| {
            facts["calling"] =
                json!([{"until": "2026-06-09T14:30:00Z", "paused": true}, {"until": null, "paused": false}]);
        }),
        ("they had not paid", |facts| {
            facts["versions"][0]["payment_status"] = "Unpaid".into();
        }),
        ("they had not paid yet (they did at 15:00)", |facts| {
            facts["paid_at"] = "2026-06-09T19:00:00Z".into();
            let mut before = version();
            before["until"] = "2026-06-09T19:00:01Z".into();
            before["payment_status"] = "Unpaid".into();
            facts["versions"] = json!([before, version()]);
        }),
        (
            "they did not pay any more: the money went back on 2026-06-01 at 08:00",
            |facts| {
                facts["versions"][0]["payment_status"] = "Refunded".into();
                facts["payments"] = json!([{"effect": "refunded", "created_at": "2026-06-01T12:00:00Z", "received_at": "2026-06-01T12:00:00Z"}]);
            },
        ),
        ("their subscription ended, and when is not known", |facts| {
            facts["versions"][0]["payment_status"] = "Ended".into();
        }),
        ("phone_validated is false", |facts| {
            facts["versions"][0]["phone_validated"] = false.into();
        }),
        ("calling them was switched off", |facts| {
            facts["versions"][0]["call_status"] = "disabled".into();
        }),
        ("they said stop on 2026-06-08 at 12:00 via whatsapp", |facts| {
            facts["opt_outs"] = json!([{"phone": "+14035550001", "source": "whatsapp", "opted_out_at": "2026-06-08T16:00:00Z", "revoked_at": "2026-06-09T16:00:00Z"}]);
        }),
        ("they were paused until 2026-06-12 00:00", |facts| {
            facts["versions"][0]["paused_until"] = "2026-06-12T04:00:00Z".into();
        }),
        ("Tuesday 2026-06-09 is not one of their days", |facts| {
            facts["versions"][0]["call_days"] = json!([1, 3, 5]);
        }),
        ("they became a customer later, on Wednesday 2026-06-10", |facts| {
            facts["created_at"] = "2026-06-10T12:00:00Z".into();
        }),
        (
            "they became a customer at 11:00, after their hour (10:00)",
            |facts| {
                facts["created_at"] = "2026-06-09T15:00:00Z".into();
            },
        ),
    ];
    for (words, change) in cases {
        let said = said(change);
        assert!(
            said.starts_with("was not called on Tuesday 2026-06-09: "),
            "{said}"
        );
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn an_unknown_clock_is_said_with_what_we_were_told() {
    let said = said(|facts| {
        let stands = &mut facts["versions"][0];
        stands["timezone"] = Value::Null;
        stands["timezone_given"] = "UTC-5".into();
        stands["hour"] = Value::Null;
    });
    assert_eq!(
        said,
        "was not called on Tuesday 2026-06-09: nobody knows what their clock shows (timezone_given is “UTC-5”, no place that we know)."
    );
}

#[test]
fn an_hour_that_was_changed_in_the_course_of_the_day_is_the_one_that_came() {
    // Until 11:00 their hour was 15:00, since then it is 09:00: neither came while it was theirs.
    let hours = |until: &str, before: &str, after: &str| {
        let [mut old, mut new] = [version(), version()];
        old["until"] = until.into();
        old["hour"] = before.into();
        new["hour"] = after.into();
        json!([old, new])
    };
    let neither = said(|facts| {
        facts["versions"] = hours(
            "2026-06-09T15:00:00Z",
            "2026-06-09T19:00:00Z",
            "2026-06-09T13:00:00Z",
        );
    });
    assert!(neither.contains("none came while it was theirs"), "{neither}");
    // At 10:00, which was their hour until 11:00, all calling was paused.
    let earlier = said(|facts| {
        facts["versions"] = hours(
            "2026-06-09T15:00:00Z",
            "2026-06-09T14:00:00Z",
            "2026-06-09T13:00:00Z",
        );
        facts["calling"] =
            json!([{"until": "2026-06-09T14:30:00Z", "paused": true}, {"until": null, "paused": false}]);
    });
    assert!(
        earlier.contains("at their hour (10:00) all calling was paused"),
        "{earlier}"
    );
}

#[test]
fn what_nothing_explains_is_called_a_bug_or_an_outage() {
    assert_eq!(
        said(|_| ()),
        "was not called on Tuesday 2026-06-09, and nothing was scheduled although nothing that we know spoke against it at their hour (10:00): that is a bug or an outage (the scheduler last ran on 2026-06-10 at 12:59)."
    );
    let never = said(|facts| facts["scheduler_ticked_at"] = Value::Null);
    assert!(
        never.contains("whether the scheduler ran is not known"),
        "{never}"
    );
}

/// The same day, seen on it.
fn today(now: &str, change: impl FnOnce(&mut Value)) -> String {
    said(|facts| {
        facts["now"] = now.into();
        facts["today"] = "2026-06-09".into();
        facts["next_call_at"] = "2026-06-09T14:00:00Z".into();
        facts["next_call_day"] = "2026-06-09".into();
        facts["scheduler_ticked_at"] = Value::Null;
        change(facts);
    })
}

#[test]
fn what_is_still_ahead_today_is_said_with_its_hour() {
    assert_eq!(
        today("2026-06-09T12:00:00Z", |_| ()),
        "has not been called today yet: their hour is still ahead, at 10:00."
    );
    let paused = today("2026-06-09T12:00:00Z", |facts| {
        facts["calling"][0]["paused"] = true.into();
    });
    assert!(
        paused.ends_with("at 10:00, if all calling is not paused any more by then."),
        "{paused}"
    );
    let stopped = today("2026-06-09T12:00:00Z", |facts| {
        facts["versions"][0]["call_status"] = "disabled".into();
    });
    assert!(
        stopped.contains("as things stand they will not be: calling them is switched off"),
        "{stopped}"
    );
    let welcome = today("2026-06-09T12:00:00Z", |facts| {
        facts["welcome_is_owed"] = true.into();
        facts["next_call_at"] = "2026-06-09T12:15:00Z".into();
    });
    assert_eq!(
        welcome,
        "has not been called today; their welcome call is planned for 08:15."
    );
    let tomorrow = said(|facts| {
        facts["today"] = "2026-06-08".into();
        facts["now"] = "2026-06-08T17:00:00Z".into();
    });
    assert_eq!(
        tomorrow,
        "cannot have been called on Tuesday 2026-06-09, which is still ahead; as things stand they will be called at 10:00."
    );
}

#[test]
fn an_hour_that_has_just_come_is_no_outage_yet() {
    let just = today("2026-06-09T14:02:00Z", |_| ());
    assert!(just.contains("their hour (10:00) has just come"), "{just}");
    let late = today("2026-06-09T15:00:00Z", |_| ());
    assert!(
        late.contains("that is a bug or an outage, which can be made good until 14:00"),
        "{late}"
    );
}

#[test]
fn a_call_that_waits_says_until_when_and_what_for() {
    let waits = today("2026-06-09T14:10:00Z", |facts| facts["jobs"] = json!([job()]));
    assert_eq!(
        waits,
        "has not been called today yet: the daily call waits until 10:00, and can be made until 14:00."
    );
    let refused = today("2026-06-09T14:10:00Z", |facts| {
        let mut job = job();
        job["due_at"] = "2026-06-09T14:30:00Z".into();
        job["attempts"] = json!([attempt()]);
        job["attempts"][0]["state"] = "refused".into();
        job["attempts"][0]["reason"] = "throttled".into();
        facts["jobs"] = json!([job]);
    });
    assert_eq!(
        refused,
        "has not been called today yet: the daily call waits until 10:30, after a request was refused at 10:00 (throttled), and can be made until 14:00."
    );
}

#[test]
fn another_days_call_can_be_in_the_way() {
    let said = said(|facts| {
        let mut monday = job();
        monday["local_day"] = "2026-06-08".into();
        monday["state"] = "unknown".into();
        monday["state_reason"] = "timeout".into();
        monday["created_at"] = "2026-06-08T14:00:00Z".into();
        facts["jobs"] = json!([monday]);
    });
    assert_eq!(
        said,
        "was not called on Tuesday 2026-06-09: at their hour (10:00) the daily call of Monday 2026-06-08 was not over yet."
    );
}
