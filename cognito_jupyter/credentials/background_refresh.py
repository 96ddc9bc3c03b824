"""Refreshes a manager's tokens and credentials ahead of time, so that sessions never wait for it.

The manager and its `RoleCredentials` start the refresher. It decides what is due, tokens first, then the credentials of
the roles that are in use, and calls their `refresh_if_due`; it makes no request itself. Its thread is a `RefreshLoop`
that holds the refresher weakly. Where no thread can run, in a forked child or during interpreter finalization, the
thread that needs credentials refreshes them itself.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from contextlib import suppress

from .._util.clock import Clock
from .._util.refresh_loop import RefreshLoop
from ..errors import CognitoError, UnavailableError
from .role_credentials import RoleCredentials
from .user_pool_tokens import UserPoolTokens

_LOG = logging.getLogger(__name__)
# A failure while the current credentials are valid is for readers of logs. Without this handler Python would print it
# into the cell where logging is not set up.
_LOG.addHandler(logging.NullHandler())

_MIN_DELAY = 0.05
_MAX_DELAY = 30.0
"""Seconds until the wall clock is read again at the latest, since it jumps while a laptop sleeps."""
_IDLE_SECONDS = 3600.0
"""Seconds without use after which a role is not refreshed any more."""
_CLOCK_TOLERANCE = 30.0
"""If the wall clock moves back by more than this many seconds, all known expiry times are treated as unreliable."""


class BackgroundRefresher:
    """Keeps the tokens, and the credentials that are in use, fresh in a background thread.

    There is at most one thread. It starts with the first session, and ends when no role is in use, when the sign-in has
    ended, or when the manager is garbage-collected.

    Args:
        tokens: The user pool's tokens.
        roles: Returns the credentials of each role of the user who is signed in.
        clock: The source of time.
        prepare: Prepares what the user may wait for next; called in the thread after `prepare_in`.

    Attributes:
        loop: The thread; the manager starts and stops it.
    """

    def __init__(
        self,
        tokens: UserPoolTokens,
        roles: Callable[[], Iterable[RoleCredentials]],
        clock: Clock,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._tokens = tokens
        self._roles = roles
        self._clock = clock
        self._prepare = prepare
        self._prepare_at = math.inf
        self._last_seen_clocks = (clock.now(), clock.elapsed())
        self.loop = RefreshLoop(
            self._run_once, name="cognito-refresh", min_delay=_MIN_DELAY, max_delay=_MAX_DELAY, clock=clock, weak=True
        )

    @property
    def warning(self) -> CognitoError | None:
        """Why the last attempt to refresh something failed; None if nothing failed."""
        roles = [role for role in self._roles() if role.consumers]
        attempts = [self._tokens.single_flight, *(role.single_flight for role in roles)]
        failure = next((each.failure for each in attempts if each.failure is not None), None)
        if failure is None or self._signed_out or any(role.cached_if_usable() is None for role in roles):
            return failure
        what = "Your AWS credentials are still valid, but could not be renewed yet; the next attempt follows."
        return UnavailableError(f"{what} {failure.what}", failure.remedy)

    def prepare_in(self, seconds: float) -> None:
        """Calls `prepare` once, unless the thread ends before.

        Args:
            seconds: When, from now.
        """
        self._prepare_at = self._clock.monotonic() + seconds
        self.loop.wake()

    def _run_once(self) -> float | None:
        """Refreshes what is due; returns the seconds until something else is, or None if nothing is left to refresh."""
        roles = [role for role in self._roles() if self._update_in_use(role)]
        if not roles or self._signed_out:
            return None
        if self._update_clocks():
            self._tokens.invalidate()
            for role in roles:
                role.refresh_due_at = 0.0
        self._refresh_tokens()
        if self._signed_out:
            return None
        token_backoff = self._tokens.single_flight.backoff_remaining
        if token_backoff > 0 and not self._tokens.is_valid_for(0.0):
            # Each role would refresh the tokens first, which failed a moment ago: a request for each of them.
            return token_backoff
        pool_backoff = self._refresh_roles(roles)
        now = self._clock.now()
        refreshed: list[UserPoolTokens | RoleCredentials] = [self._tokens, *roles]
        due_in = [max(each.refresh_due_at - now, each.single_flight.backoff_remaining) for each in refreshed]
        return min(max(pool_backoff, min(due_in)), self._prepare_if_due())

    def _prepare_if_due(self) -> float:
        """Prepares what is next, if it is time; returns the seconds until then."""
        if self._prepare_at <= self._clock.monotonic():
            self._prepare_at = math.inf
            # The caller that needs it later makes it, and gets the error; the refreshing must go on.
            with suppress(Exception):
                self._prepare()
        return self._prepare_at - self._clock.monotonic()

    @property
    def _signed_out(self) -> bool:
        return self._tokens.current is None or self._tokens.ended

    def _update_in_use(self, role: RoleCredentials) -> bool:
        """Updates when a role was used last; returns whether it is in use: by an object that exists, and recently."""
        if not role.consumers or role.cached is None:
            return False
        now = self._clock.monotonic()
        if role.recently_used:
            # Not the wall clock: what was used just before the laptop slept counts as used just now.
            role.recently_used, role.last_used_at = False, now
        role.idle = now - role.last_used_at >= _IDLE_SECONDS
        return not role.idle

    def _update_clocks(self) -> bool:
        """Reads the clocks; returns whether the wall clock was set back since they were read last."""
        (wall, elapsed), self._last_seen_clocks = self._last_seen_clocks, (self._clock.now(), self._clock.elapsed())
        return (self._last_seen_clocks[0] - wall) - (self._last_seen_clocks[1] - elapsed) < -_CLOCK_TOLERANCE

    def _refresh_tokens(self) -> None:
        tokens = self._tokens
        if tokens.current is not None:
            tokens.shared_sign_in.flush_pending_tokens(tokens.current)
        if tokens.refresh_due_at > self._clock.now() or tokens.single_flight.backoff_remaining > 0:
            return
        tokens.refresh_if_due()
        failure = tokens.single_flight.failure
        if tokens.ended:
            _LOG.warning("The AWS credentials are not renewed any more. %s", failure)
        elif failure is not None and tokens.current is not None:
            _log_failure(tokens.single_flight.failures, "The tokens of the sign-in", failure)

    def _refresh_roles(self, roles: list[RoleCredentials]) -> float:
        """Refreshes the roles that are due; returns the seconds to wait before the next call to the identity pool."""
        due = [role for role in roles if role.refresh_due_at <= self._clock.now()]
        for role in sorted(due, key=lambda each: each.refresh_due_at):
            attempts = role.single_flight
            if attempts.backoff_remaining > 0:
                continue
            role.refresh_if_due()
            failure = attempts.failure
            if failure is None:
                continue
            _log_failure(attempts.failures, f"The AWS credentials of {role.role_arn or 'the default role'}", failure)
            if isinstance(failure, UnavailableError):
                # The other roles would fail in the same way; the next run refreshes them.
                return attempts.backoff_remaining
        return 0.0


def _log_failure(failures: int, subject: str, failure: CognitoError) -> None:
    # One warning for each outage, however long it lasts; the further attempts are logged at DEBUG.
    level = logging.WARNING if failures == 1 else logging.DEBUG
    _LOG.log(level, "%s could not be renewed ahead of time; the next attempt follows. %s", subject, failure)
