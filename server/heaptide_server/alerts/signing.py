"""The headers of Standard Webhooks 1.0, by which a receiver knows who sent a webhook and whether it has seen it."""

from __future__ import annotations

import base64
import secrets as randomness
from collections.abc import Sequence
from datetime import UTC, datetime
from math import floor

from standardwebhooks import Webhook

PREFIX = "whsec_"
# "At least 24 bytes (192 bits, 512 maximum)": Standard Webhooks 1.0, signature scheme.
SECRET_BYTES = range(24, 65)


def sign(webhook_id: str, at: float, body: str, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt, with one signature for each secret.

    Args:
        webhook_id: the same for each attempt: the receiver's idempotency key.
        at: time of the attempt, seconds since the epoch.
        secrets: more than one while a secret is being rotated; none leaves the signature out.
    """
    # The package reads any datetime's clock face as UTC, so it must be given UTC.
    moment = datetime.fromtimestamp(at, tz=UTC)
    headers = {"webhook-id": webhook_id, "webhook-timestamp": str(floor(at))}
    if secrets:
        signatures = [Webhook(secret).sign(webhook_id, moment, body) for secret in secrets]
        headers["webhook-signature"] = " ".join(signatures)
    return headers


def new_secret() -> str:
    """A fresh random secret in the form that receivers are given."""
    return PREFIX + base64.b64encode(randomness.token_bytes(32)).decode()


def check_secret(secret: str) -> str:
    """The secret, if it is one.

    Raises:
        ValueError: what it must be, to be read after its name; it isn't repeated.
    """
    try:
        size = len(base64.b64decode(secret.removeprefix(PREFIX), validate=True))
    except ValueError:  # no base64, or not even ASCII
        size = 0
    if not secret.startswith(PREFIX) or size not in SECRET_BYTES:
        raise ValueError(
            f"must be {PREFIX} and then {SECRET_BYTES[0]} to {SECRET_BYTES[-1]} random bytes "
            f'in base64: make one with `echo "{PREFIX}$(openssl rand -base64 32)"`, or leave it unset to have one made'
        )
    return secret
