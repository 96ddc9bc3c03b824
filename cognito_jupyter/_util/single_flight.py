"""Single-flight: one thread makes an attempt while the others wait for its result; a failure is shared and backed off.

The token refresh and each role's exchange own a `SingleFlight`. It never knows what the attempt does.
"""

from __future__ import annotations

import copy
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from ..errors import CognitoError
from .process_local import ProcessLocal
from .retries import full_jitter, one_request_only
from .threads.waiting import wait_until_free

_MIN_BACKOFF = 1.0
"""Seconds for which a failure is shared at least, so that a crowd of threads does not queue for the same error."""
_MAX_BACKOFF = 300.0
"""Seconds at most until an attempt ahead of time, about half of it on average: ten thousand kernels that wait for a
service then send it 66 requests a second, where Cognito's token endpoint admits 120."""
_MAX_CALLER_BACKOFF = 30.0
"""Seconds for which a caller that needs the result gets the error of an earlier attempt at most."""
_MAX_RETRY_AFTER = 300.0
"""Seconds: a service that asks for a longer delay is tried again after this one, with jitter."""

_Result = TypeVar("_Result")


class SingleFlight:
    """Lets one thread make an attempt while the others wait for its result.

    After a failure, callers that do not force an attempt get the same error for a while. An attempt ahead of time waits
    longer: a random part of a backoff that doubles with each further failure, so that many kernels do not come back at
    the same moment. Both wait at least as long as the service asked for. After a failure, an attempt that is not forced
    sends each request once (`one_request_only`), because another attempt follows anyway.

    Its lock is held during the attempt; `on_attempt` is called without it.

    Args:
        monotonic: Seconds that never go back.
        on_attempt: Called after each attempt, in its thread; it may call `run` again.
        draw: Returns a random number from 0 to 1, for the jitter.

    Attributes:
        failure: The error of the last attempt; None after a success.
        failures: How many attempts have failed since the last success.
        successes: How many attempts have succeeded. A caller that finds more of them than when it began to wait has
            its result: a storm of calls is one attempt.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        on_attempt: Callable[[], None] = lambda: None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        # A fork copies a lock in its current state, but not the thread that would release it.
        self._lock = ProcessLocal(threading.Lock)
        self._monotonic = monotonic
        self._on_attempt = on_attempt
        self.failure: CognitoError | None = None
        self._failed_at = 0.0
        self._backoff = 0.0
        self._draw = draw
        self.failures = self.successes = self._failures_ever = 0

    def run(
        self,
        get_ready: Callable[[], _Result | None],
        attempt: Callable[[], _Result],
        *,
        force: bool = False,
        notify: bool = True,
    ) -> _Result:
        """Waits for the lock, then returns what is ready, or makes the attempt.

        Args:
            get_ready: Returns what another thread may have achieved since, or None where an attempt is needed.
            attempt: Makes the attempt and returns its result.
            force: Whether to make the attempt even during the backoff, and to repeat its requests.
            notify: Whether to call `on_attempt`. Not from within another SingleFlight's attempt: `on_attempt` could
                wait for that one's lock, which this thread holds.

        Raises:
            CognitoError: From the attempt, or from one that failed while this thread waited.
        """
        failures_before = self._failures_ever
        attempted = False
        try:
            wait_until_free(self._lock().locked)
            with self._lock():
                result = get_ready()
                if result is not None:
                    return result
                # Counted, not timed: Windows' clock shows the same time for 16 ms.
                failed_while_waiting = self._failures_ever != failures_before
                if self.failure is not None and (
                    failed_while_waiting or (not force and self._caller_backoff_remaining > 0)
                ):
                    # A copy: an exception that several threads raise collects the tracebacks of all.
                    raise copy.copy(self.failure)
                attempted = True
                return self._attempt(attempt, repeat=force or self.failures == 0)
        finally:
            if attempted and notify:
                self._on_attempt()

    def run_if_idle(self, still_needed: Callable[[], bool], attempt: Callable[[], _Result]) -> None:
        """Makes the attempt unless another thread is making one or the backoff lasts; never raises CognitoError.

        Args:
            still_needed: Whether the attempt is still needed: another thread may have made it since the caller looked.
            attempt: Makes the attempt.
        """
        lock = self._lock()
        if lock.locked():
            return
        attempted = False
        # Only a `with` statement acquires a lock and prepares its release without a gap for an interrupt. If another
        # thread is faster, this one waits, which is rare, and finds nothing to do.
        with suppress(CognitoError), lock:
            attempted = self.backoff_remaining <= 0 and still_needed()
            if attempted:
                # An error is in `failure`. The caller has a valid result for now, and needs none.
                self._attempt(attempt, repeat=self.failures == 0)
        if attempted:
            self._on_attempt()

    def reset(self) -> None:
        """Forgets the last failure, whose cause has been replaced."""
        self.failure, self.failures = None, 0

    @property
    def backoff_remaining(self) -> float:
        """Seconds until the next attempt ahead of time; 0 after a success."""
        return self._remaining(self._backoff)

    @property
    def _caller_backoff_remaining(self) -> float:
        return self._remaining(min(self._backoff, _MAX_CALLER_BACKOFF))

    def _remaining(self, backoff: float) -> float:
        failure = self.failure
        if failure is None:
            return 0.0
        # Added, and not the longer of the two: a service asks all its clients for the same delay.
        delay = min(failure.retry_after, _MAX_RETRY_AFTER) + backoff
        return max(0.0, self._failed_at + delay - self._monotonic())

    def _attempt(self, attempt: Callable[[], _Result], *, repeat: bool) -> _Result:
        try:
            with one_request_only(not repeat):
                result = attempt()
        except CognitoError as error:
            self._failed_at = self._monotonic()
            self.failures += 1
            self._failures_ever += 1
            self._backoff = _MIN_BACKOFF + full_jitter(self.failures, _MIN_BACKOFF, _MAX_BACKOFF, self._draw)
            self.failure = copy.copy(error)
            raise
        self.reset()
        self.successes += 1
        return result
