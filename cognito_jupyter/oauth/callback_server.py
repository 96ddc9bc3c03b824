"""The loopback listener: waits for the one answer that belongs to its login and is not moved by anything else.

Source: RFC 8252, sections 7.3 and 8.3; RFC 9700, section 4.1.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Self

from ..errors import ListenerError
from . import callback_pages as page
from .authorization_response import AuthorizationResponse, parse_query
from .redirect_uri import LOOPBACK_NAMES, parse_host_header

CONNECTION_TIMEOUT = 5.0
"""Seconds that a connection may stay silent."""
_MAX_CONNECTIONS = 128
_CLOSE_TIMEOUT = 1.0  # seconds that a page on its way to the browser gets before its connection is cut
_EPHEMERAL_TRIES = 20
_NO_IPV6 = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})


class CallbackOutcome(enum.Enum):
    """What an answer meant to the one who waits for it, and so which page the browser shows."""

    ACCEPTED = "accepted"
    ERROR = "denied"
    ALREADY_FINISHED = "late"
    STATE_MISMATCH = "stranger"

    @property
    def page(self) -> page.CallbackPage:
        """The page that tells the person."""
        match self:
            case CallbackOutcome.ACCEPTED:
                return page.SIGNED_IN
            case CallbackOutcome.ERROR:
                return page.SIGN_IN_ERROR
            case CallbackOutcome.ALREADY_FINISHED:
                return page.ALREADY_FINISHED
            case CallbackOutcome.STATE_MISMATCH:
                return page.NOT_FOUND


class OAuthCallbackHandler(BaseHTTPRequestHandler):
    """Answers one request: the callback by its verdict, everything else with a 404 that says nothing."""

    server: OAuthCallbackServer
    timeout = CONNECTION_TIMEOUT

    def do_GET(self) -> None:
        """The one method that a browser's redirect uses."""
        path, _, query = self.path.partition("?")
        response = parse_query(query) if self._is_callback_request(path) else None
        self._send_page(page.NOT_FOUND if response is None else self.server.on_response(response).page)

    def _is_callback_request(self, path: str) -> bool:
        # A page on another site can make the browser resolve its own name to 127.0.0.1; the Host header tells.
        hosts = self.headers.get_all("Host", [])
        return path == self.server.path and len(hosts) == 1 and parse_host_header(hosts[0]) in self.server.allowed_hosts

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """In place of the standard library's page, which repeats parts of the request."""
        self.close_connection = True
        self._send_page(page.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else page.NOT_FOUND)

    def _send_page(self, response_page: page.CallbackPage) -> None:
        self.send_response(response_page.status)
        for name, value in page.HEADERS:
            self.send_header(name, value)
        if response_page is page.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET")
        self.send_header("Content-Length", str(len(response_page.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response_page.body)

    def version_string(self) -> str:
        """The Server header: which Python this is concerns nobody."""
        return "cognito_jupyter"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Says nothing: the request line holds the code."""


class OAuthCallbackServer(HTTPServer):
    """Listens on 127.0.0.1 and ::1 at once, in a thread, and judges every answer that arrives.

    Without a `judge` it knows no state: it takes the first well-formed answer into `result`, and its caller compares.

    Args:
        server_address: A loopback name and a port; port 0 takes a free one.
        RequestHandlerClass: The handler of a request.
        on_response: Decides about every well-formed answer; called from the threads of the connections.
        path: The exact path of the callback.
        host: A further Host that may be named beside the loopback names: the redirect URI's own.

    Attributes:
        result: The answer taken; all its fields are None until one came.

    Raises:
        ListenerError: The port is not free on both loopback addresses (a ConnectionError).
    """

    # On POSIX this lets a port be taken again right after a login, never while another process listens on it.
    allow_reuse_address = sys.platform != "win32"
    request_queue_size = 1024  # a full queue makes the browser wait a second for its next try

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
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        if server_address[0] not in LOOPBACK_NAMES:
            raise ListenerError("The listener for the callback listens on loopback only.", "Use localhost.")
        super().__init__(server_address, RequestHandlerClass, bind_and_activate=False)
        self.socket.close()
        self._listeners = _listen_on_both_loopbacks(server_address[1], self.request_queue_size)
        self.socket = self._listeners[0]
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.socket.getsockname()[1]
        self._wake_reader, self._wake_writer = socket.socketpair()

    # -- serving

    def start(self) -> None:
        """Serves in a daemon thread, until `server_close`; a second call does nothing."""
        with self._lock:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._serve, name="cognito-callback-listener", daemon=True)
                self._thread.start()

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Serves until another thread calls `shutdown` or `server_close`."""
        self.start()
        while not self._closed.wait(poll_interval):
            pass

    def handle_request(self) -> None:
        """Serves until the answer has come, or for `timeout` seconds; stray requests do not end it."""
        self.start()
        self.response_received.wait(self.timeout)

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            for listener in (*self._listeners, self._wake_reader):
                selector.register(listener, selectors.EVENT_READ)
            while not self._closed.is_set():
                for key, _ in selector.select():
                    if key.fileobj is not self._wake_reader:
                        self._accept_connection(key.fileobj)  # type: ignore[arg-type] # only sockets are registered

    def _accept_connection(self, listener: socket.socket) -> None:
        try:
            connection, address = listener.accept()
        except OSError:
            # The browser has gone again, or this process is short of descriptors: the listener stays.
            time.sleep(0.001)
            return
        connection.setblocking(True)
        self.process_request(connection, address)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers in a thread of its own: a browser's spare connection sends nothing and must hold up nobody."""
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
            self._drop_oldest_connection()
            self._connections[request] = thread
            thread.start()

    def _drop_oldest_connection(self) -> None:
        """Noise must not use up the threads; the genuine answer is always among the newest."""
        if len(self._connections) >= _MAX_CONNECTIONS:
            _disconnect(next(iter(self._connections)))

    def _handle_connection(self, request: socket.socket, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except OSError:
            # The browser went away in the middle; what counts has been judged before the page was sent.
            pass
        finally:
            with self._lock:
                self._connections.pop(request, None)
            self.shutdown_request(request)

    def _accept_first(self, response: AuthorizationResponse) -> CallbackOutcome:
        with self._lock:
            if self.response_received.is_set():
                return CallbackOutcome.ALREADY_FINISHED
            self.result = response
            self.response_received.set()
        return CallbackOutcome.ERROR if response.error else CallbackOutcome.ACCEPTED

    # -- ending

    def shutdown(self) -> None:
        """Ends serving and closes the listener: it is made for one login."""
        self.server_close()

    def server_close(self) -> None:
        """Frees the port, lets a page on its way arrive, ends connections and threads; a second call does nothing."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
            connections = list(self._connections.items())
        self._wake_writer.send(b"x")
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        for listener in (*self._listeners, self._wake_reader, self._wake_writer):
            listener.close()
        _close_connections(connections)

    def __enter__(self) -> Self:
        return self


def _listen_on_both_loopbacks(port: int, backlog: int) -> list[socket.socket]:
    """Listening sockets on 127.0.0.1 and, unless this machine has no IPv6, on ::1, at the same port.

    Both or none: another user's process on the other address would be handed the code.
    """
    for _ in range(_EPHEMERAL_TRIES if port == 0 else 1):
        listeners: list[socket.socket] = []
        try:
            listeners.append(_listen(socket.AF_INET, "127.0.0.1", port, backlog))
            listeners.append(_listen(socket.AF_INET6, "::1", listeners[0].getsockname()[1], backlog))
        except OSError as error:
            if listeners and (error.errno in _NO_IPV6 or not socket.has_ipv6):
                return listeners
            for listener in listeners:
                listener.close()
            problem = error
        else:
            return listeners
    raise _listener_error(port, problem)


def _listen(family: socket.AddressFamily, host: str, port: int, backlog: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(backlog)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _listener_error(port: int, error: OSError) -> ListenerError:
    if error.errno in {errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)}:
        return ListenerError(
            f"Port {port} is in use by another program, so the answer of the sign-in could not be received.",
            f"Close what uses port {port}, or register a further redirect URI and add it to redirect_uri.",
        )
    if error.errno == errno.EACCES:
        return ListenerError(
            f"This user may not listen on port {port}.",
            "Register a redirect URI with a port above 1023, such as http://localhost:3000.",
        )
    return ListenerError(
        f"The listener for the callback could not be opened on port {port}: {error.strerror}.",
        "Check that this machine's loopback interface is up, or paste the address instead.",
    )


def _close_connections(connections: list[tuple[socket.socket, threading.Thread]]) -> None:
    """Ends idle connections at once and gives those in the middle of an answer a moment."""
    for connection, _ in connections:
        _shutdown_socket(connection, socket.SHUT_RD)
    deadline = time.monotonic() + _CLOSE_TIMEOUT
    for connection, thread in connections:
        if thread is threading.current_thread():
            continue
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            _disconnect(connection)
            thread.join(_CLOSE_TIMEOUT)


def _disconnect(connection: socket.socket) -> None:
    _shutdown_socket(connection, socket.SHUT_RDWR)


def _shutdown_socket(connection: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):  # already closed by its own thread
        connection.shutdown(how)
