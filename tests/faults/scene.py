"""A Cognito behind fronts that can fail, a person signed in, and what is to hold whatever happens."""

from __future__ import annotations

import gc
import logging
import re
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import psutil

from cognito_jupyter._util.clock import Clock
from cognito_jupyter._util.timeouts import Timeouts
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import CognitoError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.model import Fault
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.tokens import CognitoTokens
from tests.conftest import as_tokens

from .front import Certificates, ProxyState, TlsProxy

SHORT_TIMEOUTS = Timeouts(read=1.0, total=1.5, retry_delays=(0.02,))
"""Where the fault is that an answer takes its time."""
TIMEOUTS = Timeouts(retry_delays=(0.02,))
ANALYST, UPLOADER = "Analyst", "Uploader"
_SERVER_THREADS = ("front", "local-", "process_request_thread")
"""Parts of the names of threads that belong to the other side."""
_SENTENCE = re.compile(r"[A-Z0-9].*[^.]\.")

Place = Literal["user pool", "keys", "identity pool"]


@dataclass(frozen=True)
class FaultPoint:
    """Where a fault strikes: the endpoint as the local Cognito calls it, and the front that leads there."""

    endpoint: str
    place: Place


class FakeClock:
    """This machine's clocks, which a test moves; the renewing thread looks at them often.

    Attributes:
        wall_offset: Seconds that the wall clock is ahead of the real one.
        monotonic_offset: Seconds that have passed besides those that have.
        suspended_seconds: Seconds that the machine has slept.
    """

    def __init__(self) -> None:
        self.wall_offset = 0.0
        self.monotonic_offset = 0.0
        self.suspended_seconds = 0.0
        self.clock = Clock(
            lambda: time.time() + self.wall_offset,
            lambda: time.monotonic() + self.monotonic_offset,
            lambda event, seconds: event.wait(min(seconds, 0.03)),
            elapsed=lambda: time.monotonic() + self.monotonic_offset + self.suspended_seconds,
        )

    def advance(self, seconds: float) -> None:
        """Lets time pass on all of them."""
        self.wall_offset += seconds
        self.monotonic_offset += seconds

    def suspend(self, seconds: float) -> None:
        """Has the machine sleep: it is not awake meanwhile, and whoever waits waits on."""
        self.wall_offset += seconds
        self.suspended_seconds += seconds

    def set_wall_clock(self, seconds: float) -> None:
        """Has somebody set the wall clock."""
        self.wall_offset += seconds


class LogCapture(logging.Handler):
    """What is logged, as text alone: a record would hold botocore's clients, and these the credentials.

    Attributes:
        lines: One for each record.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class FaultScenario:
    """Everything that one cell of the table needs.

    Args:
        cognito: The local Cognito.
        proxies: One for each place, so that each can fail alone.
        certificates: What the fronts show.
        log: What the process logs, everything at DEBUG.

    Attributes:
        clock: Of the managers and the authenticator.
    """

    manager: CognitoCredentialsManager
    """The demo user's, once somebody has signed in."""

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
        self.clock = FakeClock()
        self.log = log
        self._timeouts = TIMEOUTS

    def start_session(self, timeouts: Timeouts) -> None:
        """Makes `manager` and `authenticator`, which wait so long for Cognito."""
        self._timeouts = timeouts
        self.authenticator = self.new_authenticator()
        self.manager = self.new_manager(as_tokens(self.cognito.issue_tokens()))

    def new_authenticator(self) -> CognitoOAuthAuthenticator:
        """One that has not spoken to Cognito yet, as that of another kernel."""
        return CognitoOAuthAuthenticator(
            f"127.0.0.1:{self.proxies['user pool'].port}",
            self.cognito.client_id,
            self.cognito.redirect_uri,
            self.cognito.region,
            user_pool_id=self.cognito.user_pool_id,
            open_browser=False,
            now=self.clock.clock.now,
            timeouts=self._timeouts,
        )

    def new_manager(self, tokens: CognitoTokens) -> CognitoCredentialsManager:
        """Another manager, with these tokens."""
        return CognitoCredentialsManager(
            self.cognito.identity_pool_id,
            self.cognito.user_pool_id,
            self.cognito.region,
            tokens,
            self.authenticator,
            clock=self.clock.clock,
            timeouts=self._timeouts,
        )

    def release(self) -> None:
        """Holds nothing any more that could have anything done."""
        del self.manager, self.authenticator
        for handler in logging.getLogger().handlers:
            # pytest's keep records whole, for a report that is not needed any more.
            getattr(handler, "records", []).clear()
        gc.collect()

    # -- time

    def advance(self, seconds: float) -> None:
        """Lets time pass, here and at Cognito."""
        self.cognito.knobs.clock_offset += seconds
        self.clock.advance(seconds)

    def suspend(self, seconds: float) -> None:
        """Has the machine sleep, and time pass at Cognito."""
        self.cognito.knobs.clock_offset += seconds
        self.clock.suspend(seconds)

    # -- faults

    def inject(self, point: FaultPoint, fault: Fault | ProxyState, *, times: int | None = None) -> None:
        """Lets a fault happen there: so many times, or until `mend`."""
        if isinstance(fault, Fault):
            self.cognito.knobs.faults[point.endpoint] = [replace(fault, times=times)]
        else:
            self.proxies[point.place].set_state(fault)

    def clear_fault(self, point: FaultPoint) -> None:
        """Ends it."""
        self.cognito.knobs.faults.pop(point.endpoint, None)
        self.proxies[point.place].set_state("good")

    def role_of(self, access_key_id: str) -> str:
        """Whose keys these are, by the book of the server: the short name of a role."""
        issued_key = self.cognito.aws.issued_keys.find(access_key_id)
        assert issued_key is not None, "keys that nobody was given"
        assert not self.cognito.aws.issued_keys.is_expired(issued_key)
        return issued_key.role_arn.rpartition("-")[2]

    # -- what holds after every fault

    def check_message(self, error: CognitoError) -> None:
        """Two sentences, what happened and what to do, and no secret in them, around them or in a log."""
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
    """What this process has running and open."""

    threads: frozenset[threading.Thread]
    listening: frozenset[int]

    @classmethod
    def current(cls) -> ProcessResources:
        """The threads that are not the servers' of the tests, and the ports that are listened on."""
        threads = [each for each in threading.enumerate() if not any(part in each.name for part in _SERVER_THREADS)]
        connections = psutil.Process().net_connections("tcp")
        listening = [each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN]
        return cls(frozenset(threads), frozenset(listening))

    def check_nothing_leaked(self) -> None:
        """Waits until whatever has come since has gone."""
        wait_for(lambda: not self._leaked(), lambda: f"left behind: {self._leaked()}")

    def _leaked(self) -> list[object]:
        now = ProcessResources.current()
        return [*(now.threads - self.threads), *(now.listening - self.listening)]


def wait_for(done: Callable[[], bool], complaint: Callable[[], str], seconds: float = 10.0) -> None:
    """Waits for something to hold; fails with the complaint where it does not come."""
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, complaint()
        time.sleep(0.01)
