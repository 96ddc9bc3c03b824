"""A clock that a test turns by hand."""

from __future__ import annotations

import threading
import time

from cognito_jupyter._util.clock import Clock


class FakeClock:
    """A clock that stands still until it is turned; who waits by it looks again when it was.

    Args:
        now: Seconds since the epoch, to begin with; None: those of now.

    Attributes:
        now: The wall clock.
        monotonic: The monotonic clock, which stands still while the laptop sleeps.
        elapsed: The one that does not.
        clock: What to give to a manager.
    """

    def __init__(self, now: float | None = None) -> None:
        self.now = time.time() if now is None else now
        self.monotonic = 1_000.0
        self.elapsed = 2_000.0
        self.clock = Clock(lambda: self.now, lambda: self.monotonic, self._wait, self._sleep, lambda: self.elapsed)
        self._changed = threading.Condition()

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self.monotonic += seconds
        self.suspend(seconds)

    def suspend(self, seconds: float) -> None:
        """Lets a laptop sleep."""
        self.elapsed += seconds
        self.step(seconds)

    def step(self, seconds: float) -> None:
        """Has somebody set the wall clock: ahead, or back with less than nothing."""
        self.now += seconds
        with self._changed:
            self._changed.notify_all()

    def _wait(self, event: threading.Event, seconds: float) -> None:
        until = self.monotonic + seconds
        while not event.is_set() and self.monotonic < until:
            self._wait_for_change()

    def _sleep(self, seconds: float) -> None:
        until = self.monotonic + seconds
        while self.monotonic < until:
            self._wait_for_change()

    def _wait_for_change(self) -> None:
        # An event tells nobody here that it was set: it is looked at again.
        with self._changed:
            self._changed.wait(0.02)
