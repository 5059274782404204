//! Whatever is posted to the voice webhook: forgers get nothing, Twilio's own odd days cost nobody a call.

use system_tests::{CALLER, DIAL_RESULT, FORM, LINE, OWNER, Reply, STATUS, TestDatabase, VOICE, World, form};

const SID: &str = "CA00000000000000000000000000000001";
/// A line that only the settings know, and where it rings.
const DEFAULT_LINE: &str = "+15875550009";
const DEFAULT_OWNER: &str = "+14155550109";
const NOTHING: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response></Response>"#;

/// Texts that break what is put together carelessly.
const HOSTILE: [&str; 8] = [
    "'; DROP TABLE jobs; --",
    "\" OR 1=1 --",
    "</Say><Dial>+19005550123</Dial>",
    "{business}",
    "%s%n$(reboot)`id`",
    "\u{202e}\u{200d}🛑",
    "../../../../etc/passwd",
    "&CallSid=CA2",
];

async fn world_with_default_line() -> World {
    let database = TestDatabase::new().await;
    let line =
        format!("INSERT INTO lines (number, forward_to, business_name) VALUES ('{LINE}', '{OWNER}', 'Acme')");
    database.sql(&line).await;
    let url = database.application_url().await;
    World::without_lines(database, url, |settings| {
        settings
            .with("DEFAULT_LINE_NUMBER", DEFAULT_LINE)
            .with("DEFAULT_FORWARD_TO", DEFAULT_OWNER)
            .with("BUSINESS_NAME", "Default Acme")
    })
    .await
}

fn call(from: &str) -> String {
    form(&[
        ("CallSid", SID),
        ("From", from),
        ("To", LINE),
        ("CallStatus", "ringing"),
    ])
}

fn no_answer(from: &str) -> String {
    let fields = [
        ("CallSid", SID),
        ("From", from),
        ("To", LINE),
        ("CallStatus", "in-progress"),
    ];
    format!(
        "{}&{}",
        form(&fields),
        form(&[("DialCallStatus", "no-answer"), ("DialBridged", "false")])
    )
}

/// Nothing was recorded, nothing is owed and nothing left us.
async fn assert_no_effect(world: &World, why: &str) {
    world.run_jobs().await;
    for table in [
        "active_calls",
        "jobs",
        "attempts",
        "deliveries",
        "duplicate_evidence",
    ] {
        assert_eq!(world.count(table).await, 0, "{why}: {table}");
    }
    assert_eq!(world.sends(), 0, "{why}");
}

fn assert_forbidden(reply: &Reply, why: &str) {
    assert_eq!(reply.status, 403, "{why}");
    assert_eq!(
        reply.body, r#"{"error":"forbidden","ok":false}"#,
        "which check failed is not told: {why}"
    );
}

#[tokio::test]
async fn what_twilio_did_not_sign_is_forbidden_and_nobody_is_told_why() {
    let world = World::begin().await;
    let body = call(CALLER);
    let good = world.signature_of(VOICE, body.as_bytes());
    let flipped = if good.starts_with('A') {
        good.replacen('A', "B", 1)
    } else {
        format!("A{}", &good[1..])
    };
    let stranger = local::sandbox::sign("another account's word", &format!("{}{VOICE}", world.url), &[]);
    let signatures = [
        ("", "an empty signature"),
        (&stranger, "another account's"),
        (&flipped, "one bit off"),
        (&format!("{good}="), "padded once more"),
        (&format!("{good},{good}"), "twice in one header"),
        (&"A".repeat(10_000), "10 kB long"),
        ("%%% not base64 %%%", "no base64"),
        (&good.to_lowercase(), "in lower case"),
    ];
    for (signature, why) in signatures {
        let headers = [FORM, ("x-twilio-signature", signature)];
        assert_forbidden(&world.send("POST", VOICE, &headers, body.clone()).await, why);
    }
    assert_forbidden(
        &world.send("POST", VOICE, &[FORM], body.clone()).await,
        "no signature",
    );
    let twice = [
        FORM,
        ("x-twilio-signature", good.as_str()),
        ("x-twilio-signature", good.as_str()),
    ];
    assert_forbidden(
        &world.send("POST", VOICE, &twice, body.clone()).await,
        "two signatures",
    );
    let one_good = [
        FORM,
        ("x-twilio-signature", "AAAA"),
        ("x-twilio-signature", good.as_str()),
    ];
    assert_forbidden(
        &world.send("POST", VOICE, &one_good, body.clone()).await,
        "a good one behind a bad one",
    );
    assert_no_effect(&world, "forged").await;
    assert_eq!(
        world.quarantined().await,
        [""; 0],
        "what is not signed is not kept either"
    );
}

#[tokio::test]
async fn a_signature_is_good_for_its_own_url_and_form_only() {
    let world = World::begin().await;
    let body = call(CALLER);
    let good = world.signature_of(VOICE, body.as_bytes());
    let headers = [FORM, ("x-twilio-signature", good.as_str())];
    for target in [STATUS, DIAL_RESULT, "/api/webhooks/twilio/voice?x=1"] {
        let reply = world.send("POST", target, &headers, body.clone()).await;
        assert_forbidden(&reply, target);
    }
    for changed in [
        format!("{body}&Extra=1"),
        body.replace("ringing", "no-answer"),
        body.replace("%2B1403", "%2B1404"),
        String::new(),
    ] {
        assert_forbidden(
            &world.send("POST", VOICE, &headers, changed.clone()).await,
            &changed,
        );
    }
    assert_eq!(world.count("jobs").await, 0);
}

#[tokio::test]
async fn headers_that_the_sender_chooses_decide_nothing() {
    let world = World::begin().await;
    let body = call(CALLER);
    let good = world.signature_of(VOICE, body.as_bytes());
    let evil = local::sandbox::sign(
        &world.twilio.auth_token(),
        &format!("https://evil.example{VOICE}"),
        &form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect::<Vec<_>>(),
    );
    let host = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "1"),
        ("x-original-url", "/admin"),
        ("x-http-method-override", "DELETE"),
    ];
    let with = |signature: &'static str| {
        let mut headers = vec![FORM, ("x-twilio-signature", signature)];
        headers.extend(host);
        headers
    };
    let reply = world.send("POST", VOICE, &with(good.leak()), body.clone()).await;
    assert!(reply.dials(OWNER), "{reply:?}");
    assert!(!reply.body.contains("evil"), "{reply:?}");
    assert_forbidden(
        &world.send("POST", VOICE, &with(evil.leak()), body).await,
        "signed for the forged host",
    );
}

#[tokio::test]
async fn only_a_posted_form_of_at_most_64_kib_is_read() {
    let world = World::begin().await;
    let body = call(CALLER);
    let good = world.signature_of(VOICE, body.as_bytes());
    let signed = ("x-twilio-signature", good.as_str());
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        assert_eq!(
            world
                .send(method, VOICE, &[FORM, signed], body.clone())
                .await
                .status,
            405,
            "{method}"
        );
    }
    for media_type in [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "",
    ] {
        let headers = [("content-type", media_type), signed];
        assert_eq!(
            world.send("POST", VOICE, &headers, body.clone()).await.status,
            415,
            "{media_type:?}"
        );
    }
    assert_eq!(
        world.send("POST", VOICE, &[signed], body.clone()).await.status,
        415,
        "untyped"
    );

    let padded = |length: usize| format!("{body}&Pad={}", "x".repeat(length - body.len() - "&Pad=".len()));
    assert!(
        world.post_signed(VOICE, padded(64 * 1024)).await.dials(OWNER),
        "64 KiB to the byte"
    );
    world.database.sql("DELETE FROM active_calls").await;
    assert_eq!(world.post_signed(VOICE, padded(64 * 1024 + 1)).await.status, 413);
    assert_no_effect(&world, "too long").await;
}

#[tokio::test]
async fn a_form_that_nobody_can_read_is_quarantined_and_answered_with_nothing() {
    let world = World::begin().await;
    let many = "a=1&".repeat(10_000);
    let cases: [(&[u8], &str); 8] = [
        (b"", "CallSid is missing or malformed"),
        (many.as_bytes(), "the form has too many fields"),
        (b"CallSid=%zz", "the form has a broken escape"),
        (b"CallSid=%4", "the form has a broken escape"),
        (b"CallSid=\xff\xfe", "the form is not valid UTF-8"),
        (b"CallSid=%ff%fe", "the form is not valid UTF-8"),
        (b"CallSid=%ED%A0%80", "the form is not valid UTF-8"),
        (b"CallSid=%00", "the form has a NUL character"),
    ];
    for (n, (body, reason)) in cases.into_iter().enumerate() {
        let reply = world.post_signed(VOICE, body).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, NOTHING), "{reason}");
        let quarantined = world.quarantined().await;
        assert_eq!(quarantined.len(), n + 1, "{reason}");
        assert_eq!(quarantined[n], format!("twilio_voice: {reason}"));
    }
    // The same again is kept once.
    world.post_signed(VOICE, b"CallSid=%zz".as_slice()).await;
    assert_eq!(world.quarantined().await.len(), 8);
    assert_no_effect(&world, "unreadable").await;
}

#[tokio::test]
async fn no_field_may_hold_what_is_no_text() {
    let world = World::begin().await;
    let fields = [
        "CallSid",
        "From",
        "To",
        "CallStatus",
        "DialCallStatus",
        "DialBridged",
        "CallerName",
    ];
    let bytes = ["%00", "%ff%fe", "%ED%A0%80", "%ED%BF%BF", "%zz", "%"];
    for field in fields {
        for bytes in bytes {
            for target in [VOICE, DIAL_RESULT, STATUS] {
                let reply = world
                    .post_signed(target, format!("{}&{field}={bytes}", no_answer(CALLER)))
                    .await;
                assert!(
                    matches!(reply.status, 200 | 204),
                    "{target} {field}={bytes}: {reply:?}"
                );
            }
        }
    }
    // One form to the voice URL and its dial results is one form.
    assert_eq!(world.quarantined().await.len(), fields.len() * bytes.len() * 2);
    assert_no_effect(&world, "no text").await;
}

#[tokio::test]
async fn a_call_sid_that_is_none_is_quarantined_and_its_caller_connected() {
    let long = format!("CA{}", "0".repeat(498));
    for sid in [
        "",
        "CA",
        &long,
        "SM00000000000000000000000000000001",
        "ca00000000000000000000000000000001",
        "CA 1",
        "CA'--",
    ] {
        let world = World::begin().await;
        let body = form(&[("CallSid", sid), ("From", CALLER), ("To", LINE)]);
        let reply = world.post_signed(VOICE, body).await;
        assert!(reply.dials(OWNER), "{sid}: {reply:?}");
        assert_eq!(
            world.quarantined().await,
            ["twilio_voice: CallSid is missing or malformed"],
            "{sid}"
        );
        assert_no_effect(&world, sid).await;
    }
    let world = World::begin().await;
    let missing = form(&[("From", CALLER), ("To", LINE)]);
    assert!(world.post_signed(VOICE, missing).await.dials(OWNER));
    assert_no_effect(&world, "missing").await;
}

#[tokio::test]
async fn a_field_given_twice_is_ambiguous_unless_both_agree() {
    let world = World::begin().await;
    let twice = format!("{}&CallSid=CA2", call(CALLER));
    assert!(
        world.post_signed(VOICE, twice).await.dials(OWNER),
        "the line is plain"
    );
    let result = format!("{}&CallSid=CA2", no_answer(CALLER));
    assert!(
        world
            .post_signed(DIAL_RESULT, result)
            .await
            .body
            .contains("<Hangup")
    );
    let statuses = format!("{}&DialCallStatus=completed", no_answer(CALLER));
    world.post_signed(DIAL_RESULT, statuses).await;
    assert_eq!(
        world.quarantined().await,
        [
            "twilio_voice: CallSid is given twice",
            "twilio_voice: CallSid is given twice",
            "twilio_voice: DialCallStatus is given twice",
        ]
    );
    assert_no_effect(&world, "ambiguous").await;
    let agreeing = format!("{}&CallSid={SID}", call(CALLER));
    assert!(world.post_signed(VOICE, agreeing).await.dials(OWNER));
    assert_eq!(world.count("active_calls").await, 1);
}

#[tokio::test]
async fn a_dial_result_that_nobody_understands_never_dials_again() {
    let world = world_with_default_line().await;
    let missing = form(&[("CallSid", SID), ("From", CALLER), ("To", LINE)]);
    for body in [missing.as_str(), "", "CallSid=%zz", &no_answer("+1403555123")] {
        let reply = world.post_signed(DIAL_RESULT, body).await;
        assert_eq!(reply.status, 200, "{body}");
        assert!(
            !reply.body.contains("<Dial"),
            "the owner's telephone would ring for ever: {body}"
        );
    }
    assert_eq!(world.quarantined().await.len(), 4);
    assert_no_effect(&world, "not understood").await;
}

#[tokio::test]
async fn an_unknown_status_of_a_call_decides_nothing() {
    let world = World::begin().await;
    let long = "x".repeat(5_000);
    for status in ["foo", "", "COMPLETED", long.as_str()].iter().chain(&HOSTILE) {
        let fields = [
            ("CallSid", SID),
            ("From", CALLER),
            ("To", LINE),
            ("CallStatus", status),
        ];
        assert!(
            world.post_signed(VOICE, form(&fields)).await.dials(OWNER),
            "{status}"
        );
        let result = [&fields[..], &[("DialCallStatus", status)]].concat();
        assert_eq!(
            world.post_signed(DIAL_RESULT, form(&result)).await.status,
            200,
            "{status}"
        );
    }
    world.run_jobs().await;
    assert_eq!(world.outcome_of(SID).await, "", "no verdict");
    assert_eq!(world.count("jobs").await, 0);
    assert_eq!(world.quarantined().await, [""; 0]);
}

#[tokio::test]
async fn a_caller_without_a_telephone_number_is_connected_recorded_and_not_texted() {
    for from in [
        "anonymous",
        "Anonymous",
        "Restricted",
        "+266696687",
        "",
        "unknown",
        "sip:bob@example.com",
        "sips:+14035550001@example.com",
        "client:alice",
        "whatsapp:+14035550001",
    ] {
        let world = World::begin().await;
        assert!(world.post_signed(VOICE, call(from)).await.dials(OWNER), "{from}");
        world.post_signed(DIAL_RESULT, no_answer(from)).await;
        world.run_jobs().await;
        assert_eq!(world.outcome_of(SID).await, "missed by dial_result", "{from}");
        assert_eq!(world.job_of(SID).await, "suppressed: no_caller_id", "{from}");
        assert_eq!(world.sends(), 0, "{from}");
    }
}

#[tokio::test]
async fn a_number_that_is_not_strict_e164_is_quarantined_and_its_caller_connected() {
    for from in [
        "+1403555123",
        "+00123456789",
        "+0014035550001",
        "4035551234",
        "14035550001",
        "+1 (403) 555-1234",
        "+1-403-555-0001",
        "+14035550001 ",
        " +14035550001",
        "+14035550001;ext=1",
        "+１４０３５５５１２３４",
        "+١٤٠٣٥٥٥١٢٣٤",
        "+999999999999999999999",
        "tel:+14035550001",
    ] {
        let world = World::begin().await;
        let reply = world.post_signed(VOICE, call(from)).await;
        assert!(reply.dials(OWNER), "{from}: {reply:?}");
        world.post_signed(DIAL_RESULT, no_answer(from)).await;
        assert_eq!(
            world.quarantined().await,
            ["twilio_voice: From is missing or malformed"; 2],
            "{from}"
        );
        assert_no_effect(&world, from).await;
    }
}

#[tokio::test]
async fn our_own_numbers_are_never_texted() {
    for from in [LINE, OWNER, "+15875550007"] {
        let world = World::begin().await;
        let other = "INSERT INTO lines (number, forward_to, business_name) VALUES ('+15875550007', '+14155550107', 'B')";
        world.database.sql(other).await;
        assert!(world.post_signed(VOICE, call(from)).await.dials(OWNER), "{from}");
        world.post_signed(DIAL_RESULT, no_answer(from)).await;
        world.run_jobs().await;
        assert_eq!(world.job_of(SID).await, "suppressed: loop", "{from}");
        assert_eq!(world.sends(), 0, "{from}");
    }
}

#[tokio::test]
async fn premium_and_satellite_numbers_are_never_texted() {
    for from in [
        "+19005550123",
        "+881631512345",
        "+882160001111",
        "+883130123456",
        "+979123456789",
    ] {
        let world = World::begin().await;
        assert!(world.post_signed(VOICE, call(from)).await.dials(OWNER), "{from}");
        world.post_signed(DIAL_RESULT, no_answer(from)).await;
        world.run_jobs().await;
        assert_eq!(
            (world.job_of(SID).await.as_str(), world.quarantined().await.len()),
            ("suppressed: premium_range", 0),
            "{from}"
        );
        assert_eq!(world.sends(), 0, "{from}");
    }
}

#[tokio::test]
async fn a_number_that_is_none_of_our_lines_is_quarantined() {
    let fields = [("CallSid", SID), ("From", CALLER), ("To", "+15875550099")];
    let reason = "twilio_voice: the called number is none of our lines";

    let world = World::begin().await;
    let reply = world.post_signed(VOICE, form(&fields)).await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (200, NOTHING),
        "there is nowhere to connect to"
    );
    let result = [&fields[..], &[("DialCallStatus", "no-answer")]].concat();
    assert_eq!(world.post_signed(DIAL_RESULT, form(&result)).await.status, 200);
    assert_eq!(world.quarantined().await, [reason; 2]);
    assert_no_effect(&world, "unknown line").await;

    let world = world_with_default_line().await;
    assert!(
        world.post_signed(VOICE, form(&fields)).await.dials(DEFAULT_OWNER),
        "somebody is on the line"
    );
    assert_eq!(world.quarantined().await, [reason]);
    assert_no_effect(&world, "unknown line").await;
}

#[tokio::test]
async fn with_a_default_line_every_signed_request_connects_its_caller() {
    let world = world_with_default_line().await;
    let many = "a=1&".repeat(10_000);
    let bodies: [&[u8]; 6] = [
        b"",
        many.as_bytes(),
        b"To=%zz",
        b"To=%00",
        b"To=%ED%A0%80",
        b"CallSid=CA1&From=%2B14035550001&To=nobody",
    ];
    for body in bodies {
        let reply = world.post_signed(VOICE, body).await;
        assert!(
            reply.dials(DEFAULT_OWNER),
            "{:?}: {reply:?}",
            String::from_utf8_lossy(&body[..body.len().min(40)])
        );
    }
    let malformed = form(&[("CallSid", ""), ("From", CALLER), ("To", LINE)]);
    assert!(
        world.post_signed(VOICE, malformed).await.dials(OWNER),
        "the line's own owner, where it can be read"
    );
    assert_eq!(world.quarantined().await.len(), 7);
    assert_no_effect(&world, "not understood").await;
}

#[tokio::test]
async fn what_stands_in_the_other_fields_reaches_nobody() {
    let world = World::begin().await;
    let long = "🦀".repeat(1_250);
    for value in HOSTILE.iter().chain(&[long.as_str()]) {
        let fields = [
            ("CallSid", SID),
            ("From", CALLER),
            ("To", LINE),
            ("CallStatus", "ringing"),
            ("CallerName", value),
            ("FromCity", value),
            (value, "1"),
        ];
        let reply = world.post_signed(VOICE, form(&fields)).await;
        assert!(reply.dials(OWNER), "{value}");
        assert!(!reply.body.contains(*value), "{value}");
    }
    for field in [
        "CallSid",
        "From",
        "To",
        "DialCallStatus",
        "DialBridged",
        "ParentCallSid",
    ] {
        for value in HOSTILE {
            let result = form_urlencoded::parse(no_answer(CALLER).as_bytes())
                .into_owned()
                .filter(|(name, _)| name != field)
                .chain([(field.to_owned(), value.to_owned())])
                .fold(
                    form_urlencoded::Serializer::new(String::new()),
                    |mut body, (name, value)| {
                        body.append_pair(&name, &value);
                        body
                    },
                )
                .finish();
            assert_eq!(
                world.post_signed(DIAL_RESULT, result).await.status,
                200,
                "{field}: {value}"
            );
        }
    }
    world.run_jobs().await;
    let texts = world.texts_to(CALLER);
    assert_eq!(
        texts.len(),
        1,
        "DialBridged is not needed to know that nobody answered"
    );
    assert!(
        texts[0].body.starts_with("Hi, this is Acme."),
        "{}",
        texts[0].body
    );
    assert_eq!(world.count("lines").await, 1, "nothing was dropped");
}

#[tokio::test]
async fn a_captured_request_replayed_a_hundred_times_changes_nothing() {
    let world = World::begin().await;
    for (target, body) in [(VOICE, call(CALLER)), (DIAL_RESULT, no_answer(CALLER))] {
        world.post_signed(target, body).await;
    }
    world.run_jobs().await;
    assert_eq!(world.texts_to(CALLER).len(), 1);
    let before = world
        .database
        .one("SELECT string_agg(call::text, '') FROM active_calls AS call")
        .await;
    for _ in 0..100 {
        assert!(world.post_signed(VOICE, call(CALLER)).await.dials(OWNER));
        assert_eq!(
            world.post_signed(DIAL_RESULT, no_answer(CALLER)).await.status,
            200
        );
    }
    world.run_jobs().await;
    world.minutes(2).await;
    assert_eq!(
        world
            .database
            .one("SELECT string_agg(call::text, '') FROM active_calls AS call")
            .await,
        before
    );
    assert_eq!((world.texts_to(CALLER).len(), world.sends()), (1, 1));
    assert_eq!(world.count("jobs").await, 1);
}
