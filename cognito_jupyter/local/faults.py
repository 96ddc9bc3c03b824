"""What stands before the application: the Host check, call counts, latency and faults, down to the socket."""

from __future__ import annotations

import io
import selectors
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from .model import Fault, Knobs

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_BODY = 1 << 20
"""Bytes: far more than any form or token here."""
_NO_LINGER = struct.pack("ii", 1, 0)
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]


class FaultInjection:
    """WSGI middleware; the endpoint names it counts are those of the knobs.

    Attributes:
        counts: Calls by endpoint name.
    """

    def __init__(self, app: WSGIApp, knobs: Knobs, counts: Counter[str]) -> None:
        self._app = app
        self._knobs = knobs
        self.counts = counts

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request (PEP 3333)."""
        if not is_loopback_host(environ.get("HTTP_HOST", "")):
            return Response("Wrong Host", 421)(environ, start_response)
        _buffer_body(environ)
        endpoint = endpoint_name(environ)
        self.counts[endpoint] += 1
        time.sleep(self._knobs.latency_of(endpoint))
        fault = self._knobs.next_fault(endpoint)
        if fault is None:
            return self._app(environ, start_response)
        return self._respond_with_fault(fault, environ, start_response)

    def _respond_with_fault(self, fault: Fault, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if fault.kind == "status":
            answer = Response(fault.body, fault.status, fault.headers, content_type=fault.content_type)
            return answer(environ, start_response)
        if fault.kind in {"drop", "reset", "stall"} and not fault.midway:
            break_connection(fault, environ["werkzeug.socket"])
            return self._app(environ, start_response)
        return _corrupted_response(fault, Response.from_app(self._app, environ, buffered=True), environ, start_response)


def is_loopback_host(host: str) -> bool:
    """Whether a Host header names loopback: a web page can make the browser resolve its own name to 127.0.0.1."""
    try:
        return urlsplit(f"//{host}").hostname in LOOPBACK_NAMES
    except ValueError:
        return False


def shutdown_socket(connection: socket.socket) -> None:
    """Ends a connection without a word."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The client was faster.
        return


def break_connection(fault: Fault, connection: socket.socket) -> None:
    """Does to a connection what a drop, a reset, a stall or a truncation does.

    Raises:
        ConnectionResetError: There is nobody to answer any more.
    """
    if fault.kind == "stall" and not _client_closed(connection, fault.seconds):
        return
    if fault.kind == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        # The client is not told of this: it is for the server, which would wait for another request.
        connection.shutdown(socket.SHUT_RD)
    else:
        shutdown_socket(connection)
    raise ConnectionResetError


def is_marked_for_reset(connection: socket.socket) -> bool:
    """Whether a reset has struck: closing does it, as long as nobody shuts the connection down in good order first."""
    try:
        return connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_NO_LINGER)) == _NO_LINGER
    except OSError:
        return False


def _client_closed(connection: socket.socket, seconds: float) -> bool:
    """Waits, and tells whether the client hung up meanwhile: its whole request has been read, so nothing else comes."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(seconds))


def _corrupted_response(
    fault: Fault, response: Response, environ: Environ, start_response: StartResponse
) -> Iterator[bytes]:
    """The real answer, as a fault leaves it."""
    body = response.get_data()
    if fault.kind == "label":
        response.content_type = fault.content_type
    start_response(response.status, list(response.headers))
    match fault.kind:
        case "label":
            yield body
        case "drip":
            for byte in body:
                yield bytes([byte])
                time.sleep(fault.seconds)
        case _:
            yield body[: len(body) // 2]
            break_connection(fault, environ["werkzeug.socket"])
            yield body[len(body) // 2 :]


def endpoint_name(environ: Environ) -> str:
    """The name under which a request is counted."""
    path, target = environ.get("PATH_INFO", ""), environ.get("HTTP_X_AMZ_TARGET", "")
    if path == "/" and target:
        return str(target.rpartition(".")[2])
    if path == "/oauth2/token":
        return _token_endpoint_name(environ)
    name = path.removeprefix("/oauth2/").rpartition("/")[2].removesuffix(".json")
    return name or "/"


def _token_endpoint_name(environ: Environ) -> str:
    body: bytes = environ["wsgi.input"].getvalue()
    grant = next((part.partition(b"=")[2] for part in body.split(b"&") if part.startswith(b"grant_type=")), b"")
    return f"token:{grant.decode('latin-1')}" if grant else "token"


def _buffer_body(environ: Environ) -> None:
    """Takes the body in, so that it can be looked at and read again."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(min(length, MAX_BODY)))
