"""Fault injection: WSGI middleware that checks the Host header, counts calls, and adds latency and faults.

`LocalCognito` wraps its application in it; `AwsProxy` uses its functions on sockets.
"""

from __future__ import annotations

import io
import selectors
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.wrappers import Response

from .aws_responses import AWS_RESPONSES
from .model import Fault, Knobs
from .quotas import QuotaEnforcer

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_BODY = 1 << 20
"""Bytes: much more than any form or token here."""
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


def inject_faults(
    app: WSGIApplication, knobs: Knobs, counts: Counter[str], host_names: Collection[str] = ()
) -> WSGIApplication:
    """Returns WSGI middleware (PEP 3333); the endpoint names that it counts are those of the knobs.

    Args:
        app: The application behind it.
        knobs: Latency and faults by endpoint name.
        counts: Calls by endpoint name, and throttled ones by the name with " throttled" after it.
        host_names: Further names that a Host header may contain, of hosts that a web page cannot let resolve to this
            machine.
    """
    quotas = QuotaEnforcer()

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "")
        if not is_loopback_host(host) and host.removesuffix(":443") not in host_names:
            return Response("Wrong Host", 421)(environ, start_response)
        # Buffer the body: it is parsed here for the endpoint's name, and read again by the application.
        length = int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(min(length, MAX_BODY)))
        endpoint = endpoint_name(environ)
        counts[endpoint] += 1
        time.sleep(knobs.latency_of(endpoint))
        if quotas.admit(endpoint, environ.get("REMOTE_ADDR", ""), knobs.quotas):
            fault = knobs.next_fault(endpoint)
        else:
            counts[f"{endpoint} throttled"] += 1
            fault = Fault(**AWS_RESPONSES[knobs.throttled_like])
        if fault is None:
            return app(environ, start_response)
        if fault.kind == "status":
            response = Response(fault.body, fault.status, fault.headers, content_type=fault.content_type)
            return response(environ, start_response)
        if fault.kind in {"drop", "reset", "stall"} and not fault.midway:
            break_connection(fault, environ["werkzeug.socket"])
            return app(environ, start_response)
        return _corrupted(fault, Response.from_app(app, environ, buffered=True), environ, start_response)

    return serve


def _corrupted(
    fault: Fault, response: Response, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterator[bytes]:
    """Sends the real response as the fault changes it."""
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


def endpoint_name(environ: WSGIEnvironment) -> str:
    """Returns the name under which a request is counted."""
    path, target = environ.get("PATH_INFO", ""), environ.get("HTTP_X_AMZ_TARGET", "")
    if path == "/" and target:
        return str(target.rpartition(".")[2])
    if path == "/oauth2/token":
        parts = environ["wsgi.input"].getvalue().split(b"&")
        grant = next((part.partition(b"=")[2] for part in parts if part.startswith(b"grant_type=")), b"")
        return f"token:{grant.decode('latin-1')}" if grant else "token"
    return path.rpartition("/")[2].removesuffix(".json") or "/"


def is_loopback_host(host: str) -> bool:
    """Returns whether a Host header names loopback.

    Any other name is DNS rebinding: a web page that lets its own name resolve to 127.0.0.1.
    """
    try:
        return urlsplit(f"//{host}").hostname in LOOPBACK_NAMES
    except ValueError:
        return False


def shutdown_socket(connection: socket.socket) -> None:
    """Shuts a connection down in both directions."""
    # The client may have closed it already.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def break_connection(fault: Fault, connection: socket.socket) -> None:
    """Breaks a connection as a drop, a reset, a stall or a truncation does.

    Args:
        fault: The fault.
        connection: The client's connection, whose request has been read completely.

    Raises:
        ConnectionResetError: The connection is broken, so there is no response to send.
    """
    if fault.kind == "stall":
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            # The whole request has been read, so only the end of the connection makes it readable.
            if not selector.select(fault.seconds):
                return
    if fault.kind == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        # Sends nothing to the client. It stops the server from waiting for another request.
        connection.shutdown(socket.SHUT_RD)
    else:
        shutdown_socket(connection)
    raise ConnectionResetError


def is_marked_for_reset(connection: socket.socket) -> bool:
    """Returns whether closing the connection will reset it, which requires that it is not shut down first."""
    try:
        return connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_NO_LINGER)) == _NO_LINGER
    except OSError:
        return False
