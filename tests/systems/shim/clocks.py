"""Clocks that tick every 15.6 ms, as Windows' do: two times that are taken in between are equal."""

from __future__ import annotations

import time
from typing import Any

TICK = 1 / 64
"""Seconds."""


def _coarse(seconds: float) -> float:
    return seconds // TICK * TICK


def changes() -> dict[str, dict[str, Any]]:
    """Returns the changed names of each module."""
    return {
        "time": {
            "time": lambda: _coarse(time.time()),
            "monotonic": lambda: _coarse(time.monotonic()),
            "time_ns": lambda: int(_coarse(time.time()) * 10**9),
            "monotonic_ns": lambda: int(_coarse(time.monotonic()) * 10**9),
        }
    }
