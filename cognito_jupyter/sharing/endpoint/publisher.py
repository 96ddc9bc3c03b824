"""One shared role: its live credentials on this side, and what the endpoint was given of them last."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...errors import CognitoError, RefusedError

if TYPE_CHECKING:
    from ...credentials.boto_sessions import RefreshingCredentials
    from ...credentials.role_credentials import CachedCredentials
    from .process import EndpointProcess

_RETRY_DELAY = 1.0
"""Seconds after which to look again while there is nothing good to hand out."""


class RolePublisher:
    """Keeps one path of the endpoint as new as the credentials.

    Args:
        path: As in the URL.
        credentials: The role's.
        endpoint: What is fed.

    Attributes:
        warning: Why nothing good can be handed out; None: something can.
    """

    def __init__(self, path: str, credentials: RefreshingCredentials, endpoint: EndpointProcess) -> None:
        self.path = path
        self.credentials = credentials
        self.warning: str | None = None
        self._endpoint = endpoint
        self._published: CachedCredentials | None = None

    def __repr__(self) -> str:
        return f"<Feed: {self.path}>"

    @property
    def until(self) -> datetime | None:
        """Until when clients will use what is handed out now; None: there is nothing to hand out."""
        if self._published is None or self.warning is not None:
            return None
        return datetime.fromtimestamp(self._published.mandatory_refresh_at, UTC)

    def publish(self) -> float:
        """Hands on what is new, and has the credentials renewed where that is due: a shared role counts as used.

        Returns:
            Seconds until there may be something to do.
        """
        try:
            snapshot = self.credentials.get_cached_credentials()
        except CognitoError as error:
            self._publish_error(error)
            return _RETRY_DELAY
        if snapshot is not self._published or self.warning is not None:
            self._endpoint.set_response(self.path, _response_body(snapshot), until=snapshot.mandatory_refresh_at)
            self._published, self.warning = snapshot, None
        seconds_left = snapshot.advisory_refresh_at - time.time()
        return seconds_left if seconds_left > 0 else _RETRY_DELAY

    def _publish_error(self, error: CognitoError) -> None:
        """Lets clients show why: they repeat what is answered with 5xx, and give up at 4xx."""
        if str(error) != self.warning:
            self.warning = str(error)
            refused = isinstance(error, RefusedError)
            body = {"code": "AccessDenied" if refused else "ServiceUnavailable", "message": self.warning}
            self._endpoint.set_response(self.path, body, status=403 if refused else 503)


def _response_body(snapshot: CachedCredentials) -> dict[str, str]:
    # A little before AWS ends them, and by the clock that the clients go by: some use them until that very second.
    until = datetime.fromtimestamp(snapshot.mandatory_refresh_at, UTC)
    return {
        "AccessKeyId": str(snapshot.frozen.access_key),
        "SecretAccessKey": str(snapshot.frozen.secret_key),
        "Token": str(snapshot.frozen.token),
        "Expiration": f"{until:%Y-%m-%dT%H:%M:%SZ}",
    }
