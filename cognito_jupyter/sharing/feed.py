"""One shared role: its live credentials on this side, and what the endpoint was given of them last."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import CognitoError, RefusedError

if TYPE_CHECKING:
    from ..credentials.sessions import SlotCredentials
    from ..credentials.snapshot import Snapshot
    from .endpoint_process import EndpointProcess

_SOON = 1.0
"""Seconds after which to look again while there is nothing good to hand out."""


class Feed:
    """Keeps one path of the endpoint as new as the credentials.

    Args:
        path: As in the URL.
        credentials: The role's.
        endpoint: What is fed.

    Attributes:
        problem: Why nothing good can be handed out; None: something can.
    """

    def __init__(self, path: str, credentials: SlotCredentials, endpoint: EndpointProcess) -> None:
        self.path = path
        self.credentials = credentials
        self.problem: str | None = None
        self._endpoint = endpoint
        self._given: Snapshot | None = None

    def __repr__(self) -> str:
        return f"<Feed: {self.path}>"

    @property
    def until(self) -> datetime | None:
        """Until when clients will use what is handed out now; None: there is nothing to hand out."""
        if self._given is None or self.problem is not None:
            return None
        return datetime.fromtimestamp(self._given.useless_at, UTC)

    def push(self) -> float:
        """Hands on what is new, and has the credentials renewed where that is due: a shared role counts as used.

        Returns:
            Seconds until there may be something to do.
        """
        try:
            snapshot = self.credentials.snapshot()
        except CognitoError as error:
            self._tell(error)
            return _SOON
        if snapshot is not self._given or self.problem is not None:
            self._endpoint.put(self.path, _body(snapshot), until=snapshot.useless_at)
            self._given, self.problem = snapshot, None
        left = snapshot.renew_at - time.time()
        return left if left > 0 else _SOON

    def _tell(self, error: CognitoError) -> None:
        """Lets clients show why: they repeat what is answered with 5xx, and give up at 4xx."""
        if str(error) != self.problem:
            self.problem = str(error)
            refused = isinstance(error, RefusedError)
            body = {"code": "AccessDenied" if refused else "ServiceUnavailable", "message": self.problem}
            self._endpoint.put(self.path, body, status=403 if refused else 503)


def _body(snapshot: Snapshot) -> dict[str, str]:
    # A little before AWS ends them, and by the clock that the clients go by: some use them until that very second.
    until = datetime.fromtimestamp(snapshot.useless_at, UTC)
    return {
        "AccessKeyId": str(snapshot.frozen.access_key),
        "SecretAccessKey": str(snapshot.frozen.secret_key),
        "Token": str(snapshot.frozen.token),
        "Expiration": f"{until:%Y-%m-%dT%H:%M:%SZ}",
    }
