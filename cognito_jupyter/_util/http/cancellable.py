"""Requests that another thread can end: those that prepare the end of a login, when the login is cancelled.

A request that nothing waits for any more would otherwise hold its thread until its timeout. `connection_queue` gives
the pools of this package's clients, of requests and of botocore, connections that `CancellableRequests` can end.
"""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from ..retries import one_request_only

_CONNECT_TIMEOUT = 1.0
"""Seconds for a connection and for its TLS handshake, which cannot be ended before; the later request has more."""


class CancellableRequests:
    """The requests of one thread.

    Attributes:
        cancelled: Whether they were cancelled; no further request can be sent then.
    """

    def __init__(self) -> None:
        self.cancelled = False
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._connection: weakref.ref[Any] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Makes what the calling thread sends within the `with` cancellable; no request is repeated there."""
        self._thread = threading.get_ident()
        token = _running.set(self)
        try:
            with one_request_only(True):
                yield
        finally:
            _running.reset(token)
            with self._lock:
                self._connection = None

    def cancel(self) -> None:
        """Ends the request that is running, and has every further one fail; called from another thread."""
        with self._lock:
            self.cancelled = True
            connection = self._connection() if self._connection is not None else None
            # It may be back in its pool, and another thread's by now.
            if connection is not None and connection.used_by == self._thread and connection.sock is not None:
                with suppress(OSError):
                    # That of the base class: TLS would forget its state, while the other thread reads.
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    def use(self, connection: Any) -> None:
        """Notes the connection of a request that is about to be sent.

        Raises:
            ConnectionAbortedError: The requests were cancelled.
        """
        with self._lock:
            if self.cancelled:
                raise ConnectionAbortedError("The login was cancelled.")
            self._connection = weakref.ref(connection)


_running: ContextVar[CancellableRequests | None] = ContextVar("running", default=None)


def with_cancellation(connection_class: Any) -> type:
    """Returns a class of urllib3's connections that `CancellableRequests` can end.

    Args:
        connection_class: The class to derive from.
    """

    class Connection(connection_class):  # type: ignore[misc]
        """A connection that knows the thread that uses it."""

        used_by = 0
        timeout: Any

        def connect(self) -> None:
            self.used_by = threading.get_ident()
            requests = _running.get()
            if requests is not None:
                requests.use(self)
                if isinstance(self.timeout, int | float):
                    self.timeout = min(self.timeout, _CONNECT_TIMEOUT)
            super().connect()
            if requests is not None:
                requests.use(self)  # it may have been cancelled meanwhile

        def putrequest(self, *args: Any, **options: Any) -> None:
            self.used_by = threading.get_ident()
            requests = _running.get()
            if requests is not None:
                requests.use(self)
            super().putrequest(*args, **options)

    Connection.__name__ = connection_class.__name__
    return Connection
