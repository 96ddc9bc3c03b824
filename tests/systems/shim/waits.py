"""Waits of the main thread that Ctrl-C does not end on Windows.

Before Python 3.14 a lock, and so an event, a queue or a thread that is joined, is waited for to its end there. So is a
call of a socket, in every version. `time.sleep` ends at once. Here, SIGINT is blocked for the length of such a call.
"""

from __future__ import annotations

import functools
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any


def _to_its_end(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wait(*arguments: Any, **options: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            return function(*arguments, **options)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return function(*arguments, **options)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    return wait


def install() -> None:
    """Changes the waits of the whole process: those of its libraries cannot be interrupted there either."""
    if sys.version_info < (3, 14):
        threading.Condition.wait = _to_its_end(threading.Condition.wait)  # type: ignore[method-assign]  # see above
        threading.Thread.join = _to_its_end(threading.Thread.join)  # type: ignore[method-assign]  # likewise
    for name in ("accept", "connect", "recv", "recv_into"):
        setattr(socket.socket, name, _to_its_end(getattr(socket.socket, name)))
    select.select = _to_its_end(select.select)
