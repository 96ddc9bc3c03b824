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

from ..errors import UnavailableError
from ..patience import USUAL, Patience
from ..per_process import PerProcess
from ..retry_after import retry_after

_MAX_BODY = 1 << 20
_MAX_RETRY_AFTER = 10.0
_THROTTLED_OR_BROKEN = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, repr=False)
class Answer:
    """A JSON object that a server sent.

    Attributes:
        status: The HTTP status.
        payload: The object; it may hold tokens, so no repr shows it.
    """

    status: int
    payload: Mapping[str, object]


@dataclass(frozen=True)
class _Failure:
    """Why there is no answer, and whether the same request may be sent again."""

    error: UnavailableError
    went_out: bool = True
    passing: bool = True


class Transport:
    """One connection pool to a Cognito, used by all threads.

    Proxies come from HTTPS_PROXY and NO_PROXY, the CA bundle from REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or AWS_CA_BUNDLE.

    Args:
        now: Seconds since the epoch, by the clock whose skew is measured.
        patience: How long it waits.

    Attributes:
        clock_skew: The server's clock minus this machine's, by the last answer's Date header; zero until one came.
    """

    def __init__(self, now: Callable[[], float] = time.time, patience: Patience = USUAL) -> None:
        self._now = now
        self._patience = patience
        # A forked child opens connections of its own: two processes on one TLS connection break it for both.
        self._session = PerProcess(_new_session)
        self.clock_skew = timedelta(0)

    def post_form(self, url: str, form: Mapping[str, str], *, repeatable: bool, empty_is_fine: bool = False) -> Answer:
        """Posts a form (RFC 6749, appendix B).

        Args:
            url: Where to.
            form: The fields; they never reach an error or a log.
            repeatable: Whether it may be sent again after it may have been received: a code exchange may not.
            empty_is_fine: Whether a 200 without a body is an answer, as a revocation's is.

        Raises:
            UnavailableError: No answer, or one that is not JSON.
        """
        return self._send(requests.Request("POST", url, data=dict(form)), repeatable, empty_is_fine)

    def get_json(self, url: str) -> Answer:
        """Fetches a JSON object. Raises UnavailableError as `post_form` does."""
        return self._send(requests.Request("GET", url), repeatable=True, empty_is_fine=False)

    def open(self, url: str) -> None:
        """Opens a connection ahead of its use by one cheap request, whose answer and faults do not matter."""
        self._attempt(requests.Request("GET", url), empty_is_fine=True)

    def close(self) -> None:
        """Closes the connections; the next request opens new ones."""
        session = self._session.made()
        if session is not None:
            session.close()

    def _send(self, request: requests.Request, repeatable: bool, empty_is_fine: bool) -> Answer:
        outcome = self._attempt(request, empty_is_fine)
        for pause in self._patience.pauses:
            if isinstance(outcome, Answer):
                return outcome
            safe = outcome.passing and (repeatable or not outcome.went_out)
            if not safe or outcome.error.retry_after > _MAX_RETRY_AFTER:
                break
            time.sleep(max(pause * random.uniform(0.75, 1.25), outcome.error.retry_after))  # noqa: S311 - jitter, no secret
            outcome = self._attempt(request, empty_is_fine)
        if isinstance(outcome, Answer):
            return outcome
        # Raised out of any `except`: the library's exception holds the request, and the request holds the secrets.
        raise outcome.error

    def _attempt(self, request: requests.Request, empty_is_fine: bool) -> Answer | _Failure:
        host = urlsplit(request.url).netloc
        session = self._session()
        try:
            prepared = session.prepare_request(request)
            settings = session.merge_environment_settings(prepared.url, {}, stream=True, verify=None, cert=None)
            settings["verify"] = _ca_bundle(settings["verify"])
            sent = time.monotonic()
            until = sent + self._patience.whole
            timeout = self._patience.connect, self._patience.read
            with session.send(prepared, timeout=timeout, allow_redirects=False, **settings) as response:
                self._measure_clock(response, sent)
                return _read(response, host, until, empty_is_fine)
        except (requests.RequestException, HTTPError) as error:
            return _no_answer(error, host)

    def _measure_clock(self, response: requests.Response, sent: float) -> None:
        try:
            theirs = parsedate_to_datetime(response.headers["Date"])
        except (KeyError, ValueError):
            return
        if theirs.tzinfo is not None:
            # Counted back from now: a clock that was set while the answer was on its way counts as it is since.
            ours = datetime.fromtimestamp(self._now() - (time.monotonic() - sent) / 2, UTC)
            # The header has whole seconds: on average the true time is half a second later.
            skew = theirs + timedelta(seconds=0.5) - ours
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


def _read(response: requests.Response, host: str, until: float, empty_is_fine: bool) -> Answer | _Failure:
    status = response.status_code
    body = _body(cast("BaseHTTPResponse", response.raw), until)
    if body is None:
        error = UnavailableError(f"{host} took too long over its answer.", "Try again; check the network or the VPN.")
        return _Failure(error)
    if empty_is_fine and status == HTTPStatus.OK and not body:
        return Answer(status, {})
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if status in _THROTTLED_OR_BROKEN:
        return _Failure(_broken(host, status, retry_after(response.headers.get("Retry-After"))))
    if not isinstance(payload, dict):
        return _Failure(_not_json(host, status, body, response.headers.get("Content-Type", "")), passing=False)
    return Answer(status, payload)


def _body(raw: BaseHTTPResponse, until: float) -> bytes | None:
    """The body, as long as it is neither endless nor slower than anybody would wait; else None."""
    body = b""
    while chunk := raw.read1(1 << 16, decode_content=True):
        body += chunk
        if len(body) > _MAX_BODY or time.monotonic() > until:
            return None
    return body


def _broken(host: str, status: int, asked: float) -> UnavailableError:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        what, remedy = f"{host} is throttling: too many requests at once.", "Wait a minute, then try again."
        return UnavailableError(what, remedy, asked)
    return UnavailableError(f"{host} failed with HTTP {status}.", "Try again in a minute.", asked)


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


def _no_answer(error: Exception, host: str) -> _Failure:
    """What went wrong below HTTP. The library's own words are not shown: they can hold the request."""
    if isinstance(error, requests.exceptions.SSLError):
        return _Failure(
            UnavailableError(
                f"The TLS certificate of {host} could not be verified.",
                "If your network inspects TLS, set REQUESTS_CA_BUNDLE or AWS_CA_BUNDLE to its CA; or check the domain.",
            ),
            passing=False,
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return _Failure(
            UnavailableError(f"The proxy on the way to {host} did not let the request through.", "Check HTTPS_PROXY.")
        )
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return _Failure(UnavailableError(f"{host} cannot be addressed.", "Check the Cognito domain."), passing=False)
    if isinstance(error, requests.exceptions.ReadTimeout):
        return _Failure(UnavailableError(f"{host} did not answer in time.", "Try again; check the network or the VPN."))
    if _never_connected(error):
        return _Failure(
            UnavailableError(
                f"{host} could not be reached.", "Check the network, the VPN, the proxy and the domain's name."
            ),
            went_out=False,
        )
    return _Failure(UnavailableError(f"The connection to {host} broke before the answer was whole.", "Try again."))


def _never_connected(error: Exception) -> bool:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    inner = error.args[0] if error.args else None
    return isinstance(getattr(inner, "reason", None), NewConnectionError)
