"""The one fake clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self

from cognito_jupyter._util.clock import Clock


class FakeClock:
    """A clock that a test moves; a thread that waits by it notices within 0.03 seconds.

    Args:
        now: The wall clock at the start, in seconds since the epoch; None: the real one's.
        running: Whether real time passes too; otherwise the clock stands still between two moves. By a running clock
            an event is waited for so briefly that a refresh loop reads the clock again at once after each move.

    Attributes:
        clock: The `Clock` to hand to a manager.
    """

    def __init__(self, now: float | None = None, *, running: bool = False) -> None:
        self._running = running
        self._started = time.monotonic()
        # Far from each other, so that a mix-up of two clocks shows.
        self._now = time.time() if now is None else now
        self._monotonic = 1_000.0
        self._elapsed = 2_000.0
        self._moved = threading.Condition()
        self._moves = 0
        self._looked = threading.local()
        self.clock = Clock(
            lambda: self._look().now,
            lambda: self._look().monotonic,
            self._wait_for_event,
            self._sleep,
            lambda: self._look().elapsed,
        )

    @property
    def now(self) -> float:
        """The wall clock, in seconds since the epoch; a test may set it."""
        return self._now + self._passed()

    @now.setter
    def now(self, seconds: float) -> None:
        self._now = seconds - self._passed()
        self._notify()

    @property
    def monotonic(self) -> float:
        """Seconds that stop while the laptop sleeps."""
        return self._monotonic + self._passed()

    @property
    def elapsed(self) -> float:
        """Seconds that count the laptop's sleep."""
        return self._elapsed + self._passed()

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self._monotonic += seconds
        self.suspend(seconds)

    def suspend(self, seconds: float) -> None:
        """Lets the laptop sleep."""
        self._elapsed += seconds
        self.step(seconds)

    def step(self, seconds: float) -> None:
        """Sets the wall clock: ahead, or back by a negative number."""
        self._now += seconds
        self._notify()

    def after_fork(self) -> None:
        """Makes it usable in a forked child: a thread of the parent may have held its lock at the fork."""
        self._moved = threading.Condition()

    def _passed(self) -> float:
        return time.monotonic() - self._started if self._running else 0.0

    def _notify(self) -> None:
        with self._moved:
            self._moves += 1  # after the time has changed
            self._moved.notify_all()

    def _look(self) -> Self:
        """Notes the first time that a thread reads the clock: what it decides from then on rests on that time."""
        if not hasattr(self._looked, "moves"):
            self._looked.moves = self._moves
        return self

    def _wait_for_event(self, event: threading.Event, seconds: float) -> None:
        if self._running:
            event.wait(min(seconds, 0.03))
            return
        self._wait(seconds, event.is_set)

    def _sleep(self, seconds: float) -> None:
        self._wait(seconds, lambda: False)

    def _wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        deadline = self.monotonic + seconds
        self._look()
        # If the clock was moved after the thread last woke, the thread may have decided by the time before, and a clock
        # that stands still would not wake it: it looks again at once.
        if self._looked.moves == self._moves:
            while not is_over() and self.monotonic < deadline:
                self._wait_for_move()
        self._looked.moves = self._moves

    def _wait_for_move(self) -> None:
        # An event does not notify this condition, so it is polled.
        with self._moved:
            self._moved.wait(0.02)
