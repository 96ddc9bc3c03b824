"""The issuer of a user pool's tokens: the `iss` claim, in both of the forms that Cognito has.

ORIGINAL issuers are `https://cognito-idp.REGION.SUFFIX/POOL`, UPDATED ones
`https://issuer-cognito-idp.REGION.SUFFIX/POOL`. An administrator can switch a pool from one form to the other while
users are signed in. A pool with replicas has one id in all of its regions. An ORIGINAL issuer then names the region
that issued the token, an UPDATED one the pool's primary region.

The authenticator, `tokens`, `verification`, `discovery` and the identity pool's client use it; it makes no request.

Sources: IssuerConfigurationType in the API reference of Amazon Cognito user pools;
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-multi-region.html; issues 239, 282 and 285 of
aws-jwt-verify, for what the tokens of replicas hold.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from typing import Literal

from .._util import aws_endpoints
from ..errors import SettingError, VerificationError
from ..settings import parsers

IssuerType = Literal["ORIGINAL", "UPDATED"]
"""The values of AWS's IssuerConfigurationType."""

_HOST_LABELS: dict[IssuerType, str] = {"ORIGINAL": "cognito-idp", "UPDATED": "issuer-cognito-idp"}
_ISSUER = r"https://(?P<label>(?:issuer-)?cognito-idp)\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+/(?P<pool>[\w-]+)"


@dataclass(frozen=True)
class Issuer:
    """A user pool as the issuer of tokens.

    Attributes:
        user_pool_id: The pool.
        region: The region in the issuer's host name: the pool's own, or a replica's.
        type: The form.
    """

    user_pool_id: str
    region: str
    type: IssuerType = "ORIGINAL"

    @property
    def url(self) -> str:
        """The `iss` claim, which no endpoint override changes."""
        return f"https://{self.provider_name}"

    @property
    def provider_name(self) -> str:
        """The issuer without its scheme: the key of its tokens in an identity pool's `Logins`."""
        return f"{_HOST_LABELS[self.type]}.{self.region}.{_dns_suffix(self.region)}/{self.user_pool_id}"

    @property
    def is_replica(self) -> bool:
        """Whether the region is not the one in the pool's id."""
        return self.region != parsers.pool_region(self.user_pool_id, self.region)

    def in_other_form(self) -> Issuer:
        """Returns the same pool in the other form; an UPDATED issuer names the pool's primary region."""
        if self.type == "UPDATED":
            return replace(self, type="ORIGINAL")
        return Issuer(self.user_pool_id, parsers.pool_region(self.user_pool_id, self.region), "UPDATED")


def parse_issuer(claim: object) -> Issuer | None:
    """Returns the issuer in an `iss` claim; None for everything that is not exactly one of Cognito's.

    Args:
        claim: The claim, which need not be verified.
    """
    match = re.fullmatch(_ISSUER, claim) if isinstance(claim, str) and claim.isascii() else None
    if match is None:
        return None
    try:
        pool_id, region = parsers.user_pool_id(match["pool"]), parsers.region(match["region"])
    except SettingError:
        return None
    found = Issuer(pool_id, region, "UPDATED" if match["label"] == _HOST_LABELS["UPDATED"] else "ORIGINAL")
    # Written again and compared, so that no other DNS suffix passes than that of the region's partition. The replicas
    # of a pool are in its own partition.
    same_partition = _dns_suffix(region) == _dns_suffix(parsers.pool_region(pool_id))
    return found if found.url == claim and same_partition else None


def require_issuer(claim: object, user_pool_id: str | None, region: str) -> Issuer:
    """Returns the issuer in the `iss` claim of a login's id token, if it may have issued that token.

    Args:
        claim: The claim, not verified.
        user_pool_id: The pool that must have issued it; None: any pool or replica of the region may have.
        region: The region of the login.

    Raises:
        VerificationError: It is another issuer (a PermissionError).
    """
    issuer = parse_issuer(claim)
    remedy = "Check region and domain, then sign in again."
    if user_pool_id is not None and (issuer is None or issuer.user_pool_id != user_pool_id):
        raise VerificationError(f"The id token was not issued by user pool {user_pool_id}.", remedy)
    regions = {issuer.region, parsers.pool_region(issuer.user_pool_id)} if issuer is not None else set()
    if issuer is None or (user_pool_id is None and region not in regions):
        raise VerificationError(f"The id token was not issued by a user pool of {region}.", remedy)
    return issuer


@functools.lru_cache(maxsize=64)
def _dns_suffix(region: str) -> str:
    """Returns a region's DNS suffix. It is read once: claims are parsed often, and botocore's data stay as they are."""
    return aws_endpoints.dns_suffix(region)
