"""One attempt at a time, whoever asks; its failure counts for all who waited, and for a while after."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import CognitoError, UnavailableError
from .process_local import ProcessLocal

_MIN_BACKOFF = 1.0
_MAX_BACKOFF = 30.0
_MAX_RETRY_AFTER = 300.0
"""Seconds: a service that asks for a day is asked again all the same."""

_Result = TypeVar("_Result")


class SingleFlight:
    """Lets one thread make an attempt while the others wait for what comes of it.

    After a failure those who do not insist get the same error for a pause that doubles with each further failure, and
    is at least what the service asked for: a crowd does not queue for the same error, and a service in trouble is not
    asked by a crowd.

    Args:
        monotonic: Seconds that never go back.
        on_attempt: Told after each attempt, in its thread; it may ask for what the attempt was for.
    """

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, on_attempt: Callable[[], None] = lambda: None
    ) -> None:
        # A fork copies a lock as it stands; whoever held it does not exist in the child.
        self._lock = ProcessLocal(threading.Lock)
        self._monotonic = monotonic
        self._on_attempt = on_attempt
        self._failure: CognitoError | None = None
        self._failed_at = 0.0
        self._failures = 0

    def run(
        self, get_ready: Callable[[], _Result | None], attempt: Callable[[], _Result], *, force: bool = False
    ) -> _Result:
        """Returns what is ready once it is this thread's turn, or else makes the attempt.

        Args:
            get_ready: What another thread may have achieved meanwhile; None: nothing that would do.
            attempt: Achieves it.
            force: Whether to make the attempt even though one failed a moment ago.

        Raises:
            CognitoError: From the attempt, or from the one that failed while this thread waited.
        """
        started_waiting = self._monotonic()
        attempted = False
        try:
            with self._lock():
                result = get_ready()
                if result is not None:
                    return result
                if self._failure is not None and (
                    self._failed_at >= started_waiting or (not force and self.backoff_remaining > 0)
                ):
                    # A copy: an exception that is raised many times over collects the tracebacks of all.
                    raise copy.copy(self._failure)
                attempted = True
                return self._attempt(attempt)
        finally:
            if attempted:
                self._on_attempt()

    def run_if_idle(self, still_needed: Callable[[], bool], attempt: Callable[[], _Result]) -> None:
        """Makes the attempt if nobody else is at it and no failure is fresh; keeps its error to itself.

        Args:
            still_needed: Whether it is needed still: another thread may have made it since the caller looked.
            attempt: Achieves it.
        """
        lock = self._lock()
        if not lock.acquire(blocking=False):
            return
        attempted = False
        try:
            attempted = self.backoff_remaining <= 0 and still_needed()
            if attempted:
                self._attempt(attempt)
        except CognitoError:
            # Remembered; what is held is still good, so that nobody needs to hear of it.
            pass
        finally:
            lock.release()
        if attempted:
            self._on_attempt()

    def reset(self) -> None:
        """Forgets the last failure: what caused it has been replaced."""
        self._failure, self._failures = None, 0

    @property
    def failure(self) -> CognitoError | None:
        """The error of the last attempt; None after one that went well."""
        return self._failure

    @property
    def failures(self) -> int:
        """How many attempts have failed since the last that went well."""
        return self._failures

    @property
    def backoff_remaining(self) -> float:
        """Seconds until an attempt makes sense again; 0 where none has failed."""
        failure = self._failure
        if failure is None:
            return 0.0
        requested = failure.retry_after if isinstance(failure, UnavailableError) else 0.0
        backoff = min(_MAX_BACKOFF, _MIN_BACKOFF * 2.0 ** min(self._failures - 1, 10))
        delay = max(backoff, min(requested, _MAX_RETRY_AFTER))
        return max(0.0, self._failed_at + delay - self._monotonic())

    def _attempt(self, attempt: Callable[[], _Result]) -> _Result:
        try:
            result = attempt()
        except CognitoError as error:
            self._failure, self._failed_at = copy.copy(error), self._monotonic()
            self._failures += 1
            raise
        self.reset()
        return result
