"""Timeouts and retry delays: the package's own, and those that a service asks for (RFC 9110, section 10.2.3)."""

from __future__ import annotations

import time
from dataclasses import dataclass

_MAX_RETRY_AFTER = 86_400.0


@dataclass(frozen=True, eq=False, repr=False)  # what nothing uses would take a third of the time to make the class
class Timeouts:
    """How long to wait for Cognito, in seconds; the defaults suit a user who waits in front of the notebook.

    Attributes:
        connect: For a connection.
        read: For the next part of a response.
        total: For a whole response, which a server may send in small parts.
        retry_delays: Before each retry of an idempotent request to the user pool, jittered. How often requests to the
            identity pool are retried is botocore's setting, `AWS_MAX_ATTEMPTS`.
        throttling: For a service that throttles: a request is repeated, with growing random delays, until it succeeds
            or this time is over. If `AWS_MAX_ATTEMPTS` is set, it limits the identity pool's repetitions too.
    """

    connect: float = 5.0
    read: float = 15.0
    total: float = 30.0
    retry_delays: tuple[float, ...] = (0.2, 0.6, 1.8)
    throttling: float = 15.0


DEFAULT_TIMEOUTS = Timeouts()


def exponential_backoff(failures: int, first: float, longest: float) -> float:
    """Returns the seconds to wait after a number of failures in a row: doubled by each, up to a limit.

    Args:
        failures: How many attempts have failed since the last success; at least 1.
        first: Seconds after the first failure.
        longest: The limit, in seconds.
    """
    # The exponent is bounded: a float overflows after a thousand failures.
    return min(longest, first * 2.0 ** min(failures - 1, 16))


def parse_retry_after(header: object, now: float | None = None) -> float:
    """Returns the seconds that a Retry-After header asks for, from 0 to a day; 0 if it is missing or malformed.

    Args:
        header: The header's value, a number of seconds or a date; None where there is none.
        now: The current time in seconds since the epoch; None: the system's clock.
    """
    if not isinstance(header, str) or not header.isascii():
        return 0.0
    text = header.strip()
    if text.isdigit():
        # A number of thousands of digits is not converted: the first seven show that it exceeds the limit.
        return min(float(text[:7]), _MAX_RETRY_AFTER)
    from email.utils import parsedate_to_datetime  # late: most responses have no such header

    try:
        seconds = parsedate_to_datetime(text).timestamp() - (time.time() if now is None else now)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER)
