"""Time as the credentials see it, in one place, so that a test can let a laptop sleep or an hour pass."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial


def _select_elapsed_clock() -> Callable[[], float]:
    """A clock that nobody can set and that goes on over a laptop's sleep, where the system has one.

    Windows' monotonic clock is one; Linux' and, as Python reads it, the Mac's stand still meanwhile.
    """
    if sys.platform == "linux":
        return partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return partial(time.clock_gettime, time.CLOCK_MONOTONIC)
    return time.monotonic


_ELAPSED = _select_elapsed_clock()


@dataclass(frozen=True)
class Clock:
    """Where time comes from, and how it is waited for.

    Attributes:
        now: The wall clock, in seconds since the epoch; it jumps when somebody sets it, and over a laptop's sleep.
        monotonic: Seconds that never go back; they stand still while a laptop sleeps.
        elapsed: Seconds that never go back, over a laptop's sleep too where the system counts it.
        wait: Waits for an event for some seconds at most.
        sleep: Waits for some seconds.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    wait: Callable[[threading.Event, float], object] = threading.Event.wait
    sleep: Callable[[float], object] = time.sleep
    elapsed: Callable[[], float] = _ELAPSED
