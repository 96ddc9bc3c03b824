"""Many threads that sign with one session, as a download with workers does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_PAUSE = 0.002
"""Seconds between two signatures of a thread: what is measured is waiting, not a crowded interpreter."""


@dataclass(frozen=True)
class Outcome:
    """What a crowd met with.

    Attributes:
        slowest: Seconds of the slowest single call.
        whole: Seconds until the last was answered.
        errors: How many calls failed.
    """

    slowest: float
    whole: float
    errors: int


class Crowd:
    """So many threads, each signing until it is told to stop, at least once.

    Args:
        session: A boto3 session.
        size: How many threads.
    """

    def __init__(self, session: Any, size: int) -> None:
        self._session = session
        self._together = threading.Barrier(size + 1)
        self._enough = threading.Event()
        self._slowest = [0.0] * size
        self._errors = [0] * size
        self._keys = [""] * size
        self._threads = [threading.Thread(target=self._sign, args=(number,)) for number in range(size)]

    def run(self, seconds: float, enough: Callable[[set[str]], bool] = lambda _: False) -> Outcome:
        """Lets them sign.

        Args:
            seconds: For how long at most; what has begun is waited for.
            enough: Told the access keys that the threads have now; whether that is all that was waited for.
        """
        for thread in self._threads:
            thread.start()
        began = time.perf_counter()
        self._together.wait()
        while time.perf_counter() - began < seconds and not enough(set(self._keys)):
            time.sleep(0.01)
        self._enough.set()
        for thread in self._threads:
            thread.join()
        return Outcome(max(self._slowest), time.perf_counter() - began, sum(self._errors))

    def _sign(self, number: int) -> None:
        self._together.wait()
        while True:
            began = time.perf_counter()
            try:
                key = self._session.get_credentials().get_frozen_credentials().access_key
                took = time.perf_counter() - began
                self._keys[number] = key
            # Every failure is counted, of whatever kind.
            except Exception:  # noqa: BLE001
                took = time.perf_counter() - began
                self._errors[number] += 1
            self._slowest[number] = max(self._slowest[number], took)
            if self._enough.is_set():
                return
            time.sleep(_PAUSE)
