"""What is to be renewed ahead of time, and when: tokens first, then the credentials of the roles that are in use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ..errors import UnavailableError

if TYPE_CHECKING:
    from .._util.clock import Clock
    from .role_credentials import RoleCredentials
    from .user_pool_tokens import UserPoolTokens

_LOG = logging.getLogger(__name__)
# While the credentials held are good a failure is for those who read logs: it is not to be printed into a cell, as a
# warning is where nobody has set up logging.
_LOG.addHandler(logging.NullHandler())

_STILL_VALID = "Your AWS keys are still good, but could not be renewed yet; it is tried again."
_IDLE_SECONDS = 3600.0
"""Seconds without use after which a role is left alone."""
_CLOCK_TOLERANCE = 30.0
"""Seconds: whoever sets the wall clock back by more than that makes every time we know worthless."""


class RefreshPlan:
    """Keeps the tokens and the credentials in use fresh, a round at a time.

    Args:
        tokens: The user pool's.
        roles: Those of the person who is signed in.
        clock: The time.
    """

    def __init__(self, tokens: UserPoolTokens, roles: Callable[[], Iterable[RoleCredentials]], clock: Clock) -> None:
        self._tokens = tokens
        self._roles = roles
        self._clock = clock
        self._last_seen_clocks = (clock.now(), clock.elapsed())

    def run_once(self) -> float | None:
        """Renews what is due.

        Returns:
            Seconds until something else is due; None: nothing is left to renew.
        """
        roles = [slot for slot in self._roles() if self._update_in_use(slot)]
        if not roles or self._signed_out:
            return None
        if self._check_clock_moved_back():
            self._tokens.invalidate()
            for slot in roles:
                slot.refresh_due_at = 0.0
        self._refresh_tokens()
        if self._signed_out:
            return None
        delay = self._refresh_roles(
            [slot for slot in roles if slot.refresh_due_at <= self._clock.now() and slot.backoff_remaining <= 0]
        )
        return max(
            delay, min(self._seconds_until_due(self._tokens), *(self._seconds_until_due(slot) for slot in roles))
        )

    @property
    def warning(self) -> str | None:
        """What keeps anything from being renewed, for a person to read; None: nothing does."""
        roles = [slot for slot in self._roles() if slot.consumers]
        failures = (self._tokens.failure, *(slot.failure for slot in roles))
        failure = next((each for each in failures if each is not None), None)
        if failure is None:
            return None
        usable = all(slot.usable for slot in roles)
        return f"{_STILL_VALID} {failure}" if usable and not self._signed_out else str(failure)

    @property
    def _signed_out(self) -> bool:
        return self._tokens.current is None or self._tokens.ended

    def _update_in_use(self, role: RoleCredentials) -> bool:
        """Whether anybody would miss its credentials: something that signs with them is alive and was used lately."""
        if not role.consumers or role.cached is None:
            return False
        now = self._clock.monotonic()
        if role.recently_used:
            # Not the wall clock: what was used before the laptop slept was used a moment ago.
            role.recently_used, role.last_used_at = False, now
        role.idle = now - role.last_used_at >= _IDLE_SECONDS
        return not role.idle

    def _refresh_tokens(self) -> None:
        tokens = self._tokens
        tokens.flush_pending()
        if tokens.refresh_due_at > self._clock.now() or tokens.backoff_remaining > 0:
            return
        tokens.refresh_if_due()
        if tokens.ended:
            _LOG.warning("The AWS credentials are not renewed any more. %s", tokens.failure)
        elif tokens.failure is not None and tokens.current is not None:
            _log_failure(tokens.failures, "The tokens of the sign-in", tokens.failure)

    def _refresh_roles(self, due: list[RoleCredentials]) -> float:
        """Renews slots; returns the seconds to leave the identity pool alone in any case."""
        for role in sorted(due, key=lambda each: each.refresh_due_at):
            role.refresh_if_due()
            failure = role.failure
            if failure is None:
                continue
            _log_failure(role.failures, f"The AWS credentials of {role.role_arn or 'the default role'}", failure)
            if isinstance(failure, UnavailableError):
                # The others would only meet with the same; they come next time.
                return role.backoff_remaining
        return 0.0

    def _seconds_until_due(self, what: RoleCredentials | UserPoolTokens) -> float:
        return max(what.refresh_due_at - self._clock.now(), what.backoff_remaining)

    def _check_clock_moved_back(self) -> bool:
        """Whether the wall clock was set back since the last round."""
        (wall, elapsed), self._last_seen_clocks = self._last_seen_clocks, (self._clock.now(), self._clock.elapsed())
        return (self._last_seen_clocks[0] - wall) - (self._last_seen_clocks[1] - elapsed) < -_CLOCK_TOLERANCE


def _log_failure(failures: int, what: str, failure: Exception) -> None:
    # Once for each outage, however long: whoever wants every attempt turns DEBUG on.
    level = logging.WARNING if failures == 1 else logging.DEBUG
    _LOG.log(level, "%s could not be renewed ahead of time; it is tried again. %s", what, failure)
