"""Waits that the stop button and Ctrl-C can end within a tenth of a second, on every system.

On Windows an interrupt does not wake a main thread that waits for a lock, an event or a thread, before Python 3.14. The
stop button of a notebook, which is no signal there, wakes nothing at all: Python looks for it between two operations.
So wherever the main thread may wait for long, it calls this module, which waits in slices.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

SLICE = 0.1
"""Seconds."""
_POLL_INTERVAL = 0.01
"""Seconds between two looks at a lock, which cannot be awaited in slices without being acquired."""

_Result = TypeVar("_Result")


def wait_in_slices(event: threading.Event, timeout: float | None = None) -> bool:
    """Waits for an event.

    Args:
        event: The event.
        timeout: Seconds to wait at most; None: for as long as it takes.

    Returns:
        Whether it is set.
    """
    return _in_slices(event.wait, timeout)


def join_in_slices(thread: threading.Thread, timeout: float | None = None) -> bool:
    """Waits until a thread has ended.

    Args:
        thread: The thread.
        timeout: Seconds to wait at most; None: for as long as it takes.

    Returns:
        Whether it has ended.
    """

    def join(seconds: float) -> bool:
        thread.join(seconds)
        return not thread.is_alive()

    return _in_slices(join, timeout)


def wait_for_in_slices(condition: threading.Condition, predicate: Callable[[], bool], timeout: float) -> bool:
    """Waits until something is true; the caller holds the condition's lock.

    Args:
        condition: Is notified when it may have become true.
        predicate: Returns whether it is true.
        timeout: Seconds to wait at most.

    Returns:
        Whether it is true.
    """
    return _in_slices(lambda seconds: condition.wait_for(predicate, seconds), timeout)


def sleep_in_slices(seconds: float) -> None:
    """Sleeps.

    Args:
        seconds: How long.
    """

    def sleep(part: float) -> bool:
        time.sleep(part)
        return False

    _in_slices(sleep, seconds)


def wait_until_free(locked: Callable[[], bool]) -> None:
    """Waits until no thread holds a lock, on a system where an interrupt does not end the wait for a lock.

    Another thread may be faster then: acquire the lock in a `with` statement afterwards. A lock that this function
    acquired could stay locked if an interrupt came before the `with`.

    Args:
        locked: Returns whether one does.
    """
    while _interrupts_wake_nothing() and locked():
        time.sleep(_POLL_INTERVAL)


def run_interruptibly(operation: Callable[[], _Result]) -> _Result:
    """Runs what waits for the network, which an interrupt must be able to end.

    On Windows no interrupt ends a call that waits for a socket. There the main thread has another thread run the
    operation, and waits for that in slices. After an interrupt that thread ends by itself, and its result is dropped.

    Args:
        operation: What to do.

    Returns:
        Its result.

    Raises:
        BaseException: What the operation raises; KeyboardInterrupt after an interrupt.
    """
    if not _interrupts_wake_nothing():
        return operation()
    results: list[_Result] = []
    errors: list[BaseException] = []
    context = copy_context()

    def run() -> None:
        try:
            results.append(context.run(operation))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=run, name="cognito-request", daemon=True)
    thread.start()
    join_in_slices(thread)
    if errors:
        raise errors.pop()
    return results.pop()


def _interrupts_wake_nothing() -> bool:
    return sys.platform == "win32" and threading.current_thread() is threading.main_thread()


def _in_slices(wait: Callable[[float], bool], timeout: float | None) -> bool:
    if timeout is None:
        while not wait(SLICE):
            pass
        return True
    deadline = time.monotonic() + timeout
    while True:
        remaining = deadline - time.monotonic()
        if wait(max(0.0, min(SLICE, remaining))):
            return True
        if remaining <= SLICE:
            return False
