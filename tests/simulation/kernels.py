"""Kernels whose refreshers run on a virtual clock. The network and Cognito are models; the rest is the real code.

Each kernel is a `BackgroundRefresher` with its `UserPoolTokens`, `CredentialsExchange` and `RoleCredentials`, without
their thread: a queue of events calls the refresher when it is due. Only the order of requests that one attempt repeats
is simplified: they are counted when they arrive, but before other kernels' requests of the seconds in between.
"""

from __future__ import annotations

import base64
import heapq
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import cast

from cognito_jupyter._util.clock import Clock
from cognito_jupyter._util.retries import ThrottledRetries, may_repeat
from cognito_jupyter._util.timeouts import DEFAULT_TIMEOUTS
from cognito_jupyter.credentials.background_refresh import BackgroundRefresher
from cognito_jupyter.credentials.exchange import CredentialsExchange
from cognito_jupyter.credentials.identity_pool.client import IdentityPool, IdentityPoolCredentialsResponse
from cognito_jupyter.credentials.role_credentials import CachedCredentials, RoleCredentials
from cognito_jupyter.credentials.user_pool_tokens import UserPoolTokens
from cognito_jupyter.errors import CognitoError, UnavailableError
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.tokens import CognitoTokenRefreshResponse, CognitoTokens

from .service import EXCHANGE, TOKEN, CognitoModel, ThrottledError

EPOCH = 1_800_000_000.0
LIFETIME = 3600.0
"""Seconds, of id tokens and of credentials."""
CALLER_INTERVAL = 60.0
"""Seconds between two calls of a program that tries again and again."""


class SimulatedNetwork:
    """One kernel's connection to the model, with the repetitions of `Transport` and `IdentityPool`.

    Args:
        model: The service.
        now: The virtual time.

    Attributes:
        waited: Seconds that the current attempt has waited between its requests.
    """

    clock_skew = timedelta(0)

    def __init__(self, model: CognitoModel, now: SimulatedTime) -> None:
        self._model = model
        self._time = now
        self.waited = 0.0

    def now(self) -> float:
        """Returns the virtual time for this kernel."""
        return self._time.now + self.waited

    def refresh_tokens(self, refresh_token: str) -> CognitoTokenRefreshResponse:
        """Stands for the authenticator's method."""
        self._send(TOKEN)
        return {"id_token": id_token(self.now()), "access_token": "access", "refresh_token": refresh_token}

    def fetch_credentials(self, *_: object) -> IdentityPoolCredentialsResponse:
        """Stands for the identity pool's method."""
        self._send(EXCHANGE)
        return credentials_response(self.now())

    def fetch_identity_id(self, _: str) -> str:
        """Stands for the identity pool's method; the identity id is known, so that it is not called."""
        raise AssertionError

    def _send(self, operation: str) -> None:
        delays = iter(DEFAULT_TIMEOUTS.retry_delays)
        throttled = ThrottledRetries(DEFAULT_TIMEOUTS.throttling, self.now)
        while True:
            try:
                return self._model.send(operation, self.now())
            except UnavailableError as error:
                delay = throttled.next_delay() if isinstance(error, ThrottledError) else next(delays, None)
                if delay is None or not may_repeat():
                    raise
                self.waited += delay


class SimulatedTime:
    """The virtual time.

    Attributes:
        now: Seconds since the simulation began.
    """

    now = 0.0


class SimulatedKernel:
    """One user's kernel, whose session is in use.

    Args:
        model: The service.
        time: The virtual time.
        age: How old its tokens and its credentials are at the start, in seconds.
    """

    def __init__(self, model: CognitoModel, time: SimulatedTime, age: tuple[float, float]) -> None:
        self._network = network = SimulatedNetwork(model, time)
        clock = Clock(
            now=lambda: EPOCH + network.now(), monotonic=network.now, elapsed=network.now, sleep=lambda _: None
        )
        tokens = CognitoTokens(id_token=id_token(-age[0]), access_token="access", refresh_token="refresh")
        # The casts: the network has those methods of both that are called here.
        self._tokens = UserPoolTokens(tokens, cast("CognitoOAuthAuthenticator", network), clock)
        identity_pool = cast("IdentityPool", _Pool(network))
        exchange = CredentialsExchange(self._tokens, lambda: identity_pool, clock.now, lambda: None)
        subject = self._tokens.subject
        assert subject is not None
        exchange.identity_ids[subject] = "us-east-1:identity"
        self.role = role = RoleCredentials(
            "role", lambda: exchange.fetch(subject, "role", role.cached), clock, ensure_refresher=lambda _: True
        )
        cached = CachedCredentials.from_response(credentials_response(-age[1]), EPOCH - age[1], 0.0)
        role.replace(lambda: cached)
        role.consumers.add(self)
        self._refresher = BackgroundRefresher(self._tokens, lambda: [role], clock)

    def refresh(self) -> float:
        """Runs the refresher once, as its thread does; returns the seconds until it is due again."""
        self._network.waited = 0.0
        self.role.recently_used = True
        delay = self._refresher._run_once()
        assert delay is not None, "the sign-in never ends here"
        return max(delay, 0.05) + self._network.waited

    def call(self) -> None:
        """Signs a request, as a program does that tries again after each error."""
        self._network.waited = 0.0
        with suppress(CognitoError):
            self.role.for_signing()


class _Pool:
    """The identity pool's side of a network."""

    clock_skew = 0.0

    def __init__(self, network: SimulatedNetwork) -> None:
        self.fetch_credentials = network.fetch_credentials
        self.fetch_identity_id = network.fetch_identity_id


def simulate(  # noqa: PLR0913 - by keyword, all but the first three
    model: CognitoModel, count: int, seconds: float, *, callers: float, seed: int, youth: float = LIFETIME * 0.63
) -> Iterator[float]:
    """Runs kernels that have worked for hours when the simulation begins.

    Args:
        model: The service; it counts the requests.
        count: How many kernels there are.
        seconds: How long to run.
        callers: The share of kernels whose programs call once a minute, whatever happens.
        seed: For the random numbers, so that each run is the same.
        youth: How long ago the first of them was refreshed, in seconds. By default they are spread over all the time
            that tokens and credentials are used.

    Yields:
        After each minute, the share of kernels with credentials that can sign a request.
    """
    random.seed(seed)
    time = SimulatedTime()
    # Tokens and credentials are refreshed when a third of their lifetime is left, or up to 3 % earlier.
    ages = [(random.uniform(0, youth), random.uniform(0, youth)) for _ in range(count)]
    kernels = [SimulatedKernel(model, time, age) for age in ages]
    events = [(0.0, number, "refresh") for number in range(count)]
    events += [(random.uniform(0, CALLER_INTERVAL), number, "call") for number in range(int(count * callers))]
    heapq.heapify(events)
    minute = 0.0
    while events[0][0] < seconds:
        time.now, number, kind = heapq.heappop(events)
        while minute <= time.now:
            yield sum(kernel.role.cached_if_usable() is not None for kernel in kernels) / count
            minute += 60.0
        if kind == "refresh":
            heapq.heappush(events, (time.now + kernels[number].refresh(), number, kind))
        else:
            kernels[number].call()
            heapq.heappush(events, (time.now + CALLER_INTERVAL, number, kind))


def id_token(issued_at: float) -> str:
    """Returns an id token without a signature, which the refresh does not verify."""
    issued = EPOCH + issued_at
    issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Model"
    claims = {"sub": "user", "iss": issuer, "aud": "client", "token_use": "id"}
    payload = json.dumps(claims | {"iat": issued, "exp": issued + LIFETIME}).encode()
    return f"e30.{base64.urlsafe_b64encode(payload).rstrip(b'=').decode()}.model"


def credentials_response(issued_at: float) -> IdentityPoolCredentialsResponse:
    """Returns the response of an exchange."""
    expiration = datetime.fromtimestamp(EPOCH + issued_at + LIFETIME, UTC)
    credentials = {"AccessKeyId": "key", "SecretKey": "model", "SessionToken": "model", "Expiration": expiration}
    return cast("IdentityPoolCredentialsResponse", {"IdentityId": "us-east-1:identity", "Credentials": credentials})
