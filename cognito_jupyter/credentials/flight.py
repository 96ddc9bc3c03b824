"""One attempt at a time, whoever asks; its failure counts for all who waited, and for a while after."""

from __future__ import annotations

import copy
import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import CognitoError

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0

_Result = TypeVar("_Result")


class SingleFlight:
    """Lets one thread make an attempt while the others wait for what comes of it.

    After a failure those who do not insist get the same error for a pause that doubles with each further failure:
    a crowd does not queue for the same error, and a service in trouble is not asked by a crowd.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._failure: CognitoError | None = None
        self._failed_at = 0.0
        self._failures = 0

    def run(
        self, ready: Callable[[], _Result | None], attempt: Callable[[], _Result], *, insist: bool = False
    ) -> _Result:
        """Returns what is ready once it is this thread's turn, or else makes the attempt.

        Args:
            ready: What another thread may have achieved meanwhile; None: nothing that would do.
            attempt: Achieves it.
            insist: Whether to make the attempt even though one failed a moment ago.

        Raises:
            CognitoError: From the attempt, or from the one that failed while this thread waited.
        """
        arrived = time.monotonic()
        with self._own_lock():
            result = ready()
            if result is not None:
                return result
            if self._failure is not None and (self._failed_at >= arrived or not (insist or self._paused_enough())):
                # A copy: an exception that is raised many times over collects the tracebacks of all.
                raise copy.copy(self._failure)
            return self._attempt(attempt)

    def offer(self, attempt: Callable[[], _Result]) -> None:
        """Makes the attempt if nobody else is at it and no failure is fresh; keeps its error to itself."""
        lock = self._own_lock()
        if not lock.acquire(blocking=False):
            return
        try:
            if self._failure is None or self._paused_enough():
                self._attempt(attempt)
        except CognitoError:
            # Remembered; what is held is still good, so that nobody needs to hear of it.
            return
        finally:
            lock.release()

    def forgive(self) -> None:
        """Forgets the last failure: what caused it has been replaced."""
        self._failure, self._failures = None, 0

    @property
    def failure(self) -> CognitoError | None:
        """The error of the last attempt; None after one that went well."""
        return self._failure

    def _attempt(self, attempt: Callable[[], _Result]) -> _Result:
        try:
            result = attempt()
        except CognitoError as error:
            self._failure, self._failed_at = copy.copy(error), time.monotonic()
            self._failures += 1
            raise
        self.forgive()
        return result

    def _paused_enough(self) -> bool:
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (self._failures - 1))
        return time.monotonic() >= self._failed_at + pause

    def _own_lock(self) -> threading.Lock:
        if self._process != os.getpid():
            # A fork copies a lock as it stands; whoever held it does not exist here.
            self._lock, self._process = threading.Lock(), os.getpid()
        return self._lock
