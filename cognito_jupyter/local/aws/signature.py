"""The signature of an AWS request, in its header or in its query, read and verified as AWS does.

moto verifies signatures too, but not those in a query (presigned URLs), and not every header that a client may sign.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, sigv4-query-string-auth.html and
RESTAuthentication.html (Signature Version 2, which boto3 uses for presigned URLs in some Regions)
"""

from __future__ import annotations

import base64
import calendar
import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from email.message import Message
from urllib.parse import parse_qsl, quote, unquote, urlencode

_ALGORITHM = "AWS4-HMAC-SHA256"
_HEADER = re.compile(
    rf"{_ALGORITHM}\s+Credential=(?P<key>[^/,\s]+)/(?P<scope>[^,\s]+)\s*,"
    r"\s*SignedHeaders=(?P<names>[^,\s]+)\s*,\s*Signature=(?P<signature>[0-9a-f]{64})\s*"
)
_SCOPE = re.compile(r"\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_QUERY_NAMES = frozenset(
    f"X-Amz-{name}"
    for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Security-Token", "Signature")
)
_QUERY_NAMES_V2 = frozenset({"AWSAccessKeyId", "Expires", "Signature", "x-amz-security-token"})
_SUBRESOURCES = frozenset({
    "acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy",
    "requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding",
    "response-content-language", "response-content-type", "response-expires", "restore", "tagging", "torrent",
    "uploadId", "uploads", "versionId", "versioning", "versions", "website",
})  # fmt: skip
"""The parameters that Signature Version 2 signs."""


@dataclass(frozen=True, repr=False)
class Signature:
    """The signature of a request.

    Attributes:
        access_key_id: The access key that it is said to be made with.
        scope: DATE/REGION/SERVICE/aws4_request; for Signature Version 2 one that moto can read.
        service: The service, such as "s3".
        session_token: The session token that came with it.
        signed_at: When it was made, in seconds since the epoch; None if that is missing or malformed.
        expires: When it ends; None for a signature in a header, which is good for one moment only.
        names: The signed headers; empty for Signature Version 2.
        value: The signature itself.
        in_query: Whether it is in the query.
        version: 4 or 2.
    """

    access_key_id: str
    scope: str
    service: str
    session_token: str
    signed_at: float | None
    expires: float | None
    names: tuple[str, ...]
    value: str
    in_query: bool = False
    version: int = 4


def read_signature(target: str, headers: Message) -> Signature | None:
    """Reads a request's signature; None if it has none that AWS knows.

    Args:
        target: The path with the query.
        headers: The headers.
    """
    in_header = _HEADER.fullmatch(headers.get("Authorization", "").strip())
    if in_header is not None:
        scope = _SCOPE.fullmatch(in_header["scope"])
        if scope is None:
            return None
        signed_at = _time(headers.get("X-Amz-Date", ""))
        token = headers.get("X-Amz-Security-Token", "")
        names = tuple(in_header["names"].split(";"))
        return Signature(
            in_header["key"], in_header["scope"], scope[2], token, signed_at, None, names, in_header["signature"]
        )
    query = dict(_query(target))
    if query.get("X-Amz-Algorithm") == _ALGORITHM:
        return _from_query(query)
    if {"AWSAccessKeyId", "Expires", "Signature"} <= query.keys() and query["Expires"].isdecimal():
        scope_of_v2 = "19700101/us-east-1/s3/aws4_request"
        token, expires = query.get("x-amz-security-token", ""), float(query["Expires"])
        key, value = query["AWSAccessKeyId"], query["Signature"]
        return Signature(key, scope_of_v2, "s3", token, 0.0, expires, (), value, in_query=True, version=2)
    return None


def _from_query(query: dict[str, str]) -> Signature | None:
    key, _, scope = query.get("X-Amz-Credential", "").partition("/")
    parts = _SCOPE.fullmatch(scope)
    signed_at, seconds = _time(query.get("X-Amz-Date", "")), query.get("X-Amz-Expires", "")
    if parts is None or signed_at is None or not seconds.isdecimal():
        return None
    names = tuple(query.get("X-Amz-SignedHeaders", "").split(";"))
    token, value = query.get("X-Amz-Security-Token", ""), query.get("X-Amz-Signature", "")
    return Signature(key, scope, parts[2], token, signed_at, signed_at + int(seconds), names, value, in_query=True)


def is_signed_by(  # noqa: PLR0913 - what AWS signs
    signature: Signature, secret_key: str, *, method: str, target: str, headers: Message, body: bytes
) -> bool:
    """Returns whether a request was signed with a secret key.

    Args:
        signature: The request's signature.
        secret_key: The secret key.
        method: The HTTP method.
        target: The path with the query.
        headers: The headers.
        body: The body, which counts only for services that do not send its hash; S3 does.
    """
    if signature.version == 2:
        return hmac.compare_digest(_version_2(signature, secret_key, method, target, headers), signature.value)
    path = target.partition("?")[0]
    # S3 encodes a path once, whatever the client sent; the other services, whose paths are "/" here, encode it twice.
    lines = [
        method,
        quote(unquote(path), safe="/-_.~"),
        "&".join(sorted(f"{_encode(n)}={_encode(v)}" for n, v in _query(target) if n != "X-Amz-Signature")),
        *(f"{name}:{_header(headers, name)}" for name in signature.names),
        "",
        ";".join(signature.names),
        _payload_hash(signature, headers, body),
    ]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    moment = headers.get("X-Amz-Date") if not signature.in_query else dict(_query(target))["X-Amz-Date"]
    to_sign = "\n".join([_ALGORITHM, str(moment), signature.scope, digest])
    key = f"AWS4{secret_key}".encode()
    for part in signature.scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    expected = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return hmac.compare_digest(expected.encode(), signature.value.encode())


def _payload_hash(signature: Signature, headers: Message, body: bytes) -> str:
    given: str | None = headers.get("X-Amz-Content-SHA256")
    if given is not None:
        return given
    if signature.service == "s3" and signature.in_query:
        return "UNSIGNED-PAYLOAD"
    return hashlib.sha256(body).hexdigest()


def _version_2(signature: Signature, secret_key: str, method: str, target: str, headers: Message) -> str:
    amz = {name.lower(): _header(headers, name) for name in headers if name.lower().startswith("x-amz-")}
    if signature.session_token:
        amz["x-amz-security-token"] = signature.session_token
    signed = sorted((name, value) for name, value in _query(target) if name in _SUBRESOURCES)
    resource = target.partition("?")[0]
    if signed:
        resource += "?" + "&".join(name if value == "" else f"{name}={value}" for name, value in signed)
    lines = [
        method,
        headers.get("Content-MD5", ""),
        headers.get("Content-Type", ""),
        str(int(signature.expires or 0)),
        *(f"{name}:{amz[name]}" for name in sorted(amz)),
        resource,
    ]
    return base64.b64encode(hmac.digest(secret_key.encode(), "\n".join(lines).encode(), "sha1")).decode()


def without_signature(target: str) -> str:
    """Returns a path and its query without the parameters of a signature."""
    path, mark, _ = target.partition("?")
    left = [(n, v) for n, v in _query(target) if n not in _QUERY_NAMES and n not in _QUERY_NAMES_V2]
    return f"{path}{mark}{urlencode(left, quote_via=quote)}" if left else path


def _query(target: str) -> list[tuple[str, str]]:
    return parse_qsl(target.partition("?")[2], keep_blank_values=True)


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")


def _header(headers: Message, name: str) -> str:
    return ",".join(" ".join(str(value).split()) for value in headers.get_all(name, []))


def _time(text: str) -> float | None:
    try:
        return float(calendar.timegm(time.strptime(text, "%Y%m%dT%H%M%SZ")))
    except ValueError:
        return None
