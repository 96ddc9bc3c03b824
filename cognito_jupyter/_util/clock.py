"""Where the package reads time, in one place, so that a test can let an hour pass or a laptop sleep."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

# A clock that cannot be set and that counts while a laptop sleeps, if the system has one. On Windows the monotonic
# clock does so; on Linux and, as Python reads it, on macOS it stops during sleep.
if sys.platform == "linux":
    _elapsed = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
elif sys.platform == "darwin":
    _elapsed = partial(time.clock_gettime, time.CLOCK_MONOTONIC)
else:
    _elapsed = time.monotonic


@dataclass(frozen=True, eq=False, repr=False)  # what nothing uses would take a third of the time to make the class
class Clock:
    """The clocks that the package reads, and its two ways to wait.

    Attributes:
        now: The wall clock, in seconds since the epoch; it jumps when it is set, and when a laptop wakes up.
        monotonic: Seconds that never go back; they stop while a laptop sleeps.
        wait: Waits for an event, for a number of seconds at most.
        sleep: Waits for a number of seconds.
        elapsed: Seconds that never go back and that count a laptop's sleep, where the system does.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    wait: Callable[[threading.Event, float], object] = threading.Event.wait
    sleep: Callable[[float], object] = time.sleep
    elapsed: Callable[[], float] = _elapsed
