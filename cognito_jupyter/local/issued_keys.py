"""Every key that the identity pool has handed out, with its role and its end, which moto does not know."""

from __future__ import annotations

from dataclasses import dataclass

from .model import Knobs


@dataclass(frozen=True, repr=False)
class IssuedKey:
    """Credentials that somebody holds.

    Attributes:
        expires: Seconds since the epoch, by the server's clock.
    """

    access_key_id: str
    secret_key: str
    session_token: str
    role_arn: str
    expires: float


class IssuedKeys:
    """Who may sign, and until when."""

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs
        self._keys: dict[str, IssuedKey] = {}

    def add(self, key: IssuedKey) -> None:
        """Remembers a key."""
        self._keys[key.access_key_id] = key

    def find(self, access_key_id: str) -> IssuedKey | None:
        """The key of this id; None for one that nobody was given."""
        return self._keys.get(access_key_id)

    def is_expired(self, key: IssuedKey) -> bool:
        """Whether its time is over."""
        return key.expires <= self._knobs.now()
