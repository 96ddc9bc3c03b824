"""When a failed request is sent again, and when it is not.

`oauth/transport.py` and `credentials/identity_pool/client.py` repeat a throttled request by `ThrottledRetries`.
`SingleFlight` repeats whole attempts by `full_jitter`. During an outage only the latter does: requests that each layer
repeated for itself would multiply, and keep a service down that is about to come back.

Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .timeouts import exponential_backoff

FIRST_THROTTLED_DELAY = 1.0
"""Seconds at most before the first repetition of a throttled request: AWS's quotas are per second."""
MAX_THROTTLED_DELAY = 4.0
"""Seconds at most before any further one."""

_one_request_only: ContextVar[bool] = ContextVar("one_request_only", default=False)


@contextmanager
def one_request_only(wanted: bool) -> Iterator[None]:
    """Has requests within the `with` sent once, since the caller will make another attempt later anyway.

    Args:
        wanted: Whether it is so; if not, requests are repeated even within another such `with`.
    """
    token = _one_request_only.set(wanted)
    try:
        yield
    finally:
        _one_request_only.reset(token)


def may_repeat() -> bool:
    """Whether the calling thread may repeat a failed request; see `one_request_only`."""
    return not _one_request_only.get()


def full_jitter(failures: int, first: float, longest: float, draw: Callable[[], float] = random.random) -> float:
    """Returns the seconds to wait after a number of failures in a row: a random part of the exponential backoff.

    So clients that failed at the same time do not come back at the same time.

    Args:
        failures: How many attempts have failed since the last success; at least 1.
        first: The longest delay after the first failure, in seconds.
        longest: The longest delay of all, in seconds.
        draw: Returns a random number from 0 to 1.
    """
    return draw() * exponential_backoff(failures, first, longest)


class ThrottledRetries:
    """The delays before one request is sent again after it was throttled.

    Args:
        budget: Seconds, from the first throttled response to the last repetition.
        monotonic: Seconds that never go back.
        draw: Returns a random number from 0 to 1.
    """

    def __init__(
        self,
        budget: float,
        monotonic: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._budget = budget
        self._monotonic = monotonic
        self._draw = draw
        self._failures = 0
        self._deadline = 0.0

    def next_delay(self, retry_after: float = 0.0) -> float | None:
        """Returns the seconds until the request is sent again; None: it is not sent again.

        Args:
            retry_after: The delay that the service asks for, in seconds; a random one is added to it, because others
                are asked for the same.
        """
        now = self._monotonic()
        if self._failures == 0:
            self._deadline = now + self._budget
        self._failures += 1
        remaining = self._deadline - now
        if remaining <= 0 or retry_after > remaining:
            return None
        jitter = full_jitter(self._failures, FIRST_THROTTLED_DELAY, MAX_THROTTLED_DELAY, self._draw)
        return min(retry_after + jitter, remaining)
