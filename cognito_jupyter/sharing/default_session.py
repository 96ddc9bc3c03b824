"""boto3's own default session, replaced for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3


class DefaultSession:
    """What `boto3.client(...)` uses, until it is put back."""

    def __init__(self) -> None:
        self._ours: boto3.Session | None = None
        self._before: boto3.Session | None = None

    def set(self, session: boto3.Session) -> None:
        """Makes a session the default one."""
        import boto3

        if self._ours is None or boto3.DEFAULT_SESSION is not self._ours:
            self._before = boto3.DEFAULT_SESSION
        boto3.DEFAULT_SESSION = self._ours = session

    def restore(self) -> None:
        """Puts back what was there, unless somebody else has set another one meanwhile."""
        import boto3

        if self._ours is not None and boto3.DEFAULT_SESSION is self._ours:
            boto3.DEFAULT_SESSION = self._before
        self._ours = self._before = None
