"""Threads that call S3 with two roles, and count which calls fail at S3 and which because of the credentials."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError, ResponseStreamingError

_S3_ERRORS = (HTTPClientError, IncompleteReadError, ResponseStreamingError)
_CALL_INTERVAL = 0.4
"""Seconds between two calls of a thread: the soak tests time, not load."""
_MAX_ERRORS = 5


class Outcome(Enum):
    """What became of a call."""

    SUCCESS = "success"
    S3_FAILURE = "failed at S3"
    CREDENTIALS_FAILURE = "failed because of the credentials"


def is_s3_failure(error: Exception) -> bool:
    """Returns whether a call failed at S3 or on the way there, and not because of its credentials."""
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) in {429, 500, 503}
    return isinstance(error, _S3_ERRORS)


class Workload:
    """Threads that repeat their call until they are stopped.

    Args:
        calls: The calls, which the threads share out among them.
        threads: The number of threads.

    Attributes:
        outcomes: The number of calls by outcome.
        credentials_errors: The first errors that S3 did not cause.
    """

    def __init__(self, calls: list[Callable[[], Any]], threads: int) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.credentials_errors: list[Exception] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(calls[number % len(calls)],), name=f"work-{number}")
            for number in range(threads)
        ]

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Waits until every thread has finished its last call."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, call: Callable[[], Any]) -> None:
        while not self._stop.wait(_CALL_INTERVAL):
            try:
                call()
            except Exception as error:  # noqa: BLE001 - the soak looks for any error
                self._count(Outcome.S3_FAILURE if is_s3_failure(error) else Outcome.CREDENTIALS_FAILURE, error)
            else:
                self._count(Outcome.SUCCESS)

    def _count(self, outcome: Outcome, error: Exception | None = None) -> None:
        with self._lock:
            self.outcomes[outcome] += 1
            if outcome is Outcome.CREDENTIALS_FAILURE and error and len(self.credentials_errors) < _MAX_ERRORS:
                self.credentials_errors.append(error)
