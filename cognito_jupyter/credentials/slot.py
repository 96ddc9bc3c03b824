"""One role's place: its current snapshot, read without a lock, and how it is renewed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn
from weakref import WeakSet

from ..errors import CognitoError, SignedOutError
from .clock import Clock
from .flight import SingleFlight

if TYPE_CHECKING:
    from .snapshot import Snapshot

_JITTER = 0.03
"""Of the lifetime: so much earlier at most is a renewal due, so that many roles and kernels do not ask at once."""


@dataclass(frozen=True)
class SlotHelp:
    """What others do for a slot.

    Attributes:
        changed: Told after each attempt to renew it.
        renewing: Sees to it that the renewing thread runs, and makes a round at once if that is asked; whether it
            does.
        returned: Waits, as long as was asked for, until the person has signed in again; whether that is so.
    """

    changed: Callable[[], None] = lambda: None
    renewing: Callable[[bool], bool] = lambda _: False
    returned: Callable[[], bool] = lambda: False


class Slot:
    """The credentials of one role of one person.

    Args:
        role_arn: The role; None: the identity pool's default.
        exchange: Fetches new credentials for it.
        clock: The time.
        help: What others do for it.

    Attributes:
        snapshot: The newest credentials; None before the first, and after signing out.
        holders: What reads it for the sake of signing: sessions and clients hold one each.
        used: Whether it was read since the renewing thread looked; that thread takes it back.
        used_at: When the renewing thread saw it used last, in monotonic seconds.
        idle: Whether the renewing thread has left it alone because nobody used it.
        due: When to renew it ahead of time, in seconds since the epoch.
    """

    __slots__ = (
        "_before", "_elapsed", "_exchange", "_flight", "_help", "_now", "due", "holders", "idle", "role_arn",
        "snapshot", "used", "used_at",
    )  # fmt: skip

    def __init__(
        self,
        role_arn: str | None,
        exchange: Callable[[], Snapshot],
        clock: Clock | None = None,
        help: SlotHelp | None = None,  # noqa: A002 - what it is
    ) -> None:
        clock, self._help = clock or Clock(), help or SlotHelp()
        self.role_arn = role_arn
        self.snapshot: Snapshot | None = None
        self.holders: WeakSet[object] = WeakSet()
        self.used, self.used_at, self.idle, self.due = True, clock.monotonic(), False, 0.0
        self._before: Snapshot | None = None
        self._exchange = exchange
        self._now, self._elapsed = clock.now, clock.elapsed
        self._flight = SingleFlight(clock.monotonic, self._help.changed)

    def read(self) -> Snapshot:
        """What to sign with now: the way of the sessions.

        Waits only where there is nothing good to sign with.

        Raises:
            CognitoError: There is nothing good to sign with, and nothing could be had.
        """
        self.used = True
        snapshot = self.snapshot
        # By both clocks: somebody may have set the wall clock back, and only the renewing thread, if it runs, sees it.
        if snapshot is not None and self._now() < snapshot.renew_at > self._elapsed() + snapshot.ahead:
            return snapshot
        return self._read_late(snapshot)

    def _read_late(self, snapshot: Snapshot | None) -> Snapshot:
        if snapshot is not None and self._time(snapshot) < snapshot.useless_at:
            forgotten, self.idle = self.idle, False
            if not self._help.renewing(forgotten):
                self.renew_early()
            return self.snapshot or snapshot
        try:
            return self._flight.run(self._usable, self._renew)
        except SignedOutError:
            if not self._help.returned():
                raise
        return self._flight.run(self._usable, self._renew)

    def lasting(self, margin: float) -> Snapshot:
        """Credentials that last longer than a margin in seconds, renewed for it where they do not.

        Raises:
            CognitoError: They could not be renewed; what was held is still held.
        """
        return self._flight.run(lambda: self._lasting(margin), lambda: self._renew_for(margin), insist=True)

    def replaced(self, exchange: Callable[[], Snapshot]) -> Snapshot:
        """New credentials in any case, from an exchange other than the slot's own.

        Raises:
            CognitoError: They could not be had; what was held is still held.
        """
        return self._flight.run(lambda: None, lambda: self._put(exchange()), insist=True)

    def renew_early(self) -> None:
        """Renews what is due, unless somebody is at it or it failed a moment ago; the error is kept, in `failure`."""
        self._flight.offer(lambda: self.due <= self._time(self.snapshot), self._renew)

    @property
    def usable(self) -> bool:
        """Whether what it holds can be signed with."""
        return self._usable() is not None

    @property
    def failure(self) -> CognitoError | None:
        """Why the last attempt failed; None where it did not."""
        return self._flight.failure

    @property
    def failures(self) -> int:
        """How many attempts have failed since the last that went well."""
        return self._flight.failures

    @property
    def pause(self) -> float:
        """Seconds to leave it alone after a failure."""
        return self._flight.pause

    def secrets(self) -> Iterator[str]:
        """What must not be shown: of these credentials, and of those before, with which requests may be under way."""
        for snapshot in (self.snapshot, self._before):
            if snapshot is not None:
                yield from (str(snapshot.frozen.secret_key), str(snapshot.frozen.token))

    def forgive(self) -> None:
        """Forgets the last failure."""
        self._flight.forgive()

    def forget(self) -> None:
        """Lets go of the credentials, and of the last failure."""
        self.snapshot = None
        self._flight.forgive()

    def _lasting(self, margin: float) -> Snapshot | None:
        snapshot = self.snapshot
        # Exactly at the margin counts as expiring.
        return snapshot if snapshot is not None and snapshot.expires_at > self._time(snapshot) + margin else None

    def _usable(self) -> Snapshot | None:
        snapshot = self.snapshot
        return snapshot if snapshot is not None and self._time(snapshot) < snapshot.useless_at else None

    def _time(self, snapshot: Snapshot | None) -> float:
        """Seconds since the epoch as they matter to a snapshot: a clock that is set back since gives it no time."""
        return max(self._now(), self._elapsed() + snapshot.ahead) if snapshot is not None else self._now()

    def _renew_for(self, margin: float) -> Snapshot:
        snapshot = self._renew()
        if self._lasting(margin) is None and snapshot.lifetime > margin:
            # Another kernel's, already used up in part: now that this slot holds them, the next are new ones.
            return self._renew()
        return snapshot

    def _renew(self) -> Snapshot:
        return self._put(self._exchange())

    def _put(self, snapshot: Snapshot) -> Snapshot:
        snapshot = replace(snapshot, ahead=self._now() - self._elapsed())
        self.due = snapshot.renew_at - snapshot.lifetime * random.uniform(0.0, _JITTER)  # noqa: S311 - no secret
        self._before, self.snapshot = self.snapshot, snapshot
        if self.holders:
            self._help.renewing(False)
        return snapshot

    def __reduce__(self) -> NoReturn:
        raise TypeError("Credentials are not pickled or copied: they would leave this process.")


def signed_out() -> SignedOutError:
    """The error of a session whose person is not signed in any more."""
    return SignedOutError("You are signed out, so that this session has no AWS keys any more.", "Sign in again.")
