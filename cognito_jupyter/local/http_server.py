"""A threaded HTTP server for loopback addresses that leaves no thread, connection or port behind when it stops.

`LocalCognito` serves its WSGI application with it, `AwsProxy` its own request handler. It never logs: request lines
contain authorization codes.
"""

from __future__ import annotations

import errno
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from typing import Any
from wsgiref.types import WSGIApplication

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from .faults import is_marked_for_reset, shutdown_socket

_BIND_ATTEMPTS = 20
"""How many free ports of 127.0.0.1 are tried until one is free on ::1 too."""
_NO_IPV6 = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})
"""What a system says that can use IPv6, and has it switched off."""
_CLOSE_TIMEOUT = 5.0
"""Seconds for which `stop` waits for the thread of each connection."""


class RequestHandler(WSGIRequestHandler):
    """Serves the application of its server on one connection."""

    server: LoopbackServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Returns the Date header by the server's own clock, so that clients can notice a clock skew."""
        return super().date_time_string(self.server.clock() if timestamp is None else timestamp)

    def log(self, *args: object) -> None:
        """Logs nothing."""


class LoopbackServer(ThreadedWSGIServer):
    """Listens on one loopback address and tracks its connections, so that it can close them.

    Args:
        host: The address: 127.0.0.1 or ::1, unless somebody wanted another one.
        port: The port; 0 takes a free one.
        app: The WSGI application.
        handler: The class that serves a connection.
        tls: The context for https; None for http.
        clock: Seconds since the epoch, for the Date header.
    """

    daemon_threads = True

    def __init__(  # noqa: PLR0913 - what a server needs, most of it with a default
        self,
        host: str,
        port: int,
        app: WSGIApplication,
        handler: type[RequestHandler] = RequestHandler,
        *,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float],
    ) -> None:
        self.clock = clock
        self._connections: dict[Any, threading.Thread] = {}
        self._lock = threading.Lock()
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listening:
            if sys.platform != "win32":  # there it would let other programs take the port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(self.request_queue_size)
            # Werkzeug duplicates the descriptor. Its own bind would end the process if the port were in use.
            super().__init__(host, listening.getsockname()[1], app, handler, ssl_context=tls, fd=listening.fileno())
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="local-server", daemon=True)

    def start(self) -> None:
        """Starts to accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """Frees the port, closes every connection and waits for their threads."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()
        with self._lock:
            connections = list(self._connections.items())
        for connection, _ in connections:
            shutdown_socket(connection)
        for _, thread in connections:
            thread.join(_CLOSE_TIMEOUT)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serves a connection in a thread of its own.

        Args:
            request: The connection's socket.
            client_address: The address of the client.
        """
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._lock:
            self._connections[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """Closes a connection, by a TCP reset where a fault asked for one."""
        with self._lock:
            self._connections.pop(request, None)
        if is_marked_for_reset(request):
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, *args: object) -> None:
        """Ignores errors of a connection: clients close connections early, and so do injected faults."""


def bind_both_loopbacks(
    app: WSGIApplication,
    port: int,
    *,
    tls: ssl.SSLContext | None,
    clock: Callable[[], float],
    address: str | None = None,
) -> list[LoopbackServer]:
    """Binds the same port on 127.0.0.1 and ::1; only on 127.0.0.1 where the machine has no IPv6.

    Args:
        app: The WSGI application.
        port: The port; 0 takes one that is free on both addresses.
        tls: The context for https; None for http.
        clock: Seconds since the epoch, for the Date header.
        address: Another address to listen on in place of these; None: none.

    Raises:
        OSError: The port is in use.
    """
    if address is not None:
        return [LoopbackServer(address, port, app, tls=tls, clock=clock)]
    for attempts_left in reversed(range(_BIND_ATTEMPTS)):
        first = LoopbackServer("127.0.0.1", port, app, tls=tls, clock=clock)
        try:
            return [first, LoopbackServer("::1", first.port, app, tls=tls, clock=clock)]
        except OSError as error:
            if error.errno in _NO_IPV6 or not socket.has_ipv6:
                return [first]
            first.server_close()
            if port or not attempts_left:
                raise
    raise AssertionError("unreachable")
