"""The AWS credentials of one user and role, as a manager caches and refreshes them.

`RoleCredentials` holds the current `CachedCredentials`, which are never changed, only replaced: sessions read them
without a lock. The background refresher and, where it cannot run, the reading threads replace them. This module makes
no request itself: the manager gives it the function that does.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self, TypedDict, cast
from weakref import WeakSet, WeakValueDictionary

from botocore.credentials import ReadOnlyCredentials

from .._util.clock import Clock
from .._util.closing import NotPicklable
from .._util.redaction import SigningSecret, redacted
from .._util.single_flight import SingleFlight
from ..errors import SIGN_IN_AGAIN, SignedOutError

if TYPE_CHECKING:
    from .identity_pool.client import IdentityPoolCredentialsResponse

_ADVISORY_REFRESH_SECONDS = 20 * 60.0
"""Seconds before expiry from which credentials are refreshed ahead of time: botocore refreshes with 15 minutes left."""
_ADVISORY_REFRESH_SHARE = 1 / 3
"""The same as a share of the lifetime; the smaller of the two applies."""
_MANDATORY_REFRESH_SECONDS = 30.0
"""Seconds before expiry from which credentials are not used any more: a request takes a while to arrive."""
_MANDATORY_REFRESH_SHARE = 0.05
"""The same as a share of the lifetime; the smaller of the two applies."""
REFRESH_JITTER = 0.03
"""At most this share of the lifetime earlier is a refresh due, so that roles and kernels do not all call at once."""


def advisory_margin(lifetime: float) -> float:
    """Returns the seconds before expiry from which a token or credentials of a lifetime are refreshed ahead of time."""
    return min(_ADVISORY_REFRESH_SECONDS, lifetime * _ADVISORY_REFRESH_SHARE)


class AWSCredentials(TypedDict):
    """AWS credentials as this package returns them; `expiration` is in ISO 8601."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: str


class FrozenCredentials(ReadOnlyCredentials):
    """botocore's frozen credentials with a repr that shows none of them, nor of their parts.

    Args:
        access_key: The access key id, which is no secret.
        secret_key: The secret access key.
        token: The session token.
        others: What newer versions of botocore add.
    """

    __slots__ = ()

    def __new__(cls, access_key: str, secret_key: str, token: str, *others: Any) -> Self:
        """Returns new ones."""
        return super().__new__(cls, str(access_key), SigningSecret(secret_key), SigningSecret(token), *others)

    def __repr__(self) -> str:
        return "<FrozenCredentials>"


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class CachedCredentials:
    """A response of GetCredentialsForIdentity, and how long it is valid.

    Attributes:
        response: The response.
        frozen: The credentials in the form that botocore's signers take.
        expires_at: When they expire: seconds since the epoch by this machine's clock, corrected by AWS's clock skew.
        advisory_refresh_at: From then on they are refreshed ahead of time, and used in the meantime.
        mandatory_refresh_at: From then on they are not used any more.
        lifetime: Seconds from their arrival to their expiry.
        clock_offset: Seconds by which the wall clock was ahead of `Clock.elapsed` when they were cached. If the wall
            clock is set back later, their age is still known.
    """

    response: IdentityPoolCredentialsResponse
    frozen: FrozenCredentials
    expires_at: float
    advisory_refresh_at: float
    mandatory_refresh_at: float
    lifetime: float
    clock_offset: float = -math.inf

    @classmethod
    def from_response(
        cls, response: IdentityPoolCredentialsResponse, now: float, clock_skew: float
    ) -> CachedCredentials:
        """Makes them from a response that has just arrived.

        Args:
            response: The response.
            now: Seconds since the epoch, by this machine's clock.
            clock_skew: Seconds by which AWS's clock is ahead of this machine's.
        """
        credentials = response["Credentials"]
        expires_at = credentials["Expiration"].timestamp() - clock_skew
        lifetime = max(0.0, expires_at - now)
        return cls(
            response,
            FrozenCredentials(credentials["AccessKeyId"], credentials["SecretKey"], credentials["SessionToken"]),
            expires_at,
            expires_at - advisory_margin(lifetime),
            expires_at - min(_MANDATORY_REFRESH_SECONDS, lifetime * _MANDATORY_REFRESH_SHARE),
            lifetime,
        )

    @property
    def expiration(self) -> datetime:
        """When they expire, by AWS's clock."""
        return self.response["Credentials"]["Expiration"].astimezone(UTC)

    def as_aws_credentials(self) -> AWSCredentials:
        """Returns them in the shape of this package's public functions."""
        credentials = AWSCredentials(
            access_key_id=cast("str", self.frozen.access_key),
            secret_access_key=cast("str", self.frozen.secret_key),
            session_token=cast("str", self.frozen.token),
            expiration=self.expiration.isoformat(),
        )
        return redacted(credentials)

    def __repr__(self) -> str:
        return f"<CachedCredentials until {self.expiration:%Y-%m-%d %H:%M:%S} UTC>"


class RoleCredentials(NotPicklable):
    """The credentials of one user and role, and their refresh.

    Args:
        role_arn: The role; None: the identity pool's default role.
        fetch: Fetches new credentials.
        clock: The source of time.
        on_attempt: Called after each attempt to refresh them, without any lock held.
        ensure_refresher: Starts the background refresher if it does not run, and has it run at once if the argument is
            true. Returns whether it runs.
        wait_for_sign_in: Waits, for as long as the user has set, for a new sign-in. Returns whether there was one.

    Attributes:
        role_arn: As given.
        cached: The newest credentials; None before the first, and after the user has signed out.
        consumers: What reads them to sign requests: each session and client holds one of these.
        sessions: By region, the sessions of another library that sign with them and are still in use.
        recently_used: True if they were read since the refresher last checked; the refresher resets it.
        last_used_at: When the refresher last found them used, in monotonic seconds.
        idle: Whether the refresher has stopped refreshing them because they were not used.
        refresh_due_at: When to refresh them ahead of time, in seconds since the epoch.
        single_flight: Makes one attempt to refresh them at a time, and has the last failure and the backoff.
    """

    pickle_error = "Credentials cannot be pickled or copied: they would leave this process."

    def __init__(  # noqa: PLR0913 - three of them by keyword, which only the manager passes
        self,
        role_arn: str | None,
        fetch: Callable[[], CachedCredentials],
        clock: Clock,
        *,
        on_attempt: Callable[[], None] = lambda: None,
        ensure_refresher: Callable[[bool], bool] = lambda _: False,
        wait_for_sign_in: Callable[[], bool] = lambda: False,
    ) -> None:
        self.role_arn = role_arn
        self.cached: CachedCredentials | None = None
        self.consumers: WeakSet[object] = WeakSet()
        self.sessions: WeakValueDictionary[str, object] = WeakValueDictionary()
        self.recently_used, self.last_used_at, self.idle = True, clock.monotonic(), False
        self.refresh_due_at = 0.0
        self._previous: CachedCredentials | None = None
        self._fetch = fetch
        self._now, self._elapsed = clock.now, clock.elapsed
        self._ensure_refresher, self._wait_for_sign_in = ensure_refresher, wait_for_sign_in
        self.single_flight = SingleFlight(clock.monotonic, on_attempt)

    def for_signing(self) -> CachedCredentials:
        """Returns credentials to sign a request with; sessions call it for each request.

        It waits only if there are no valid credentials.

        Raises:
            CognitoError: There are no valid credentials, and they could not be refreshed.
        """
        self.recently_used = True
        cached = self.cached
        # Both clocks count: the wall clock may have been set back, which only the refresher notices, if it runs.
        if cached is not None and self._now() < cached.advisory_refresh_at > self._elapsed() + cached.clock_offset:
            return cached
        return self._refresh_or_wait(cached)

    def _refresh_or_wait(self, cached: CachedCredentials | None) -> CachedCredentials:
        """Has valid credentials refreshed without waiting for it, and waits for a refresh of expired ones."""
        if cached is not None and self._time_for(cached) < cached.mandatory_refresh_at:
            was_idle, self.idle = self.idle, False
            if not self._ensure_refresher(was_idle):
                self.refresh_if_due()
            return self.cached or cached
        try:
            return self.single_flight.run(self.cached_if_usable, self._refresh)
        except SignedOutError:
            if not self._wait_for_sign_in():
                raise
        return self.single_flight.run(self.cached_if_usable, self._refresh)

    def get_valid_for(self, margin: float, successes: int | None = None) -> CachedCredentials:
        """Returns credentials that last longer than a margin, refreshed if the current ones do not.

        Args:
            margin: In seconds.
            successes: How many attempts had succeeded when the caller began to wait; None: it begins now.

        Raises:
            CognitoError: They could not be refreshed; the current ones stay.
        """
        before = self.single_flight.successes if successes is None else successes

        def cached_if_valid() -> CachedCredentials | None:
            cached = self.cached
            # Exactly at the margin counts as expiring.
            return cached if cached is not None and cached.expires_at > self._time_for(cached) + margin else None

        def get_ready() -> CachedCredentials | None:
            cached = self.cached
            # New credentials that never last that long: another thread has just fetched them for all that wait.
            if cached is not None and cached.lifetime <= margin and self.single_flight.successes != before:
                return cached
            return cached_if_valid()

        def refresh() -> CachedCredentials:
            cached = self._refresh()
            if cached_if_valid() is None and cached.lifetime > margin:
                # Another kernel had fetched these, and part of their lifetime is over. With them cached here the next
                # refresh fetches new ones.
                return self._refresh()
            return cached

        return self.single_flight.run(get_ready, refresh, force=True)

    def replace(self, fetch: Callable[[], CachedCredentials]) -> CachedCredentials:
        """Fetches and caches new credentials in any case.

        Args:
            fetch: Fetches them, in place of the function given to the constructor.

        Raises:
            CognitoError: They could not be fetched; the current ones stay.
        """
        return self.single_flight.run(lambda: None, lambda: self._set_cached(fetch()), force=True)

    def refresh_if_due(self) -> None:
        """Refreshes them if that is due, no other thread does it and none has failed a moment ago; raises no error."""
        self.single_flight.run_if_idle(lambda: self.refresh_due_at <= self._time_for(self.cached), self._refresh)

    def cached_if_usable(self) -> CachedCredentials | None:
        """Returns the newest credentials if they can sign a request, else None."""
        cached = self.cached
        return cached if cached is not None and self._time_for(cached) < cached.mandatory_refresh_at else None

    def secrets(self) -> Iterator[str]:
        """Yields what no log may show: the secrets of these credentials, and of those before, still in use perhaps."""
        for cached in (self.cached, self._previous):
            if cached is not None:
                yield from (str(cached.frozen.secret_key), str(cached.frozen.token))

    def _time_for(self, cached: CachedCredentials | None) -> float:
        """The seconds since the epoch that count for credentials: a clock that is set back later gives them no time."""
        return max(self._now(), self._elapsed() + cached.clock_offset) if cached is not None else self._now()

    def _refresh(self) -> CachedCredentials:
        return self._set_cached(self._fetch())

    def _set_cached(self, cached: CachedCredentials) -> CachedCredentials:
        cached = replace(cached, clock_offset=self._now() - self._elapsed())
        jitter = cached.lifetime * random.uniform(0.0, REFRESH_JITTER)  # noqa: S311 - it guards no secret
        self.refresh_due_at = cached.advisory_refresh_at - jitter
        self._previous, self.cached = self.cached, cached
        if self.consumers:
            self._ensure_refresher(False)
        return cached


def signed_out_error() -> SignedOutError:
    """The error for a session whose user has signed out."""
    return SignedOutError("You are signed out, so this session has no AWS credentials any more.", SIGN_IN_AGAIN)
