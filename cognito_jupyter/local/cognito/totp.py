"""Time-based one-time passwords (RFC 6238) of six digits and thirty seconds, as authenticator apps show them."""

from __future__ import annotations

import base64
import hmac

_STEP = 30
_ACCEPTED_STEPS = (-1, 0, 1)
"""A code is accepted one step early or late, for clocks that differ."""


def totp_code(secret: str, now: float) -> str:
    """Returns the code of a moment.

    Args:
        secret: The secret in base32, which the authenticator app has.
        now: Seconds since the epoch.

    Raises:
        ValueError: The secret is not in base32.
    """
    key = base64.b32decode(secret.upper() + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, (int(now) // _STEP).to_bytes(8, "big"), "sha1")
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 1_000_000:06}"


def is_totp_code(code: str, secret: str, now: float) -> bool:
    """Returns whether a code is valid.

    Args:
        code: What the user typed.
        secret: The secret in base32.
        now: Seconds since the epoch.
    """
    valid = [totp_code(secret, now + step * _STEP) for step in _ACCEPTED_STEPS]
    return any(hmac.compare_digest(code.strip().encode("utf-8", "replace"), each.encode()) for each in valid)
