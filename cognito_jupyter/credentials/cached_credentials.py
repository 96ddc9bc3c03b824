"""One role's credentials at one moment: never changed, only replaced."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict, cast

from botocore.credentials import ReadOnlyCredentials

from .._util.redaction import redacted

if TYPE_CHECKING:
    from .identity_pool.client import IdentityPoolCredentialsResponse

_ADVISORY_REFRESH_SECONDS = 20 * 60.0
"""Seconds before the end at which they are renewed: botocore wants new ones when 15 minutes are left."""
_ADVISORY_REFRESH_SHARE = 1 / 3
_MANDATORY_REFRESH_SECONDS = 30.0
"""Seconds before the end from which on nobody signs with them: a request takes a while to arrive."""
_MANDATORY_REFRESH_SHARE = 0.05


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
class CachedCredentials:
    """What GetCredentialsForIdentity answered, and for how long it serves.

    Attributes:
        response: The answer.
        frozen: The keys, as botocore's signers take them.
        expires_at: Seconds since the epoch by this machine's clock, Cognito's clock being allowed for.
        advisory_refresh_at: By then it is renewed ahead of time.
        mandatory_refresh_at: From then on nobody uses it.
        lifetime: Seconds between then and its end.
        clock_offset: Seconds by which the wall clock was ahead of `Clock.elapsed` when a slot took it: a wall clock
            that is
            set back since makes it no younger.
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
        """A snapshot of an answer that has just come.

        Args:
            response: The answer.
            now: Seconds since the epoch, by this machine's clock.
            clock_skew: Seconds by which Cognito's clock is ahead of it.
        """
        credentials = response["Credentials"]
        expires_at = credentials["Expiration"].timestamp() - clock_skew
        lifetime = max(0.0, expires_at - now)
        return cls(
            response,
            FrozenCredentials(credentials["AccessKeyId"], credentials["SecretKey"], credentials["SessionToken"]),
            expires_at,
            expires_at - min(_ADVISORY_REFRESH_SECONDS, lifetime * _ADVISORY_REFRESH_SHARE),
            expires_at - min(_MANDATORY_REFRESH_SECONDS, lifetime * _MANDATORY_REFRESH_SHARE),
            lifetime,
        )

    @property
    def expiration(self) -> datetime:
        """When AWS ends them, by AWS's clock."""
        return self.response["Credentials"]["Expiration"].astimezone(UTC)

    def as_aws_credentials(self) -> AWSCredentials:
        """In the shape that the manager hands out."""
        credentials = AWSCredentials(
            access_key_id=cast("str", self.frozen.access_key),
            secret_access_key=cast("str", self.frozen.secret_key),
            session_token=cast("str", self.frozen.token),
            expiration=self.expiration.isoformat(),
        )
        return redacted(credentials)

    def __repr__(self) -> str:
        return f"<Snapshot until {self.expiration:%Y-%m-%d %H:%M:%S} UTC>"
