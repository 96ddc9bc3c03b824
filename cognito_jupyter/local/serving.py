"""A threaded HTTP server on both loopback addresses that leaves nothing behind when it stops."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler

from .faults import WSGIApp, is_marked_for_reset, shutdown_socket

_BIND_ATTEMPTS = 20


class _Handler(WSGIRequestHandler):
    """Logs nothing, since request lines hold codes."""

    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 60

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header: by the server's own clock, so that clients can notice that one is wrong."""
        return super().date_time_string(self.server.clock() if timestamp is None else timestamp)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Says nothing."""


class _Server(ThreadedWSGIServer):
    """Knows its connections, so that it can end them."""

    daemon_threads = True
    clock: Callable[[], float] = staticmethod(time.time)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._connections: dict[Any, threading.Thread] = {}
        self._lock = threading.Lock()
        super().__init__(*args, **kwargs)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers in a thread of its own."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._lock:
            self._connections[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """Forgets the connection."""
        with self._lock:
            self._connections.pop(request, None)
        if is_marked_for_reset(request):
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: clients hang up, and so do our own faults."""

    def close_connections(self) -> None:
        """Stops serving, ends every connection and its thread."""
        self.shutdown()
        self.server_close()
        with self._lock:
            connections = list(self._connections.items())
        for connection, _ in connections:
            shutdown_socket(connection)
        for _, thread in connections:
            thread.join(5)


class LoopbackServer:
    """Serves an application at one port of 127.0.0.1 and ::1.

    Args:
        app: What to serve.
        port: 0 takes a free one.
        tls: For https.
        clock: Seconds since the epoch, for the Date header.
    """

    def __init__(
        self,
        app: WSGIApp,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._servers = _bind_loopbacks(app, port, tls)
        for server in self._servers:
            server.clock = clock
        self.port: int = self._servers[0].port
        self._threads = [
            threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name="local-cognito"
            )
            for server in self._servers
        ]

    def start(self) -> None:
        """Begins to answer."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Frees the port; no thread and no connection is left."""
        for server in self._servers:
            server.close_connections()
        for thread in self._threads:
            thread.join()


def _bind_loopbacks(app: WSGIApp, port: int, tls: ssl.SSLContext | None) -> list[_Server]:
    for attempt in range(_BIND_ATTEMPTS):
        first = _bind_server(socket.AF_INET, "127.0.0.1", app, port, tls)
        try:
            return [first, _bind_server(socket.AF_INET6, "::1", app, first.port, tls)]
        except OSError:
            if not socket.has_ipv6:
                return [first]
            first.server_close()
            if port or attempt == _BIND_ATTEMPTS - 1:
                raise
    raise AssertionError


def _bind_server(family: int, host: str, app: WSGIApp, port: int, tls: ssl.SSLContext | None) -> _Server:
    with socket.socket(family) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
        # Werkzeug duplicates the descriptor; its own bind ends the process where a port is taken.
        server: BaseWSGIServer = _Server(
            host, listening.getsockname()[1], app, _Handler, ssl_context=tls, fd=listening.fileno()
        )
        assert isinstance(server, _Server)
        return server
