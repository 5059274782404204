//! Secrets in the code: compared in constant time, shown to nobody, written nowhere.

use std::fs;
use std::process::{Command, Output};

use secrecy::SecretString;
use shared::platform::secrets::same;

use super::root;
use crate::architecture::sources;

/// Everywhere that a secret is taken out of its wrapper, and what becomes of it there.
const EXPOSED: [(&str, &str); 11] = [
    ("shared/src/platform/database.rs", "parse(url.expose_secret())"),
    (
        "shared/src/platform/scheduled.rs",
        "same(given, secret.expose_secret())",
    ),
    (
        "shared/src/platform/signature.rs",
        "new_from_slice(secret.expose_secret().as_bytes())",
    ),
    (
        "shared/src/providers/twilio/client.rs",
        "basic_auth(&self.account_sid, Some((self.auth_token)().expose_secret()))",
    ),
    (
        "shared/src/providers/twilio/signature.rs",
        "new_from_slice(token.expose_secret().as_bytes())",
    ),
    (
        "shared/src/providers/vapi/client.rs",
        "bearer_auth((self.api_key)().expose_secret())",
    ),
    (
        "shared/src/providers/vapi/verifier.rs",
        "same(given, secret.expose_secret())",
    ),
    (
        "shared/src/providers/whatsapp/client.rs",
        "bearer_auth((self.access_token)().expose_secret())",
    ),
    (
        "shared/src/providers/whatsapp/handshake.rs",
        "same(&given, token.expose_secret())",
    ),
    (
        "shared/src/providers/whatsapp/signature.rs",
        "new_from_slice(secret.expose_secret().as_bytes())",
    ),
    (
        "shared/src/providers/chat/client.rs",
        "bearer_auth((endpoint.key)().expose_secret())",
    ),
];

trait Otherwise<Marker> {
    const SAID: &'static str = "";
}
impl<T: ?Sized> Otherwise<()> for T {}
impl<T: ?Sized + PartialEq> Otherwise<u8> for T {}
impl<T: ?Sized + std::fmt::Display> Otherwise<u16> for T {}
/// Does not compile once secrets can be compared with `==` or printed: then there are two to choose from.
const NEITHER_COMPARED_NOR_PRINTED: &str = <SecretString as Otherwise<_>>::SAID;

#[test]
fn a_secret_is_taken_out_where_it_is_used_and_nowhere_else() {
    assert_eq!(NEITHER_COMPARED_NOR_PRINTED, "");
    assert!(!format!("{:?}", SecretString::from("a-word")).contains("word"));
    let mut files = sources("shared/src");
    files.extend(sources("functions"));
    let mut found = Vec::new();
    for (name, code) in &files {
        let calls = code.matches(".expose_secret()").count();
        let known: Vec<_> = EXPOSED.iter().filter(|(file, _)| file == name).collect();
        assert_eq!(calls, known.len(), "{name} takes a secret out of its wrapper");
        for (file, how) in known {
            assert!(code.contains(how), "{file}: {how}");
            found.push(*file);
        }
        for way in [
            "expose_secret_mut",
            "ExposeSecretMut",
            "SecretString> for",
            "as_ptr()",
        ] {
            assert!(!code.contains(way), "{name} says {way}");
        }
    }
    assert_eq!(found.len(), EXPOSED.len());
}

/// Signatures, hashes and tokens are compared by `subtle`, whose time tells nothing.
#[test]
fn what_proves_who_somebody_is_is_compared_in_constant_time() {
    let files = sources("shared/src");
    let code = |wanted: &str| {
        let file = files.iter().find(|(name, _)| name == wanted);
        &file.unwrap_or_else(|| panic!("{wanted}")).1
    };
    let signature = code("shared/src/providers/twilio/signature.rs");
    assert_eq!(
        signature.matches(".ct_eq(").count(),
        2,
        "the signature and a body's hash"
    );
    assert_eq!(
        code("shared/src/platform/secrets.rs").matches(".ct_eq(").count(),
        1
    );
    for (name, file) in [
        ("signature.rs", signature),
        (
            "the signature with a time",
            code("shared/src/platform/signature.rs"),
        ),
        ("scheduled.rs", code("shared/src/platform/scheduled.rs")),
        ("verifier.rs", code("shared/src/providers/twilio/verifier.rs")),
        (
            "vapi/signature.rs",
            code("shared/src/providers/vapi/signature.rs"),
        ),
        ("vapi/verifier.rs", code("shared/src/providers/vapi/verifier.rs")),
    ] {
        for word in ["expected", "signature", "secret", "token", "mac(", "given"] {
            for comparison in [
                format!("== {word}"),
                format!("{word} =="),
                format!("!= {word}"),
                format!("{word} !="),
                format!("== &{word}"),
            ] {
                assert!(!file.contains(&comparison), "{name}: {comparison}");
            }
        }
    }
    for (given, expected) in [
        ("", "a"),
        ("a", ""),
        ("a", "b"),
        ("a", "aa"),
        ("aa", "a"),
        ("é", "e"),
    ] {
        assert!(!same(given, expected), "{given} {expected}");
    }
    assert!(same("the-word", "the-word"));
}

/// Deterministic and of nobody: what a generator would have made.
fn random(length: usize, letters: &str, seed: u64) -> String {
    let mut chance = fastrand::Rng::with_seed(seed);
    let letters = letters.as_bytes();
    let letter = |_| char::from(letters[chance.usize(..letters.len())]);
    (0..length).map(letter).collect()
}

const HEX: &str = "0123456789abcdef";
const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// A repository with one file in it, looked at by the scanner.
fn scan(file: &str, text: &str) -> Output {
    let folder = std::env::temp_dir().join(format!("scan-{}-{:016x}", std::process::id(), fastrand::u64(..)));
    fs::create_dir(&folder).expect("a folder");
    let init = Command::new("git")
        .args(["init", "--quiet"])
        .arg(&folder)
        .status();
    assert!(init.expect("git").success());
    fs::write(folder.join(file), text).expect("a file");
    let output = Command::new("python3")
        .arg(root().join("infra/tools/check_secrets.py"))
        .arg(&folder)
        .output()
        .expect("python3");
    fs::remove_dir_all(&folder).expect("a folder");
    output
}

/// Every line is put together here, so that this file holds nothing that the scanner would refuse.
#[test]
fn what_looks_like_a_secret_is_refused_by_file_and_line_and_not_repeated() {
    let hex = |seed| random(32, HEX, seed);
    let word = |length, seed| random(length, ALPHANUMERIC, seed);
    let jwt = format!(
        "{}{}.{}{}.{}",
        "ey",
        "J".to_owned() + &word(30, 1),
        "ey",
        "J".to_owned() + &word(60, 2),
        word(43, 3)
    );
    let lines = [
        format!("TWILIO_AUTH_TOKEN={}", hex(10)),
        format!("twilio_auth_token: {}", hex(11)),
        format!("let auth_token = \"{}\";", hex(12)),
        format!("\"authToken\": \"{}\"", hex(13)),
        format!("account_sid = {}{}", "AC", hex(14)),
        format!("SK = {}{}", "SK", hex(15)),
        format!("{}{}", "AKIA", random(16, UPPER, 16)),
        format!("{}{}", "ASIA", random(16, UPPER, 17)),
        format!("aws_secret_access_key = {}", word(40, 18)),
        format!("AWS_SECRET_ACCESS_KEY={}", word(40, 19)),
        format!("AWS_SESSION_TOKEN=\"{}\"", word(120, 20)),
        format!("-----BEGIN {}PRIVATE KEY-----\\n{}", "", word(64, 21)),
        format!("-----BEGIN {}PRIVATE KEY-----\\n{}", "OPENSSH ", word(64, 22)),
        format!("Authorization: {} {jwt}", "Bearer"),
        format!("jwt = '{jwt}'"),
        format!("Authorization: {} {}", "Basic", word(40, 23)),
        format!(
            "DATABASE_URL={}://app:{}@db.switchboard.net/app",
            "postgresql",
            word(14, 24)
        ),
        format!(
            "REDIS_URL={}://default:{}@cache.switchboard.net:6379",
            "rediss",
            word(20, 25)
        ),
        format!("AMQP={}://worker:{}@mq.switchboard.net", "amqps", word(20, 26)),
        format!(
            "clone = {}://robot:{}@git.switchboard.net/x.git",
            "https",
            word(30, 27)
        ),
        format!("CRON_SECRET={}", word(16, 28)),
        format!("cron_secret: {}", word(24, 29)),
        format!(
            "curl {}/api/cron/check-missed-calls?token={}",
            "$APP_URL",
            word(24, 30)
        ),
        format!("JOB_RUNNER_TOKEN: '{}'", word(32, 31)),
        format!("password = \"{}\"", word(20, 32)),
        format!("PGPASSWORD={}", word(16, 33)),
        format!("api_key: {}", word(32, 34)),
        format!("client_secret = '{}'", hex(35)),
        format!("x-api-key: {}", word(40, 36)),
        format!("xox{}-{}-{}", "b", random(12, "0123456789", 37), word(24, 38)),
        format!("{}{}", "AIza", word(35, 39)),
        format!("{}{}", "npm_", word(36, 40)),
        format!("{}_{}{}", "sk", "live_", word(24, 41)),
    ];
    let text = lines.join("\n");
    let output = scan("settings.env", &text);
    let told = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{told}");
    let missed: Vec<_> = (1..=lines.len())
        .filter(|line| !told.contains(&format!("settings.env:{line}: looks like ")))
        .map(|line| &lines[line - 1])
        .collect();
    assert_eq!(missed, [""; 0]);
    for line in &lines {
        let value = line
            .rsplit(['=', ' ', '"', '\'', '/'])
            .find(|part| part.len() >= 14);
        let value = value.unwrap_or(line);
        assert!(
            !told.contains(value),
            "the log of a build is read by many: {value}"
        );
    }
}

#[test]
fn what_only_sounds_like_a_secret_is_let_pass() {
    let hash = random(64, HEX, 50);
    let lines = [
        format!("checksum = \"{hash}\""),
        format!("    --hash=sha256:{hash} \\"),
        format!("uses: actions/checkout@{}", random(40, HEX, 51)),
        format!("integrity sha512-{}==", random(86, ALPHANUMERIC, 52)),
        format!("CallSid=CA{}", random(32, HEX, 53)),
        "attempt = \"0191a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b\"".to_owned(),
        "CRON_SECRET=$(openssl rand -hex 32)".to_owned(),
        "curl -H \"Authorization: Bearer $CRON_SECRET\"".to_owned(),
        "?token=$CRON_SECRET&x=1".to_owned(),
        "?token={secret}".to_owned(),
        "let token = self.secrets.current(\"TWILIO_AUTH_TOKEN\").unwrap_or_default();".to_owned(),
        "password = password_of_the_environment()?".to_owned(),
        "secret: SecretString::from(value)".to_owned(),
        "fn a_secret_that_is_missing_stops_the_cold_start_and_is_named() {}".to_owned(),
        "postgresql://switchboard@db.switchboard.net/app?sslmode=verify-full".to_owned(),
        "postgresql://app:${PASSWORD}@db.switchboard.net/app".to_owned(),
        "http://127.0.0.1:9000/api/cron/check-missed-calls?token=test-cron-secret".to_owned(),
        "https://www.twilio.com/docs/usage/security#validating-requests".to_owned(),
        "Basic authentication with the account and its token".to_owned(),
    ];
    let output = scan("notes.md", &lines.join("\n"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let refused: Vec<_> = told
        .lines()
        .filter_map(|line| line.split(':').nth(1)?.parse::<usize>().ok())
        .map(|line| lines[line - 1].as_str())
        .collect();
    assert_eq!(refused, [""; 0], "{told}");
    assert!(output.status.success(), "{told}");
}
