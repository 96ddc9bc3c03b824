"""Waiting for what comes about by itself, for as long as any machine may take."""

from __future__ import annotations

import time
from collections.abc import Callable

TEST_TIMEOUT = 60.0


def wait_until(
    condition: Callable[[], object],
    message: Callable[[], str] = lambda: "It never came true.",
    timeout: float = TEST_TIMEOUT,
) -> None:
    """Waits until something holds.

    Args:
        condition: Whether it does.
        message: What to say where it never does.
        timeout: Seconds to wait at most.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, message()
        time.sleep(0.01)
