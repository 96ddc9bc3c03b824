"""The gate before moto: lets signed requests pass untouched, and refuses expired and unknown keys as AWS does.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html;
https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import calendar
import http.client
import re
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.sax.saxutils import escape

from .faults import (
    break_connection,
    is_loopback_host,
    is_marked_for_reset,
    shutdown_socket,
)
from .issued_keys import IssuedKeys
from .model import Fault, Knobs

_CHUNK = 1 << 16
_MAX_SKEW = 15 * 60
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/[^/]+/([a-z0-9-]+)/aws4_request")
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
)


@dataclass(frozen=True)
class SignedRequest:
    """One request that came to the gate.

    Attributes:
        role_arn: Whose key signed it; None for a key that nobody was given.
        status: What was answered; 0 where the connection was dropped.
    """

    method: str
    path: str
    service: str
    access_key_id: str
    role_arn: str | None
    status: int


@dataclass(frozen=True)
class AwsError:
    """An AWS error."""

    status: int
    code: str
    message: str


class AwsProxy:
    """A reverse proxy on 127.0.0.1.

    Args:
        upstream_port: Tells moto's port, once there is one.
        issued_keys: Who may sign, and until when.
        knobs: Latency, faults and the clock; the endpoints are "gate:s3", "gate:sts", "gate:iam".
        counts: Calls by endpoint name.

    Attributes:
        requests: The last requests, and which role signed each.
    """

    def __init__(
        self, upstream_port: Callable[[], int], issued_keys: IssuedKeys, knobs: Knobs, counts: Counter[str]
    ) -> None:
        self.upstream_port = upstream_port
        self.issued_keys = issued_keys
        self.knobs = knobs
        self.counts = counts
        self.requests: deque[SignedRequest] = deque(maxlen=10_000)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="local-gate", daemon=True
        )

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Frees the port; no thread and no connection is left."""
        self._server.close_connections()
        self._thread.join()

    def authorize(self, access_key_id: str, token: str | None, date: str | None) -> AwsError | None:
        """Why a signed request may not pass; None where it may."""
        key = self.issued_keys.find(access_key_id)
        if key is None:
            return AwsError(
                403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."
            )
        if token != key.session_token:
            return AwsError(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        if self.issued_keys.is_expired(key):
            return AwsError(400, "ExpiredToken", "The provided token has expired.")
        try:
            signed = calendar.timegm(time.strptime(date or "", "%Y%m%dT%H%M%SZ"))
        except ValueError:
            return AwsError(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
        if abs(signed - self.knobs.now()) > _MAX_SKEW:
            message = "The difference between the request time and the current time is too large."
            return AwsError(403, "RequestTimeTooSkewed", message)
        return None


class _Server(ThreadingHTTPServer):
    """Knows its connections, so that it can end them."""

    daemon_threads = True
    request_queue_size = 128
    proxy: AwsProxy

    def __init__(self, *args: Any) -> None:
        self._open: dict[Any, threading.Thread] = {}
        self._guard = threading.Lock()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._guard:
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.pop(request, None)
        if is_marked_for_reset(request):
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: clients hang up, and so do our own faults."""

    def close_connections(self) -> None:
        self.shutdown()
        self.server_close()
        with self._guard:
            connections = list(self._open.items())
        for connection, _ in connections:
            shutdown_socket(connection)
        for _, thread in connections:
            thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    """One connection; keeps it open, as S3 does."""

    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Says nothing."""

    def setup(self) -> None:
        super().setup()
        self._endpoint = "gate:s3"
        self._upstream = http.client.HTTPConnection("127.0.0.1", self.server.proxy.upstream_port(), timeout=60)
        # Otherwise Nagle and delayed acknowledgements add 40 ms to every small answer.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def _handle(self) -> None:
        gate = self.server.proxy
        found = _CREDENTIAL.search(self.headers.get("Authorization", ""))
        access_key_id, service = found.groups() if found else ("", "s3")
        self._endpoint = f"gate:{service}"
        gate.counts[self._endpoint] += 1
        time.sleep(gate.knobs.latency_of(self._endpoint))
        key = gate.issued_keys.find(access_key_id)
        self._signer = (service, access_key_id, key.role_arn if key else None)
        self._respond(service, access_key_id, signed=found is not None)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header, by the server's own clock."""
        return super().date_time_string(self.server.proxy.knobs.now() if timestamp is None else timestamp)

    def send_response_only(self, code: int, message: str | None = None) -> None:
        """Also enters the request into the list: before its client can know, and ask the list."""
        if code != HTTPStatus.CONTINUE:
            self._record(code)
        super().send_response_only(code, message)

    def _record(self, status: int) -> None:
        path = self.path.partition("?")[0]
        self.server.proxy.requests.append(SignedRequest(self.command, path, *self._signer, status))

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _handle  # noqa: N815 - http.server's names

    def _respond(self, service: str, access_key_id: str, *, signed: bool) -> None:
        gate = self.server.proxy
        if not is_loopback_host(self.headers.get("Host", "")):
            self._send_error(service, AwsError(403, "AccessDenied", "Wrong Host"))
            return
        if not signed:
            self._send_error(service, AwsError(403, "AccessDenied", "Access Denied"))
            return
        refusal = gate.authorize(
            access_key_id, self.headers.get("X-Amz-Security-Token"), self.headers.get("X-Amz-Date")
        )
        if refusal is not None:
            self._send_error(service, refusal)
            return
        fault = gate.knobs.next_fault(self._endpoint)
        if fault is not None and fault.kind == "status":
            self._send_error(service, AwsError(fault.status, "InternalError", fault.body))
            return
        self._forward(fault)

    def _send_error(self, service: str, error: AwsError) -> None:
        if service != "s3":
            error = _as_query_error(error)
        body = _error_xml(service, error)
        # The rest of the body would be taken for the next request.
        self.close_connection = True
        self.send_response(error.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self._drain_request()

    def _drain_request(self) -> None:
        """Reads what the client still sends: closing before would reset the connection and lose the answer."""
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(2)
        try:
            while self.rfile.read1(_CHUNK):
                pass
        except OSError:
            return

    def _forward(self, fault: Fault | None) -> None:
        if fault is not None and fault.kind in {"drop", "reset", "stall"}:
            if fault.kind != "stall":
                self._record(0)
            break_connection(fault, self.connection)
        self._upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        for name, value in self.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self._upstream.putheader(name, value)
        if chunked:
            self._upstream.putheader("Transfer-Encoding", "chunked")
        self._upstream.endheaders(_request_body(self, chunked=chunked), encode_chunked=chunked)
        self._relay_response(self._upstream.getresponse(), truncate=fault is not None and fault.kind == "truncate")

    def _relay_response(self, response: http.client.HTTPResponse, *, truncate: bool) -> None:
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        length = response.getheader("Content-Length")
        bodyless = self.command == "HEAD" or response.status in {204, 304}
        if length is None and not bodyless:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        left = int(length or 0) // 2 if truncate else None
        while not bodyless and (part := response.read(_CHUNK if left is None else min(_CHUNK, left))):
            self.wfile.write(part if length is not None else b"%x\r\n%s\r\n" % (len(part), part))
            left = None if left is None else left - len(part)
        if truncate:
            self._upstream.close()
            self.wfile.flush()
            shutdown_socket(self.connection)
            self.close_connection = True
            return
        response.read()
        if length is None and not bodyless:
            self.wfile.write(b"0\r\n\r\n")


def _request_body(handler: _Handler, *, chunked: bool) -> Iterator[bytes] | None:
    """The request's body as it comes, never all of it at once."""
    if chunked:
        return _read_chunks(handler)
    left = int(handler.headers.get("Content-Length") or 0)
    return _read_length(handler, left) if left else None


def _read_length(handler: _Handler, left: int) -> Iterator[bytes]:
    while left:
        part = handler.rfile.read1(min(_CHUNK, left))
        if not part:
            raise ConnectionResetError
        left -= len(part)
        yield part


def _read_chunks(handler: _Handler) -> Iterator[bytes]:
    while size := int(handler.rfile.readline(100).split(b";")[0], 16):
        yield from _read_length(handler, size)
        handler.rfile.readline(2)
    while handler.rfile.readline(_CHUNK) not in {b"\r\n", b"\n", b""}:
        pass


def _as_query_error(error: AwsError) -> AwsError:
    """STS and IAM say the same things in other words."""
    match error.code:
        case "ExpiredToken":
            return AwsError(403, "ExpiredToken", "The security token included in the request is expired")
        case "InvalidAccessKeyId" | "InvalidToken":
            return AwsError(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        case "RequestTimeTooSkewed":
            return AwsError(403, "SignatureDoesNotMatch", "Signature expired or not yet current.")
        case _:
            return error


def _error_xml(service: str, refusal: AwsError) -> bytes:
    error = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    if service == "s3":
        return f"{head}<Error>{error}<RequestId>local</RequestId></Error>".encode()
    error = f"<Error><Type>Sender</Type>{error}</Error>"
    return f"{head}<ErrorResponse>{error}<RequestId>local</RequestId></ErrorResponse>".encode()
