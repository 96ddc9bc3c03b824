"""HTTP requests to the user pool: connections, timeouts, retries, and responses that must be JSON.

The authenticator and `discovery` use it. Nothing here knows OAuth: it neither reads nor logs a token.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeAlias, TypeVar, cast
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError, LocationValueError, NewConnectionError
from urllib3.response import BaseHTTPResponse

from .._util.http.ca_bundle import explain_tls_error, requests_ca_bundle
from .._util.http.requests_session import new_requests_session
from .._util.logs.redaction import install_redaction
from .._util.process_local import InterruptibleClient
from .._util.redaction import Secret, redacted, without_frames
from .._util.retries import ThrottledRetries, may_repeat
from .._util.threads.waiting import run_interruptibly, sleep_in_slices
from .._util.timeouts import DEFAULT_TIMEOUTS, Timeouts, parse_retry_after
from ..errors import UnavailableError

_MAX_BODY = 1 << 20
"""Bytes."""
_MAX_RETRY_AFTER = 10.0
"""Seconds: if the server asks for a longer delay, the caller gets the error at once."""
_RETRYABLE_STATUSES = frozenset({500, 502, 503, 504})
_THROTTLED = re.compile(r"(\S*#)?(too[ _]?many[ _]?requests|throttl|(request )?rate (limit )?exceeded)", re.IGNORECASE)
_TRY_AGAIN = "Try again; check the network or the VPN."


@dataclass(frozen=True, repr=False)
class JsonResponse:
    """A JSON object that a server sent; it has no repr, because it may hold tokens.

    Attributes:
        status: The HTTP status.
        payload: The object.
    """

    status: int
    payload: Mapping[str, object]


@dataclass(frozen=True, repr=False)
class PageResponse:
    """What a server sent in place of a page; it has no repr, because a redirect's URL may hold a state.

    Attributes:
        status: The HTTP status.
        location: Where it redirects to, as an absolute URL; None: it does not redirect.
        text: The body, if it is text.
    """

    status: int
    location: str | None
    text: str


class ForbiddenError(UnavailableError):
    """The response was a refusal that is not OAuth's, as a firewall sends it; it says nothing about the request."""


@dataclass(frozen=True)
class _RequestFailure:
    """Why a request got no usable response.

    Attributes:
        error: The error for the caller.
        sent: Whether the server may have received the request.
        retryable: Whether the fault may be transient.
        throttled: Whether the server received too many requests.
    """

    error: UnavailableError
    sent: bool = True
    retryable: bool = True
    throttled: bool = False


_Response = TypeVar("_Response", JsonResponse, PageResponse)
_ReadResponse: TypeAlias = Callable[[requests.Response, str, float], _Response | _RequestFailure]
"""Reads a response of a host until a deadline by the monotonic clock."""


class Transport:
    """A pool of connections to Cognito, which all threads share.

    Proxies come from HTTPS_PROXY and NO_PROXY, the CA certificates from `requests_ca_bundle`.

    Args:
        now: Returns seconds since the epoch, by the clock whose skew is measured.
        timeouts: The timeouts and the delays between retries.

    Attributes:
        clock_skew: The server's clock minus this machine's, by the last response's Date header; zero before one.
    """

    def __init__(self, now: Callable[[], float] = time.time, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> None:
        self._now = now
        self._timeouts = timeouts
        # A forked child opens its own connections: two processes on one TLS connection break it for both.
        self._session = InterruptibleClient(new_requests_session)
        self.clock_skew = timedelta(0)

    def post_form(
        self,
        url: str,
        form: Mapping[str, str],
        *,
        idempotent: bool,
        allow_empty: bool = False,
        client_secret: Secret | None = None,
    ) -> JsonResponse:
        """Posts a form (RFC 6749, appendix B).

        Args:
            url: The endpoint.
            form: The fields; they never reach an error or a log.
            idempotent: Whether it may be sent again after the server may have received it. A code exchange may not, not
                even if it was throttled: whether Cognito has spent the code then is documented nowhere, and a server
                that sees a code twice should revoke what it issued for it (RFC 6749, section 4.1.2).
            allow_empty: Whether a 200 without a body is a valid response, as for a revocation.
            client_secret: The secret of the app client whose id the form has (RFC 6749, section 2.3.1); None: it has
                none.

        Raises:
            UnavailableError: No response came, or one that is not JSON.
        """
        headers = _basic_authentication(form["client_id"], client_secret) if client_secret is not None else {}
        request = requests.Request("POST", url, headers, data=redacted(form))
        return self._send(request, idempotent, _read_json_or_empty if allow_empty else _read_json)

    def get_json(self, url: str) -> JsonResponse:
        """Fetches a JSON object.

        Raises:
            UnavailableError: No response came, or one that is not JSON.
        """
        return self._send(requests.Request("GET", url), True, _read_json)

    def get_page(self, url: str) -> PageResponse:
        """Requests a page as a browser without cookies does, and does not follow a redirect.

        Raises:
            UnavailableError: No response came, or one that is a server's fault or a firewall's.
        """
        return self._send(requests.Request("GET", url), True, _read_page)

    def preconnect(self, url: str) -> None:
        """Opens a connection for later use with one cheap request, whose response and errors are ignored."""
        self._send_once(requests.Request("GET", url), _read_json_or_empty)

    def _send(self, request: requests.Request, idempotent: bool, read: _ReadResponse[_Response]) -> _Response:
        install_redaction()
        delays = iter(self._timeouts.retry_delays)
        throttled_retries = ThrottledRetries(self._timeouts.throttling)
        while True:
            outcome = self._send_once(request, read)
            if not isinstance(outcome, _RequestFailure):
                return outcome
            delay, retry_after = None, outcome.error.retry_after
            if may_repeat() and outcome.retryable and (idempotent or not outcome.sent):
                if outcome.throttled:
                    delay = throttled_retries.next_delay(retry_after)
                elif retry_after <= _MAX_RETRY_AFTER and (next_delay := next(delays, None)) is not None:
                    # Added to what the server asks for, because it asks others for the same.
                    delay = retry_after + next_delay * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, no secret
            if delay is None:
                # Raised outside of any `except`: the library's exception holds the request, and with it the secrets.
                raise outcome.error
            sleep_in_slices(delay)

    def _send_once(self, request: requests.Request, read: _ReadResponse[_Response]) -> _Response | _RequestFailure:
        session = self._session.begin_call()
        outcome = run_interruptibly(lambda: self._send_with(session, request, read))
        self._session.end_call()
        return outcome

    def _send_with(
        self, session: requests.Session, request: requests.Request, read: _ReadResponse[_Response]
    ) -> _Response | _RequestFailure:
        host = urlsplit(request.url).netloc.rpartition("@")[2]
        try:
            prepared = session.prepare_request(request)
            settings = session.merge_environment_settings(prepared.url, {}, stream=True, verify=None, cert=None)
            bundle = requests_ca_bundle()
            if bundle is not None and not os.path.exists(bundle.path) and request.url.startswith("https:"):
                return _tls_failure(host)  # requests raises a bare OSError
            settings["verify"] = bundle.path if bundle is not None else True
            sent_at = time.monotonic()
            deadline = sent_at + self._timeouts.total
            timeout = self._timeouts.connect, self._timeouts.read
            with session.send(prepared, timeout=timeout, allow_redirects=False, **settings) as response:
                self._update_clock_skew(response, sent_at)
                return read(response, host, deadline)
        except (requests.RequestException, HTTPError) as error:
            return _network_error(error, host)
        except BaseException as error:  # noqa: BLE001 - raised again
            # An interrupt, or what no library should raise: their frames hold the request's body.
            raise without_frames(error)  # noqa: B904 - there is nothing that it comes from

    def _update_clock_skew(self, response: requests.Response, sent_at: float) -> None:
        try:
            server_time = parsedate_to_datetime(response.headers["Date"])
        except (KeyError, ValueError):
            return
        if server_time.tzinfo is not None:
            # The middle of the request: now, minus half of the elapsed monotonic time. A wall clock that was set
            # during the request does not distort it.
            local_time = datetime.fromtimestamp(self._now() - (time.monotonic() - sent_at) / 2, UTC)
            # The header has whole seconds: on average the true time is half a second later.
            skew = server_time + timedelta(seconds=0.5) - local_time
            self.clock_skew = skew if abs(skew) > timedelta(seconds=2) else timedelta(0)


def _basic_authentication(client_id: str, client_secret: Secret) -> Mapping[str, str]:
    """Returns the header as AWS describes it, without the encoding of RFC 6749: both are letters, digits, _ and +.

    Source: https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
    """
    credentials = Secret(b64encode(f"{client_id}:{client_secret.reveal()}".encode()).decode())
    return redacted({"Authorization": f"Basic {credentials.reveal()}"})


def _read_json(
    response: requests.Response, host: str, deadline: float, *, allow_empty: bool = False
) -> JsonResponse | _RequestFailure:
    status = response.status_code
    body = _read_body(cast("BaseHTTPResponse", response.raw), deadline)
    if body is None:
        return _response_timeout(host)
    if allow_empty and status == HTTPStatus.OK and not body:
        return JsonResponse(status, {})
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if (failure := _failure_of_server(response, host, payload)) is not None:
        return failure
    if isinstance(payload, dict):
        return JsonResponse(status, redacted(payload))
    error = _not_json(host, status, body, response.headers.get("Content-Type", ""))
    return _RequestFailure(error, retryable=False)


def _read_json_or_empty(response: requests.Response, host: str, deadline: float) -> JsonResponse | _RequestFailure:
    return _read_json(response, host, deadline, allow_empty=True)


def _read_page(response: requests.Response, host: str, deadline: float) -> PageResponse | _RequestFailure:
    body = _read_body(cast("BaseHTTPResponse", response.raw), deadline)
    if body is None:
        return _response_timeout(host)
    # A 403 without a firewall's header may be a page of Cognito's own.
    if (failure := _failure_of_server(response, host, {"error": ""})) is not None:
        return failure
    location = response.headers.get("Location")
    absolute = urljoin(response.url, location) if location is not None else None
    return PageResponse(response.status_code, absolute, body.decode("utf-8", "replace"))


def _failure_of_server(response: requests.Response, host: str, payload: object) -> _RequestFailure | None:
    """Returns the failure of a response that is throttled, a server's fault or a firewall's; None: it is none."""
    status = response.status_code
    retry_after = parse_retry_after(response.headers.get("Retry-After"))
    if _is_throttled(status, payload):
        what, remedy = f"{host} is throttling: too many requests at once.", "Wait a minute, then try again."
        return _RequestFailure(UnavailableError(what, remedy, retry_after), throttled=True)
    if status in _RETRYABLE_STATUSES:
        error = UnavailableError(f"{host} failed with HTTP {status}.", "Try again in a minute.", retry_after)
        return _RequestFailure(error)
    if _is_from_firewall(response, payload):
        return _RequestFailure(_forbidden(host, status), retryable=False)
    return None


def _response_timeout(host: str) -> _RequestFailure:
    return _RequestFailure(UnavailableError(f"The response of {host} took too long.", _TRY_AGAIN))


def _read_body(raw: BaseHTTPResponse, deadline: float) -> bytes | None:
    """Returns the body; None if it is too large, or not complete by the deadline."""
    body = b""
    while chunk := raw.read1(1 << 16, decode_content=True):
        body += chunk
        if len(body) > _MAX_BODY or time.monotonic() > deadline:
            return None
    return body


def _is_throttled(status: int, payload: object) -> bool:
    """Returns whether a response means too many requests: HTTP 429, or HTTP 400 with AWS's words for it.

    Which of them the token endpoint sends is not documented; Cognito's other endpoints send TooManyRequestsException
    and "Rate exceeded" or "Too many requests", with HTTP 400 (aws/aws-sdk-java#2301).
    """
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    if status != HTTPStatus.BAD_REQUEST or not isinstance(payload, dict):
        return False
    words = (str(payload.get(name, "")) for name in ("error", "error_description", "__type", "code", "message"))
    return any(_THROTTLED.match(word) for word in words)


def _is_from_firewall(response: requests.Response, payload: object) -> bool:
    """Returns whether a firewall sent the response: Cognito's own refusals have an `error` (RFC 6749, section 5.2).

    Source: https://docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-how-it-works.html
    """
    has_error = isinstance(payload, dict) and "error" in payload
    return "x-amzn-waf-action" in response.headers or (response.status_code == HTTPStatus.FORBIDDEN and not has_error)


def _forbidden(host: str, status: int) -> ForbiddenError:
    return ForbiddenError(
        f"A firewall refused the request to {host} (HTTP {status}).",
        "Ask the administrator of the user pool whether AWS WAF blocks this machine's address; a proxy may do it, too.",
    )


def _not_json(host: str, status: int, body: bytes, content_type: str) -> UnavailableError:
    if 300 <= status < 400:
        what = f"{host} redirected to another address instead of responding (HTTP {status})."
    elif not body.strip():
        what = f"{host} sent an empty response (HTTP {status})."
    elif "html" in content_type or body.lstrip()[:1] == b"<":
        what = f"{host} sent a web page instead of JSON (HTTP {status})."
    else:
        what = f"{host} sent a response that is not a JSON object (HTTP {status})."
    return UnavailableError(what, "Check the Cognito domain; a proxy or the network's own sign-in page may interfere.")


def _network_error(error: Exception, host: str) -> _RequestFailure:
    """Translates a fault below HTTP. It does not show the library's message, which can hold the request."""
    sent = retryable = True
    what, remedy = f"The connection to {host} broke before the response was complete.", _TRY_AGAIN
    match error:
        case requests.exceptions.SSLError():
            return _tls_failure(host)
        case _ if _has_unusable_proxy(error):
            sent = retryable = False
            what = "The URL of the proxy cannot be used."
            remedy = "Check HTTPS_PROXY and HTTP_PROXY; a SOCKS proxy needs the package pysocks."
        case requests.exceptions.ProxyError():
            what, remedy = f"The proxy did not let the request to {host} through.", "Check HTTPS_PROXY."
        case requests.exceptions.InvalidURL():
            retryable = False
            what, remedy = f"{host} is not a valid address.", "Check the Cognito domain."
        case requests.exceptions.ReadTimeout():
            what = f"{host} did not respond in time."
        case _ if _never_connected(error):
            sent = False
            what, remedy = (
                f"{host} could not be reached.",
                "Check the network, the VPN, the proxy and the domain's name.",
            )
    return _RequestFailure(UnavailableError(what, remedy), sent, retryable)


def _has_unusable_proxy(error: Exception) -> bool:
    """Returns whether a proxy's URL is malformed, or of an unknown scheme. The request's own has been parsed before."""
    inner = error.args[0] if error.args else None
    if isinstance(error, requests.exceptions.InvalidURL) and isinstance(inner, LocationValueError):
        return True
    return isinstance(
        error, requests.exceptions.InvalidProxyURL | requests.exceptions.InvalidSchema | LocationValueError
    )


def _tls_failure(host: str) -> _RequestFailure:
    reason, remedy = explain_tls_error(requests_ca_bundle())
    error = UnavailableError(f"The TLS certificate of {host} could not be verified{reason}.", remedy)
    return _RequestFailure(error, retryable=False)


def _never_connected(error: Exception) -> bool:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    inner = error.args[0] if error.args else None
    return isinstance(getattr(inner, "reason", None), NewConnectionError)
