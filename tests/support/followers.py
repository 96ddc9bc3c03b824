"""Processes whose clocks follow that of a test: time passes in all of them at once, while none makes a request."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from tests.support.clock import FakeClock

_TIMEOUT = 90.0
_END = None


def follow(pipe: Connection, clock: FakeClock, act: Callable[[], object]) -> None:
    """Runs in another process: after each step of its clock it acts, and sends what came of it.

    Args:
        pipe: The connection to the test.
        clock: This process's clock.
        act: What to do; its result is sent to the test.
    """
    clock.after_fork()
    while (seconds := pipe.recv()) is not _END:
        clock.advance(seconds)
        pipe.send(act())


class Followers:
    """The test's ends of the connections to such processes.

    A process that stands still for a while delays the test, and nothing else: no time passes until each has acted.

    Args:
        pipes: A connection for each process.
    """

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes

    def step(self, seconds: float) -> list[Any]:
        """Lets time pass in all of them, has them act at the same moment, and returns what each has sent.

        Args:
            seconds: How long; the test moves its own clock, and Cognito's, before.
        """
        for pipe in self._pipes:
            pipe.send(seconds)
        results = []
        for pipe in self._pipes:
            assert pipe.poll(_TIMEOUT)
            results.append(pipe.recv())
        return results

    def end(self) -> None:
        """Has each of them return from `follow`."""
        for pipe in self._pipes:
            pipe.send(_END)
