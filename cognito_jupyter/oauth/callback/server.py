"""The loopback server that receives the browser's redirect after a sign-in.

`Login` starts one, and `CognitoOAuthAuthenticator.start_local_server` returns one. It hands every well-formed
authorization response to `on_response`, which decides what the response means. The server itself never compares the
state, never exchanges a code and never logs a request. It also serves the page that takes the browser to the sign-in.

Sources: RFC 8252, sections 7.3 and 8.3; RFC 9700, section 4.1.
"""

from __future__ import annotations

import contextlib
import functools
import hmac
import os
import secrets
import selectors
import socket
import threading
import time
import weakref
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from ..._util.http.loopback import listen_on_both_loopbacks, peer_user_id
from ..._util.redaction import SecretText
from ..._util.threads.waiting import join_in_slices, wait_in_slices
from ...errors import ListenerError
from ...settings.parsers import LOOPBACK_NAMES
from ..authorization_response import AuthorizationResponse, CallbackOutcome, parse_query
from ..redirect_uri import parse_host_header
from . import pages
from .connections import (
    HostHeaderReader,
    close_connections,
    let_peer_close_first,
    listener_error,
    shutdown_socket,
)

CONNECTION_TIMEOUT = 5.0
"""Seconds that a connection may stay silent."""
_MAX_CONNECTIONS = 128


class OAuthCallbackHandler(BaseHTTPRequestHandler):
    """Handles one request: the callback gets the page of its outcome, any other request a 404 without details."""

    server: OAuthCallbackServer
    timeout = CONNECTION_TIMEOUT

    def do_GET(self) -> None:
        """Handles GET, the only method of a browser's redirect."""
        path, _, query = SecretText(self.path).partition("?")
        if self.server.is_start_page(path):
            self._send_start_page()
            return
        response = parse_query(query) if self._has_allowed_host() else None
        if response is None:
            self._send_page(pages.NOT_FOUND)
            return
        # At another path it is the response to another login, with another redirect URI at this port.
        is_callback = path == self.server.path
        outcome = self.server.on_response(response) if is_callback else CallbackOutcome.STATE_MISMATCH
        self._send_page(pages.page_for(outcome, response))

    def parse_request(self) -> bool:
        """Parses the request line and the Host header; other headers may be many and long."""
        connection, self.rfile = self.rfile, HostHeaderReader(self.rfile)
        try:
            return super().parse_request()
        finally:
            self.rfile = connection
            self.server.note_request(self.connection)

    def _send_start_page(self) -> None:
        """Sends the browser on to the sign-in page. The path is a secret, so any Host may name it: proxies do."""
        if peer_user_id(self.connection) not in {None, 0, getattr(os, "geteuid", int)()}:
            self._send_page(pages.NOT_FOUND)  # another user has read it in a list of processes
            return
        url = self.server.take_start_url()
        if url is None:
            self._send_page(pages.LINK_USED)
            return
        if self.server.returns_here and self._is_at_another_port():
            self._send_page(pages.port_not_forwarded(url, self.server.server_port))
            return
        self.server.browser_returns = self.server.returns_here and self._is_reached_at_own_address()
        self.send_response(HTTPStatus.FOUND)
        self.send_header("Location", url)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def _is_at_another_port(self) -> bool:
        """Returns whether the browser's computer forwards another port to this one: Cognito sends it to this one's."""
        host = self.headers.get("Host", "")
        return parse_host_header(host) in LOOPBACK_NAMES and not host.endswith(f":{self.server.server_port}")

    def _is_reached_at_own_address(self) -> bool:
        """Returns whether the browser reaches this port at the same address on loopback, not through a web proxy."""
        forwarded = any(name.lower().startswith(("forwarded", "x-forwarded-")) for name in self.headers)
        return not forwarded and self._has_allowed_host() and not self._is_at_another_port()

    def _has_allowed_host(self) -> bool:
        # DNS rebinding: a page on another site can make its own name resolve to 127.0.0.1. The Host header shows it.
        hosts = self.headers.get_all("Host", [])
        return len(hosts) == 1 and parse_host_header(hosts[0]) in self.server.allowed_hosts

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 - the base class's signature
        """Sends a fixed page instead of the standard library's, which repeats parts of the request.

        Args:
            code: The status that the base class chose.
            message: Not used.
            explain: Not used.
        """
        self.close_connection = True
        match code:
            case HTTPStatus.NOT_IMPLEMENTED:
                page = pages.METHOD_NOT_ALLOWED
            case HTTPStatus.REQUEST_URI_TOO_LONG | HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
                page = pages.REQUEST_TOO_LARGE
            case _:
                page = pages.NOT_FOUND
        self._send_page(page)

    def _send_page(self, page: pages.CallbackPage) -> None:
        self.server.note_request(self.connection)  # a request line that is too long is refused before it is parsed
        self.send_response(page.status)
        for name, value in pages.HEADERS:
            self.send_header(name, value)
        if page is pages.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET")
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    def version_string(self) -> str:
        """Returns the Server header, without the version of Python."""
        return "cognito_jupyter"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Logs nothing, because the request line holds the code."""


class OAuthCallbackServer(HTTPServer):
    """Listens on 127.0.0.1 and ::1 in a thread and hands every authorization response to a callback.

    Without `on_response` the server knows no state: it accepts the first well-formed response into `result`, and the
    caller compares the state.

    Args:
        server_address: A loopback name and a port; with port 0 the system chooses a free one.
        RequestHandlerClass: The handler of a request.
        on_response: Decides about every well-formed response; called from the connections' threads.
        path: The exact path of the callback.
        host: The redirect URI's own host, which a Host header may name besides the loopback names.

    Attributes:
        result: The accepted response; all its fields are None before one has arrived.
        browser_returns: Whether a browser has opened the start page at the address that it is sent back to later.
        stop: Stops listening without waiting for anything, from any thread; `server_close` ends connections, too.

    Raises:
        ListenerError: The port is not free on both loopback addresses (a ConnectionError).
    """

    request_queue_size = 1024  # if the queue is full, a browser waits a second before it tries again

    def __init__(
        self,
        server_address: tuple[str, int],
        RequestHandlerClass: type[BaseHTTPRequestHandler] = OAuthCallbackHandler,  # noqa: N803 - socketserver's name
        *,
        on_response: Callable[[AuthorizationResponse], CallbackOutcome] | None = None,
        path: str = "/",
        host: str = "localhost",
    ) -> None:
        self.result = AuthorizationResponse()
        self.on_response = on_response or self._accept_first
        self.path = path
        self.allowed_hosts = LOOPBACK_NAMES | {host.lower()}
        self.response_received = threading.Event()
        self.returns_here = self.browser_returns = False
        self._start_path = ""
        self._start_url: SecretText | None = None
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._with_request: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        if server_address[0] not in LOOPBACK_NAMES:
            raise ListenerError("The callback server listens only on loopback.", "Use localhost.")
        super().__init__(server_address, RequestHandlerClass, bind_and_activate=False)
        self.socket.close()
        failure: ListenerError | None = None
        try:
            self._listeners = listen_on_both_loopbacks(server_address[1], self.request_queue_size)
        except OSError as error:
            failure = listener_error(server_address[1], error)
        if failure is not None:
            raise failure
        self.socket = self._listeners[0]
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.socket.getsockname()[1]
        self._wake_reader, self._wake_writer = socket.socketpair()
        sockets = [*self._listeners, self._wake_reader, self._wake_writer]
        self._started = threading.Event()
        self._owner_pid = os.getpid()
        self.stop = functools.partial(_stop, self._closed, self._started, sockets, self._owner_pid)
        # A server that is dropped without being closed stops, too: nothing can read its result any more.
        weakref.finalize(self, self.stop).atexit = False

    # -- serving

    def start(self) -> None:
        """Serves in a daemon thread until `server_close`; a second call does nothing."""
        with self._lock:
            if self._thread is None and not self._closed.is_set():
                self._started.set()
                self._thread = threading.Thread(
                    target=_serve,
                    args=(weakref.ref(self), self._closed, self._listeners, self._wake_reader, self._wake_writer),
                    name="cognito-callback-listener",
                    daemon=True,
                )
                self._thread.start()

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Serves until another thread calls `shutdown` or `server_close`.

        Args:
            poll_interval: Seconds between two checks whether the server is closed.
        """
        self.start()
        while not wait_in_slices(self._closed, poll_interval):
            pass

    def handle_request(self) -> None:
        """Serves until a response is accepted, or for `timeout` seconds; other requests do not end it."""
        self.start()
        wait_in_slices(self.response_received, self.timeout)

    def accept_connection(self, listener: socket.socket) -> None:
        """Accepts a connection and handles it in a thread of its own.

        Args:
            listener: The socket that a connection waits at.
        """
        try:
            connection, address = listener.accept()
        except OSError:
            # The browser has closed the connection, or this process has no free file descriptor: keep listening.
            time.sleep(0.001)
            return
        connection.setblocking(True)
        self.process_request(connection, address)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handles a connection in its own thread, so that a browser's idle spare connections block no other.

        Args:
            request: The connection's socket.
            client_address: The client's address.
        """
        thread = threading.Thread(
            target=self._handle_connection,
            args=(request, client_address),
            name="cognito-callback-connection",
            daemon=True,
        )
        with self._lock:
            if self._closed.is_set():
                request.close()
                return
            # A connection stays here until its thread has ended, so that `server_close` misses none.
            self._connections = {each: other for each, other in self._connections.items() if other.is_alive()}
            if len(self._connections) >= _MAX_CONNECTIONS:
                # Idle connections must not use up the threads. The oldest goes: the callback is among the newest.
                shutdown_socket(next(iter(self._connections)))
            self._connections[request] = thread
            thread.start()

    def note_request(self, connection: socket.socket) -> None:
        """Notes that a request has arrived on a connection, which therefore gets a response.

        Args:
            connection: The connection.
        """
        with self._lock:
            self._with_request.add(connection)

    def _handle_connection(self, request: socket.socket, client_address: Any) -> None:
        try:
            # OSError: the browser closed the connection. The response was handled before its page was sent.
            with contextlib.suppress(OSError):
                self.finish_request(request, client_address)
                let_peer_close_first(request, wait=request in self._with_request)
        finally:
            self.shutdown_request(request)

    def _accept_first(self, response: AuthorizationResponse) -> CallbackOutcome:
        with self._lock:
            if self.response_received.is_set():
                return CallbackOutcome.ALREADY_FINISHED
            self.result = response
            self.response_received.set()
        return CallbackOutcome.ERROR if response.error else CallbackOutcome.ACCEPTED

    # -- the page that starts the sign-in

    def add_start_page(self, url: str, *, returns_here: bool = False) -> str:
        """Serves a page, once, that sends the browser on, so that no list of processes shows where to.

        Args:
            url: Where the browser is sent on to; it holds the state of a login.
            returns_here: Whether the browser comes back from there to this server's port.

        Returns:
            The address of the page, on loopback; it is worthless as soon as it was opened.
        """
        with self._lock:
            self._start_path = f"/start/{secrets.token_urlsafe(24)}"
            self._start_url = SecretText(url)
            self.returns_here = returns_here
        return f"http://localhost:{self.server_port}{self._start_path}"

    def is_start_page(self, path: str) -> bool:
        """Returns whether a path is that of the start page, perhaps below the prefix of a proxy."""
        expected = self._start_path.encode()
        return bool(expected) and hmac.compare_digest(path.encode(errors="replace")[-len(expected) :], expected)

    def take_start_url(self) -> str | None:
        """Returns where the start page leads to; None if it was opened before."""
        with self._lock:
            url, self._start_url = self._start_url, None
        return url

    # -- closing

    def shutdown(self) -> None:
        """Closes the server, which serves only one login."""
        self.server_close()

    def server_close(self) -> None:
        """Frees the port, finishes responses in transit, ends connections and threads; a second call does nothing."""
        if os.getpid() != self._owner_pid:
            # A forked child has copies of the sockets. The connections are the parent's, and so is the lock.
            for opened in (*self._listeners, self._wake_reader, self._wake_writer):
                opened.close()
            return
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
            connections = list(self._connections.items())
            for connection, _ in connections:
                if connection not in self._with_request:
                    shutdown_socket(connection, socket.SHUT_RD)  # it is idle
        with contextlib.suppress(OSError):  # the thread has just ended
            self._wake_writer.send(b"x")
        if self._thread is not None and self._thread is not threading.current_thread():
            join_in_slices(self._thread)
        for opened in (*self._listeners, self._wake_reader, self._wake_writer):
            opened.close()
        close_connections(connections)


def _serve(
    server: weakref.ref[OAuthCallbackServer],
    closed: threading.Event,
    listeners: list[socket.socket],
    wake_reader: socket.socket,
    wake_writer: socket.socket,
) -> None:
    """Accepts connections until the server is closed or dropped, which it does not prevent."""
    with selectors.DefaultSelector() as selector:
        for readable in (*listeners, wake_reader):
            selector.register(readable, selectors.EVENT_READ)
        while not closed.is_set():
            for key, _ in selector.select():
                found = server()
                if key.fileobj is not wake_reader and found is not None and not closed.is_set():
                    found.accept_connection(key.fileobj)  # type: ignore[arg-type] # only sockets are registered
                del found
    for opened in (*listeners, wake_reader, wake_writer):
        opened.close()


def _stop(closed: threading.Event, started: threading.Event, sockets: list[socket.socket], owner_pid: int) -> None:
    """Makes the server's thread close the sockets; takes no lock, since a garbage collection may call it anywhere."""
    # A forked child has copies of the sockets, and no thread: a byte from it would reach the parent's.
    if closed.is_set() or os.getpid() != owner_pid:
        return
    closed.set()
    if started.is_set():
        with contextlib.suppress(OSError):  # the thread may have ended by itself, and closed them
            sockets[-1].send(b"x")
        return
    for opened in sockets:
        opened.close()
