"""Delivers the stop button where it can be obeyed, and only there.

A KeyboardInterrupt may hit any line of the main thread: between the start of a login and the statement that would end
it, in an import, in a lock's own code. So a magic that starts something runs in `deferred_interrupts`, and what takes
long in it (the wait, a question, a request) in `interruptible`. Nothing is swallowed: an interrupt that comes outside
of such a part is raised at the beginning of the next one, or at the end of all.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


class _Deferral:
    """The handler of SIGINT while interrupts are deferred.

    Args:
        handler: The handler that was there before, which raises KeyboardInterrupt.

    Attributes:
        interrupted: Whether there is an interrupt that was not delivered yet.
        interruptible: Whether one may be delivered now.
    """

    def __init__(self, handler: Callable[[int, FrameType | None], object]) -> None:
        self._handler = handler
        self.interrupted = self.interruptible = False

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        self.interrupted = True
        self.deliver()

    def deliver(self) -> None:
        """Raises a deferred interrupt if it may be raised here; whatever handles it is not interrupted itself."""
        if self.interrupted and self.interruptible:
            self.interrupted = self.interruptible = False
            self._handler(signal.SIGINT, None)


@contextlib.contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Defers the stop button until its end, or until an `interruptible` part within.

    Only the main thread is interrupted: in another one it does nothing, nor where SIGINT raises nothing.

    Raises:
        KeyboardInterrupt: There was an interrupt; raised at the end.
    """
    deferral = _current_deferral()
    if deferral is not None:
        outer, deferral.interruptible = deferral.interruptible, False
        try:
            yield
        finally:
            deferral.interruptible = outer
            deferral.deliver()
        return
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    deferral = _Deferral(handler)
    signal.signal(signal.SIGINT, deferral)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        deferral.interruptible = True
        deferral.deliver()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Lets the stop button end what is within, inside of `deferred_interrupts`; elsewhere it does nothing.

    Raises:
        KeyboardInterrupt: There was an interrupt, now or before.
    """
    deferral = _current_deferral()
    if deferral is None:
        yield
        return
    try:
        deferral.interruptible = True
        deferral.deliver()
        yield
    finally:
        deferral.interruptible = False


def _current_deferral() -> _Deferral | None:
    if threading.current_thread() is not threading.main_thread():
        return None
    handler = signal.getsignal(signal.SIGINT)
    return handler if isinstance(handler, _Deferral) else None
