"""A clock that a test turns by hand."""

from __future__ import annotations

import threading
import time

from cognito_jupyter.credentials.clock import Clock


class Hands:
    """A clock that stands still until it is turned; who waits by it looks again when it was.

    Args:
        now: Seconds since the epoch, to begin with; None: those of now.

    Attributes:
        now: The wall clock.
        awake: The monotonic clock, which stands still while the laptop sleeps.
        elapsed: The one that does not.
        clock: What to give to a manager.
    """

    def __init__(self, now: float | None = None) -> None:
        self.now = time.time() if now is None else now
        self.awake = 1_000.0
        self.elapsed = 2_000.0
        self.clock = Clock(lambda: self.now, lambda: self.awake, self._wait, self._sleep, lambda: self.elapsed)
        self._turned = threading.Condition()

    def turn(self, seconds: float) -> None:
        """Lets time pass."""
        self.awake += seconds
        self.sleep(seconds)

    def sleep(self, seconds: float) -> None:
        """Lets a laptop sleep."""
        self.elapsed += seconds
        self.set(seconds)

    def set(self, seconds: float) -> None:
        """Has somebody set the wall clock: ahead, or back with less than nothing."""
        self.now += seconds
        with self._turned:
            self._turned.notify_all()

    def _wait(self, event: threading.Event, seconds: float) -> None:
        until = self.awake + seconds
        while not event.is_set() and self.awake < until:
            self._look()

    def _sleep(self, seconds: float) -> None:
        until = self.awake + seconds
        while self.awake < until:
            self._look()

    def _look(self) -> None:
        # An event tells nobody here that it was set: it is looked at again.
        with self._turned:
            self._turned.wait(0.02)
