"""The one poller: waits for what happens in another thread or process."""

from __future__ import annotations

import time
from collections.abc import Callable

TEST_TIMEOUT = 60.0
"""Seconds: long enough for any machine, so that only a real fault ends a wait."""


def wait_until(
    condition: Callable[[], object],
    message: Callable[[], str] | str = "The condition never became true.",
    timeout: float = TEST_TIMEOUT,
) -> None:
    """Waits until a condition holds; fails the test with the message if it never does.

    Args:
        condition: Returns something true once it holds.
        message: The failure's message, or what returns it.
        timeout: Seconds to wait at most.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, message if isinstance(message, str) else message()
        time.sleep(0.01)
