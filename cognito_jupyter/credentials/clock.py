"""Time as the credentials see it, in one place, so that a test can let a laptop sleep or an hour pass."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Where time comes from, and how it is waited for.

    Attributes:
        now: The wall clock, in seconds since the epoch; it jumps when somebody sets it, and over a laptop's sleep.
        monotonic: Seconds that never go back; they stand still while a laptop sleeps.
        wait: Waits for an event for some seconds at most.
        sleep: Waits for some seconds.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    wait: Callable[[threading.Event, float], object] = threading.Event.wait
    sleep: Callable[[float], object] = time.sleep
