#!/usr/bin/env python3
"""Prints a sample event of a webhook, signed now: Stripe's signatures and the shops' live for five minutes.

    infra/tools/sign_event.py tests/fixtures/events/stripe-webhook.json SECRET > event.json
"""

import hashlib
import hmac
import json
import sys
import time

HEADERS = ("stripe-signature", "x-switchboard-signature")


def main(path: str, secret: str) -> None:
    with open(path, encoding="utf-8") as file:
        event = json.load(file)
    now = str(int(time.time()))
    signed = f"{now}.{event['body']}".encode()
    digits = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    (header,) = [name for name in HEADERS if name in event["headers"]]
    event["headers"][header] = f"t={now},v1={digits}"
    json.dump(event, sys.stdout, indent=2)


if __name__ == "__main__":
    main(*sys.argv[1:])
