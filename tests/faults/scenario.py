"""A Cognito behind proxies that can fail, a signed-in user, and the checks that hold after every fault."""

from __future__ import annotations

import gc
import logging
import re
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from cognito_jupyter._util.process_local import InterruptibleClient
from cognito_jupyter._util.timeouts import Timeouts
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import CognitoError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.model import Fault
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.tokens import CognitoTokens
from tests.conftest import as_tokens
from tests.support.clock import FakeClock
from tests.support.polling import wait_until
from tests.support.ports import listening_ports
from tests.support.tls_proxy import Certificates, ProxyState, TlsProxy

SHORT_TIMEOUTS = Timeouts(read=1.0, total=1.5, retry_delays=(0.02,), throttling=0.02)
"""For a request that is to fail because its response is delayed."""
RETRY_TIMEOUTS = Timeouts(read=4.0, total=6.0, retry_delays=(0.02,), throttling=0.02)
"""For a request whose first response is delayed, and whose second one must come in time on any machine."""
TIMEOUTS = Timeouts(retry_delays=(0.02,), throttling=0.02)
ANALYST, UPLOADER = "Analyst", "Uploader"
_SERVER_THREADS = ("tls-proxy", "local-", "process_request_thread")
"""Parts of the names of threads that belong to the servers."""
_SENTENCE = re.compile(r"[A-Z0-9].*([^.]\.|: https?://\S+)")
"""A full stop at the end, except after a URL, where it would be copied with it."""

Place = Literal["user pool", "JWKS", "identity pool"]


@dataclass(frozen=True)
class FaultPoint:
    """Where a fault occurs.

    Attributes:
        endpoint: The endpoint's name at the local Cognito.
        place: The proxy in front of it.
    """

    endpoint: str
    place: Place


class LogCapture(logging.Handler):
    """Collects what is logged, as text: a record would reference botocore's clients, and these the credentials.

    Attributes:
        lines: The text of each record.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class FaultScenario:
    """What one cell of the table needs.

    Args:
        cognito: The local Cognito.
        proxies: A proxy for each place.
        certificates: The certificates of the proxies.
        log: What the process logs at DEBUG.

    Attributes:
        clock: The clock of the managers and the authenticator.
    """

    manager: CognitoCredentialsManager
    """The demo user's manager, after `start_session`."""

    def __init__(
        self,
        cognito: LocalCognito,
        proxies: dict[Place, TlsProxy],
        certificates: Certificates,
        log: LogCapture,
    ) -> None:
        self.cognito = cognito
        self.proxies = proxies
        self.certificates = certificates
        self.clock = FakeClock(running=True)
        self.log = log

    def start_session(self) -> None:
        """Makes `manager` and `authenticator`."""
        self.authenticator = self.new_authenticator()
        self.manager = self.new_manager(as_tokens(self.cognito.issue_tokens()))

    @contextmanager
    def timeouts(self, timeouts: Timeouts) -> Iterator[None]:
        """Has the requests of `manager` and `authenticator` within the `with` wait as long as these timeouts say.

        The others have time, so that no fault is seen where a busy machine is slow.

        Args:
            timeouts: The timeouts.
        """
        self._set_timeouts(timeouts)
        try:
            yield
        finally:
            self._set_timeouts(TIMEOUTS)

    def _set_timeouts(self, timeouts: Timeouts) -> None:
        transport, identity_pool = self.authenticator._transport, self.manager._identity_pool
        if transport._timeouts is timeouts:
            return
        transport._timeouts = identity_pool._timeouts = timeouts
        # botocore's client has them in it.
        identity_pool._client = InterruptibleClient(identity_pool._new_client)

    def new_authenticator(self) -> CognitoOAuthAuthenticator:
        """Makes an authenticator that has not called Cognito yet, as that of another kernel."""
        return CognitoOAuthAuthenticator(
            f"127.0.0.1:{self.proxies['user pool'].port}",
            self.cognito.client_id,
            self.cognito.redirect_uri,
            self.cognito.region,
            user_pool_id=self.cognito.user_pool_id,
            open_browser=False,
            now=self.clock.clock.now,
            timeouts=TIMEOUTS,
        )

    def new_manager(self, tokens: CognitoTokens) -> CognitoCredentialsManager:
        """Makes another manager with these tokens."""
        return CognitoCredentialsManager(
            self.cognito.identity_pool_id,
            self.cognito.user_pool_id,
            self.cognito.region,
            tokens,
            self.authenticator,
            clock=self.clock.clock,
            timeouts=TIMEOUTS,
        )

    def release(self) -> None:
        """Drops every reference that could keep a thread running."""
        del self.manager, self.authenticator
        for handler in logging.getLogger().handlers:
            # pytest's handlers keep whole records for a report that is no longer needed.
            getattr(handler, "records", []).clear()
        gc.collect()

    # -- time

    def advance(self, seconds: float) -> None:
        """Lets time pass, here and at Cognito."""
        self.cognito.knobs.clock_offset += seconds
        self.clock.advance(seconds)

    def suspend(self, seconds: float) -> None:
        """Suspends this machine while time passes at Cognito."""
        self.cognito.knobs.clock_offset += seconds
        self.clock.suspend(seconds)

    # -- faults

    def inject(self, point: FaultPoint, fault: Fault | ProxyState, *, times: int | None = None) -> None:
        """Injects a fault: so many times, or until `clear_fault`."""
        if isinstance(fault, Fault):
            self.cognito.knobs.faults[point.endpoint] = [replace(fault, times=times)]
        else:
            self.proxies[point.place].set_state(fault)

    def clear_fault(self, point: FaultPoint) -> None:
        """Removes the fault."""
        self.cognito.knobs.faults.pop(point.endpoint, None)
        self.proxies[point.place].set_state("good")

    def role_of(self, access_key_id: str) -> str:
        """Returns the short name of the role of credentials that must have been issued and must be valid."""
        issued_key = self.cognito.aws.issued_keys.get(access_key_id)
        assert issued_key is not None, "credentials that were never issued"
        assert issued_key.expires > self.cognito.knobs.now()
        return issued_key.role_arn.rpartition("-")[2]

    # -- checks

    def check_message(self, error: CognitoError) -> None:
        """Checks that an error has two sentences, and that no secret is in it, in its traceback or in a log."""
        assert _SENTENCE.fullmatch(error.what), error.what
        assert _SENTENCE.fullmatch(error.remedy), error.remedy
        shown = {
            "message": str(error),
            "repr": repr(error),
            "traceback": "".join(traceback.format_exception(error)),
            "log": "\n".join(self.log.lines),
        }
        found = [where for where, text in shown.items() for secret in self.cognito.secrets if secret in text]
        assert found == []


@dataclass(frozen=True)
class ProcessResources:
    """The threads of this process, and the ports on which it listens.

    Attributes:
        threads: The threads, without those of the tests' servers.
        listening: The ports.
    """

    threads: frozenset[threading.Thread]
    listening: frozenset[int]

    @classmethod
    def current(cls) -> ProcessResources:
        """Returns those of now."""
        threads = [each for each in threading.enumerate() if not any(part in each.name for part in _SERVER_THREADS)]
        return cls(frozenset(threads), frozenset(listening_ports()))

    def check_nothing_leaked(self) -> None:
        """Waits until everything that was started since has ended."""
        wait_until(lambda: not self._leaked(), lambda: f"leaked: {self._leaked()}")

    def _leaked(self) -> list[object]:
        now = ProcessResources.current()
        return [*(now.threads - self.threads), *(now.listening - self.listening)]
