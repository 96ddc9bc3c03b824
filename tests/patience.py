"""Waiting for what comes about by itself, for as long as any machine may take."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60.0


def until_true(
    holds: Callable[[], object],
    complaint: Callable[[], str] = lambda: "It never came true.",
    patience: float = PATIENCE,
) -> None:
    """Waits until something holds.

    Args:
        holds: Whether it does.
        complaint: What to say where it never does.
        patience: Seconds to wait at most.
    """
    until = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < until, complaint()
        time.sleep(0.01)
