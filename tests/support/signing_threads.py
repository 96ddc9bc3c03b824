"""Many threads that sign with one session, as a download with many workers does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_SIGNING_INTERVAL = 0.002
"""Seconds between two signatures of a thread: the benchmark measures waiting, not a busy interpreter."""


@dataclass(frozen=True)
class SigningResult:
    """What the threads experienced.

    Attributes:
        slowest: Seconds of the slowest single call.
        total: Seconds until the last call returned.
        errors: How many calls failed.
    """

    slowest: float
    total: float
    errors: int


class SigningThreads:
    """Threads that each sign at least once, and again until they are stopped.

    Args:
        session: A boto3 session.
        size: How many threads.
    """

    def __init__(self, session: Any, size: int) -> None:
        self._session = session
        self._start_barrier = threading.Barrier(size + 1)
        self._stop = threading.Event()
        self._slowest = [0.0] * size
        self._errors = [0] * size
        self._access_keys = [""] * size
        self._threads = [threading.Thread(target=self._sign, args=(number,)) for number in range(size)]

    def run(self, seconds: float, stop_when: Callable[[set[str]], bool] = lambda _: False) -> SigningResult:
        """Lets the threads sign.

        Args:
            seconds: The longest time; calls that have started are waited for.
            stop_when: Called with the access keys that the threads use now; returns whether to stop them.
        """
        for thread in self._threads:
            thread.start()
        began = time.perf_counter()
        self._start_barrier.wait()
        while time.perf_counter() - began < seconds and not stop_when(set(self._access_keys)):
            time.sleep(0.01)
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return SigningResult(max(self._slowest), time.perf_counter() - began, sum(self._errors))

    def _sign(self, number: int) -> None:
        self._start_barrier.wait()
        while True:
            began = time.perf_counter()
            try:
                key = self._session.get_credentials().get_frozen_credentials().access_key
                elapsed = time.perf_counter() - began
                self._access_keys[number] = key
            except Exception:  # noqa: BLE001 - every failure is counted, of whatever kind
                elapsed = time.perf_counter() - began
                self._errors[number] += 1
            self._slowest[number] = max(self._slowest[number], elapsed)
            if self._stop.is_set():
                return
            time.sleep(_SIGNING_INTERVAL)
