//! Signatures with a time, made by an HMAC that shares no code with the product's.

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use shared::platform::signature::{sign, verify};

use crate::draw::Draw;

/// Seconds around the edges of five minutes.
const AGES: [i64; 9] = [0, 1, -1, 299, 300, 301, -299, -300, -301];

struct Signed {
    secret: String,
    body: Vec<u8>,
    time: i64,
    age: i64,
}

impl Signed {
    fn draw(draw: &mut Draw<'_>) -> Self {
        Self {
            secret: draw.text(),
            body: draw.text().into_bytes(),
            time: draw.number(1_000..=4_102_444_800),
            age: draw.one_of(&AGES),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.time + self.age).expect("a time of this century")
    }

    fn is_taken(&self, header: &str) -> bool {
        let secrets: [SecretString; 2] = ["another secret".into(), self.secret.clone().into()];
        verify(header, &self.body, &secrets, self.now()).is_ok()
    }

    /// Read a second time, as it is described: `name=value` between commas, one time, one signature that fits.
    fn is_good(&self, header: &str) -> bool {
        let items: Vec<&str> = header.split(',').collect();
        let times: Vec<&&str> = items.iter().filter(|item| item.starts_with("t=")).collect();
        let [time] = times[..] else { return false };
        let digits = &time[2..];
        let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let Some(seconds) = digits.parse::<i128>().ok().filter(|_| is_number) else {
            return false;
        };
        let secrets = ["another secret", &self.secret];
        let fits = secrets.iter().any(|secret| {
            let signed = [digits.as_bytes(), b".", &self.body].concat();
            items.contains(&format!("v1={}", hmac(secret.as_bytes(), &signed)).as_str())
        });
        let age = i128::from(self.time + self.age) - seconds;
        fits && items.iter().all(|item| item.contains('=')) && (-300..=300).contains(&age)
    }
}

pub(crate) fn check(input: &[u8]) {
    let mut draw = Draw::new(input);
    let signed = Signed::draw(&mut draw);
    let signed_at = Timestamp::from_second(signed.time).expect("a time of this century");
    let key = SecretString::from(signed.secret.as_str());
    let own = sign(&signed.body, &key, signed_at);
    let text = [signed.time.to_string().as_bytes(), b".", &signed.body].concat();
    let digits = hmac(signed.secret.as_bytes(), &text);
    assert_eq!(own, format!("t={},v1={digits}", signed.time), "two ways to sign");
    assert_eq!(
        signed.is_taken(&own),
        signed.age.abs() <= 300,
        "after {} s",
        signed.age
    );
    // Half a second past the edge is past it.
    let late = signed_at + SignedDuration::from_millis(300_500);
    assert!(verify(&own, &signed.body, &[key], late).is_err(), "{late}");

    let pieces = [
        format!("t={}", signed.time),
        format!("t={}", signed.time + 1),
        format!("t=+{}", signed.time),
        format!("v1={digits}"),
        format!("v1={digits}"),
        format!("v1={}", digits.to_uppercase()),
        format!("v1={}", &digits[1..]),
        format!("v0={digits}"),
        format!(" v1={digits}"),
        "v1".to_owned(),
    ];
    let items = draw.some(5, |draw| match draw.below(4) {
        0 => draw.text(),
        _ => draw.one_of(&pieces),
    });
    for header in [items.join(","), draw.text()] {
        assert_eq!(signed.is_taken(&header), signed.is_good(&header), "{header:?}");
    }

    let mut other = Signed {
        secret: signed.secret.clone(),
        ..Signed::draw(&mut draw)
    };
    (other.time, other.age) = (signed.time, 0);
    if other.body != signed.body {
        assert!(!other.is_taken(&own), "another body");
    }
}

/// RFC 2104.
fn hmac(key: &[u8], text: &[u8]) -> String {
    let mut block = [0_u8; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::digest([&block.map(|byte| byte ^ 0x36)[..], text].concat());
    let outer = Sha256::digest([&block.map(|byte| byte ^ 0x5c)[..], &inner[..]].concat());
    let digits = outer.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}
