"""The thread that renews ahead of time; nobody waits for it.

There is at most one for each manager. It starts when there is first something to renew, holds its manager weakly, and
ends when nothing is left to do or the manager is gone. Where no thread can be, in a forked child and while the
interpreter exits, whoever needs credentials renews them itself.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable

from .._util.clock import Clock

_MAX_DELAY = 30.0
"""Seconds: the wall clock is looked at again after that, since it jumps while a laptop sleeps."""
_MIN_DELAY = 0.05

RefreshOnce = Callable[[], "float | None"]
"""Renews what is due; returns the seconds until something else is, or None where nothing is left to do."""


class BackgroundRefresher:
    """Runs rounds in a daemon thread for as long as there is something to renew.

    Args:
        run_once: A bound method that makes one round; it is held weakly, and the thread ends with its object.
        clock: The time.
    """

    def __init__(self, run_once: RefreshOnce, clock: Clock) -> None:
        self._wake = threading.Event()
        # Set when the object goes, so that the thread need not finish its rest.
        self._refresh_once = weakref.WeakMethod(run_once, _setter(self._wake))
        self._clock = clock
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def running(self) -> bool:
        """Whether the thread lives, in this process."""
        thread = self._thread
        return thread is not None and self._process == os.getpid() and thread.is_alive()

    def ensure_running(self, *, run_now: bool = False) -> bool:
        """Sees to it that the thread runs.

        Args:
            run_now: Whether it is to make a round at once, and not when it thought it would.

        Returns:
            Whether it runs, or nothing is to be renewed ahead of time any more; if not, whoever asks has to renew.
        """
        if sys.is_finalizing():
            # Past the last words of atexit, what a renewal needs may be torn down: keys that are good are good enough.
            return True
        # After a fork, lock and event may be in whatever state; the child leaves them alone.
        if self._closed or os.getpid() != self._process:
            return False
        if self._thread is not None and not run_now:
            return True
        with self._lock:
            self._wake.set()
            return self._thread is not None or self._start()

    def close(self) -> None:
        """Ends the thread, for good; it may be in the middle of a request, and ends after that."""
        self._closed = True
        self._wake.set()

    def _start(self) -> bool:
        self._thread = threading.Thread(target=self._run, name="cognito-renewal", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            # The interpreter is about to exit, or the machine has no more threads to give.
            self._thread = None
        return self._thread is not None

    def _run(self) -> None:
        try:
            while self._run_once():
                pass
        finally:
            # Also after a fault of ours: the next reader finds no thread, and starts another one or does without.
            self._thread = None

    def _run_once(self) -> bool:
        """Makes a round and rests until the next; whether there is a next."""
        self._wake.clear()
        refresh_once = self._refresh_once()
        delay = refresh_once() if refresh_once is not None and not self._closed else None
        # A thread that rests must not keep the manager alive.
        del refresh_once
        if delay is None:
            return not self._stop_if_idle()
        self._clock.wait(self._wake, min(max(delay, _MIN_DELAY), _MAX_DELAY))
        return True

    def _stop_if_idle(self) -> bool:
        """Takes its leave, unless somebody has called since the round began."""
        with self._lock:
            if self._wake.is_set() and self._refresh_once() is not None and not self._closed:
                return False
            self._thread = None
            return True


def _setter(event: threading.Event) -> Callable[[object], None]:
    return lambda _: event.set()
