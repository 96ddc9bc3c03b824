"""Publishes one role's credentials at one path of the endpoint.

`Share` has one publisher per role, and its thread calls `publish`. A publisher never waits for a client.
"""

from __future__ import annotations

import hashlib
import math
import time
from datetime import UTC, datetime
from typing import cast

from ..._util.redaction import RedactedVariables
from ...credentials.boto_sessions import RefreshingCredentials
from ...credentials.role_credentials import CachedCredentials, FrozenCredentials
from ...errors import CognitoError, RefusedError
from .kernel_endpoint import Publication

_RETRY_DELAY = 1.0
"""Seconds until the next try while there are no valid credentials, or while a refresh is due."""


class RolePublisher:
    """Publishes a role's newest credentials.

    Args:
        credentials: The role's credentials.
        publication: The right to publish them.
        requests_before: How many requests for them there had been before.

    Attributes:
        path: The path, as in the URL.
        role_arn: The role; None: the identity pool's default role.
        requests_before: As given.
        warning: Why no valid credentials can be published; None while there are some.
    """

    def __init__(self, credentials: RefreshingCredentials, publication: Publication, requests_before: int) -> None:
        self.path = publication.path
        self.role_arn = credentials.role_arn
        self.requests_before = requests_before
        self.warning: CognitoError | None = None
        # Only until the end: a role is refreshed for as long as there is an object that reads its credentials.
        self._credentials: RefreshingCredentials | None = credentials
        self._publication = publication
        self._published: CachedCredentials | None = None

    @property
    def until(self) -> datetime | None:
        """The expiration that clients see in the published credentials; None while there are none."""
        if self._published is None or self.warning is not None:
            return None
        return datetime.fromtimestamp(self._published.mandatory_refresh_at, UTC)

    def publish(self) -> float:
        """Publishes new credentials, if there are any, and has them refreshed when that is due.

        Reading them counts as use, so a shared role is refreshed for as long as it is shared.

        Returns:
            Seconds until the next call is due.
        """
        credentials = self._credentials
        if credentials is None:
            return math.inf
        try:
            cached = credentials.get_cached_credentials()
        except CognitoError as error:
            self._publish_error(error)
            return _RETRY_DELAY
        if cached is not self._published or self.warning is not None:
            # Clients use credentials until the very second of their expiration, so they get a slightly earlier
            # one, by this machine's clock, which is also theirs. In whole seconds, as they are told: a client gives
            # up if it receives credentials that have expired, and tries again where it is told that there are none.
            until = math.floor(cached.mandatory_refresh_at)
            body = credentials_body(cached.frozen, datetime.fromtimestamp(until, UTC))
            self._publication.publish(body, until=until)
            self._published, self.warning = cached, None
        seconds_left = cached.advisory_refresh_at - time.time()
        return seconds_left if seconds_left > 0 else _RETRY_DELAY

    def withdraw(self) -> None:
        """Publishes nothing any more, also if credentials arrive now that were requested before."""
        self._publication.withdraw()
        self._credentials = None

    def _publish_error(self, error: CognitoError) -> None:
        """Publishes the reason, so that clients can show it: SDKs retry after a 5xx and give up after a 4xx."""
        if str(error) == str(self.warning):
            return
        refused = isinstance(error, RefusedError)
        body = {"code": "AccessDenied" if refused else "ServiceUnavailable", "message": str(error)}
        self._publication.publish(body, status=403 if refused else 503)
        # Last, so that a caller who sees the warning finds the response changed, too.
        self.warning = error


def principal_of(cached: CachedCredentials, role_arn: str | None) -> str:
    """Returns a digest of a user in a role: enough to tell two apart, and no more.

    Args:
        cached: The user's credentials in the role.
        role_arn: The role; None: the identity pool's default role.
    """
    return hashlib.sha256(f"{cached.response['IdentityId']} {role_arn or ''}".encode()).hexdigest()


def credentials_body(frozen: FrozenCredentials, expiration: datetime) -> dict[str, str]:
    """Returns credentials in the form that AWS SDKs read from a container endpoint; no repr shows them.

    Args:
        frozen: The credentials.
        expiration: When clients must stop to use them, in UTC.
    """
    keys = {"AccessKeyId": frozen.access_key, "SecretAccessKey": frozen.secret_key, "Token": frozen.token}
    body = RedactedVariables({**keys, "Expiration": f"{expiration:%Y-%m-%dT%H:%M:%SZ}"})
    return cast("dict[str, str]", body)
