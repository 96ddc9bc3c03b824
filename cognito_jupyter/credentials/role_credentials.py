"""One role's place: its current snapshot, read without a lock, and how it is renewed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn
from weakref import WeakSet

from .._util.clock import Clock
from .._util.single_flight import SingleFlight
from ..errors import CognitoError, SignedOutError

if TYPE_CHECKING:
    from .cached_credentials import CachedCredentials

_REFRESH_JITTER = 0.03
"""Of the lifetime: so much earlier at most is a renewal due, so that many roles and kernels do not ask at once."""


@dataclass(frozen=True)
class RoleCallbacks:
    """What others do for a slot.

    Attributes:
        on_attempt: Told after each attempt to renew it.
        ensure_refresher: Sees to it that the renewing thread runs, and makes a round at once if that is asked;
            whether it
            does.
        wait_for_sign_in: Waits, as long as was asked for, until the person has signed in again; whether that is so.
    """

    on_attempt: Callable[[], None] = lambda: None
    ensure_refresher: Callable[[bool], bool] = lambda _: False
    wait_for_sign_in: Callable[[], bool] = lambda: False


class RoleCredentials:
    """The credentials of one role of one person.

    Args:
        role_arn: The role; None: the identity pool's default.
        fetch: Fetches new credentials for it.
        clock: The time.
        callbacks: What others do for it.

    Attributes:
        cached: The newest credentials; None before the first, and after signing out.
        consumers: What reads it for the sake of signing: sessions and clients hold one each.
        recently_used: Whether it was read since the renewing thread looked; that thread takes it back.
        last_used_at: When the renewing thread saw it used last, in monotonic seconds.
        idle: Whether the renewing thread has left it alone because nobody used it.
        refresh_due_at: When to renew it ahead of time, in seconds since the epoch.
    """

    __slots__ = (
        "_callbacks",
        "_elapsed",
        "_fetch",
        "_now",
        "_previous",
        "_single_flight",
        "cached",
        "consumers",
        "idle",
        "last_used_at",
        "recently_used",
        "refresh_due_at",
        "role_arn",
    )  # fmt: skip

    def __init__(
        self,
        role_arn: str | None,
        fetch: Callable[[], CachedCredentials],
        clock: Clock | None = None,
        callbacks: RoleCallbacks | None = None,
    ) -> None:
        clock, self._callbacks = clock or Clock(), callbacks or RoleCallbacks()
        self.role_arn = role_arn
        self.cached: CachedCredentials | None = None
        self.consumers: WeakSet[object] = WeakSet()
        self.recently_used, self.last_used_at, self.idle, self.refresh_due_at = True, clock.monotonic(), False, 0.0
        self._previous: CachedCredentials | None = None
        self._fetch = fetch
        self._now, self._elapsed = clock.now, clock.elapsed
        self._single_flight = SingleFlight(clock.monotonic, self._callbacks.on_attempt)

    def for_signing(self) -> CachedCredentials:
        """What to sign with now: the way of the sessions.

        Waits only where there is nothing good to sign with.

        Raises:
            CognitoError: There is nothing good to sign with, and nothing could be had.
        """
        self.recently_used = True
        cached = self.cached
        # By both clocks: somebody may have set the wall clock back, and only the renewing thread, if it runs, sees it.
        if cached is not None and self._now() < cached.advisory_refresh_at > self._elapsed() + cached.clock_offset:
            return cached
        return self._refresh_or_wait(cached)

    def _refresh_or_wait(self, cached: CachedCredentials | None) -> CachedCredentials:
        if cached is not None and self._time_for(cached) < cached.mandatory_refresh_at:
            was_idle, self.idle = self.idle, False
            if not self._callbacks.ensure_refresher(was_idle):
                self.refresh_if_due()
            return self.cached or cached
        try:
            return self._single_flight.run(self._cached_if_usable, self._refresh)
        except SignedOutError:
            if not self._callbacks.wait_for_sign_in():
                raise
        return self._single_flight.run(self._cached_if_usable, self._refresh)

    def get_valid_for(self, margin: float) -> CachedCredentials:
        """Credentials that last longer than a margin in seconds, renewed for it where they do not.

        Raises:
            CognitoError: They could not be renewed; what was held is still held.
        """
        return self._single_flight.run(
            lambda: self._cached_if_valid_for(margin), lambda: self._refresh_for(margin), force=True
        )

    def replace(self, fetch: Callable[[], CachedCredentials]) -> CachedCredentials:
        """New credentials in any case, from an exchange other than the slot's own.

        Raises:
            CognitoError: They could not be had; what was held is still held.
        """
        return self._single_flight.run(lambda: None, lambda: self._set_cached(fetch()), force=True)

    def refresh_if_due(self) -> None:
        """Renews what is due, unless somebody is at it or it failed a moment ago; the error is kept, in `failure`."""
        self._single_flight.run_if_idle(lambda: self.refresh_due_at <= self._time_for(self.cached), self._refresh)

    @property
    def usable(self) -> bool:
        """Whether what it holds can be signed with."""
        return self._cached_if_usable() is not None

    @property
    def failure(self) -> CognitoError | None:
        """Why the last attempt failed; None where it did not."""
        return self._single_flight.failure

    @property
    def failures(self) -> int:
        """How many attempts have failed since the last that went well."""
        return self._single_flight.failures

    @property
    def backoff_remaining(self) -> float:
        """Seconds to leave it alone after a failure."""
        return self._single_flight.backoff_remaining

    def secrets(self) -> Iterator[str]:
        """What must not be shown: of these credentials, and of those before, with which requests may be under way."""
        for cached in (self.cached, self._previous):
            if cached is not None:
                yield from (str(cached.frozen.secret_key), str(cached.frozen.token))

    def reset_backoff(self) -> None:
        """Forgets the last failure."""
        self._single_flight.reset()

    def clear(self) -> None:
        """Lets go of the credentials, and of the last failure."""
        self.cached = None
        self._single_flight.reset()

    def _cached_if_valid_for(self, margin: float) -> CachedCredentials | None:
        cached = self.cached
        # Exactly at the margin counts as expiring.
        return cached if cached is not None and cached.expires_at > self._time_for(cached) + margin else None

    def _cached_if_usable(self) -> CachedCredentials | None:
        cached = self.cached
        return cached if cached is not None and self._time_for(cached) < cached.mandatory_refresh_at else None

    def _time_for(self, cached: CachedCredentials | None) -> float:
        """Seconds since the epoch as they matter to a snapshot: a clock that is set back since gives it no time."""
        return max(self._now(), self._elapsed() + cached.clock_offset) if cached is not None else self._now()

    def _refresh_for(self, margin: float) -> CachedCredentials:
        cached = self._refresh()
        if self._cached_if_valid_for(margin) is None and cached.lifetime > margin:
            # Another kernel's, already used up in part: now that this slot holds them, the next are new ones.
            return self._refresh()
        return cached

    def _refresh(self) -> CachedCredentials:
        return self._set_cached(self._fetch())

    def _set_cached(self, cached: CachedCredentials) -> CachedCredentials:
        cached = replace(cached, clock_offset=self._now() - self._elapsed())
        self.refresh_due_at = cached.advisory_refresh_at - cached.lifetime * random.uniform(0.0, _REFRESH_JITTER)  # noqa: S311 - no secret
        self._previous, self.cached = self.cached, cached
        if self.consumers:
            self._callbacks.ensure_refresher(False)
        return cached

    def __reduce__(self) -> NoReturn:
        raise TypeError("Credentials are not pickled or copied: they would leave this process.")


def signed_out_error() -> SignedOutError:
    """The error of a session whose person is not signed in any more."""
    return SignedOutError("You are signed out, so that this session has no AWS keys any more.", "Sign in again.")
