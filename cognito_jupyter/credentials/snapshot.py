"""One role's credentials at one moment: never changed, only replaced."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict, cast

from botocore.credentials import ReadOnlyCredentials

from ..oauth.tokens import redacted

if TYPE_CHECKING:
    from .identity_pool import IdentityPoolCredentialsResponse

_EARLY = 20 * 60.0
"""Seconds before the end at which they are renewed: botocore wants new ones when 15 minutes are left."""
_EARLY_SHARE = 1 / 3
_LATE = 30.0
"""Seconds before the end from which on nobody signs with them: a request takes a while to arrive."""
_LATE_SHARE = 0.05


class AWSCredentials(TypedDict):
    """AWS credentials as this package hands them out; `expiration` is ISO 8601."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: str


class FrozenCredentials(ReadOnlyCredentials):
    """botocore's frozen credentials, with a repr that shows none of them."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<FrozenCredentials>"


@dataclass(frozen=True, repr=False, slots=True)
class Snapshot:
    """What GetCredentialsForIdentity answered, and for how long it serves.

    Attributes:
        response: The answer.
        frozen: The keys, as botocore's signers take them.
        expires_at: Seconds since the epoch by this machine's clock, Cognito's clock being allowed for.
        renew_at: By then it is renewed ahead of time.
        useless_at: From then on nobody uses it.
        lifetime: Seconds between then and its end.
        ahead: Seconds by which the wall clock was ahead of `Clock.elapsed` when a slot took it: a wall clock that is
            set back since makes it no younger.
    """

    response: IdentityPoolCredentialsResponse
    frozen: FrozenCredentials
    expires_at: float
    renew_at: float
    useless_at: float
    lifetime: float
    ahead: float = -math.inf

    @classmethod
    def taken(cls, response: IdentityPoolCredentialsResponse, now: float, skew: float) -> Snapshot:
        """A snapshot of an answer that has just come.

        Args:
            response: The answer.
            now: Seconds since the epoch, by this machine's clock.
            skew: Seconds by which Cognito's clock is ahead of it.
        """
        keys = response["Credentials"]
        expires_at = keys["Expiration"].timestamp() - skew
        lifetime = max(0.0, expires_at - now)
        return cls(
            response,
            FrozenCredentials(keys["AccessKeyId"], keys["SecretKey"], keys["SessionToken"]),
            expires_at,
            expires_at - min(_EARLY, lifetime * _EARLY_SHARE),
            expires_at - min(_LATE, lifetime * _LATE_SHARE),
            lifetime,
        )

    @property
    def expiration(self) -> datetime:
        """When AWS ends them, by AWS's clock."""
        return self.response["Credentials"]["Expiration"].astimezone(UTC)

    def as_credentials(self) -> AWSCredentials:
        """In the shape that the manager hands out."""
        shape = AWSCredentials(
            access_key_id=cast("str", self.frozen.access_key),
            secret_access_key=cast("str", self.frozen.secret_key),
            session_token=cast("str", self.frozen.token),
            expiration=self.expiration.isoformat(),
        )
        return redacted(shape)

    def __repr__(self) -> str:
        return f"<Snapshot until {self.expiration:%Y-%m-%d %H:%M:%S} UTC>"
