//! Our timed signatures against Stripe's own library, each as the other's signer and verifier.
//!
//! The vectors in `tests/fixtures/stripe_signatures.json` are what somebody thought of; here the bodies, the times
//! and the headers are random, and the `stripe` package for Python is the judge.

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use shared::platform::signature::{SignatureError, sign, verify};

use crate::judge;

const CASES: usize = 500;

/// Signs every body, and says which of our headers it takes at that time.
const JUDGE: &str = r#"
import json, sys
from unittest import mock
from stripe import WebhookSignature

def accepts(body, header, case):
    try:
        with mock.patch("time.time", return_value=case["now"]):
            return WebhookSignature.verify_header(body, header, case["secret"], 300)
    except Exception:
        return False

verdicts = []
for case in json.load(sys.stdin):
    verdicts.append({
        "header": WebhookSignature.generate_signature_header(case["body"], case["secret"], case["signed_at"]),
        "accepts_ours": accepts(case["body"], case["ours"], case),
        "accepts_tampered": accepts(case["body"] + "\n", case["ours"], case),
        "accepts_odd": accepts(case["body"], case["odd"], case),
    })
json.dump(verdicts, sys.stdout)
"#;

#[derive(Serialize)]
struct Case {
    secret: String,
    body: String,
    /// Seconds.
    signed_at: i64,
    now: i64,
    ours: String,
    /// A header made of good and bad pieces.
    odd: String,
}

#[derive(Deserialize)]
struct Verdict {
    header: String,
    accepts_ours: bool,
    accepts_tampered: bool,
    accepts_odd: bool,
}

#[test]
fn stripes_library_and_we_accept_each_other_s_signatures() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let cases: Vec<Case> = (0..CASES).map(|_| case(&mut random)).collect();
    let verdicts: Vec<Verdict> = judge::ask(JUDGE, &cases);

    let mut accepted = [0; 2];
    for (number, (case, verdict)) in cases.iter().zip(&verdicts).enumerate() {
        let which = format!("case {number} of seed {seed}: {} for {}", case.odd, case.ours);
        let age = case.now - case.signed_at;
        assert_eq!(verdict.header, case.ours, "{which}: another signature");
        assert_eq!(verdict.accepts_ours, age <= 300, "{which}: ours, after {age} s");
        assert!(!verdict.accepts_tampered, "{which}: it judges nothing");

        let theirs = case.verify(&verdict.header, &case.body, &case.secret);
        let expected = match age {
            ..-300 => Err(SignatureError::TooEarly),
            -300..=300 => Ok(()),
            _ => Err(SignatureError::TooOld),
        };
        assert_eq!(theirs, expected, "{which}: theirs, after {age} s");
        let tampered = format!("{}\n", case.body);
        for (body, secret) in [
            (&tampered, &case.secret),
            (&case.body, &format!("{}x", case.secret)),
        ] {
            assert_eq!(
                case.verify(&verdict.header, body, secret),
                Err(SignatureError::DoesNotFit),
                "{which}"
            );
        }

        // We may be stricter, and are nowhere more generous.
        let takes_odd = case.verify(&case.odd, &case.body, &case.secret).is_ok();
        assert!(!takes_odd || verdict.accepts_odd, "{which}: only we take it");
        accepted[0] += u32::from(takes_odd);
        accepted[1] += u32::from(!verdict.accepts_odd);
    }
    assert!(
        accepted.iter().all(|count| *count > 20),
        "odd headers are all good or all bad: {accepted:?}"
    );
}

impl Case {
    fn verify(&self, header: &str, body: &str, secret: &str) -> Result<(), SignatureError> {
        let secrets: [SecretString; 2] = ["whsec_other".into(), secret.into()];
        verify(header, body.as_bytes(), &secrets, at(self.now))
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("a time of this century")
}

fn case(random: &mut fastrand::Rng) -> Case {
    let secret = format!("whsec_{}", random.u16(..));
    let body = body(random);
    let signed_at = random.i64(1_000_000_000..4_000_000_000);
    let ages = [-301, -300, -1, 0, 1, 299, 300, 301];
    let age = random.choice(ages).expect("there are some");
    let key = SecretString::from(secret.as_str());
    let ours = sign(body.as_bytes(), &key, at(signed_at));
    let (time, good) = ours.split_once(',').expect("two items");
    let later = sign(
        body.as_bytes(),
        &key,
        at(signed_at) + SignedDuration::from_secs(1),
    );
    let bad = later.split_once(',').expect("two items").1;
    let pieces = [
        good.to_owned(),
        good.to_owned(),
        bad.to_owned(),
        good.to_uppercase(),
        good.replace("v1", "v0"),
        good.replace("v1=", "v1= "),
        format!(" {good}"),
        "v1".to_owned(),
        "v1=".to_owned(),
        "v2=1".to_owned(),
        String::new(),
    ];
    let mut odd: Vec<String> = (0..random.usize(1..5))
        .map(|_| random.choice(&pieces).expect("there are some").clone())
        .collect();
    // Mostly with its time, wherever that stands, and sometimes with another one too.
    for time in [time, time, "t=1"].iter().take(random.usize(0..4)) {
        if !odd.iter().any(|piece| piece == time) {
            odd.insert(random.usize(..=odd.len()), (*time).to_owned());
        }
    }
    Case {
        odd: odd.join(","),
        now: signed_at + age,
        secret,
        body,
        signed_at,
        ours,
    }
}

/// Any text: what is signed is the body as it came, whatever it says.
fn body(random: &mut fastrand::Rng) -> String {
    let pieces = [
        "{",
        "}",
        "\"id\":",
        "\"evt_1\"",
        ",",
        " ",
        "\n",
        "\r\n",
        ".",
        "é",
        "☕",
        "\u{202E}",
        "\u{0}",
        "1760000000.",
    ];
    (0..random.usize(0..12))
        .filter_map(|_| random.choice(pieces))
        .collect()
}
