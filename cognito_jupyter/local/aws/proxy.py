"""A reverse proxy in front of moto that authenticates signed requests.

It verifies signatures, also those of presigned URLs, and refuses expired and unknown credentials with the errors of
AWS. moto, which never expires credentials, decides by the policies of their role.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html;
https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import http.client
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from xml.sax.saxutils import escape

from werkzeug.exceptions import NotFound

from ..faults import break_connection, is_loopback_host, shutdown_socket
from ..http_server import LoopbackServer, RequestHandler
from ..model import Fault, IssuedKey, Knobs
from .signature import Signature, is_signed_by, read_signature, without_signature

_CHUNK = 1 << 16
_MAX_SKEW = 15 * 60
"""Seconds by which the clock of a client may differ, as at AWS."""
_MAX_PRESIGNED = 7 * 86_400
"""Seconds for which a presigned URL may be valid."""
_MAX_QUERY_API_BODY = 1 << 20
"""Bytes of a request to STS or IAM, which must be read whole before its signature can be verified."""
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
)


@dataclass(frozen=True)
class SignedRequest:
    """A request that the proxy received.

    Attributes:
        method: The HTTP method.
        path: The path, without the query.
        service: The service that it was signed for, such as "s3".
        access_key_id: The access key that signed it; empty for an unsigned request.
        role_arn: The role of that key; None for a key that was never issued.
        status: The status of the response; 0 where the connection was dropped.
    """

    method: str
    path: str
    service: str
    access_key_id: str
    role_arn: str | None
    status: int


@dataclass(frozen=True)
class AwsError:
    """An AWS error response.

    Attributes:
        status: The HTTP status.
        code: The error code, such as "ExpiredToken".
        message: The message.
    """

    status: int
    code: str
    message: str


_INVALID_CREDENTIALS = AwsError(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
_QUERY_ERRORS = {
    "ExpiredToken": AwsError(403, "ExpiredToken", "The security token included in the request is expired"),
    "InvalidAccessKeyId": _INVALID_CREDENTIALS,
    "InvalidToken": _INVALID_CREDENTIALS,
    "RequestTimeTooSkewed": AwsError(403, "SignatureDoesNotMatch", "Signature expired or not yet current."),
}
"""What STS and IAM return in place of S3's errors."""


class AwsProxy(LoopbackServer):
    """Listens on an address, 127.0.0.1 by default, and forwards authorized requests to moto.

    Args:
        upstream_port: Returns moto's port; may block until moto has started.
        issued_keys: The credentials that may sign requests, by their access key.
        knobs: Latency, faults and the clock; the endpoints are "s3", "sts" and "iam".
        counts: Calls by endpoint name.
        address: The address to listen on.
        port: The port; 0 takes a free one.

    Attributes:
        requests: The last requests, with the role that signed each.
        url: The endpoint URL for clients.
    """

    def __init__(  # noqa: PLR0913 - what a proxy needs, the last two with a default
        self,
        upstream_port: Callable[[], int],
        issued_keys: Mapping[str, IssuedKey],
        knobs: Knobs,
        counts: Counter[str],
        *,
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        # The handler responds to every request itself, so the application is never called.
        super().__init__(address, port, NotFound(), _ProxyHandler, clock=knobs.now)
        self.upstream_port = upstream_port
        self.issued_keys = issued_keys
        self.knobs = knobs
        self.counts = counts
        self.requests: deque[SignedRequest] = deque(maxlen=10_000)
        self.url = f"http://127.0.0.1:{self.port}"


class _ProxyHandler(RequestHandler):
    """Serves one connection, and leaves it open between requests as S3 does."""

    server: AwsProxy

    def setup(self) -> None:
        super().setup()
        self._signer: tuple[str, str, str | None] = ("s3", "", None)
        self._upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream_port(), timeout=60)
        # Without this, Nagle's algorithm and delayed acknowledgements add 40 ms to every small response.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def run_wsgi(self) -> None:
        """Handles a request of any method: werkzeug calls this for all of them."""
        proxy = self.server
        signature = read_signature(self.path, self.headers)
        service = signature.service if signature else "s3"
        proxy.counts[service] += 1
        time.sleep(proxy.knobs.latency_of(service))
        key = proxy.issued_keys.get(signature.access_key_id) if signature else None
        self._signer = (service, signature.access_key_id if signature else "", key.role_arn if key else None)
        length = int(self.headers.get("Content-Length") or 0)
        whole = service != "s3" and length <= _MAX_QUERY_API_BODY
        body = self.rfile.read(length) if whole else None
        error = self._authentication_error(signature, key, body or b"")
        fault = proxy.knobs.next_fault(service) if error is None else None
        if fault is not None and fault.kind == "status":
            error = AwsError(fault.status, "InternalError", fault.body)
        if error is not None:
            self._send_error(service, error)
        elif signature is not None:
            self._forward(signature, body, fault)

    def _authentication_error(  # noqa: PLR0911 - one for each check
        self, signature: Signature | None, key: IssuedKey | None, body: bytes
    ) -> AwsError | None:
        """Returns why the request is refused, in S3's words; None if it is authentic."""
        if not is_loopback_host(self.headers.get("Host", "")):
            return AwsError(403, "AccessDenied", "Wrong Host")
        if signature is None:
            return AwsError(403, "AccessDenied", "Access Denied")
        if key is None:
            message = "The AWS Access Key Id you provided does not exist in our records."
            return AwsError(403, "InvalidAccessKeyId", message)
        if signature.version == 2 and not key.role_arn.startswith("arn:aws:"):
            message = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
            return AwsError(400, "InvalidRequest", message)
        if signature.session_token != key.session_token:
            return AwsError(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        now = self.server.knobs.now()
        if key.expires <= now:
            return AwsError(400, "ExpiredToken", "The provided token has expired.")
        error = _time_error(signature, now)
        if error is not None:
            return error
        secret_key, method, headers = key.secret_key, self.command, self.headers
        if not is_signed_by(signature, secret_key, method=method, target=self.path, headers=headers, body=body):
            message = "The request signature we calculated does not match the signature you provided."
            return AwsError(403, "SignatureDoesNotMatch", f"{message} Check your key and signing method.")
        return None

    def send_response_only(self, code: int, message: str | None = None) -> None:
        """Records the request before its client can read the response and look at the record."""
        if code != HTTPStatus.CONTINUE:
            self._record(code)
        super().send_response_only(code, message)

    def _record(self, status: int) -> None:
        path = self.path.partition("?")[0]
        self.server.requests.append(SignedRequest(self.command, path, *self._signer, status))

    def _send_error(self, service: str, error: AwsError) -> None:
        if service != "s3":
            error = _QUERY_ERRORS.get(error.code, error)
        content = f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
        if service == "s3":
            content = f"<Error>{content}<RequestId>local</RequestId></Error>"
        else:
            content = f"<Error><Type>Sender</Type>{content}</Error><RequestId>local</RequestId>"
            content = f"<ErrorResponse>{content}</ErrorResponse>"
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{content}'.encode()
        # Otherwise the rest of the request's body would be read as the next request.
        self.close_connection = True
        self.send_response(error.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        # Read what the client still sends: closing earlier would reset the connection and lose the response.
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(2)
        with suppress(OSError):
            while self.rfile.read1(_CHUNK):
                pass

    def _forward(self, signature: Signature, read: bytes | None, fault: Fault | None) -> None:
        if fault is not None and fault.kind in {"drop", "reset", "stall"}:
            if fault.kind != "stall":
                self._record(0)
            break_connection(fault, self.connection)
        target = without_signature(self.path) if signature.in_query else self.path
        self._upstream.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        for name, value in self.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self._upstream.putheader(name, value)
        if signature.in_query:
            # moto finds the role of a request in its headers alone.
            credential = f"{signature.access_key_id}/{signature.scope}"
            self._upstream.putheader("Authorization", f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host")
            self._upstream.putheader("X-Amz-Security-Token", signature.session_token)
        if chunked:
            self._upstream.putheader("Transfer-Encoding", "chunked")
        # Forward the body piece by piece as it arrives, so that it is never all in memory.
        body = self._read_chunks() if chunked else self._read_length(int(self.headers.get("Content-Length") or 0))
        self._upstream.endheaders(body if read is None else read, encode_chunked=chunked)
        self._relay_response(self._upstream.getresponse(), truncate=fault is not None and fault.kind == "truncate")

    def _read_length(self, length: int) -> Iterator[bytes]:
        while length:
            part = self.rfile.read1(min(_CHUNK, length))
            if not part:
                raise ConnectionResetError
            length -= len(part)
            yield part

    def _read_chunks(self) -> Iterator[bytes]:
        # Not werkzeug's DechunkedInput, which rejects trailers.
        while size := int(self.rfile.readline(100).split(b";")[0], 16):
            yield from self._read_length(size)
            self.rfile.readline(2)
        while self.rfile.readline(_CHUNK) not in {b"\r\n", b"\n", b""}:
            pass

    def _relay_response(self, response: http.client.HTTPResponse, *, truncate: bool) -> None:
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        length = response.getheader("Content-Length")
        has_body = self.command != "HEAD" and response.status not in {204, 304}
        chunked = length is None and has_body
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        left = int(length or 0) // 2 if truncate else None
        while has_body and (part := response.read(_CHUNK if left is None else min(_CHUNK, left))):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
            left = None if left is None else left - len(part)
        if truncate:
            self._upstream.close()
            self.wfile.flush()
            shutdown_socket(self.connection)
            self.close_connection = True
            return
        response.read()
        if chunked:
            self.wfile.write(b"0\r\n\r\n")


def _time_error(signature: Signature, now: float) -> AwsError | None:
    """Returns why a signature is not valid at a time; None if it is."""
    if signature.signed_at is None:
        return AwsError(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
    if signature.expires is None:
        if abs(signature.signed_at - now) > _MAX_SKEW:
            message = "The difference between the request time and the current time is too large."
            return AwsError(403, "RequestTimeTooSkewed", message)
    elif signature.version == 4 and signature.expires - signature.signed_at > _MAX_PRESIGNED:
        message = f"X-Amz-Expires must be less than a week (in seconds): {_MAX_PRESIGNED} seconds"
        return AwsError(400, "AuthorizationQueryParametersError", message)
    elif signature.signed_at > now + _MAX_SKEW:
        return AwsError(403, "AccessDenied", "Request is not valid yet")
    elif signature.expires <= now:
        return AwsError(403, "AccessDenied", "Request has expired")
    return None
