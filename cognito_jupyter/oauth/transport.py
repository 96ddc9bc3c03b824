"""HTTP to Cognito: one session, timeouts, repetition where repeating is safe, and answers checked to be JSON."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import cast
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.response import BaseHTTPResponse

from .._util.process_local import ProcessLocal
from .._util.timeouts import DEFAULT_TIMEOUTS, Timeouts, parse_retry_after
from ..errors import UnavailableError

_MAX_BODY = 1 << 20
_MAX_RETRY_AFTER = 10.0
_RETRYABLE_STATUSES = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, repr=False)
class JsonResponse:
    """A JSON object that a server sent.

    Attributes:
        status: The HTTP status.
        payload: The object; it may hold tokens, so no repr shows it.
    """

    status: int
    payload: Mapping[str, object]


@dataclass(frozen=True)
class _RequestFailure:
    """Why there is no answer, and whether the same request may be sent again."""

    error: UnavailableError
    sent: bool = True
    retryable: bool = True


class Transport:
    """One connection pool to a Cognito, used by all threads.

    Proxies come from HTTPS_PROXY and NO_PROXY, the CA bundle from REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or AWS_CA_BUNDLE.

    Args:
        now: Seconds since the epoch, by the clock whose skew is measured.
        timeouts: How long it waits.

    Attributes:
        clock_skew: The server's clock minus this machine's, by the last answer's Date header; zero until one came.
    """

    def __init__(self, now: Callable[[], float] = time.time, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> None:
        self._now = now
        self._timeouts = timeouts
        # A forked child opens connections of its own: two processes on one TLS connection break it for both.
        self._session = ProcessLocal(_new_session)
        self.clock_skew = timedelta(0)

    def post_form(
        self, url: str, form: Mapping[str, str], *, idempotent: bool, allow_empty: bool = False
    ) -> JsonResponse:
        """Posts a form (RFC 6749, appendix B).

        Args:
            url: Where to.
            form: The fields; they never reach an error or a log.
            idempotent: Whether it may be sent again after it may have been received: a code exchange may not.
            allow_empty: Whether a 200 without a body is an answer, as a revocation's is.

        Raises:
            UnavailableError: No answer, or one that is not JSON.
        """
        return self._send(requests.Request("POST", url, data=dict(form)), idempotent, allow_empty)

    def get_json(self, url: str) -> JsonResponse:
        """Fetches a JSON object. Raises UnavailableError as `post_form` does."""
        return self._send(requests.Request("GET", url), idempotent=True, allow_empty=False)

    def preconnect(self, url: str) -> None:
        """Opens a connection ahead of its use by one cheap request, whose answer and faults do not matter."""
        self._send_once(requests.Request("GET", url), allow_empty=True)

    def close(self) -> None:
        """Closes the connections; the next request opens new ones."""
        session = self._session.peek()
        if session is not None:
            session.close()

    def _send(self, request: requests.Request, idempotent: bool, allow_empty: bool) -> JsonResponse:
        outcome = self._send_once(request, allow_empty)
        for delay in self._timeouts.retry_delays:
            if isinstance(outcome, JsonResponse):
                return outcome
            may_retry = outcome.retryable and (idempotent or not outcome.sent)
            if not may_retry or outcome.error.retry_after > _MAX_RETRY_AFTER:
                break
            time.sleep(max(delay * random.uniform(0.75, 1.25), outcome.error.retry_after))  # noqa: S311 - jitter, no secret
            outcome = self._send_once(request, allow_empty)
        if isinstance(outcome, JsonResponse):
            return outcome
        # Raised out of any `except`: the library's exception holds the request, and the request holds the secrets.
        raise outcome.error

    def _send_once(self, request: requests.Request, allow_empty: bool) -> JsonResponse | _RequestFailure:
        host = urlsplit(request.url).netloc
        session = self._session()
        try:
            prepared = session.prepare_request(request)
            settings = session.merge_environment_settings(prepared.url, {}, stream=True, verify=None, cert=None)
            settings["verify"] = _ca_bundle(settings["verify"])
            sent_at = time.monotonic()
            deadline = sent_at + self._timeouts.total
            timeout = self._timeouts.connect, self._timeouts.read
            with session.send(prepared, timeout=timeout, allow_redirects=False, **settings) as response:
                self._update_clock_skew(response, sent_at)
                return _read_response(response, host, deadline, allow_empty)
        except (requests.RequestException, HTTPError) as error:
            return _network_error(error, host)

    def _update_clock_skew(self, response: requests.Response, sent_at: float) -> None:
        try:
            server_time = parsedate_to_datetime(response.headers["Date"])
        except (KeyError, ValueError):
            return
        if server_time.tzinfo is not None:
            # Counted back from now: a clock that was set while the answer was on its way counts as it is since.
            local_time = datetime.fromtimestamp(self._now() - (time.monotonic() - sent_at) / 2, UTC)
            # The header has whole seconds: on average the true time is half a second later.
            skew = server_time + timedelta(seconds=0.5) - local_time
            self.clock_skew = skew if abs(skew) > timedelta(seconds=2) else timedelta(0)


def _new_session() -> requests.Session:
    session = requests.Session()
    # A ~/.netrc entry would be sent as Basic authentication, which Cognito refuses from a public client.
    session.auth = _no_authentication
    return session


def _no_authentication(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _ca_bundle(verify: bool | str | None) -> bool | str | None:
    """Requests knows its own two variables; people behind a TLS-inspecting proxy often set only AWS's."""
    return os.environ.get("AWS_CA_BUNDLE") or True if verify is True else verify


def _read_response(
    response: requests.Response, host: str, deadline: float, allow_empty: bool
) -> JsonResponse | _RequestFailure:
    status = response.status_code
    body = _read_body(cast("BaseHTTPResponse", response.raw), deadline)
    if body is None:
        error = UnavailableError(f"{host} took too long over its answer.", "Try again; check the network or the VPN.")
        return _RequestFailure(error)
    if allow_empty and status == HTTPStatus.OK and not body:
        return JsonResponse(status, {})
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if status in _RETRYABLE_STATUSES:
        return _RequestFailure(_server_error(host, status, parse_retry_after(response.headers.get("Retry-After"))))
    if not isinstance(payload, dict):
        return _RequestFailure(_not_json(host, status, body, response.headers.get("Content-Type", "")), retryable=False)
    return JsonResponse(status, payload)


def _read_body(raw: BaseHTTPResponse, deadline: float) -> bytes | None:
    """The body, as long as it is neither endless nor slower than anybody would wait; else None."""
    body = b""
    while chunk := raw.read1(1 << 16, decode_content=True):
        body += chunk
        if len(body) > _MAX_BODY or time.monotonic() > deadline:
            return None
    return body


def _server_error(host: str, status: int, retry_delay: float) -> UnavailableError:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        what, remedy = f"{host} is throttling: too many requests at once.", "Wait a minute, then try again."
        return UnavailableError(what, remedy, retry_delay)
    return UnavailableError(f"{host} failed with HTTP {status}.", "Try again in a minute.", retry_delay)


def _not_json(host: str, status: int, body: bytes, content_type: str) -> UnavailableError:
    if 300 <= status < 400:
        what = f"{host} redirected to another place instead of answering (HTTP {status})."
    elif not body.strip():
        what = f"{host} sent an empty answer (HTTP {status})."
    elif "html" in content_type or body.lstrip()[:1] == b"<":
        what = f"{host} answered with a web page instead of JSON (HTTP {status})."
    else:
        what = f"{host} sent an answer that is not a JSON object (HTTP {status})."
    return UnavailableError(
        what, "Check the Cognito domain; a proxy or the network's own sign-in page may stand in between."
    )


def _network_error(error: Exception, host: str) -> _RequestFailure:
    """What went wrong below HTTP. The library's own words are not shown: they can hold the request."""
    if isinstance(error, requests.exceptions.SSLError):
        return _RequestFailure(
            UnavailableError(
                f"The TLS certificate of {host} could not be verified.",
                "If your network inspects TLS, set REQUESTS_CA_BUNDLE or AWS_CA_BUNDLE to its CA; or check the domain.",
            ),
            retryable=False,
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return _RequestFailure(
            UnavailableError(f"The proxy on the way to {host} did not let the request through.", "Check HTTPS_PROXY.")
        )
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return _RequestFailure(
            UnavailableError(f"{host} cannot be addressed.", "Check the Cognito domain."), retryable=False
        )
    if isinstance(error, requests.exceptions.ReadTimeout):
        return _RequestFailure(
            UnavailableError(f"{host} did not answer in time.", "Try again; check the network or the VPN.")
        )
    if _never_connected(error):
        return _RequestFailure(
            UnavailableError(
                f"{host} could not be reached.", "Check the network, the VPN, the proxy and the domain's name."
            ),
            sent=False,
        )
    return _RequestFailure(
        UnavailableError(f"The connection to {host} broke before the answer was whole.", "Try again.")
    )


def _never_connected(error: Exception) -> bool:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    inner = error.args[0] if error.args else None
    return isinstance(getattr(inner, "reason", None), NewConnectionError)
