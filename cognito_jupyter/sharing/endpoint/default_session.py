"""boto3's own default session, replaced for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3


class DefaultSessionOverride:
    """What `boto3.client(...)` uses, until it is put back."""

    def __init__(self) -> None:
        self._replacement: boto3.Session | None = None
        self._original: boto3.Session | None = None

    def set(self, session: boto3.Session) -> None:
        """Makes a session the default one."""
        import boto3

        if self._replacement is None or boto3.DEFAULT_SESSION is not self._replacement:
            self._original = boto3.DEFAULT_SESSION
        boto3.DEFAULT_SESSION = self._replacement = session

    def restore(self) -> None:
        """Puts back what was there, unless somebody else has set another one meanwhile."""
        import boto3

        if self._replacement is not None and boto3.DEFAULT_SESSION is self._replacement:
            boto3.DEFAULT_SESSION = self._original
        self._replacement = self._original = None
