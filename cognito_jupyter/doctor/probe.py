"""Sends the doctor's requests to the user pool, each of them once, and notes what the network did for each host."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from .._util.redaction import Secret
from .._util.timeouts import DEFAULT_TIMEOUTS
from ..errors import UnavailableError
from ..oauth.transport import JsonResponse, PageResponse, Transport


@dataclass(frozen=True)
class HostContact:
    """The first contact with a host.

    Attributes:
        url: The URL that was requested, without its path.
        seconds: How long the first response took, with the connection.
        by_botocore: Whether botocore contacted it, which may trust other CA certificates.
        error: Why there was no response; None: there was one.
    """

    url: str
    seconds: float
    by_botocore: bool
    error: UnavailableError | None = None


class Probe:
    """Requests that change nothing at the user pool.

    Attributes:
        transport: The connections; after a response, its `clock_skew` says how wrong this computer's clock is.
        contacts: The first contact with each host, by its name.
        sent: How many requests were sent.
    """

    def __init__(self) -> None:
        self.transport = Transport(timeouts=replace(DEFAULT_TIMEOUTS, retry_delays=(), throttling=0.0))
        self.contacts: dict[str, HostContact] = {}
        self.sent = 0

    def get_page(self, url: str) -> PageResponse:
        """Requests a page and does not follow its redirect.

        Raises:
            UnavailableError: No usable response came.
        """
        with self.contact(url):
            return self.transport.get_page(url)

    def post_form(self, url: str, form: Mapping[str, str], client_secret: Secret | None) -> JsonResponse:
        """Posts a form to the token endpoint or the revocation endpoint.

        Args:
            url: The endpoint.
            form: The fields.
            client_secret: The app client's secret; None: it has none.

        Raises:
            UnavailableError: No usable response came.
        """
        with self.contact(url):
            return self.transport.post_form(url, form, idempotent=True, allow_empty=True, client_secret=client_secret)

    @contextmanager
    def contact(self, url: str, *, by_botocore: bool = False) -> Iterator[None]:
        """Counts a request, and notes how the first one to a host went.

        Args:
            url: The URL that is requested within the block.
            by_botocore: Whether botocore requests it.
        """
        parts = urlsplit(url)
        host, origin = parts.hostname or "", f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self.sent += 1
        started = time.monotonic()
        try:
            yield
        except UnavailableError as error:
            self.contacts.setdefault(host, HostContact(origin, time.monotonic() - started, by_botocore, error))
            raise
        self.contacts.setdefault(host, HostContact(origin, time.monotonic() - started, by_botocore))
