"""What stands before the application: the Host check, call counts, latency and faults, down to the socket."""

from __future__ import annotations

import io
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from .model import Fault, Knobs

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
LARGEST_BODY = 1 << 20
"""Bytes: far more than any form or token here."""
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


class Weather:
    """WSGI middleware; the endpoint names it counts are those of the knobs.

    Attributes:
        counts: Calls by endpoint name.
    """

    def __init__(self, app: App, knobs: Knobs, counts: Counter[str]) -> None:
        self._app = app
        self._knobs = knobs
        self.counts = counts

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request (PEP 3333)."""
        if not addressed_to_loopback(environ.get("HTTP_HOST", "")):
            return Response("Wrong Host", 421)(environ, start_response)
        _read_body(environ)
        endpoint = _named(environ)
        self.counts[endpoint] += 1
        time.sleep(self._knobs.pause_of(endpoint))
        fault = self._knobs.take_fault(endpoint)
        if fault is None:
            return self._app(environ, start_response)
        return self._failing(fault, environ, start_response)

    def _failing(self, fault: Fault, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        match fault.kind:
            case "status":
                answer = Response(fault.body, fault.status, fault.headers, content_type=fault.content_type)
                return answer(environ, start_response)
            case "stall":
                time.sleep(fault.seconds)
                return self._app(environ, start_response)
            case "truncate":
                return _half(environ, self._app, start_response)
            case "drop":
                hang_up(environ["werkzeug.socket"])
                raise ConnectionResetError


def addressed_to_loopback(host: str) -> bool:
    """Whether a Host header names loopback: a web page can make the browser resolve its own name to 127.0.0.1."""
    try:
        return urlsplit(f"//{host}").hostname in LOOPBACK_NAMES
    except ValueError:
        return False


def hang_up(connection: socket.socket) -> None:
    """Ends a connection without a word."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The client was faster.
        return


def _half(environ: Environ, app: App, start_response: StartResponse) -> Iterator[bytes]:
    """The real answer's headers, half of its body, and then nothing more."""
    answer = Response.from_app(app, environ, buffered=True)
    body = answer.get_data()
    start_response(answer.status, list(answer.headers))
    yield body[: len(body) // 2]
    hang_up(environ["werkzeug.socket"])


def _named(environ: Environ) -> str:
    """The name under which a request is counted."""
    path, target = environ.get("PATH_INFO", ""), environ.get("HTTP_X_AMZ_TARGET", "")
    if path == "/" and target:
        return str(target.rpartition(".")[2])
    if path == "/oauth2/token":
        return _grant(environ)
    name = path.removeprefix("/oauth2/").rpartition("/")[2].removesuffix(".json")
    return name or "/"


def _grant(environ: Environ) -> str:
    body: bytes = environ["wsgi.input"].getvalue()
    grant = next((part.partition(b"=")[2] for part in body.split(b"&") if part.startswith(b"grant_type=")), b"")
    return f"token:{grant.decode('latin-1')}" if grant else "token"


def _read_body(environ: Environ) -> None:
    """Takes the body in, so that it can be looked at and read again."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(min(length, LARGEST_BODY)))
