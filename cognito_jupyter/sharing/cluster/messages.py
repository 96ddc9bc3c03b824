"""Makes the messages that a kernel pushes to the workers of one cluster.

The pusher of each kind of cluster has one. A message holds short-lived credentials, never a token of the sign-in.
"""

from __future__ import annotations

import itertools
import secrets
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from ..endpoint.publisher import credentials_body
from .shipped_modules import module_source
from .worker_endpoint import CredentialsMessage

if TYPE_CHECKING:
    from ...credentials.role_credentials import CachedCredentials


class Messages:
    """The messages of one share.

    Args:
        kind: The kind of the cluster, for the name of the kernel.
        principal: A digest that tells the user in the role from all others.
        region: The region for workers whose environment names none.

    Attributes:
        kernel_id: Tells this share from those of other kernels and from later ones; also the name of its thread.
        principal: As given.
    """

    def __init__(self, kind: str, principal: str, region: str) -> None:
        # One per share: closing one of a user's two notebooks must not remove the credentials of the other.
        self.kernel_id = f"cognito-{kind}-{secrets.token_hex(6)}"
        self.principal = principal
        self._region = region
        self._program = module_source("sharing.endpoint.server")
        self._serials = itertools.count(time.time_ns())

    def make(self, cached: CachedCredentials) -> CredentialsMessage:
        """Returns the message that pushes credentials.

        Args:
            cached: The credentials.
        """
        # A little before AWS ends them, and by AWS's clock, because the workers' clocks are not this machine's.
        until = cached.expiration - timedelta(seconds=cached.expires_at - cached.mandatory_refresh_at)
        # In whole seconds, as the endpoint's clients are told.
        until = until.replace(microsecond=0)
        return CredentialsMessage(
            kernel=self.kernel_id,
            principal=self.principal,
            serial=next(self._serials),
            credentials=credentials_body(cached.frozen, until),
            until=until.timestamp(),
            region=self._region,
            program=self._program,
        )
