"""The one background thread of this package: wake, run, sleep until the next run is due.

The credentials manager, a share's endpoint, a Dask share and a DuckDB secret each own a `RefreshLoop`. It knows only
its function and its clock: it makes no request, logs nothing, and never decides what is due.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable
from typing import TypeVar

from .clock import Clock
from .threads.waiting import join_in_slices

RunOnce = Callable[[], "float | None"]
"""Does what is due; returns the seconds until something else is, or None where nothing is left to do."""

_Owner = TypeVar("_Owner")


class RefreshLoop:
    """Calls a function again and again in a daemon thread, for as long as it has something to do.

    There is at most one thread. It starts with the first `ensure_running` and ends when the function returns None or
    raises, after `stop`, or, if the loop is weak, when the function's object is garbage-collected; unless the loop was
    stopped, `ensure_running` starts another thread later.

    After a fork the loop does nothing in the child: its lock and its event may have been copied in any state.

    Lock order: `_lock` is held only to start the thread and to let it end, never while `run_once` or `on_end` runs.

    Args:
        run_once: A bound method that does what is due; always called in the thread.
        name: The thread's name.
        min_delay: Seconds to sleep at least, so that a function that returns 0 does not spin.
        max_delay: Seconds to sleep at most: the wall clock jumps while a laptop sleeps, so it has to be read again.
        clock: The time.
        weak: Whether to hold the object of `run_once` weakly, so that the thread does not keep it alive.
        on_end: Called in the thread when it ends, for whatever reason.
    """

    def __init__(  # noqa: PLR0913 - by keyword, all but the first
        self,
        run_once: RunOnce,
        *,
        name: str,
        min_delay: float = 0.0,
        max_delay: float,
        clock: Clock | None = None,
        weak: bool = False,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self._wake = wake = threading.Event()
        # The callback of the weak reference ends the sleep as soon as the object is collected. It holds the event and
        # not the loop, which the object owns.
        self._run_once: Callable[[], RunOnce | None] = (
            weakref.WeakMethod(run_once, lambda _: wake.set()) if weak else lambda: run_once
        )
        self._name = name
        self._min_delay, self._max_delay = min_delay, max_delay
        self._clock = clock or Clock()
        self._on_end = on_end
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._thread: _LoopThread | None = None  # the last one, which may have ended
        self._active = False  # whether it will run again; changed only with the lock held
        self._stopped = False

    @property
    def running(self) -> bool:
        """Whether the thread is alive in this process."""
        return self._active and self._pid == os.getpid()

    def ensure_running(self, *, run_now: bool = False) -> bool:
        """Starts the thread if there is none.

        Args:
            run_now: Whether a thread that sleeps is to run at once.

        Returns:
            False where no thread can run: after `stop`, in a forked child, or because the machine has no more threads.
            The caller then has to do the work itself.
        """
        if sys.is_finalizing():
            # A refresh may fail now on modules that are torn down already. The credentials that the caller has suffice.
            return True
        if self._stopped or os.getpid() != self._pid:
            return False
        if self._active and not run_now:
            return True
        with self._lock:
            self._wake.set()
            if not self._active:
                previous, self._thread = self._thread, _LoopThread(self, self._run, self._name)
                try:
                    self._thread.start()
                except RuntimeError:
                    # The interpreter is about to exit, or the machine has no more threads.
                    self._thread = previous
                    return False
                self._active = True
            return True

    @property
    def owner(self) -> object:
        """The object whose method `run_once` is; None once a weak loop has lost it."""
        return getattr(self._run_once(), "__self__", None)

    def wake(self) -> None:
        """Runs the function at once, if the thread is alive; safe in any callback.

        A call from within the function is ignored: what it changes it knows, and to run again for that would never end.
        """
        if os.getpid() == self._pid and threading.current_thread() is not self._thread:
            self._wake.set()

    def stop(self) -> None:
        """Ends the thread for good, after its current run; safe in a finalizer, since it takes no lock of the loop."""
        self._stopped = True
        if os.getpid() == self._pid:
            self._wake.set()

    def join(self, timeout: float) -> None:
        """Waits for the thread to end; returns at once where there is none, and in the thread itself.

        Args:
            timeout: Seconds to wait at most.
        """
        thread = self._thread
        if thread is not None and self._pid == os.getpid() and thread is not threading.current_thread():
            join_in_slices(thread, timeout)

    def _run(self) -> None:
        try:
            while self._step():
                pass
        finally:
            # After an exception too: the next caller of `ensure_running` starts another thread, unless it has done so.
            with self._lock:
                if self._thread is threading.current_thread():
                    self._active = False
            if self._on_end is not None:
                self._on_end()
            if self._stopped:
                # Object and loop refer to each other; without this only the garbage collector would free the object.
                self._run_once, self._on_end = lambda: None, None

    def _step(self) -> bool:
        """Runs once and sleeps; returns whether to go on."""
        self._wake.clear()
        run_once = self._run_once()
        delay = run_once() if run_once is not None and not self._stopped else None
        # A sleeping thread must not keep the object alive.
        del run_once
        if delay is None:
            return not self._may_end()
        self._clock.wait(self._wake, min(max(delay, self._min_delay), self._max_delay))
        return True

    def _may_end(self) -> bool:
        """Whether the thread may end: not if it was called again since the run began."""
        with self._lock:
            if self._wake.is_set() and self._run_once() is not None and not self._stopped:
                return False
            self._active = False
            return True


class _LoopThread(threading.Thread):
    """The thread of a loop, which `running_owners` finds among all threads."""

    def __init__(self, loop: RefreshLoop, target: Callable[[], None], name: str) -> None:
        super().__init__(target=target, name=name, daemon=True)
        self.loop = loop


def running_owners(kind: type[_Owner]) -> list[_Owner]:
    """Returns the objects of a class whose loops run in this process: the threads themselves are the registry.

    Args:
        kind: The class.
    """
    owners = (thread.loop.owner for thread in threading.enumerate() if isinstance(thread, _LoopThread))
    return [owner for owner in owners if isinstance(owner, kind)]
