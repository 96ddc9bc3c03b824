"""What goes on all the time: threads that call S3 with two roles, and count what fails, and whose fault it is."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError, ResponseStreamingError

_S3_ERRORS = (HTTPClientError, IncompleteReadError, ResponseStreamingError)
_CALL_INTERVAL = 0.4
"""Seconds between two calls of a thread: what is tried is time, not load."""


def is_s3_failure(error: Exception) -> bool:
    """Whether a call failed by itself, on the way to S3 or there, and not for its credentials."""
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) in {429, 500, 503}
    return isinstance(error, _S3_ERRORS)


class Workload:
    """Many threads, each calling until it is told to stop.

    Args:
        calls: What the threads call, in turn.
        threads: How many.

    Attributes:
        outcomes: How many calls went well, failed by their own fault, and failed by ours.
        credential_errors: What went wrong by our fault, the first of it.
    """

    def __init__(self, calls: list[Callable[[], Any]], threads: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self.credential_errors: list[Exception] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(calls[number % len(calls)],), name=f"work-{number}")
            for number in range(threads)
        ]

    def start(self) -> None:
        """Lets them begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Has them finish their last calls."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, call: Callable[[], Any]) -> None:
        while not self._stop.wait(_CALL_INTERVAL):
            try:
                call()
            # Whatever comes is what is looked for.
            except Exception as error:  # noqa: BLE001
                self._count("own" if is_s3_failure(error) else "ours", error)
            else:
                self._count("well")

    def _count(self, outcome: str, error: Exception | None = None) -> None:
        with self._lock:
            self.outcomes[outcome] += 1
            if outcome == "ours" and error is not None and len(self.credential_errors) < 5:
                self.credential_errors.append(error)
