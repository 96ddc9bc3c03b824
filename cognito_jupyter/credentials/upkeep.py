"""What is to be renewed ahead of time, and when: tokens first, then the credentials of the roles that are in use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ..errors import CredentialsError, UnavailableError

if TYPE_CHECKING:
    from .clock import Clock
    from .slot import Slot
    from .user_pool import UserPoolTokens

_LOG = logging.getLogger(__name__)
# While the credentials held are good a failure is for those who read logs: it is not to be printed into a cell, as a
# warning is where nobody has set up logging.
_LOG.addHandler(logging.NullHandler())

_GO_ON = "Your AWS keys are still good, but could not be renewed yet; it is tried again."
_IDLE = 3600.0
"""Seconds without use after which a role is left alone."""
_SET_BACK = 30.0
"""Seconds: whoever sets the wall clock back by more than that makes every time we know worthless."""


class Upkeep:
    """Keeps the tokens and the credentials in use fresh, a round at a time.

    Args:
        tokens: The user pool's.
        slots: Those of the person who is signed in.
        clock: The time.
    """

    def __init__(self, tokens: UserPoolTokens, slots: Callable[[], Iterable[Slot]], clock: Clock) -> None:
        self._tokens = tokens
        self._slots = slots
        self._clock = clock
        self._seen = (clock.now(), clock.elapsed())

    def round(self) -> float | None:
        """Renews what is due.

        Returns:
            Seconds until something else is due; None: nothing is left to renew.
        """
        slots = [slot for slot in self._slots() if self._in_use(slot)]
        if not slots or self._over:
            return None
        if self._set_back():
            self._tokens.distrust()
            for slot in slots:
                slot.due = 0.0
        self._refresh_tokens()
        if self._over:
            return None
        rest = self._renew([slot for slot in slots if slot.due <= self._clock.now() and slot.pause <= 0])
        return max(rest, min(self._seconds_to(self._tokens), *(self._seconds_to(slot) for slot in slots)))

    @property
    def problem(self) -> str | None:
        """What keeps anything from being renewed, for a person to read; None: nothing does."""
        slots = [slot for slot in self._slots() if slot.holders]
        failures = (self._tokens.failure, *(slot.failure for slot in slots))
        failure = next((each for each in failures if each is not None), None)
        if failure is None:
            return None
        good = all(slot.usable for slot in slots)
        return f"{_GO_ON} {failure}" if good and not self._over else str(failure)

    @property
    def _over(self) -> bool:
        return self._tokens.held is None or self._tokens.ended

    def _in_use(self, slot: Slot) -> bool:
        """Whether anybody would miss its credentials: something that signs with them is alive and was used lately."""
        if not slot.holders or slot.snapshot is None:
            return False
        now = self._clock.monotonic()
        if slot.used:
            # Not the wall clock: what was used before the laptop slept was used a moment ago.
            slot.used, slot.used_at = False, now
        slot.idle = now - slot.used_at >= _IDLE
        return not slot.idle

    def _refresh_tokens(self) -> None:
        tokens = self._tokens
        tokens.catch_up()
        if tokens.due > self._clock.now() or tokens.pause > 0:
            return
        tokens.refresh_early()
        if tokens.ended:
            _LOG.warning("The AWS credentials are not renewed any more. %s", tokens.failure)
        elif tokens.failure is not None and tokens.held is not None:
            _tell(tokens.failures, "The tokens of the sign-in", tokens.failure)

    def _renew(self, due: list[Slot]) -> float:
        """Renews slots; returns the seconds to leave the identity pool alone in any case."""
        for slot in sorted(due, key=lambda each: each.due):
            slot.renew_early()
            failure = slot.failure
            if failure is None:
                continue
            _tell(slot.failures, f"The AWS credentials of {slot.role_arn or 'the default role'}", failure)
            if isinstance(failure, UnavailableError) and not isinstance(failure, CredentialsError):
                # The others would only meet with the same; they come next time.
                return slot.pause
        return 0.0

    def _seconds_to(self, what: Slot | UserPoolTokens) -> float:
        return max(what.due - self._clock.now(), what.pause)

    def _set_back(self) -> bool:
        """Whether the wall clock was set back since the last round."""
        (wall, elapsed), self._seen = self._seen, (self._clock.now(), self._clock.elapsed())
        return (self._seen[0] - wall) - (self._seen[1] - elapsed) < -_SET_BACK


def _tell(failures: int, what: str, failure: Exception) -> None:
    # Once for each outage, however long: whoever wants every attempt turns DEBUG on.
    level = logging.WARNING if failures == 1 else logging.DEBUG
    _LOG.log(level, "%s could not be renewed ahead of time; it is tried again. %s", what, failure)
