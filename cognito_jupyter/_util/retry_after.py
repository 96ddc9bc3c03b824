"""How long a service asks to be left alone (RFC 9110, section 10.2.3)."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

_MAX_SECONDS = 86_400.0


def parse_retry_after(header: object, now: float | None = None) -> float:
    """Seconds of a Retry-After header, in seconds or as a date; 0 where there is none that says anything.

    Args:
        header: Its text.
        now: Seconds since the epoch; None: those of now.
    """
    if not isinstance(header, str) or not header.isascii():
        return 0.0
    text = header.strip()
    if text.isdigit():
        # Of a number with a thousand digits only that it is large matters.
        return min(float(text[:6]) if len(text) > 6 else float(text), _MAX_SECONDS)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - (time.time() if now is None else now)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), _MAX_SECONDS)
