#!/usr/bin/env python3
"""Refuses files that hold what looks like a real secret.

Reads every file that git tracks or is about to, and names file and line, never the value. First it proves on
secrets made up for the occasion that it still recognises each kind.

    infra/tools/check_secrets.py [FOLDER]
"""

import contextlib
import io
import os
import random
import re
import string
import subprocess
import sys
import tempfile
from collections.abc import Iterator

# What a value must look like to be a test's and nobody's key: it says so, or no generator would have made it.
FAKE_WORDS = re.compile(
    r"example|fake|dummy|sample|test|local|sandbox|placeholder|change-?me|redacted|your[-_]|not-?(?:a|the|so)-"
    r"|wrong|previous|rotated|0123456789|1234567890|abcdef0|abcdefgh|deadbeef|cafebabe|xxxx",
    re.IGNORECASE,
)
# `$NAME`, `${NAME}`, `{{resolve:…}}`, `<token>`, `…`: a place for a value.
PLACEHOLDER = re.compile(r"^[\"'`]?(?:\$|<|\{|%|\*|!|…|\.\.\.)")

# The names that secrets go by, in an environment, in YAML, in JSON, in code.
NAMED = r"\b[A-Z][A-Z0-9_]*_(?:SECRET|TOKEN|KEY|PASSWORD)\b[\"'`]?\s*(?:=>|[:=,])\s*(?:[\w.:]+\()?[\"'`]?"
# However they are written elsewhere, and whatever they are called there.
WORDED = (
    r"(?:secret|token|password|passwd|(?:api|access|private|signing)[_-]?key)[\"'`]?[ \t]*"
    r"(?:=>|:[ \t]*&(?:'static[ \t]+)?str[ \t]*=|[:=])[ \t]*[\"'`]?"
)
OURS = r"\b(?:CRON_SECRET|JOB_RUNNER_TOKEN|AUTH_SECRET|SESSION_SECRET)=[\"']?"

# Each kind of secret, and the part of it that is the value.
KINDS = [
    ("an AWS access key", re.compile(r"\b((?:AKIA|ASIA)[A-Z0-9]{16})\b")),
    ("a Twilio account or API key", re.compile(r"\b((?:AC|SK)[0-9a-f]{32})\b")),
    ("a Stripe key", re.compile(r"\b([rs]k_live_[A-Za-z0-9]{10,})")),
    ("a Stripe webhook secret", re.compile(r"\b(whsec_[A-Za-z0-9+/=_-]{10,})")),
    ("a model provider's key", re.compile(r"\b(sk-[A-Za-z0-9_-]{24,})")),
    ("a Meta access token", re.compile(r"\b(EAA[A-Za-z0-9]{40,})\b")),
    ("a GitHub token", re.compile(r"\b((?:gh[opsru]_|github_pat_)[A-Za-z0-9_]{30,})\b")),
    ("a private key", re.compile(r"(-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*(?:\\n)?[A-Za-z0-9+/=]{16,})")),
    ("a bearer token", re.compile(r"\bBearer\s+([A-Za-z0-9._~+/-]{20,}=*)", re.IGNORECASE)),
    ("a password in a database address", re.compile(r"\bpostgres(?:ql)?://[^\s:/@\"'`]+:([^\s/@\"'`]+)@(?!127\.|localhost|\[::1\])")),
    ("a password in an address", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@\"'`]*:([^\s:/@\"'`]{8,})@(?!127\.|localhost|\[::1\])")),
    ("a signed token", re.compile(r"\b(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})")),
    ("credentials", re.compile(r"\bBasic[ \t]+([A-Za-z0-9+/]{24,}=*)")),
    ("a key in an address", re.compile(r"[?&](?:access_|auth_)?(?:token|secret|key|api_?key|password)=([A-Za-z0-9_~.-]{16,})")),
    ("a Slack token", re.compile(r"\b(xox[abeprs]-[A-Za-z0-9-]{20,})")),
    ("a Google key", re.compile(r"\b(AIza[A-Za-z0-9_-]{35})")),
    ("a package registry's token", re.compile(r"\b(npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{40,})")),
    ("a secret with its value", re.compile(WORDED + r"([A-Za-z0-9+/_-]{16,}=*)", re.IGNORECASE)),
    ("a setting with its value", re.compile(OURS + r"([^\s\"'`;,)]{6,})")),
    ("a setting with its value", re.compile(NAMED + r"([A-Za-z0-9+/_-]{32,}=*)")),
]


def is_fake(value: str) -> bool:
    if PLACEHOLDER.match(value) or FAKE_WORDS.search(value):
        return True
    body = re.sub(r"^(?:AC|SK|AKIA|ASIA|whsec_|[rs]k_live_|sk-)", "", value)
    # Zeros, `7777…`, `…0001`: a random key of that length has more than six different characters.
    if len(body) >= 16 and len(set(body)) <= 6:
        return True
    # The same few characters over and over.
    return any(len(body) >= 2 * period and body == (body[:period] * len(body))[: len(body)] for period in range(1, 17))


def is_prose(value: str) -> bool:
    """A name, a path or a phrase rather than a value: no digit in it, or only capitals."""
    return not re.search(r"\d", value) and bool(re.search(r"[_/-]", value)) and (value.islower() or value.isupper())


def is_name(value: str) -> bool:
    """Something that code is called by: a generator's value has a digit and a letter."""
    return not (re.search(r"\d", value) and re.search(r"[A-Za-z]", value))


def secrets_in(text: str) -> Iterator[tuple[int, str]]:
    """The line and the kind of every value that looks real."""
    for kind, pattern in KINDS:
        for match in pattern.finditer(text):
            value = match.group(1)
            prose = kind in ("a setting with its value", "a bearer token") and len(value) >= 20 and is_prose(value)
            name = kind in ("a secret with its value", "a key in an address") and is_name(value)
            if not (is_fake(value) or prose or name):
                yield text.count("\n", 0, match.start(1)) + 1, kind


def files(folder: str) -> Iterator[str]:
    listing = subprocess.run(
        ["git", "-C", folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    for name in sorted(set(listing.decode().split("\0")) - {""}):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and not os.path.islink(path):
            yield name


def check(folder: str) -> int:
    found, count = 0, 0
    for name in files(folder):
        with open(os.path.join(folder, name), "rb") as file:
            content = file.read()
        if b"\0" in content[:8192]:
            continue
        count += 1
        for line, kind in sorted(set(secrets_in(content.decode(errors="replace")))):
            found += 1
            print(f"{name}:{line}: looks like {kind}", file=sys.stderr)
    if found:
        print(
            "If one is real: take it out, and rotate it, for git remembers. If it is a test's: let it say so, "
            'as "test-…" or AC00000000000000000000000000000001 do.',
            file=sys.stderr,
        )
        return 1
    print(f"no secrets in {count} files")
    return 0


def prove() -> None:
    """Made anew each time, from a fixed seed, so that this file holds nothing that it would refuse."""
    chance = random.Random("a secret nobody has")

    def some(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(chance.choice(alphabet) for _ in range(length))

    digits, hexadecimal = string.digits, "0123456789abcdef"
    upper = string.ascii_uppercase + digits
    database = "postgres" + "://app:%s@db.switchboard.net/app"
    refused = [
        "AKI" + "A" + some(16, upper),
        "account = " + "A" + "C" + some(32, hexadecimal),
        "S" + "K" + some(32, hexadecimal),
        "sk_" + "live_" + some(24),
        "whs" + "ec_" + some(32),
        "sk-" + some(40),
        "EA" + "A" + some(60),
        "gh" + "p_" + some(36),
        "-----BEGIN " + "RSA PRIVATE KEY-----\n" + some(64),
        "-----BEGIN " + "PRIVATE KEY-----\\n" + some(64),
        "Authorization: " + "Bearer " + some(24),
        database % some(12),
        "CRON_" + "SECRET=hunter22",
        "export CRON_" + "SECRET='" + some(20) + "'",
        "JOB_RUNNER_" + "TOKEN=" + some(16),
        "TWILIO_AUTH_" + "TOKEN=" + some(32, hexadecimal),
        '"VAPI_API_' + 'KEY": "' + some(36) + '"',
        "  WHATSAPP_APP_" + "SECRET: " + some(32, hexadecimal),
        '("SESSION_' + 'SECRET", "' + some(43) + '")',
        'OPENAI_API_' + 'KEY = SecretString::from("' + some(48) + '")',
        "twilio_auth_" + "token: " + some(32, hexadecimal),
        'const AUTH_' + 'TOKEN: &str = "' + some(32, hexadecimal) + '";',
        '"client' + 'Secret": "' + some(40) + '"',
        "aws_secret_access_" + "key = " + some(40),
        "pass" + "word = '" + some(20) + "'",
        "rediss" + "://default:" + some(20) + "@cache.switchboard.net",
        "?tok" + "en=" + some(24),
        "Authorization: " + "Basic " + some(40),
        ".".join(["ey" + "J" + some(30), "ey" + "J" + some(60), some(43)]),
        "xox" + "b-" + some(12, digits) + "-" + some(24),
        "AI" + "za" + some(35),
        "np" + "m_" + some(36),
    ]
    accepted = [
        "AKIAIOSFODNN7EXAMPLE",
        "AC" + "0" * 31 + "1",
        "AC" + hexadecimal * 2,
        "AC" + "7" * 32,
        "whsec_test_" + hexadecimal,
        "Authorization: Bearer $CRON_SECRET",
        "Authorization: Bearer ${JOB_RUNNER_TOKEN}",
        "Authorization: Bearer <the value of CRON_SECRET>",
        "Bearer test-cron-secret-of-thirty-two-bytes",
        "CRON_SECRET=",
        "CRON_SECRET=$(openssl rand -hex 32)",
        "CRON_SECRET=test-cron-secret",
        'CRON_SECRET="$CRON_SECRET"',
        "CRON_SECRET: !Sub '{{resolve:secretsmanager:${Secrets}:SecretString:CRON_SECRET}}'",
        'environment.secret("TWILIO_AUTH_TOKEN")?',
        "TWILIO_AUTH_TOKEN=" + hexadecimal * 2,
        'const PHONE_KEY: &str = "missed_call_text_by_phone_and_line_key"',
        "postgres" + "://app:secret@127.0.0.1:5432/switchboard",
        "postgres" + "://app:${PASSWORD}@db.switchboard.net/app",
        "https://example.com/tokens?key=value",
        'checksum = "' + some(64, hexadecimal) + '"',
        "--hash=sha256:" + some(64, hexadecimal),
        "CA" + some(32, hexadecimal),
        "let token = self.secrets.current(name).unwrap_or_default();",
        "token: a_secret_that_is_missing_stops_the_cold_start()",
        "password = environment.password_of_the_database()?",
        "Basic authentication with the account and its token",
        "?token=$CRON_SECRET",
        "/api/cron/check-missed-calls?token=test-cron-secret",
        "uses: actions/checkout@" + some(40, hexadecimal),
    ]
    for text in refused:
        assert list(secrets_in(text)), f"would let this pass: {text}"
    for text in accepted:
        assert not list(secrets_in(text)), f"would refuse this: {text}"

    # And from end to end: a file in a repository, not yet committed.
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "--quiet", folder], check=True)
        with open(os.path.join(folder, "settings.env"), "w", encoding="utf-8") as file:
            file.write("# Ours.\n" + refused[0] + "\n")
        told = io.StringIO()
        with contextlib.redirect_stderr(told):
            refused_file = check(folder) == 1
        assert refused_file, "a secret in a file went unnoticed"
        assert "settings.env:2: looks like an AWS access key" in told.getvalue(), told.getvalue()


if __name__ == "__main__":
    prove()
    here = os.path.dirname(os.path.abspath(__file__))
    sys.exit(check(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "..")))
