"""One role's place: its current snapshot, read without a lock, and how it is renewed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NoReturn

from ..errors import SignedOutError
from .flight import SingleFlight

if TYPE_CHECKING:
    from .snapshot import Snapshot


class Slot:
    """The credentials of one role of one person.

    Args:
        role_arn: The role; None: the identity pool's default.
        exchange: Fetches new credentials for it.
        clock: Seconds since the epoch.
        changed: Told of every new snapshot.

    Attributes:
        snapshot: The newest credentials; None before the first, and after signing out.
    """

    __slots__ = ("_before", "_changed", "_clock", "_exchange", "_flight", "role_arn", "snapshot")

    def __init__(
        self,
        role_arn: str | None,
        exchange: Callable[[], Snapshot],
        clock: Callable[[], float] = time.time,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.role_arn = role_arn
        self.snapshot: Snapshot | None = None
        self._before: Snapshot | None = None
        self._exchange = exchange
        self._clock = clock
        self._changed = changed
        self._flight = SingleFlight()

    def read(self) -> Snapshot:
        """What to sign with now: the way of the sessions.

        Waits only where there is nothing good to sign with.

        Raises:
            CognitoError: There is nothing good to sign with, and nothing could be had.
        """
        snapshot, now = self.snapshot, self._clock()
        if snapshot is not None and now < snapshot.renew_at:
            return snapshot
        if snapshot is not None and now < snapshot.useless_at:
            self._flight.offer(self._renew)
            return self.snapshot or snapshot
        return self._flight.run(self._usable, self._renew)

    def lasting(self, margin: float) -> Snapshot:
        """Credentials that last longer than a margin in seconds, renewed for it where they do not.

        Raises:
            CognitoError: They could not be renewed; what was held is still held.
        """
        return self._flight.run(lambda: self._lasting(margin), self._renew, insist=True)

    def replaced(self, exchange: Callable[[], Snapshot]) -> Snapshot:
        """New credentials in any case, from an exchange other than the slot's own.

        Raises:
            CognitoError: They could not be had; what was held is still held.
        """
        return self._flight.run(lambda: None, lambda: self._put(exchange()), insist=True)

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
        return snapshot if snapshot is not None and snapshot.expires_at > self._clock() + margin else None

    def _usable(self) -> Snapshot | None:
        snapshot = self.snapshot
        return snapshot if snapshot is not None and self._clock() < snapshot.useless_at else None

    def _renew(self) -> Snapshot:
        return self._put(self._exchange())

    def _put(self, snapshot: Snapshot) -> Snapshot:
        self._before, self.snapshot = self.snapshot, snapshot
        self._changed()
        return snapshot

    def __reduce__(self) -> NoReturn:
        raise TypeError("Credentials are not pickled or copied: they would leave this process.")


def signed_out() -> SignedOutError:
    """The error of a session whose person is not signed in any more."""
    return SignedOutError("You are signed out, so that this session has no AWS keys any more.", "Sign in again.")
